//! How was the last day, minute by minute? A bounded ring of what the metrics gained, sampled once a minute.
//!
//! Costs a callback nothing. The hours that changed go to the store now and then, so that a restart leaves no hole.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use prometheus::{
    IntCounterVec,
    core::Collector as _,
    proto::{LabelPair, Metric},
};
use serde::{Deserialize, Serialize};

use super::Metrics;
use crate::ports::{
    clock::Millis,
    store::{RecordWrite, Store, StoreError},
};

const SPACE: &str = "day";
pub const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;
/// How far back it reaches.
pub const REACH: Millis = 24 * HOUR;

/// What one minute brought.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Minute {
    /// Callbacks by the kind of their answer.
    pub callbacks: BTreeMap<String, u64>,
    /// Of them, how many took at most so many microseconds and more than the bound before; the last bound is `u64::MAX`.
    pub times: BTreeMap<u64, u64>,
    /// Messages by the status they reached.
    pub sends: BTreeMap<String, u64>,
    /// How old the oldest waiting event of each core was at the end, in seconds.
    pub backlog_age: BTreeMap<String, u64>,
}

impl Minute {
    /// What two spans brought together; of ages the worse one.
    pub fn add(&mut self, other: &Self) {
        gain(&mut self.callbacks, &other.callbacks);
        gain(&mut self.times, &other.times);
        gain(&mut self.sends, &other.sends);
        for (core, age) in &other.backlog_age {
            let worst = self.backlog_age.entry(core.clone()).or_default();
            *worst = (*worst).max(*age);
        }
    }

    /// The time, in milliseconds, within which this share of the callbacks was answered: the bound of its bucket.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let all: u64 = self.times.values().sum();
        let mut left = (all as f64 * share).ceil().max(1.0) as u64;
        let (&bound, _) = self.times.iter().find(|(_, count)| {
            let reached = left <= **count;
            left = left.saturating_sub(**count);
            reached
        })?;
        // What took longer than the last bound is shown there.
        let last = self.times.keys().rev().find(|bound| **bound != u64::MAX);
        let shown = if bound == u64::MAX {
            LONGEST.max(*last.unwrap_or(&0))
        } else {
            bound
        };
        Some(shown as f64 / 1000.0)
    }
}

/// The last bound that the histogram has, in microseconds.
const LONGEST: u64 = 5_000_000;

fn gain<K: Ord + Clone>(to: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
    for (name, count) in from {
        *to.entry(name.clone()).or_default() += count;
    }
}

#[derive(Default)]
struct Ring {
    minutes: BTreeMap<Millis, Minute>,
    /// What the metrics said last.
    last: Minute,
    changed: BTreeSet<Millis>,
}

/// The last day.
#[derive(Default)]
pub struct Day(Mutex<Ring>);

impl Day {
    /// Puts down what the metrics gained since the last call; called once a minute.
    pub fn sample(&self, metrics: &Metrics, backlog_age: BTreeMap<String, u64>, now: Millis) {
        let said = totals(metrics);
        let mut ring = self.lock();
        let mut gained = Minute {
            callbacks: gained(&ring.last.callbacks, &said.callbacks),
            times: gained_times(&ring.last.times, &said.times),
            sends: gained(&ring.last.sends, &said.sends),
            backlog_age,
        };
        gained.backlog_age.retain(|_, age| *age > 0);
        ring.last = said;
        let at = now - now.rem_euclid(MINUTE);
        ring.minutes.entry(at).or_default().add(&gained);
        ring.changed.insert(hour_of(at));
        let from = at - REACH;
        ring.minutes.retain(|minute, _| (from + 1..=at).contains(minute));
    }

    /// The minutes of the last day that were seen, oldest first.
    pub fn minutes(&self) -> Vec<(Millis, Minute)> {
        let ring = self.lock();
        ring.minutes.iter().map(|(at, minute)| (*at, minute.clone())).collect()
    }

    /// What an earlier run saw; called once at start.
    pub async fn reload(&self, store: &dyn Store, now: Millis) -> Result<(), StoreError> {
        for record in store.records(SPACE).await? {
            match serde_json::from_slice::<BTreeMap<Millis, Minute>>(&record.value) {
                Ok(minutes) => {
                    let mut ring = self.lock();
                    for (at, minute) in minutes.into_iter().filter(|(at, _)| (now - REACH..=now).contains(at)) {
                        ring.minutes.entry(at).or_default().add(&minute);
                    }
                }
                Err(error) => tracing::warn!(record = %record.key, %error, "an hour of the charts cannot be read"),
            }
        }
        Ok(())
    }

    /// Writes the hours that changed, and drops those that are too old.
    pub async fn flush(&self, store: &dyn Store, now: Millis) -> Result<(), StoreError> {
        let mut writes = self.changed();
        let old = store.records(SPACE).await?.into_iter().filter(|record| {
            let hour = record.key.parse::<Millis>();
            !hour.is_ok_and(|hour| hour > now - REACH - HOUR)
        });
        writes.extend(old.map(|record| RecordWrite::Delete {
            space: SPACE,
            key: record.key,
        }));
        if !writes.is_empty() {
            store.write_records(writes).await?;
        }
        Ok(())
    }

