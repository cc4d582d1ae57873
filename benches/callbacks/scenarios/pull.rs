//! What does an item cost that has to be pulled? An account of WeChat customer service with a long history is bound, and
//! everything of it is read, committed and left waiting. The platform is our simulator, in this very process.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use wxbridge::sim::Sim;

use crate::{
    Outcome, Plan,
    daemon::Daemon,
    http,
    report::{Table, count, mib},
};

/// A tenth of what a full store holds: by default a hundred thousand.
const SHARE: u64 = 10;
const CUSTOMERS: u64 = 1_000;
const CORP: &str = "wwbe0c4be0c4be0c40";
const PLACE: &str = "wkBenchCustomerService00001";

pub fn measure(plan: &Plan) -> Outcome<Vec<Table>> {
    let items = (plan.events / SHARE).max(1);
    let (runtime, sim, platform) = platform()?;
    let account = history(platform, items)?;
    let daemon = Daemon::start(&plan.dir, None, &[])?;
    let row = take_over(&daemon, &account, items);
    runtime.block_on(sim.stop());
    Ok(vec![Table {
        title: "An account of WeChat customer service is taken over".into(),
        columns: vec!["items", "items/s", "CPU µs/item", "MiB before", "MiB after", "peak MiB"],
        rows: vec![row?],
        note: format!(
            "Texts of {CUSTOMERS} customers, pulled a page after the other from the simulator, which shares the machine; each page, \
             its identities and the cursor behind it are one commit. No core."
        ),
    }])
}

/// The simulated platform, in this very process, on a thread of its own.
pub fn platform() -> Outcome<(Runtime, Sim, SocketAddr)> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let sim = runtime.block_on(Sim::start(wxbridge::sim::Options::default()))?;
    let address = sim.url().trim_start_matches("http://").parse()?;
    Ok((runtime, sim, address))
}

/// Makes the account and its history at the platform; what the bridge is told of it.
fn history(platform: SocketAddr, items: u64) -> Outcome<Value> {
    let made = post(
        platform,
        "/sim/v1/accounts",
        &json!({ "channel": "wechat_kf", "corp_id": CORP, "open_kfids": [PLACE] }),
    )?;
    let texts =
        json!({ "count": items, "customers": CUSTOMERS, "content": "在吗，想问一下订单什么时候发货", "age": 60 });
    post(platform, &format!("/sim/v1/phones/{PLACE}/wmBench/backlog"), &texts)?;
    Ok(json!({ "account": [{
        "id": "kf", "channel": "wechat_kf", "corp_id": CORP, "secret": made["secret"], "token": made["token"],
        "encoding_aes_key": made["encoding_aes_key"], "open_kfids": [PLACE], "start": "earliest",
        "api_base": format!("http://{platform}"),
    }] }))
}

fn take_over(daemon: &Daemon, account: &Value, items: u64) -> Outcome<Vec<String>> {
    let process = daemon.process();
    let (idle, memory) = (process.cpu(), process.resident());
    let began = Instant::now();
    daemon.apply(account)?;
    daemon.wait_for(items)?;
    let took = began.elapsed();
    let spent = process.cpu().zip(idle).map_or(Duration::ZERO, |(now, idle)| now - idle);
    Ok(vec![
        count(items as f64),
        count(items as f64 / took.as_secs_f64()),
        format!("{:.1}", spent.as_secs_f64() * 1e6 / items as f64),
        mib(memory),
        mib(process.resident()),
        mib(process.peak()),
    ])
}

pub fn post(platform: SocketAddr, path: &str, body: &Value) -> Outcome<Value> {
    asked(platform, "POST", path, body.to_string().as_bytes())
}

pub fn get(platform: SocketAddr, path: &str) -> Outcome<Value> {
    asked(platform, "GET", path, b"")
}

fn asked(platform: SocketAddr, method: &str, path: &str, body: &[u8]) -> Outcome<Value> {
    let (status, answer) = http::ask(platform, method, path, "", body)?;
    if status != 200 {
        return Err(format!("the simulator answered {status} to {path}: {answer}").into());
    }
    Ok(serde_json::from_str(&answer)?)
}
