//! `wxbridge replay`: hand stored events to a core again, and watch.

use std::{
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    Context,
    args::Replay,
    client::Client,
    exit::{Failure, Outcome},
    print,
};

const LOOK: Duration = Duration::from_millis(500);

pub async fn run(context: &Context<'_>, client: &Client, wish: &Replay) -> Outcome {
    let mut body = json!({ "core": wish.core, "allowReplies": wish.allow_replies });
    for (key, value) in [
        ("conversation", &wish.conversation),
        ("from", &wish.from),
        ("to", &wish.to),
    ] {
        if let Some(value) = value {
            body[key] = value.as_str().into();
        }
    }
    let mut state = client.post(&["admin", "v1", "replay"], &[], &body).await?;
    let id = print::at(&state, "/replayId");
    let mut shown = String::new();
    while print::at(&state, "/state") == "running" {
        progress(&line(&state), &mut shown);
        tokio::time::sleep(LOOK).await;
        state = client.get(&["admin", "v1", "replay", &id], &[]).await?;
    }
    if std::io::stderr().is_terminal() && !shown.is_empty() {
        eprintln!();
    }
    context.show(&state, |state| format!("{}\n", line(state)))?;
    match print::at(&state, "/state").as_str() {
        "failed" => Err(Failure::failed(print::at(&state, "/error"))),
        _ => Ok(()),
    }
}

fn line(state: &Value) -> String {
    let count = |key: &str| {
        state
            .pointer(&format!("/count/{key}"))
            .and_then(Value::as_u64)
            .unwrap_or(0)
    };
    format!(
        "{} {}: {} taken, {} passed over, {} replies taken, {} replies refused",
        print::at(state, "/replayId"),
        print::at(state, "/state"),
        count("taken"),
        count("passedOver"),
        count("repliesTaken"),
        count("repliesRefused"),
    )
}

/// In place on a terminal, a line for each change elsewhere.
fn progress(line: &str, shown: &mut String) {
    if line == shown {
        return;
    }
    if std::io::stderr().is_terminal() {
        eprint!("\r{line}\x1b[K");
        let _ = std::io::stderr().flush();
    } else {
        eprintln!("{line}");
    }
    line.clone_into(shown);
}
