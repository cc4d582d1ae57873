//! What else the listener serves: health, reflection; deadlines; and what does not start at all.

use std::{collections::BTreeSet, fs, time::Duration};

use futures_util::stream;
use tonic::{Code, Request};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};
use wxbridge::schema::v1::GetAccountRequest;

use crate::support::{
    bridge::{Bridge, Setup},
    grpc::{Client, client},
    until_within,
};

#[tokio::test]
async fn health_says_whether_we_can_append_and_asks_for_no_token() {
    let bridge = Bridge::start(Setup::new()).await;
    let nobody = Client::nobody(&bridge);
    let mut health = HealthClient::with_origin(nobody.http, nobody.origin);
    let ask = |service: &str| HealthCheckRequest {
        service: service.into(),
    };
    for service in ["", "wxbridge.v1.Bridge"] {
        let told = health.check(ask(service)).await.unwrap().into_inner();
        assert_eq!(told.status(), ServingStatus::Serving, "{service}");
    }
    let unknown = health.check(ask("wxbridge.v1.Core")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    let mut watched = health.watch(ask("")).await.unwrap().into_inner();
    let first = watched.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);
}

#[tokio::test]
async fn reflection_tells_what_is_here_and_its_whole_schema() {
    let bridge = Bridge::start(Setup::new()).await;
    let nobody = Client::nobody(&bridge);
    let mut reflection = ServerReflectionClient::with_origin(nobody.http, nobody.origin);
    let asked = [
        MessageRequest::ListServices(String::new()),
        MessageRequest::FileContainingSymbol("wxbridge.v1.Bridge".into()),
        MessageRequest::FileByFilename("google/protobuf/timestamp.proto".into()),
        MessageRequest::FileContainingSymbol("grpc.health.v1.Health".into()),
    ];
    let asked = asked.map(|message_request| ServerReflectionRequest {
        host: String::new(),
        message_request: Some(message_request),
    });
    let answers = reflection.server_reflection_info(Request::new(stream::iter(asked)));
    let mut answers = answers.await.unwrap().into_inner();
    let mut told = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        told.push(answer.message_response.unwrap());
    }
    let MessageResponse::ListServicesResponse(services) = &told[0] else {
        panic!("{told:?}");
    };
    let names: BTreeSet<&str> = services.service.iter().map(|it| it.name.as_str()).collect();
    let wanted = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "wxbridge.v1.Bridge",
    ];
    assert_eq!(names, wanted.into());
    for described in &told[1..] {
        assert!(
            matches!(described, MessageResponse::FileDescriptorResponse(_)),
            "{described:?}"
        );
    }
}

#[tokio::test]
async fn a_deadline_ends_the_waiting() {
    let bridge = Bridge::start(Setup::new()).await;
    let client = client(&bridge, &bridge.operator_token());
    let mut request = client.request(GetAccountRequest { id: "none".into() });
    request.set_timeout(Duration::from_nanos(1));
    let refused = client.bridge.clone().get_account(request).await.unwrap_err();
    assert!(
        matches!(
            refused.code(),
            Code::DeadlineExceeded | Code::Cancelled | Code::NotFound
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn what_is_no_grpc_is_turned_away() {
    let bridge = Bridge::start(Setup::new()).await;
    let url = format!("http://127.0.0.1:{}/wxbridge.v1.Bridge/Send", bridge.grpc_port());
    // HTTP/1.1 gets no answer that it could take for one.
    assert!(bridge.http.post(&url).body("{}").send().await.is_err());
    let second = reqwest::Client::builder()
        .http2_prior_knowledge()
        .no_proxy()
        .build()
        .unwrap();
    let answer = second.post(&url).body("{}").send().await.unwrap();
    assert_eq!(answer.status(), 415);
}

#[tokio::test]
async fn the_listener_does_not_cross_a_network_in_the_clear() {
    for (lines, starts) in [("", false), ("behind_tls_proxy = true", true)] {
        let mut bridge = Bridge::prepare(Setup::new());
        let config = fs::read_to_string(bridge.config()).unwrap();
        let grpc = format!("[grpc]\nlisten = \"127.0.0.1:{}\"", bridge.grpc_port());
        let open = format!("[grpc]\nlisten = \"0.0.0.0:{}\"\n{lines}", bridge.grpc_port());
        fs::write(bridge.config(), config.replace(&grpc, &open)).unwrap();
        bridge.spawn();
        if starts {
            bridge.ready().await;
        } else {
            let status = bridge.ended().await;
            assert_eq!(status.code(), Some(78), "{}", bridge.log());
            assert!(bridge.log().contains("grpc.listen"), "{}", bridge.log());
        }
    }
}

#[tokio::test]
async fn a_stop_does_not_wait_for_those_who_only_watch() {
    let mut bridge = Bridge::start(Setup::new()).await;
    let nobody = Client::nobody(&bridge);
    let mut health = HealthClient::with_origin(nobody.http, nobody.origin);
    let mut watched = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    watched.message().await.unwrap();
    let status = until_within(Duration::from_secs(30), "the end", async || Some(bridge.stop().await)).await;
    assert_eq!(status, 0, "{}", bridge.log());
}
