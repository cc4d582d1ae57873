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
            told(context, &serde_json::to_value(exported(file)?).unwrap_or_default())
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
    let cut = |error: reqwest::Error| Failure::new(UNREACHABLE, format!("the export broke off: {error}"));
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
            Failure::new(
                FAILED,
                format!("{}:{}: no audit record: {error}", file.display(), at + 1),
            )
        };
        serde_json::from_str::<Act>(line).map_err(broken)
    };
    let acts = text.lines().enumerate().map(read).collect::<Outcome<Vec<_>>>()?;
    Ok(chain::verify(&acts, None))
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
