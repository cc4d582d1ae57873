//! Does a file lie where its handle says, as long as it should, and no longer?

use std::collections::HashSet;

use futures_util::stream;

use super::*;
use crate::{
    error::Code,
    outbound::testing::MemoryStore,
    ports::{chance::SystemChance, clock::ManualClock},
};

fn library(dir: &Path) -> (Arc<Library>, ManualClock) {
    let clock = ManualClock::at(1_000_000);
    let store = MemoryStore::new(Arc::new(clock.clone()));
    let chance = Arc::new(SystemChance::default());
    (Library::new(dir, store, Arc::new(clock.clone()), chance), clock)
}

fn parts(parts: &[&'static [u8]]) -> impl Stream<Item = Result<&'static [u8], std::io::Error>> {
    stream::iter(parts.iter().copied().map(Ok).collect::<Vec<_>>())
}

#[tokio::test]
async fn a_file_is_found_again_by_its_handle_and_its_bytes_tell_what_it_is() {
    let dir = tempfile::tempdir().expect("a folder");
    let (library, _) = library(dir.path());
    let label = Label {
        name: "a.png".into(),
        mime: "text/plain".into(),
        ..Label::default()
    };
    let media = library
        .put(label, parts(&[b"\x89PNG\r\n", b"\x1a\nrest"]))
        .await
        .expect("stored");
    assert_eq!((media.mime.as_str(), media.size), ("image/png", 12));
    let found = library.get(&media.handle).await.expect("readable").expect("found");
    assert_eq!(std::fs::read(found.path).expect("readable"), b"\x89PNG\r\n\x1a\nrest");
    assert!(library.get("../../etc/passwd").await.expect("readable").is_none());
    assert!(library.get(&"0".repeat(32)).await.expect("readable").is_none());
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let (library, _) = library(dir.path());
    let broken = stream::iter(vec![Ok(&b"abc"[..]), Err(std::io::Error::other("cut"))]);
    let refused = library.put(Label::default(), broken).await;
    assert_eq!(refused.map_err(|fault| fault.code), Err(Code::InvalidRequest));
    let empty = library.put(Label::default(), parts(&[])).await;
    assert_eq!(empty.map_err(|fault| fault.code), Err(Code::InvalidRequest));
    let files = std::fs::read_dir(dir.path().join("media"))
        .expect("readable")
        .flatten()
        .flat_map(|folder| std::fs::read_dir(folder.path()).expect("readable"))
        .count();
    assert_eq!(files, 0);
}

#[tokio::test]
async fn a_sweep_removes_what_is_too_old() {
    let dir = tempfile::tempdir().expect("a folder");
    let (library, clock) = library(dir.path());
    let old = library.put(Label::default(), parts(&[b"old"])).await.expect("stored");
    clock.advance(std::time::Duration::from_secs(100));
    let new = library.put(Label::default(), parts(&[b"new"])).await.expect("stored");
    assert_eq!(library.sweep(50_000, &HashSet::new()).await.expect("swept"), 1);
    assert!(library.get(&old.handle).await.expect("readable").is_none());
    assert!(library.get(&new.handle).await.expect("readable").is_some());
}

/// Every file below the folder.
fn files(dir: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(dir.join("media")).expect("readable").flatten();
    folders
        .flat_map(|folder| std::fs::read_dir(folder.path()).expect("readable").flatten())
        .map(|file| file.path())
        .collect()
}

#[tokio::test]
async fn the_same_bytes_lie_there_once_until_their_last_handle_goes() {
    let dir = tempfile::tempdir().expect("a folder");
    let (library, clock) = library(dir.path());
    let first = library.put(Label::default(), parts(&[b"same"])).await.expect("stored");
    clock.advance(std::time::Duration::from_secs(100));
    let second = library
        .put(Label::default(), parts(&[b"sa", b"me"]))
        .await
        .expect("stored");
    assert_ne!(first.handle, second.handle);
    assert_eq!((&first.sha256, files(dir.path()).len()), (&second.sha256, 1));
    assert_eq!(library.sweep(50_000, &HashSet::new()).await.expect("swept"), 1);
    let found = library.get(&second.handle).await.expect("readable").expect("found");
    assert_eq!(std::fs::read(found.path).expect("there"), b"same");
    clock.advance(std::time::Duration::from_secs(100));
    assert_eq!(library.sweep(50_000, &HashSet::new()).await.expect("swept"), 1);
    assert!(files(dir.path()).is_empty());
}

#[tokio::test]
async fn what_is_needed_or_pinned_stays_and_what_a_crash_left_goes() {
    let dir = tempfile::tempdir().expect("a folder");
    let (library, clock) = library(dir.path());
    let needed = library
        .put(Label::default(), parts(&[b"needed"]))
        .await
        .expect("stored");
    let pinned = library
        .put(Label::default(), parts(&[b"pinned"]))
        .await
        .expect("stored");
    std::fs::create_dir_all(dir.path().join("media/00")).expect("made");
    std::fs::write(dir.path().join("media/00/orphan"), b"left").expect("written");
    std::fs::write(dir.path().join("media/drafts/young"), b"half").expect("written");
    clock.advance(std::time::Duration::from_secs(100));
    library.renew(&needed.handle).await.expect("renewed");
    let pins = HashSet::from([pinned.handle.clone()]);
    assert_eq!(library.sweep(50_000, &pins).await.expect("swept"), 0);
    for handle in [&needed.handle, &pinned.handle] {
        let found = library.get(handle).await.expect("readable").expect("found");
        assert!(found.path.is_file());
    }
    assert!(!dir.path().join("media/00/orphan").exists());
    assert!(
        dir.path().join("media/drafts/young").exists(),
        "somebody may be writing it"
    );
}

#[tokio::test]
async fn the_disks_reserve_is_left_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    let (library, _) = library(dir.path());
    library.leave_free(u64::MAX);
    let refused = library.put(Label::default(), parts(&[b"x"])).await;
    assert_eq!(refused.map_err(|fault| fault.code), Err(Code::Overloaded));
    assert!(files(dir.path()).is_empty());
}
