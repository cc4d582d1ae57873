//! Do files travel both ways through the real binary: beside the messages, over a SIGKILL, and in little memory?

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use std::{fs, time::Duration};

use futures_util::{StreamExt as _, stream};
use reqwest::{Body, Method, header::HeaderMap, multipart};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use support::{
    bridge::{Bridge, Setup},
    core::{Core, Heard, Said},
    peer::{Shop, msg_id},
    until, until_within,
    world::World,
};

const MIB: u64 = 1 << 20;
/// What resident memory may grow by.
const GROWTH: u64 = 32 * MIB;
/// A debug build on a loaded machine.
const LONG: Duration = Duration::from_secs(180);

/// The part of an event that is a picture.
fn image(heard: &Heard) -> &Value {
    &heard.event["message"]["parts"][0]["image"]
}

/// What was told of this handle, once it was.
async fn changed(core: &Core, handle: &str) -> Value {
    until_within(LONG, "MEDIA_CHANGED", async || {
        let heard = core.heard();
        let told = heard.iter().find(|it| it.event["signal"]["media"]["handle"] == handle);
        told.map(|it| it.event["signal"].clone())
    })
    .await
}

async fn bytes(bridge: &Bridge, handle: &str) -> (u16, Vec<u8>) {
    let path = format!("/v1/media/{handle}");
    let answer = bridge.operator(Method::GET, &path).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn a_picture_goes_both_ways() {
    // The core sends back what it got, at once: before the bytes can be here.
    let world = World::new("", |heard| {
        let handle = image(heard)["handle"].as_str().unwrap_or_default().to_owned();
        let mut said = Said::taken();
        if !handle.is_empty() {
            said.body = json!({ "replies": [{ "message": { "parts": [{ "image": { "handle": handle } }] } }] });
        }
        said
    })
    .await;
    let came = world.does("o1", "image", json!({})).await;
    let message = world.core.hears(1).await.remove(0);
    assert_eq!(image(&message)["state"], "PENDING", "{message:?}");
    let handle = image(&message)["handle"].as_str().unwrap().to_owned();
    let told = changed(&world.core, &handle).await;
    assert_eq!(
        (&told["type"], &told["media"]["state"]),
        (&json!("MEDIA_CHANGED"), &json!("READY"))
    );
    assert_eq!(told["media"]["mime"], "image/png");
    assert_eq!(told["fields"]["event_id"], message.id.as_str());
    let (status, ours) = bytes(&world.bridge, &handle).await;
    assert_eq!(
        (status, ours.len().to_string().as_str()),
        (200, told["media"]["size"].as_str().unwrap()),
        "{came}"
    );
    // The customer sees it again, as the platform's own picture.
    until("the picture on the phone", async || {
        let path = format!("/sim/v1/phones/{}/o1", world.shop.app_id);
        let phone = world.sim_get(&path).await;
        let items = phone["items"].as_array().cloned().unwrap_or_default();
        let seen = items
            .into_iter()
            .find(|it| it["from"] == "account" && it["type"] == "image")?;
        let url = format!("{}{}", world.sim.url(), seen["media"].as_str()?);
        let theirs = world.bridge.http.get(url).send().await.ok()?.bytes().await.ok()?;
        (theirs == ours).then_some(())
    })
    .await;
}

/// One answer to `GET /v1/media/{handle}`: status, the named headers, and the bytes.
async fn part(bridge: &Bridge, handle: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, Vec<u8>) {
    let mut asked = bridge.operator(Method::GET, &format!("/v1/media/{handle}"));
    for (name, value) in headers {
        asked = asked.header(*name, *value);
    }
    let answer = asked.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    (status, headers, answer.bytes().await.unwrap().to_vec())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

#[tokio::test]
async fn a_file_is_read_range_by_range_and_every_range_has_its_very_bytes() {
    const SIZE: usize = 300_001;
    let world = World::new("", |_| Said::taken()).await;
    let bridge = &world.bridge;
    let whole: Vec<u8> = (0..SIZE).map(|at| (at * 31 + at / 251) as u8).collect();
    let kept = bridge
        .operator(Method::POST, "/v1/media?name=a.bin")
        .body(whole.clone());
    let kept: Value = kept.send().await.unwrap().json().await.unwrap();
    let handle = kept["handle"].as_str().unwrap();
    let (status, headers, bytes) = part(bridge, handle, &[]).await;
    assert_eq!((status, header(&headers, "accept-ranges")), (200, "bytes"));
    assert!(bytes == whole);
    let tag = header(&headers, "etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "a strong tag: {tag}");
    for (range, from, to) in [
        ("bytes=0-0", 0, 0),
        ("bytes=0-65535", 0, 65_535),
        ("bytes=65535-131073", 65_535, 131_073),
        ("bytes=300000-", 300_000, 300_000),
        ("bytes=-1", 300_000, 300_000),
        ("bytes=-70000", SIZE - 70_000, SIZE - 1),
        ("bytes=-999999", 0, SIZE - 1),
        ("bytes=299000-999999", 299_000, SIZE - 1),
    ] {
        let (status, headers, bytes) = part(bridge, handle, &[("range", range)]).await;
        assert_eq!(status, 206, "{range}");
        assert_eq!(
            header(&headers, "content-range"),
            format!("bytes {from}-{to}/{SIZE}"),
            "{range}"
        );
        assert_eq!(
            header(&headers, "content-length"),
            (to - from + 1).to_string(),
            "{range}"
        );
        assert_eq!(header(&headers, "etag"), tag, "{range}");
        assert!(bytes == whole[from..=to], "{range} has other bytes");
    }
    for range in ["bytes=300001-", "bytes=999999-9999999", "bytes=-0"] {
        let (status, headers, bytes) = part(bridge, handle, &[("range", range)]).await;
        assert_eq!((status, bytes.len()), (416, 0), "{range}");
        assert_eq!(header(&headers, "content-range"), format!("bytes */{SIZE}"), "{range}");
    }
    // Whoever holds another version gets the whole; who holds this one gets the rest, or nothing.
    let middle = ("range", "bytes=7-9");
    let (status, _, bytes) = part(bridge, handle, &[middle, ("if-range", &tag)]).await;
    assert_eq!((status, &bytes[..]), (206, &whole[7..=9]));
    for other in ["\"0000\"", &format!("W/{tag}"), "Wed, 21 Oct 2015 07:28:00 GMT"] {
        let (status, _, bytes) = part(bridge, handle, &[middle, ("if-range", other)]).await;
        assert_eq!((status, bytes.len()), (200, SIZE), "{other}");
    }
    let (status, _, bytes) = part(bridge, handle, &[("if-none-match", &tag)]).await;
    assert_eq!((status, bytes.len()), (304, 0));
    // Whoever asks for the head alone learns the length that the whole would have.
    let head = bridge.operator(Method::HEAD, &format!("/v1/media/{handle}"));
    let head = head.send().await.unwrap();
    assert_eq!(header(head.headers(), "content-length"), SIZE.to_string());
    assert_eq!(header(head.headers(), "etag"), tag);
    // And the connection serves the next one.
    assert_eq!(part(bridge, handle, &[]).await.0, 200);
}

#[tokio::test]
async fn what_was_not_fetched_when_the_process_died_comes_with_the_next() {
    let mut world = World::new("", |_| Said::taken()).await;
    let fault = json!({ "api": "download", "kind": "http500", "times": -1 });
    world.sim_post("/sim/v1/faults", &fault).await;
    world.does("o1", "voice", json!({})).await;
    let message = world.core.hears(1).await.remove(0);
    let voice = &message.event["message"]["parts"][0]["voice"];
    let handle = voice["handle"].as_str().unwrap().to_owned();
    until("a first attempt", async || {
        (!world.calls("media/get").await.is_empty()).then_some(())
    })
    .await;
    world.bridge.kill();
    let cleared = world.bridge.http.delete(format!("{}/sim/v1/faults", world.sim.url()));
    assert!(cleared.send().await.unwrap().status().is_success());
    world.bridge.spawn();
    world.bridge.ready().await;
    let told = changed(&world.core, &handle).await;
    assert_eq!(
        (&told["media"]["state"], &told["media"]["mime"]),
        (&json!("READY"), &json!("audio/amr"))
    );
    assert_eq!(bytes(&world.bridge, &handle).await.0, 200);
    let heard = world.core.heard();
    let times = heard
        .iter()
        .filter(|it| it.event["signal"]["media"]["handle"] == handle.as_str());
    assert_eq!(times.count(), 1, "told once");
}

/// One line of the process's memory, in bytes.
fn memory(bridge: &Bridge, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", bridge.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() << 10
}

/// Runs `work`, and says by how much the process grew at its highest.
async fn grows<T>(bridge: &Bridge, what: &str, work: impl Future<Output = T>) -> (u64, T) {
    let before = memory(bridge, "VmRSS:");
    // The peak is counted from here.
    fs::write(format!("/proc/{}/clear_refs", bridge.pid()), "5").unwrap();
    let done = work.await;
    let grown = memory(bridge, "VmHWM:").saturating_sub(before);
    println!(
        "{what}: {:.1} MiB more resident memory, from {:.1} MiB",
        grown as f64 / MIB as f64,
        before as f64 / MIB as f64
    );
    (grown, done)
}

fn blocks(mib: u64) -> Body {
    Body::wrap_stream(stream::iter(
        (0..mib).map(|at| Ok::<_, std::io::Error>(vec![at as u8; MIB as usize])),
    ))
}

async fn upload(bridge: &Bridge, mib: u64) -> (u16, Value) {
    let request = bridge.operator(Method::POST, "/v1/media?name=large.bin").timeout(LONG);
    let answer = request.body(blocks(mib)).send().await;
    let answer = answer.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

async fn download(bridge: &Bridge, handle: &str) -> u64 {
    let request = bridge
        .operator(Method::GET, &format!("/v1/media/{handle}"))
        .timeout(LONG);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let mut count = 0;
    let mut bytes = answer.bytes_stream();
    while let Some(chunk) = bytes.next().await {
        count += chunk.unwrap().len() as u64;
    }
    count
}

/// A stranger's server that gives out a file of so many bytes, again and again.
async fn stranger(size: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/large.bin", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = socket.read(&mut request).await;
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {size}\r\nconnection: close\r\n\r\n");
                let _ = socket.write_all(head.as_bytes()).await;
                let mut left = size;
                let block = vec![9; MIB as usize];
                while left > 0 {
                    let now = left.min(MIB);
                    if socket.write_all(&block[..now as usize]).await.is_err() {
                        return;
                    }
                    left -= now;
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn two_hundred_megabytes_go_in_and_out_in_little_memory() {
    let core = Core::start(|_| Said::taken()).await;
    let mut setup = Setup::to_core(&core, "");
    setup.more = "[egress]\nallow = [\"127.0.0.0/8\"]".into();
    let bridge = Bridge::start(setup).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    // What every first time costs is not what a file costs.
    let (status, small) = upload(&bridge, 4).await;
    assert_eq!(status, 201, "{small}");
    download(&bridge, small["handle"].as_str().unwrap()).await;

    let (grown, (status, media)) = grows(&bridge, "upload of 200 MiB", upload(&bridge, 200)).await;
    assert_eq!((status, media["size"].as_str()), (201, Some("209715200")), "{media}");
    assert!(grown < GROWTH, "{grown}");
    let handle = media["handle"].as_str().unwrap();
    let (grown, count) = grows(&bridge, "download of 200 MiB", download(&bridge, handle)).await;
    assert_eq!(count, 200 * MIB);
    assert!(grown < GROWTH, "{grown}");

    let form = multipart::Form::new().part("file", multipart::Part::stream(blocks(200)).file_name("large.bin"));
    let form = bridge
        .operator(Method::POST, "/v1/media")
        .timeout(LONG)
        .multipart(form)
        .send();
    let (grown, answer) = grows(&bridge, "upload of 200 MiB as a form", form).await;
    assert_eq!(answer.unwrap().status(), 201);
    assert!(grown < GROWTH, "{grown}");

    let over = bridge
        .operator(Method::POST, "/v1/media")
        .header("content-length", 201 * MIB);
    let (grown, refused) = grows(
        &bridge,
        "upload of 201 MiB",
        over.timeout(LONG).body(blocks(201)).send(),
    )
    .await;
    // The answer may come before the last byte went, which not every client reads.
    if let Ok(refused) = refused {
        assert_eq!(refused.status(), 413);
    }
    assert!(grown < GROWTH, "{grown}");

    for (size, count) in [(MIB, 1), (200 * MIB, 3)] {
        let handle = sends(&bridge, &core, &shop, size, count).await;
        let (grown, told) = grows(&bridge, "a customer's file", changed(&core, &handle)).await;
        assert_eq!(told["media"]["size"], size.to_string(), "{told}");
        assert!(grown < GROWTH, "{grown}");
    }
}

/// A customer sends a picture of this size, the core's `count`th event; its handle.
async fn sends(bridge: &Bridge, core: &Core, shop: &Shop, size: u64, count: usize) -> String {
    let picture = format!(
        "<xml><ToUserName>{}</ToUserName><FromUserName>o1</FromUserName><CreateTime>{}</CreateTime><MsgType>image</MsgType>\
         <PicUrl>{}</PicUrl><MsgId>{}</MsgId></xml>",
        shop.original_id,
        support::now(),
        stranger(size).await,
        msg_id()
    );
    let (status, _) = bridge.pushed(shop, &shop.sealed(&picture)).await;
    assert_eq!(status, 200);
    let message = core.hears(count).await.remove(count - 1);
    image(&message)["handle"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_video_that_has_no_thumbnail_takes_the_accounts_own() {
    let world = World::new("", |_| Said::taken()).await;
    let kept = async |name: &str, mime: &str, bytes: Vec<u8>| {
        let path = format!("/v1/media?name={name}");
        let kept = world.bridge.operator(Method::POST, &path).header("content-type", mime);
        let kept: Value = kept.body(bytes).send().await.unwrap().json().await.unwrap();
        kept["handle"].as_str().unwrap().to_owned()
    };
    let thumb = kept("t.jpg", "image/jpeg", b"\xff\xd8\xff\xe0 a picture".to_vec()).await;
    let video = kept("v.mp4", "video/mp4", b"\0\0\0\x18ftypmp42 a film".to_vec()).await;
    let shop = world.shop.clone().with(&format!("default_thumb = {thumb:?}"));
    world.bridge.apply(&[&shop], &world.sim.url()).await;
    world.says("o1", "a film, please").await;
    let wish =
        json!({ "conversationKey": world.key("o1"), "message": { "parts": [{ "video": { "handle": video } }] } });
    let (_, sent) = world.send("?wait=5s", wish).await;
    assert_eq!(sent["status"], "SENT", "{sent}");
    let calls = world.calls("custom/send").await;
    assert!(
        calls.iter().any(|call| call.to_string().contains("thumb_media_id")),
        "{calls:?}"
    );
}
