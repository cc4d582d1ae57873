//! What outlives a restart? Tickets, authorisations, codes not yet spent and bind links, each sealed in a record of its own.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    channels::contract::{About, Authorized},
    ports::{
        clock::Millis,
        store::{RecordWrite, Store, StoreError},
    },
    secret::Secret,
    vault::Vault,
};

const TICKETS: &str = "component_tickets";
const AUTHORIZERS: &str = "authorizers";
const CODES: &str = "authorization_codes";
const LINKS: &str = "bind_links";

/// The newest `component_verify_ticket`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    pub value: Secret,
    /// By the platform's clock.
    pub created: Millis,
}

/// How an authorizer stands to us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    #[default]
    Authorized,
    /// It authorised, but its refresh token is lost or dead.
    NeedsReauth,
    Revoked,
}

/// One account that authorised an open platform, served by an account of ours or not (yet).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Authorizer {
    pub standing: Standing,
    /// What the newest thing that changed it says of its time, by the platform's clock.
    pub since: Millis,
    pub refresh: Secret,
    pub about: Option<About>,
    pub sets: Vec<u32>,
    /// The id that the bind link gave to its account.
    pub wanted: String,
    /// Standing and time that the core was last told of.
    pub told: Option<(Standing, Millis)>,
}

impl Authorizer {
    /// What was told last, as something older where other permission sets come: the platform's times are whole seconds, and two
    /// scans may come in one.
    pub fn told_but_for(&self, sets: &[u32]) -> Option<(Standing, Millis)> {
        let older = Millis::from(self.sets != sets);
        self.told.map(|(standing, since)| (standing, since - older))
    }
}

/// A single-use way to the bind page; its record is named by the digest of its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub platform: String,
    /// The id that the account gets, or has.
    pub account: String,
    /// The one account that may be bound by it, where it is one that was bound before.
    pub only: Option<String>,
    pub expires: Millis,
    /// What ties a return to the browser that left.
    pub key: Secret,
    /// Codes that its page gave out, the newest last.
    pub pre_auth: Vec<Secret>,
    pub used: Option<Used>,
}

/// What a link was used for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    pub app_id: String,
    pub at: Millis,
    /// The platform's notice came before the browser: whoever comes back from the page is still to be told.
    pub untold: bool,
}

type Named<T> = BTreeMap<(String, String), T>;

#[derive(Default)]
struct Known {
    tickets: HashMap<String, Ticket>,
    authorizers: Named<Authorizer>,
    codes: Named<Authorized>,
}

/// The durable side. What is read often is in memory too.
pub struct Book {
    store: Arc<dyn Store>,
    vault: Arc<Vault>,
    known: Mutex<Known>,
    /// One change at a time.
    turn: tokio::sync::Mutex<()>,
}

impl Book {
    /// Reads what an earlier run left. What was sealed with an older key is sealed anew.
    pub async fn load(store: Arc<dyn Store>, vault: Arc<Vault>) -> Result<Arc<Self>, StoreError> {
        let book = Self {
            store,
            vault,
            known: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        };
        let tickets = book.all::<Ticket>(TICKETS).await?.into_iter().collect();
        let authorizers = apart(book.all(AUTHORIZERS).await?);
        let codes = apart(book.all(CODES).await?);
        book.all::<Link>(LINKS).await?;
        *book.known() = Known {
            tickets,
            authorizers,
            codes,
        };
        Ok(Arc::new(book))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn ticket(&self, platform: &str) -> Option<Ticket> {
        self.known().tickets.get(platform).cloned()
    }

    /// Keeps a ticket unless a newer one is there; durable when it returns. `false`: it was old.
    pub async fn keep_ticket(&self, platform: &str, ticket: Ticket) -> Result<bool, StoreError> {
        let _turn = self.turn.lock().await;
        if self
            .ticket(platform)
            .is_some_and(|before| before.created > ticket.created)
        {
            return Ok(false);
        }
        self.write(vec![self.put(TICKETS, platform, &ticket)?]).await?;
        self.known().tickets.insert(platform.to_owned(), ticket);
        Ok(true)
    }

    pub fn authorizer(&self, platform: &str, app_id: &str) -> Option<Authorizer> {
        let key = (platform.to_owned(), app_id.to_owned());
        self.known().authorizers.get(&key).cloned()
    }

    pub fn authorizers(&self, platform: &str) -> Vec<(String, Authorizer)> {
        let known = self.known();
        let of = known.authorizers.iter().filter(|((of, _), _)| of == platform);
        of.map(|((_, app_id), it)| (app_id.clone(), it.clone())).collect()
    }

    /// Changes one authorizer, or makes it; durable when it returns. `None` of `change`: nothing is to be changed.
    pub async fn change(
        &self,
        platform: &str,
        app_id: &str,
        change: impl FnOnce(Option<&Authorizer>) -> Option<Authorizer> + Send,
    ) -> Result<Option<Authorizer>, StoreError> {
        let _turn = self.turn.lock().await;
        let before = self.authorizer(platform, app_id);
        let Some(after) = change(before.as_ref()) else {
            return Ok(before);
        };
        if before.as_ref() != Some(&after) {
            let write = self.put(AUTHORIZERS, &joined(platform, app_id), &after)?;
            self.write(vec![write]).await?;
            let key = (platform.to_owned(), app_id.to_owned());
            self.known().authorizers.insert(key, after.clone());
        }
        Ok(Some(after))
    }

    /// An authorisation code that is still to be spent; durable when it returns.
    pub async fn keep_code(&self, platform: &str, code: Authorized) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        let write = self.put(CODES, &joined(platform, &code.app_id), &code)?;
        self.write(vec![write]).await?;
        let key = (platform.to_owned(), code.app_id.clone());
        self.known().codes.insert(key, code);
        Ok(())
    }

