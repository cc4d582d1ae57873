//! `wxbridge backup`: keep the installation elsewhere.

use std::{
    io::{IsTerminal as _, Write as _},
    path::Path,
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
    config::reader::read_text,
    secret::Secret,
};

/// Between two words about the progress.
const STEP: u64 = 64 * 1024 * 1024;

pub async fn run(context: &Context<'_>, client: &Client, what: &Backup) -> Outcome {
    let passphrase = passphrase(what)?;
    let body = match &passphrase {
        Some(passphrase) => json!({ "passphrase": passphrase.expose() }),
        None => json!({}),
    };
    // Beside its place and readable by its owner alone; in its place only when it is whole.
    let mut draft = tempfile::Builder::new()
        .prefix(".wxbridge-backup-")
        .tempfile_in(folder(&what.file))?;
    let mut answer = client
        .ask(Method::POST, &["admin", "v1", "backup"], &[], Some(&body))
        .await?;
    let (mut written, mut told) = (0_u64, 0);
    let cut = |error: reqwest::Error| Failure::new(UNREACHABLE, format!("the backup broke off: {error}"));
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
    draft.persist(&what.file).map_err(|error| Failure::from(error.error))?;
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
        return Err(Failure::new(
            USAGE,
            format!("{} is empty: expected a passphrase", file.display()),
        ));
    }
    Ok(Some(text))
}

fn failure(error: BackupError) -> Failure {
    let exit = match &error {
        BackupError::NotEmpty(_) => TAKEN,
        BackupError::PassphraseNeeded => USAGE,
        BackupError::OtherKeyRing(_) => CONFIG,
        _ => FAILED,
    };
    Failure::new(exit, error.to_string())
}
