//! Was every callback answered? The answer ledger: per account and minute, how many came, how many were answered, how slowly.
//!
//! Memory holds the last two hours; every minute the hours that changed go to the store, so that a restart proves no less.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::ports::{
    clock::{Clock, Millis},
    store::{RecordWrite, Store, StoreError},
};

const SPACE: &str = "ledger";
const MINUTE: Millis = 60_000;
const HOUR: Millis = 3_600_000;
/// How long the ledger is kept.
pub const KEPT: Millis = 24 * HOUR;
/// How much of it stays in memory.
const IN_MEMORY: Millis = 2 * HOUR;

/// One minute of one account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Minute {
    /// Callbacks that came.
    pub received: u64,
    /// Of them, those whose answer left us (503 and closed connections do not count).
    pub answered: u64,
    pub slowest_ms: f64,
    /// How many of each class of answer.
    pub answers: BTreeMap<String, u64>,
}

/// A line of the ledger, as people read it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    pub account: String,
    /// Start of the minute, RFC 3339.
    pub minute: crate::schema::Timestamp,
    #[serde(flatten)]
    pub counts: Minute,
}

/// Sums of a span.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sum {
    pub received: u64,
    pub answered: u64,
    /// Of these, those that were answered with a refusal.
    pub refused: u64,
    pub slowest_ms: f64,
}

/// Minutes of one account in one hour, by start.
type Hour = BTreeMap<Millis, Minute>;
type Hours = HashMap<String, BTreeMap<Millis, Kept>>;

#[derive(Default)]
struct Kept {
    minutes: Hour,
    changed: bool,
}

fn refused(minute: &Minute) -> u64 {
    minute.answers.get("refused").copied().unwrap_or(0)
}

/// The ledger.
#[derive(Default)]
pub struct AnswerLedger {
    hours: Mutex<Hours>,
}

impl AnswerLedger {
    /// A callback ended. `class` is the answer it got.
    pub fn ended(&self, account: &str, class: &'static str, answered: bool, millis: f64, now: Millis) {
        let mut hours = self.lock();
        if !hours.contains_key(account) {
            hours.insert(account.to_owned(), BTreeMap::new());
        }
        let Some(hours) = hours.get_mut(account) else { return };
        let kept = hours.entry(now - now.rem_euclid(HOUR)).or_default();
        kept.changed = true;
        let minute = kept.minutes.entry(now - now.rem_euclid(MINUTE)).or_default();
        minute.received += 1;
        minute.answered += u64::from(answered);
        minute.slowest_ms = minute.slowest_ms.max(millis);
        match minute.answers.get_mut(class) {
            Some(count) => *count += 1,
            None => {
                minute.answers.insert(class.to_owned(), 1);
            }
        }
    }

    /// What came of an account's callbacks since `from`, as far as memory reaches (two hours).
    pub fn sum(&self, account: &str, from: Millis) -> Sum {
        let hours = self.lock();
        let minutes = hours
            .get(account)
            .into_iter()
            .flat_map(|hours| hours.values())
            .flat_map(|kept| kept.minutes.range(from - from.rem_euclid(MINUTE)..));
        minutes.fold(Sum::default(), |sum, (_, minute)| Sum {
            received: sum.received + minute.received,
            answered: sum.answered + minute.answered,
            refused: sum.refused + refused(minute),
            slowest_ms: sum.slowest_ms.max(minute.slowest_ms),
        })
    }

    /// The newest minute since `from` in which anything ended.
    pub fn newest(&self, account: &str, from: Millis) -> Sum {
        let hours = self.lock();
        let minutes = hours.get(account).into_iter().flat_map(|hours| hours.values());
        let newest = minutes
            .flat_map(|kept| kept.minutes.range(from - from.rem_euclid(MINUTE)..))
            .max_by_key(|(start, _)| **start);
        newest.map_or_else(Sum::default, |(_, minute)| Sum {
            received: minute.received,
            answered: minute.answered,
            refused: refused(minute),
            slowest_ms: minute.slowest_ms,
        })
    }

    /// The last 24 hours, newest minute first; from the store, and newer from memory.
    pub async fn lines(&self, store: &dyn Store, account: Option<&str>, now: Millis) -> Result<Vec<Line>, StoreError> {
        let mut all: BTreeMap<(Millis, String), Minute> = BTreeMap::new();
        for record in store.records(SPACE).await? {
            let Some((_, of)) = parse(&record.key) else { continue };
            let minutes: Hour = serde_json::from_slice(&record.value).unwrap_or_default();
            all.extend(minutes.into_iter().map(|(at, minute)| ((at, of.to_owned()), minute)));
        }
        for (of, hours) in self.lock().iter() {
            let minutes = hours.values().flat_map(|kept| kept.minutes.iter());
            all.extend(minutes.map(|(at, minute)| ((*at, of.clone()), minute.clone())));
        }
        let lines = all
            .into_iter()
            .rev()
            .filter(|((at, of), _)| *at > now - KEPT && account.is_none_or(|wanted| wanted == of))
            .map(|((at, account), counts)| Line {
                account,
                minute: crate::schema::Timestamp::from_millis(at),
                counts,
            });
        Ok(lines.collect())
    }

    /// Reads back what memory needs; called once at start.
    pub async fn reload(&self, store: &dyn Store, now: Millis) -> Result<(), StoreError> {
        for record in store.records(SPACE).await? {
            let Some((hour, account)) = parse(&record.key) else {
                continue;
            };
            if hour < now - IN_MEMORY {
                continue;
            }
            match serde_json::from_slice(&record.value) {
                Ok(minutes) => self.add(account, hour, minutes),
                Err(error) => {
                    tracing::warn!(record = %record.key, %error, "an hour of the answer ledger cannot be read")
                }
            }
        }
        Ok(())
    }

