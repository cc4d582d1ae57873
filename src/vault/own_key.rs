//! Which keys does a store have of its own? What signs cursors and links: made when there is none, kept sealed, and sealed
//! anew when the key ring has a newer key. Then the older one may go, and what was signed before still opens.

use zeroize::Zeroizing;

use super::{Vault, VaultError};
use crate::ports::{
    chance::Chance,
    store::{RecordWrite, Store, StoreError},
};

/// Bytes of each.
const LENGTH: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum OwnKeyError {
    #[error("the key of {what} cannot be used: {error}")]
    Vault { what: &'static str, error: VaultError },
    #[error("the key of {what} cannot be used: {error}")]
    Store { what: &'static str, error: StoreError },
    #[error("the key of {what} cannot be used: it has not {LENGTH} bytes")]
    Length { what: &'static str },
}

/// One of them: its record, and what it is good for.
pub struct OwnKey {
    pub space: &'static str,
    pub key: &'static str,
    pub what: &'static str,
}

impl OwnKey {
    /// The same one after a restart, and after a backup was restored.
    pub async fn load(
        &self,
        store: &dyn Store,
        vault: &Vault,
        chance: &dyn Chance,
    ) -> Result<Zeroizing<[u8; LENGTH]>, OwnKeyError> {
        let mut key = Zeroizing::new([0; LENGTH]);
        chance.fill(&mut *key);
        let first = RecordWrite::Create {
            space: self.space,
            key: self.key.to_owned(),
            value: self.seal(vault, &key)?,
        };
        if self.write(store, first).await? {
            return Ok(key);
        }
        let kept = store.record(self.space, self.key).await;
        let kept = kept.map_err(|error| self.of_store(error))?.unwrap_or_default();
        let plain = vault.unseal(self.space, self.key, &kept);
        let plain = plain.map_err(|error| self.of_vault(error))?;
        let plain = <&[u8; LENGTH]>::try_from(plain.as_slice());
        key.copy_from_slice(plain.map_err(|_| OwnKeyError::Length { what: self.what })?);
        if vault.is_stale(&kept) {
            let anew = RecordWrite::Put {
                space: self.space,
                key: self.key.to_owned(),
                value: self.seal(vault, &key)?,
            };
            self.write(store, anew).await?;
        }
        Ok(key)
    }

    fn seal(&self, vault: &Vault, key: &[u8; LENGTH]) -> Result<Vec<u8>, OwnKeyError> {
        let sealed = vault.seal(self.space, self.key, key);
        sealed.map_err(|error| self.of_vault(error))
    }

    async fn write(&self, store: &dyn Store, write: RecordWrite) -> Result<bool, OwnKeyError> {
        let written = store.write_records(vec![write]).await;
        written.map_err(|error| self.of_store(error))
    }

    fn of_vault(&self, error: VaultError) -> OwnKeyError {
        OwnKeyError::Vault { what: self.what, error }
    }

    fn of_store(&self, error: StoreError) -> OwnKeyError {
        OwnKeyError::Store { what: self.what, error }
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use super::*;
    use crate::{
        outbound::testing::MemoryStore,
        ports::{chance::SystemChance, clock::ManualClock},
        secret::Secret,
    };

    const OLD: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    const NEW: &str = "MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    const SIGNS: OwnKey = OwnKey {
        space: "signs",
        key: "key",
        what: "signs",
    };

    async fn load(store: &MemoryStore, ring: &str) -> Result<[u8; LENGTH], OwnKeyError> {
        let vault = Vault::from_text(Path::new("ring"), &Secret::new(ring), SystemChance::default());
        let (vault, chance) = (vault.expect("a ring"), SystemChance::default());
        SIGNS.load(store, &vault, &chance).await.map(|key| *key)
    }

    #[tokio::test]
    async fn it_is_made_once_and_opens_without_the_older_key_after_one_start_with_both() {
        let store = MemoryStore::new(Arc::new(ManualClock::at(1)));
        let made = load(&store, OLD).await.expect("made");
        assert_eq!(load(&store, OLD).await.expect("found"), made);
        let sealed = store.record("signs", "key").await.expect("read").expect("there");
        assert!(!sealed.windows(LENGTH).any(|window| window == made));
        assert_eq!(load(&store, &format!("{OLD}\n{NEW}")).await.expect("found"), made);
        assert_eq!(load(&store, NEW).await.expect("the older one may go"), made);
    }

    #[tokio::test]
    async fn one_that_does_not_open_is_never_replaced_in_silence() {
        let store = MemoryStore::new(Arc::new(ManualClock::at(1)));
        load(&store, OLD).await.expect("made");
        let unknown = load(&store, NEW).await.expect_err("sealed with another one");
        assert!(matches!(
            &unknown,
            OwnKeyError::Vault {
                error: VaultError::UnknownKey { .. },
                ..
            }
        ));
        assert!(
            unknown
                .to_string()
                .starts_with("the key of signs cannot be used: sealed with key "),
            "{unknown}"
        );
        let vault = Vault::from_text(Path::new("ring"), &Secret::new(OLD), SystemChance::default()).expect("a ring");
        for value in [b"?".to_vec(), vault.seal("signs", "key", b"short").expect("sealed")] {
            let put = RecordWrite::Put {
                space: "signs",
                key: "key".into(),
                value,
            };
            store.write_records(vec![put]).await.expect("written");
            assert!(load(&store, OLD).await.is_err());
        }
    }
}
