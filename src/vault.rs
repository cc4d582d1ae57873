//! How do secrets rest on disk? Sealed with AES-256-GCM under a key of the key ring; key, place and name are bound in, so
//! that a sealed value that was moved or copied elsewhere does not open.
//!
//! A sealed value is `version (1) ‖ key id (4) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`. The key ring is a text file: one line
//! per key, 32 bytes in base64, the newest last. New values are sealed with the newest key, any key opens; rotation is one
//! more line and a restart, which seals anew whatever an older one sealed and is still of use.

pub mod own_key;

use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest::{SHA256, digest},
};
use zeroize::Zeroizing;

use crate::{
    config::reader::{lines, read_text},
    ports::chance::{Chance, hex},
    secret::Secret,
};

/// Where the key ring lies when no `master_key_file` is configured.
pub const FILE: &str = "master.key";

const VERSION: u8 = 1;
const ID_LEN: usize = 4;
const KEY_LEN: usize = 32;
const HEAD: usize = 1 + ID_LEN + NONCE_LEN;

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("key ring {}: {error}", file.display())]
    File { file: PathBuf, error: io::Error },
    #[error(
        "no key ring {}, which sealed what the database beside it holds: bring that file back, or restore a backup into \
         another, empty folder",
        file.display()
    )]
    Lost { file: PathBuf },
    #[error("key ring {}, key {number}: expected 32 bytes in base64", file.display())]
    BadKey { file: PathBuf, number: usize },
    #[error("key ring {} holds no key: expected a line of 32 bytes in base64", file.display())]
    NoKey { file: PathBuf },
    #[error("sealed with key {id}, which is not in the key ring: bring back the master key file that sealed it")]
    UnknownKey { id: String },
    #[error("does not open with key {id}: it was changed, or belongs to another place")]
    Broken { id: String },
    #[error("not a sealed value of a version that is known here")]
    NotSealed,
}

struct Key {
    id: [u8; ID_LEN],
    aead: LessSafeKey,
}

/// The key ring, opened.
pub struct Vault {
    keys: Vec<Key>,
    chance: Box<dyn Chance>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.keys.iter().map(|key| hex(&key.id)).collect();
        write!(f, "Vault {{ keys: {ids:?} }}")
    }
}

impl Vault {
    /// Opens a key ring, which is created when missing, readable by its owner alone.
    pub fn open_or_make(file: &Path, chance: impl Chance) -> Result<Self, VaultError> {
        if !file.exists() {
            create(file, &chance).map_err(|error| VaultError::File {
                file: file.to_owned(),
                error,
            })?;
        }
        Self::open(file, chance)
    }

    /// Opens a key ring that must be there.
    pub fn open(file: &Path, chance: impl Chance) -> Result<Self, VaultError> {
        let text = read_text(file).map_err(|error| VaultError::File {
            file: file.to_owned(),
            error,
        })?;
        Self::from_text(file, &text, chance)
    }

    /// Opens a key ring that was read already.
    pub fn from_text(file: &Path, text: &Secret, chance: impl Chance) -> Result<Self, VaultError> {
        let mut keys = Vec::new();
        for (at, text) in lines(text.expose()).enumerate() {
            let key = read_key(text).ok_or_else(|| VaultError::BadKey {
                file: file.to_owned(),
                number: at + 1,
            })?;
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(VaultError::NoKey { file: file.to_owned() });
        }
        Ok(Self {
            keys,
            chance: Box::new(chance),
        })
    }

    /// Seals `plain` for the record `key` of `space`.
    pub fn seal(&self, space: &str, key: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let newest = self.keys.last().ok_or(VaultError::NotSealed)?;
        let mut nonce = [0; NONCE_LEN];
        self.chance.fill(&mut nonce);
        let mut sealed = Vec::with_capacity(HEAD + plain.len() + AES_256_GCM.tag_len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&newest.id);
        sealed.extend_from_slice(&nonce);
        let mut body = Zeroizing::new(plain.to_vec());
        let tag = newest
            .aead
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound(&newest.id, space, key)),
                &mut body,
            )
            // Only a body of many GiB is too long to be sealed.
            .map_err(|_| VaultError::Broken { id: hex(&newest.id) })?;
        sealed.extend_from_slice(&body);
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what [`Vault::seal`] made for the same record.
    pub fn unseal(&self, space: &str, key: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (id, rest) = split(sealed).ok_or(VaultError::NotSealed)?;
        let with = self
            .keys
            .iter()
            .find(|key| key.id == id)
            .ok_or_else(|| VaultError::UnknownKey { id: hex(&id) })?;
        let broken = || VaultError::Broken { id: hex(&id) };
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or_else(broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken())?;
        let mut body = Zeroizing::new(body.to_vec());
        let length = with
            .aead
            .open_in_place(nonce, Aad::from(bound(&id, space, key)), &mut body)
            .map_err(|_| broken())?
            .len();
        body.truncate(length);
        Ok(body)
    }

    /// Whether `sealed` was made with another key than the newest: time to seal it anew.
    pub fn is_stale(&self, sealed: &[u8]) -> bool {
        let newest = self.keys.last().map(|key| key.id);
        split(sealed).map(|(id, _)| id) != newest
    }
}

