//! `wxbridge parked`: what was set aside, and what becomes of it?

use serde_json::{Value, json};

use super::{
    Context,
    args::{ParkedCommand, ParkedIds},
    client::Client,
    exit::{FAILED, Failure, Outcome},
    items, print, say,
};
use crate::error::Code;

pub async fn run(context: &Context<'_>, client: &Client, command: &ParkedCommand) -> Outcome {
    match command {
        ParkedCommand::List { quarantined } => {
            let found = client.list(&["admin", "v1", place(*quarantined)], &[]).await?;
            context.show(&found, if *quarantined { bodies } else { events })
        }
        ParkedCommand::Show { id, quarantined } => {
            for place in places(*quarantined) {
                let found = client.list(&["admin", "v1", place], &[]).await?;
                let is_it = |item: &&Value| print::at(item, "/id") == *id || print::at(item, "/eventId") == *id;
                if let Some(one) = items(&found).iter().find(is_it) {
                    return context.show(one, print::outline);
                }
            }
            Err(Failure::told(
                FAILED,
                format!("NOT_FOUND: nothing with id {id} is set aside"),
                format!("NOT_FOUND: 搁置的内容中没有id {id}"),
            ))
        }
        ParkedCommand::Retry(which) => each(context, client, which, places(which.quarantined), "retry").await,
        // For good: nothing else than what was named.
        ParkedCommand::Discard(which) => each(context, client, which, &[place(which.quarantined)], "discard").await,
    }
}

/// Where an id is looked for: events come first.
fn places(quarantined: bool) -> &'static [&'static str] {
    if quarantined {
        &["quarantine"]
    } else {
        &["parked", "quarantine"]
    }
}

fn place(quarantined: bool) -> &'static str {
    if quarantined { "quarantine" } else { "parked" }
}

/// Does the same to each; one that fails does not keep the others from it.
async fn each(context: &Context<'_>, client: &Client, which: &ParkedIds, places: &[&str], what: &str) -> Outcome {
    let mut answers = Vec::new();
    let mut worst: Option<Failure> = None;
    for id in &which.ids {
        match once(client, places, id, what).await {
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

/// Does it where the id is found first.
async fn once(client: &Client, places: &[&str], id: &str, what: &str) -> Outcome<Value> {
    let mut first = None;
    for place in places {
        match client.post(&["admin", "v1", place, id, what], &[], &json!({})).await {
            Err(failure) if failure.message.starts_with(Code::NotFound.name()) => {
                first.get_or_insert(failure);
            }
            answered => return answered,
        }
    }
    Err(first.unwrap_or_else(|| Failure::failed("")))
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
