//! What if a thousand accounts of WeChat customer service ring in the same moment? How soon is each bell answered, does
//! any account wait for ever behind the others, and how many pulls does the platform see at a time?

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};
use wxbridge::envelope::{cipher, signature};

use super::pull::{get, platform, post};
use crate::{
    Outcome, Plan,
    daemon::Daemon,
    http,
    report::{Table, count, millis},
};

const PLACES: usize = 1_000;
/// What waits at each place but the first, which has a long history.
const ITEMS: u64 = 20;
const HISTORY: u64 = 20_000;
/// How long the platform takes for a page.
const ANSWER: Duration = Duration::from_millis(20);
/// `[kf] pulls`, as it is where nothing else is said.
const PULLS: u64 = 4;
const CORP: &str = "wwbe11be11be11be11";
const PATIENCE: Duration = Duration::from_secs(120);

pub fn measure(plan: &Plan) -> Outcome<Vec<Table>> {
    let (runtime, sim, address) = platform()?;
    let daemon = Daemon::start(&plan.dir, None, &[])?;
    let rows = ring(&daemon, address);
    runtime.block_on(sim.stop());
    Ok(vec![Table {
        title: format!(
            "{} accounts of WeChat customer service ring at once",
            count(PLACES as f64)
        ),
        columns: vec![
            "bell p50 ms",
            "p99 ms",
            "max ms",
            "first page of the first account s",
            "of the last s",
            "all stored s",
            "pulls at a time",
        ],
        rows: vec![rows?],
        note: format!(
            "Each bell on a connection of its own, all of them written at once. {ITEMS} items wait at each account and {} at the one \
             that rings first; the simulator takes {ANSWER:?} for a page and shares the machine. Every account's items were \
             stored, and never more than {PULLS} pulls were under way. No core.",
            count(HISTORY as f64)
        ),
    }])
}

fn ring(daemon: &Daemon, platform: SocketAddr) -> Outcome<Vec<String>> {
    let console = bind(daemon, platform)?;
    for place in 0..PLACES {
        let texts = json!({ "count": if place == 0 { HISTORY } else { ITEMS }, "customers": ITEMS, "content": "在吗" });
        post(
            platform,
            &format!("/sim/v1/phones/{}/wmBench/backlog", name(place)),
            &texts,
        )?;
    }
    http::ask(platform, "DELETE", "/sim/v1/calls", "", b"")?;
    let bells = (0..PLACES).map(|place| bell(&console, place)).collect::<Outcome<_>>()?;
    let (rung, mut answered) = (Utc::now(), all_at_once(daemon.public(), bells)?);
    daemon.wait_for(HISTORY + ITEMS * (PLACES as u64 - 1))?;
    let stored = Utc::now() - rung;
    let seen = Seen::of(&calls(platform)?, rung)?;
    if seen.at_once > PULLS {
        return Err(format!("{} pulls were under way at a time, not {PULLS}", seen.at_once).into());
    }
    if seen.first.len() != PLACES {
        return Err(format!("{} accounts were pulled, not {PLACES}", seen.first.len()).into());
    }
    answered.sort_unstable();
    let seconds = |time: Option<TimeDelta>| format!("{:.2}", time.unwrap_or_default().as_seconds_f64());
    Ok(vec![
        millis(answered[PLACES / 2]),
        millis(answered[PLACES * 99 / 100]),
        millis(answered[PLACES - 1]),
        seconds(seen.first.values().min().copied()),
        seconds(seen.first.values().max().copied()),
        seconds(Some(stored)),
        seen.at_once.to_string(),
    ])
}

