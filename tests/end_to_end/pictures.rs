//! What becomes of the pictures inside a text, which no chat window shows between words?

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::support::{
    bridge::Setup,
    core::{Core, Heard, Said},
    peer::Shop,
    until,
    world::World,
};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nof a catalogue";
/// A stranger on this machine may be asked for pictures.
const ALLOWED: &str = "[egress]\nallow = [\"127.0.0.0/8\"]";

/// Somebody's web server, with one picture; a `silent` one takes the request and says nothing. The picture's address.
async fn web(silent: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/cat.png", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = socket.read(&mut request).await;
                if silent {
                    // Until the other side has had enough.
                    let _ = socket.read(&mut request).await;
                    return;
                }
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    PNG.len()
                );
                let _ = socket.write_all(&[head.as_bytes(), PNG].concat()).await;
            });
        }
    });
    url
}

async fn world(lines: &str, behaviour: impl FnMut(&Heard) -> Said + Send + 'static) -> World {
    let core = Core::start(behaviour).await;
    let mut setup = Setup::to_core(&core, lines);
    setup.more = ALLOWED.into();
    World::around(core, setup, Shop::new("shop"), json!({})).await
}

fn shows(url: &str) -> Value {
    let html = format!("<p>Look:</p><img src=\"{url}\" alt=\"a cat\"><p>Yours</p>");
    json!({ "parts": [{ "text": { "format": "HTML", "body": html } }] })
}

/// What the account said on the phone: road, kind and text, once it is so much.
async fn said(world: &World, openid: &str, count: usize) -> Vec<(String, String, String)> {
    until(&format!("{count} messages of the account"), async || {
        let path = format!("/sim/v1/phones/{}/{openid}", world.shop.app_id);
        let phone = world.sim_get(&path).await;
        let items = phone["items"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let ours: Vec<_> = items
            .iter()
            .filter(|item| item["from"] == "account")
            .map(|item| (text(&item["road"]), text(&item["type"]), text(&item["text"])))
            .collect();
        (ours.len() >= count).then_some(ours)
    })
    .await
}

/// The bytes of the last picture on the phone.
async fn picture(world: &World, openid: &str) -> Vec<u8> {
    let phone = world
        .sim_get(&format!("/sim/v1/phones/{}/{openid}", world.shop.app_id))
        .await;
    let items = phone["items"].as_array().cloned().unwrap_or_default();
    let seen = items.iter().rfind(|it| it["type"] == "image").unwrap();
    let url = format!("{}{}", world.sim.url(), seen["media"].as_str().unwrap());
    let answer = world.bridge.http.get(url).send().await.unwrap();
    answer.bytes().await.unwrap().to_vec()
}

fn seen(road: &str, kind: &str, text: &str) -> (String, String, String) {
    (road.into(), kind.into(), text.into())
}

#[tokio::test]
async fn a_picture_inside_a_text_follows_it_as_a_message_of_its_own() {
    let world = world("", |_| Said::taken()).await;
    world.says("oAnna", "hello").await;
    let wish = json!({ "conversationKey": world.key("oAnna"), "message": shows(&web(false).await) });
    let (_, foreseen) = world.send("?preview=true", wish.clone()).await;
    let (status, result) = world.send("?wait=10s", wish).await;
    assert_eq!((status, result["status"].as_str()), (200, Some("SENT")), "{result}");
    assert_eq!(result["degradations"], foreseen["degradations"], "{foreseen}");
    assert_eq!(result["degradations"][0]["toType"], "image", "{result}");
    let shown = said(&world, "oAnna", 2).await;
    assert_eq!(shown, [seen("api", "text", "Look:\nYours"), seen("api", "image", "")]);
    assert_eq!(picture(&world, "oAnna").await, PNG);
}

#[tokio::test]
async fn the_words_of_an_answer_ride_and_their_picture_follows_by_the_api() {
    let message = shows(&web(false).await);
    let world = world("", move |_| Said {
        body: json!({ "replies": [{ "message": message }] }),
        ..Said::taken()
    })
    .await;
    assert_eq!(world.says("oAnna", "hello").await["outcome"], "reply");
    let shown = said(&world, "oAnna", 2).await;
    assert_eq!(
        shown,
        [seen("passive", "text", "Look:\nYours"), seen("api", "image", "")]
    );
    assert_eq!(picture(&world, "oAnna").await, PNG);
}

#[tokio::test]
async fn a_picture_that_does_not_come_keeps_no_answer_from_the_open_request() {
    let url = web(true).await;
    let message = shows(&url);
    let world = world("", move |_| Said {
        body: json!({ "replies": [{ "message": message }] }),
        ..Said::taken()
    })
    .await;
    let began = Instant::now();
    let done = world.says("oAnna", "hello").await;
    assert_eq!(done["outcome"], "reply", "{done}");
    assert_eq!(done["attempts"].as_array().map(Vec::len), Some(1), "{done}");
    // WeChat's own promise of what it waits for.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let shown = said(&world, "oAnna", 1).await;
    let (road, kind, text) = &shown[0];
    assert_eq!((road.as_str(), kind.as_str(), shown.len()), ("passive", "text", 1));
    assert!(
        text.contains(&url) && text.starts_with("Look:") && text.ends_with("Yours"),
        "{text}"
    );
}
