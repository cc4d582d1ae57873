//! Does a member's message reach the core, and its answer the member? The real binary between a small WeCom and a core that
//! records.

#![allow(clippy::unwrap_used)]

#[path = "wecom_app/simulated.rs"]
mod simulated;
mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::{
    bridge::{Bridge, Setup},
    company::{Company, Desk},
    core::{Core, Heard, Said},
    peer::{element, seal, sign},
    until,
};

struct House {
    company: Company,
    core: Core,
    bridge: Bridge,
    desk: Desk,
}

const SEND: &str = "/cgi-bin/message/send";
const UPDATE: &str = "/cgi-bin/message/update_template_card";

impl House {
    async fn new(lines: &str, behaviour: impl FnMut(&Heard) -> Said + Send + 'static) -> Self {
        let core = Core::start(behaviour).await;
        let company = Company::start().await;
        let bridge = Bridge::start(Setup::to_core(&core, lines)).await;
        let desk = Desk::new("desk");
        desk.apply(&bridge, &company.url()).await;
        Self {
            company,
            core,
            bridge,
            desk,
        }
    }

    async fn push(&self, document: &str) -> (u16, Option<String>) {
        self.desk.push(&self.bridge, document).await
    }

    /// Sends, and waits for what becomes of it.
    async fn send(&self, mut body: Value) -> Value {
        body["conversationKey"] = json!(self.desk.conversation("li.si"));
        let (status, result) = self.bridge.post("/v1/messages?wait=10s", &body).await;
        assert_eq!(status, 200, "{result}");
        result
    }

    /// The first event that fits.
    async fn event(&self, what: &str, fits: impl Fn(&Heard) -> bool) -> Value {
        until(what, async || {
            self.core
                .heard()
                .into_iter()
                .find(|heard| fits(heard))
                .map(|heard| heard.event)
        })
        .await
    }
}

fn quiet(_: &Heard) -> Said {
    Said::taken()
}

#[tokio::test]
async fn a_message_reaches_the_core_and_its_answer_rides_back_sealed() {
    let house = House::new("", |heard| Said::reply(&format!("您说：{} ]]> &", heard.text()))).await;
    let (status, reply) = house.push(&house.desk.text("Li.Si", "在吗")).await;
    let reply = reply.expect("a passive answer");
    assert_eq!(status, 200);
    assert!(
        reply.contains("<Content><![CDATA[您说：在吗 ]]]]><![CDATA[> &]]></Content>"),
        "{reply}"
    );
    assert_eq!(
        (element(&reply, "ToUserName"), element(&reply, "FromUserName")),
        (Some("Li.Si".into()), Some(house.desk.shop.app_id.clone()))
    );
    let heard = house.core.heard().remove(0);
    assert_eq!(heard.key, house.desk.conversation("li.si"));
    let conversation = &heard.event["conversation"];
    assert_eq!(conversation["customer"]["nativeId"], "Li.Si");
    assert_eq!(conversation["account"]["channelCode"], 9);
    assert_eq!(conversation["account"]["subId"], "1000012");
    assert!(house.company.asked(SEND).is_empty(), "nothing went by the API");
}

#[tokio::test]
async fn a_late_answer_goes_by_message_send_with_the_applications_own_token() {
    let house = House::new("reply_budget = \"200ms\"", |_| {
        Said::reply("late but here").after(Duration::from_millis(500))
    })
    .await;
    let (status, reply) = house.push(&house.desk.text("Li.Si", "在吗")).await;
    assert_eq!((status, reply), (200, None));
    let sent = house.company.hears(SEND, 1).await.remove(0);
    assert_eq!(
        sent.body,
        json!({ "touser": "li.si", "agentid": 1_000_012, "msgtype": "text", "text": { "content": "late but here" } })
    );
    assert!(
        sent.query.contains(&format!("tok-{}", house.desk.shop.secret)),
        "{}",
        sent.query
    );
    assert_eq!(house.company.asked("/cgi-bin/gettoken").len(), 1);
}

#[tokio::test]
async fn a_retried_push_is_heard_once_and_answered_alike() {
    let house = House::new("", |_| Said::reply("once")).await;
    let document = house.desk.text("Li.Si", "again");
    let first = house.push(&document).await;
    assert_eq!(house.push(&document).await, first);
    assert_eq!(house.core.heard().len(), 1);
}

