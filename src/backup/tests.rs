use super::*;

const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n";

struct Fixture {
    root: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let dir = root.path().join("state");
        fs::create_dir_all(dir.join("media/ab")).expect("folders");
        fs::write(dir.join("master.key"), KEY).expect("written");
        fs::write(dir.join("operator.token"), "token").expect("written");
        fs::write(dir.join("db"), vec![7; 300_000]).expect("written");
        fs::write(dir.join("media/ab/cd"), b"picture").expect("written");
        fs::write(dir.join("media/empty"), b"").expect("written");
        Self { root }
    }

    fn backup(&self, passphrase: Option<&str>) -> PathBuf {
        let dir = self.root.path().join("state");
        let file = self.root.path().join("backup");
        let secret = passphrase.map(Secret::new);
        let out = fs::File::create(&file).expect("created");
        write(out, &dir, &dir.join("db"), &dir.join("master.key"), secret.as_ref()).expect("written");
        file
    }

    fn restore(&self, file: &Path, passphrase: Option<&str>, to: &str) -> Result<u32, BackupError> {
        let dir = self.root.path().join(to);
        let target = Target {
            dir: &dir,
            database: "wx.db",
            master_key_file: None,
        };
        restore(file, passphrase.map(Secret::new).as_ref(), &target, |database| {
            assert_eq!(fs::read(database).expect("there").len(), 300_000);
            Ok(9)
        })
    }
}

#[test]
fn a_backup_comes_back_whole_with_and_without_passphrase() {
    let fixture = Fixture::new();
    for (passphrase, to) in [(None, "plain"), (Some("open sesame"), "sealed")] {
        let file = fixture.backup(passphrase);
        let clear = fs::read(&file)
            .expect("there")
            .windows(7)
            .any(|window| window == b"picture");
        assert_eq!(clear, passphrase.is_none());
        assert_eq!(fixture.restore(&file, passphrase, to).expect("restored"), 9);
        let dir = fixture.root.path().join(to);
        let mut names: Vec<_> = fs::read_dir(&dir)
            .expect("there")
            .flatten()
            .map(|it| it.file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["master.key", "media", "operator.token", "wx.db"]);
        assert_eq!(fs::read(dir.join("media/ab/cd")).expect("there"), b"picture");
        assert_eq!(fs::read(dir.join("media/empty")).expect("there"), b"");
        assert_eq!(fs::read_to_string(dir.join("master.key")).expect("there"), KEY);
    }
}

#[test]
fn a_wrong_passphrase_or_none_is_told_and_leaves_nothing_behind() {
    let fixture = Fixture::new();
    let file = fixture.backup(Some("open sesame"));
    assert!(matches!(
        fixture.restore(&file, None, "a"),
        Err(BackupError::PassphraseNeeded)
    ));
    assert!(matches!(
        fixture.restore(&file, Some("open"), "a"),
        Err(BackupError::DoesNotOpen)
    ));
    assert!(!fixture.root.path().join("a").exists());
}

#[test]
fn a_changed_cut_or_lengthened_file_is_refused() {
    let fixture = Fixture::new();
    for passphrase in [None, Some("open sesame")] {
        let file = fixture.backup(passphrase);
        let whole = fs::read(&file).expect("there");
        let mut changed = whole.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        let mut longer = whole.clone();
        longer.push(0);
        for bad in [
            &changed[..],
            &whole[..whole.len() - 1],
            &whole[..whole.len() / 2],
            &longer[..],
        ] {
            fs::write(&file, bad).expect("written");
            let secret = passphrase.map(Secret::new);
            assert!(verify(&file, secret.as_ref()).is_err());
            assert!(fixture.restore(&file, passphrase, "b").is_err());
        }
    }
    fs::write(fixture.root.path().join("x"), "something else").expect("written");
    let other = verify(&fixture.root.path().join("x"), None);
    assert!(matches!(other, Err(BackupError::NotABackup)));
}

#[test]
fn a_state_folder_in_use_is_not_written_into() {
    let fixture = Fixture::new();
    let file = fixture.backup(None);
    assert!(matches!(
        fixture.restore(&file, None, "state"),
        Err(BackupError::NotEmpty(_))
    ));
}

#[test]
fn a_restore_that_fails_leaves_no_folder_that_was_not_there() {
    let fixture = Fixture::new();
    let state = fixture.root.path().join("new/state");
    let nothing = fixture.root.path().join("nothing");
    assert!(fixture.restore(&nothing, None, "new/state").is_err());
    assert!(!fixture.root.path().join("new").exists());
    let sealed = fixture.backup(Some("open sesame"));
    assert!(fixture.restore(&sealed, Some("wrong"), "new/state").is_err());
    assert!(!state.exists());
    fs::create_dir_all(&state).expect("a folder");
    assert!(fixture.restore(&sealed, Some("wrong"), "new/state").is_err());
    assert!(state.exists(), "it is the operator's");
}

#[test]
fn what_an_interrupted_restore_left_is_named() {
    let fixture = Fixture::new();
    let file = fixture.backup(None);
    let left = fixture.root.path().join("g/restore-x1");
    fs::create_dir_all(&left).expect("a folder");
    assert!(matches!(
        fixture.restore(&file, None, "g"),
        Err(BackupError::Interrupted(named)) if named == left
    ));
}

#[test]
fn a_refused_restore_leaves_no_key_ring() {
    let fixture = Fixture::new();
    let file = fixture.backup(None);
    let ring = fixture.root.path().join("ring");
    let target = Target {
        dir: &fixture.root.path().join("h"),
        database: "wx.db",
        master_key_file: Some(&ring),
    };
    let refused = restore(&file, None, &target, |_| Err(StoreError::Broken("newer".to_owned())));
    assert!(matches!(refused, Err(BackupError::Store(_))));
    assert!(!ring.exists());
}

#[test]
fn a_name_that_leaves_the_folder_is_refused() {
    let fixture = Fixture::new();
    let file = fixture.root.path().join("evil");
    let mut out = fs::File::create(&file).expect("created");
    out.write_all(MAGIC).expect("written");
    out.write_all(&[VERSION, PLAIN]).expect("written");
    sections::put(&mut out, "media/../../evil", &fixture.root.path().join("state/db")).expect("written");
    sections::end(&mut out).expect("written");
    assert!(matches!(fixture.restore(&file, None, "c"), Err(BackupError::Newer(_))));
}

#[test]
fn a_configured_key_ring_is_made_or_compared_and_never_overwritten() {
    let fixture = Fixture::new();
    let file = fixture.backup(None);
    let ring = fixture.root.path().join("ring");
    let into = |name: &str| {
        let dir = fixture.root.path().join(name);
        let target = Target {
            dir: &dir,
            database: "wx.db",
            master_key_file: Some(&ring),
        };
        restore(&file, None, &target, |_| Ok(1))
    };
    into("d").expect("made");
    assert_eq!(fs::read_to_string(&ring).expect("there"), KEY);
    assert!(!fixture.root.path().join("d/master.key").exists());
    into("e").expect("the same key is there");
    fs::write(&ring, "MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=").expect("written");
    assert!(matches!(into("f"), Err(BackupError::OtherKeyRing(_))));
}
