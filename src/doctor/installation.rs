//! Is the installation itself well? Clock, store, disk, cores.

use super::{Doctor, Draft, Level, Said, said};
use crate::{
    cores::{Core, Kind},
    error::Code,
    web::needs::CoreState,
};

/// Beyond this the platform's timestamps look stale to us (contract: a warning over 10 min, refused over 6 h).
const SKEW_SEEN: i64 = 60_000;
const SKEW_BAD: i64 = 600_000;
const HOUR: i64 = 3_600_000;
/// A backlog older than this is worth a look.
const LAG_SEEN: i64 = 60_000;

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

    fn core_links(&self) -> Vec<Draft> {
        if self.cores.0.is_empty() {
            let seen = said(
                "no [[core]] is configured; events wait in the store",
                "未配置 [[core]]，事件保留在存储中",
            );
            let act = said("enter a [[core]] and restart", "在配置中添加 [[core]] 并重启");
            return vec![
                Draft::new("core", Level::Yellow, seen)
                    .act(act)
                    .place("in the configuration", "在配置文件"),
            ];
        }
        let lag = self.links.lag();
        let now = self.clock.now();
        let one = |core: &crate::cores::Core| {
            let waiting = lag.get(&*core.name).copied().unwrap_or_default();
            let age = waiting.oldest.map_or(0, |oldest| (now - oldest).max(0));
            let link = self.links.state(&core.name);
            if core.kind == Kind::Feed {
                return pulls(core, &link, waiting.events, age);
            }
            let name = &core.name;
            if link.state == "unknown" && waiting.events == 0 {
                return Draft::new(
                    "core",
                    Level::Green,
                    said(
                        format!("core {name}: not called since the start; wxbridge core-check URL tries it"),
                        format!("核心 {name}：启动以来尚未投递；可用 wxbridge core-check URL 试投"),
                    ),
                );
            }
            let (state, count, seconds) = (link.state, waiting.events, age / 1000);
            let error = link.last_error.as_str();
            let refuses = count > 0 && self.takes_nothing(core);
            let (colon, zh_colon) = match (state, error) {
                (_, "") => ("", ""),
                // It fails in too few conversations to be down.
                ("up", _) if age > LAG_SEEN || refuses => ("; what went wrong last: ", "；最近一次出错："),
                ("up", _) => ("", ""),
                _ => (": ", "："),
            };
            // What it said before it was up again is history.
            let error = if colon.is_empty() { "" } else { error };
            let seen = said(
                format!("core {name}: {state}; {count} events wait, the oldest for {seconds} s{colon}{error}"),
                format!("核心 {name}：{state}；积压 {count} 条，最早 {seconds} 秒{zh_colon}{error}"),
            );
            let level = match link.state {
                "down" => Level::Red,
                "slow" => Level::Yellow,
                _ if age > LAG_SEEN || refuses => Level::Yellow,
                _ => return self.in_time(core, seen),
            };
            Draft::new("core", level, seen)
                .code(Code::CoreUnreachable)
                .means(
                    "customers' messages are safe but nobody reads them; they are offered again by themselves",
                    "客户消息不会丢失，但暂时无人处理；系统会自动重新投递",
                )
                .act(match error.contains(" 401") || error.contains(" 403") {
                    true => said(
                        "compare the key: [[core]] secrets (or bearer) with what the core checks; wxbridge core-check URL tries it",
                        "核对密钥：[[core]] secrets（或 bearer）与核心校验所用的是否一致；可用 wxbridge core-check URL 试投",
                    ),
                    false => said(
                        "check that the core runs, that its url is right and that it answers 2xx within its timeout",
                        "确认核心在运行、url 正确，并在 timeout 内返回 2xx",
                    ),
                })
                .place("at the core", "在核心系统")
        };
        self.cores.0.iter().map(one).collect()
    }
}

impl Doctor {
    /// Of what it was offered last it took nothing.
    fn takes_nothing(&self, core: &Core) -> bool {
        let newest = self.observer.cores.newest(&core.name, self.clock.now() - HOUR);
        newest.received > 0 && newest.answered == 0
    }

    /// A core that is up: does it answer while the callback is open?
    fn in_time(&self, core: &Core, seen: Said) -> Draft {
        let since = self.clock.now() - HOUR;
        let sum = self.observer.cores.sum(&core.name, since);
        // What was late an hour ago and is mended needs nobody.
        let newest = self.observer.cores.newest(&core.name, since);
        if sum.received == 0 {
            return Draft::new("core", Level::Green, seen);
        }
        let (taken, all, slowest) = (sum.answered, sum.received, sum.slowest_ms);
        let seen = said(
            format!(
                "{}; it took {taken} of {all} offers of the last hour, slowest {slowest:.0} ms",
                seen.en
            ),
            format!(
                "{}；最近一小时投递 {all} 次，接收 {taken} 次，最慢 {slowest:.0} 毫秒",
                seen.zh
            ),
        );
        // Where nothing is held, nothing is late.
        if core.reply_budget == 0 || newest.slowest_ms <= core.reply_budget as f64 {
            return Draft::new("core", Level::Green, seen);
        }
        Draft::new("core", Level::Yellow, seen)
            .means(
                "answers later than reply_budget miss the open callback: they go by the API, or not at all where that is shut",
                "超过 reply_budget 的回复无法作为被动回复发出，只能走客服接口；无接口权限时用户收不到",
            )
            .act(said(
                "let the core answer sooner, or acknowledge with keepWindow and answer by POST /v1/messages",
                "加快核心的应答，或先以 keepWindow 确认再通过 POST /v1/messages 回复",
            ))
            .place("at the core", "在核心系统")
    }
}

/// A core that pulls: nothing is offered to it, so that only its own requests tell whether it is there.
fn pulls(core: &Core, link: &CoreState, waiting: u64, age: i64) -> Draft {
    let at = |moment: Option<crate::schema::Timestamp>| {
        let text = moment.and_then(|at| serde_json::to_value(at).ok());
        text.and_then(|text| text.as_str().map(str::to_owned))
            .unwrap_or_else(|| "-".to_owned())
    };
    let (name, seconds) = (&core.name, age / 1000);
    let (fetch, ack) = (at(link.last_fetch), at(link.last_ack));
    let seen = said(
        format!(
            "core {name} pulls: {waiting} events wait, the oldest for {seconds} s; last fetch {fetch}, last ack {ack}"
        ),
        format!("核心 {name} 主动拉取：积压 {waiting} 条，最早 {seconds} 秒；最近拉取 {fetch}，最近确认 {ack}"),
    );
    let level = match link.state {
        "down" => Level::Red,
        _ if age > LAG_SEEN => Level::Yellow,
        _ => return Draft::new("core", Level::Green, seen),
    };
    Draft::new("core", level, seen)
        .code(Code::CoreUnreachable)
        .means(
            "customers' messages are safe but nobody reads them; they wait until the core asks for them",
            "客户消息不会丢失，但暂时无人处理；核心再次拉取时即可取得",
        )
        .act(said(
            "check that the core runs, that its token holds, and that it acknowledges what it has read",
            "确认核心在运行、令牌有效，并在读取后确认（ack）",
        ))
        .place("at the core", "在核心系统")
}