    /// Codes that were not spent yet.
    pub fn codes(&self, platform: &str) -> Vec<Authorized> {
        let known = self.known();
        let of = known.codes.iter().filter(|((of, _), _)| of == platform);
        of.map(|(_, code)| code.clone()).collect()
    }

    /// The code was spent, or leads nowhere; a newer one of the same account stays.
    pub async fn drop_code(&self, platform: &str, code: &Authorized) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        let key = (platform.to_owned(), code.app_id.clone());
        if self.known().codes.get(&key) != Some(code) {
            return Ok(());
        }
        let delete = RecordWrite::Delete {
            space: CODES,
            key: joined(platform, &code.app_id),
        };
        self.write(vec![delete]).await?;
        self.known().codes.remove(&key);
        Ok(())
    }

    // ---- bind links: seldom looked at, so they are on disk alone

    pub async fn link(&self, name: &str) -> Result<Option<Link>, StoreError> {
        let sealed = self.store.record(LINKS, name).await?;
        sealed.map(|sealed| self.unseal(LINKS, name, &sealed)).transpose()
    }

    pub async fn links(&self) -> Result<Vec<(String, Link)>, StoreError> {
        self.all(LINKS).await
    }

    pub async fn keep_link(&self, name: &str, link: &Link) -> Result<(), StoreError> {
        self.write(vec![self.put(LINKS, name, link)?]).await
    }

    /// Forgets links whose time was over before this moment.
    pub async fn sweep_links(&self, before: Millis) -> Result<(), StoreError> {
        let links = self.links().await?;
        let over = links.into_iter().filter(|(_, link)| link.expires < before);
        let deletes: Vec<_> = over
            .map(|(name, _)| RecordWrite::Delete {
                space: LINKS,
                key: name,
            })
            .collect();
        if deletes.is_empty() {
            return Ok(());
        }
        self.write(deletes).await
    }

    // ---- records

    async fn write(&self, writes: Vec<RecordWrite>) -> Result<(), StoreError> {
        self.store.write_records(writes).await.map(|_| ())
    }

    fn put<T: Serialize>(&self, space: &'static str, key: &str, value: &T) -> Result<RecordWrite, StoreError> {
        let broken = |error: String| StoreError::Broken(format!("{space} {key}: {error}"));
        let plain = serde_json::to_vec(value).map(zeroize::Zeroizing::new);
        let plain = plain.map_err(|error| broken(error.to_string()))?;
        let value = self.vault.seal(space, key, &plain);
        Ok(RecordWrite::Put {
            space,
            key: key.to_owned(),
            value: value.map_err(|error| broken(error.to_string()))?,
        })
    }

    fn unseal<T: DeserializeOwned>(&self, space: &str, key: &str, sealed: &[u8]) -> Result<T, StoreError> {
        let broken = |error: String| StoreError::Broken(format!("{space} {key}: {error}"));
        let plain = self.vault.unseal(space, key, sealed);
        let plain = plain.map_err(|error| broken(error.to_string()))?;
        serde_json::from_slice(&plain).map_err(|error| broken(error.to_string()))
    }

    async fn all<T: DeserializeOwned>(&self, space: &'static str) -> Result<Vec<(String, T)>, StoreError> {
        let mut found = Vec::new();
        let mut anew = Vec::new();
        for record in self.store.records(space).await? {
            if self.vault.is_stale(&record.value) {
                let plain: serde_json::Value = self.unseal(space, &record.key, &record.value)?;
                anew.push(self.put(space, &record.key, &plain)?);
            }
            let value = self.unseal(space, &record.key, &record.value)?;
            found.push((record.key, value));
        }
        if !anew.is_empty() {
            self.write(anew).await?;
        }
        Ok(found)
    }
}

