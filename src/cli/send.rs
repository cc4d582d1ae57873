//! `wxbridge send`: one message from the shell.

use serde_json::{Value, json};

use super::{
    Context,
    args::Send,
    client::Client,
    exit::{FAILED, Failure, Outcome},
    print,
};

pub async fn run(context: &Context<'_>, client: &Client, send: &Send) -> Outcome {
    let body = json!({
        // Of our own, so that a repeat by hand is a message of its own.
        "clientMessageId": format!("cli-{}", uuid::Uuid::now_v7()),
        "conversationKey": send.to,
        "text": send.text,
    });
    let result = client.post(&["v1", "messages"], &[("wait", "5s")], &body).await?;
    context.show(&result, told)?;
    match print::at(&result, "/status").as_str() {
        "FAILED" | "EXPIRED" | "UNKNOWN" => Err(Failure::new(FAILED, "")),
        _ => Ok(()),
    }
}

fn told(result: &Value) -> String {
    let mut text = format!("{} {}", print::at(result, "/messageId"), print::at(result, "/status"));
    let road = print::at(result, "/road");
    if !road.is_empty() {
        text.push_str(&format!(" by {road}"));
    }
    let code = print::at(result, "/error/code");
    if !code.is_empty() {
        text.push_str(&format!(": {code} {}", print::at(result, "/error/message")));
    }
    text.push('\n');
    text
}
