//! Passive answer, customer-service API, later, or not at all? Pure: no store, no clock, no socket.
//!
//! A message is refused before the platform is called only where a figure that we counted says so, where the platform
//! itself said that the account may not, or where the core asked for less than the message needs.

use super::faults::error;
use crate::{
    conversation::ledger::Standing,
    error::Code,
    ports::clock::Millis,
    schema::v1::{
        self,
        send_request::{Degrade, NoAllowance, Route},
        send_result::Status,
    },
};

/// What the core asked for, as far as it decides the road.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    pub route: Route,
    pub degrade: Degrade,
    pub no_allowance: NoAllowance,
    /// It answers an event.
    pub answers: bool,
    /// Uses up nothing (typing, a session order without words).
    pub free: bool,
    /// No API carries it: it rides in an open request, or not at all.
    pub only_rides: bool,
}

impl Ask {
    pub fn of(request: &v1::SendRequest) -> Self {
        Self {
            route: request.route(),
            degrade: request.degrade(),
            no_allowance: request.no_allowance(),
            answers: !request.in_reply_to.is_empty(),
            free: matches!(request.what, Some(v1::send_request::What::Typing(_))),
            only_rides: only_rides(request),
        }
    }
}

/// A hand-over to the platform's own agents is an answer to the customer's message and nothing else.
pub fn only_rides(request: &v1::SendRequest) -> bool {
    let Some(v1::send_request::What::Message(message)) = &request.what else {
        return false;
    };
    let is_transfer = |part: &v1::Part| matches!(part.content, Some(v1::part::Content::Transfer(_)));
    message.parts.iter().any(is_transfer)
}

/// How things stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    pub standing: Standing,
    /// The platform's own agent holds the customer.
    pub human: bool,
    /// Why the API is shut to this account; `None` = believed open.
    pub api_shut: Option<Code>,
    /// The event's request is open, and the right to answer it is ours.
    pub passive: bool,
    /// What it answers is an event, no message.
    pub after_event: bool,
    /// Something older of this conversation has not gone yet.
    pub earlier: bool,
    /// An older message of it is held until the customer acts; what that one was told.
    pub behind_held: Option<Code>,
    /// When the customer last acted, as far as these facts know.
    pub acted: Millis,
    /// The most messages that any act of theirs allows.
    pub most: Option<u32>,
}

/// One rendered piece, as far as it decides the road.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// It can be written into the open request.
    pub rides: bool,
    pub passive_only: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// The first piece rides in the open request; the rest goes by the API, or is cut off.
    Passive { cut: bool },
    /// All by the API.
    Api,
    /// Kept until the customer acts; the error says what is missing.
    Hold(v1::Error),
    /// Final.
    Refuse(Status, v1::Error),
}

/// Which roads may be taken at all: what the renderer needs to know.
pub fn roads(ask: &Ask, facts: &Facts) -> crate::channels::contract::Roads {
    crate::channels::contract::Roads {
        passive: may_ride(ask, facts),
        api: ask.route != Route::PassiveOnly && facts.api_shut.is_none(),
        after_event: facts.after_event,
    }
}

/// An open request may be used. What waits before it keeps its place, unless this is the only road.
pub fn may_ride(ask: &Ask, facts: &Facts) -> bool {
    let has_other_road = facts.api_shut.is_none() && !ask.only_rides;
    let overtakes = facts.earlier && ask.route == Route::Auto && has_other_road;
    facts.passive && ask.route != Route::ApiOnly && !ask.free && !overtakes
}

/// What can be said before anything is rendered or uploaded. `None`: render, then ask [`plan`].
pub fn before(ask: &Ask, facts: &Facts) -> Option<Plan> {
    if facts.human {
        return Some(refuse(
            Code::SessionWithHuman,
            "the platform's own agent holds this customer",
        ));
    }
    if may_ride(ask, facts) {
        return None;
    }
    if ask.route == Route::PassiveOnly {
        return Some(window_gone());
    }
    if let Some(code) = facts.api_shut {
        return Some(refuse(
            code,
            "this account may not use the platform's sending API, and no passive window is open",
        ));
    }
    if ask.free {
        return None;
    }
    let lacking = lacking(facts.standing, 1);
    match facts.behind_held {
        // What is missing now goes before what was missing then.
        Some(code) if ask.no_allowance == NoAllowance::HoldForCustomer => {
            let waits = || error(code, "an earlier message waits for the customer");
            Some(Plan::Hold(lacking.unwrap_or_else(waits)))
        }
        _ => lacking.map(|error| hold_or_refuse(ask, error)),
    }
}

