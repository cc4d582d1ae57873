//! Does the simulated 微信客服 ring, keep, hold and refuse as the platform does?

use serde_json::{Value, json};

use super::company::{CORP, Company, SECRET};

const KF: &str = "wkTESTkf000001";
const WHO: &str = "wmTESTcustomer000001";

async fn kf() -> Company {
    let company = Company::new(json!({ "channel": "wechat_kf", "open_kfids": [KF] })).await;
    let servicers = json!([{ "userid": "lisi" }, { "userid": "wangwu", "status": 1 }]);
    set(&company, json!({ "servicers": servicers })).await;
    company
}

async fn set(company: &Company, settings: Value) {
    let mut body = json!({ "open_kfid": KF });
    body.as_object_mut()
        .unwrap()
        .extend(settings.as_object().unwrap().clone());
    company.post("/sim/v1/desks", body).await;
}

async fn does(company: &Company, action: &str, body: Value) -> Value {
    company.post(&format!("/sim/v1/phones/{KF}/{WHO}/{action}"), body).await
}

async fn sync(company: &Company, mut body: Value) -> Value {
    body["open_kfid"] = KF.into();
    company.call("kf/sync_msg", body).await
}

async fn send(company: &Company, text: &str) -> i64 {
    let body = json!({ "touser": WHO, "open_kfid": KF, "msgtype": "text", "text": { "content": text } });
    company.code("kf/send_msg", body).await
}

async fn trans(company: &Company, state: u8) -> Value {
    let body = json!({ "open_kfid": KF, "external_userid": WHO, "service_state": state, "servicer_userid": "lisi" });
    company.call("kf/service_state/trans", body).await
}

async fn state(company: &Company) -> Value {
    let body = json!({ "open_kfid": KF, "external_userid": WHO });
    company.call("kf/service_state/get", body).await
}

async fn events(company: &Company) -> Vec<Value> {
    let page = sync(company, json!({})).await;
    let items = page["msg_list"].as_array().unwrap().iter();
    items
        .filter(|item| item["msgtype"] == "event")
        .map(|item| item["event"].clone())
        .collect()
}

#[tokio::test]
async fn a_bell_has_a_token_and_no_message_and_the_pull_has_the_message() {
    let company = kf().await;
    let done = does(&company, "text", json!({ "content": "在吗" })).await;
    assert_eq!(done["outcome"], "success", "{done}");
    let bell = company.documents().remove(0);
    assert!(bell.contains("<Event><![CDATA[kf_msg_or_event]]></Event>"), "{bell}");
    assert!(
        bell.contains(&format!("<OpenKfId><![CDATA[{KF}]]></OpenKfId>")),
        "{bell}"
    );
    assert!(!bell.contains("在吗") && !bell.contains("FromUserName"), "{bell}");
    let token = bell
        .split("<Token><![CDATA[")
        .nth(1)
        .unwrap()
        .split("]]>")
        .next()
        .unwrap();
    let page = sync(&company, json!({ "token": token, "limit": 100 })).await;
    assert_eq!((&page["errcode"], &page["has_more"]), (&json!(0), &json!(0)));
    let item = &page["msg_list"][0];
    assert_eq!((&item["origin"], &item["text"]["content"]), (&json!(3), &json!("在吗")));
    assert_eq!(item["msgid"], done["msg_id"]);
    let next = sync(&company, json!({ "cursor": page["next_cursor"] })).await;
    assert_eq!(next["msg_list"], json!([]));
    let again = sync(&company, json!({ "cursor": "" })).await;
    assert_eq!(again["msg_list"], page["msg_list"], "a cursor is a place, not a queue");
    company.advance("10m").await;
    assert_eq!(sync(&company, json!({ "token": token })).await["errcode"], 95007);
    assert_eq!(sync(&company, json!({ "token": "made up" })).await["errcode"], 95007);
}

