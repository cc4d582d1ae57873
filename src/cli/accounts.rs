//! `wxbridge account`: which accounts are bound, and how do they come, change and go?

use std::path::Path;

use serde_json::{Value, json};

use super::{
    Context,
    args::AccountCommand,
    client::Client,
    doctor,
    exit::{CONFIG, FAILED, Failure, Outcome, USAGE},
    items, print,
};
use crate::{
    accounts::service::faults_of,
    channels::common::settings::Faults,
    config::{ConfigFault, accounts_file, reader::read_text},
    secret::Secret,
};

pub async fn run(context: &Context<'_>, client: impl FnOnce() -> Outcome<Client>, command: &AccountCommand) -> Outcome {
    match command {
        AccountCommand::List => {
            let found = client()?.list(&["v1", "accounts"], &[]).await?;
            context.show(&found, list)
        }
        AccountCommand::Show { id } => {
            let found = client()?.get(&["v1", "accounts", id], &[]).await?;
            context.show(&found, print::outline)
        }
        AccountCommand::Apply { file, prune } => {
            // The file is read before the daemon is looked for: its faults are told either way.
            let wanted = read(file)?;
            apply(context, &client()?, &wanted, *prune).await
        }
        AccountCommand::Remove { id } => {
            client()?.delete(&["admin", "v1", "accounts", id]).await?;
            context.show(&json!({ "removed": [id] }), |_| format!("removed: {id}\n"))
        }
        AccountCommand::Rotate {
            id,
            token,
            encoding_aes_key,
        } => {
            let mut body = json!({});
            for (key, value) in [("token", token), ("encodingAesKey", encoding_aes_key)] {
                if let Some(value) = value {
                    body[key] = value.trim().into();
                }
            }
            lawful(token.as_deref(), encoding_aes_key.as_deref())?;
            if body == json!({}) {
                return Err(Failure::told(
                    USAGE,
                    "expected --token T, --encoding-aes-key K or both",
                    "应填写 --token T、--encoding-aes-key K，或两者",
                ));
            }
            let answer = client()?
                .post(&["admin", "v1", "accounts", id, "rotate"], &[], &body)
                .await?;
            context.show(&answer, |_| rotated(context, id))
        }
        AccountCommand::Pause { id } => {
            let answer = client()?
                .post(&["admin", "v1", "accounts", id, "pause"], &[], &Value::Null)
                .await?;
            context.show(&answer, |_| paused(context, id))
        }
        AccountCommand::Resume { id } => {
            let answer = client()?
                .post(&["admin", "v1", "accounts", id, "resume"], &[], &Value::Null)
                .await?;
            context.show(&answer, |_| resumed(context, id))
        }
        AccountCommand::Doctor { id } => doctor::run(context, &client()?, id.as_deref()).await,
    }
}

/// What no platform's console takes is said before the daemon is looked for.
fn lawful(token: Option<&str>, key: Option<&str>) -> Outcome {
    let secret = |text: Option<&str>| Secret::new(text.unwrap_or_default().trim());
    let mut faults = Faults::default();
    if token.is_some_and(|token| token.trim().is_empty()) {
        faults.missing("token", "3 to 32 letters and digits");
    }
    faults.keys("", &secret(token), &secret(key), key.is_some());
    match faults.0.first() {
        None => Ok(()),
        Some(fault) => {
            let told = ConfigFault {
                origin: format!("--{}", fault.key.replace('_', "-")),
                key: String::new(),
                found: fault.found.clone(),
                expected: fault.expected.clone(),
            };
            Err(Failure::told(USAGE, told.to_string(), told.in_chinese()))
        }
    }
}

fn read(file: &Path) -> Outcome<Value> {
    let name = file.display().to_string();
    let text = read_text(file).map_err(|error| Failure::new(CONFIG, format!("{name}: {error}")))?;
    let form = accounts_file::Form::of(text.expose());
    let accounts = accounts_file::parse(&name, text.expose(), form, true, faults_of)?;
    accounts_file::to_json(&accounts).map_err(|error| Failure::new(CONFIG, format!("{name}: {error}")))
}

