//! What was noticed meanwhile that an operator should know? Each warning with what it means, what to do and where to look.

use std::sync::Arc;

use super::{Draft, Level, account::remedy, said};
use crate::{
    accounts::{Condition, Opened},
    channels::contract::{Place, Places},
    error::{
        Code,
        pages::{self, BOTH, HELPS},
    },
    ports::clock::Millis,
    schema::Timestamp,
    tokens::NO_TOKEN,
};

const DAY: Millis = 24 * 3_600_000;

/// Warnings that follow from what was counted, put into the account's view or taken out of it.
pub fn look(opened: &Arc<Opened>, now: Millis) {
    opened.observe(|condition| {
        let unheard = condition.unheard.filter(|it| now - it.since >= DAY);
        let said = unheard.map(|it| {
            let since = Timestamp::from_millis(it.since).to_rfc3339_millis();
            let count = it.events;
            format!(
                "{count} events of customers since {since}, and not one message / 自 {since} 以来只有 {count} 次点击或关注，没有一条消息"
            )
        });
        stands(condition, Code::NoMessagesButEvents, said);
        condition.suspected = condition.suspected.take().filter(|(at, _)| now - at < DAY);
        let said = condition.suspected.as_ref().map(|(at, said)| {
            let at = Timestamp::from_millis(*at).to_rfc3339_millis();
            match pages::halves(said) {
                Some((en, zh)) => format!("{en} (seen at {at}){BOTH}{zh}（{at}）"),
                None => format!("{said} (seen at {at})"),
            }
        });
        stands(condition, Code::OtherReceiverSuspected, said);
    });
}

fn stands(condition: &mut Condition, code: Code, said: Option<String>) {
    match said {
        Some(said) => drop(condition.warnings.insert(code, said)),
        None => drop(condition.warnings.remove(&code)),
    }
}

/// One finding for each that has none of its own elsewhere.
pub(super) fn findings(condition: &Condition, places: &Places) -> Vec<Draft> {
    let one = |(code, seen): (&Code, &String)| finding(*code, seen, places);
    let spoken_of = |code: Code, seen: &str| {
        matches!(code, Code::OldKeyStillUsed | Code::IpNotAllowed) || seen.starts_with(NO_TOKEN)
    };
    condition
        .warnings
        .iter()
        .filter(|(code, seen)| !spoken_of(**code, seen))
        .map(one)
        .collect()
}

fn finding(code: Code, seen: &str, places: &Places) -> Draft {
    let page = pages::page(code);
    let (id, level, zh, place) = nature(code, places);
    // The sentence was written when it was seen, with its figures; in both languages where an operator acts on it.
    let (en, more) = pages::halves(seen).unwrap_or((seen, seen));
    let helps = |text: &str, mark| {
        text.split_once(mark)
            .map(|(seen, help)| (seen.to_owned(), help.to_owned()))
    };
    let (seen, act) = match (helps(en, HELPS.0), helps(more, HELPS.1)) {
        // It knows what helps in its case.
        (Some((en, do_en)), Some((more, do_zh))) => (said(en, format!("{zh}：{more}")), said(do_en, do_zh)),
        _ => (said(en.to_owned(), format!("{zh}：{more}")), remedy(code)),
    };
    let draft = Draft::new(id, level, seen).code(code);
    let draft = draft.mean(said(page.cause_en, page.cause_zh)).act(act);
    match place {
        Some(place) => draft.at(place),
        None => draft,
    }
}

/// Its name, how bad it is, how it begins in Chinese, and where to look.
fn nature(code: Code, places: &Places) -> (&'static str, Level, &'static str, Option<Place>) {
    let machine = ("on this machine", "在本机");
    match code {
        Code::PlatformAgentsOnline => ("agents", Level::Yellow, "平台自带客服可能接走客户", Some(places.agents)),
        Code::ScopeNotGranted => ("scope", Level::Red, "缺少所需权限", Some(places.grants)),
        Code::NoMessagesButEvents => (
            "no-messages",
            Level::Yellow,
            "只有点击与关注，没有消息",
            Some(places.grants),
        ),
        Code::OtherReceiverSuspected => (
            "other-receiver",
            Level::Yellow,
            "有并非我们发送的消息",
            Some(places.grants),
        ),
        Code::TokenTakenElsewhere => (
            "token-taken",
            Level::Yellow,
            "access_token 被他人替换",
            Some(places.credentials),
        ),
        Code::TicketMissing => (
            "ticket",
            Level::Red,
            "未收到 component_verify_ticket",
            Some(places.callback),
        ),
        Code::KfHistoryGap => (
            "kf-history",
            Level::Yellow,
            "部分微信客服消息已丢失",
            Some(places.callback),
        ),
        Code::ClockSkew => (
            "callback-clock",
            Level::Yellow,
            "回调时间与本机时钟不一致",
            Some(machine),
        ),
        _ => ("warning", Level::Yellow, "告警", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Lang;

    #[test]
    fn a_warning_says_in_both_languages_what_was_seen_and_what_helps_in_its_case() {
        let places = Places::default();
        let seen = "pulling wk1 fails: 40013 invalid corpid; what to do: a / b or c / 拉取 wk1 失败：40013 invalid corpid；处理办法：丙";
        let of = |lang| finding(Code::BadAppId, seen, &places).in_words(lang);
        let (en, zh) = (of(Lang::En), of(Lang::Zh));
        assert_eq!(
            (en.seen.as_str(), en.act.as_str()),
            ("pulling wk1 fails: 40013 invalid corpid", "a / b or c")
        );
        assert_eq!(
            (zh.seen.as_str(), zh.act.as_str()),
            ("告警：拉取 wk1 失败：40013 invalid corpid", "丙")
        );
        let plain = finding(Code::OtherReceiverSuspected, "seen / 看到", &places).in_words(Lang::Zh);
        assert_eq!(plain.act, pages::page(Code::OtherReceiverSuspected).remedy_zh);
    }
}