/// Decides for these pieces.
pub fn plan(ask: &Ask, facts: &Facts, pieces: &[Shape]) -> Plan {
    if let Some(plan) = before(ask, facts) {
        return plan;
    }
    let Some(first) = pieces.first() else { return Plan::Api };
    let rides = may_ride(ask, facts) && first.rides;
    let needs_window = pieces.iter().skip(usize::from(rides)).any(|piece| piece.passive_only);
    if needs_window {
        return match ask.answers && !facts.passive {
            true => window_gone(),
            false => refuse(
                Code::UnsupportedPart,
                "this part can only be the one answer inside a passive window",
            ),
        };
    }
    let api = ask.route != Route::PassiveOnly && facts.api_shut.is_none();
    match (rides, api) {
        (true, _) if pieces.len() == 1 => Plan::Passive { cut: false },
        (true, true) => match lacking(facts.standing, pieces.len() - 1) {
            None => Plan::Passive { cut: false },
            Some(error) => wait_or_refuse(ask, facts, error, pieces.len() - 1),
        },
        (true, false) if ask.degrade == Degrade::Allow => Plan::Passive { cut: true },
        (true, false) => refuse(
            Code::TooLong,
            "it needs several messages, and only one can go passively",
        ),
        (false, true) if ask.free => Plan::Api,
        (false, true) => match lacking(facts.standing, pieces.len()) {
            None => Plan::Api,
            Some(error) => wait_or_refuse(ask, facts, error, pieces.len()),
        },
        (false, false) => cannot_ride(ask, facts),
    }
}

/// The request is open, but this piece does not fit into it, and there is no other road.
fn cannot_ride(ask: &Ask, facts: &Facts) -> Plan {
    match facts.api_shut {
        Some(code) if ask.route != Route::PassiveOnly => refuse(
            code,
            "a passive answer cannot carry this part, and this account may not use the sending API",
        ),
        _ => refuse(Code::UnsupportedPart, "a passive answer cannot carry this part"),
    }
}

/// What is missing for `count` messages by the API, by figures that we counted.
fn lacking(standing: Standing, count: usize) -> Option<v1::Error> {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    match standing {
        Standing::Open(None) | Standing::Unknown => None,
        Standing::Open(Some(left)) if left >= count => None,
        Standing::Open(Some(left)) => Some(error(
            Code::QuotaExhausted,
            format!("{count} messages are needed, {left} may still be sent until the customer acts"),
        )),
        Standing::Spent => Some(error(
            Code::QuotaExhausted,
            "all messages that the customer's last act allows were sent",
        )),
        Standing::Closed => Some(error(
            Code::WindowClosed,
            "the time in which the customer's last act allows messages is over",
        )),
        Standing::Unfollowed => Some(error(Code::Unsubscribed, "the customer does not follow this account")),
    }
}

/// What no act of the customer will ever allow is not held for one: it would hold back all behind it.
fn wait_or_refuse(ask: &Ask, facts: &Facts, lacking: v1::Error, count: usize) -> Plan {
    match facts.most {
        Some(most) if count > most as usize => {
            let why = format!("{count} messages are needed, and no act of the customer allows more than {most}");
            Plan::Refuse(Status::Failed, error(Code::QuotaExhausted, why))
        }
        _ => hold_or_refuse(ask, lacking),
    }
}

fn hold_or_refuse(ask: &Ask, error: v1::Error) -> Plan {
    match ask.no_allowance {
        NoAllowance::HoldForCustomer => Plan::Hold(error),
        NoAllowance::FailNow => Plan::Refuse(Status::Failed, error),
    }
}

fn refuse(code: Code, why: &str) -> Plan {
    Plan::Refuse(Status::Failed, error(code, why))
}

