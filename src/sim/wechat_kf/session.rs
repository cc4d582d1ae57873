//! Who holds the conversation, and what may still be sent? The state machine of /document/path/94669.

use serde_json::{Value, json};

use super::{TWO_DAYS, desk::Desk};
use crate::sim::world::{Millis, rfc3339};

/// Not treated yet.
pub const FRESH: u8 = 0;
/// The API answers.
pub const ASSISTANT: u8 = 1;
/// Waits in the pool.
pub const POOL: u8 = 2;
/// A servicer has it.
pub const HUMAN: u8 = 3;
/// Ended, or never begun.
pub const ENDED: u8 = 4;

pub const MOST: u32 = 5;

#[derive(Clone, Debug)]
pub struct Session {
    pub state: u8,
    pub servicer: Option<String>,
    pub began: Millis,
    /// The customer's last message that opens a window.
    pub wrote: Option<Millis>,
    /// The customer's last message that was no click.
    pub typed: Option<Millis>,
    /// What the API sent since.
    pub sent: u32,
    /// The first change to the pool or a servicer gave its code already.
    pub offered: bool,
    pub card: Option<Millis>,
    pub welcomed: Option<Millis>,
    /// When and how the customer came in last.
    pub entered: Option<(Millis, Value)>,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            state: ENDED,
            servicer: None,
            began: 0,
            wrote: None,
            typed: None,
            sent: 0,
            offered: false,
            card: None,
            welcomed: None,
            entered: None,
        }
    }
}

impl Session {
    /// The state by the clock: a session ends 48 hours after it began.
    pub fn state(&mut self, now: Millis) -> u8 {
        if self.state != ENDED && now - self.began >= TWO_DAYS {
            self.enter(ENDED, None);
        }
        self.state
    }

    pub fn enter(&mut self, state: u8, servicer: Option<&str>) {
        self.state = state;
        self.servicer = servicer.filter(|_| state == HUMAN).map(str::to_owned);
    }

    /// The customer says something: an ended session begins anew, with whoever receives.
    pub fn written(&mut self, now: Millis, reception: &str, click: bool, opens: bool) {
        if self.state(now) == ENDED {
            match reception {
                "" => self.enter(FRESH, None),
                "pool" => self.enter(POOL, None),
                servicer => self.enter(HUMAN, Some(servicer)),
            }
            self.began = now;
            self.offered = false;
        }
        if opens {
            self.wrote = Some(now);
            self.sent = 0;
        }
        if !click {
            self.typed = Some(now);
        }
    }

    /// As if other senders had used the window up: so many are left, until then.
    pub fn allow(&mut self, left: u32, until: Millis) {
        self.sent = MOST.saturating_sub(left);
        self.wrote = Some(until - TWO_DAYS);
    }

    /// Whether the customer wrote within 48 hours.
    pub fn window(&self, now: Millis) -> bool {
        self.wrote.is_some_and(|wrote| now - wrote < TWO_DAYS)
    }

    /// A welcome is offered to who had none for 48 hours and has not written.
    pub fn welcomes(&self, now: Millis) -> bool {
        let past = |at: Option<Millis>| at.is_none_or(|at| now - at >= TWO_DAYS);
        past(self.welcomed) && past(self.typed)
    }
}

/// How a customer stands, for phones and tests.
pub fn view(desk: &Desk, customer: &str, now: Millis) -> Value {
    let mut session = desk.sessions.get(customer).cloned().unwrap_or_default();
    let state = session.state(now);
    let open = state <= ASSISTANT && session.window(now);
    let until = session.wrote.unwrap_or(0) + TWO_DAYS;
    let left = if open { MOST.saturating_sub(session.sent) } else { 0 };
    json!({
        "open": open,
        "left": left,
        "until": open.then(|| rfc3339(until)),
        "seconds": if open { (until - now) / 1000 } else { 0 },
        "trigger": "message",
        "state": state,
        "servicer": session.servicer,
    })
}

#[cfg(test)]
mod tests {
    use super::{ENDED, FRESH, HUMAN, POOL, Session, TWO_DAYS};

    #[test]
    fn a_session_begins_with_a_message_and_ends_48_hours_later() {
        let mut session = Session::default();
        assert_eq!(session.state(0), ENDED);
        session.written(10, "", false, true);
        assert_eq!(session.state(10), FRESH);
        session.written(TWO_DAYS - 1, "", false, true);
        assert_eq!(
            session.state(TWO_DAYS + 10),
            ENDED,
            "48 hours after it began, not after the last message"
        );
        assert!(session.window(TWO_DAYS + 10));
    }

    #[test]
    fn reception_decides_who_has_a_new_session() {
        for (reception, state, servicer) in [("", FRESH, None), ("pool", POOL, None), ("lisi", HUMAN, Some("lisi"))] {
            let mut session = Session::default();
            session.written(1, reception, false, true);
            assert_eq!((session.state, session.servicer.as_deref()), (state, servicer));
        }
    }

    #[test]
    fn a_message_refills_and_a_click_only_where_it_opens() {
        let mut session = Session::default();
        session.written(1, "", false, true);
        session.sent = 5;
        session.written(2, "", true, false);
        assert_eq!((session.sent, session.wrote, session.typed), (5, Some(1), Some(1)));
        session.written(3, "", true, true);
        assert_eq!((session.sent, session.wrote, session.typed), (0, Some(3), Some(1)));
    }

    #[test]
    fn a_welcome_is_for_who_has_neither_written_nor_had_one() {
        let mut session = Session::default();
        assert!(session.welcomes(0));
        session.welcomed = Some(0);
        assert!(!session.welcomes(TWO_DAYS - 1));
        assert!(session.welcomes(TWO_DAYS));
        session.typed = Some(TWO_DAYS);
        assert!(!session.welcomes(TWO_DAYS + 1));
    }
}
