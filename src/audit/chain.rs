//! Does one record follow from the one before? Pure: also for whoever holds nothing but an export.

use serde::{Deserialize, Serialize};

use super::Act;
use crate::tokens::sha256_hex;

/// Both ends of the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// Of the last record; 0: there is none yet.
    pub last: u64,
    pub last_hash: String,
    /// Of the record before the first one that is still kept; 0: the first one is.
    pub before: u64,
    pub before_hash: String,
}

/// What the look at a chain gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    pub whole: bool,
    pub records: u64,
    pub first: u64,
    pub last: u64,
    pub last_hash: String,
    /// What is wrong, in words; empty: nothing.
    pub fault: String,
}

impl Head {
    /// The act as the next link.
    pub fn bind(&mut self, mut act: Act) -> Act {
        self.last += 1;
        act.number = self.last;
        act.hash = hash_of(&act, &self.last_hash);
        self.last_hash.clone_from(&act.hash);
        act
    }

    /// This one is forgotten: the chain begins behind it.
    pub fn begin_behind(&mut self, act: &Act) {
        self.before = act.number;
        self.before_hash.clone_from(&act.hash);
    }
}

fn hash_of(act: &Act, before: &str) -> String {
    let bare = Act {
        hash: String::new(),
        ..act.clone()
    };
    // Texts, numbers and what was JSON before.
    let text = serde_json::to_string(&bare).unwrap_or_default();
    sha256_hex(&format!("{before}\n{text}"))
}

/// Oldest first. Without a head only what stands between the first and the last is known to be whole.
pub fn verify(acts: &[Act], head: Option<&Head>) -> Verified {
    let (first, last) = (acts.first(), acts.last());
    let mut found = Verified {
        records: acts.len() as u64,
        first: first.map_or(0, |act| act.number),
        last: last.map_or(0, |act| act.number),
        last_hash: last.map(|act| act.hash.clone()).unwrap_or_default(),
        ..Verified::default()
    };
    found.fault = fault(acts, head).unwrap_or_default();
    found.whole = found.fault.is_empty();
    found
}

fn fault(acts: &[Act], head: Option<&Head>) -> Option<String> {
    let start = head.map(|head| (head.before, head.before_hash.clone()));
    // What an export begins with is taken as it is, unless it is the very first.
    let mut before = match (start, acts.first()) {
        (Some(start), _) => Some(start),
        (None, Some(act)) if act.number == 1 => Some((0, String::new())),
        (None, _) => None,
    };
    for act in acts {
        if let Some((number, hash)) = &before {
            if act.number != number + 1 {
                return Some(format!("after record {number} comes {}", act.number));
            }
            if act.hash != hash_of(act, hash) {
                return Some(format!("record {} is not what was written", act.number));
            }
        }
        before = Some((act.number, act.hash.clone()));
    }
    let head = head?;
    let (number, hash) = before.unwrap_or_default();
    (number != head.last || hash != head.last_hash)
        .then(|| format!("the log ends at record {number}, not at {}", head.last))
}
