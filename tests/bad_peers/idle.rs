//! Ten thousand connections that say nothing, at all the doors at once.

use std::{net::TcpStream, time::Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use wxbridge::schema::v1::GetAccountRequest;

use crate::{
    assert_quiet, resident,
    support::{core::Said, grpc::client, world::World},
};

/// As many, or as few as the machine lets one process have.
const WANTED: usize = 10_000;
/// What this process and the bridge need for everything else.
const ELSE: u64 = 1_000;

/// Connections that this machine allows; the bridge inherits the limit.
fn allowed() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.or(limit.current).unwrap_or(u64::MAX);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(most),
            maximum: limit.maximum,
        },
    )
    .unwrap();
    WANTED.min(usize::try_from(most.saturating_sub(ELSE)).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_connections_that_say_nothing_keep_nobody_out() {
    let count = allowed();
    let world = World::new("", |heard| Said::reply(&format!("{}!", heard.text()))).await;
    let bridge = &world.bridge;
    let before = resident(bridge.pid());
    let doors = [bridge.public_port(), bridge.internal_port(), bridge.grpc_port()];
    let connect = |number: usize| TcpStream::connect(("127.0.0.1", doors[number % 3])).ok();
    let idle: Vec<TcpStream> = tokio::task::block_in_place(|| (0..count).filter_map(connect).collect());
    assert!(idle.len() * 10 > count * 9, "{} of {count} connections", idle.len());
    println!("{} connections that say nothing", idle.len());

    let began = Instant::now();
    assert_eq!(world.says("oAnna", "hello").await["outcome"], "reply");
    assert!(began.elapsed().as_secs() < 5, "the platform waits no longer");
    assert_eq!(bridge.readyz().await, Some(200));
    bridge.get("/v1/accounts/shop").await;
    let mut core = client(bridge, &bridge.operator_token());
    let account = GetAccountRequest { id: "shop".into() };
    assert!(core.get_account(account).await.is_ok());
    let grown = resident(bridge.pid()).saturating_sub(before);
    assert!(grown < 150, "{grown} MiB for connections that say nothing");
    assert_quiet(&bridge.log());
    drop(idle);
    assert_eq!(world.says("oAnna", "still there?").await["outcome"], "reply");
}