#[tokio::test]
async fn the_consoles_check_is_answered_and_a_captured_push_is_not_readable_through_it() {
    let house = House::new("", quiet).await;
    let shop = &house.desk.shop;
    for (plain, expected) in [
        ("6137728914405581230", (200, "6137728914405581230")),
        ("<xml>secret</xml>", (403, "")),
    ] {
        let (echo, now) = (
            seal(&shop.key, &shop.app_id, plain.as_bytes()),
            support::now().to_string(),
        );
        let signature = sign(&[&shop.token, &now, "n1", &echo]);
        let url = house.bridge.public(&format!("/callback/{}", shop.id));
        let query = [
            ("msg_signature", signature.as_str()),
            ("timestamp", now.as_str()),
            ("nonce", "n1"),
            ("echostr", echo.as_str()),
        ];
        // Percent-encoded as the platform does it: a plus as %2B.
        let encoded: Vec<String> = query
            .iter()
            .map(|(name, value)| {
                let value = value.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
                format!("{name}={value}")
            })
            .collect();
        let answer = house
            .bridge
            .http
            .get(format!("{url}?{}", encoded.join("&")))
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        assert_eq!((status, answer.text().await.unwrap().as_str()), expected);
    }
}

#[tokio::test]
async fn a_sent_message_is_taken_back_and_the_core_hears_of_it() {
    let house = House::new("", quiet).await;
    let sent = house.send(json!({ "text": "wrong price" })).await;
    assert_eq!(
        (sent["status"].as_str(), sent["road"].as_str()),
        (Some("SENT"), Some("APP")),
        "{sent}"
    );
    let id = sent["platformMessageIds"][0].as_str().unwrap().to_owned();
    let recall = house.send(json!({ "recallMessageId": sent["messageId"] })).await;
    assert_eq!(recall["status"], "SENT", "{recall}");
    let asked = house.company.asked("/cgi-bin/message/recall");
    assert_eq!(asked[0].body, json!({ "msgid": id }));
    let told = house
        .event("the delivery event", |heard| {
            heard.event["delivery"]["result"]["status"] == "RECALLED"
        })
        .await;
    assert_eq!(told["delivery"]["result"]["messageId"], sent["messageId"]);

    let old = house.send(json!({ "text": "old" })).await;
    house.company.answers(
        "/cgi-bin/message/recall",
        json!({ "errcode": 42052, "errmsg": "over 24 hours" }),
    );
    let refused = house.send(json!({ "recallMessageId": old["messageId"] })).await;
    assert_eq!(
        (refused["status"].as_str(), refused["error"]["code"].as_str()),
        (Some("FAILED"), Some("EXPIRED"))
    );
}

#[tokio::test]
async fn a_member_who_got_nothing_is_a_failure_though_errcode_is_zero() {
    let house = House::new("", quiet).await;
    house.company.answers(
        SEND,
        json!({ "errcode": 0, "errmsg": "ok", "invaliduser": "li.si", "msgid": "m" }),
    );
    let result = house.send(json!({ "text": "hello?" })).await;
    assert_eq!(
        (result["status"].as_str(), result["error"]["code"].as_str()),
        (Some("FAILED"), Some("RECIPIENT_UNKNOWN")),
        "{result}"
    );
    house.company.answers(
        SEND,
        json!({ "errcode": 60020, "errmsg": "not allow to access from your ip, from ip: 203.0.113.7, more info at https://open.work.weixin.qq.com/devtool/query?e=60020" }),
    );
    let result = house.send(json!({ "text": "hello?" })).await;
    assert_eq!(result["error"]["code"], "IP_NOT_ALLOWED");
    let remedy = result["error"]["remedy"].as_str().unwrap();
    assert!(
        remedy.contains("企业可信IP") && remedy.contains("203.0.113.7"),
        "{remedy}"
    );
}

#[tokio::test]
async fn the_doctor_finds_out_whether_our_address_is_trusted() {
    let house = House::new("", quiet).await;
    house.company.answers(
        "/cgi-bin/getcallbackip",
        json!({ "errcode": 60020, "errmsg": "not allow to access from your ip, from ip: 203.0.113.7, more info at https://open.work.weixin.qq.com/devtool/query?e=60020" }),
    );
    for (expected, level) in [("allow-list", "red"), ("token", "green")] {
        let found = house.bridge.get("/admin/v1/doctor?account=desk").await;
        let items = found["items"].as_array().unwrap();
        let finding = items
            .iter()
            .find(|it| it["id"] == expected)
            .unwrap_or_else(|| panic!("{found}"));
        assert_eq!(finding["level"], level, "{finding}");
        if level == "red" {
            let told = finding.to_string();
            assert!(told.contains("203.0.113.7") && told.contains("企业可信IP"), "{told}");
        }
    }
}

