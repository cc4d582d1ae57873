//! How is a whole installation kept elsewhere, and brought back? One file with the database, the media, the key ring and the
//! operator's token; sealed with a passphrase, or readable by its owner alone.
//!
//! The file starts with [`MAGIC`], a version and a mode. Then come sections (`name length (2) ‖ name ‖ size (8) ‖ bytes ‖
//! SHA-256`), ended by a name of length 0: in the clear, or through [`sealed`] under a key that PBKDF2 makes of the passphrase.

mod sealed;
mod sections;

use std::{
    fs,
    io::{self, BufReader, BufWriter, Read, Seek as _, Write},
    os::unix::fs::DirBuilderExt as _,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use rustix::fs::{FlockOperation, flock};
use sections::{Section, Sections};

use crate::{
    error::{Code, Fault},
    ports::{
        chance::{Chance as _, SystemChance},
        store::{Store, StoreError},
    },
    secret::Secret,
    vault::{self, write_private},
    web::needs,
};

const MAGIC: &[u8; 16] = b"wxbridge backup\n";
const VERSION: u8 = 1;
const PLAIN: u8 = 0;
const SEALED: u8 = 1;

const DATABASE: &str = "database";
const KEY_RING: &str = "key-ring";
const OPERATOR_TOKEN: &str = "operator.token";
/// Media files, below the folder of this name in the state folder.
const MEDIA: &str = "media";
/// How the name of the folder begins that a restore fills before anything is in its place.
pub const DRAFT: &str = "restore-";

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{what}: {error}")]
    Io { what: String, error: io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("not a backup of wxbridge")]
    NotABackup,
    #[error("made by a newer version: {0}")]
    Newer(String),
    #[error("sealed with a passphrase: give it with --passphrase-file")]
    PassphraseNeeded,
    #[error("does not open: wrong passphrase, or the file was changed or cut")]
    DoesNotOpen,
    #[error("damaged: {0}")]
    Damaged(String),
    #[error("{} is not empty: a backup is restored into an empty state folder", .0.display())]
    NotEmpty(PathBuf),
    #[error("{} is left of a restore that was interrupted: empty the folder and restore again", .0.display())]
    Interrupted(PathBuf),
    #[error("{} is in use by another process: stop the daemon first", .0.display())]
    InUse(PathBuf),
    #[error("{} holds another key ring than the backup: restore without master_key_file, or add the backup's keys", .0.display())]
    OtherKeyRing(PathBuf),
}

impl BackupError {
    fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        // The reader of a sealed file tells "does not open" through the only error a reader has.
        move |error| match error.kind() {
            io::ErrorKind::InvalidData => Self::DoesNotOpen,
            io::ErrorKind::UnexpectedEof => Self::Damaged("the file ends too early".into()),
            _ => Self::Io { what, error },
        }
    }
}

/// Makes backups of a running installation when an operator asks for one.
pub struct Desk {
    pub store: Arc<dyn Store>,
    /// The state folder.
    pub dir: PathBuf,
    pub master_key_file: Option<PathBuf>,
}

#[async_trait]
impl needs::Backup for Desk {
    async fn write(&self, passphrase: Option<Secret>) -> Result<fs::File, Fault> {
        let key_ring = vault::key_ring(&self.dir, self.master_key_file.as_deref());
        let made = create(self.store.clone(), self.dir.clone(), key_ring, passphrase).await;
        made.map_err(|error| Fault::new(Code::Overloaded, error.to_string()))
    }
}

/// Makes a backup of a running installation: a file without a name inside `dir`, at its start, that is gone when closed.
pub async fn create(
    store: Arc<dyn Store>,
    dir: PathBuf,
    key_ring: PathBuf,
    passphrase: Option<Secret>,
) -> Result<fs::File, BackupError> {
    let inside = dir.display().to_string();
    let copies = tempfile::TempDir::with_prefix_in("backup-", &dir).map_err(BackupError::io(&inside))?;
    let database = copies.path().join(DATABASE);
    store.copy_to(&database).await?;
    let work = tokio::task::spawn_blocking(move || {
        let mut file = tempfile::tempfile_in(&dir).map_err(BackupError::io(&inside))?;
        let out = BufWriter::new(&file);
        write(out, &dir, &database, &key_ring, passphrase.as_ref())?;
        file.rewind().map_err(BackupError::io(&inside))?;
        drop(copies);
        Ok(file)
    });
    work.await
        .unwrap_or_else(|error| Err(BackupError::Damaged(format!("the backup ended early: {error}"))))
}

