//! Does a simulated application of a company push, deliver and refuse as the platform does?

use serde_json::{Value, json};

use super::company::{CORP, Company, sealed_reply};

const AGENT: i64 = 1_000_012;
const APP: &str = "ww0123456789abcdef-1000012";

async fn app() -> Company {
    Company::new(json!({ "channel": "wecom_app", "agent_id": AGENT })).await
}

async fn does(company: &Company, action: &str, body: Value) -> Value {
    company
        .post(&format!("/sim/v1/phones/{APP}/Li.Si/{action}"), body)
        .await
}

async fn send(company: &Company, kind: &str, content: Value) -> Value {
    let body = json!({ "touser": "li.si", "agentid": AGENT, "msgtype": kind, kind: content });
    company.call("message/send", body).await
}

async fn chat(company: &Company) -> Vec<Value> {
    let phone = company.get(&format!("/sim/v1/phones/{APP}/li.si")).await;
    phone["items"].as_array().unwrap().clone()
}

fn reply(kind: &str, content: &str) -> String {
    let document = format!(
        "<xml><ToUserName>Li.Si</ToUserName><FromUserName>{CORP}</FromUserName><CreateTime>1</CreateTime>\
         <MsgType>{kind}</MsgType>{content}</xml>"
    );
    sealed_reply(&document, "n1")
}

fn value<'a>(document: &'a str, name: &str) -> &'a str {
    let rest = document.split(&format!("<{name}>")).nth(1).unwrap();
    let text = rest.split("</").next().unwrap();
    text.trim_start_matches("<![CDATA[").trim_end_matches("]]>")
}

#[tokio::test]
async fn a_members_text_is_pushed_sealed_and_the_passive_reply_is_seen() {
    let company = app().await;
    company.will_answer(200, &reply("text", "<Content><![CDATA[您好]]></Content>"));
    let done = does(&company, "text", json!({ "content": "在吗" })).await;
    assert_eq!(done["outcome"], "reply", "{done}");
    let document = company.documents().remove(0);
    assert_eq!(value(&document, "FromUserName"), "Li.Si", "as the member is written");
    assert_eq!(
        (value(&document, "ToUserName"), value(&document, "AgentID")),
        (CORP, "1000012")
    );
    assert_eq!(value(&document, "MsgId"), done["msg_id"].as_str().unwrap());
    let query = company.told.lock().unwrap().queries.remove(0);
    assert!(
        !query.contains("encrypt_type") && !query.starts_with("signature"),
        "{query}"
    );
    let seen = chat(&company).await;
    assert_eq!(
        (&seen[1]["road"], &seen[1]["text"]),
        (&json!("passive"), &json!("您好"))
    );
}

#[tokio::test]
async fn four_deliveries_a_wrong_answer_once_and_a_plain_one_never() {
    let company = app().await;
    for _ in 0..4 {
        company.will_answer(503, "");
    }
    let done = does(&company, "text", json!({ "content": "1" })).await;
    assert_eq!(
        (&done["outcome"], done["attempts"].as_array().unwrap().len()),
        (&json!("fault"), 4)
    );
    assert_eq!(chat(&company).await.len(), 1, "members see no notice");
    let plain = format!(
        "<xml><ToUserName>Li.Si</ToUserName><FromUserName>{CORP}</FromUserName><CreateTime>1</CreateTime>\
         <MsgType>text</MsgType><Content>x</Content></xml>"
    );
    company.will_answer(200, &plain);
    let done = does(&company, "text", json!({ "content": "2" })).await;
    assert_eq!(
        (&done["outcome"], done["attempts"].as_array().unwrap().len()),
        (&json!("fault"), 1)
    );
    company.will_answer(200, &reply("text", "<Content>x</Content>"));
    let done = does(&company, "menu", json!({ "event": "pic_weixin", "key": "k" })).await;
    assert_eq!(done["outcome"], "ignored", "this event has no passive reply");
}

#[tokio::test]
async fn lists_say_who_was_not_reached_inside_errcode_0() {
    let company = app().await;
    does(&company, "enter", json!({})).await;
    let body = json!({ "touser": "LI.SI|Nobody", "agentid": AGENT, "msgtype": "text", "text": { "content": "好的" } });
    let told = company.call("message/send", body).await;
    assert_eq!((&told["errcode"], &told["invaliduser"]), (&json!(0), &json!("nobody")));
    assert!(told["msgid"].is_string());
    assert_eq!(chat(&company).await[1]["text"], "好的");
    let body = json!({ "touser": "nobody", "agentid": AGENT, "msgtype": "text", "text": { "content": "x" } });
    assert_eq!(company.code("message/send", body).await, 81013);
    let body = json!({ "touser": "li.si", "agentid": 7, "msgtype": "text", "text": { "content": "x" } });
    assert_eq!(company.code("message/send", body).await, 301_002);
    does(&company, "unfollow", json!({})).await;
    assert_eq!(
        send(&company, "text", json!({ "content": "x" })).await["errcode"],
        81013
    );
}