    /// What an earlier run counted of an hour comes to what this one has.
    fn add(&self, account: &str, hour: Millis, minutes: Hour) {
        let mut accounts = self.lock();
        let kept = accounts.entry(account.to_owned()).or_default().entry(hour).or_default();
        for (at, earlier) in minutes {
            let minute = kept.minutes.entry(at).or_default();
            minute.received += earlier.received;
            minute.answered += earlier.answered;
            minute.slowest_ms = minute.slowest_ms.max(earlier.slowest_ms);
            for (class, count) in earlier.answers {
                *minute.answers.entry(class).or_default() += count;
            }
        }
    }

    /// Writes the hours that changed, and drops those that are too old.
    pub async fn flush(&self, store: &dyn Store, now: Millis) -> Result<(), StoreError> {
        let mut writes = self.changed(now);
        let old = store.records(SPACE).await?;
        writes.extend(
            old.into_iter()
                .filter(|record| parse(&record.key).is_none_or(|(hour, _)| hour < now - KEPT - HOUR))
                .map(|record| RecordWrite::Delete {
                    space: SPACE,
                    key: record.key,
                }),
        );
        if !writes.is_empty() {
            store.write_records(writes).await?;
        }
        Ok(())
    }

    /// Forgets what [`AnswerLedger::sum`] is not asked for; for a ledger that is not written.
    pub fn trim(&self, now: Millis) {
        for hours in self.lock().values_mut() {
            hours.retain(|hour, _| *hour >= now - IN_MEMORY);
        }
    }

    fn changed(&self, now: Millis) -> Vec<RecordWrite> {
        let mut writes = Vec::new();
        let mut accounts = self.lock();
        for (account, hours) in accounts.iter_mut() {
            for (hour, kept) in hours.iter_mut().filter(|(_, kept)| kept.changed) {
                let Ok(value) = serde_json::to_vec(&kept.minutes) else {
                    continue;
                };
                kept.changed = false;
                let key = format!("{:013}/{account}", hour);
                writes.push(RecordWrite::Put {
                    space: SPACE,
                    key,
                    value,
                });
            }
            hours.retain(|hour, _| *hour >= now - IN_MEMORY - HOUR);
        }
        accounts.retain(|_, hours| !hours.is_empty());
        writes
    }

    fn lock(&self) -> MutexGuard<'_, Hours> {
        self.hours.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `{hour, 13 digits}/{account}`
fn parse(key: &str) -> Option<(Millis, &str)> {
    let (hour, account) = key.split_once('/')?;
    Some((hour.parse().ok()?, account))
}

/// Keeps the ledger in the store, minute by minute, until the task is dropped.
pub async fn keep(observer: Arc<super::Observer>, store: Arc<dyn Store>, clock: Arc<dyn Clock>) {
    if let Err(error) = observer.answers.reload(store.as_ref(), clock.now()).await {
        tracing::warn!(%error, "the answer ledger starts empty");
    }
    loop {
        clock.sleep_until(clock.now() + MINUTE).await;
        observer.cores.trim(clock.now());
        if let Err(error) = observer.answers.flush(store.as_ref(), clock.now()).await {
            tracing::warn!(%error, "the answer ledger could not be written; it will be tried again");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_752_000_000_000;

    #[test]
    fn the_hour_adds_up_and_names_the_slowest() {
        let ledger = AnswerLedger::default();
        ledger.ended("shop", "success", true, 3.0, NOW - 50 * MINUTE);
        ledger.ended("shop", "passive", true, 900.0, NOW);
        ledger.ended("shop", "unavailable", false, 1.0, NOW);
        ledger.ended("other", "success", true, 9_000.0, NOW);
        let sum = ledger.sum("shop", NOW - HOUR);
        assert_eq!((sum.received, sum.answered, sum.slowest_ms), (3, 2, 900.0));
    }

    #[tokio::test]
    async fn a_restart_within_a_minute_counts_on() {
        let store = crate::web::testing::FakeStore::default();
        let before = AnswerLedger::default();
        before.ended("shop", "success", true, 30.0, NOW);
        before.ended("gone", "success", true, 1.0, NOW - 26 * HOUR);
        before.flush(&store, NOW - 26 * HOUR).await.expect("written");
        let after = AnswerLedger::default();
        after.ended("shop", "passive", true, 3.0, NOW);
        after.reload(&store, NOW).await.expect("read");
        let sum = after.sum("shop", NOW - HOUR);
        assert_eq!((sum.received, sum.answered, sum.slowest_ms), (2, 2, 30.0));
        after.flush(&store, NOW).await.expect("written");
        assert_eq!(store.records(SPACE).await.expect("read").len(), 1);
        let lines = after.lines(&store, None, NOW).await.expect("read");
        assert_eq!((lines.len(), lines[0].counts.answers.len()), (1, 2));
    }

    #[test]
    fn only_what_changed_is_written_and_old_hours_leave_memory() {
        let ledger = AnswerLedger::default();
        ledger.ended("shop", "success", true, 3.0, NOW - 10 * HOUR);
        ledger.ended("shop", "success", true, 3.0, NOW);
        assert_eq!(ledger.changed(NOW).len(), 2);
        assert_eq!(ledger.changed(NOW).len(), 0);
        assert_eq!(ledger.sum("shop", 0).received, 1);
    }
}
