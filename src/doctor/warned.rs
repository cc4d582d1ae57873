//! What was noticed meanwhile that an operator should know? Each warning with what it means, what to do and where to look.

use std::sync::Arc;

use super::{Draft, Level, account::remedy, said};
use crate::{
    accounts::{Condition, Opened},
    channels::contract::{Place, Places},
    error::{Code, pages},
    ports::clock::Millis,
    schema::Timestamp,
};

const DAY: Millis = 24 * 3_600_000;

/// Warnings that follow from what was counted, put into the account's view or taken out of it.
pub fn look(opened: &Arc<Opened>, now: Millis) {
    opened.observe(|condition| {
        let unheard = condition.unheard.filter(|it| now - it.since >= DAY);
        let said = unheard.map(|it| {
            let since = Timestamp::from_millis(it.since).to_rfc3339_millis();
            format!("{} events of customers since {since}, and not one message", it.events)
        });
        stands(condition, Code::NoMessagesButEvents, said);
        condition.suspected = condition.suspected.take().filter(|(at, _)| now - at < DAY);
        let said = condition.suspected.as_ref().map(|(at, said)| {
            let at = Timestamp::from_millis(*at).to_rfc3339_millis();
            format!("{said} (seen at {at})")
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
    let spoken_of = |code: Code| matches!(code, Code::OldKeyStillUsed | Code::IpNotAllowed);
    condition
        .warnings
        .iter()
        .filter(|(code, _)| !spoken_of(**code))
        .map(one)
        .collect()
}

fn finding(code: Code, seen: &str, places: &Places) -> Draft {
    let page = pages::page(code);
    let (id, level, place) = nature(code, places);
    // The sentence was written when it was seen, in English; the page has it in both.
    let seen = said(seen.to_owned(), format!("{code}：{seen}"));
    let draft = Draft::new(id, level, seen).code(code);
    let draft = draft.mean(said(page.cause_en, page.cause_zh)).act(remedy(code));
    match place {
        Some(place) => draft.at(place),
        None => draft,
    }
}

fn nature(code: Code, places: &Places) -> (&'static str, Level, Option<Place>) {
    match code {
        Code::PlatformAgentsOnline => ("agents", Level::Yellow, Some(places.agents)),
        Code::NoMessagesButEvents => ("no-messages", Level::Yellow, Some(places.grants)),
        Code::OtherReceiverSuspected => ("other-receiver", Level::Yellow, Some(places.grants)),
        Code::TokenTakenElsewhere => ("token-taken", Level::Yellow, Some(places.credentials)),
        Code::TicketMissing => ("ticket", Level::Red, Some(places.callback)),
        Code::KfHistoryGap => ("kf-history", Level::Yellow, Some(places.callback)),
        Code::ClockSkew => ("callback-clock", Level::Yellow, Some(("on this machine", "在本机"))),
        _ => ("warning", Level::Yellow, None),
    }
}
