//! What must stand before anything else? The state folder, the keys, the store, and who hears of its commits.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{StartFault, switchboard::Switchboard};
use crate::{
    api_tokens::OPERATOR_FILE,
    backup,
    config::Config,
    delivery, feed,
    inbound::windows::OpenRequests,
    media,
    observe::Observer,
    outbound,
    ports::{
        chance::{Chance, SystemChance},
        clock::{Clock, SystemClock},
        feed::FeedStore,
        forward::Archive,
        store::Store,
    },
    store::sqlite::{self, OpenError, SqliteStore},
    vault::{Vault, VaultError, key_ring},
};

/// Everything that the rest is put upon.
pub struct Ground {
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    pub vault: Arc<Vault>,
    pub store: Arc<dyn Store>,
    /// The same store, as a feed sees it.
    pub feed_store: Arc<dyn FeedStore>,
    pub feed_bells: feed::Bells,
    /// The same store, for whoever copies what is in it.
    pub archive: Arc<dyn Archive>,
    pub windows: Arc<OpenRequests>,
    pub observer: Arc<Observer>,
    pub delivery: delivery::Handle,
    pub inbox: delivery::Inbox,
    pub lanes: outbound::Handle,
    /// Hears which events speak of files.
    pub files: Option<media::fetch::Inbox>,
}

/// Makes the state folder when it is missing, opens the keys and takes the store.
pub async fn prepare(config: &Config, announce: fn(&str)) -> Result<Ground, StartFault> {
    let dir = &config.store.dir;
    let created = folder(dir).map_err(|error| StartFault::Folder {
        dir: dir.clone(),
        error,
    })?;
    if let Some(made) = created {
        announce(&format!("state folder created: {}", made.display()));
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let chance: Arc<dyn Chance> = Arc::new(SystemChance::default());
    let trace = trace(dir);
    // Before keys are made, which would be other ones.
    sqlite::missed(dir, trace.as_deref()).map_err(StartFault::Unopened)?;
    let vault = keys(config)?;
    let windows = OpenRequests::new(clock.clone(), chance.clone());
    let observer = Arc::new(Observer::with_clock(clock.clone()));
    let (delivery, inbox) = delivery::channel();
    let lanes = outbound::Handle::default();
    let (bell, files) = media::fetch::channel();
    let feed_bells = feed::Bells::default();
    let listener = Arc::new(Switchboard {
        windows: windows.clone(),
        observer: observer.clone(),
        delivery: delivery.clone(),
        lanes: lanes.clone(),
        files: bell,
        feeds: feed_bells.clone(),
    });
    let options = sqlite::Options {
        dir: dir.clone(),
        trace,
        reserve: config.store.reserve,
        clock: clock.clone(),
        chance: chance.clone(),
        listener,
    };
    let store = open(options).await?;
    Ok(Ground {
        feed_store: store.clone(),
        feed_bells,
        archive: store.clone(),
        store,
        vault: Arc::new(vault),
        clock,
        chance,
        windows,
        observer,
        delivery,
        inbox,
        lanes,
        files: Some(files),
    })
}

/// A configured key ring must be there, because a wrong path must not make a second key. The one that nobody configured is
/// made with the store.
fn keys(config: &Config) -> Result<Vault, VaultError> {
    let (dir, configured) = (&config.store.dir, config.store.master_key_file.as_deref());
    match configured {
        Some(file) => Vault::open(file, SystemChance::default()),
        None => match lost_key_ring(dir) {
            Some(lost) => Err(lost),
            None => Vault::open_or_make(&key_ring(dir, None), SystemChance::default()),
        },
    }
}

/// The key ring of this state folder is not there, and its store is: a new one would open nothing, and might be taken for the
/// one that is looked for.
pub fn lost_key_ring(dir: &Path) -> Option<VaultError> {
    let file = key_ring(dir, None);
    (!file.exists() && dir.join(sqlite::FILE).exists()).then_some(VaultError::Lost { file })
}

/// What only a folder has that a store stood in, or was about to be restored into.
fn trace(dir: &Path) -> Option<String> {
    let names = fs::read_dir(dir).into_iter().flatten().flatten();
    names
        .filter_map(|entry| entry.file_name().into_string().ok())
        .find(|name| name == OPERATOR_FILE || name.starts_with(backup::DRAFT))
}

/// Aside, because it may take long after a crash and the runtime may have one thread.
async fn open(options: sqlite::Options) -> Result<Arc<SqliteStore>, StartFault> {
    let opened = tokio::task::spawn_blocking(move || SqliteStore::open(options)).await;
    match opened {
        Ok(Ok(store)) => Ok(store),
        Ok(Err(OpenError::Taken(why))) => Err(StartFault::Taken(why)),
        Ok(Err(why)) => Err(StartFault::Unopened(why)),
        Err(error) => Err(StartFault::Unopened(OpenError::Broken(error.to_string()))),
    }
}

/// The absolute path, if the folder was made now: for its owner alone, because keys and customers' words lie in it.
fn folder(dir: &Path) -> io::Result<Option<PathBuf>> {
    if dir.is_dir() {
        return Ok(None);
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    fs::canonicalize(dir).map(Some)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_ring_is_made_where_there_is_no_store_yet_and_missed_where_there_is_one() {
        let state = tempfile::tempdir().expect("a folder");
        let mut config = Config::default();
        config.store.dir = state.path().to_owned();
        let ring = state.path().join(crate::vault::FILE);
        keys(&config).expect("made");
        fs::write(state.path().join(sqlite::FILE), "").expect("written");
        keys(&config).expect("opened");
        assert!(crate::app::USABLE.store(&config.store).is_ok());
        fs::remove_file(&ring).expect("removed");
        let lost = keys(&config).expect_err("missed").to_string();
        assert!(lost.contains(&ring.display().to_string()), "{lost}");
        let told = crate::app::USABLE.store(&config.store).expect_err("missed");
        assert_eq!((told.key, told.found), ("dir", lost));
        assert!(!ring.exists(), "none that could be taken for it");
    }

    #[test]
    fn a_file_in_the_folder_s_place_is_a_fault_of_the_configuration() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut config = Config::default();
        config.store.dir = file.path().to_owned();
        let told = crate::app::USABLE.store(&config.store).expect_err("no folder");
        assert_eq!((told.key, told.expected), ("dir", "a folder"));
        let chinese = crate::config::chinese::found(&told.found);
        assert!(chinese.ends_with("不是文件夹"), "{chinese}");
    }

    #[test]
    fn a_folder_that_has_been_used_is_known_by_what_is_in_it() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join(crate::vault::FILE), "").expect("written");
        assert_eq!(trace(dir.path()), None, "keys may be brought before the first start");
        for name in [OPERATOR_FILE, "restore-Ab12"] {
            let dir = tempfile::tempdir().expect("a folder");
            fs::write(dir.path().join(name), "").expect("written");
            assert_eq!(trace(dir.path()).as_deref(), Some(name));
        }
    }

    #[test]
    fn a_state_folder_is_made_once_for_its_owner_alone_and_named_by_its_whole_path() {
        let outside = tempfile::tempdir().expect("a folder");
        let dir = outside.path().join("a/b");
        let made = folder(&dir).expect("made").expect("now");
        assert!(made.is_absolute() && made.ends_with("a/b"));
        let mode = fs::metadata(&dir).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(folder(&dir).expect("looked"), None);
        fs::write(outside.path().join("file"), "").expect("written");
        assert!(folder(&outside.path().join("file")).is_err(), "a file is no folder");
    }
}
