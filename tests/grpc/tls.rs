//! TLS both ways, with certificates on both sides.

use std::fs;

use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy, rt::TokioExecutor};
use tonic::Request;
use wxbridge::schema::v1::{GetAccountRequest, bridge_client::BridgeClient};

use crate::support::{
    bridge::{Bridge, Setup},
    grpc::{GrpcCore, Said},
    papers::Papers,
    peer::{Shop, element},
    until,
};

#[tokio::test]
async fn a_core_behind_tls_hears_a_bridge_that_shows_its_certificate() {
    let papers = Papers::new();
    let core = GrpcCore::start_tls(papers.server(), |_| Said::reply("sealed"));
    let lines = format!(
        "kind = \"grpc\"\nca_file = \"{}\"\ncert_file = \"{}\"\nkey_file = \"{}\"",
        papers.file("ca.pem"),
        papers.file("client.pem"),
        papers.file("client.key")
    );
    let url = format!("https://localhost:{}", core.address.port());
    let bridge = Bridge::start(Setup::new().and_core("main", &url, &lines)).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    let (_, body) = bridge.text(&shop, "o1", "x").await;
    let reply = shop.open_reply(&body).unwrap();
    assert_eq!(element(&reply, "Content").as_deref(), Some("sealed"));
}

#[tokio::test]
async fn a_core_whose_certificate_is_nobodys_is_down_and_so_is_one_that_wants_ours() {
    let papers = Papers::new();
    let core = GrpcCore::start_tls(papers.server(), |_| Said::taken());
    let url = format!("https://localhost:{}", core.address.port());
    let ca = format!("kind = \"grpc\"\nca_file = \"{}\"", papers.file("ca.pem"));
    for (lines, why) in [
        ("kind = \"grpc\"", "invalid peer certificate"),
        (ca.as_str(), "CertificateRequired"),
    ] {
        let bridge = Bridge::start(Setup::new().and_core("main", &url, lines)).await;
        let shop = Shop::new("shop");
        bridge.apply(&[&shop], "http://127.0.0.1:9").await;
        assert_eq!(bridge.text(&shop, "o1", "x").await.0, 200);
        let core_state = until("an error", async || {
            let cores = bridge.get("/admin/v1/cores").await;
            let core_state = cores["items"][0].clone();
            core_state["lastError"].is_string().then_some(core_state)
        })
        .await;
        assert_eq!(core_state["state"], "down", "{core_state}");
        let error = core_state["lastError"].as_str().unwrap();
        assert!(error.starts_with("cannot connect: ") && error.contains(why), "{error}");
        assert_eq!(core.heard().len(), 0);
    }
}

#[tokio::test]
async fn the_listener_speaks_tls_and_wants_a_certificate_where_it_is_told_to() {
    let papers = Papers::new();
    let mut bridge = Bridge::prepare(Setup::new());
    let config = fs::read_to_string(bridge.config()).unwrap();
    let plain = format!("[grpc]\nlisten = \"127.0.0.1:{}\"", bridge.grpc_port());
    let tls = format!(
        "[grpc]\nlisten = \"0.0.0.0:{}\"\ntls = {{ cert_file = \"{}\", key_file = \"{}\", client_ca_file = \"{}\" }}",
        bridge.grpc_port(),
        papers.file("server.pem"),
        papers.file("server.key"),
        papers.file("ca.pem")
    );
    fs::write(bridge.config(), config.replace(&plain, &tls)).unwrap();
    bridge.spawn();
    bridge.ready().await;
    for (with_certificate, answered) in [(true, true), (false, false)] {
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(papers.client(with_certificate))
            .https_only()
            .enable_http2()
            .build();
        let http = legacy::Client::builder(TokioExecutor::new())
            .http2_only(true)
            .build(https);
        let origin = format!("https://127.0.0.1:{}", bridge.grpc_port()).parse().unwrap();
        let mut client = BridgeClient::with_origin(http, origin);
        let refused = client
            .get_account(Request::new(GetAccountRequest::default()))
            .await
            .unwrap_err();
        // An answer of ours, or none.
        assert_eq!(refused.code() == tonic::Code::Unauthenticated, answered, "{refused:?}");
    }
}
