//! `wxbridge backup` and `wxbridge restore`: keep the installation elsewhere, and bring it back.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use reqwest::Method;
use serde_json::json;

use super::{
    Context,
    args::Backup,
    client::Client,
    exit::{CONFIG, FAILED, Failure, Outcome, TAKEN, UNREACHABLE, USAGE},
};
use crate::{
    backup::{self, BackupError},
    config::{Config, reader::read_text},
    ports::store::StoreError,
    secret::Secret,
};

/// Between two words about the progress.
const STEP: u64 = 64 * 1024 * 1024;

pub async fn run(context: &Context<'_>, client: &Client, what: &Backup) -> Outcome {
    let passphrase = passphrase(what)?;
    let file = place(&what.file)?;
    let body = match &passphrase {
        Some(passphrase) => json!({ "passphrase": passphrase.expose() }),
        None => json!({}),
    };
    // Beside its place and readable by its owner alone; in its place only when it is whole.
    let mut draft = tempfile::Builder::new()
        .prefix(".wxbridge-backup-")
        .tempfile_in(folder(&file))
        .map_err(|error| unwritable(folder(&file), &error))?;
    let mut answer = client
        .ask(Method::POST, &["admin", "v1", "backup"], &[], Some(&body))
        .await?;
    let (mut written, mut told) = (0_u64, 0);
    let cut = |error: reqwest::Error| {
        Failure::told(
            UNREACHABLE,
            format!("the backup broke off: {error}"),
            format!("备份中断：{error}"),
        )
    };
    while let Some(chunk) = answer.chunk().await.map_err(cut)? {
        draft.write_all(&chunk)?;
        written += chunk.len() as u64;
        if written - told >= STEP {
            told = written;
            progress(written);
        }
    }
    draft.as_file().sync_all()?;
    backup::verify(draft.path(), passphrase.as_ref()).map_err(failure)?;
    draft.persist(&file).map_err(|error| Failure::from(error.error))?;
    finished(context, &what.file, written, passphrase.is_some())
}

fn finished(context: &Context<'_>, file: &Path, bytes: u64, sealed: bool) -> Outcome {
    let answer = json!({ "file": file.display().to_string(), "bytes": bytes, "sealed": sealed });
    context.show(&answer, |_| {
        format!("{} ({})\n", file.display(), bytesize::ByteSize(bytes))
    })?;
    if !sealed {
        let en = "this file holds the master key: whoever reads it reads every secret. It is readable by you alone (0600); --passphrase-file seals it";
        let zh = "该文件包含主密钥：能读到它的人就能读到所有密钥。目前仅您可读 (0600)；使用 --passphrase-file 可加密";
        eprintln!("{}", context.lang.pick(en, zh));
    }
    Ok(())
}

fn progress(bytes: u64) {
    let size = bytesize::ByteSize(bytes);
    if std::io::stderr().is_terminal() {
        eprint!("\r{size}\x1b[K");
    } else {
        eprintln!("{size}");
    }
}

/// Where the backup goes: the file, or what a link to one leads to. What is no file (a pipe, a device) would be one afterwards.
fn place(file: &Path) -> Outcome<PathBuf> {
    let refused = |why: &str, zh: &str| {
        let file = file.display();
        Failure::told(
            USAGE,
            format!("{file}: {why}; expected a file, or none yet"),
            format!("{file}：{zh}；应为一个文件，或尚不存在"),
        )
    };
    // The system's words stand for themselves.
    let no_file = |why: &str| refused(why, why);
    match file.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(file.to_owned()),
        Err(error) => return Err(no_file(&error.to_string())),
        Ok(found) if found.is_file() => return Ok(file.to_owned()),
        Ok(_) => {}
    }
    let place = file.canonicalize().map_err(|error| no_file(&error.to_string()))?;
    match place.is_file() {
        true => Ok(place),
        false => Err(refused("it is there, and is no file", "已存在，但不是文件")),
    }
}

/// Names the folder: the name of the draft in it says nothing to anybody.
fn unwritable(folder: &Path, error: &io::Error) -> Failure {
    let why = folder.metadata().err().map(|error| error.to_string());
    let why = why.unwrap_or_else(|| error.kind().to_string());
    let folder = folder.display();
    Failure::told(
        FAILED,
        format!("{folder}: no file can be made there: {why}"),
        format!("{folder}：无法在此创建文件：{why}"),
    )
}

fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn passphrase(what: &Backup) -> Outcome<Option<Secret>> {
    let Some(file) = &what.passphrase_file else {
        return Ok(None);
    };
    let text = read_text(file).map_err(|error| Failure::new(USAGE, format!("{}: {error}", file.display())))?;
    let text = Secret::new(text.expose().trim_end_matches(['\r', '\n']));
    if text.is_empty() {
        let file = file.display();
        return Err(Failure::told(
            USAGE,
            format!("{file} is empty: expected a passphrase"),
            format!("{file} 是空文件：应为口令"),
        ));
    }
    Ok(Some(text))
}

