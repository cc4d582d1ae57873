//! How do copies of the traffic reach other systems? Beside everything else: walked out of the store, batched, sent in order.
//!
//! Nothing is written for a copy when an event is accepted or a message is sent: each *lane*, one type of one forwarder,
//! keeps its place in what is stored and walks on ([`lane`]). A receiver that is slow or away costs disk that is used anyway,
//! and no memory; what the retention forgets before it was copied is counted and said.
//!
//! ```text
//! settings  what may an operator say, which types are there?
//! book      what is protected? The switch, and what each forwarder was before
//! places    where all of that rests
//! derive    which record does an event or a message give?
//! lane      read, batch, send, again until it is taken
//! seal      plain, signed, or encrypted and signed
//! ```

pub mod book;
mod derive;
pub mod lane;
pub mod places;
pub mod seal;
pub mod settings;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json, value::RawValue};
use tokio::{
    sync::{Mutex as Gate, watch},
    task::JoinSet,
};

use crate::{
    observe::Observer,
    ports::{
        chance::Chance,
        clock::{Clock, Millis},
        forward::{Archive, Made, Place, Receivers},
        store::{Row, Store, StoreError},
    },
    schema::Timestamp,
    secret::{masked, masked_query},
};
use book::{Book, Change, Settled};
pub use derive::fields_of;
use lane::{Lane, Status};
use places::{Remembered, Vault};
use settings::{Forwarder, Kind};

/// How often somebody looks whether there is anything new.
const LOOK: Millis = 200;
/// How often cores' records that everybody has are forgotten.
const FORGET: Millis = 3_600_000;

/// What it works with.
pub struct Parts {
    pub archive: Arc<dyn Archive>,
    pub store: Arc<dyn Store>,
    pub receivers: Arc<dyn Receivers>,
    pub vault: Vault,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    pub observer: Arc<Observer>,
    /// Written as the source of WeChat customer service.
    pub kf_code: u32,
    /// What is older is given up.
    pub keep: Millis,
}

/// What an operator sees of each type of each forwarder.
type Lanes = BTreeMap<(String, Kind), Arc<Mutex<Status>>>;

/// What all lanes share.
pub struct Shared {
    archive: Arc<dyn Archive>,
    store: Arc<dyn Store>,
    receivers: Arc<dyn Receivers>,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    observer: Arc<Observer>,
    kf_code: u32,
    keep: Millis,
    book: Mutex<Book>,
    lanes: Mutex<Lanes>,
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn protects(&self, name: &str, kind: Kind) -> bool {
        self.book().protects(name, kind)
    }

    fn status(&self, name: &str, kind: Kind) -> Arc<Mutex<Status>> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.entry((name.to_owned(), kind)).or_default().clone()
    }

    fn seen(&self, name: &str, kind: Kind) -> Status {
        let status = self.status(name, kind);
        status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, name: &str, kind: Kind, result: &str, records: u64) {
        let labels = [name, kind.name(), result];
        self.observer
            .metrics
            .forwarded
            .with_label_values(&labels)
            .inc_by(records);
    }

    fn count_post(&self, name: &str, result: &str) {
        self.observer
            .metrics
            .forward_posts
            .with_label_values(&[name, result])
            .inc();
    }
}

/// A record that a core hands in.
#[derive(Clone, Debug)]
pub struct NewRecord {
    pub kind: Kind,
    pub conversation_key: String,
    /// A JSON object ([`fields_of`]), in the very words it came in.
    pub content: Box<RawValue>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub id: String,
    /// Who will get it; with nobody it was not kept.
    pub forwarders: Vec<String>,
}

/// All forwarders.
pub struct Forward {
    shared: Arc<Shared>,
    vault: Vault,
    configured: Vec<Arc<Forwarder>>,
    places: BTreeMap<(String, Kind), Place>,
    /// One change of the switch at a time: written first, in force then.
    switching: Gate<()>,
}

