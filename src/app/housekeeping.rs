//! What happens every minute and every hour? The answer ledger is written, and what is past its time is forgotten.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::web::Data;
use tokio::task::JoinSet;

use super::{aside, house::House};
use crate::{
    accounts::Registry,
    audit::Audit,
    config::Config,
    delivery,
    doctor::agents,
    media::Library,
    observe, outbound,
    ports::{
        clock::{Clock, Millis},
        store::{Retention, Store},
    },
    web,
};

const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;
const EVERY: Duration = Duration::from_secs(3_600);
/// A smaller step takes no more than a part of what is kept the shortest.
const JUMP: Millis = 24 * HOUR;
/// Time for an operator to set the clock right; after it the clock is believed.
const DOUBT: Duration = Duration::from_secs(24 * 3_600);

/// How long each thing is kept.
#[derive(Clone, Copy)]
struct Keep {
    store: Retention,
    media: Millis,
    aside: aside::Keep,
}

/// The files, and who may want one at any time.
struct Shelf {
    library: Arc<Library>,
    registry: Arc<Registry>,
    audit: Arc<Audit>,
}

impl Shelf {
    /// Thumbnails that accounts use where a core gives none.
    fn pinned(&self) -> HashSet<String> {
        let accounts = self.registry.all();
        let thumbs = accounts.iter().map(|opened| opened.settings.default_thumb.clone());
        thumbs.filter(|handle| !handle.is_empty()).collect()
    }
}

/// Starts what goes on beside the work; it ends when the set is dropped.
pub fn start(config: &Config, house: &House) -> JoinSet<()> {
    let keep = Keep {
        store: Retention {
            events: config.retention.events,
            idempotency: config.retention.idempotency,
        },
        media: config.retention.media,
        aside: aside::Keep {
            aside: config.retention.aside,
            audit: config.retention.audit,
        },
    };
    let mut tasks = JoinSet::new();
    let (store, clock) = (house.store.clone(), house.clock.clone());
    tasks.spawn(observe::ledger::keep(
        house.observer.clone(),
        store.clone(),
        clock.clone(),
    ));
    tasks.spawn(house.observed.clone().keep());
    let shelf = Shelf {
        library: house.library.clone(),
        registry: house.state.registry.clone(),
        audit: house.state.audit.clone(),
    };
    tasks.spawn(watch_the_day(house.state.clone()));
    let doctor = &house.state.doctor;
    tasks.spawn(agents::watch(
        doctor.probes.clone(),
        doctor.registry.clone(),
        clock.clone(),
    ));
    tasks.spawn(sweep_hourly(store, shelf, clock, keep));
    // Whatever it has begun when it ends is begun anew by the next run.
    if let Some(fetcher) = &house.fetcher {
        tasks.spawn(fetcher.clone().run());
    }
    tasks
}

/// How many minutes of the charts a crash may cost.
const UNWRITTEN: u32 = 5;

/// Looks at the metrics every minute, for the charts.
async fn watch_the_day(state: Data<web::State>) {
    let (day, store) = (&state.observer.day, &*state.store);
    if let Err(error) = day.reload(store, state.clock.now()).await {
        tracing::warn!(%error, "the charts start empty");
    }
    for minute in 1_u32.. {
        state.clock.sleep_until(state.clock.now() + MINUTE).await;
        web::admin::sample_day(&state);
        if minute.is_multiple_of(UNWRITTEN)
            && let Err(error) = day.flush(store, state.clock.now()).await
        {
            tracing::warn!(%error, "the charts could not be written; it will be tried again");
        }
    }
}

/// Not at once: a start has better things to do.
async fn sweep_hourly(store: Arc<dyn Store>, shelf: Shelf, clock: Arc<dyn Clock>, keep: Keep) {
    let started = Instant::now();
    let mut watch = Watch::new(clock.now(), started.elapsed());
    let mut last = None;
    loop {
        clock.sleep_until(clock.now() + MINUTE).await;
        let (now, steady) = (clock.now(), started.elapsed());
        if let Some(ahead) = watch.look(now, steady) {
            let hours = ahead / HOUR;
            tracing::error!(
                hours,
                "the clock jumped ahead: nothing is forgotten for a day; set it right meanwhile"
            );
        }
        if watch.believes(steady) && last.is_none_or(|last| steady - last >= EVERY) {
            sweep(&*store, &shelf, now, keep).await;
            last = Some(steady);
        }
    }
}

/// Is the clock to be believed when it says that something is past its time? Not right after it jumped ahead: what waits
/// for a core would be forgotten, and the platform's repetitions taken for new.
struct Watch {
    now: Millis,
    steady: Duration,
    doubted_until: Duration,
}

impl Watch {
    fn new(now: Millis, steady: Duration) -> Self {
        Self {
            now,
            steady,
            doubted_until: Duration::ZERO,
        }
    }

    /// Compares the clock with the time that passed; by how much it jumped ahead.
    fn look(&mut self, now: Millis, steady: Duration) -> Option<Millis> {
        let passed = Millis::try_from((steady - self.steady).as_millis()).unwrap_or(Millis::MAX);
        let ahead = now.saturating_sub(self.now).saturating_sub(passed);
        (self.now, self.steady) = (now, steady);
        let jumped = ahead >= JUMP;
        if jumped {
            self.doubted_until = steady + DOUBT;
        }
        jumped.then_some(ahead)
    }

