//! Is the installation itself well? Clock, store, disk, accounts.

use super::{Doctor, Draft, Level, said};
use crate::error::Code;

/// Beyond this the platform's timestamps look stale to us (contract: a warning over 10 min, refused over 6 h).
const SKEW_SEEN: i64 = 60_000;
const SKEW_BAD: i64 = 600_000;

impl Doctor {
    pub(super) async fn installation(&self) -> Vec<Draft> {
        let mut drafts = vec![self.clock_right(), self.store_ready().await, self.epoch()];
        drafts.extend(self.disk());
        drafts.extend(self.core_links());
        drafts.extend(self.copies());
        drafts.extend(self.parked().await);
        drafts.extend(self.strangers());
        drafts.extend(self.no_address());
        if self.registry.all().is_empty() {
            let seen = said("no account is bound", "尚未绑定任何账号");
            drafts.push(
                Draft::new("accounts", Level::Yellow, seen)
                    .act(said(
                        "bind one here in the console, or by wxbridge account apply accounts.toml",
                        "在控制台绑定账号，或执行 wxbridge account apply accounts.toml",
                    ))
                    .place("console: Accounts › Bind an account", "控制台：账号 › 绑定账号"),
            );
        }
        drafts
    }

    fn clock_right(&self) -> Draft {
        let Some(skew) = self.probes.skew() else {
            let seen = said(
                "the platform has not answered yet; the clock is not compared",
                "平台尚未应答，无法校对时钟",
            );
            return Draft::new("clock", Level::Green, seen);
        };
        let seconds = skew.abs() as f64 / 1000.0;
        let (en, zh) = if skew >= 0 {
            ("behind", "慢")
        } else {
            ("ahead of", "快")
        };
        let seen = said(
            format!("our clock is {seconds:.1} s {en} the platform's"),
            format!("本机时钟比平台{zh} {seconds:.1} 秒"),
        );
        let level = match skew.abs() {
            ..SKEW_SEEN => return Draft::new("clock", Level::Green, seen),
            SKEW_SEEN..SKEW_BAD => Level::Yellow,
            _ => Level::Red,
        };
        Draft::new("clock", level, seen)
            .code(Code::ClockSkew)
            .means(
                "freshness of callbacks and the ends of allowances are judged by a wrong time",
                "回调的时效与客服消息额度的截止时间会按错误的时间判断",
            )
            .act(said(
                "let the machine keep its time by NTP (chrony, systemd-timesyncd)",
                "启用 NTP 校时（chrony 或 systemd-timesyncd）",
            ))
            .place("on this machine", "在本机")
    }

    async fn store_ready(&self) -> Draft {
        match self.store.ready().await {
            Ok(()) => Draft::new("store", Level::Green, said("the store appends durably", "存储可以持久写入")),
            Err(error) => {
                Draft::new("store", Level::Red, said(format!("the store cannot append: {error}"), format!("存储无法写入：{error}")))
                    .code(Code::Overloaded)
                    .means(
                        "callbacks are answered 503 and the platform retries three times; after that customers' messages are lost",
                        "回调返回 503，平台最多重试三次；之后客户消息将丢失",
                    )
                    .act(said("free the disk, check its permissions, then look into the log", "清理磁盘、检查权限，再查看日志"))
                    .place("in the state folder", "在状态目录")
            }
        }
    }

    fn epoch(&self) -> Draft {
        let epoch = self.store.epoch();
        Draft::new(
            "epoch",
            Level::Green,
            said(format!("the store's epoch is {epoch}"), format!("存储纪元为 {epoch}")),
        )
    }

    fn disk(&self) -> Option<Draft> {
        let disk = rustix::fs::statvfs(&self.state_folder).ok()?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let (shown, reserve) = (bytesize::ByteSize(free), bytesize::ByteSize(self.reserve));
        let seen = said(
            format!("{shown} are free, the reserve is {reserve}"),
            format!("剩余空间 {shown}，保留空间 {reserve}"),
        );
        let level = match free {
            _ if free <= self.reserve => Level::Red,
            _ if free / 2 <= self.reserve => Level::Yellow,
            _ => return Some(Draft::new("disk", Level::Green, seen)),
        };
        Some(
            Draft::new("disk", level, seen)
                .means(
                    "below the reserve callbacks are answered 503",
                    "低于保留空间时回调返回 503",
                )
                .act(said(
                    "free space, or lower [store] reserve or [retention]",
                    "清理空间，或调低 [store] reserve 与 [retention]",
                ))
                .place("on the disk of the state folder", "在状态目录所在磁盘"),
        )
    }
}