    fn changed(&self) -> Vec<RecordWrite> {
        let mut ring = self.lock();
        let hours = std::mem::take(&mut ring.changed);
        let writes = hours.into_iter().filter_map(|hour| {
            let minutes: BTreeMap<_, _> = ring.minutes.range(hour..hour + HOUR).collect();
            Some(RecordWrite::Put {
                space: SPACE,
                key: format!("{hour:013}"),
                value: serde_json::to_vec(&minutes).ok()?,
            })
        });
        writes.collect()
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hour_of(at: Millis) -> Millis {
    at - at.rem_euclid(HOUR)
}

fn gained<K: Ord + Clone>(before: &BTreeMap<K, u64>, after: &BTreeMap<K, u64>) -> BTreeMap<K, u64> {
    let more = after
        .iter()
        .map(|(name, count)| (name, count.saturating_sub(before.get(name).copied().unwrap_or(0))));
    more.filter(|(_, count)| *count > 0)
        .map(|(name, count)| (name.clone(), count))
        .collect()
}

/// Cumulated buckets became single ones.
fn gained_times(before: &BTreeMap<u64, u64>, after: &BTreeMap<u64, u64>) -> BTreeMap<u64, u64> {
    let mut below = 0;
    let mut single = BTreeMap::new();
    for (bound, count) in after {
        let upto = count.saturating_sub(before.get(bound).copied().unwrap_or(0));
        single.insert(*bound, upto.saturating_sub(below));
        below = upto;
    }
    single.retain(|_, count| *count > 0);
    single
}

/// What the metrics say now: counters since the start, and the histogram's cumulated buckets.
fn totals(metrics: &Metrics) -> Minute {
    let mut callbacks = by_label(&metrics.callbacks, "answer");
    // A check of the address is nobody's word.
    callbacks.remove("echostr");
    let mut said = Minute {
        callbacks,
        sends: by_label(&metrics.sends, "status"),
        ..Minute::default()
    };
    for metric in metrics
        .callback_seconds
        .collect()
        .iter()
        .flat_map(|family| family.get_metric())
    {
        let histogram = metric.get_histogram();
        for bucket in histogram.get_bucket().iter().filter(|it| it.upper_bound().is_finite()) {
            let bound = (bucket.upper_bound() * 1_000_000.0).round() as u64;
            said.times.insert(bound, bucket.cumulative_count());
        }
        said.times.insert(u64::MAX, histogram.get_sample_count());
    }
    said
}

fn by_label(counters: &IntCounterVec, label: &str) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    let named = |metric: &Metric| {
        let pair = metric.get_label().iter().find(|pair| pair.name() == label);
        pair.map(LabelPair::value).unwrap_or_default().to_owned()
    };
    for metric in counters.collect().iter().flat_map(|family| family.get_metric()) {
        *sums.entry(named(metric)).or_default() += metric.get_counter().get_value() as u64;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{observe::Observer, web::testing::FakeStore};

    const NOW: Millis = 1_752_000_000_000;

    fn age(seconds: u64) -> BTreeMap<String, u64> {
        BTreeMap::from([("main".to_owned(), seconds)])
    }

    #[test]
    fn a_minute_holds_what_the_metrics_gained_in_it() {
        let (observer, day) = (Observer::new(), Day::default());
        observer.callback_answered("shop", "official_account", "success", 3.0, None);
        observer.callback_answered("shop", "official_account", "echostr", 3.0, None);
        day.sample(&observer.metrics, age(0), NOW);
        for millis in [3.0, 3.0, 4_800.0, 9_000.0] {
            observer.callback_answered("shop", "official_account", "passive", millis, None);
        }
        observer.send_settled("official_account", "PASSIVE", "SENT");
        day.sample(&observer.metrics, age(90), NOW + MINUTE);
        let minutes = day.minutes();
        let [(_, first), (at, second)] = &minutes[..] else {
            panic!("{minutes:?}")
        };
        assert_eq!(first.callbacks, BTreeMap::from([("success".to_owned(), 1)]));
        assert_eq!(*at, NOW + MINUTE - (NOW + MINUTE).rem_euclid(MINUTE));
        assert_eq!(second.callbacks, BTreeMap::from([("passive".to_owned(), 4)]));
        assert_eq!(second.sends["SENT"], 1);
        assert_eq!(
            (second.quantile(0.5), second.quantile(0.75)),
            (Some(5.0), Some(5_000.0))
        );
        assert_eq!(second.quantile(1.0), Some(5_000.0), "longer than the last bound");
        assert_eq!((first.backlog_age.len(), second.backlog_age["main"]), (0, 90));
        assert_eq!(Minute::default().quantile(0.5), None);
    }

    #[test]
    fn it_never_holds_more_than_a_day() {
        let (observer, day) = (Observer::new(), Day::default());
        for minute in 0..2_000 {
            day.sample(&observer.metrics, age(1), NOW + minute * MINUTE);
        }
        assert_eq!(day.minutes().len(), 1_440);
        // A clock that was set back does not make it grow.
        day.sample(&observer.metrics, age(1), NOW);
        assert_eq!(day.minutes().len(), 1);
    }

    #[tokio::test]
    async fn a_restart_leaves_no_hole_and_old_hours_leave_the_store() {
        let (observer, store) = (Observer::new(), FakeStore::default());
        let before = Day::default();
        before.sample(&observer.metrics, age(7), NOW);
        before.flush(&store, NOW).await.expect("written");
        let after = Day::default();
        after.reload(&store, NOW + MINUTE).await.expect("read");
        assert_eq!(after.minutes(), before.minutes());
        after.flush(&store, NOW + 2 * REACH).await.expect("written");
        assert!(store.records(SPACE).await.expect("read").is_empty());
    }
}