#[tokio::test]
async fn a_token_that_died_is_fetched_once_more_and_a_wrong_secret_is_not_asked_with_again() {
    let house = House::new("", quiet).await;
    house.send(json!({ "text": "one" })).await;
    house
        .company
        .answers(SEND, json!({ "errcode": 42001, "errmsg": "access_token expired" }));
    let result = house.send(json!({ "text": "two" })).await;
    assert_eq!(result["status"], "SENT", "{result}");
    assert_eq!(house.company.asked("/cgi-bin/gettoken").len(), 2);
    house
        .company
        .answers(SEND, json!({ "errcode": 40014, "errmsg": "invalid access_token" }));
    house.company.answers(
        "/cgi-bin/gettoken",
        json!({ "errcode": 40001, "errmsg": "invalid credential" }),
    );
    let result = house.send(json!({ "text": "three" })).await;
    assert_eq!(result["error"]["code"], "BAD_SECRET", "{result}");
    assert_eq!(house.company.asked("/cgi-bin/gettoken").len(), 3);
}

// ───────────── cards ─────────────

/// A click on the card's button.
fn click(house: &House, event: &str, task: &str, code: &str) -> String {
    let fields = format!(
        "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[{event}]]></Event><EventKey><![CDATA[take]]></EventKey>\
         <TaskId><![CDATA[{task}]]></TaskId><CardType><![CDATA[button_interaction]]></CardType>\
         <ResponseCode><![CDATA[{code}]]></ResponseCode>"
    );
    house.desk.document("Li.Si", &fields)
}

#[tokio::test]
async fn a_click_on_a_neutral_card_finds_back_and_its_answer_changes_the_card_in_the_open_request() {
    let house = House::new("", |heard| {
        match heard.event["interaction"]["sourceMessageId"].as_str() {
            Some(card) => Said {
                body: json!({ "replies": [{ "message": { "parts": [{ "templateCard": {
                "taskId": card, "nativeJson": "{\"button\":{\"replace_name\":\"已由李四接入\"}}",
            } }] } }] }),
                ..Said::taken()
            },
            None => Said::taken(),
        }
    })
    .await;
    let card = json!({ "message": { "parts": [{ "card": {
        "title": "客户请求人工", "description": "会话 C-88",
        "actions": [{ "id": "take", "label": "接入", "replyText": "接入" }, { "label": "详情", "url": "https://example.com/c/88" }],
    } }] } });
    let sent = house.send(card).await;
    assert_eq!(
        (sent["status"].as_str(), sent.get("degradations")),
        (Some("SENT"), None),
        "{sent}"
    );
    let asked = house.company.asked(SEND).remove(0).body;
    let task = asked["template_card"]["task_id"].as_str().unwrap().to_owned();
    assert_eq!(
        asked["template_card"]["button_list"],
        json!([{ "text": "接入", "key": "take" }, { "type": 1, "text": "详情", "url": "https://example.com/c/88" }])
    );

    let (_, reply) = house
        .push(&click(&house, "template_card_event", &task, "rc-click"))
        .await;
    let reply = reply.expect("the change rides");
    assert_eq!(element(&reply, "MsgType").as_deref(), Some("update_button"));
    assert!(
        reply.contains("<ReplaceName><![CDATA[已由李四接入]]></ReplaceName>"),
        "{reply}"
    );
    let tap = house
        .event("the click", |heard| heard.kind == "wxbridge.interaction.v1")
        .await;
    let tap = &tap["interaction"];
    assert_eq!(
        (tap["kind"].as_str(), tap["key"].as_str()),
        (Some("CARD_ACTION"), Some("take"))
    );
    assert_eq!(tap["sourceMessageId"], sent["messageId"]);
    assert_eq!(tap["responseCode"], "rc-click");
    assert!(house.company.asked(UPDATE).is_empty(), "it rode");
}