/// Neither an id nor an AppID has this character.
fn joined(platform: &str, app_id: &str) -> String {
    format!("{platform}/{app_id}")
}

fn apart<T>(records: Vec<(String, T)>) -> Named<T> {
    let records = records.into_iter();
    records
        .filter_map(|(key, value)| {
            let (platform, app_id) = key.split_once('/')?;
            Some(((platform.to_owned(), app_id.to_owned()), value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{ports::chance::SystemChance, web::testing::FakeStore};

    const OLD: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    const NEW: &str = "MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

    async fn book(store: &Arc<FakeStore>, keys: &str) -> Result<Arc<Book>, StoreError> {
        let vault = Vault::from_text(Path::new("ring"), &Secret::new(keys), SystemChance::default());
        Book::load(store.clone(), Arc::new(vault.expect("a key ring"))).await
    }

    fn ticket(value: &str, created: Millis) -> Ticket {
        Ticket {
            value: Secret::new(value),
            created,
        }
    }

    #[tokio::test]
    async fn a_ticket_outlives_a_restart_and_is_replaced_by_newer_ones_alone() {
        let store = Arc::<FakeStore>::default();
        let first = book(&store, OLD).await.expect("a book");
        assert!(first.keep_ticket("p", ticket("two", 2)).await.expect("kept"));
        assert!(!first.keep_ticket("p", ticket("one", 1)).await.expect("looked at"));
        let again = book(&store, OLD).await.expect("a book");
        assert_eq!(again.ticket("p"), Some(ticket("two", 2)));
        assert_eq!(again.ticket("q"), None);
    }

    #[tokio::test]
    async fn what_is_kept_is_sealed_and_sealed_anew_with_a_newer_key() {
        let store = Arc::<FakeStore>::default();
        let first = book(&store, OLD).await.expect("a book");
        let wanted = Authorizer {
            refresh: Secret::new("refreshtoken@@@hush"),
            ..Authorizer::default()
        };
        let kept = first.change("p", "wx1", |_| Some(wanted.clone())).await.expect("kept");
        assert_eq!(kept, Some(wanted.clone()));
        let sealed = || async { store.records(AUTHORIZERS).await.expect("read")[0].value.clone() };
        let before = sealed().await;
        assert!(!before.windows(4).any(|window| window == b"hush"));
        let again = book(&store, &format!("{OLD}\n{NEW}")).await.expect("a book");
        assert_eq!(again.authorizer("p", "wx1"), Some(wanted.clone()));
        assert_ne!(sealed().await, before);
        assert_eq!(
            book(&store, NEW).await.expect("a book").authorizer("p", "wx1"),
            Some(wanted)
        );
        assert!(book(&store, OLD).await.is_err(), "the key that sealed it is needed");
    }

    #[tokio::test]
    async fn a_spent_code_goes_and_a_newer_one_stays() {
        let store = Arc::<FakeStore>::default();
        let book = book(&store, OLD).await.expect("a book");
        let code = |code: &str| Authorized {
            app_id: "wx1".into(),
            code: Secret::new(code),
            pre_auth: Secret::default(),
            created: 1,
            again: false,
        };
        book.keep_code("p", code("a")).await.expect("kept");
        book.keep_code("p", code("b")).await.expect("kept");
        book.drop_code("p", &code("a")).await.expect("dropped");
        assert_eq!(book.codes("p"), [code("b")]);
        book.drop_code("p", &code("b")).await.expect("dropped");
        assert!(book.codes("p").is_empty() && store.records(CODES).await.expect("read").is_empty());
    }
}
