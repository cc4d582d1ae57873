//! `FetchEvents` and `AckEvents`: the same feed as over HTTP.

use std::time::Duration;

use serde_json::json;
use tonic::{Code, Status};
use wxbridge::schema::v1::{
    AckEventsRequest, FetchEventsRequest, FetchEventsResponse, SendRequest, send_request::What,
};

use crate::support::{
    bridge::{Bridge, Setup},
    grpc::{Client, client, reason},
    peer::{Shop, element},
};

/// The binary with a core that pulls, one account, and the way to call it.
async fn house(lines: &str) -> (Bridge, Shop, Client) {
    let mut setup = Setup::new();
    setup.more = format!("[[core]]\nname = \"main\"\nkind = \"feed\"\n{lines}\n");
    let bridge = Bridge::start(setup).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    let wish = json!({ "name": "core", "scope": "core", "core": "main" });
    let (_, made) = bridge.post("/admin/v1/tokens", &wish).await;
    let client = client(&bridge, made["token"].as_str().unwrap());
    (bridge, shop, client)
}

async fn fetch(client: &mut Client, after: &str, wait: i64) -> Result<FetchEventsResponse, Status> {
    let request = client.request(FetchEventsRequest {
        after: after.into(),
        limit: 10,
        wait: Some(pbjson_types::Duration {
            seconds: wait,
            nanos: 0,
        }),
        ..Default::default()
    });
    client
        .bridge
        .fetch_events(request)
        .await
        .map(tonic::Response::into_inner)
}

async fn ack(client: &mut Client, cursor: &str) -> Result<String, Status> {
    let request = client.request(AckEventsRequest {
        cursor: cursor.into(),
        ..Default::default()
    });
    let answer = client.bridge.ack_events(request).await;
    answer.map(|answer| answer.into_inner().committed)
}

#[tokio::test]
async fn a_wait_beyond_the_callers_deadline_ends_with_it_and_says_so() {
    let (_bridge, _shop, client) = house("").await;
    for _ in 0..10 {
        let mut request = client.request(FetchEventsRequest {
            wait: Some(pbjson_types::Duration { seconds: 20, nanos: 0 }),
            ..Default::default()
        });
        request.set_timeout(Duration::from_millis(150));
        let ended = client.bridge.clone().fetch_events(request).await.unwrap_err();
        assert_eq!(ended.code(), Code::DeadlineExceeded, "{ended:?}");
    }
}

#[tokio::test]
async fn events_are_pulled_in_order_and_taken_up_to_a_cursor() {
    let (bridge, shop, mut client) = house("reply_budget = \"0s\"").await;
    for text in ["1", "2", "3"] {
        bridge.text(&shop, "o1", text).await;
    }
    let page = fetch(&mut client, "", 0).await.unwrap();
    let seqs: Vec<u32> = page.events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, [1, 2, 3]);
    let over_http = bridge.get("/v1/events?core=main&limit=10").await;
    let mut shown = serde_json::to_value(&page.events).unwrap();
    let mut same = over_http["events"].clone();
    for events in [&mut shown, &mut same] {
        for event in events.as_array_mut().unwrap() {
            event.as_object_mut().unwrap().remove("offer");
        }
    }
    assert_eq!(shown, same, "the same Events as over HTTP");

    assert_eq!(ack(&mut client, &page.next).await.unwrap(), page.next);
    assert_eq!(fetch(&mut client, &page.next, 0).await.unwrap().events, []);
    // A long poll ends with the next event.
    let (mut other, next) = (client.clone(), page.next.clone());
    let polling = tokio::spawn(async move { fetch(&mut other, &next, 20).await });
    bridge.text(&shop, "o2", "4").await;
    let page = polling.await.unwrap().unwrap();
    assert_eq!(page.events.len(), 1);

    let refused = fetch(&mut client, "nonsense", 0).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::InvalidArgument, "INVALID_REQUEST")
    );
    let refused = ack(&mut client, "").await.unwrap_err();
    assert_eq!(reason(&refused), "INVALID_REQUEST");
}

#[tokio::test]
async fn a_reply_to_a_pulled_event_may_still_be_the_passive_one() {
    let (bridge, shop, mut client) = house("").await;
    let says = bridge.text(&shop, "o1", "在吗");
    let answers = async {
        let page = fetch(&mut client, "", 20).await.unwrap();
        let event = &page.events[0];
        assert!(event.offer.as_ref().unwrap().passive.is_some());
        let reply = SendRequest {
            conversation_key: shop.conversation("o1"),
            what: Some(What::Text("拉到了".into())),
            in_reply_to: event.id.clone(),
            ..Default::default()
        };
        client.ask(reply, "send").await.unwrap();
        ack(&mut client, &page.next).await.unwrap();
    };
    let both = async { tokio::join!(says, answers).0 };
    let (status, body) = tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
    let reply = shop.open_reply(&body).unwrap();
    assert_eq!((status, element(&reply, "Content").as_deref()), (200, Some("拉到了")));
}
