//! What could HTTP do at best? Bodies posted over connections that stay open, each signed as a webhook is, by a loop that does
//! nothing else: with the HTTP client that the bridge has too, and by sockets that neither write nor read HTTP.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use ring::hmac;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::{
    Outcome,
    core::{Core, Place, SILENT},
};

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const SECONDS: &str = "1700000000";
const MEDIA_TYPE: &str = "application/cloudevents+json";

/// Who posts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// hyper, an HTTP client as a sender of webhooks has one.
    Client,
    /// One write, and one read of an answer that is known before: what no client can do better.
    Sockets,
}

/// Posts the bodies again and again to a core; how many a second were taken.
pub fn posts(bodies: &[Vec<u8>], by: By, in_flight: usize, lasts: Duration) -> Outcome<f64> {
    if bodies.is_empty() {
        return Err("there is nothing to post".into());
    }
    let core = Core::start(Place::hold()?, SILENT)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let bodies: Arc<[Bytes]> = bodies.iter().cloned().map(Bytes::from).collect();
    let began = Instant::now();
    let posted = runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for number in 0..in_flight {
            let share = Share {
                bodies: bodies.clone(),
                first: number,
                step: in_flight,
                until: began + lasts,
            };
            match by {
                By::Client => tasks.spawn(by_client(core.address, share)),
                By::Sockets => tasks.spawn(by_socket(core.address, share)),
            };
        }
        let mut all = 0;
        while let Some(posted) = tasks.join_next().await {
            all += posted??;
        }
        Outcome::Ok(all)
    })?;
    Ok(posted as f64 / began.elapsed().as_secs_f64())
}

/// What one connection posts.
struct Share {
    bodies: Arc<[Bytes]>,
    first: usize,
    step: usize,
    until: Instant,
}

impl Share {
    fn bodies(&self) -> impl Iterator<Item = &Bytes> {
        let all = self.bodies.iter().cycle().skip(self.first).step_by(self.step);
        all.take_while(|_| Instant::now() < self.until)
    }
}

async fn connect(address: SocketAddr) -> Outcome<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn key() -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, b"012345678901234567890123")
}

fn signature(key: &hmac::Key, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    context.update(format!("{ID}.{SECONDS}.").as_bytes());
    context.update(body);
    format!("v1,{}", STANDARD.encode(context.sign()))
}

async fn by_client(address: SocketAddr, share: Share) -> Outcome<u64> {
    let key = key();
    let (mut client, connection) = http1::handshake(TokioIo::new(connect(address).await?)).await?;
    let connection = tokio::spawn(connection);
    let mut posted = 0;
    for body in share.bodies() {
        let request = Request::post("/")
            .header("host", address.to_string())
            .header("content-type", MEDIA_TYPE)
            .header("webhook-id", ID)
            .header("webhook-timestamp", SECONDS)
            .header("webhook-signature", signature(&key, body))
            .body(Full::new(body.clone()))?;
        client.ready().await?;
        let answer = client.send_request(request).await?;
        if !answer.status().is_success() {
            return Err("a bare POST was not taken".into());
        }
        answer.into_body().collect().await?;
        posted += 1;
    }
    drop(client);
    connection.await??;
    Ok(posted)
}

async fn by_socket(address: SocketAddr, share: Share) -> Outcome<u64> {
    let key = key();
    let mut stream = connect(address).await?;
    let (mut posted, mut answer) = (0, [0; 256]);
    for body in share.bodies() {
        let head = format!(
            "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: {MEDIA_TYPE}\r\nwebhook-id: {ID}\r\n\
             webhook-timestamp: {SECONDS}\r\nwebhook-signature: {}\r\ncontent-length: {}\r\n\r\n",
            signature(&key, body),
            body.len()
        );
        let mut request = head.into_bytes();
        request.extend_from_slice(body);
        stream.write_all(&request).await?;
        let count = stream.read(&mut answer).await?;
        if answer.get(..count) != Some(SILENT) {
            return Err("a bare POST was not taken".into());
        }
        posted += 1;
    }
    Ok(posted)
}