#[tokio::test]
async fn a_card_is_changed_later_by_the_code_that_its_sending_gave_once() {
    let house = House::new("", quiet).await;
    let card = |title: &str| {
        json!({ "message": { "parts": [{ "templateCard": {
            "cardType": "button_interaction", "taskId": "c88-1",
            "nativeJson": json!({ "main_title": { "title": title }, "button_list": [{ "text": "接入", "key": "take" }] }).to_string(),
        } }] } })
    };
    house.company.answers(
        SEND,
        json!({ "errcode": 0, "errmsg": "ok", "msgid": "m1", "response_code": "rc-sent" }),
    );
    assert_eq!(house.send(card("新会话")).await["status"], "SENT");
    let changed = house.send(card("已处理")).await;
    assert_eq!(changed["status"], "SENT", "{changed}");
    let asked = house.company.asked(UPDATE);
    assert_eq!(
        asked[0].body,
        json!({
            "userids": ["li.si"], "agentid": 1_000_012, "response_code": "rc-sent",
            "template_card": {
                "card_type": "button_interaction", "main_title": { "title": "已处理" },
                "button_list": [{ "text": "接入", "key": "take" }],
            },
        })
    );
    // Its code is used up: under a name that the platform knows it would be refused, so the platform says so.
    house
        .company
        .answers(SEND, json!({ "errcode": 42014, "errmsg": "task_id exists" }));
    let again = house.send(card("第三次")).await;
    assert_eq!(again["error"]["code"], "INVALID_REQUEST", "{again}");
    assert_eq!(house.company.asked(UPDATE).len(), 1);
}

#[tokio::test]
async fn an_answer_to_a_click_by_the_api_takes_the_code_of_the_click() {
    let house = House::new("reply_budget = \"0ms\"", quiet).await;
    house
        .push(&click(&house, "template_card_menu_event", "own-1", "rc-menu"))
        .await;
    let heard = house.core.hears(1).await.remove(0);
    let update = json!({
        "inReplyTo": heard.id,
        "nativeJson": "{\"msgtype\":\"update_button\",\"button\":{\"replace_name\":\"好\"},\"response_code\":\"forged\"}",
    });
    assert_eq!(house.send(update).await["status"], "SENT");
    let asked = house.company.asked(UPDATE);
    assert_eq!(asked[0].body["response_code"], "rc-menu");
    assert_eq!(asked[0].body["button"]["replace_name"], "好");
}

// ───────────── members and contacts ─────────────

#[tokio::test]
async fn nobody_broadcasts_through_one_members_conversation() {
    let house = House::new("", quiet).await;
    let corp = &house.desk.shop.app_id;
    for native in ["@all", "@ALL", "li.si%7Cwang.wu"] {
        let wish = json!({ "conversationKey": format!("wecom_app:{corp}:1000012:u:{native}"), "text": "to all" });
        let (status, problem) = house.bridge.post("/v1/messages", &wish).await;
        assert_eq!(
            (status, problem["code"].as_str()),
            (400, Some("INVALID_REQUEST")),
            "{native}: {problem}"
        );
    }
    // A key written by hand means the same member in any letters.
    let wish = json!({ "conversationKey": format!("wecom_app:{corp}:1000012:u:Li.Si"), "text": "hi" });
    let (status, result) = house.bridge.post("/v1/messages?wait=10s", &wish).await;
    assert_eq!((status, result["status"].as_str()), (200, Some("SENT")), "{result}");
    assert_eq!(house.company.asked(SEND).len(), 1);
}

#[tokio::test]
async fn a_renamed_member_keeps_the_way_back_to_the_old_conversation() {
    let house = House::new("", quiet).await;
    let fields = "<MsgType>event</MsgType><Event>change_contact</Event><ChangeType>update_user</ChangeType>\
                  <UserID>Li.Si</UserID><NewUserID>lisi2</NewUserID>";
    house.push(&house.desk.document("sys", fields)).await;
    let event = house
        .event("the notice", |heard| heard.kind == "wxbridge.signal.v1")
        .await;
    assert_eq!(event["signal"]["type"], "IDENTITY_CHANGED");
    assert_eq!(event["conversation"]["key"], house.desk.conversation("lisi2"));
    assert_eq!(
        event["conversation"]["previousKeys"],
        json!([house.desk.conversation("li.si")])
    );
    // It stays so on what the member says next.
    house.push(&house.desk.text("lisi2", "new name")).await;
    let said = house.event("the message", |heard| heard.text() == "new name").await;
    assert_eq!(
        said["conversation"]["previousKeys"],
        json!([house.desk.conversation("li.si")])
    );
}

#[tokio::test]
async fn a_member_who_left_gets_nothing_until_back() {
    let house = House::new("", quiet).await;
    let event = |name: &str| format!("<MsgType>event</MsgType><Event>{name}</Event><EventKey></EventKey>");
    house.push(&house.desk.document("Li.Si", &event("unsubscribe"))).await;
    let refused = house.send(json!({ "text": "bye?" })).await;
    assert_eq!(refused["error"]["code"], "UNSUBSCRIBED", "{refused}");
    house.push(&house.desk.document("Li.Si", &event("subscribe"))).await;
    assert_eq!(house.send(json!({ "text": "welcome back" })).await["status"], "SENT");
}

