mod several;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

use tokio::task::JoinHandle;
use tonic::{
    Response, Status,
    transport::{Server, server::TcpIncoming},
};

use tonic::metadata::MetadataMap;

use super::*;
use crate::{
    cores::Credentials,
    ports::core::Answer,
    schema::{
        Timestamp, rpc,
        v1::{self, DeliverRequest, Event, core_server},
    },
};

fn key(event: &Event) -> &str {
    &event.conversation.as_ref().expect("a conversation").key
}

type Said = Result<DeliverResponse, Status>;

/// A core that answers what it was told to, and then nothing more for ever.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// Acknowledges each event, all of a request that holds none of this key.
    acknowledges_but: Option<&'static str>,
    says: VecDeque<Said>,
    heard: Vec<(MetadataMap, DeliverRequest)>,
}

impl Told {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn says(&self, said: Said) {
        self.inner().says.push_back(said);
    }
}

#[async_trait]
impl core_server::Core for Told {
    async fn deliver(&self, request: Request<DeliverRequest>) -> Result<Response<DeliverResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let said = {
            let mut inner = self.inner();
            let said = match inner.acknowledges_but {
                Some(bad) => Some(acknowledged(&request, bad)),
                None => inner.says.pop_front(),
            };
            inner.heard.push((metadata, request));
            said
        };
        // Long enough for others to want the same.
        tokio::time::sleep(Duration::from_millis(5)).await;
        match said {
            Some(said) => said.map(Response::new),
            None => std::future::pending().await,
        }
    }
}

fn acknowledged(request: &DeliverRequest, bad: &str) -> Said {
    if request.events.iter().any(|event| key(event) == bad) {
        return Err(Status::internal("one of them"));
    }
    let ack = |event: &v1::Event| v1::Ack {
        conversation_key: key(event).to_owned(),
        through_seq: event.seq,
        replies: vec![reply(key(event))],
        ..Default::default()
    };
    Ok(DeliverResponse {
        results: request.events.iter().map(ack).collect(),
        ..Default::default()
    })
}

struct House {
    told: Told,
    address: SocketAddr,
    served: JoinHandle<()>,
}

async fn house() -> House {
    let told = Told::default();
    let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let address = incoming.local_addr().expect("an address");
    let core = core_server::CoreServer::new(told.clone());
    let served = tokio::spawn(async move {
        let served = Server::builder().serve_with_incoming(core, incoming).await;
        served.expect("served");
    });
    House { told, address, served }
}

fn core(address: SocketAddr, timeout: Millis) -> Core {
    Core {
        credentials: Credentials {
            bearer: Some(Secret::new("open sesame")),
            ..Credentials::default()
        },
        url: format!("http://{address}"),
        timeout,
        ..Core::sample("main", Kind::Grpc)
    }
}

fn event() -> v1::Event {
    let said = v1::Message {
        summary: "您好".into(),
        parts: vec![v1::Part {
            content: Some(v1::part::Content::Text(v1::Text::default())),
            ..Default::default()
        }],
        ..Default::default()
    };
    v1::Event {
        raw: Some(v1::Raw::default()),
        ..crate::core_link::testing::event(5, said)
    }
}

async fn offered(link: &GrpcLink, core: &Core) -> Outcome {
    let event = event();
    let offer = Offer {
        event: &event.into(),
        attempt: 2,
        passive: Some(v1::PassiveWindow {
            deadline: Some(Timestamp::from_millis(1_752_000_004_000)),
            ..Default::default()
        }),
        replay: None,
        now: 0,
    };
    link.offer(core, offer).await
}

fn link(core: &Core) -> GrpcLink {
    GrpcLink::new(&Cores([core.clone()].into())).expect("a link")
}

