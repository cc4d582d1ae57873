//! Which stored file may somebody without a token read, and until when? Links that carry their own permission.
//!
//! `{base}/m/{handle}?e={end, Unix seconds}&s={signature}`: the signature covers handle and end, so that a link opens one
//! file for one time. The key lies sealed in the store; links outlive a restart, and a restored backup.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;

use crate::{
    outbound::LinkMaker,
    ports::{
        chance::Chance,
        clock::{Clock, Millis},
        store::Store,
    },
    vault::{
        Vault,
        own_key::{OwnKey, OwnKeyError},
    },
};

/// No link lives longer.
pub const MOST: Millis = 7 * 24 * 3_600_000;
/// A link may seem to live this much longer when our clock was set back.
const SLACK: Millis = 3_600_000;
const KEY: OwnKey = OwnKey {
    space: "media_links",
    key: "key",
    what: "media links",
};

/// Why a link does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shut {
    /// Not one of ours.
    Forged,
    /// Its time is over.
    Over,
}

/// Makes links to stored files, and tells ours from others.
pub struct Links {
    key: hmac::Key,
    /// Without an address no link can be made; those made before still open.
    base: Option<String>,
    lives: Millis,
}

impl Links {
    /// `base` is `[public] media_url`, or the first of `urls`; `lives` how long files are kept.
    pub fn new(key: &[u8; 32], base: Option<&str>, lives: Millis) -> Arc<Self> {
        Arc::new(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            base: base.map(|base| base.trim_end_matches('/').to_owned()),
            lives: lives.clamp(0, MOST),
        })
    }

    /// With the store's own key.
    pub async fn load(
        store: &dyn Store,
        vault: &Vault,
        chance: &dyn Chance,
        base: Option<&str>,
        lives: Millis,
    ) -> Result<Arc<Self>, OwnKeyError> {
        let key = KEY.load(store, vault, chance).await?;
        Ok(Self::new(&key, base, lives))
    }

    /// A link to `handle` that opens from `now` on; `None` where no address is configured.
    pub fn mint(&self, handle: &str, now: Millis) -> Option<String> {
        let base = self.base.as_ref()?;
        let end = now.saturating_add(self.lives).div_euclid(1000).to_string();
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, &signed(handle, &end)));
        Some(format!("{base}/m/{handle}?e={end}&s={signature}"))
    }

    /// Whether the link with this handle and the query's `e` and `s` opens at `now`. Takes the same time whatever is wrong
    /// with the signature.
    pub fn open(&self, handle: &str, e: &str, s: &str, now: Millis) -> Result<(), Shut> {
        let signature = URL_SAFE_NO_PAD.decode(s).map_err(|_| Shut::Forged)?;
        hmac::verify(&self.key, &signed(handle, e), &signature).map_err(|_| Shut::Forged)?;
        let end = e.parse::<Millis>().map_err(|_| Shut::Forged)?.saturating_mul(1000);
        match (0..=MOST + SLACK).contains(&end.saturating_sub(now)) {
            true => Ok(()),
            false => Err(Shut::Over),
        }
    }

    /// What the outbound side makes its links with.
    pub fn maker(self: &Arc<Self>, clock: Arc<dyn Clock>) -> LinkMaker {
        let links = self.clone();
        Arc::new(move |handle| links.mint(handle, clock.now()))
    }
}

/// The purpose stands first: what this key signs is never something else.
fn signed(handle: &str, end: &str) -> Vec<u8> {
    format!("wxbridge media link\n{handle}\n{end}").into_bytes()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        outbound::testing::MemoryStore,
        ports::{chance::SystemChance, clock::ManualClock},
    };

    const NOW: Millis = 1_800_000_000_000;
    const HANDLE: &str = "0123456789abcdef0123456789abcdef";
    const DAY: Millis = 24 * 3_600_000;

    /// `e` and `s` of a link.
    fn query(link: &str) -> (String, String) {
        let query = link.split_once("?e=").expect("a query").1;
        let (e, s) = query.split_once("&s=").expect("a signature");
        (e.to_owned(), s.to_owned())
    }

    #[test]
    fn a_link_opens_its_own_file_until_its_end() {
        let links = Links::new(&[7; 32], Some("https://media.example.com/"), 3 * DAY);
        let link = links.mint(HANDLE, NOW).expect("an address is configured");
        assert!(
            link.starts_with(&format!("https://media.example.com/m/{HANDLE}?e=")),
            "{link}"
        );
        let (e, s) = query(&link);
        assert_eq!(links.open(HANDLE, &e, &s, NOW), Ok(()));
        assert_eq!(links.open(HANDLE, &e, &s, NOW + 3 * DAY), Ok(()));
        assert_eq!(links.open(HANDLE, &e, &s, NOW + 3 * DAY + 1_000), Err(Shut::Over));
        assert_eq!(links.open(&HANDLE.replace('0', "1"), &e, &s, NOW), Err(Shut::Forged));
        let later = (e.parse::<i64>().expect("a number") + 1).to_string();
        for (e, s) in [
            (later.as_str(), s.as_str()),
            (&format!("+{e}"), &s),
            (&e, ""),
            (&e, "=="),
            ("", &s),
        ] {
            assert_eq!(links.open(HANDLE, e, s, NOW), Err(Shut::Forged), "{e} {s}");
        }
        let other = Links::new(&[8; 32], None, 3 * DAY);
        assert_eq!(other.open(HANDLE, &e, &s, NOW), Err(Shut::Forged));
        assert_eq!(other.mint(HANDLE, NOW), None, "no address, no link");
    }

    #[test]
    fn no_link_lives_over_seven_days() {
        let links = Links::new(&[7; 32], Some("https://a"), 90 * DAY);
        let (e, s) = query(&links.mint(HANDLE, NOW).expect("a link"));
        assert_eq!(links.open(HANDLE, &e, &s, NOW + 7 * DAY), Ok(()));
        assert_eq!(links.open(HANDLE, &e, &s, NOW + 7 * DAY + 1_000), Err(Shut::Over));
        let (e, s) = query(&links.mint(HANDLE, NOW + 30 * DAY).expect("a link"));
        assert_eq!(
            links.open(HANDLE, &e, &s, NOW),
            Err(Shut::Over),
            "made by a clock that ran ahead"
        );
    }

    #[tokio::test]
    async fn a_link_opens_after_a_restart_and_after_the_key_ring_was_changed() {
        const OLD: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        const NEW: &str = "MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
        let store = MemoryStore::new(Arc::new(ManualClock::at(NOW)));
        let load = async |ring: &str| {
            let ring = crate::secret::Secret::new(ring);
            let vault = Vault::from_text(Path::new("ring"), &ring, SystemChance::default()).expect("a ring");
            let chance = SystemChance::default();
            let loaded = Links::load(&*store, &vault, &chance, Some("https://a"), DAY);
            loaded.await.expect("a key")
        };
        let (e, s) = query(&load(OLD).await.mint(HANDLE, NOW).expect("a link"));
        for ring in [OLD, &format!("{OLD}\n{NEW}"), NEW] {
            assert_eq!(load(ring).await.open(HANDLE, &e, &s, NOW), Ok(()));
        }
    }
}