#[tokio::test]
async fn the_answer_to_a_new_contact_goes_by_its_welcome_code() {
    let house = House::new("", |heard| match heard.event["signal"]["code"].as_str() {
        Some(_) => Said::reply("您好，我是您的专属顾问"),
        None => Said::taken(),
    })
    .await;
    let fields = "<MsgType>event</MsgType><Event>change_external_contact</Event><ChangeType>add_external_contact</ChangeType>\
                  <UserID>li.si</UserID><ExternalUserID>wmZz01</ExternalUserID><State>shop-17</State><WelcomeCode>wc-1</WelcomeCode>";
    house.push(&house.desk.document("sys", fields)).await;
    let asked = house
        .company
        .hears("/cgi-bin/externalcontact/send_welcome_msg", 1)
        .await;
    assert_eq!(
        asked[0].body,
        json!({ "welcome_code": "wc-1", "text": { "content": "您好，我是您的专属顾问" } })
    );
    assert!(house.company.asked(SEND).is_empty());
    let heard = house.core.heard().remove(0);
    assert_eq!(heard.key, house.desk.conversation("wmzz01"));
    assert_eq!(heard.event["conversation"]["customer"]["nativeId"], "wmZz01");
    let sent = format!(
        "/v1/messages?clientMessageId={}%2F0&account={}",
        heard.id, house.desk.shop.id
    );
    let result = until("SENT", async || {
        let result = house.bridge.get(&sent).await;
        (result["status"] == "SENT").then_some(result)
    })
    .await;
    assert_eq!(result["road"], "WELCOME", "{result}");
}

#[tokio::test]
async fn a_welcome_code_carries_one_answer_and_a_dead_one_none() {
    const WELCOME: &str = "/cgi-bin/externalcontact/send_welcome_msg";
    let house = House::new("", |heard| match heard.event["signal"]["code"].as_str() {
        Some("wc-1") => Said {
            body: json!({ "replies": [{ "text": "您好" }, { "text": "请看这里" }] }),
            ..Said::reply("")
        },
        _ => Said::taken(),
    })
    .await;
    let added = |contact: &str, code: &str| {
        let fields = format!(
            "<MsgType>event</MsgType><Event>change_external_contact</Event><ChangeType>add_external_contact</ChangeType>\
             <UserID>li.si</UserID><ExternalUserID>{contact}</ExternalUserID><WelcomeCode>{code}</WelcomeCode>"
        );
        house.desk.document("sys", &fields)
    };
    house.push(&added("wmZz01", "wc-1")).await;
    let heard = until("the contact", async || house.core.heard().into_iter().next()).await;
    let allowance = &heard.event["allowances"][0];
    assert_eq!(
        (allowance["trigger"].as_str(), allowance["remaining"].as_u64()),
        (Some("welcome_code"), Some(1)),
        "{allowance}"
    );
    assert_eq!(allowance["expires"], heard.event["signal"]["codeExpires"]);
    // Both answers are one commit.
    house.company.hears(WELCOME, 1).await;
    let second = format!(
        "/v1/messages?clientMessageId={}%2F1&account={}",
        heard.id, house.desk.shop.id
    );
    let second = until("decided", async || {
        let result = house.bridge.get(&second).await;
        matches!(result["status"].as_str(), Some("SENT" | "FAILED")).then_some(result)
    })
    .await;
    assert_eq!(second["error"]["code"], "QUOTA_EXHAUSTED", "{second}");
    assert_eq!(house.company.asked(WELCOME).len(), 1, "a code is taken once");

    let now = support::now();
    let old = added("wmZz02", "wc-2").replace(&format!("<CreateTime>{now}"), &format!("<CreateTime>{}", now - 25));
    house.push(&old).await;
    let late = house
        .event("the second contact", |heard| heard.event["signal"]["code"] == "wc-2")
        .await;
    let answer = json!({ "inReplyTo": late["id"], "text": "您好" });
    let (_, preview) = house.bridge.post("/v1/messages?preview=true", &answer).await;
    let (_, late) = house.bridge.post("/v1/messages?wait=10s", &answer).await;
    assert_eq!(late["error"]["code"], "WINDOW_CLOSED", "{late}");
    assert_eq!(preview["error"]["code"], late["error"]["code"]);
    assert_eq!(house.company.asked(WELCOME).len(), 1);
    assert!(house.company.asked(SEND).is_empty(), "no other road leads to a contact");
}
