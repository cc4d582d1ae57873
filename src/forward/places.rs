//! Where does it rest how far each lane came, what each forwarder was, and how the switch stands? Records of one space.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    book::{Book, Known},
    settings::{Kind, Mode},
};
use crate::{
    ports::{
        forward::Place,
        store::{RecordWrite, Store, StoreError},
    },
    secret::Secret,
};

pub const SPACE: &str = "forward";
const SWITCH: &str = "switch";
const NAME: &str = "name/";
const PLACE: &str = "place/";

/// Seals or opens a value that belongs to the record of this key; `None` where it cannot be done.
pub type Turn = Arc<dyn Fn(&str, &[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// Whether it was sealed with an older key than would be taken now.
pub type IsStale = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// Keys of forwarders rest sealed.
#[derive(Clone)]
pub struct Vault {
    pub seal: Turn,
    pub open: Turn,
    pub is_stale: IsStale,
}

impl From<Arc<crate::vault::Vault>> for Vault {
    fn from(keys: Arc<crate::vault::Vault>) -> Self {
        let (opening, looking) = (keys.clone(), keys.clone());
        Self {
            is_stale: Arc::new(move |sealed| looking.is_stale(sealed)),
            seal: Arc::new(move |key, plain| keys.seal(SPACE, key, plain).ok()),
            open: Arc::new(move |key, sealed| opening.unseal(SPACE, key, sealed).ok().map(|plain| plain.to_vec())),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Switch {
    on: bool,
}

/// [`Known`] as it lies in the store, its key sealed and in hex.
#[derive(Serialize, Deserialize)]
struct Kept {
    url: String,
    types: Vec<String>,
    key: Vec<u8>,
    mode: String,
    company_id: String,
    encrypt: bool,
    legacy_plain: bool,
    present: bool,
}

/// Everything that was written.
#[derive(Default)]
pub struct Remembered {
    pub book: Book,
    pub places: BTreeMap<(String, Kind), Place>,
    /// Keys are to be sealed anew: the older key of the key ring may go one day, and a forwarder whose key does not open is
    /// another one.
    pub stale: bool,
}

pub async fn load(store: &dyn Store, vault: &Vault) -> Result<Remembered, StoreError> {
    let mut remembered = Remembered::default();
    for record in store.records(SPACE).await? {
        let broken = |error: serde_json::Error| StoreError::Broken(format!("{SPACE}/{}: {error}", record.key));
        if record.key == SWITCH {
            remembered.book.on = serde_json::from_slice::<Switch>(&record.value).map_err(broken)?.on;
        } else if let Some(name) = record.key.strip_prefix(NAME) {
            let kept = serde_json::from_slice::<Kept>(&record.value).map_err(broken)?;
            let opened = (vault.open)(&record.key, &kept.key);
            remembered.stale |= opened.is_some() && (vault.is_stale)(&kept.key);
            let known = known(opened, kept);
            remembered.book.known.insert(name.to_owned(), known);
        } else if let Some((name, kind)) = record.key.strip_prefix(PLACE).and_then(|rest| rest.split_once('/'))
            && let Some(kind) = Kind::parse(kind)
        {
            let place = serde_json::from_slice(&record.value).map_err(broken)?;
            remembered.places.insert((name.to_owned(), kind), place);
        }
    }
    Ok(remembered)
}

fn known(key: Option<Vec<u8>>, kept: Kept) -> Known {
    // One that does not open is no key that anybody has: whatever is configured now is another one.
    let key = key.and_then(|plain| String::from_utf8(plain).ok());
    Known {
        url: kept.url,
        types: kept.types.iter().filter_map(|name| Kind::parse(name)).collect(),
        key: key.map(Secret::new).unwrap_or_default(),
        mode: match kept.mode == Mode::SobotMd5.name() {
            true => Mode::SobotMd5,
            false => Mode::HmacSha256,
        },
        company_id: kept.company_id,
        encrypt: kept.encrypt,
        legacy_plain: kept.legacy_plain,
        present: kept.present,
    }
}

/// The whole book.
pub fn writes(book: &Book, vault: &Vault) -> Result<Vec<RecordWrite>, StoreError> {
    let mut writes = vec![record(SWITCH.to_owned(), &Switch { on: book.on })];
    for (name, known) in &book.known {
        let record_key = format!("{NAME}{name}");
        let key = (vault.seal)(&record_key, known.key.expose().as_bytes())
            .ok_or_else(|| StoreError::Broken(format!("the key of forwarder {name} cannot be sealed")))?;
        let kept = Kept {
            url: known.url.clone(),
            types: known.types.iter().map(|kind| kind.name().to_owned()).collect(),
            key,
            mode: known.mode.name().to_owned(),
            company_id: known.company_id.clone(),
            encrypt: known.encrypt,
            legacy_plain: known.legacy_plain,
            present: known.present,
        };
        writes.push(record(record_key, &kept));
    }
    Ok(writes)
}

pub fn put(name: &str, kind: Kind, place: Place) -> RecordWrite {
    record(place_key(name, kind), &place)
}

pub fn delete(name: &str, kind: Kind) -> RecordWrite {
    RecordWrite::Delete {
        space: SPACE,
        key: place_key(name, kind),
    }
}

/// A name that is gone after a rename.
pub fn forget_name(name: &str) -> RecordWrite {
    RecordWrite::Delete {
        space: SPACE,
        key: format!("{NAME}{name}"),
    }
}

fn place_key(name: &str, kind: Kind) -> String {
    format!("{PLACE}{name}/{}", kind.name())
}

fn record(key: String, value: &impl Serialize) -> RecordWrite {
    RecordWrite::Put {
        space: SPACE,
        key,
        // Texts, numbers and flags always serialise.
        value: serde_json::to_vec(value).unwrap_or_default(),
    }
}
