//! Does a simulated mini-program's chat keep the platform's rules?

use serde_json::{Value, json};

use super::{APP, World};

async fn mini(settings: Value) -> World {
    let mut body = json!({ "channel": "mini_program" });
    body.as_object_mut()
        .unwrap()
        .extend(settings.as_object().unwrap().clone());
    World::new(body).await
}

#[tokio::test]
async fn pushes_are_json_unless_xml_was_chosen() {
    let world = mini(json!({})).await;
    world
        .does("enter", json!({ "session_from": "order=88;src=detail" }))
        .await;
    let (query, body) = world.account.asked().remove(0);
    assert!(query.contains("signature="), "{query}");
    let told: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(told["Event"], "user_enter_tempsession");
    assert_eq!(told["SessionFrom"], "order=88;src=detail");
    let world = mini(json!({ "format": "xml" })).await;
    let done = world.does("card", json!({ "title": "Blue kettle" })).await;
    let (_, body) = world.account.asked().remove(0);
    assert!(body.contains("<Title><![CDATA[Blue kettle]]></Title>"), "{body}");
    assert!(
        body.contains(&format!("<MsgId>{}</MsgId>", done["msg_id"].as_str().unwrap())),
        "{body}"
    );
}

#[tokio::test]
async fn a_passive_reply_is_not_shown_and_a_transfer_is_heard() {
    let world = mini(json!({})).await;
    let answer = |kind: &str| json!({ "ToUserName": "o1", "FromUserName": "gh_1", "CreateTime": 1, "MsgType": kind, "Content": "您好" });
    world
        .account
        .will_answer(200, &answer("text").to_string(), std::time::Duration::ZERO);
    let done = world.does("text", json!({ "content": "在吗" })).await;
    assert_eq!(done["outcome"], "ignored", "{done}");
    assert_eq!(world.chat().await.len(), 1);
    let transfer = answer("transfer_customer_service").to_string();
    world.account.will_answer(200, &transfer, std::time::Duration::ZERO);
    assert_eq!(
        world.does("text", json!({ "content": "人工" })).await["outcome"],
        "transfer"
    );
    world.account.will_answer(200, "<xml>", std::time::Duration::ZERO);
    world.does("text", json!({ "content": "x" })).await;
    let notice = world.chat().await.pop().unwrap();
    assert_eq!(notice["text"], "该小程序客服暂时无法提供服务，请稍后再试");
}

#[tokio::test]
async fn a_payments_own_answer_is_taken_and_shown_to_nobody() {
    let world = mini(json!({})).await;
    let thanks = r#"{"ErrCode":0,"ErrMsg":"Success"}"#;
    for (event, outcome) in [("xpay_goods_deliver_notify", "success"), ("add_waybill", "bad")] {
        world.account.will_answer(200, thanks, std::time::Duration::ZERO);
        let done = world.does("event", json!({ "event": event, "fields": {} })).await;
        assert_eq!(done["attempts"][0]["body_kind"], outcome, "{done}");
    }
}

#[tokio::test]
async fn two_messages_a_minute_for_entering_and_five_in_48_hours_for_writing() {
    let world = mini(json!({})).await;
    assert_eq!(world.says("nobody came").await, 40003);
    world.does("enter", json!({})).await;
    for _ in 0..2 {
        assert_eq!(world.says("欢迎").await, 0);
    }
    assert_eq!(world.says("欢迎").await, 45047);
    world.post("/sim/v1/clock", json!({ "advance": "61s" })).await;
    assert_eq!(world.says("欢迎").await, 45015);
    world.does("text", json!({ "content": "在吗" })).await;
    for _ in 0..5 {
        assert_eq!(world.says("在").await, 0);
    }
    assert_eq!(world.says("在").await, 45047);
    let punished = mini(json!({ "punished": true })).await;
    punished.does("enter", json!({})).await;
    assert_eq!(punished.says("欢迎").await, 45094);
}

#[tokio::test]
async fn only_images_are_uploaded() {
    let world = mini(json!({ "verified": false })).await;
    let token = world.token().await;
    for (kind, code) in [("voice", 40004), ("thumb", 40004), ("image", 41005)] {
        let (_, told) = world
            .post_any(
                &format!("/cgi-bin/media/upload?access_token={token}&type={kind}"),
                json!({}),
            )
            .await;
        assert_eq!(told["errcode"], code, "{kind}");
    }
    let phone = world.get(&format!("/sim/v1/phones/{APP}/o1")).await;
    assert_eq!(phone["quota"]["open"], false);
}

#[tokio::test]
async fn a_mini_program_says_to_which_customer_service_it_is_bound() {
    let world = mini(json!({})).await;
    let token = world.token().await;
    let asked = format!("/customservice/work/get?access_token={token}");
    assert_eq!(world.get(&asked).await, json!({ "errcode": 0, "errmsg": "ok" }));
    world
        .post(
            "/sim/v1/accounts",
            json!({ "channel": "mini_program", "app_id": APP, "bound_to": "ww1" }),
        )
        .await;
    let bound = world.get(&asked).await;
    assert_eq!(bound["corpid"], "ww1", "{bound}");
    assert!(bound["bindTime"].is_i64() && bound["entityName"].is_string(), "{bound}");
}
