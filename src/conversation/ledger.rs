//! What may still be sent to this customer? The allowances that triggers open and sends use up.
//!
//! Allowances do not add up: each trigger opens a grant of its own, a send draws on all that are open, so that the
//! largest one is what is left and the longest one says until when. What a customer does while a longer window is open
//! refills that one to what it opens itself (the mini-program guide to customer-service messages).

use std::{borrow::Cow, slice};

use crate::{
    ports::clock::Millis,
    schema::{Timestamp, v1},
};

/// One trigger's grant.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Grant {
    /// `message` | `menu` | `scan` | `follow` | `enter` | `welcome_code` | `msg_code`
    #[prost(string, tag = "1")]
    pub trigger: String,
    /// Absent: the platform sets no count.
    #[prost(uint32, optional, tag = "2")]
    pub remaining: Option<u32>,
    #[prost(int64, tag = "3")]
    pub expires: Millis,
    /// What may be sent, with commas between: one text, because it travels with every message.
    #[prost(string, tag = "4")]
    pub part_types: String,
    /// Inferred, not counted.
    #[prost(bool, tag = "5")]
    pub estimated: bool,
}

impl Grant {
    /// Lets pass only what goes by its code.
    pub fn is_code(&self) -> bool {
        self.trigger.ends_with("_code")
    }

    /// As the core sees it.
    pub fn shown(&self) -> v1::Allowance {
        let basis = match self.estimated {
            true => v1::allowance::Basis::Estimated,
            false => v1::allowance::Basis::Counted,
        };
        v1::Allowance {
            trigger: self.trigger.clone(),
            remaining: self.remaining,
            expires: Some(Timestamp::from_millis(self.expires)),
            part_types: listed(&self.part_types),
            basis: basis as i32,
        }
    }
}

/// A grant that something opens, and how its event shows it: made before the writer has it, on whose one thread every
/// conversation waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    grant: Grant,
    shown: v1::Allowance,
    late_by: Millis,
}

impl Opening {
    pub fn trigger(&self) -> &str {
        &self.grant.trigger
    }

    /// It was opened so long before its grant counts from.
    pub fn late_by(self, late_by: Millis) -> Self {
        Self { late_by, ..self }
    }

    /// Inferred, not counted.
    pub fn estimated(self) -> Self {
        let estimated = true;
        let opening = Self::from(Grant {
            estimated,
            ..self.grant
        });
        opening.late_by(self.late_by)
    }
}

impl From<Grant> for Opening {
    fn from(grant: Grant) -> Self {
        let shown = grant.shown();
        Self {
            grant,
            shown,
            late_by: 0,
        }
    }
}

/// All grants of one customer.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Ledger {
    #[prost(message, repeated, tag = "1")]
    pub grants: Vec<Grant>,
    /// The customer left.
    #[prost(bool, tag = "2")]
    pub unfollowed: bool,
}

/// Whether the ledger lets messages go by the API now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Counted and open; `None` = without count.
    Open(Option<u32>),
    /// Nothing counted is known: try, and learn from the code.
    Unknown,
    /// Counted, and its time is over.
    Closed,
    /// Counted, open in time, used up.
    Spent,
    /// The customer left.
    Unfollowed,
}

impl Ledger {
    /// A trigger opens its grant anew. With it we count again: what was only estimated is forgotten, unless it outlasts what
    /// is known now.
    pub fn open(&mut self, grant: Grant) {
        self.unfollowed = false;
        let outlasts = |old: &Grant| grant.is_code() || old.expires > grant.expires;
        self.grants
            .retain(|old| old.trigger != grant.trigger && (!old.estimated || outlasts(old)));
        if !grant.is_code() {
            for old in self
                .grants
                .iter_mut()
                .filter(|old| !old.is_code() && old.expires > grant.expires)
            {
                // Without a count is more than any.
                old.remaining = old.remaining.zip(grant.remaining).map(|(left, opens)| left.max(opens));
            }
        }
        self.grants.push(grant);
    }

    /// Takes over what an event showed as open: how a state that was behind catches up with its events.
    pub fn adopt(&mut self, shown: &[v1::Allowance]) {
        for allowance in shown {
            self.open(Grant {
                trigger: allowance.trigger.clone(),
                remaining: allowance.remaining,
                expires: allowance.expires.map_or(0, |at| at.millis()),
                part_types: allowance.part_types.join(","),
                estimated: allowance.basis() == v1::allowance::Basis::Estimated,
            });
        }
    }

    /// The customer left: nothing may be sent.
    pub fn unfollow(&mut self) {
        self.unfollowed = true;
        self.grants.clear();
    }

