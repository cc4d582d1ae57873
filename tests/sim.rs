//! Does the simulated platform keep the platform's rules, and to itself?

#![allow(clippy::unwrap_used)]

#[path = "sim/company.rs"]
mod company;
#[path = "sim/mini_program.rs"]
mod mini_program;
#[path = "sim/wechat_kf.rs"]
mod wechat_kf;
#[path = "sim/wecom_app.rs"]
mod wecom_app;

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use wxbridge::sim::{Options, Sim};

/// An account's own server: answers what the test says, remembers what it was asked.
#[derive(Clone, Default)]
struct Account(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    answers: Vec<(u16, String, Duration)>,
    asked: Vec<(String, String)>,
}

impl Account {
    fn will_answer(&self, status: u16, body: &str, after: Duration) {
        self.0.lock().unwrap().answers.push((status, body.to_owned(), after));
    }

    fn asked(&self) -> Vec<(String, String)> {
        self.0.lock().unwrap().asked.clone()
    }

    async fn start(&self) -> String {
        let data = web::Data::new(self.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .route("/callback", web::get().to(echo))
                .route("/callback", web::post().to(answer))
        })
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
        let address = server.addrs()[0];
        tokio::spawn(server.run());
        format!("http://{address}/callback")
    }
}

async fn echo(query: web::Query<Vec<(String, String)>>) -> String {
    let echo = query.iter().find(|(name, _)| name == "echostr");
    echo.map(|(_, value)| value.clone()).unwrap_or_default()
}

async fn answer(request: HttpRequest, body: String, account: web::Data<Account>) -> HttpResponse {
    let (status, text, after) = {
        let mut told = account.0.lock().unwrap();
        told.asked.push((request.query_string().to_owned(), body));
        if told.answers.is_empty() {
            (200, "success".to_owned(), Duration::ZERO)
        } else {
            told.answers.remove(0)
        }
    };
    tokio::time::sleep(after).await;
    HttpResponse::build(status.try_into().unwrap()).body(text)
}

/// A simulator with one account, and the hands to drive both.
struct World {
    sim: Sim,
    account: Account,
    http: reqwest::Client,
}

const APP: &str = "wx1234567890abcdef";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

impl World {
    async fn new(settings: Value) -> Self {
        let sim = Sim::start(Options::default()).await.unwrap();
        let account = Account::default();
        let callback = account.start().await;
        let world = Self {
            sim,
            account,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        };
        let mut body = json!({
            "app_id": APP, "secret": SECRET, "token": "simtoken", "original_id": "gh_1",
            "encoding_aes_key": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
            "callback_url": callback, "mode": "plain",
        });
        body.as_object_mut()
            .unwrap()
            .extend(settings.as_object().unwrap().clone());
        world.post("/sim/v1/accounts", body).await;
        world
    }

    async fn post_any(&self, path: &str, body: Value) -> (u16, Value) {
        let request = self.http.post(format!("{}{path}", self.sim.url()));
        let answer = request.json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.post_any(path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}{path}", self.sim.url())).send().await.unwrap();
        answer.json().await.unwrap()
    }

    async fn does(&self, action: &str, body: Value) -> Value {
        self.post(&format!("/sim/v1/phones/{APP}/o1/{action}"), body).await
    }

