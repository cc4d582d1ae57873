//! `wxbridge core-check`: is somebody's core sound? Needs no daemon; plays one.

use std::{sync::Arc, time::Duration};

use super::{
    Context,
    args::CoreCheck,
    exit::{FAILED, Failure, Outcome, USAGE},
    lang::Lang,
};
use crate::{
    config::{GRPC_URL, grpc_url},
    core_check::{
        self, Wish,
        door::Door,
        grpc::GrpcDoor,
        http::{HttpDoor, Unfit},
        report::{Finding, Level, Report},
    },
    cores::{Core, Credentials, Kind, Match},
    doctor,
    ports::{
        chance::SystemChance,
        clock::{Millis, SystemClock},
    },
};

pub async fn run(context: &Context<'_>, wish: &CoreCheck) -> Outcome {
    let timeout = millis("--timeout", &wish.timeout)?;
    let report = core_check::run(Wish {
        door: door(wish, timeout)?,
        timeout,
        reply_budget: millis("--reply-budget", &wish.reply_budget)?,
        clock: Arc::new(SystemClock),
        chance: Arc::new(SystemChance::default()),
    })
    .await;
    let lang = match context.lang {
        Lang::En => doctor::Lang::En,
        Lang::Zh => doctor::Lang::Zh,
    };
    context.show(&report.json(lang), |_| words(&report, context.lang, lang))?;
    match report.holds() {
        true => Ok(()),
        false => Err(Failure::new(FAILED, "")),
    }
}

fn door(wish: &CoreCheck, timeout: Millis) -> Outcome<Box<dyn Door>> {
    if let Some(address) = &wish.grpc {
        let core = grpc_core(wish, address, timeout)?;
        let door = GrpcDoor::new(&core).map_err(|fault| Failure::new(USAGE, fault.to_string()))?;
        return Ok(Box::new(door));
    }
    let url = wish.url.as_deref().unwrap_or_default();
    let door = HttpDoor::new(url, &wish.secret, timeout).map_err(|fault| match fault {
        Unfit::Client(_) => Failure::failed(fault.to_string()),
        Unfit::Url(_) | Unfit::Key(_) => Failure::new(USAGE, fault.to_string()),
    })?;
    Ok(Box::new(door))
}

/// As a `[[core]]` of kind `grpc` would be.
fn grpc_core(wish: &CoreCheck, address: &str, timeout: Millis) -> Outcome<Core> {
    let told = || format!("--grpc: found {address:?}; expected host:port, {GRPC_URL}");
    let url = grpc_url(address)
        .or_else(|| grpc_url(&format!("http://{address}")))
        .or_else(|| grpc_url(&format!("https://{address}")))
        .ok_or_else(|| Failure::new(USAGE, told()))?;
    Ok(Core {
        name: "core-check".into(),
        kind: Kind::Grpc,
        url,
        secrets: Vec::new(),
        credentials: Credentials {
            ca_file: wish.ca_file.clone(),
            cert_file: wish.cert_file.clone(),
            key_file: wish.key_file.clone(),
            bearer: wish.bearer.clone(),
        },
        matches: Match::default(),
        reply_budget: 0,
        timeout,
        all_delivery_updates: false,
        raw_inline: true,
    })
}

fn millis(option: &str, text: &str) -> Outcome<i64> {
    let told = humantime::parse_duration(text)
        .ok()
        .filter(|it| *it <= Duration::from_secs(600));
    let told = told
        .and_then(|it| i64::try_from(it.as_millis()).ok())
        .filter(|it| *it > 0);
    told.ok_or_else(|| {
        Failure::told(
            USAGE,
            format!("{option}: found {text:?}; expected a duration such as 4000ms or 30s"),
            format!("{option}：当前为 {text:?}；应为形如 4000ms 或 30s 的时长"),
        )
    })
}

fn words(report: &Report, lang: Lang, spoken: doctor::Lang) -> String {
    let mut text: String = report
        .findings
        .iter()
        .map(|finding| line(finding, lang, spoken))
        .collect();
    let count = |level| report.findings.iter().filter(|finding| finding.level == level).count();
    let (red, yellow) = (count(Level::Red), count(Level::Yellow));
    text.push_str(&match (report.holds(), lang) {
        (true, Lang::En) => format!("the core holds ({yellow} to look at)\n"),
        (true, Lang::Zh) => format!("核心符合约定（{yellow} 项请留意）\n"),
        (false, Lang::En) => format!("the core does not hold: {red} faults, {yellow} to look at\n"),
        (false, Lang::Zh) => format!("核心不符合约定：{red} 项故障，{yellow} 项请留意\n"),
    });
    text
}

fn line(finding: &Finding, lang: Lang, spoken: doctor::Lang) -> String {
    let level = match finding.level {
        Level::Red => lang.pick("FAULT", "故障"),
        Level::Yellow => lang.pick("LOOK", "注意"),
        Level::Green => lang.pick("ok", "正常"),
    };
    let mut text = format!("{level} {}: {}\n", finding.id, finding.seen.pick(spoken));
    let act = finding.act.pick(spoken);
    if !act.is_empty() {
        text.push_str(&format!("    {}: {act}\n", lang.pick("do", "处理")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_durations_with_an_end() {
        assert_eq!(millis("--timeout", "30s").expect("a duration"), 30_000);
        for text in ["soon", "0s", "3h", ""] {
            let fault = millis("--timeout", text).expect_err("no duration of ours");
            assert_eq!(fault.exit, USAGE, "{text}");
        }
    }
}
