//! `wxbridge parked`: what was set aside, and what becomes of it?

use serde_json::{Value, json};

use super::{
    Context,
    args::{ParkedCommand, ParkedIds},
    client::Client,
    exit::{FAILED, Failure, Outcome},
    items, print, say,
};

pub async fn run(context: &Context<'_>, client: &Client, command: &ParkedCommand) -> Outcome {
    match command {
        ParkedCommand::List { quarantined } => {
            let found = client.list(&["admin", "v1", place(*quarantined)], &[]).await?;
            context.show(&found, if *quarantined { bodies } else { events })
        }
        ParkedCommand::Show { id, quarantined } => {
            let found = client.list(&["admin", "v1", place(*quarantined)], &[]).await?;
            let one = items(&found)
                .iter()
                .find(|item| print::at(item, "/id") == *id || print::at(item, "/eventId") == *id)
                .ok_or_else(|| Failure::failed(format!("NOT_FOUND: nothing with id {id} is set aside")))?;
            context.show(one, print::outline)
        }
        ParkedCommand::Retry(which) => each(context, client, which, "retry").await,
        ParkedCommand::Discard(which) => each(context, client, which, "discard").await,
    }
}

fn place(quarantined: bool) -> &'static str {
    if quarantined { "quarantine" } else { "parked" }
}

/// Does the same to each; one that fails does not keep the others from it.
async fn each(context: &Context<'_>, client: &Client, which: &ParkedIds, what: &str) -> Outcome {
    let mut answers = Vec::new();
    let mut worst: Option<Failure> = None;
    for id in &which.ids {
        match client
            .post(&["admin", "v1", place(which.quarantined), id, what], &[], &json!({}))
            .await
        {
            Ok(answer) => {
                if !context.json {
                    let event = print::at(&answer, "/eventId");
                    let now = if event.is_empty() {
                        String::new()
                    } else {
                        format!(" -> {event}")
                    };
                    say(&format!("{what}: {id}{now}\n"))?;
                }
                answers.push(json!({ "id": id, "answer": answer }));
            }
            // Of a single event; anything else would befall the others as well.
            Err(failure) if failure.exit == FAILED => {
                eprintln!("{id}: {}", failure.message);
                worst = Some(Failure::new(FAILED, ""));
            }
            Err(failure) => return Err(failure),
        }
    }
    if context.json {
        say(&format!("{:#}\n", json!({ "items": answers })))?;
    }
    worst.map_or(Ok(()), Err)
}

fn events(found: &Value) -> String {
    let rows = columns(
        found,
        &["/id", "/parkedAt", "/core", "/conversationKey", "/seq", "/reason"],
    );
    print::table(&["ID", "PARKED", "CORE", "CONVERSATION", "SEQ", "REASON"], &rows)
}

fn bodies(found: &Value) -> String {
    let rows = columns(found, &["/id", "/received", "/account", "/code", "/detail"]);
    print::table(&["ID", "RECEIVED", "ACCOUNT", "CODE", "DETAIL"], &rows)
}

fn columns(found: &Value, pointers: &[&str]) -> Vec<Vec<String>> {
    items(found)
        .iter()
        .map(|item| pointers.iter().map(|pointer| print::at(item, pointer)).collect())
        .collect()
}
