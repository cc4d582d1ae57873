//! What does the demo's core answer to an event? Decided from the event's JSON alone.

use std::time::Duration;

use serde_json::{Value, json};

/// Longer than any callback waits: the answer to "慢" takes the customer-service road.
const SLOW: Duration = Duration::from_millis(6_000);

const GREETING: &str = "您好！发一句话，我会重复；发“图片”“卡片”“菜单”“结束”试试。";

/// What to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Nothing,
    Text(String),
    Late(Duration, String),
    Several(Vec<String>),
    Picture,
    /// Parts of a message.
    Part(Value),
    /// The conversation ends with these words.
    End(String),
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
        Some("SESSION_ENTERED") => Reply::Text(GREETING.to_owned()),
        Some("SCANNED") => Reply::Text("收到您的扫码。".to_owned()),
        _ => Reply::Nothing,
    }
}

fn to_message(message: &Value) -> Reply {
    let Some(text) = message.pointer("/parts/0/text/body").and_then(Value::as_str) else {
        return match message.pointer("/parts/0/image") {
            Some(_) => Reply::Text("收到您的图片。".to_owned()),
            None => Reply::Nothing,
        };
    };
    match text.trim() {
        "" => Reply::Nothing,
        "图片" => Reply::Picture,
        "卡片" => Reply::Part(card()),
        "菜单" => Reply::Part(menu()),
        "结束" => Reply::End("本次服务已结束，感谢咨询。".to_owned()),
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
        "CHOICE" | "CARD_ACTION" => {
            let label = Some(field("label")).filter(|label| !label.is_empty());
            Reply::Text(format!("您选择了：{}", label.unwrap_or_else(|| field("key"))))
        }
        _ => Reply::Nothing,
    }
}

/// An order, as a core would show it on any channel.
fn card() -> Value {
    json!({ "card": {
        "id": "order-88", "title": "订单 88", "description": "蓝色水壶，预计明天送达",
        "facts": [{ "key": "金额", "value": "¥99.00" }],
        "webUrl": "https://example.org/orders/88",
        "actions": [{ "id": "where", "label": "查物流", "replyText": "查物流" }],
    } })
}

/// A head and two choices.
fn menu() -> Value {
    json!({ "menu": {
        "head": "请选择您要咨询的问题：",
        "actions": [
            { "id": "ship", "label": "什么时候发货", "replyText": "什么时候发货" },
            { "id": "human", "label": "人工客服", "replyText": "人工客服" },
        ],
        "tail": "也可以直接输入问题。",
    } })
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
        assert!(matches!(reply_to(&text("卡片")), Reply::Part(_)));
        assert!(matches!(reply_to(&text("结束")), Reply::End(_)));
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
        assert!(matches!(
            reply_to(&json!({ "message": { "parts": [{ "image": {} }] } })),
            Reply::Text(_)
        ));
        let voice = json!({ "message": { "parts": [{ "voice": {} }] } });
        assert_eq!(reply_to(&voice), Reply::Nothing);
        assert_eq!(reply_to(&json!({ "gap": {} })), Reply::Nothing);
        assert_eq!(reply_to(&json!(null)), Reply::Nothing);
    }

    #[test]
    fn the_long_text_does_not_fit_one_message() {
        assert!(super::long_text().len() > 2 * 2048);
    }
}
