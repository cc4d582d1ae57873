//! What did the system say that had an account before us, beside what we said? A bounded memory, for whoever compares the two
//! before an account is switched.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

use crate::{ports::clock::Millis, schema::Timestamp, settings::PassMode};

/// Of each account.
const KEPT: usize = 200;

/// One answer to a callback.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// `success`, `empty`, the message type of a passive answer (`text` …), `sealed` or `structured` where it has none that can
    /// be read, `unlawful` for what the platform would show its fault notice for; empty: there was none.
    pub kind: String,
    /// The text of a passive answer, at its beginning.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// One callback that was handed on.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Handed {
    #[serde(skip)]
    pub number: u64,
    pub time: Timestamp,
    pub account: String,
    /// Empty where it became no event.
    pub event_id: String,
    pub mode: PassMode,
    pub ours: Answer,
    pub old: Answer,
    /// 0: no whole answer came.
    pub old_status: u16,
    pub old_ms: u64,
    /// Why the old answer is none, or not lawful.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fault: String,
    /// Both said the same.
    pub same: bool,
    /// Whose answer the platform got: `ours`, `old`, or `none`.
    pub returned: &'static str,
}

#[derive(Default)]
struct Kept {
    number: u64,
    by_account: HashMap<String, VecDeque<Handed>>,
}

/// What was handed on since the start.
#[derive(Default)]
pub struct HandedOn(Mutex<Kept>);

impl HandedOn {
    pub fn note(&self, mut handed: Handed) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.number += 1;
        handed.number = kept.number;
        let of = kept.by_account.entry(handed.account.clone()).or_default();
        of.push_back(handed);
        if of.len() > KEPT {
            of.pop_front();
        }
    }

    /// Newest first; of one account, or of all.
    pub fn list(&self, account: Option<&str>) -> Vec<Handed> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = kept
            .by_account
            .iter()
            .filter(|(of, _)| account.is_none_or(|id| id == of.as_str()));
        let mut all: Vec<Handed> = wanted.flat_map(|(_, handed)| handed.iter().cloned()).collect();
        all.sort_by_key(|handed| std::cmp::Reverse(handed.number));
        all
    }

    /// Of one account, since then.
    pub fn since(&self, account: &str, from: Millis) -> Vec<Handed> {
        let mut found = self.list(Some(account));
        found.retain(|handed| handed.time.millis() >= from);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handed(account: &str, at: Millis) -> Handed {
        Handed {
            number: 0,
            time: Timestamp::from_millis(at),
            account: account.into(),
            event_id: String::new(),
            mode: PassMode::Tee,
            ours: Answer::default(),
            old: Answer::default(),
            old_status: 200,
            old_ms: 1,
            fault: String::new(),
            same: true,
            returned: "ours",
        }
    }

    #[test]
    fn the_last_ones_of_each_account_are_kept_and_no_more() {
        let all = HandedOn::default();
        all.note(handed("other", 0));
        for at in 1..=250 {
            all.note(handed("shop", at));
        }
        let of_shop = all.list(Some("shop"));
        assert_eq!((of_shop.len(), of_shop[0].time.millis()), (KEPT, 250));
        assert_eq!(all.list(None).len(), KEPT + 1);
        assert_eq!(all.since("shop", 241).len(), 10);
    }
}