/// Needs no daemon, and refuses a state folder that one may be using. The store's part comes from outside: the name of its
/// file in the state folder, and how it gives a database a new epoch.
pub fn restore(
    context: &Context<'_>,
    what: &Backup,
    database: &str,
    raise: impl FnOnce(&Path) -> Result<u32, StoreError>,
) -> Outcome {
    let config = Config::load(context.config)?;
    let passphrase = passphrase(what)?;
    let target = backup::Target {
        dir: &config.store.dir,
        database,
        master_key_file: config.store.master_key_file.as_deref(),
    };
    let epoch = backup::restore(&what.file, passphrase.as_ref(), &target, raise).map_err(failure)?;
    let dir = std::path::absolute(target.dir).unwrap_or_else(|_| target.dir.to_owned());
    let answer = json!({ "dir": dir.display().to_string(), "epoch": epoch });
    context.show(&answer, |_| format!("{} (epoch {epoch})\n", dir.display()))
}

fn failure(error: BackupError) -> Failure {
    let exit = match &error {
        BackupError::InUse(_) => TAKEN,
        BackupError::PassphraseNeeded => USAGE,
        BackupError::OtherKeyRing(_) => CONFIG,
        _ => FAILED,
    };
    Failure::told(exit, error.to_string(), in_chinese(&error))
}

fn in_chinese(error: &BackupError) -> String {
    match error {
        BackupError::Io { what, error } => format!("{what}：{error}"),
        BackupError::Store(why) => format!("存储出错：{why}"),
        BackupError::NotABackup => "这不是wxbridge的备份".into(),
        BackupError::Newer(version) => format!("该备份由更新的版本生成：{version}"),
        BackupError::PassphraseNeeded => "该备份已用口令加密：请用 --passphrase-file 提供口令".into(),
        BackupError::DoesNotOpen => "无法打开：口令不对，或文件被改动、截断".into(),
        BackupError::Damaged(why) => format!("已损坏：{why}"),
        BackupError::NotEmpty(dir) => format!("{} 不是空的：备份只能恢复到空的状态文件夹", dir.display()),
        BackupError::Interrupted(left) => format!("{} 是中断的恢复留下的：请清空该文件夹后重新恢复", left.display()),
        BackupError::InUse(dir) => format!("{} 正被另一个进程使用：请先停止服务", dir.display()),
        BackupError::OtherKeyRing(file) => format!(
            "{} 中的密钥环与备份中的不同：请去掉 master_key_file 再恢复，或把备份中的密钥加入其中",
            file.display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::lang::Lang;

    #[test]
    fn a_backup_goes_where_a_file_is_or_none_yet_and_never_in_the_place_of_anything_else() {
        let dir = tempfile::tempdir().expect("a folder");
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("old"), "an old one").expect("written");
        std::os::unix::fs::symlink(at("old"), at("link")).expect("linked");
        std::os::unix::fs::symlink(at("nowhere"), at("dangling")).expect("linked");
        let _pipe = std::os::unix::net::UnixListener::bind(at("socket")).expect("bound");
        for name in ["new", "old"] {
            assert_eq!(place(&at(name)).expect("a place"), at(name));
        }
        let old = at("old").canonicalize().expect("there");
        assert_eq!(place(&at("link")).expect("a place"), old);
        for no_file in [at("dangling"), at("socket"), dir.path().to_owned(), "/dev/null".into()] {
            assert_eq!(place(&no_file).map_err(|it| it.exit), Err(USAGE), "{no_file:?}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_named_and_not_the_draft_in_it() {
        let gone = tempfile::tempdir().expect("a folder").path().join("gone");
        let error = tempfile::NamedTempFile::new_in(&gone).expect_err("no folder");
        let told = unwritable(&gone, &error);
        assert_eq!(told.exit, FAILED);
        let expected = format!("{}: no file can be made there: No such file", gone.display());
        assert!(told.message.starts_with(&expected), "{}", told.message);
    }

    #[test]
    fn a_restore_ends_with_the_codes_of_the_contract() {
        let dir = tempfile::tempdir().expect("a folder");
        let config = dir.path().join("w.toml");
        let state = dir.path().join("state");
        std::fs::write(&config, format!("[store]\ndir = {:?}\n", state.display().to_string())).expect("written");
        let context = Context {
            config: Some(&config),
            json: false,
            lang: Lang::En,
        };
        let what = Backup {
            file: dir.path().join("backup"),
            passphrase_file: None,
        };
        let restore = || restore(&context, &what, "db", |_| Ok(1)).expect_err("refused").exit;
        std::fs::write(&what.file, "no backup at all, and long enough").expect("written");
        assert_eq!(restore(), FAILED);
        std::fs::create_dir(&state).expect("no restore made it");
        let held = std::fs::File::create(state.join("wxbridge.lock")).expect("created");
        assert_eq!(restore(), FAILED, "left behind, and nobody holds it");
        held.lock().expect("nobody else");
        assert_eq!(restore(), TAKEN);
        let zh = failure(BackupError::InUse("/data".into()));
        assert_eq!(zh.text(Lang::Zh), "/data 正被另一个进程使用：请先停止服务");
        drop(held);
        assert_eq!(restore(), FAILED);
        std::fs::write(&config, "[store]\ncolour = 1\n").expect("written");
        assert_eq!(restore(), CONFIG);
    }
}