/// The file of the key ring.
pub fn key_ring(dir: &Path, configured: Option<&Path>) -> PathBuf {
    configured.map_or_else(|| dir.join(FILE), Path::to_owned)
}

fn split(sealed: &[u8]) -> Option<([u8; ID_LEN], &[u8])> {
    let (head, rest) = sealed.split_at_checked(1 + ID_LEN)?;
    match head {
        [VERSION, id @ ..] => Some((id.try_into().ok()?, rest)),
        _ => None,
    }
}

fn read_key(text: &str) -> Option<Key> {
    let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
    if bytes.len() != KEY_LEN {
        return None;
    }
    let id = digest(&SHA256, &bytes).as_ref().get(..ID_LEN)?.try_into().ok()?;
    let aead = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes).ok()?);
    Some(Key { id, aead })
}

/// What is authenticated beside the content; lengths keep `a‖bc` and `ab‖c` apart.
fn bound(id: &[u8; ID_LEN], space: &str, key: &str) -> Vec<u8> {
    let mut bound = b"wxbridge vault\0".to_vec();
    bound.push(VERSION);
    bound.extend_from_slice(id);
    for part in [space, key] {
        bound.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bound.extend_from_slice(part.as_bytes());
    }
    bound
}

/// Written whole or not at all: a crash in between leaves no empty key ring behind.
fn create(file: &Path, chance: &impl Chance) -> io::Result<()> {
    let mut key = Zeroizing::new([0; KEY_LEN]);
    chance.fill(&mut *key);
    let encoded = Zeroizing::new(STANDARD.encode(*key));
    let text = Zeroizing::new(format!(
        "# Seals the secrets of this state folder. Without it they are lost: keep a copy elsewhere.\n{}\n",
        *encoded
    ));
    write_private(file, text.as_bytes())
}

/// Writes a file that only its owner may read, durably and in one step. The folder is created when missing.
pub fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = match file.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    fs::create_dir_all(dir)?;
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let draft = dir.join(name);
    // A draft that a crash left behind may have other permissions: never written into.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut open = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    open.write_all(bytes)?;
    open.sync_all()?;
    fs::rename(&draft, file)?;
    fs::File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::ports::chance::SystemChance;

    const A: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    const B: &str = "MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

    fn vault(text: &str) -> Result<Vault, VaultError> {
        Vault::from_text(Path::new("ring"), &Secret::new(text), SystemChance::default())
    }

    #[test]
    fn what_was_sealed_opens_for_the_same_record_alone() {
        let vault = vault(A).expect("a key");
        let sealed = vault.seal("accounts", "shop", b"hush").expect("sealed");
        assert!(!sealed.windows(4).any(|window| window == b"hush"));
        assert_ne!(
            sealed,
            vault.seal("accounts", "shop", b"hush").expect("sealed"),
            "a fresh nonce each time"
        );
        assert_eq!(
            vault.unseal("accounts", "shop", &sealed).expect("opens").as_slice(),
            b"hush"
        );
        for (space, key) in [("accounts", "shoq"), ("tokens", "shop"), ("accountss", "hop")] {
            assert!(matches!(
                vault.unseal(space, key, &sealed),
                Err(VaultError::Broken { .. })
            ));
        }
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let vault = vault(A).expect("a key");
        let sealed = vault.seal("s", "k", b"hush").expect("sealed");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(vault.unseal("s", "k", &changed).is_err(), "byte {at}");
            assert!(vault.unseal("s", "k", &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn any_key_opens_and_the_newest_seals() {
        let old = vault(A).expect("a key");
        let sealed = old.seal("s", "k", b"x").expect("sealed");
        let both = vault(&format!("# old\n{A}\n\n# new\n{B}\n")).expect("two keys");
        assert!(both.unseal("s", "k", &sealed).is_ok() && both.is_stale(&sealed));
        let fresh = both.seal("s", "k", b"x").expect("sealed");
        assert!(!both.is_stale(&fresh));
        assert!(matches!(
            old.unseal("s", "k", &fresh),
            Err(VaultError::UnknownKey { .. })
        ));
    }

    #[test]
    fn a_key_ring_is_made_once_and_for_its_owner_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("state").join(FILE);
        let first = Vault::open_or_make(&file, SystemChance::default()).expect("created");
        let mode = fs::metadata(&file).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let sealed = first.seal("s", "k", b"x").expect("sealed");
        let again = Vault::open_or_make(&file, SystemChance::default()).expect("opened");
        assert!(again.unseal("s", "k", &sealed).is_ok());
        let typo = file.with_file_name("typo");
        let elsewhere = Vault::open(&typo, SystemChance::default());
        assert!(matches!(elsewhere, Err(VaultError::File { .. })) && !typo.exists());
    }

    #[test]
    fn a_bad_key_ring_is_told_and_nothing_of_it_shown() {
        assert!(matches!(vault("# nothing"), Err(VaultError::NoKey { .. })));
        let error = vault(&format!("{A}\nhush")).expect_err("bad").to_string();
        assert!(error.contains("key 2") && !error.contains("hush"), "{error}");
        assert!(!format!("{:?}", vault(A).expect("a key")).contains("MDEy"));
    }
}