    async fn token(&self) -> String {
        let path = format!("/cgi-bin/token?grant_type=client_credential&appid={APP}&secret={SECRET}");
        let answer = self.get(&path).await;
        answer["access_token"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"))
            .to_owned()
    }

    async fn send_with(&self, token: &str, body: Value) -> i64 {
        // Serialised by hand: the platform refuses \u escapes, and so does the simulator.
        let path = format!("/cgi-bin/message/custom/send?access_token={token}");
        self.post(&path, body).await["errcode"].as_i64().unwrap()
    }

    async fn says(&self, text: &str) -> i64 {
        let body = json!({ "touser": "o1", "msgtype": "text", "text": { "content": text } });
        self.send_with(&self.token().await, body).await
    }

    async fn chat(&self) -> Vec<Value> {
        let phone = self.get(&format!("/sim/v1/phones/{APP}/o1")).await;
        phone["items"].as_array().unwrap().clone()
    }
}

fn reply(content: &str) -> String {
    format!(
        "<xml><ToUserName>o1</ToUserName><FromUserName>gh_1</FromUserName><CreateTime>1</CreateTime>\
         <MsgType>text</MsgType>{content}</xml>"
    )
}

#[tokio::test]
async fn a_text_is_pushed_and_the_passive_reply_is_seen() {
    let world = World::new(json!({})).await;
    world
        .account
        .will_answer(200, &reply("<Content><![CDATA[您好]]></Content>"), Duration::ZERO);
    let done = world
        .does("text", json!({ "content": "在吗", "push": { "msg_id": 17 } }))
        .await;
    assert_eq!(done["outcome"], "reply", "{done}");
    assert_eq!(done["attempts"][0]["status"], 200);
    let chat = world.chat().await;
    assert_eq!(
        (&chat[0]["from"], &chat[0]["text"]),
        (&json!("customer"), &json!("在吗"))
    );
    assert_eq!(
        (&chat[1]["road"], &chat[1]["text"]),
        (&json!("passive"), &json!("您好"))
    );
    let (query, body) = world.account.asked().remove(0);
    assert!(query.contains("signature=") && query.contains("openid=o1"), "{query}");
    assert!(
        body.contains("<Content><![CDATA[在吗]]></Content><MsgId>17</MsgId>"),
        "{body}"
    );
}

#[tokio::test]
async fn three_silent_attempts_end_in_the_notice() {
    let world = World::new(json!({ "timeout_ms": 50 })).await;
    for _ in 0..3 {
        world.account.will_answer(200, "success", Duration::from_secs(2));
    }
    let done = world.does("text", json!({ "content": "hi" })).await;
    assert_eq!(done["outcome"], "fault");
    assert_eq!(done["attempts"].as_array().unwrap().len(), 3);
    assert_eq!(done["attempts"][2]["error"], "timeout");
    assert_eq!(done["shown"][1]["text"], "该公众号提供的服务出现故障，请稍后再试");
    let asked = world.account.asked();
    let id = |at: usize| asked[at].1.split("<MsgId>").nth(1).unwrap().to_owned();
    assert!(id(0) == id(1) && id(1) == id(2), "the same message each time");
    assert_ne!(asked[0].0, asked[1].0, "a new nonce each time");
}

#[tokio::test]
async fn a_503_is_tried_again_and_a_wrong_answer_is_not() {
    let world = World::new(json!({})).await;
    world.account.will_answer(503, "", Duration::ZERO);
    let done = world.does("text", json!({ "content": "hi" })).await;
    assert_eq!(
        (&done["outcome"], &done["attempts"][1]["body_kind"]),
        (&json!("success"), &json!("success"))
    );
    for bad in [
        "\"success\"".to_owned(),
        "success\n".to_owned(),
        "<xml>".to_owned(),
        "{}".to_owned(),
        reply(""),
        reply("<Content>x</Content>").replace("text", "card"),
        reply("<Content>x</Content>").replace("o1", "o2"),
        reply("<Image><MediaId>none</MediaId></Image>").replace("text", "image"),
        reply(&format!("<Content>{}</Content>", "字".repeat(683))),
        "<!DOCTYPE x><xml></xml>".to_owned(),
    ] {
        world.account.will_answer(200, &bad, Duration::ZERO);
        let done = world.does("text", json!({ "content": "hi" })).await;
        assert_eq!(done["outcome"], "fault", "{bad}");
        assert_eq!(done["attempts"].as_array().unwrap().len(), 1, "{bad}");
        assert_eq!(done["shown"][1]["type"], "notice", "{bad}");
    }
}

#[tokio::test]
async fn an_encrypted_account_wants_an_encrypted_reply() {
    let world = World::new(json!({ "mode": "safe" })).await;
    world
        .account
        .will_answer(200, &reply("<Content>x</Content>"), Duration::ZERO);
    let done = world.does("text", json!({ "content": "hi" })).await;
    assert_eq!(done["outcome"], "fault", "{done}");
    let (query, body) = world.account.asked().remove(0);
    assert!(query.contains("encrypt_type=aes") && query.contains("msg_signature="));
    assert!(body.contains("<Encrypt>") && !body.contains("FromUserName"), "{body}");
}

#[tokio::test]
async fn five_messages_in_48_hours_and_three_in_a_minute() {
    let world = World::new(json!({})).await;
    world.does("text", json!({ "content": "hi" })).await;
    for _ in 0..5 {
        assert_eq!(world.says("您好").await, 0);
    }
    assert_eq!(world.says("a sixth").await, 45047);
    world.post("/sim/v1/clock", json!({ "advance": "49h" })).await;
    assert_eq!(world.says("too late").await, 45015);
    world.does("click", json!({ "key": "HELP" })).await;
    let quota = world.get(&format!("/sim/v1/quota/{APP}/o1")).await;
    assert_eq!((&quota["left"], &quota["trigger"]), (&json!(3), &json!("menu")));
    for _ in 0..3 {
        assert_eq!(world.says("menu").await, 0);
    }
    assert_eq!(world.says("a fourth").await, 45047);
    world.post("/sim/v1/clock", json!({ "advance": "61s" })).await;
    assert_eq!(world.says("too late").await, 45015);
    world.does("view", json!({ "url": "https://example.org" })).await;
    assert_eq!(world.says("a view opens nothing").await, 45015);
}

#[tokio::test]
async fn sends_are_checked_as_the_platform_checks_them() {
    let world = World::new(json!({ "agents": ["agent1@shop"] })).await;
    world.does("text", json!({ "content": "hi" })).await;
    let token = world.token().await;
    let to = |openid: &str, kind: &str, content: Value| json!({ "touser": openid, "msgtype": kind, kind: content });
    let article = json!({ "title": "t" });
    for (code, body) in [
        (40003, to("nobody", "text", json!({ "content": "x" }))),
        (44004, to("o1", "text", json!({ "content": "" }))),
        (45002, to("o1", "text", json!({ "content": "字".repeat(683) }))),
        (40008, to("o1", "sticker", json!({}))),
        (40007, to("o1", "image", json!({ "media_id": "gone" }))),
        (41006, to("o1", "image", json!({}))),
        (45008, to("o1", "news", json!({ "articles": [article, article] }))),
        (44003, to("o1", "news", json!({ "articles": [] }))),
        (45099, to("o1", "msgmenu", json!({ "list": [] }))),
        (45050, to("o1", "link", json!({ "title": "t" }))),
        (0, to("o1", "news", json!({ "articles": [article] }))),
        (
            0,
            to(
                "o1",
                "msgmenu",
                json!({ "head_content": "?", "list": [{ "id": "1", "content": "yes" }] }),
            ),
        ),
    ] {
        assert_eq!(world.send_with(&token, body.clone()).await, code, "{body}");
    }
    let mut named = to("o1", "text", json!({ "content": "x" }));
    named["customservice"] = json!({ "kf_account": "agent2@shop" });
    assert_eq!(world.send_with(&token, named).await, 61452);
    let escaped = world
        .http
        .post(format!(
            "{}/cgi-bin/message/custom/send?access_token={token}",
            world.sim.url()
        ))
        .body(r#"{"touser":"o1","msgtype":"text","text":{"content":"\u4f60"}}"#);
    let answer: Value = escaped.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["errcode"], 40033);
    world.does("unfollow", json!({})).await;
    assert_eq!(world.says("bye").await, 43004);
}

#[tokio::test]
async fn an_unverified_account_has_no_customer_service_api() {
    let world = World::new(json!({ "verified": false })).await;
    world.does("text", json!({ "content": "hi" })).await;
    assert_eq!(world.says("x").await, 48001);
}

#[tokio::test]
async fn tokens_follow_the_platforms_rules() {
    let world = World::new(json!({})).await;
    world.does("text", json!({ "content": "hi" })).await;
    let body = || json!({ "touser": "o1", "msgtype": "text", "text": { "content": "x" } });
    let first = world.token().await;
    world.token().await;
    assert_eq!(world.send_with(&first, body()).await, 0);
    world.post("/sim/v1/clock", json!({ "advance": "6m" })).await;
    assert_eq!(world.send_with(&first, body()).await, 40001);
    let stable = json!({ "grant_type": "client_credential", "appid": APP, "secret": SECRET });
    let one = world.post("/cgi-bin/stable_token", stable.clone()).await;
    let two = world.post("/cgi-bin/stable_token", stable).await;
    assert_eq!(one["access_token"], two["access_token"]);
    let stable = one["access_token"].as_str().unwrap();
    assert_eq!(world.send_with(stable, body()).await, 0);
    world
        .post(
            &format!("/sim/v1/accounts/{APP}/take-token"),
            json!({ "kind": "stable" }),
        )
        .await;
    assert_eq!(world.send_with(stable, body()).await, 40001);
    assert_eq!(world.send_with("", body()).await, 41001);
    let get = |app: &str, secret: &str| {
        let path = format!("/cgi-bin/token?grant_type=client_credential&appid={app}&secret={secret}");
        let world = &world;
        async move { world.get(&path).await["errcode"].clone() }
    };
    assert_eq!(get("wx0", SECRET).await, 40013);
    assert_eq!(get(APP, "wrong").await, 40125);
    world
        .post(
            "/sim/v1/accounts",
            json!({ "app_id": APP, "allowed_ips": ["203.0.113.9"] }),
        )
        .await;
    assert_eq!(get(APP, SECRET).await, 40164);
    world
        .post("/sim/v1/accounts", json!({ "app_id": APP, "allowed_ips": [] }))
        .await;
    world
        .post(&format!("/sim/v1/accounts/{APP}/revoke-secret"), json!({}))
        .await;
    assert_eq!(get(APP, SECRET).await, 40125);
}

#[tokio::test]
async fn media_go_up_come_down_and_expire() {
    let world = World::new(json!({})).await;
    world.does("text", json!({ "content": "hi" })).await;
    let token = world.token().await;
    let upload = |kind: &'static str, bytes: &'static [u8]| {
        let part = reqwest::multipart::Part::bytes(bytes).file_name("a.png");
        let form = reqwest::multipart::Form::new().part("media", part);
        let url = format!(
            "{}/cgi-bin/media/upload?access_token={token}&type={kind}",
            world.sim.url()
        );
        let request = world.http.post(url).multipart(form);
        async move { request.send().await.unwrap().json::<Value>().await.unwrap() }
    };
    let png = b"\x89PNG\r\n\x1a\nrest";
    assert_eq!(upload("image", b"hello").await["errcode"], 40005);
    assert_eq!(upload("sticker", png).await["errcode"], 40004);
    assert_eq!(upload("voice", png).await["errcode"], 40005);
    let id = upload("image", png).await["media_id"].as_str().unwrap().to_owned();
    let image = json!({ "touser": "o1", "msgtype": "image", "image": { "media_id": id } });
    assert_eq!(world.send_with(&token, image).await, 0);
    let shown = world.chat().await.pop().unwrap();
    let url = format!("{}{}", world.sim.url(), shown["media"].as_str().unwrap());
    assert_eq!(
        world.http.get(url).send().await.unwrap().bytes().await.unwrap(),
        &png[..]
    );
    world.post("/sim/v1/clock", json!({ "advance": "73h" })).await;
    let token = world.token().await;
    let gone = world
        .get(&format!("/cgi-bin/media/get?access_token={token}&media_id={id}"))
        .await;
    assert_eq!(gone["errcode"], 40007);
}

#[tokio::test]
async fn faults_are_played_and_calls_are_recorded() {
    let world = World::new(json!({})).await;
    world.does("text", json!({ "content": "hi" })).await;
    let token = world.token().await;
    let fault = |kind: &str| json!({ "account": APP, "api": "custom/send", "kind": kind, "errcode": 45009 });
    let url = format!("{}/cgi-bin/message/custom/send?access_token={token}", world.sim.url());
    let body = json!({ "touser": "o1", "msgtype": "text", "text": { "content": "x" } });
    let send = || world.http.post(&url).json(&body).send();

    world.post("/sim/v1/faults", fault("errcode")).await;
    assert_eq!(send().await.unwrap().json::<Value>().await.unwrap()["errcode"], 45009);
    world.post("/sim/v1/faults", fault("http500")).await;
    assert_eq!(send().await.unwrap().status(), 500);
    world.post("/sim/v1/faults", fault("refuse")).await;
    assert!(send().await.is_err());
    let before = world.chat().await.len();
    world.post("/sim/v1/faults", fault("lost_answer")).await;
    assert!(send().await.is_err());
    assert_eq!(
        world.chat().await.len(),
        before + 1,
        "the message went, the answer did not"
    );
    assert_eq!(send().await.unwrap().json::<Value>().await.unwrap()["errcode"], 0);

    let calls = world.get("/sim/v1/calls?api=custom/send").await;
    let faults: Vec<_> = calls["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call["fault"].clone())
        .collect();
    assert_eq!(
        json!(faults),
        json!(["errcode", "http500", "refuse", "lost_answer", null])
    );
}

#[tokio::test]
async fn the_url_is_checked_before_it_is_saved() {
    let world = World::new(json!({})).await;
    let nobody = json!({ "app_id": APP, "callback_url": format!("{}/nothing", world.sim.url()) });
    let (status, _) = world.post_any("/sim/v1/accounts", nobody).await;
    assert_eq!(status, 422);
    let account = world.get(&format!("/sim/v1/accounts/{APP}")).await;
    assert!(account["callback_url"].as_str().unwrap().ends_with("/callback"));
}

#[tokio::test]
async fn a_transfer_ends_the_pushes_while_an_agent_has_the_customer() {
    let world = World::new(json!({})).await;
    let transfer = reply("").replace("text", "transfer_customer_service");
    world.account.will_answer(200, &transfer, Duration::ZERO);
    assert_eq!(
        world.does("text", json!({ "content": "hi" })).await["outcome"],
        "transfer"
    );
    world.does("agent-accept", json!({ "agent": "agent1@shop" })).await;
    assert_eq!(
        world.does("text", json!({ "content": "hi" })).await["outcome"],
        "with_agent"
    );
    world.does("agent-close", json!({ "agent": "agent1@shop" })).await;
    assert_eq!(
        world.does("text", json!({ "content": "hi" })).await["outcome"],
        "success"
    );
    let asked = world.account.asked();
    assert!(asked[1].1.contains("kf_create_session") && asked[2].1.contains("kf_close_session"));
}

#[tokio::test]
async fn the_account_gives_a_customer_to_an_agent_and_takes_one_back() {
    let world = World::new(json!({ "agents": ["anna@shop", "bob@shop"], "online_agents": ["anna@shop"] })).await;
    world.does("text", json!({ "content": "hi" })).await;
    let token = world.token().await;
    let session = async |call: &str, agent: &str| {
        let path = format!("/customservice/kfsession/{call}?access_token={token}");
        let answer = world.post(&path, json!({ "kf_account": agent, "openid": "o1" })).await;
        answer["errcode"].as_i64().unwrap()
    };
    assert_eq!(session("close", "anna@shop").await, 65413);
    assert_eq!(session("create", "carl@shop").await, 61452);
    assert_eq!(session("create", "bob@shop").await, 65415);
    assert_eq!(session("create", "anna@shop").await, 0);
    let text = json!({ "content": "hi" });
    assert_eq!(world.does("text", text.clone()).await["outcome"], "with_agent");
    assert_eq!(session("close", "bob@shop").await, 65414);
    assert_eq!(session("close", "anna@shop").await, 0);
    assert_eq!(world.does("text", text).await["outcome"], "success");
    // The events follow the answers.
    let told = async {
        let heard = |event: &str| world.account.asked().iter().any(|(_, body)| body.contains(event));
        while !(heard("kf_create_session") && heard("kf_close_session")) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.unwrap();
}

#[tokio::test]
async fn scanning_follows_first_and_every_deed_is_pushed() {
    let world = World::new(json!({})).await;
    world.does("scan", json!({ "scene": "store-17" })).await;
    world.does("scan", json!({ "scene": "store-17" })).await;
    for (action, body) in [
        ("image", json!({})),
        ("voice", json!({ "recognition": "" })),
        ("video", json!({})),
        ("shortvideo", json!({})),
        ("location", json!({})),
        ("link", json!({})),
        ("tap", json!({ "id": "101", "content": "yes" })),
        ("menu", json!({ "event": "scancode_waitmsg", "key": "k" })),
        (
            "event",
            json!({ "event": "LOCATION", "fields": { "Latitude": 31.5, "Longitude": 121.25, "Precision": 65 } }),
        ),
        ("message", json!({ "type": "file", "fields": { "Title": "a.pdf" } })),
        ("raw", json!({ "body": "<xml><odd/></xml>" })),
    ] {
        assert_eq!(world.does(action, body).await["outcome"], "success", "{action}");
    }
    let asked = world.account.asked();
    assert!(
        asked[0]
            .1
            .contains("<Event><![CDATA[subscribe]]></Event><EventKey><![CDATA[qrscene_store-17]]>")
    );
    assert!(
        asked[1]
            .1
            .contains("<Event><![CDATA[SCAN]]></Event><EventKey><![CDATA[store-17]]>")
    );
    assert!(asked[10].1.contains("<Latitude>31.5</Latitude>"), "{}", asked[10].1);
    assert_eq!(asked[12].1, "<xml><odd/></xml>");
}

/// The rule that makes the simulator a judge: nothing of the bridge in it, so that no mistake cancels itself out.
#[test]
fn the_simulator_uses_nothing_of_the_bridge() {
    fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
    }
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sim"), &mut files);
    assert!(files.len() > 15, "the sources were found");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains("wxbridge::"), "{} names the bridge", file.display());
        assert!(
            !text.contains("#[path"),
            "{} takes a file from elsewhere",
            file.display()
        );
        for (at, _) in text.match_indices("crate::") {
            let before = text[..at].chars().next_back();
            // `some_crate::x` is another name that ends alike.
            if before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_') {
                continue;
            }
            let path = &text[at..];
            assert!(
                path.starts_with("crate::sim"),
                "{}: {}",
                file.display(),
                path.lines().next().unwrap()
            );
        }
        // Enough `super::` in a row leave the simulator: one more than the module is deep inside it.
        let parts = file
            .strip_prefix(env!("CARGO_MANIFEST_DIR"))
            .unwrap()
            .components()
            .count();
        let deepest = if file.ends_with("mod.rs") { parts - 2 } else { parts - 1 };
        let climb = "super::".repeat(deepest + usize::from(text.contains("mod tests")));
        assert!(!text.contains(&climb), "{} climbs out of the simulator", file.display());
    }
}
