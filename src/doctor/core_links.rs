//! Does every core take what is offered to it?

use super::{Doctor, Draft, Level, Said, said};
use crate::{
    cores::{Core, Kind},
    error::Code,
    ports::clock::Millis,
    web::needs::CoreState,
};

const HOUR: Millis = 3_600_000;
/// A backlog older than this is worth a look.
const LAG_SEEN: Millis = 60_000;

/// What waits for one core.
#[derive(Clone, Copy)]
struct Behind {
    events: u64,
    /// How long the oldest of them has waited.
    age: Millis,
}

impl Behind {
    fn seconds(self) -> Millis {
        self.age / 1_000
    }
}

impl Doctor {
    pub(super) fn core_links(&self) -> Vec<Draft> {
        if self.cores.0.is_empty() {
            return vec![none_configured()];
        }
        let lag = self.links.lag();
        let now = self.clock.now();
        let one = |core: &Core| {
            let waiting = lag.get(&*core.name).copied().unwrap_or_default();
            let behind = Behind {
                events: waiting.events,
                age: waiting.oldest.map_or(0, |oldest| (now - oldest).max(0)),
            };
            let link = self.links.state(&core.name);
            match core.kind {
                Kind::Feed => pulls(core, &link, behind),
                _ if link.state == "unknown" && behind.events == 0 => not_called(core),
                _ => self.pushed(core, &link, behind),
            }
        };
        self.cores.0.iter().map(one).collect()
    }

    /// A core that is called.
    fn pushed(&self, core: &Core, link: &CoreState, behind: Behind) -> Draft {
        let late = behind.age > LAG_SEEN || (behind.events > 0 && self.takes_nothing(core));
        let stands = stands(core, link.state, behind);
        let level = match link.state {
            "down" => Level::Red,
            "slow" => Level::Yellow,
            _ if late => Level::Yellow,
            // What it said before it was up again is history.
            _ => return self.in_time(core, stands),
        };
        let error = link.last_error.as_str();
        let (colon, zh_colon) = match (link.state, error) {
            (_, "") => ("", ""),
            // It fails in too few conversations to be down.
            ("up", _) => ("; what went wrong last: ", "；最近一次出错："),
            _ => (": ", "："),
        };
        let seen = said(
            format!("{}{colon}{error}", stands.en),
            format!("{}{zh_colon}{error}", stands.zh),
        );
        Draft::new("core", level, seen)
            .code(Code::CoreUnreachable)
            .means(
                "customers' messages are safe but nobody reads them; they are offered again by themselves",
                "客户消息不会丢失，但暂时无人处理；系统会自动重新投递",
            )
            .act(remedy(error))
            .place("at the core", "在核心系统")
    }

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

/// How many wait for it, and how long.
fn stands(core: &Core, state: &str, behind: Behind) -> Said {
    let (name, count, seconds) = (&core.name, behind.events, behind.seconds());
    said(
        format!("core {name}: {state}; {count} events wait, the oldest for {seconds} s"),
        format!("核心 {name}：{}；积压 {count} 条，最早 {seconds} 秒", in_chinese(state)),
    )
}

fn in_chinese(state: &str) -> &str {
    match state {
        "up" => "正常",
        "slow" => "响应慢",
        "down" => "不可用",
        "unknown" => "未知",
        other => other,
    }
}

fn remedy(error: &str) -> Said {
    match error.contains(" 401") || error.contains(" 403") {
        true => said(
            "compare the key: [[core]] secrets (or bearer) with what the core checks; wxbridge core-check URL tries it",
            "核对密钥：[[core]] secrets（或 bearer）与核心校验所用的是否一致；可用 wxbridge core-check URL 试投",
        ),
        false => said(
            "check that the core runs, that its url is right and that it answers 2xx within its timeout",
            "确认核心在运行、url 正确，并在 timeout 内返回 2xx",
        ),
    }
}

fn none_configured() -> Draft {
    let seen = said(
        "no [[core]] is configured; events wait in the store",
        "未配置 [[core]]，事件保留在存储中",
    );
    let act = said("enter a [[core]] and restart", "在配置中添加 [[core]] 并重启");
    Draft::new("core", Level::Yellow, seen)
        .act(act)
        .place("in the configuration", "在配置文件")
}

fn not_called(core: &Core) -> Draft {
    let name = &core.name;
    let seen = said(
        format!("core {name}: not called since the start; wxbridge core-check URL tries it"),
        format!("核心 {name}：启动以来尚未投递；可用 wxbridge core-check URL 试投"),
    );
    Draft::new("core", Level::Green, seen)
}

/// A core that pulls: nothing is offered to it, so that only its own requests tell whether it is there.
fn pulls(core: &Core, link: &CoreState, behind: Behind) -> Draft {
    let at = |moment: Option<crate::schema::Timestamp>| {
        let text = moment.and_then(|at| serde_json::to_value(at).ok());
        text.and_then(|text| text.as_str().map(str::to_owned))
            .unwrap_or_else(|| "-".to_owned())
    };
    let (name, waiting, seconds) = (&core.name, behind.events, behind.seconds());
    let (fetch, ack) = (at(link.last_fetch), at(link.last_ack));
    let seen = said(
        format!(
            "core {name} pulls: {waiting} events wait, the oldest for {seconds} s; last fetch {fetch}, last ack {ack}"
        ),
        format!("核心 {name} 主动拉取：积压 {waiting} 条，最早 {seconds} 秒；最近拉取 {fetch}，最近确认 {ack}"),
    );
    let level = match link.state {
        "down" => Level::Red,
        _ if behind.age > LAG_SEEN => Level::Yellow,
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
