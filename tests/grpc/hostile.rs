//! Peers that mean no good: those that read nothing, and those that only sit there.

use std::net::TcpStream;

use reqwest::Method;
use wxbridge::schema::v1::{GetAccountRequest, GetMediaRequest};

use crate::support::{core::Said, grpc::client, world::World};

const MIB: u64 = 1 << 20;

/// Resident memory of a process.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

#[tokio::test]
async fn a_peer_that_reads_nothing_costs_little_and_holds_up_nobody() {
    let world = World::new("", |_| Said::taken()).await;
    let file = vec![7; usize::try_from(24 * MIB).unwrap()];
    let kept = world
        .bridge
        .operator(Method::POST, "/v1/media?name=big.bin")
        .body(file)
        .send();
    let kept: serde_json::Value = kept.await.unwrap().json().await.unwrap();
    let handle = kept["handle"].as_str().unwrap().to_owned();
    let token = world.bridge.operator_token();
    let before = resident(world.bridge.pid());
    let mut unread = Vec::new();
    for _ in 0..40 {
        let greedy = client(&world.bridge, &token);
        let request = greedy.request(GetMediaRequest {
            handle: handle.clone(),
            offset: 0,
        });
        // Begun and never taken.
        let stream = greedy.bridge.clone().get_media(request).await.unwrap();
        unread.push((greedy, stream));
    }
    let mut other = client(&world.bridge, &token);
    for _ in 0..20 {
        assert!(other.get_account(GetAccountRequest { id: "shop".into() }).await.is_ok());
    }
    let grown = resident(world.bridge.pid()).saturating_sub(before);
    assert!(grown < 64 * MIB, "{} MiB for streams that nobody reads", grown / MIB);
    drop(unread);
    // What they held is free again.
    let got = other.get_media(GetMediaRequest { handle, offset: 0 }).await.unwrap();
    let size: usize = got.iter().map(|piece| piece.data.len()).sum();
    assert_eq!(size as u64, 24 * MIB);
}

#[tokio::test]
async fn connections_that_say_nothing_do_not_keep_others_out() {
    let world = World::new("", |_| Said::taken()).await;
    let before = resident(world.bridge.pid());
    let port = world.bridge.grpc_port();
    let connect = |_: usize| TcpStream::connect(("127.0.0.1", port)).ok();
    let idle: Vec<TcpStream> = (0..2_000).filter_map(connect).collect();
    assert!(idle.len() > 1_500, "{} connections", idle.len());
    // The public listener and the calls of HTTP do not notice.
    assert_eq!(world.bridge.readyz().await, Some(200));
    world.says("o1", "x").await;
    world.core.hears(1).await;
    // A core comes in at once and stays, however many come after it.
    let mut core = client(&world.bridge, &world.bridge.operator_token());
    let account = || GetAccountRequest { id: "shop".into() };
    assert!(core.get_account(account()).await.is_ok());
    let more: Vec<TcpStream> = (0..1_200).filter_map(connect).collect();
    assert!(more.len() > 1_000, "{} connections", more.len());
    assert!(core.get_account(account()).await.is_ok());
    let grown = resident(world.bridge.pid()).saturating_sub(before);
    assert!(grown < 64 * MIB, "{} MiB for connections that say nothing", grown / MIB);
    let lines = world.bridge.log();
    let told = lines
        .lines()
        .filter(|line| line.contains("connections over gRPC"))
        .count();
    assert!(told <= 3, "{told} lines for one cause");
    drop(idle);
}