/// Makes the accounts on both sides, and waits until each was pulled once, with nothing there; the platform's side of it.
fn bind(daemon: &Daemon, platform: SocketAddr) -> Outcome<Value> {
    let names: Vec<_> = (0..PLACES).map(name).collect();
    let console = post(
        platform,
        "/sim/v1/accounts",
        // A thousand milliseconds fit.
        &json!({ "channel": "wechat_kf", "corp_id": CORP, "open_kfids": names, "answer_ms": ANSWER.as_millis() as u64 }),
    )?;
    daemon.apply(&json!({ "account": [{
        "id": "kf", "channel": "wechat_kf", "corp_id": CORP, "secret": console["secret"], "token": console["token"],
        "encoding_aes_key": console["encoding_aes_key"], "open_kfids": names, "start": "earliest",
        "api_base": format!("http://{platform}"),
    }] }))?;
    let began = Instant::now();
    while calls(platform)?.len() < PLACES {
        if began.elapsed() > PATIENCE {
            return Err("the accounts are not pulled after they were bound".into());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(console)
}

fn name(place: usize) -> String {
    format!("wkBench{place:04}")
}

/// A whole request that rings for one account.
fn bell(console: &Value, place: usize) -> Outcome<Vec<u8>> {
    let [token, key] = ["token", "encoding_aes_key"].map(|name| console[name].as_str().unwrap_or_default());
    let key = cipher::key(key).map_err(|fault| format!("{fault:?}"))?;
    let now = Utc::now().timestamp();
    let inner = format!(
        "<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><CreateTime>{now}</CreateTime><MsgType><![CDATA[event]]></MsgType>\
         <Event><![CDATA[kf_msg_or_event]]></Event><OpenKfId><![CDATA[{}]]></OpenKfId></xml>",
        name(place)
    );
    let mut random = [0; 16];
    random.copy_from_slice(format!("{place:016x}").as_bytes());
    let encrypt = cipher::seal(&key, random, inner.as_bytes(), CORP);
    let (timestamp, nonce) = (now.to_string(), place.to_string());
    let signed = signature::of_message(token, &timestamp, &nonce, &encrypt);
    let signed = signature::text(&signed);
    let body =
        format!("<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>");
    let request = format!(
        "POST /callback/kf?msg_signature={signed}&timestamp={timestamp}&nonce={nonce} HTTP/1.1\r\nhost: 127.0.0.1\r\n\
         content-type: text/xml\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    Ok(request.into_bytes())
}

/// Rings them all, each over a connection that stands already; how long each took.
fn all_at_once(address: SocketAddr, bells: Vec<Vec<u8>>) -> Outcome<Vec<Duration>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut lines = Vec::new();
        for bell in bells {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            lines.push((stream, bell));
        }
        let mut tasks = JoinSet::new();
        for (stream, bell) in lines {
            tasks.spawn(answered(stream, bell));
        }
        let mut times = Vec::new();
        while let Some(time) = tasks.join_next().await {
            times.push(time??);
        }
        Ok(times)
    })
}

async fn answered(mut stream: TcpStream, bell: Vec<u8>) -> Outcome<Duration> {
    let began = Instant::now();
    stream.write_all(&bell).await?;
    let mut answer = Vec::with_capacity(1024);
    let body = loop {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        if let Some(body) = http::body(&answer)? {
            break body;
        }
    };
    let took = began.elapsed();
    if http::status(&answer) != 200 || &answer[body] != b"success" {
        return Err(format!("a bell was answered {}", String::from_utf8_lossy(&answer)).into());
    }
    Ok(took)
}

/// The pulls that the platform has answered.
fn calls(platform: SocketAddr) -> Outcome<Vec<Value>> {
    let calls = get(platform, "/sim/v1/calls?api=kf/sync_msg")?;
    Ok(calls["items"].as_array().cloned().unwrap_or_default())
}

/// What the platform saw of the pulls.
struct Seen {
    /// The most that were under way at a time.
    at_once: u64,
    /// How long after the bells each place had its first answer.
    first: HashMap<String, TimeDelta>,
}

impl Seen {
    fn of(calls: &[Value], rung: DateTime<Utc>) -> Outcome<Self> {
        let mut seen = Self {
            at_once: 0,
            first: HashMap::new(),
        };
        for call in calls {
            if call["errcode"] != 0 {
                return Err(format!("a pull was refused: {call}").into());
            }
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let at = DateTime::parse_from_rfc3339(&text(&call["time"]))?.to_utc() - rung;
            seen.at_once = seen.at_once.max(call["at_once"].as_u64().unwrap_or(u64::MAX));
            seen.first.entry(text(&call["request"]["open_kfid"])).or_insert(at);
        }
        Ok(seen)
    }
}