fn write(
    mut out: impl Write,
    dir: &Path,
    database: &Path,
    key_ring: &Path,
    passphrase: Option<&Secret>,
) -> Result<(), BackupError> {
    let failed = || BackupError::io("the backup file");
    out.write_all(MAGIC).map_err(failed())?;
    match passphrase {
        None => {
            out.write_all(&[VERSION, PLAIN]).map_err(failed())?;
            write_sections(&mut out, dir, database, key_ring)?;
        }
        Some(passphrase) => {
            out.write_all(&[VERSION, SEALED]).map_err(failed())?;
            let mut salt = [0; sealed::SALT_LEN];
            SystemChance::default().fill(&mut salt);
            let mut sealing = sealed::Sealing::start(&mut out, passphrase, salt).map_err(failed())?;
            write_sections(&mut sealing, dir, database, key_ring)?;
            sealing.finish().map_err(failed())?;
        }
    }
    out.flush().map_err(failed())
}

fn write_sections(out: &mut impl Write, dir: &Path, database: &Path, key_ring: &Path) -> Result<(), BackupError> {
    sections::put(out, KEY_RING, key_ring)?;
    let token = dir.join(OPERATOR_TOKEN);
    if token.exists() {
        sections::put(out, OPERATOR_TOKEN, &token)?;
    }
    sections::put(out, DATABASE, database)?;
    for file in files_below(&dir.join(MEDIA))? {
        let Some(name) = file.strip_prefix(dir).ok().and_then(Path::to_str) else {
            continue;
        };
        match sections::put(out, name, &file) {
            // Retention may remove a media file while we walk.
            Err(BackupError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    sections::end(out)
}

fn files_below(dir: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(BackupError::io(folder.display().to_string())(error)),
        };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Where a restored installation goes.
pub struct Target<'a> {
    pub dir: &'a Path,
    /// Name of the database's file in `dir`.
    pub database: &'a str,
    /// `master_key_file` of the configuration.
    pub master_key_file: Option<&'a Path>,
}

/// Whether a backup file is whole; reads all of it.
pub fn verify(file: &Path, passphrase: Option<&Secret>) -> Result<(), BackupError> {
    let mut sections = open(file, passphrase)?;
    while let Some(section) = sections.next()? {
        section.copy_to(&mut io::sink())?;
    }
    Ok(())
}

/// Brings a backup back into an empty state folder. Nothing is in its place until all of it was read and `raise` has given
/// the database a new epoch.
pub fn restore(
    file: &Path,
    passphrase: Option<&Secret>,
    target: &Target<'_>,
    raise: impl FnOnce(&Path) -> Result<u32, StoreError>,
) -> Result<u32, BackupError> {
    let made = !target.dir.exists();
    if !made {
        must_be_empty(target.dir)?;
    }
    // Before the folder is made: an empty one would be taken for an installation's.
    let sections = open(file, passphrase)?;
    // For its owner alone, as the daemon makes it.
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(target.dir)
        .map_err(BackupError::io(target.dir.display().to_string()))?;
    let restored = fill(sections, target, raise);
    if made && restored.is_err() {
        // Only an empty one goes.
        let _ = fs::remove_dir(target.dir);
    }
    restored
}

fn fill(
    mut sections: Sections,
    target: &Target<'_>,
    raise: impl FnOnce(&Path) -> Result<u32, StoreError>,
) -> Result<u32, BackupError> {
    let inside = target.dir.display().to_string();
    let draft = tempfile::TempDir::with_prefix_in(DRAFT, target.dir).map_err(BackupError::io(&inside))?;
    let mut seen = Vec::new();
    while let Some(section) = sections.next()? {
        let to = draft.path().join(place(&section, target)?);
        seen.push(section.name.clone());
        extract(section, &to)?;
    }
    for needed in [DATABASE, KEY_RING] {
        if !seen.iter().any(|name| name == needed) {
            return Err(BackupError::Damaged(format!("it holds no {needed}")));
        }
    }
    let epoch = raise(&draft.path().join(target.database))?;
    settle_key_ring(&draft.path().join(vault::FILE), target.master_key_file)?;
    let mut entries: Vec<_> = fs::read_dir(draft.path())
        .map_err(BackupError::io(&inside))?
        .flatten()
        .collect();
    // The database last: where it is, all of it is.
    entries.sort_by_key(|entry| entry.file_name() == target.database);
    for entry in entries {
        fs::rename(entry.path(), target.dir.join(entry.file_name())).map_err(BackupError::io(&inside))?;
    }
    let folder = fs::File::open(target.dir).map_err(BackupError::io(&inside))?;
    folder.sync_all().map_err(BackupError::io(&inside))?;
    Ok(epoch)
}

fn must_be_empty(dir: &Path) -> Result<(), BackupError> {
    let entries = fs::read_dir(dir).map_err(BackupError::io(dir.display().to_string()))?;
    // A fresh volume has this folder.
    let found = entries.flatten().filter(|entry| entry.file_name() != "lost+found");
    let found: Vec<_> = found.map(|entry| entry.path()).collect();
    let left = found.iter().find(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(DRAFT))
    });
    match left {
        _ if found.is_empty() => Ok(()),
        _ if is_held(dir) => Err(BackupError::InUse(dir.to_owned())),
        Some(left) => Err(BackupError::Interrupted(left.clone())),
        None => Err(BackupError::NotEmpty(dir.to_owned())),
    }
}

