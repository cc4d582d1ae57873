//! When is it forgotten what was set aside, and who changed what? Past their time, and the audit log says that it was done.

use crate::{
    audit::{Audit, Deed},
    ports::{
        clock::Millis,
        store::{Store, StoreError},
    },
};

/// Bodies in one look: each may have a megabyte.
const BODIES: usize = 10;
const EVENTS: usize = 100;

/// How long each is kept.
#[derive(Clone, Copy)]
pub struct Keep {
    pub aside: Millis,
    pub audit: Millis,
}

/// Forgets what is past its time. One kind that fails does not keep the others from it.
pub async fn sweep(store: &dyn Store, audit: &Audit, now: Millis, keep: Keep) {
    let bodies = bodies(store, now - keep.aside).await;
    told(audit, "quarantine.expire", "bodies", bodies).await;
    let events = events(store, now - keep.aside).await;
    told(audit, "parked.expire", "events", events).await;
    let acts = audit.forget_before(now - keep.audit).await;
    told(audit, "audit.expire", "records", acts).await;
}

async fn told(audit: &Audit, what: &str, of: &str, gone: Result<usize, StoreError>) {
    match gone {
        Ok(0) => {}
        Ok(count) => {
            let deed = Deed {
                who: "retention".to_owned(),
                what: what.to_owned(),
                target: format!("{count} {of}"),
                ..Deed::default()
            };
            audit.note(vec![deed]).await;
        }
        Err(error) => tracing::warn!(%error, what, "what is past its time could not be forgotten"),
    }
}

/// Oldest first: the first young one ends the walk.
async fn bodies(store: &dyn Store, before: Millis) -> Result<usize, StoreError> {
    let mut gone = 0;
    loop {
        let page = store.quarantined(None, BODIES).await?;
        let old: Vec<_> = page.iter().take_while(|body| body.received < before).collect();
        for body in &old {
            store.release_quarantined(body.row).await?;
        }
        gone += old.len();
        if old.len() < BODIES {
            return Ok(gone);
        }
    }
}

/// In the order of the events, which is not that of their parking.
async fn events(store: &dyn Store, before: Millis) -> Result<usize, StoreError> {
    let (mut gone, mut after) = (0, None);
    loop {
        let page = store.parked(after, EVENTS).await?;
        let Some(last) = page.last() else { return Ok(gone) };
        after = Some(last.row);
        for parked in page.iter().filter(|parked| parked.parked_at < before) {
            gone += usize::from(store.discard(parked.row).await?);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        ports::{
            clock::ManualClock,
            store::{Parked, Quarantined},
        },
        schema::v1,
        web::testing::{FakeStore, NOW},
    };

    const DAY: Millis = 24 * 3_600_000;

    fn body(row: i64, received: Millis) -> Quarantined {
        Quarantined {
            row,
            account: "shop".into(),
            received,
            code: "UNDECODABLE".into(),
            detail: String::new(),
            query: String::new(),
            body: Vec::new(),
            content_type: String::new(),
            key_ids: String::new(),
        }
    }

    fn parked(row: i64, parked_at: Millis) -> Parked {
        Parked {
            row,
            event_id: format!("e{row}"),
            key: String::new(),
            seq: 1,
            core: "main".into(),
            parked_at,
            reason: String::new(),
            event: v1::Event::default(),
        }
    }

    #[tokio::test]
    async fn what_is_past_its_time_goes_and_the_log_says_so() {
        let store = Arc::<FakeStore>::default();
        let clock = ManualClock::at(NOW);
        let audit = Audit::load(store.clone(), Arc::new(clock.clone())).await.expect("read");
        let old = (1..=12).map(|row| body(row, NOW - 31 * DAY));
        store
            .quarantined
            .lock()
            .expect("lock")
            .extend(old.chain([body(13, NOW - 29 * DAY)]));
        let events = [parked(1, NOW - DAY), parked(2, NOW - 31 * DAY), parked(3, NOW - DAY)];
        store.parked.lock().expect("lock").extend(events);
        let keep = Keep {
            aside: 30 * DAY,
            audit: 365 * DAY,
        };
        sweep(&*store, &audit, NOW, keep).await;
        assert_eq!(store.quarantined.lock().expect("lock").len(), 1);
        let left: Vec<i64> = store.parked.lock().expect("lock").iter().map(|it| it.row).collect();
        assert_eq!(left, [1, 3]);
        let said: Vec<String> = audit
            .all()
            .await
            .expect("read")
            .iter()
            .map(|act| format!("{} {}", act.what, act.target))
            .collect();
        assert_eq!(said, ["quarantine.expire 12 bodies", "parked.expire 1 events"]);
        clock.set(NOW + 366 * DAY);
        sweep(&*store, &audit, NOW + 366 * DAY, keep).await;
        assert!(audit.verify().await.expect("read").whole);
        let left = audit.all().await.expect("read");
        assert_eq!(
            (left[0].target.as_str(), left[2].target.as_str()),
            ("1 bodies", "2 records")
        );
    }
}
