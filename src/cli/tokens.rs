//! `wxbridge token`: who may call the API?

use serde_json::{Value, json};

use super::{Context, args::TokenCommand, client::Client, exit::Outcome, items, print, say};

const PATH: [&str; 3] = ["admin", "v1", "tokens"];

pub async fn run(context: &Context<'_>, client: &Client, command: &TokenCommand) -> Outcome {
    match command {
        TokenCommand::Create {
            name,
            scope,
            core,
            accounts,
        } => {
            let mut wish = json!({ "name": name, "scope": scope.name(), "accounts": accounts });
            if let Some(core) = core {
                wish["core"] = core.as_str().into();
            }
            let made = client.post(&PATH, &[], &wish).await?;
            // Alone, so that a script can take it as it is.
            context.show(&made, |made| format!("{}\n", print::at(made, "/token")))
        }
        TokenCommand::List => {
            let found = client.list(&PATH, &[]).await?;
            context.show(&found, list)
        }
        TokenCommand::Revoke { ids } => {
            for id in ids {
                let [admin, v1, tokens] = PATH;
                client.delete(&[admin, v1, tokens, id]).await?;
                if !context.json {
                    say(&format!("revoked: {id}\n"))?;
                }
            }
            if context.json {
                say(&format!("{:#}\n", json!({ "revoked": ids })))
            } else {
                Ok(())
            }
        }
    }
}

fn list(found: &Value) -> String {
    let rows: Vec<_> = items(found)
        .iter()
        .map(|token| {
            ["/name", "/scope", "/core", "/accounts", "/created", "/id"]
                .map(|pointer| print::at(token, pointer))
                .to_vec()
        })
        .collect();
    print::table(&["NAME", "SCOPE", "CORE", "ACCOUNTS", "CREATED", "ID"], &rows)
}
