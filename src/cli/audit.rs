//! `wxbridge audit`: who changed what, is the log as it was written, and a copy of it for elsewhere.

use std::{fs, io::Write as _, path::Path};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    Context,
    args::AuditCommand,
    client::Client,
    exit::{FAILED, Failure, Outcome, UNREACHABLE, USAGE},
    items, print,
};
use crate::audit::{
    Act,
    chain::{self, Verified},
};

pub async fn run(context: &Context<'_>, client: impl FnOnce() -> Outcome<Client>, command: &AuditCommand) -> Outcome {
    match command {
        AuditCommand::List => {
            let found = client()?.list(&["admin", "v1", "audit"], &[]).await?;
            context.show(&found, acts)
        }
        AuditCommand::Export { file } => export(context, &client()?, file).await,
        AuditCommand::Verify { file: Some(file) } => {
            let found = proving(exported(file)?);
            told(context, &serde_json::to_value(found).unwrap_or_default())
        }
        AuditCommand::Verify { file: None } => {
            let found = client()?.get(&["admin", "v1", "audit", "verify"], &[]).await?;
            told(context, &found)
        }
    }
}

fn acts(found: &Value) -> String {
    let cell = |item: &Value, field: &str| match item.get(field) {
        None | Some(Value::Null) => String::new(),
        Some(value) => value.to_string(),
    };
    let row = |item: &Value| {
        let mut row: Vec<String> = ["/number", "/time", "/who", "/what", "/target"]
            .iter()
            .map(|pointer| print::at(item, pointer))
            .collect();
        row.extend([cell(item, "before"), cell(item, "after")]);
        row
    };
    let rows: Vec<_> = items(found).iter().map(row).collect();
    print::table(&["NUMBER", "TIME", "WHO", "WHAT", "TARGET", "BEFORE", "AFTER"], &rows)
}

async fn export(context: &Context<'_>, client: &Client, file: &Path) -> Outcome {
    let mut answer = client
        .ask(Method::GET, &["admin", "v1", "audit", "export"], &[], None)
        .await?;
    let mut out =
        fs::File::create_new(file).map_err(|error| Failure::new(USAGE, format!("{}: {error}", file.display())))?;
    let cut = |error: reqwest::Error| {
        Failure::told(
            UNREACHABLE,
            format!("the export broke off: {error}"),
            format!("导出中断：{error}"),
        )
    };
    while let Some(chunk) = answer.chunk().await.map_err(cut)? {
        out.write_all(&chunk)?;
    }
    out.sync_all()?;
    told(context, &serde_json::to_value(exported(file)?).unwrap_or_default())
}

fn exported(file: &Path) -> Outcome<Verified> {
    let text = fs::read_to_string(file).map_err(|error| Failure::new(USAGE, format!("{}: {error}", file.display())))?;
    let read = |(at, line): (usize, &str)| {
        let broken = |error| {
            let line = format!("{}:{}", file.display(), at + 1);
            Failure::told(
                FAILED,
                format!("{line}: no audit record: {error}"),
                format!("{line}：不是审计记录：{error}"),
            )
        };
        serde_json::from_str::<Act>(line).map_err(broken)
    };
    let acts = text.lines().enumerate().map(read).collect::<Outcome<Vec<_>>>()?;
    Ok(chain::verify(&acts, None))
}

const NO_RECORD: &str = "no record is in it: an empty file proves nothing";

/// What a file shows that is all there is: one that was emptied is whole, too. A log that nothing was written in yet exports
/// as such a file.
fn proving(found: Verified) -> Verified {
    match found.records {
        0 => Verified {
            whole: false,
            fault: NO_RECORD.to_owned(),
            ..found
        },
        _ => found,
    }
}

/// A log that is not whole is a red finding.
fn told(context: &Context<'_>, found: &Value) -> Outcome {
    context.show(found, |found| {
        let (records, first, last) = (
            print::at(found, "/records"),
            print::at(found, "/first"),
            print::at(found, "/last"),
        );
        let hash = print::at(found, "/lastHash");
        match found["whole"] == json!(true) {
            true => format!(
                "{}\n",
                context.lang.pick(
                    &format!("whole: {records} records, {first} to {last}, the last hash is {hash}"),
                    &format!("完整：{records} 条记录（{first} 至 {last}），最后的哈希为 {hash}"),
                )
            ),
            false if found["fault"] == NO_RECORD => {
                format!(
                    "{}\n",
                    context.lang.pick(NO_RECORD, "文件中没有任何记录：空文件不能证明什么")
                )
            }
            false => {
                let fault = print::at(found, "/fault");
                let said = context.lang.pick("NOT as it was written", "记录被改动");
                format!("{said}: {fault}\n")
            }
        }
    })?;
    match found["whole"] == json!(true) {
        true => Ok(()),
        false => Err(Failure::new(FAILED, "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified(text: &str) -> Verified {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("audit.jsonl");
        fs::write(&file, text).expect("written");
        proving(exported(&file).expect("records"))
    }

    #[test]
    fn a_file_without_a_record_proves_nothing() {
        let empty = verified("");
        assert_eq!(
            (empty.whole, empty.records, empty.fault.as_str()),
            (false, 0, NO_RECORD)
        );
        let mut head = chain::Head::default();
        let act = head.bind(Act {
            number: 0,
            time: crate::schema::Timestamp::from_millis(1_752_000_000_000),
            who: "op".into(),
            what: "x".into(),
            target: "y".into(),
            before: Value::Null,
            after: Value::Null,
            hash: String::new(),
        });
        let one = verified(&serde_json::to_string(&act).expect("JSON"));
        assert_eq!((one.whole, one.records, one.fault.as_str()), (true, 1, ""));
    }
}
