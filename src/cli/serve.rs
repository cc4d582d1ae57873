//! `wxbridge serve`: the daemon, until it is told to stop.

use std::{io, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{
    Context,
    args::{Backup, Orphan},
    backup,
    exit::{CONFIG, FAILED, Failure, Outcome, TAKEN},
    say,
};
use crate::{
    accounts::service::AccountsError,
    app::{self, Options, Orphans, StartFault},
    config::Config,
    observe::logging,
    ports::clock::{Clock as _, SystemClock},
    store::sqlite::{self, OpenError},
    vault::own_key::OwnKeyError,
};

/// What may still run in a thread aside when everything was closed.
const LEFTOVERS: Duration = Duration::from_secs(1);

pub fn run(context: &Context<'_>, orphan: Orphan) -> Outcome {
    let config = Config::load_usable(context.config, app::USABLE)?;
    logging::start(&config.log);
    for note in &config.notes {
        tracing::warn!("{note}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("wxbridge")
        .build()?;
    let options = Options {
        orphans: match orphan {
            Orphan::Refuse => Orphans::Refuse,
            Orphan::Park => Orphans::Park,
        },
        announce: |told| {
            // Nobody needs to read it: the files are there.
            let _ = say(&format!("{told}\n"));
        },
    };
    let outcome = runtime.block_on(serve(&config, options));
    runtime.shutdown_timeout(LEFTOVERS);
    outcome
}

async fn serve(config: &Config, options: Options) -> Outcome {
    // Before the first port is open: an order to stop is obeyed from the start.
    let mut orders = Orders::listen()?;
    let mut running = tokio::select! {
        running = app::start(config, options) => running?,
        () = orders.next() => return Ok(()),
    };
    say(&format!(
        "public {}\ninternal {}\nhealth {}\nready\n",
        running.public_url(),
        running.internal_url(),
        running.health_url()
    ))?;
    tracing::info!(
        public = %running.public_addr,
        internal = %running.internal_addr,
        grpc = %running.grpc_addr,
        health = %running.health_addr,
        "ready"
    );
    let broken = tokio::select! {
        () = orders.next() => None,
        what = running.broken() => Some(what),
    };
    if let Some(what) = &broken {
        tracing::error!(what, "the daemon cannot go on");
    } else {
        tracing::info!("told to stop");
    }
    tokio::select! {
        () = running.stop() => {}
        () = orders.again() => return Err(Failure::told(
            FAILED,
            "told to stop twice: what was under way was cut off",
            "收到两次停止信号：进行中的工作已被中断",
        )),
    }
    match broken {
        None => Ok(()),
        Some(what) => Err(Failure::failed(what)),
    }
}

/// A second signal within this time is the first one again.
const SAME_ORDER: Duration = Duration::from_secs(1);

/// SIGTERM and SIGINT, and the SIGHUP of a terminal that is closed, which would end us where we stand.
pub struct Orders {
    terminate: Signal,
    interrupt: Signal,
    /// `None`: whoever started us said that it means nothing, as `nohup` does.
    hang_up: Option<Signal>,
}

impl Orders {
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: (!hang_up_is_ignored())
                .then(|| signal(SignalKind::hangup()))
                .transpose()?,
        })
    }

    /// Returns when the process is told to stop.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = hung_up(self.hang_up.as_mut()) => {}
        }
    }

    /// Returns when the process is told once more, by somebody who has waited: one order often comes by two ways.
    pub async fn again(&mut self) {
        let same = async {
            loop {
                self.next().await;
            }
        };
        // It ends with the time: then the next order is another one.
        let _ = tokio::time::timeout(SAME_ORDER, same).await;
        self.next().await;
    }
}

async fn hung_up(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

fn hang_up_is_ignored() -> bool {
    // Where the kernel does not tell, the default holds.
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hang_up(&status))
}

/// `SigIgn` is a mask of hexadecimal digits; SIGHUP is the lowest bit.
fn ignores_hang_up(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}

impl From<StartFault> for Failure {
    fn from(fault: StartFault) -> Self {
        let exit = match &fault {
            StartFault::Folder { .. } | StartFault::Keys(_) | StartFault::Tls { .. } | StartFault::Link(_) => CONFIG,
            // The key ring is not the one that sealed them.
            StartFault::Accounts(AccountsError::Vault { .. }) | StartFault::OwnKey(OwnKeyError::Vault { .. }) => CONFIG,
            StartFault::Taken(_) => TAKEN,
            _ => FAILED,
        };
        match fault {
            StartFault::Config(faults) => faults.into(),
            fault => Failure {
                in_chinese: in_chinese(&fault).unwrap_or_default(),
                ..Failure::new(exit, fault.to_string())
            },
        }
    }
}