    /// `count` messages went by the API at `now`.
    pub fn spend(&mut self, count: u32, now: Millis) {
        let open = |grant: &&mut Grant| grant.expires > now && !grant.is_code();
        for grant in self.grants.iter_mut().filter(open) {
            if let Some(left) = grant.remaining.as_mut() {
                *left = left.saturating_sub(count);
            }
        }
    }

    /// A message went by the code of that trigger, or was refused by it; one that came since is another.
    pub fn spend_code(&mut self, trigger: &str, expires: Millis) {
        self.grants
            .retain(|grant| grant.trigger != trigger || grant.expires > expires);
    }

    /// The code of that trigger that ends then was neither used nor left behind.
    pub fn has_code(&self, trigger: &str, expires: Millis) -> bool {
        let same = |grant: &Grant| grant.trigger == trigger && grant.expires == expires;
        self.grants.iter().any(same)
    }

    /// Nothing but codes was ever recorded, if anything.
    pub fn has_codes_alone(&self) -> bool {
        self.grants.iter().all(Grant::is_code)
    }

    /// The platform's session left the state it was in, and the codes of that state are dead (`wechat_kf`:
    /// <https://developer.work.weixin.qq.com/document/path/95122>). A welcome code asks for no state.
    pub fn state_left(&mut self) {
        self.grants.retain(|grant| grant.trigger != "msg_code");
    }

    /// The platform says the count is used up (45047). Where we did not know, all our figures were guesses.
    pub fn exhausted(&mut self, now: Millis) {
        let surprised = matches!(self.standing(now), Standing::Open(_));
        for grant in self
            .grants
            .iter_mut()
            .filter(|grant| grant.expires > now && !grant.is_code())
        {
            grant.remaining = Some(0);
            grant.estimated |= surprised;
        }
    }

    /// The platform says the window is over (45015).
    pub fn closed(&mut self, now: Millis) {
        let surprised = matches!(self.standing(now), Standing::Open(_));
        for grant in self.grants.iter_mut().filter(|grant| !grant.is_code()) {
            grant.expires = grant.expires.min(now);
            grant.estimated |= surprised;
        }
    }

    /// What the planner may count on.
    pub fn standing(&self, now: Millis) -> Standing {
        if self.unfollowed {
            return Standing::Unfollowed;
        }
        let counted = || self.grants.iter().filter(|grant| !grant.is_code());
        if counted().next().is_none() || counted().any(|grant| grant.estimated) {
            return Standing::Unknown;
        }
        let open = || counted().filter(|grant| grant.expires > now);
        if open().any(|grant| grant.remaining.is_none()) {
            return Standing::Open(None);
        }
        match open().filter_map(|grant| grant.remaining).max() {
            Some(0) => Standing::Spent,
            Some(left) => Standing::Open(Some(left)),
            None => Standing::Closed,
        }
    }

    /// As the core sees it: what is open at `now`.
    pub fn allowances(&self, now: Millis) -> Vec<v1::Allowance> {
        self.grants
            .iter()
            .filter(|grant| grant.expires > now)
            .map(Grant::shown)
            .collect()
    }

    /// Opens a grant, and tells what is open then.
    pub fn opened<'a>(&mut self, opening: &'a Opening, now: Millis) -> Cow<'a, [v1::Allowance]> {
        let Opening { grant, shown, .. } = opening;
        self.open_like(grant);
        match &self.grants[..] {
            [only] if only.expires > now => Cow::Borrowed(slice::from_ref(shown)),
            _ => Cow::Owned(self.allowances(now)),
        }
    }

    /// Whether what came late would open more than is known: it never shortens a window, or refills a count that was drawn on
    /// since.
    pub fn gains(&self, opening: &Opening, now: Millis) -> bool {
        let Opening { grant, late_by, .. } = opening;
        let since = |it: &Grant| it.trigger == grant.trigger && it.expires + late_by >= grant.expires;
        let known = self.grants.iter().any(since);
        !known && grant.expires > now
    }

    /// As [`open`](Self::open); the grant that is nearly always there already, and alone, is written over in its place.
    fn open_like(&mut self, grant: &Grant) {
        match &mut self.grants[..] {
            [only] if only.trigger == grant.trigger => {
                self.unfollowed = false;
                only.remaining = grant.remaining;
                only.expires = grant.expires;
                only.part_types.clone_from(&grant.part_types);
                only.estimated = grant.estimated;
            }
            _ => self.open(grant.clone()),
        }
    }
}