    fn believes(&self, steady: Duration) -> bool {
        steady >= self.doubted_until
    }
}

/// One that fails is tried again in an hour, and does not keep the others from it.
async fn sweep(store: &dyn Store, shelf: &Shelf, now: Millis, keep: Keep) {
    match store.sweep(now, keep.store).await {
        Ok(swept) => tracing::info!(
            events = swept.events,
            messages = swept.messages,
            gaps = swept.gaps,
            "what was past its time is forgotten"
        ),
        Err(error) => tracing::warn!(%error, "what is past its time could not be forgotten"),
    }
    if let Err(error) = outbound::forget_old_tickets(store, now).await {
        tracing::warn!(%error, "old codes of the platform are not forgotten yet");
    }
    if let Err(error) = outbound::forget_old_codes(store, now).await {
        tracing::warn!(%error, "who used old codes of the platform is not forgotten yet");
    }
    if let Err(error) = delivery::forget_old_failures(store).await {
        tracing::warn!(%error, "how long old events failed is not forgotten yet");
    }
    if let Err(error) = outbound::forget_old_media(store, now).await {
        tracing::warn!(%error, "the platform's old media ids could not be forgotten");
    }
    aside::sweep(store, &shelf.audit, now, keep.aside).await;
    match shelf.library.sweep(keep.media, &shelf.pinned()).await {
        Ok(0) => {}
        Ok(files) => tracing::info!(files, "media files past their time are gone"),
        Err(error) => tracing::warn!(%error, "media files past their time could not be removed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        media::Label,
        ports::{
            chance::SystemChance,
            clock::ManualClock,
            store::{ConversationId, RecordWrite, Stored},
        },
        schema::v1,
        web::testing::{FakeStore, NOW},
    };

    #[test]
    fn a_clock_that_jumps_ahead_is_not_believed_for_a_day() {
        let hours = |count: u64| Duration::from_secs(count * 3_600);
        let mut watch = Watch::new(NOW, hours(0));
        assert_eq!(watch.look(NOW + HOUR, hours(1)), None);
        assert!(watch.believes(hours(1)));
        // Behind by ten days, and right again: the second step looks like a jump, and is harmless.
        assert_eq!(watch.look(NOW - 240 * HOUR, hours(2)), None);
        assert!(watch.believes(hours(2)));
        assert_eq!(watch.look(NOW + 720 * HOUR, hours(3)), Some(959 * HOUR));
        assert!(!watch.believes(hours(3)));
        assert_eq!(watch.look(NOW + 743 * HOUR, hours(26)), None);
        assert!(!watch.believes(hours(26)));
        assert!(watch.believes(hours(27)), "nobody set it back: it was right");
    }

    #[tokio::test]
    async fn a_store_that_cannot_sweep_does_not_keep_old_files_and_ids() {
        let dir = tempfile::tempdir().expect("a folder");
        let (store, clock) = (Arc::new(FakeStore::default()), Arc::new(ManualClock::at(NOW)));
        let library = Library::new(
            dir.path(),
            store.clone(),
            clock.clone(),
            Arc::new(SystemChance::default()),
        );
        let file = futures_util::stream::iter([Ok::<_, std::io::Error>(b"old")]);
        let id = |key: &str, until: Millis| RecordWrite::Put {
            space: "platform_media",
            key: key.into(),
            value: format!("{{\"id\":\"m\",\"until\":{until}}}").into_bytes(),
        };
        let ids = vec![id("old", NOW), id("new", NOW + 3 * HOUR)];
        assert!(store.write_records(ids).await.expect("written"));
        let there = Stored {
            row: 1,
            conversation: ConversationId(1),
            core: None,
            event: v1::Event {
                id: "there".into(),
                ..Default::default()
            }
            .into(),
        };
        store.events.lock().expect("a lock").push(Arc::new(there));
        let failed = |event: &str| RecordWrite::Put {
            space: "failing",
            key: event.into(),
            value: b"600000".into(),
        };
        let failed = vec![failed("there"), failed("gone")];
        assert!(store.write_records(failed).await.expect("written"));
        let media = library.put(Label::default(), file).await.expect("stored");
        let keep = Keep {
            store: Retention {
                events: HOUR,
                idempotency: HOUR,
            },
            media: HOUR,
            aside: aside::Keep {
                aside: HOUR,
                audit: HOUR,
            },
        };
        clock.set(NOW + 2 * HOUR);
        let shelf = Shelf {
            library: library.clone(),
            registry: Arc::default(),
            audit: Audit::load(store.clone(), clock.clone()).await.expect("read"),
        };
        sweep(&*store, &shelf, clock.now(), keep).await;
        assert!(library.get(&media.handle).await.expect("readable").is_none());
        for (space, kept) in [("platform_media", "new"), ("failing", "there")] {
            let left = store.records(space).await.expect("readable");
            let left: Vec<&str> = left.iter().map(|record| record.key.as_str()).collect();
            assert_eq!(left, [kept], "{space}");
        }
    }
}
