//! A token that asks for more than it may, over HTTP and gRPC: it is told when to come again, and others do not notice.

use std::{io::Write as _, net::TcpStream, time::Duration};

use serde_json::{Value, json};
use tonic::Code;
use wxbridge::schema::{
    json::{Unknown, from_value},
    v1::{GetAccountRequest, SendRequest},
};

use crate::{
    assert_quiet,
    support::{
        bridge::{Bridge, Setup},
        grpc::{client, reason, retry_after},
        peer::Shop,
        until,
    },
};

async fn house(setup: Setup) -> (Bridge, String) {
    let setup = setup.and_core("main", "http://127.0.0.1:9/", "reply_budget = \"0s\"");
    let bridge = Bridge::start(setup).await;
    bridge.apply(&[&Shop::new("shop")], "http://127.0.0.1:9").await;
    let wish = json!({ "name": "busy", "scope": "core", "core": "main" });
    let (status, made) = bridge.post("/admin/v1/tokens", &wish).await;
    assert_eq!(status, 201, "{made}");
    let token = made["token"].as_str().unwrap().to_owned();
    (bridge, token)
}

/// Status, `Retry-After` and code of a call that reads.
async fn asked(bridge: &Bridge, token: &str) -> (u16, Option<String>, Value) {
    let request = bridge.http.get(bridge.internal("/v1/accounts/shop")).bearer_auth(token);
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let after = answer.headers().get("retry-after").cloned();
    let body: Value = answer.json().await.unwrap();
    (
        status,
        after.map(|after| after.to_str().unwrap().to_owned()),
        body["code"].clone(),
    )
}

fn slow_down() -> (u16, Option<String>, Value) {
    (429, Some("1".into()), json!("OVERLOADED"))
}

#[tokio::test]
async fn a_token_that_calls_too_often_is_told_when_to_come_again() {
    let setup = Setup::new().before(&["env", "WXBRIDGE__INTERNAL__CALLS_PER_SECOND=3"]);
    let (bridge, token) = house(setup).await;
    until("too many calls", async || {
        (asked(&bridge, &token).await == slow_down()).then_some(())
    })
    .await;
    let mut caller = client(&bridge, &token);
    let account = || GetAccountRequest { id: "shop".into() };
    // One budget for both ways; a call that took its time may find one call paid for.
    let refused = until("too many calls over gRPC", async || {
        caller.get_account(account()).await.err()
    })
    .await;
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::ResourceExhausted, "OVERLOADED")
    );
    assert_eq!(retry_after(&refused), Some(Duration::from_secs(1)));
    assert_eq!(
        asked(&bridge, &bridge.operator_token()).await.0,
        200,
        "others have their own"
    );
    until("a call that is paid for", async || {
        (asked(&bridge, &token).await.0 == 200).then_some(())
    })
    .await;
    assert_quiet(&bridge.log());
}

#[tokio::test]
async fn a_token_has_so_many_calls_under_way_at_once_and_gets_them_back() {
    let (bridge, token) = house(Setup::new()).await;
    // Bodies that are announced and do not come.
    let begun = |_: usize| {
        let mut stream = TcpStream::connect(("127.0.0.1", bridge.internal_port())).unwrap();
        let head = format!(
            "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let held: Vec<TcpStream> = (0..300).map(begun).collect();
    until("no call more", async || {
        (asked(&bridge, &token).await == slow_down()).then_some(())
    })
    .await;
    let mut caller = client(&bridge, &token);
    let refused = caller
        .get_account(GetAccountRequest { id: "shop".into() })
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(
        asked(&bridge, &bridge.operator_token()).await.0,
        200,
        "others have their own"
    );
    drop(held);
    until("room again", async || {
        (asked(&bridge, &token).await.0 == 200).then_some(())
    })
    .await;
    assert_quiet(&bridge.log());
}

#[tokio::test]
async fn a_wrong_token_is_refused_as_wrong_however_often_it_comes_and_a_right_one_passes() {
    let (bridge, token) = house(Setup::new()).await;
    for times in 1..=30 {
        let (status, after, code) = asked(&bridge, "wrong").await;
        assert_eq!((status, code), (401, json!("UNAUTHENTICATED")), "{times}");
        assert_eq!(after.is_some(), times > 20, "{times}");
    }
    let asked_by = |token: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wxbridge"));
        command
            .args(["account", "list"])
            .env("WXBRIDGE_URL", bridge.internal(""))
            .env("WXBRIDGE_TOKEN", token);
        command.output().unwrap().status.code()
    };
    assert_eq!(asked_by("wrong"), Some(77), "token refused");
    assert_eq!(asked_by(&bridge.operator_token()), Some(0));
    assert_eq!(asked(&bridge, &token).await.0, 200);
    assert_quiet(&bridge.log());
}

/// As many messages of one conversation as may be open.
const OPEN: usize = 1_000;

#[tokio::test]
async fn files_that_nobody_reads_on_are_calls_under_way() {
    let (bridge, token) = house(Setup::new()).await;
    let kept = bridge
        .http
        .post(bridge.internal("/v1/media"))
        .bearer_auth(&token)
        .header("content-type", "application/octet-stream")
        // More than a stream takes unread.
        .body(vec![7; 8 << 20]);
    let kept: Value = kept.send().await.unwrap().json().await.unwrap();
    let handle = kept["handle"].as_str().unwrap();
    let mut unread = Vec::new();
    for _ in 0..4 {
        let mut caller = client(&bridge, &token);
        for _ in 0..64 {
            unread.push(caller.open_media(handle).await.unwrap());
        }
    }
    assert_eq!(asked(&bridge, &token).await, slow_down());
    let refused = client(&bridge, &token).open_media(handle).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    drop(unread);
    until("room again", async || {
        (asked(&bridge, &token).await.0 == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_conversation_has_so_many_messages_open_at_once() {
    let (bridge, token) = house(Setup::new()).await;
    let key = Shop::new("shop").conversation("o1");
    // The platform is away: whatever is accepted waits.
    let send = async |number: usize| {
        let wish = json!({"conversationKey": key, "text": "hi", "clientMessageId": format!("c{number}")});
        let request = bridge.http.post(bridge.internal("/v1/messages")).json(&wish);
        let answer = request.bearer_auth(&token).send().await.unwrap();
        let (status, after) = (answer.status().as_u16(), answer.headers().contains_key("retry-after"));
        let body: Value = answer.json().await.unwrap();
        (status, after, body["code"].as_str().unwrap_or_default().to_owned())
    };
    let numbers: Vec<usize> = (0..OPEN).collect();
    for some in numbers.chunks(100) {
        let sent = futures_util::future::join_all(some.iter().map(|number| send(*number))).await;
        assert!(sent.iter().all(|(status, ..)| *status == 202), "{sent:?}");
    }
    assert_eq!(send(OPEN).await, (429, true, "OVERLOADED".to_owned()));
    assert_eq!(send(7).await.0, 202, "what was accepted is answered as before");
    let mut caller = client(&bridge, &token);
    let more: SendRequest = from_value(json!({"conversationKey": key, "text": "hi"}), Unknown::Refuse).unwrap();
    let refused = caller.ask(more, "send").await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::ResourceExhausted, "OVERLOADED")
    );
    assert!(retry_after(&refused).is_some());
    let other = json!({"conversationKey": Shop::new("shop").conversation("o2"), "text": "hi"});
    let (status, _) = bridge.post("/v1/messages", &other).await;
    assert_eq!(status, 202, "another conversation has its own");
}