/// Whether another process holds a file of this folder: a running daemon holds its lock file. Which one it is belongs to the
/// store.
fn is_held(dir: &Path) -> bool {
    let files = fs::read_dir(dir).into_iter().flatten().flatten();
    files.filter_map(|entry| fs::File::open(entry.path()).ok()).any(|file| {
        let lock = flock(&file, FlockOperation::NonBlockingLockShared);
        lock == Err(rustix::io::Errno::WOULDBLOCK)
    })
}

/// Where a section goes, below the state folder.
fn place(section: &Section<'_>, target: &Target<'_>) -> Result<PathBuf, BackupError> {
    let name = Path::new(&section.name);
    let plain = name.components().all(|part| matches!(part, Component::Normal(_)));
    match section.name.as_str() {
        DATABASE => Ok(target.database.into()),
        KEY_RING => Ok(vault::FILE.into()),
        OPERATOR_TOKEN => Ok(OPERATOR_TOKEN.into()),
        other if plain && other.starts_with("media/") => Ok(name.to_owned()),
        other => Err(BackupError::Newer(format!(
            "it holds {other:?}, which is not known here"
        ))),
    }
}

fn extract(section: Section<'_>, to: &Path) -> Result<(), BackupError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let what = to.display().to_string();
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(BackupError::io(&what))?;
    }
    let mut open = fs::OpenOptions::new();
    open.write(true).create_new(true).mode(0o600);
    let mut file = open.open(to).map_err(BackupError::io(&what))?;
    section.copy_to(&mut file)?;
    file.sync_all().map_err(BackupError::io(&what))
}

/// A configured key ring is the operator's: made when missing, never overwritten.
fn settle_key_ring(restored: &Path, configured: Option<&Path>) -> Result<(), BackupError> {
    let Some(configured) = configured else { return Ok(()) };
    let what = configured.display().to_string();
    let keys = fs::read(restored)
        .map(zeroize::Zeroizing::new)
        .map_err(BackupError::io(&what))?;
    if configured.exists() {
        let there = fs::read(configured)
            .map(zeroize::Zeroizing::new)
            .map_err(BackupError::io(&what))?;
        let text = String::from_utf8_lossy(&there);
        let wanted = String::from_utf8_lossy(&keys);
        if !crate::config::reader::lines(&wanted).all(|key| crate::config::reader::lines(&text).any(|it| it == key)) {
            return Err(BackupError::OtherKeyRing(configured.to_owned()));
        }
    } else {
        write_private(configured, &keys).map_err(BackupError::io(&what))?;
    }
    fs::remove_file(restored).map_err(BackupError::io(&what))
}

fn open(file: &Path, passphrase: Option<&Secret>) -> Result<Sections, BackupError> {
    let what = file.display().to_string();
    let mut input = BufReader::new(fs::File::open(file).map_err(BackupError::io(&what))?);
    let mut head = [0; MAGIC.len() + 2];
    match input.read_exact(&mut head) {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(BackupError::io(&what)(error)),
        Err(_) => return Err(BackupError::NotABackup),
        Ok(()) => {}
    }
    let Some([version, mode]) = head.strip_prefix(MAGIC) else {
        return Err(BackupError::NotABackup);
    };
    if *version != VERSION {
        return Err(BackupError::Newer(format!("version {version}")));
    }
    match (*mode, passphrase) {
        (PLAIN, _) => Ok(Sections::new(Box::new(input))),
        (SEALED, None) => Err(BackupError::PassphraseNeeded),
        (SEALED, Some(passphrase)) => {
            let opening = sealed::Opening::start(input, passphrase).map_err(BackupError::io(&what))?;
            Ok(Sections::new(Box::new(opening)))
        }
        (mode, _) => Err(BackupError::Newer(format!("mode {mode}"))),
    }
}

#[cfg(test)]
mod tests;
