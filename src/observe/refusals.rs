//! Which callbacks did we turn away, and why? The last reason of each kind, per account, for the operator.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    error::{Code, Fault},
    ports::clock::Millis,
};

/// More accounts than this are not kept apart; only bound accounts have a name here, so nobody outside can fill it.
const MAX_KINDS: usize = 100_000;

/// Refusals of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: Code,
    pub count: u64,
    pub last: Millis,
    /// The reason, in the words of the last one.
    pub detail: String,
}

/// All refusals of late.
#[derive(Default)]
pub struct Refusals(Mutex<BTreeMap<(String, Code), Refusal>>);

impl Refusals {
    pub fn note(&self, account: &str, fault: &Fault, now: Millis) {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (account.to_owned(), fault.code);
        if kinds.len() >= MAX_KINDS && !kinds.contains_key(&key) {
            return;
        }
        let kind = kinds.entry(key).or_insert_with(|| Refusal {
            code: fault.code,
            count: 0,
            last: now,
            detail: String::new(),
        });
        kind.count += 1;
        kind.last = now;
        kind.detail.clone_from(&fault.detail);
    }

    /// What an earlier run counted of a kind comes to what this one has.
    pub fn restore(&self, account: &str, earlier: Refusal) {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kinds.get_mut(&(account.to_owned(), earlier.code)) {
            Some(kind) => kind.count += earlier.count,
            None => drop(kinds.insert((account.to_owned(), earlier.code), earlier)),
        }
    }

    /// Forgets kinds whose last refusal is older.
    pub fn forget_before(&self, moment: Millis) {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.retain(|_, kind| kind.last >= moment);
    }

    /// What was refused of one account; `""` for unknown ones.
    pub fn of(&self, account: &str) -> Vec<Refusal> {
        let kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = (account.to_owned(), Code::BadSignature);
        let of_account = kinds.range(from..).take_while(|((of, _), _)| of == account);
        of_account.map(|(_, refusal)| refusal.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_one_account_do_not_show_at_another() {
        let refusals = Refusals::default();
        refusals.note("shop", &Fault::new(Code::BadSignature, "first"), 1);
        refusals.note("shop", &Fault::new(Code::BadSignature, "second"), 2);
        refusals.note("shop", &Fault::new(Code::Stale, "old"), 3);
        refusals.note("", &Fault::new(Code::AccountUnknown, "who"), 4);
        let of = refusals.of("shop");
        assert_eq!(of.len(), 2);
        assert_eq!((of[0].count, of[0].last, of[0].detail.as_str()), (2, 2, "second"));
        assert_eq!(refusals.of("").len(), 1);
    }
}