impl Forward {
    /// Compares the configuration with what was before; what changed is for the audit. Lanes that are new begin at the end
    /// of what is stored now.
    pub async fn prepare(parts: Parts, configured: &[Forwarder]) -> Result<(Arc<Self>, Vec<Change>), StoreError> {
        let Remembered {
            mut book,
            mut places,
            stale,
        } = places::load(&*parts.store, &parts.vault).await?;
        let settled = book.settle(configured);
        let mut writes = Vec::new();
        if stale || !settled.changes.is_empty() {
            writes.extend(places::writes(&book, &parts.vault)?);
        }
        writes.extend(moved(&mut places, &settled));
        let tail = parts.archive.tail().await?;
        writes.extend(fitted(&mut places, configured, tail));
        if !writes.is_empty() {
            parts.store.write_records(writes).await?;
        }
        let shared = Shared {
            archive: parts.archive,
            store: parts.store,
            receivers: parts.receivers,
            clock: parts.clock,
            chance: parts.chance,
            observer: parts.observer,
            kf_code: parts.kf_code,
            keep: parts.keep,
            book: Mutex::new(book),
            lanes: Mutex::default(),
        };
        let forward = Self {
            shared: Arc::new(shared),
            vault: parts.vault,
            configured: configured.iter().cloned().map(Arc::new).collect(),
            places,
            switching: Gate::default(),
        };
        Ok((Arc::new(forward), settled.changes))
    }

    /// Walks every lane until it is told to stop.
    pub async fn run(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        let (told, tail) = watch::channel(Place::default());
        let mut lanes = JoinSet::new();
        for to in &self.configured {
            for kind in &to.types {
                let from = self.places.get(&(to.name.clone(), *kind)).copied().unwrap_or_default();
                let (shared, to) = (self.shared.clone(), to.clone());
                let lane = Lane::new(shared, to, *kind, from, tail.clone(), stopped.clone());
                lanes.spawn(lane.run());
            }
        }
        let watching = async {
            tokio::join!(self.watch(&told), self.forget());
        };
        tokio::select! {
            () = watching => {}
            // Whoever dropped the other end wants no more work either.
            _ = stopped.wait_for(|stop| *stop) => {}
        }
        while let Some(ended) = lanes.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a lane of copies failed; its records wait for the next start");
            }
        }
    }

    /// Tells the lanes when there is something new: one look for all of them, and none where there are none.
    async fn watch(&self, told: &watch::Sender<Place>) {
        if self.configured.is_empty() {
            return std::future::pending().await;
        }
        loop {
            match self.shared.archive.tail().await {
                Ok(tail) => {
                    told.send_if_modified(|known| std::mem::replace(known, tail) != tail);
                }
                Err(error) => {
                    if let Some(left_out) = self.shared.observer.may_say("copies unknown", "") {
                        tracing::warn!(%error, left_out, "nobody can say whether there is anything new to copy");
                    }
                }
            }
            self.shared.clock.sleep_until(self.shared.clock.now() + LOOK).await;
        }
    }

    /// Cores' records go when every lane is past them, or with the retention.
    async fn forget(&self) {
        loop {
            let clock = &self.shared.clock;
            clock.sleep_until(clock.now() + FORGET).await;
            let before = clock.now() - self.shared.keep;
            if let Err(error) = self.shared.archive.forget(self.everybody_has(), before).await {
                tracing::warn!(%error, "records of cores could not be forgotten");
            }
        }
    }

    fn everybody_has(&self) -> Row {
        let lanes = self
            .configured
            .iter()
            .flat_map(|to| to.types.iter().map(|kind| (&to.name, *kind)));
        let places = lanes.map(|(name, kind)| self.shared.seen(name, kind).place.record);
        places.min().unwrap_or(Row::MAX)
    }

    pub fn is_on(&self) -> bool {
        self.shared.book().on
    }

    /// Turns the switch, durably; `None`: it stood so already.
    pub async fn switch(&self, on: bool) -> Result<Option<Change>, StoreError> {
        let _one = self.switching.lock().await;
        let mut book = self.shared.book().clone();
        let Some(change) = book.switch(on) else { return Ok(None) };
        let writes = places::writes(&book, &self.vault)?;
        self.shared.store.write_records(writes).await?;
        *self.shared.book() = book;
        Ok(Some(change))
    }

    /// Keeps a core's record for whoever wants its type.
    pub async fn publish(&self, new: NewRecord) -> Result<Published, StoreError> {
        let wants = |to: &&Arc<Forwarder>| to.types.contains(&new.kind);
        let forwarders: Vec<String> = self.configured.iter().filter(wants).map(|to| to.name.clone()).collect();
        let at = self.shared.clock.now();
        let id = self.new_id(at);
        if !forwarders.is_empty() {
            let made = Made {
                id: id.clone(),
                at,
                kind: new.kind.name().to_owned(),
                conversation_key: new.conversation_key,
                content: new.content,
            };
            self.shared.archive.keep(made).await?;
        }
        Ok(Published { id, forwarders })
    }

    fn new_id(&self, now: Millis) -> String {
        let mut random = [0; 10];
        self.shared.chance.fill(&mut random);
        let id = uuid::Builder::from_unix_timestamp_millis(now.unsigned_abs(), &random);
        id.into_uuid().to_string()
    }

    /// How far each type of each forwarder is.
    pub fn lanes(&self) -> Vec<(String, Kind, Status)> {
        let lanes = self.configured.iter().flat_map(|to| {
            let seen = |kind: &Kind| (to.name.clone(), *kind, self.shared.seen(&to.name, *kind));
            to.types.iter().map(seen)
        });
        lanes.collect()
    }

    /// Every forwarder by name, as an operator may see it.
    pub fn shown(&self) -> Vec<(String, Value)> {
        let mut all: Vec<_> = self
            .configured
            .iter()
            .map(|to| (to.name.clone(), self.show(to)))
            .collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    fn show(&self, to: &Forwarder) -> Value {
        let book = self.shared.book().clone();
        let time = |at: Option<Millis>| at.map(Timestamp::from_millis);
        let lane = |kind: &Kind| {
            let seen = self.shared.seen(&to.name, *kind);
            json!({
                "type": kind.name(),
                "protected": book.protects(&to.name, *kind),
                "sent": seen.sent,
                "expired": seen.expired,
                "lost": seen.lost,
                "failures": seen.failures,
                "lastError": seen.last_error,
                "nextAttempt": time(seen.next_attempt),
                "waitingSince": time(seen.waiting_since),
            })
        };
        json!({
            "name": to.name,
            "url": masked_query(&to.url, masked),
            "mode": to.mode.name(),
            "encrypt": to.encrypt,
            "companyId": to.company_id,
            "key": masked(to.key.expose()),
            "legacyPlain": book.known.get(&to.name).is_some_and(|known| known.legacy_plain),
            "types": to.types.iter().map(lane).collect::<Vec<_>>(),
        })
    }
}