async fn apply(context: &Context<'_>, client: &Client, wanted: &Value, prune: bool) -> Outcome {
    let query: &[(&str, &str)] = if prune { &[("prune", "true")] } else { &[] };
    let answer = client.post(&["admin", "v1", "accounts"], query, wanted).await;
    let changes = answer.map_err(|failure| match failure {
        // What the daemon refuses of a file is the file's fault.
        Failure {
            exit: FAILED,
            message,
            problem,
            ..
        } if message.starts_with("INVALID_REQUEST: ") => Failure {
            problem,
            ..Failure::new(CONFIG, message.trim_start_matches("INVALID_REQUEST: "))
        },
        other => other,
    })?;
    context.show(&changes, |changes| {
        let line = |key: &str| match print::at(changes, &format!("/{key}")) {
            ids if ids.is_empty() => String::new(),
            ids => format!("{key}: {ids}\n"),
        };
        ["created", "updated", "unchanged", "removed"].map(line).concat()
    })
}

fn rotated(context: &Context<'_>, id: &str) -> String {
    let en = "new values are in force; paste them into the platform's console now. The old ones are honoured for 24 h after the new ones are first seen";
    let zh = "新值已生效，请立即填入平台后台。首次收到使用新值的回调后，旧值继续有效 24 小时";
    format!("{id}: {}\n", context.lang.pick(en, zh))
}

fn paused(context: &Context<'_>, id: &str) -> String {
    let en = "paused; its callbacks are stored and answered, and its events wait until wxbridge account resume";
    let zh = "已暂停：回调照常入库并应答，事件暂不投递，直到执行 wxbridge account resume";
    format!("{id}: {}\n", context.lang.pick(en, zh))
}

fn resumed(context: &Context<'_>, id: &str) -> String {
    let en = "resumed; what waited is handed over in order";
    let zh = "已恢复：等待的事件按顺序投递";
    format!("{id}: {}\n", context.lang.pick(en, zh))
}

fn list(found: &Value) -> String {
    let rows: Vec<_> = items(found)
        .iter()
        .map(|view| {
            [
                "/account/id",
                "/account/channel",
                "/account/platformId",
                "/state/state",
                "/warnings",
            ]
            .map(|pointer| match pointer {
                "/state/state" if !view["pausedSince"].is_null() => format!("{}, paused", print::at(view, pointer)),
                _ => print::at(view, pointer),
            })
            .to_vec()
        })
        .collect();
    print::table(&["ID", "CHANNEL", "APP", "STATE", "WARNINGS"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        accounts::{Broken, Registry},
        channels::contract::SettingFault,
        settings::AccountSettings,
        web::{account_page, testing::House},
    };

    #[test]
    fn values_that_no_console_takes_are_a_fault_of_the_command() {
        let exit = |token: Option<&str>, key: Option<&str>| lawful(token, key).err().map(|failure| failure.exit);
        let key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
        assert_eq!(exit(Some(" rotated1 "), Some(key)), None);
        assert_eq!(exit(Some("rotated1"), None), None);
        assert_eq!(exit(None, Some("short")), Some(USAGE));
        assert_eq!(exit(Some("no token!"), None), Some(USAGE));
        assert_eq!(exit(Some(""), None), Some(USAGE));
        let told = lawful(None, Some("short")).expect_err("refused").message;
        assert!(
            told.starts_with("--encoding-aes-key: found ***") && !told.contains("short"),
            "{told}"
        );
    }

    #[tokio::test]
    async fn an_account_that_cannot_be_opened_stands_in_the_list_with_its_faults() {
        let house = House::new().await;
        let registry: &Registry = &house.state.registry;
        registry.replace_broken(vec![Broken {
            settings: AccountSettings {
                id: "old".into(),
                channel: "official_account".into(),
                app_id: "wx1".into(),
                ..Default::default()
            },
            faults: vec![SettingFault {
                key: "token".into(),
                found: "***".into(),
                expected: "3 to 32 letters or digits".into(),
            }],
            bound_at: 0,
        }]);
        let page = serde_json::to_value(account_page(&house.state, 10, "", |_| true)).expect("JSON");
        let fault = "INVALID_REQUEST: token is ***, expected 3 to 32 letters or digits";
        assert_eq!(
            list(&page),
            format!("ID   CHANNEL           APP  STATE     WARNINGS\nold  official_account  wx1  DEGRADED  {fault}\n")
        );
        assert!(print::outline(&page["items"][0]).contains(fault));
    }
}