/// What keeps the daemon from starting, for who reads Chinese; keys and the system's own words stand for themselves.
fn in_chinese(fault: &StartFault) -> Option<String> {
    Some(match fault {
        StartFault::Folder { dir, error } => format!("store.dir：{}：{error}", dir.display()),
        StartFault::Taken(dir) => format!("{dir} 中的存储已被占用：另一个 wxbridge 正在使用它"),
        StartFault::Unopened(why) => unopened(why),
        StartFault::Store(why) => format!("存储出错：{why}"),
        StartFault::Keys(why) => format!("无法使用密钥环：{why}"),
        StartFault::Accounts(why) => format!("无法打开账号：{why}"),
        StartFault::Tokens(why) => format!("无法打开API令牌：{why}"),
        StartFault::Client(why) => format!("无法准备对外的连接：{why}"),
        StartFault::Link(why) => format!("无法准备到核心的连接：{why}"),
        StartFault::OwnKey(why) => format!("无法使用本系统自己的密钥：{why}"),
        StartFault::Listen { key, address, error } => format!("{key}：无法监听 {address}：{error}"),
        StartFault::Tls { key, fault } => format!("{key}：{fault}"),
        StartFault::Grpc(why) => format!("grpc：无法描述接口结构：{why}"),
        StartFault::Config(_) => return None,
    })
}

fn unopened(why: &OpenError) -> String {
    match why {
        OpenError::Taken(dir) => format!("{dir} 中的存储已被占用"),
        OpenError::Broken(why) => format!("无法打开存储：{why}"),
        OpenError::Damaged(how) => format!(
            "无法打开存储：{how}；本次启动没有丢弃任何内容：若 {0} 或 {0}-wal 只复制了一部分，请重新复制这两个文件，否则请恢复备份",
            sqlite::FILE
        ),
        OpenError::Lost { file, trace } => format!(
            "{} 不存在或为空，而旁边的 {trace} 表明它曾经存在：请连同 -wal 文件一起放回，或把备份恢复到空文件夹；若要重新开始，也请换用空文件夹",
            file.display()
        ),
    }
}

/// `wxbridge restore`: the store gives the database that comes back a higher epoch.
pub fn restore(context: &Context<'_>, what: &Backup) -> Outcome {
    backup::restore(context, what, sqlite::FILE, |database| {
        sqlite::raise_epoch(database, SystemClock.now())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::lang::Lang;

    #[test]
    fn what_keeps_the_daemon_from_starting_is_told_in_both_languages() {
        let taken = Failure::from(StartFault::Taken("/data".into()));
        assert_eq!(taken.exit, TAKEN);
        assert_eq!(
            taken.text(Lang::En),
            "the store in /data is taken: another wxbridge runs on it"
        );
        assert_eq!(
            taken.text(Lang::Zh),
            "/data 中的存储已被占用：另一个 wxbridge 正在使用它"
        );
        let folder = Failure::from(StartFault::Folder {
            dir: "/proc/state".into(),
            error: io::ErrorKind::PermissionDenied.into(),
        });
        assert_eq!(folder.exit, CONFIG, "trying again makes no folder");
        assert_eq!(folder.text(Lang::Zh), "store.dir：/proc/state：permission denied");
        let lost = Failure::from(StartFault::Unopened(OpenError::Lost {
            file: "/data/wxbridge.db".into(),
            trace: "operator.token".into(),
        }));
        assert!(
            lost.text(Lang::En)
                .starts_with("/data/wxbridge.db is missing or empty, and operator.token")
        );
        assert!(
            lost.text(Lang::Zh)
                .starts_with("/data/wxbridge.db 不存在或为空，而旁边的 operator.token")
        );
        let busy = Failure::from(StartFault::Listen {
            key: "public.listen",
            address: ([127, 0, 0, 1], 1).into(),
            error: io::ErrorKind::AddrInUse.into(),
        });
        assert!(
            busy.text(Lang::Zh).starts_with("public.listen：无法监听 127.0.0.1:1："),
            "{}",
            busy.in_chinese
        );
    }

    #[test]
    fn who_started_us_may_have_said_that_a_hang_up_means_nothing() {
        let told = |mask: &str| {
            ignores_hang_up(&format!(
                "Name:\twxbridge\nSigIgn:\t{mask}\nSigCgt:\t0000000000000001\n"
            ))
        };
        assert!(told("0000000000001001"));
        assert!(!told("0000000000001000"));
        assert!(!told("no mask") && !ignores_hang_up(""));
    }
}