fn reply(text: &str) -> v1::SendRequest {
    v1::SendRequest {
        what: Some(v1::send_request::What::Text(text.into())),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_core_hears_the_event_and_its_answer_takes_it() {
    let house = house().await;
    house.told.says(Ok(DeliverResponse {
        replies: vec![reply("a")],
        keep_window: true,
        ..Default::default()
    }));
    let core = core(house.address, 5_000);
    let outcome = offered(&link(&core), &core).await;
    let answer = Answer {
        replies: vec![Ok(reply("a"))],
        keep_window: true,
    };
    assert_eq!(outcome, Outcome::Taken(answer));

    let inner = house.told.inner();
    let (metadata, request) = &inner.heard[0];
    let said = |name: &str| {
        metadata
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    assert_eq!(said("authorization"), "Bearer open sesame");
    assert_eq!(said("traceparent"), event().traceparent);
    assert!(said("grpc-timeout").starts_with("5000"), "{}", said("grpc-timeout"));
    let heard = &request.events[0];
    let offer = heard.offer.as_ref().expect("this attempt");
    assert_eq!((offer.attempt, offer.passive.is_some()), (2, true));
    let stored = v1::Event {
        raw: None,
        offer: heard.offer.clone(),
        ..event()
    };
    assert_eq!(*heard, stored);
}

#[tokio::test]
async fn results_count_conversation_by_conversation() {
    use v1::ack::Outcome as Says;
    let ack = |key: &str, through_seq: u32, outcome: Says| v1::Ack {
        conversation_key: key.into(),
        through_seq,
        outcome: outcome as i32,
        ..Default::default()
    };
    let with = |results| {
        let response = DeliverResponse {
            results,
            ..Default::default()
        };
        answer::taken(response, About { key: "k", seq: 5 })
    };
    assert!(matches!(with(vec![]), Outcome::Taken(_)));
    assert!(matches!(with(vec![ack("k", 5, Says::Ok)]), Outcome::Taken(_)));
    assert!(matches!(with(vec![ack("k", 4, Says::Ok)]), Outcome::Again { .. }));
    assert!(matches!(with(vec![ack("x", 9, Says::Ok)]), Outcome::Again { .. }));
    assert!(matches!(
        with(vec![ack("x", 9, Says::Ok), ack("k", 0, Says::Park)]),
        Outcome::Park { .. }
    ));
    let mut parked = ack("k", 0, Says::Park);
    parked.replies = vec![reply("b")];
    let response = DeliverResponse {
        results: vec![parked],
        replies: vec![reply("a")],
        ..Default::default()
    };
    match answer::taken(response, About { key: "k", seq: 5 }) {
        Outcome::Park { replies, .. } => assert_eq!(replies, [Ok(reply("a")), Ok(reply("b"))]),
        other => panic!("{other:?}"),
    }
    let earlier_first = vec![ack("k", 4, Says::Ok), ack("x", 9, Says::Park), ack("k", 5, Says::Ok)];
    assert!(matches!(with(earlier_first), Outcome::Taken(_)));
    let refused_first = vec![ack("k", 5, Says::Retry), ack("k", 5, Says::Ok)];
    assert!(matches!(with(refused_first), Outcome::Again { .. }));
    let mut more = ack("k", 0, Says::Ok);
    more.replies = vec![reply("b")];
    match with(vec![more]) {
        Outcome::Taken(answer) => assert_eq!(answer.replies, [Ok(reply("b"))]),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_status_says_whose_fault_it_is() {
    let house = house().await;
    let core = core(house.address, 5_000);
    let link = link(&core);
    for (code, outcome) in [
        (Code::InvalidArgument, "refused"),
        (Code::AlreadyExists, "taken"),
        (Code::ResourceExhausted, "slow"),
        (Code::Unavailable, "slow"),
        (Code::Unauthenticated, "down"),
        (Code::PermissionDenied, "down"),
        (Code::NotFound, "down"),
        (Code::Unimplemented, "down"),
        (Code::Internal, "failed"),
        (Code::Unknown, "failed"),
        (Code::Cancelled, "failed"),
        (Code::DeadlineExceeded, "failed"),
        (Code::FailedPrecondition, "failed"),
        (Code::Aborted, "failed"),
        (Code::OutOfRange, "failed"),
        (Code::DataLoss, "failed"),
    ] {
        house.told.says(Err(Status::new(code, "because")));
        let found = offered(&link, &core).await;
        assert_eq!(name(&found), outcome, "{code:?}: {found:?}");
        assert!(
            found.why().is_empty() || found.why().ends_with(": because"),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_for_the_cores_library_is_the_events_fault() {
    let house = house().await;
    let core = core(house.address, 5_000);
    let link = link(&core);
    use Code::{OutOfRange, ResourceExhausted, Unavailable};
    let refused = [
        "SERVER: Received message larger than max (5 vs. 4)",
        "Received message larger than max (5 vs. 4)",
        "Received message larger than max (5 vs 4)",
        "grpc: received message larger than max (5 vs. 4)",
        "gRPC message exceeds maximum size 4: 5",
        "Received message exceeds the maximum configured message size.",
        "Message has exceeded the configured maximum payload size (max: 4, actual: 5)",
        "message size 5 is larger than configured max 4",
        "message size 5 is larger than configured readMaxBytes 4",
    ];
    let slow = [
        "message rate exceeds the maximum",
        "too many messages: your plan exceeds its maximum",
        "the backlog of received messages is larger than max",
        "message size 5 MB per minute is larger than your plan allows",
        "no answer of the store: grpc: received message larger than max (5 vs. 4)",
        "CLIENT: Received message larger than max (5 vs. 4)",
        "grpc: trying to send message larger than max (5 vs. 4)",
        "the quota of this minute is used up",
        "",
    ];
    let long = [
        "Error, decoded message length too large: found 5 bytes, the limit is: 4 bytes",
        "Error, message length too large: found 5 bytes, the limit is: 4 bytes",
    ];
    let short = [
        "no such place",
        "Error, encoded message length too large: found 5 bytes, the limit is: 4 bytes",
    ];
    let all = refused.map(|said| (ResourceExhausted, said, "refused")).into_iter();
    let all = all
        .chain(slow.map(|said| (ResourceExhausted, said, "slow")))
        .chain(long.map(|said| (OutOfRange, said, "refused")))
        .chain(short.map(|said| (OutOfRange, said, "failed")))
        .chain([(Unavailable, "gRPC message exceeds maximum size 4: 5", "slow")]);
    for (code, said, outcome) in all {
        house.told.says(Err(Status::new(code, said)));
        assert_eq!(name(&offered(&link, &core).await), outcome, "{code:?} {said}");
    }
}

use tonic::Code;

fn name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Taken(_) => "taken",
        Outcome::Again { .. } => "again",
        Outcome::Park { .. } => "park",
        Outcome::Refused { .. } => "refused",
        Outcome::Failed { .. } => "failed",
        Outcome::Slow { .. } => "slow",
        Outcome::Down { .. } => "down",
    }
}

#[tokio::test]
async fn a_core_says_in_the_details_when_to_come_back() {
    let house = house().await;
    let core = core(house.address, 5_000);
    let code = crate::error::Code::Overloaded;
    let more = rpc::More {
        retry_after: Some(7),
        ..Default::default()
    };
    let busy = rpc::refusal_with(Code::Unavailable, code, "busy", &more);
    house.told.says(Err(busy));
    let outcome = offered(&link(&core), &core).await;
    assert_eq!((name(&outcome), outcome.after()), ("slow", Some(7_000)));
}

#[tokio::test]
async fn nobody_there_is_down_and_silence_is_a_failure_of_the_attempt() {
    let house = house().await;
    let core = core(house.address, 300);
    let link = link(&core);
    let before = link.doors["main"].route.connection();
    let outcome = offered(&link, &core).await;
    assert_eq!(outcome.why(), "no answer within 300 ms");
    assert_eq!(name(&outcome), "failed");
    let after = link.doors["main"].route.connection();
    assert!(!Arc::ptr_eq(&before, &after), "the next call takes another connection");
    house.told.says(Ok(DeliverResponse::default()));
    assert_eq!(name(&offered(&link, &core).await), "taken");

    house.served.abort();
    drop(house.served.await);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = super::tests::core(listener.local_addr().expect("an address"), 300);
    drop(listener);
    let outcome = offered(&super::tests::link(&nobody), &nobody).await;
    assert_eq!(name(&outcome), "down", "{outcome:?}");
    assert!(outcome.why().starts_with("cannot connect: "), "{outcome:?}");
}

#[tokio::test]
async fn an_answer_beyond_the_limit_takes_nothing() {
    let house = house().await;
    let core = core(house.address, 5_000);
    house.told.says(Ok(DeliverResponse {
        replies: vec![reply(&"x".repeat(ANSWER_BYTES_MAX))],
        ..Default::default()
    }));
    let outcome = offered(&link(&core), &core).await;
    assert_eq!(name(&outcome), "failed", "{outcome:?}");
    assert_eq!(outcome.why(), "the answer cannot be read: it is longer than 1 MiB");
}