fn window_gone() -> Plan {
    Plan::Refuse(
        Status::Expired,
        error(Code::Expired, "the event's passive window is not open any more"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: Shape = Shape {
        rides: true,
        passive_only: false,
    };
    const CARD: Shape = Shape {
        rides: false,
        passive_only: false,
    };
    const TRANSFER: Shape = Shape {
        rides: true,
        passive_only: true,
    };

    fn ask() -> Ask {
        Ask {
            route: Route::Auto,
            degrade: Degrade::Allow,
            no_allowance: NoAllowance::FailNow,
            answers: true,
            free: false,
            only_rides: false,
        }
    }

    fn facts() -> Facts {
        Facts {
            standing: Standing::Open(Some(5)),
            human: false,
            api_shut: None,
            passive: true,
            after_event: false,
            earlier: false,
            behind_held: None,
            acted: 0,
            most: Some(5),
        }
    }

    /// The plan in one word, with its code where it has one.
    fn word(plan: Plan) -> String {
        match plan {
            Plan::Passive { cut: false } => "passive".into(),
            Plan::Passive { cut: true } => "passive, cut".into(),
            Plan::Api => "api".into(),
            Plan::Hold(error) => format!("hold {}", error.code),
            Plan::Refuse(status, error) => format!("{} {}", status.as_str_name(), error.code),
        }
    }

    #[test]
    fn the_table_of_roads() {
        let shut = Some(Code::NotEntitled);
        let hold = NoAllowance::HoldForCustomer;
        let closed = Standing::Closed;
        #[rustfmt::skip]
        let rows: Vec<(&str, Ask, Facts, Vec<Shape>, &str)> = vec![
            ("an open request is used", ask(), facts(), vec![TEXT], "passive"),
            ("the rest of a long text goes by the API", ask(), facts(), vec![TEXT; 3], "passive"),
            ("a card that cannot ride goes by the API", ask(), facts(), vec![CARD], "api"),
            ("no open request: the API", ask(), Facts { passive: false, ..facts() }, vec![TEXT], "api"),
            ("API_ONLY leaves the request alone", Ask { route: Route::ApiOnly, ..ask() }, facts(), vec![TEXT], "api"),
            ("what waits before it keeps its place", ask(), Facts { earlier: true, ..facts() }, vec![TEXT], "api"),
            ("PASSIVE_ELSE_API overtakes", Ask { route: Route::PassiveElseApi, ..ask() }, Facts { earlier: true, ..facts() }, vec![TEXT], "passive"),
            ("without API it overtakes too", ask(), Facts { earlier: true, api_shut: shut, ..facts() }, vec![TEXT], "passive"),
            ("PASSIVE_ONLY too late", Ask { route: Route::PassiveOnly, ..ask() }, Facts { passive: false, ..facts() }, vec![TEXT], "EXPIRED EXPIRED"),
            ("PASSIVE_ONLY with a part that cannot ride", Ask { route: Route::PassiveOnly, ..ask() }, facts(), vec![CARD], "FAILED UNSUPPORTED_PART"),
            ("PASSIVE_ONLY is cut", Ask { route: Route::PassiveOnly, ..ask() }, facts(), vec![TEXT; 2], "passive, cut"),
            ("without API a long text is cut", ask(), Facts { api_shut: shut, ..facts() }, vec![TEXT; 2], "passive, cut"),
            ("unless the core refuses that", Ask { degrade: Degrade::Refuse, ..ask() }, Facts { api_shut: shut, ..facts() }, vec![TEXT; 2], "FAILED TOO_LONG"),
            ("a cut is a loss", Ask { degrade: Degrade::LosslessOnly, ..ask() }, Facts { api_shut: shut, ..facts() }, vec![TEXT; 2], "FAILED TOO_LONG"),
            ("neither road", ask(), Facts { api_shut: shut, passive: false, ..facts() }, vec![TEXT], "FAILED NOT_ENTITLED"),
            ("neither road for this part", ask(), Facts { api_shut: shut, ..facts() }, vec![CARD], "FAILED NOT_ENTITLED"),
            ("counted and closed", ask(), Facts { standing: closed, passive: false, ..facts() }, vec![TEXT], "FAILED WINDOW_CLOSED"),
            ("counted and spent", ask(), Facts { standing: Standing::Spent, passive: false, ..facts() }, vec![TEXT], "FAILED QUOTA_EXHAUSTED"),
            ("passive uses up nothing", ask(), Facts { standing: Standing::Spent, ..facts() }, vec![TEXT], "passive"),
            ("held for what an act allows", Ask { no_allowance: hold, ..ask() }, Facts { passive: false, standing: Standing::Open(Some(1)), ..facts() }, vec![TEXT; 5], "hold QUOTA_EXHAUSTED"),
            ("not for more", Ask { no_allowance: hold, ..ask() }, Facts { passive: false, ..facts() }, vec![TEXT; 6], "FAILED QUOTA_EXHAUSTED"),
            ("the one that rides counts for nothing", Ask { no_allowance: hold, ..ask() }, Facts { standing: Standing::Open(Some(1)), ..facts() }, vec![TEXT; 6], "hold QUOTA_EXHAUSTED"),
            ("but the rest", Ask { no_allowance: hold, ..ask() }, facts(), vec![TEXT; 7], "FAILED QUOTA_EXHAUSTED"),
            ("held instead", Ask { no_allowance: hold, ..ask() }, Facts { standing: closed, passive: false, ..facts() }, vec![TEXT], "hold WINDOW_CLOSED"),
            ("held behind what is held", Ask { no_allowance: hold, ..ask() }, Facts { behind_held: Some(Code::QuotaExhausted), passive: false, ..facts() }, vec![TEXT], "hold QUOTA_EXHAUSTED"),
            ("held behind what is held, for what is missing now", Ask { no_allowance: hold, ..ask() }, Facts { behind_held: Some(Code::QuotaExhausted), standing: closed, passive: false, ..facts() }, vec![TEXT], "hold WINDOW_CLOSED"),
            ("nothing known: try", ask(), Facts { standing: Standing::Unknown, passive: false, ..facts() }, vec![TEXT; 9], "api"),
            ("without count: try", ask(), Facts { standing: Standing::Open(None), passive: false, ..facts() }, vec![TEXT; 9], "api"),
            ("as many as are left", ask(), Facts { passive: false, ..facts() }, vec![TEXT; 5], "api"),
            ("more pieces than are left", ask(), Facts { passive: false, ..facts() }, vec![TEXT; 6], "FAILED QUOTA_EXHAUSTED"),
            ("the passive one does not count", ask(), facts(), vec![TEXT; 6], "passive"),
            ("more than that", ask(), facts(), vec![TEXT; 7], "FAILED QUOTA_EXHAUSTED"),
            ("the customer left", ask(), Facts { standing: Standing::Unfollowed, passive: false, ..facts() }, vec![TEXT], "FAILED UNSUBSCRIBED"),
            ("the platform's agent holds the customer", ask(), Facts { human: true, ..facts() }, vec![TEXT], "FAILED SESSION_WITH_HUMAN"),
            ("transfer rides", ask(), facts(), vec![TRANSFER], "passive"),
            ("transfer overtakes", Ask { only_rides: true, ..ask() }, Facts { earlier: true, ..facts() }, vec![TRANSFER], "passive"),
            ("transfer too late", ask(), Facts { passive: false, ..facts() }, vec![TRANSFER], "EXPIRED EXPIRED"),
            ("transfer to nobody's event", Ask { answers: false, ..ask() }, Facts { passive: false, ..facts() }, vec![TRANSFER], "FAILED UNSUPPORTED_PART"),
            ("transfer behind a text", ask(), facts(), vec![TEXT, TRANSFER], "FAILED UNSUPPORTED_PART"),
            ("typing never rides and uses up nothing", Ask { free: true, ..ask() }, Facts { standing: Standing::Spent, ..facts() }, vec![TEXT], "api"),
            ("nothing to say", ask(), facts(), vec![], "api"),
        ];
        for (name, ask, facts, pieces, expected) in rows {
            assert_eq!(word(plan(&ask, &facts, &pieces)), expected, "{name}");
        }
    }
}