#[tokio::test]
async fn pages_end_where_the_account_says_and_three_days_are_kept() {
    let company = kf().await;
    company
        .post(
            &format!("/sim/v1/phones/{KF}/x/backlog"),
            json!({ "count": 5, "age": 260_000 }),
        )
        .await;
    company
        .post(
            &format!("/sim/v1/phones/{KF}/x/backlog"),
            json!({ "count": 25, "customers": 4 }),
        )
        .await;
    assert!(company.documents().is_empty(), "nobody was told");
    set(&company, json!({ "page": 10 })).await;
    let (mut cursor, mut found) = (String::new(), 0);
    for more in [1, 1, 0] {
        let page = sync(&company, json!({ "cursor": cursor, "limit": 1000 })).await;
        assert_eq!(page["has_more"], more);
        found += page["msg_list"].as_array().unwrap().len();
        cursor = page["next_cursor"].as_str().unwrap().to_owned();
    }
    assert_eq!(found, 25, "what is older than three days is gone");
}

#[tokio::test]
async fn bells_are_lost_and_doubled_and_pages_come_empty_on_request() {
    let company = kf().await;
    company
        .post(
            "/sim/v1/faults",
            json!({ "api": "bell", "kind": "lost", "account": KF }),
        )
        .await;
    assert_eq!(
        does(&company, "text", json!({ "content": "1" })).await["outcome"],
        "untold"
    );
    company
        .post("/sim/v1/faults", json!({ "api": "bell", "kind": "duplicate" }))
        .await;
    does(&company, "text", json!({ "content": "2" })).await;
    assert_eq!(company.documents().len(), 2);
    company
        .post("/sim/v1/faults", json!({ "api": "kf/sync_msg", "kind": "empty_page" }))
        .await;
    let empty = sync(&company, json!({})).await;
    assert_eq!((&empty["has_more"], &empty["msg_list"]), (&json!(1), &json!([])));
    let full = sync(&company, json!({ "cursor": empty["next_cursor"] })).await;
    assert_eq!(full["msg_list"].as_array().unwrap().len(), 2);
    company
        .post("/sim/v1/faults", json!({ "api": "kf/sync_msg", "kind": "stuck_page" }))
        .await;
    let stuck = sync(&company, json!({ "cursor": empty["next_cursor"] })).await;
    assert_eq!(stuck["next_cursor"], empty["next_cursor"]);
}

#[tokio::test]
async fn five_messages_after_each_of_the_customers_and_no_echo_of_them() {
    let company = kf().await;
    assert_eq!(send(&company, "nobody yet").await, 40096);
    does(&company, "text", json!({ "content": "在吗" })).await;
    assert_eq!(state(&company).await["service_state"], 0);
    for turn in 1..=5 {
        assert_eq!(send(&company, &format!("{turn}")).await, 0);
    }
    assert_eq!(
        state(&company).await["service_state"],
        1,
        "sending makes it the assistant's"
    );
    assert_eq!(send(&company, "6").await, 95001);
    does(&company, "text", json!({ "content": "again" })).await;
    assert_eq!(send(&company, "1").await, 0);
    let page = sync(&company, json!({})).await;
    assert_eq!(page["msg_list"].as_array().unwrap().len(), 2, "no echo");
    company.advance("48h").await;
    assert_eq!(send(&company, "late").await, 95002);
}

#[tokio::test]
async fn an_id_is_used_once_and_an_empty_one_is_refused() {
    let company = kf().await;
    does(&company, "text", json!({ "content": "在吗" })).await;
    let body = |id: &str| json!({ "touser": WHO, "open_kfid": KF, "msgid": id, "msgtype": "text", "text": { "content": "x" } });
    let sent = company.call("kf/send_msg", body("brg_1")).await;
    assert_eq!(sent["msgid"], "brg_1");
    assert_eq!(company.code("kf/send_msg", body("brg_1")).await, 95033);
    assert_eq!(company.code("kf/send_msg", body("")).await, 40058);
    assert_eq!(company.code("kf/send_msg", body(&"x".repeat(33))).await, 40058);
    assert_eq!(
        company
            .code("kf/recall_msg", json!({ "open_kfid": KF, "msgid": "brg_1" }))
            .await,
        0
    );
    assert_eq!(
        company
            .code("kf/recall_msg", json!({ "open_kfid": KF, "msgid": "brg_2" }))
            .await,
        95028
    );
    company.advance("3m").await;
    assert_eq!(
        company
            .code("kf/recall_msg", json!({ "open_kfid": KF, "msgid": "brg_1" }))
            .await,
        95029
    );
}