type Places = BTreeMap<(String, Kind), Place>;
type Writes = Vec<crate::ports::store::RecordWrite>;

/// Where a renamed forwarder had come to goes with it.
fn moved(places: &mut Places, settled: &Settled) -> Writes {
    let mut writes = Vec::new();
    for (old, new) in &settled.renamed {
        writes.push(places::forget_name(old));
        for kind in Kind::ALL {
            if let Some(place) = places.remove(&(old.clone(), kind)) {
                writes.extend([places::delete(old, kind), places::put(new, kind, place)]);
                places.insert((new.clone(), kind), place);
            }
        }
    }
    writes
}

/// A lane that is new begins at `tail`; the place of one that is gone is forgotten.
fn fitted(places: &mut Places, configured: &[Forwarder], tail: Place) -> Writes {
    let mut writes = Vec::new();
    let wanted = |name: &str, kind: Kind| configured.iter().any(|to| to.name == name && to.types.contains(&kind));
    places.retain(|(name, kind), _| {
        let stays = wanted(name, *kind);
        if !stays {
            writes.push(places::delete(name, *kind));
        }
        stays
    });
    for to in configured {
        for kind in &to.types {
            places.entry((to.name.clone(), *kind)).or_insert_with(|| {
                writes.push(places::put(&to.name, *kind, tail));
                tail
            });
        }
    }
    writes
}
