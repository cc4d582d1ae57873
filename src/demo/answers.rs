//! What does the demo's core answer to an event? Decided from the event's JSON alone.

use std::time::Duration;

use serde_json::Value;

/// Longer than any callback waits: the answer to "慢" takes the customer-service road.
const SLOW: Duration = Duration::from_millis(6_000);

/// What to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Nothing,
    Text(String),
    Late(Duration, String),
    Several(Vec<String>),
    Picture,
}

/// The reply to an Event in proto3 JSON.
pub fn reply_to(event: &Value) -> Reply {
    if let Some(message) = event.get("message") {
        return to_message(message);
    }
    if let Some(interaction) = event.get("interaction") {
        return to_interaction(interaction);
    }
    match event.pointer("/signal/type").and_then(Value::as_str) {
        Some("FOLLOWED") => Reply::Text("欢迎关注！发一句话，我会重复；发“图片”，我会发一张图。".to_owned()),
        Some("SCANNED") => Reply::Text("收到您的扫码。".to_owned()),
        _ => Reply::Nothing,
    }
}

fn to_message(message: &Value) -> Reply {
    let Some(text) = message.pointer("/parts/0/text/body").and_then(Value::as_str) else {
        return Reply::Nothing;
    };
    match text.trim() {
        "" => Reply::Nothing,
        "图片" => Reply::Picture,
        "慢" => Reply::Late(SLOW, "让您久等了：这条回复走的是客服消息。".to_owned()),
        "长文" => Reply::Text(long_text()),
        "三条" => Reply::Several(
            ["第一条：被动回复", "第二条：客服消息", "第三条：客服消息"]
                .map(str::to_owned)
                .to_vec(),
        ),
        _ => Reply::Text(text.to_owned()),
    }
}

fn to_interaction(interaction: &Value) -> Reply {
    let field = |name: &str| interaction.get(name).and_then(Value::as_str).unwrap_or_default();
    match field("kind") {
        "MENU_CLICK" => Reply::Text(format!("您点击了菜单：{}", field("key"))),
        "CHOICE" => Reply::Text(format!("您选择了：{}", field("label"))),
        _ => Reply::Nothing,
    }
}

/// More bytes than one message may have.
fn long_text() -> String {
    let lines = (1..=40)
        .map(|line| format!("第{line}行：一段很长的说明文字，超过微信单条消息的字节上限，网桥会在行边界处拆分。"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Reply, reply_to};

    fn text(body: &str) -> serde_json::Value {
        json!({ "message": { "parts": [{ "text": { "body": body } }] } })
    }

    #[test]
    fn a_text_is_repeated_and_a_picture_is_given_on_request() {
        assert_eq!(reply_to(&text("在吗 ")), Reply::Text("在吗 ".to_owned()));
        assert_eq!(reply_to(&text("图片")), Reply::Picture);
        assert_eq!(reply_to(&text(" ")), Reply::Nothing);
    }

    #[test]
    fn clicks_and_follows_are_answered_and_the_rest_is_taken() {
        let click = json!({ "interaction": { "kind": "MENU_CLICK", "key": "HELP" } });
        assert_eq!(reply_to(&click), Reply::Text("您点击了菜单：HELP".to_owned()));
        assert!(matches!(
            reply_to(&json!({ "signal": { "type": "FOLLOWED" } })),
            Reply::Text(_)
        ));
        assert_eq!(reply_to(&json!({ "signal": { "type": "UNFOLLOWED" } })), Reply::Nothing);
        assert_eq!(
            reply_to(&json!({ "message": { "parts": [{ "image": {} }] } })),
            Reply::Nothing
        );
        assert_eq!(reply_to(&json!({ "gap": {} })), Reply::Nothing);
        assert_eq!(reply_to(&json!(null)), Reply::Nothing);
    }

    #[test]
    fn the_long_text_does_not_fit_one_message() {
        assert!(super::long_text().len() > 2 * 2048);
    }
}