#[tokio::test]
async fn a_message_that_fails_later_says_so_by_an_event_and_a_bell() {
    let company = kf().await;
    does(&company, "text", json!({ "content": "在吗" })).await;
    company
        .post(
            "/sim/v1/faults",
            json!({ "api": "kf/send_msg", "kind": "send_fail", "fail_type": 4 }),
        )
        .await;
    let body =
        json!({ "touser": WHO, "open_kfid": KF, "msgid": "brg_1", "msgtype": "text", "text": { "content": "x" } });
    assert_eq!(company.code("kf/send_msg", body).await, 0);
    let told = events(&company).await.remove(0);
    assert_eq!(
        (&told["event_type"], &told["fail_msgid"], &told["fail_type"]),
        (&json!("msg_send_fail"), &json!("brg_1"), &json!(4))
    );
    let phone = company.get(&format!("/sim/v1/phones/{KF}/{WHO}")).await;
    assert_eq!(phone["items"].as_array().unwrap().len(), 1, "the customer saw nothing");
    for _ in 0..200 {
        if company.documents().len() == 2 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("no bell for the failure");
}

#[tokio::test]
async fn the_welcome_code_works_once_within_twenty_seconds() {
    let company = kf().await;
    does(
        &company,
        "enter",
        json!({ "scene": "web_pay", "scene_param": "order%3D7" }),
    )
    .await;
    let told = events(&company).await.remove(0);
    assert_eq!(
        (&told["scene"], &told["scene_param"]),
        (&json!("web_pay"), &json!("order%3D7"))
    );
    let greet = |code: &Value| json!({ "code": code, "msgtype": "text", "text": { "content": "欢迎" } });
    let wrong = json!({ "code": told["welcome_code"], "msgtype": "image", "image": { "media_id": "m" } });
    assert_eq!(company.code("kf/send_msg_on_event", wrong).await, 40007);
    assert_eq!(
        company.code("kf/send_msg_on_event", greet(&told["welcome_code"])).await,
        0
    );
    assert_eq!(
        company.code("kf/send_msg_on_event", greet(&told["welcome_code"])).await,
        41050
    );
    does(&company, "enter", json!({})).await;
    assert!(
        events(&company).await[1].get("welcome_code").is_none(),
        "no second welcome"
    );
    let other = company.post(&format!("/sim/v1/phones/{KF}/wm2/enter"), json!({})).await;
    assert_eq!(other["outcome"], "success");
    let late = events(&company).await.remove(2);
    company.advance("20s").await;
    assert_eq!(
        company.code("kf/send_msg_on_event", greet(&late["welcome_code"])).await,
        41050
    );
}

#[tokio::test]
async fn sessions_move_by_the_table_and_their_codes_die_with_the_state() {
    let company = kf().await;
    assert_eq!(
        company
            .code(
                "kf/service_state/get",
                json!({ "open_kfid": KF, "external_userid": "none" })
            )
            .await,
        40096
    );
    does(&company, "text", json!({ "content": "人工" })).await;
    assert_eq!(trans(&company, 4).await["errcode"], 95016);
    let pooled = trans(&company, 2).await;
    assert_eq!(send(&company, "held").await, 95018);
    let say = |code: &Value| json!({ "code": code, "msgtype": "text", "text": { "content": "请稍候" } });
    assert_eq!(company.code("kf/send_msg_on_event", say(&pooled["msg_code"])).await, 0);
    assert_eq!(trans(&company, 1).await["errcode"], 95016);
    let stopped = json!({ "open_kfid": KF, "external_userid": WHO, "service_state": 3, "servicer_userid": "wangwu" });
    assert_eq!(company.code("kf/service_state/trans", stopped).await, 95019);
    assert!(
        trans(&company, 3).await.get("msg_code").is_none(),
        "only the first change has a code"
    );
    let held = state(&company).await;
    assert_eq!(
        (&held["service_state"], &held["servicer_userid"]),
        (&json!(3), &json!("lisi"))
    );
    let ended = trans(&company, 4).await;
    does(&company, "text", json!({ "content": "还在吗" })).await;
    assert_eq!(
        company.code("kf/send_msg_on_event", say(&ended["msg_code"])).await,
        95018
    );
    assert_eq!(events(&company).await.len(), 0, "the API's own changes are not told");
}

#[tokio::test]
async fn what_happens_in_the_client_is_told() {
    let company = kf().await;
    does(&company, "text", json!({ "content": "人工" })).await;
    trans(&company, 2).await;
    does(&company, "servicer-take", json!({ "servicer": "lisi" })).await;
    does(
        &company,
        "servicer-text",
        json!({ "servicer": "lisi", "content": "您好" }),
    )
    .await;
    does(&company, "servicer-end", json!({})).await;
    let page = sync(&company, json!({})).await;
    let items = page["msg_list"].as_array().unwrap();
    let typed = items.iter().find(|item| item["origin"] == 5).unwrap();
    assert_eq!(
        (&typed["servicer_userid"], &typed["text"]["content"]),
        (&json!("lisi"), &json!("您好"))
    );
    let changes: Vec<i64> = events(&company)
        .await
        .iter()
        .filter_map(|event| event["change_type"].as_i64())
        .collect();
    assert_eq!(changes, [1, 3]);
    let bye =
        json!({ "code": events(&company).await[1]["msg_code"], "msgtype": "text", "text": { "content": "再见" } });
    assert_eq!(company.code("kf/send_msg_on_event", bye).await, 0);
    does(
        &company,
        "servicer-text",
        json!({ "servicer": "lisi", "content": "还有" }),
    )
    .await;
    let changes: Vec<i64> = events(&company)
        .await
        .iter()
        .filter_map(|event| event["change_type"].as_i64())
        .collect();
    assert_eq!(changes, [1, 3, 4]);
    assert_eq!(send(&company, "held again").await, 95018);
}

#[tokio::test]
async fn too_many_calls_at_a_time_are_45033() {
    let company = Company::new(json!({
        "channel": "wechat_kf", "open_kfids": [KF], "concurrent": 2, "answer_ms": 300,
    }))
    .await;
    let path = format!("/cgi-bin/kf/sync_msg?access_token={}", company.token().await);
    let calls = (0..3).map(|_| company.post(&path, json!({ "open_kfid": KF })));
    let mut codes: Vec<i64> = futures_util::future::join_all(calls)
        .await
        .iter()
        .map(|answer| answer["errcode"].as_i64().unwrap())
        .collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 0, 45033]);
}

