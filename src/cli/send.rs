//! `wxbridge send`: one message from the shell.

use serde_json::{Value, json};

use super::{
    Context,
    args::Send,
    client::Client,
    exit::{FAILED, Failure, Outcome},
    lang::Lang,
    print,
};
use crate::error::{Code, pages};

pub async fn run(context: &Context<'_>, client: &Client, send: &Send) -> Outcome {
    let body = json!({
        // Of our own, so that a repeat by hand is a message of its own.
        "clientMessageId": format!("cli-{}", uuid::Uuid::now_v7()),
        "conversationKey": send.to,
        "text": send.text,
    });
    let result = client.post(&["v1", "messages"], &[("wait", "5s")], &body).await?;
    context.show(&result, |result| told(context.lang, result))?;
    match print::at(&result, "/status").as_str() {
        "FAILED" | "EXPIRED" | "UNKNOWN" => Err(Failure::new(FAILED, "")),
        _ => Ok(()),
    }
}

fn told(lang: Lang, result: &Value) -> String {
    let mut text = format!("{} {}", print::at(result, "/messageId"), print::at(result, "/status"));
    let road = print::at(result, "/road");
    if !road.is_empty() {
        text.push_str(&format!(" by {road}"));
    }
    let code = print::at(result, "/error/code");
    if !code.is_empty() {
        text.push_str(&format!(": {code}"));
        for (before, pointer) in [(" ", "/error/platformCode"), (": ", "/error/platformMessage")] {
            let said = print::at(result, pointer);
            if !said.is_empty() {
                text.push_str(&format!("{before}{said}"));
            }
        }
        let remedy = remedy(lang, &code, &print::at(result, "/error/remedy"));
        if !remedy.is_empty() {
            text.push_str(&format!("\n{remedy}"));
        }
    }
    text.push('\n');
    text
}

/// What the result itself says helps, which knows the channel and the case; else what the page of its code says.
fn remedy(lang: Lang, code: &str, own: &str) -> String {
    if !own.is_empty() {
        let (en, zh) = pages::halves(own).unwrap_or((own, own));
        return lang.pick(en, zh).to_owned();
    }
    Code::parse(code).map_or_else(String::new, |code| {
        let page = pages::page(code);
        lang.pick(page.remedy_en, page.remedy_zh).to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_failed_says_why_and_what_to_do() {
        let result = json!({
            "messageId": "m1",
            "status": "FAILED",
            "road": "CUSTOMER_SERVICE",
            "error": {"code": "WINDOW_CLOSED", "platformCode": 45015, "platformMessage": "response out of time limit"},
        });
        let said = told(Lang::En, &result);
        let first = "m1 FAILED by CUSTOMER_SERVICE: WINDOW_CLOSED 45015: response out of time limit\n";
        assert!(said.starts_with(first), "{said}");
        assert!(said.contains(pages::page(Code::WindowClosed).remedy_en));
        assert!(told(Lang::Zh, &result).contains(pages::page(Code::WindowClosed).remedy_zh));
        let mut own = result;
        own["error"]["remedy"] = json!("see who holds it / 请查看会话当前由谁接待");
        assert!(told(Lang::En, &own).ends_with("\nsee who holds it\n"));
        assert!(told(Lang::Zh, &own).ends_with("\n请查看会话当前由谁接待\n"));
        own["error"]["remedy"] = json!("of another hand");
        assert!(told(Lang::Zh, &own).ends_with("\nof another hand\n"));
        let sent = json!({"messageId": "m1", "status": "SENT", "road": "PASSIVE"});
        assert_eq!(told(Lang::En, &sent), "m1 SENT by PASSIVE\n");
    }
}