#[tokio::test]
async fn a_message_is_recalled_within_a_day() {
    let company = app().await;
    does(&company, "enter", json!({})).await;
    let sent = send(&company, "text", json!({ "content": "错了" })).await;
    assert_eq!(
        company.code("message/recall", json!({ "msgid": sent["msgid"] })).await,
        0
    );
    assert_eq!(chat(&company).await[1]["recalled"], true);
    assert_eq!(company.code("message/recall", json!({ "msgid": "none" })).await, 40058);
    company.advance("25h").await;
    assert_eq!(
        company.code("message/recall", json!({ "msgid": sent["msgid"] })).await,
        42052
    );
}

#[tokio::test]
async fn a_card_changes_once_for_each_code() {
    let company = app().await;
    does(&company, "enter", json!({})).await;
    let card = json!({
        "card_type": "button_interaction", "main_title": { "title": "客户请求人工" }, "task_id": "t-1",
        "button_list": [{ "text": "接入", "style": 1, "key": "take" }],
    });
    let sent = send(&company, "template_card", card.clone()).await;
    assert_eq!(sent["errcode"], 0, "{sent}");
    assert_eq!(
        send(&company, "template_card", card).await["errcode"],
        42014,
        "a task is used once"
    );
    let change = |code: &str| json!({ "userids": ["li.si", "X"], "agentid": AGENT, "response_code": code, "button": { "replace_name": "已接入" } });
    let code = sent["response_code"].as_str().unwrap();
    let told = company.call("message/update_template_card", change(code)).await;
    assert_eq!((&told["errcode"], &told["invaliduser"]), (&json!(0), &json!(["x"])));
    assert_eq!(
        company.code("message/update_template_card", change(code)).await,
        40058,
        "once"
    );
    does(&company, "tap", json!({ "key": "take", "task": "t-1" })).await;
    let document = company.documents().pop().unwrap();
    assert_eq!(
        (value(&document, "Event"), value(&document, "EventKey")),
        ("template_card_event", "take")
    );
    let fresh = value(&document, "ResponseCode").to_owned();
    company.advance("72h").await;
    assert_eq!(
        company.code("message/update_template_card", change(&fresh)).await,
        40058,
        "72 hours"
    );
}

#[tokio::test]
async fn a_card_update_answers_a_click_only() {
    let company = app().await;
    let button = "<Button><ReplaceName><![CDATA[已接入]]></ReplaceName></Button>";
    company.will_answer(200, &reply("update_button", button));
    let done = does(&company, "tap", json!({ "key": "take" })).await;
    assert_eq!(
        (&done["outcome"], &done["shown"][1]["replace_name"]),
        (&json!("reply"), &json!("已接入"))
    );
    company.will_answer(200, &reply("update_button", button));
    assert_eq!(
        does(&company, "text", json!({ "content": "x" })).await["outcome"],
        "fault"
    );
}

#[tokio::test]
async fn strangers_addresses_are_60020_and_the_answer_names_them() {
    let company = app().await;
    does(&company, "enter", json!({})).await;
    let settings = json!({ "channel": "wecom_app", "corp_id": CORP, "agent_id": AGENT, "trusted_ips": ["10.0.0.1"] });
    company.post("/sim/v1/accounts", settings).await;
    let told = send(&company, "text", json!({ "content": "x" })).await;
    assert_eq!(told["errcode"], 60020);
    let text = told["errmsg"].as_str().unwrap();
    assert!(
        text.contains("from ip: 127.0.0.1") && text.contains("e=60020"),
        "{text}"
    );
}

#[tokio::test]
async fn a_token_is_of_one_secret_and_media_are_of_the_company() {
    let company = app().await;
    let settings = json!({ "channel": "wecom_app", "corp_id": CORP, "agent_id": 2, "secret": "another" });
    company.post("/sim/v1/accounts", settings).await;
    assert_eq!(company.token().await, company.token().await, "the same within its life");
    let other = company
        .get(&format!("/cgi-bin/gettoken?corpid={CORP}&corpsecret=another"))
        .await;
    assert_ne!(other["access_token"], company.token().await);
    does(&company, "enter", json!({})).await;
    let up = company.upload("file", "报价 1.pdf", b"%PDF-1.4 ......").await;
    assert_eq!(
        send(&company, "file", json!({ "media_id": up["media_id"] })).await["errcode"],
        0
    );
    assert_eq!(chat(&company).await[1]["name"], "报价 1.pdf");
    let path = format!(
        "/cgi-bin/media/get?access_token={}&media_id={}",
        other["access_token"].as_str().unwrap(),
        up["media_id"].as_str().unwrap()
    );
    let (named, bytes) = company.bytes(&path).await;
    assert!(bytes.starts_with(b"%PDF") && named.contains("filename="), "{named}");
    assert_eq!(
        company.upload("voice", "a.mp3", b"ID3.......").await["errcode"],
        40005,
        "AMR alone"
    );
    assert_eq!(company.upload("file", "a", b"tiny").await["errcode"], 40006);
    company.advance("2h").await;
    let (_, late) = company
        .post_any(
            &format!(
                "/cgi-bin/message/send?access_token={}",
                other["access_token"].as_str().unwrap()
            ),
            json!({}),
        )
        .await;
    assert_eq!(late["errcode"], 42001);
}
