//! What is to be fetched, and when again? One record per file, from before the first attempt until the core was told.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{
    media::inbound::Wanted,
    ports::{
        clock::Millis,
        store::{RecordWrite, Row, Store, StoreError},
    },
    schema::v1,
};

pub(super) const JOBS: &str = "media_fetch";
pub(super) const CURSOR: &str = "media_cursor";

const SECOND: Millis = 1_000;
const MINUTE: Millis = 60 * SECOND;
const HOUR: Millis = 60 * MINUTE;
/// The platforms' pages on temporary media: three days.
const KEPT: Millis = 72 * HOUR;
/// After the attempts before; from then on every hour.
const PAUSES: &[Millis] = &[
    2 * SECOND,
    10 * SECOND,
    30 * SECOND,
    2 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
];
/// What somebody must mend first is not asked for sooner than after this pause.
const SLOW: u32 = 4;

/// One file to fetch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Job {
    /// Of the message that speaks of it.
    pub event: String,
    pub account: String,
    /// Of the conversation that it was sent in: an account's id may come to stand for another place on the platform.
    #[serde(default)]
    pub key: String,
    pub kind: Cow<'static, str>,
    pub media_id: String,
    pub url: String,
    pub name: String,
    pub mime: String,
    /// When the platform has forgotten it.
    pub expires: Millis,
    pub attempts: u32,
    pub next: Millis,
}

impl Job {
    pub fn new(event: &v1::Event, wanted: Wanted) -> Self {
        let account = event.conversation.as_ref().and_then(|it| it.account.as_ref());
        let accepted = event.accepted_time.map_or(0, |at| at.millis());
        // Sent before we heard of it, but never after.
        let sent = event.platform_time.map_or(accepted, |at| at.millis()).min(accepted);
        Self {
            event: event.id.clone(),
            account: account.map(|it| it.id.clone()).unwrap_or_default(),
            key: event.conversation.as_ref().map(|it| it.key.clone()).unwrap_or_default(),
            kind: Cow::Borrowed(wanted.kind),
            media_id: wanted.media_id,
            url: wanted.url,
            name: wanted.name,
            mime: wanted.mime,
            expires: sent + KEPT,
            attempts: 0,
            next: 0,
        }
    }

    /// It did not work; `slow`: nor will it soon.
    pub fn failed(&mut self, now: Millis, slow: bool) {
        let step = self.attempts.max(if slow { SLOW } else { 0 });
        let pause = PAUSES.get(step as usize).copied().unwrap_or(HOUR);
        self.attempts = step + 1;
        self.next = now + pause;
        // Its end is told when it has come, not an hour later.
        if now < self.expires {
            self.next = self.next.min(self.expires);
        }
    }

    pub fn put(&self, handle: &str) -> RecordWrite {
        RecordWrite::Put {
            space: JOBS,
            key: handle.to_owned(),
            value: serde_json::to_vec(self).unwrap_or_default(),
        }
    }
}

/// The account of a file with this handle that is on its way.
pub async fn awaited(store: &dyn Store, handle: &str) -> Result<Option<String>, StoreError> {
    let record = store.record(JOBS, handle).await?;
    Ok(record.map(|value| serde_json::from_slice::<Job>(&value).map_or_else(|_| String::new(), |job| job.account)))
}

/// Everything up to this event is noted.
pub(super) fn cursor(row: Row) -> RecordWrite {
    RecordWrite::Put {
        space: CURSOR,
        key: CURSOR.to_owned(),
        value: row.to_string().into_bytes(),
    }
}

/// The cursor, and what is to be fetched, by handle.
pub(super) async fn all(store: &dyn Store) -> Result<(Row, Vec<(String, Job)>), StoreError> {
    let cursor = store.record(CURSOR, CURSOR).await?.unwrap_or_default();
    let cursor = std::str::from_utf8(&cursor).ok().and_then(|row| row.parse().ok());
    let records = store.records(JOBS).await?;
    let read = |record: crate::ports::store::Record| {
        let job = serde_json::from_slice(&record.value).ok()?;
        Some((record.key, job))
    };
    Ok((cursor.unwrap_or(0), records.into_iter().filter_map(read).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_tried_at_once_then_rarer_until_the_platform_has_forgotten_it() {
        let mut job = Job::new(&v1::Event::default(), Wanted::default());
        job.expires = 3 * HOUR;
        assert_eq!(job.next, 0);
        let mut pauses = Vec::new();
        let mut now = 0;
        for _ in 0..9 {
            job.failed(now, false);
            pauses.push((job.next - now) / SECOND);
            now = job.next;
        }
        assert_eq!(pauses, [2, 10, 30, 120, 600, 1_800, 3_600, 3_600, 1_038]);
        job.failed(now, false);
        assert_eq!(job.next - now, HOUR, "telling its end may fail too");
        let mut job = Job {
            attempts: 0,
            expires: Millis::MAX,
            ..job
        };
        job.failed(0, true);
        assert_eq!((job.next, job.attempts), (10 * MINUTE, 5));
    }
}