fn listed(names: &str) -> Vec<String> {
    let names = names.split(',').filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Millis = 3_600_000;

    fn grant(trigger: &str, remaining: u32, expires: Millis) -> Grant {
        Grant {
            trigger: trigger.into(),
            remaining: Some(remaining),
            expires,
            ..Default::default()
        }
    }

    #[test]
    fn allowances_do_not_add_up_and_a_new_message_refills() {
        let mut ledger = Ledger::default();
        ledger.open(grant("message", 5, 48 * HOUR));
        ledger.spend(3, HOUR);
        assert_eq!(ledger.standing(HOUR), Standing::Open(Some(2)));
        ledger.open(grant("message", 5, 50 * HOUR));
        assert_eq!(ledger.standing(2 * HOUR), Standing::Open(Some(5)));
    }

    #[test]
    fn a_menu_click_does_not_reduce_an_open_window() {
        let mut ledger = Ledger::default();
        ledger.open(grant("message", 4, 48 * HOUR));
        ledger.open(grant("menu", 3, 60_000));
        assert_eq!(ledger.standing(1), Standing::Open(Some(4)));
        ledger.spend(4, 1);
        assert_eq!(ledger.standing(1), Standing::Spent);
        assert_eq!(ledger.standing(49 * HOUR), Standing::Closed);
    }

    #[test]
    fn a_tap_in_an_open_window_refills_it_for_as_long_as_it_lasts() {
        let mut ledger = Ledger::default();
        ledger.open(grant("message", 5, 48 * HOUR));
        ledger.spend(5, 1);
        ledger.open(grant("menu", 3, 60_000));
        ledger.spend(1, 2);
        assert_eq!(ledger.standing(3), Standing::Open(Some(2)));
        assert_eq!(ledger.standing(2 * 60_000), Standing::Open(Some(2)));
        let shown = ledger.allowances(3);
        let mut behind = Ledger::default();
        behind.adopt(&shown);
        assert_eq!(behind, ledger);
        assert_eq!(ledger.standing(48 * HOUR), Standing::Closed);
    }

    #[test]
    fn a_short_window_does_not_make_a_long_estimate_forgotten() {
        let mut ledger = Ledger::default();
        ledger.open(grant("message", 5, 48 * HOUR));
        ledger.exhausted(1);
        ledger.open(grant("menu", 3, 60_000));
        assert_eq!(ledger.standing(2), Standing::Unknown);
        assert_eq!(ledger.standing(2 * 60_000), Standing::Unknown);
        ledger.open(grant("message", 5, 50 * HOUR));
        assert_eq!(ledger.standing(2 * 60_000), Standing::Open(Some(5)));
    }

    #[test]
    fn an_opening_shows_what_the_ledger_shows_after_it() {
        let parts = || Grant {
            part_types: "text,image".into(),
            ..grant("message", 5, 48 * HOUR)
        };
        for before in [
            vec![],
            vec![parts()],
            vec![grant("message", 1, HOUR)],
            vec![grant("menu", 3, 60_000)],
            vec![grant("menu", 3, HOUR)],
            vec![grant("menu", 3, HOUR), grant("message", 1, HOUR)],
        ] {
            for opening in [Opening::from(parts()), Opening::from(parts()).estimated()] {
                for now in [1, 30 * 60_000, 49 * HOUR] {
                    let mut ledger = Ledger::default();
                    before.iter().cloned().for_each(|grant| ledger.open(grant));
                    let mut anew = ledger.clone();
                    anew.open(opening.grant.clone());
                    let shown = ledger.opened(&opening, now).into_owned();
                    assert_eq!(ledger, anew, "{before:?}");
                    assert_eq!(shown, ledger.allowances(now), "{before:?} {now}");
                    assert_eq!(
                        ledger
                            .grants
                            .iter()
                            .filter(|it| it.trigger == opening.trigger())
                            .count(),
                        1
                    );
                }
            }
        }
    }

    #[test]
    fn what_may_be_sent_is_shown_and_adopted_again() {
        let mut ledger = Ledger::default();
        ledger.open(Grant {
            part_types: "text,image".into(),
            ..grant("message", 5, HOUR)
        });
        let shown = ledger.allowances(0);
        assert_eq!(shown[0].part_types, ["text", "image"]);
        let mut behind = Ledger::default();
        behind.adopt(&shown);
        assert_eq!(behind, ledger);
        ledger.open(grant("message", 5, HOUR));
        assert!(ledger.allowances(0)[0].part_types.is_empty());
    }

    #[test]
    fn nothing_recorded_means_try() {
        assert_eq!(Ledger::default().standing(0), Standing::Unknown);
    }

    #[test]
    fn a_refusal_we_did_not_foresee_makes_all_figures_estimates() {
        let mut ledger = Ledger::default();
        ledger.open(grant("message", 5, 48 * HOUR));
        ledger.exhausted(HOUR);
        assert_eq!(ledger.standing(HOUR), Standing::Unknown);
        assert_eq!(ledger.allowances(HOUR)[0].basis(), v1::allowance::Basis::Estimated);
        assert_eq!(ledger.allowances(HOUR)[0].remaining, Some(0));
    }

    #[test]
    fn a_refusal_that_we_foresaw_keeps_the_figures_counted() {
        let mut ledger = Ledger::default();
        ledger.open(grant("message", 1, 48 * HOUR));
        ledger.spend(1, HOUR);
        ledger.exhausted(HOUR);
        assert_eq!(ledger.standing(HOUR), Standing::Spent);
    }

    #[test]
    fn who_left_gets_nothing_until_they_come_back() {
        let mut ledger = Ledger::default();
        ledger.open(grant("message", 5, 48 * HOUR));
        ledger.unfollow();
        assert_eq!(ledger.standing(1), Standing::Unfollowed);
        ledger.open(grant("follow", 3, 60_000));
        assert_eq!(ledger.standing(1), Standing::Open(Some(3)));
    }

    #[test]
    fn codes_are_no_part_of_any_count() {
        let code = || grant("msg_code", 1, 60 * HOUR);
        let mut ledger = Ledger::default();
        ledger.open(code());
        assert!(ledger.has_codes_alone());
        assert_eq!(ledger.standing(1), Standing::Unknown, "a code is no window");
        ledger.open(grant("message", 5, 48 * HOUR));
        assert!(!ledger.has_codes_alone());
        ledger.spend(2, 1);
        assert_eq!(ledger.standing(1), Standing::Open(Some(3)));
        assert!(
            ledger.grants.contains(&code()),
            "neither refilled nor spent: {ledger:?}"
        );
        ledger.exhausted(1);
        ledger.closed(1);
        assert!(
            ledger.grants.contains(&code()),
            "what the platform says is not of codes: {ledger:?}"
        );
    }

    #[test]
    fn a_code_is_known_by_its_trigger_and_its_end() {
        let mut ledger = Ledger::default();
        ledger.open(grant("msg_code", 1, HOUR));
        assert!(ledger.has_code("msg_code", HOUR));
        assert!(!ledger.has_code("msg_code", HOUR - 1));
        assert!(!ledger.has_code("welcome_code", HOUR));
        ledger.spend_code("welcome_code", HOUR);
        ledger.spend_code("msg_code", HOUR - 1);
        assert!(ledger.has_code("msg_code", HOUR), "neither was that one");
        ledger.spend_code("msg_code", HOUR);
        assert!(!ledger.has_code("msg_code", HOUR));
    }

    #[test]
    fn a_long_window_does_not_refill_a_short_one_that_was_used_up() {
        let mut ledger = Ledger::default();
        ledger.open(grant("menu", 3, 60_000));
        ledger.spend(3, 1);
        ledger.open(grant("message", 5, 48 * HOUR));
        let left: Vec<_> = ledger.grants.iter().map(|it| it.remaining).collect();
        assert_eq!(left, [Some(0), Some(5)]);
    }

    #[test]
    fn a_window_is_over_at_its_end() {
        let mut ledger = Ledger::default();
        ledger.open(grant("message", 5, HOUR));
        ledger.spend(1, HOUR);
        assert_eq!(
            ledger.grants[0].remaining,
            Some(5),
            "nothing is drawn from what is over"
        );
        ledger.exhausted(HOUR);
        assert_eq!(ledger.grants[0].remaining, Some(5));
        assert_eq!(ledger.standing(HOUR - 1), Standing::Open(Some(5)));
        assert_eq!(ledger.standing(HOUR), Standing::Closed);
        assert_eq!(ledger.allowances(HOUR), []);
    }

    #[test]
    fn an_estimate_that_ends_with_what_is_counted_now_is_forgotten() {
        let mut ledger = Ledger::default();
        ledger.open(grant("menu", 3, HOUR));
        ledger.exhausted(1);
        ledger.open(grant("message", 5, HOUR));
        assert_eq!(ledger.standing(1), Standing::Open(Some(5)));
    }

    #[test]
    fn what_came_late_opens_what_is_newer_than_what_is_known() {
        let mut ledger = Ledger::default();
        ledger.open(grant("message", 1, HOUR));
        let late = |expires, late_by| Opening::from(grant("message", 5, expires)).late_by(late_by);
        assert!(!ledger.gains(&late(HOUR, 0), 1), "that one is known");
        assert!(ledger.gains(&late(HOUR + 1, 0), 1));
        assert!(!ledger.gains(&late(HOUR + 1, 1), 1), "said before what is known was");
        assert!(!ledger.gains(&late(2 * HOUR, 0), 2 * HOUR), "over already");
        let menu = Opening::from(grant("menu", 3, 60_000));
        assert!(ledger.gains(&menu, 1), "nothing of its kind is known");
    }
}
