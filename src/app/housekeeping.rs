//! What happens every minute and every hour? The answer ledger is written, and what is past its time is forgotten.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::house::House;
use crate::{
    config::Config,
    media::Library,
    observe, outbound,
    ports::{
        clock::{Clock, Millis},
        store::{Retention, Store},
    },
};

const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;

/// How long each thing is kept.
#[derive(Clone, Copy)]
struct Keep {
    store: Retention,
    media: Millis,
}

/// Starts what goes on beside the work; it ends when the set is dropped.
pub fn start(config: &Config, house: &House) -> JoinSet<()> {
    let keep = Keep {
        store: Retention {
            events: config.retention.events,
            idempotency: config.retention.idempotency,
        },
        media: config.retention.media,
    };
    let mut tasks = JoinSet::new();
    let (store, clock) = (house.store.clone(), house.clock.clone());
    tasks.spawn(observe::ledger::keep(
        house.observer.clone(),
        store.clone(),
        clock.clone(),
    ));
    tasks.spawn(sweep_hourly(store, house.library.clone(), clock, keep));
    tasks
}

/// Not at once: a start has better things to do.
async fn sweep_hourly(store: Arc<dyn Store>, library: Arc<Library>, clock: Arc<dyn Clock>, keep: Keep) {
    clock.sleep_until(clock.now() + MINUTE).await;
    loop {
        sweep(&*store, &library, clock.now(), keep).await;
        clock.sleep_until(clock.now() + HOUR).await;
    }
}

/// One that fails is tried again in an hour, and does not keep the others from it.
async fn sweep(store: &dyn Store, library: &Library, now: Millis, keep: Keep) {
    match store.sweep(now, keep.store).await {
        Ok(swept) => tracing::info!(
            events = swept.events,
            messages = swept.messages,
            gaps = swept.gaps,
            "what was past its time is forgotten"
        ),
        Err(error) => tracing::warn!(%error, "what is past its time could not be forgotten"),
    }
    if let Err(error) = outbound::forget_old_media(store, now).await {
        tracing::warn!(%error, "the platform's old media ids could not be forgotten");
    }
    match library.sweep(keep.media).await {
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
        ports::{chance::SystemChance, clock::ManualClock, store::RecordWrite},
        web::testing::{FakeStore, NOW},
    };

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
        let media = library.put(Label::default(), file).await.expect("stored");
        let keep = Keep {
            store: Retention {
                events: HOUR,
                idempotency: HOUR,
            },
            media: HOUR,
        };
        clock.set(NOW + 2 * HOUR);
        sweep(&*store, &library, clock.now(), keep).await;
        assert!(library.get(&media.handle).await.expect("readable").is_none());
        let left = store.records("platform_media").await.expect("readable");
        assert_eq!(
            left.iter().map(|record| record.key.as_str()).collect::<Vec<_>>(),
            ["new"]
        );
    }
}