#[tokio::test]
async fn accounts_of_others_are_refused() {
    let company = kf().await;
    let list = company
        .call("kf/account/list", json!({ "offset": 0, "limit": 100 }))
        .await;
    assert_eq!(list["account_list"][0]["manage_privilege"], true);
    set(&company, json!({ "managed": false })).await;
    assert_eq!(sync(&company, json!({})).await["errcode"], 48007);
    assert_eq!(
        company.code("kf/sync_msg", json!({ "open_kfid": "wkNONE" })).await,
        95004
    );
    assert_eq!(company.code("kf/sync_msg", json!({})).await, 40058);
    let wrong = company
        .get(&format!("/cgi-bin/gettoken?corpid={CORP}&corpsecret=wrong"))
        .await;
    assert_eq!(wrong["errcode"], 40001);
    let unknown = company
        .get(&format!("/cgi-bin/gettoken?corpid=ww1&corpsecret={SECRET}"))
        .await;
    assert_eq!(unknown["errcode"], 40013);
    let (_, answer) = company
        .post_any("/cgi-bin/kf/sync_msg?access_token=none", json!({}))
        .await;
    assert_eq!(answer["errcode"], 40014);
}

#[tokio::test]
async fn files_come_and_go() {
    let company = kf().await;
    let sent = does(&company, "image", json!({})).await;
    assert_eq!(sent["outcome"], "success");
    let page = sync(&company, json!({})).await;
    let media = page["msg_list"][0]["image"]["media_id"].as_str().unwrap().to_owned();
    let token = company.token().await;
    let (_, bytes) = company
        .bytes(&format!("/cgi-bin/media/get?access_token={token}&media_id={media}"))
        .await;
    assert!(bytes.starts_with(b"\x89PNG"));
    let up = company.upload("image", "图.png", &bytes).await;
    assert!(up["created_at"].is_string(), "{up}");
    let body = json!({ "touser": WHO, "open_kfid": KF, "msgtype": "image", "image": { "media_id": up["media_id"] } });
    assert_eq!(company.code("kf/send_msg", body).await, 0);
    company.advance("73h").await;
    let gone = company
        .get(&format!(
            "/cgi-bin/media/get?access_token={}&media_id={media}",
            company.token().await
        ))
        .await;
    assert_eq!(gone["errcode"], 40007);
}
