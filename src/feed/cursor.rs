//! Where does a core stand, in words that only we can write? Opaque text: place, epoch and a signature over both and the core.
//!
//! The signature makes a cursor the proof that its place was handed out to this core: nobody acknowledges what was not
//! sent, and nobody's cursor opens another's feed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;

use crate::{
    ports::{chance::Chance, feed::Position, store::Store},
    vault::{
        Vault,
        own_key::{OwnKey, OwnKeyError},
    },
};

const KEY: OwnKey = OwnKey {
    space: "feed",
    key: "cursor-key",
    what: "the feed's cursors",
};
const VERSION: u8 = 1;
/// Version, epoch and place.
const PLAIN: usize = 1 + 4 + 8;
/// As much of the signature as stands in a cursor.
const TAG: usize = 12;

/// What is wrong with a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// We did not write it, or for another core.
    Forged,
    /// It is of another life of the store.
    OtherLife,
}

/// Writes cursors and reads them.
pub struct Cursors {
    key: hmac::Key,
    epoch: u32,
}

impl Cursors {
    pub fn new(key: &[u8; 32], epoch: u32) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            epoch,
        }
    }

    /// With the store's own key: cursors outlive a restart, and a restored backup.
    pub async fn load(store: &dyn Store, vault: &Vault, chance: &dyn Chance) -> Result<Self, OwnKeyError> {
        let key = KEY.load(store, vault, chance).await?;
        Ok(Self::new(&key, store.epoch()))
    }

    pub fn write(&self, core: &str, position: Position) -> String {
        let mut bytes = Vec::with_capacity(PLAIN + TAG);
        bytes.push(VERSION);
        bytes.extend(self.epoch.to_be_bytes());
        bytes.extend(position.to_be_bytes());
        let tag = self.tag(core, &bytes);
        bytes.extend(tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub fn read(&self, core: &str, cursor: &str) -> Result<Position, Bad> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| Bad::Forged)?;
        let (plain, tag) = bytes.split_at_checked(PLAIN).ok_or(Bad::Forged)?;
        if !bool::from(subtle::ConstantTimeEq::ct_eq(tag, &self.tag(core, plain)[..])) {
            return Err(Bad::Forged);
        }
        let (Some((version, rest)), true) = (plain.split_first(), tag.len() == TAG) else {
            return Err(Bad::Forged);
        };
        let (epoch, position) = rest.split_first_chunk::<4>().ok_or(Bad::Forged)?;
        if *version != VERSION || u32::from_be_bytes(*epoch) != self.epoch {
            return Err(Bad::OtherLife);
        }
        let position = position.first_chunk::<8>().ok_or(Bad::Forged)?;
        Ok(Position::from_be_bytes(*position))
    }

    fn tag(&self, core: &str, plain: &[u8]) -> [u8; TAG] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(plain);
        context.update(core.as_bytes());
        let mut tag = [0; TAG];
        for (to, from) in tag.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_by_its_own_core_and_nobody_else() {
        let cursors = Cursors::new(&[7; 32], 1_700_000_000);
        let cursor = cursors.write("main", 1 << 40);
        assert_eq!(cursors.read("main", &cursor), Ok(1 << 40));
        assert_eq!(cursors.read("other", &cursor), Err(Bad::Forged));
        assert_eq!(
            Cursors::new(&[8; 32], 1_700_000_000).read("main", &cursor),
            Err(Bad::Forged)
        );
        assert_eq!(
            Cursors::new(&[7; 32], 1_800_000_000).read("main", &cursor),
            Err(Bad::OtherLife)
        );
    }

    #[test]
    fn a_cursor_with_any_letter_changed_or_missing_is_refused() {
        let cursors = Cursors::new(&[7; 32], 1_700_000_000);
        let cursor = cursors.write("main", 12);
        for at in 0..cursor.len() {
            for other in ["A", "_", ""] {
                let mut spoilt = cursor.clone();
                spoilt.replace_range(at..=at, other);
                assert!(
                    spoilt == cursor || cursors.read("main", &spoilt) == Err(Bad::Forged),
                    "{spoilt}"
                );
            }
        }
        for text in ["", "0", "1", "main:12", &"A".repeat(10_000)] {
            assert_eq!(cursors.read("main", text), Err(Bad::Forged), "{text}");
        }
    }
}
