//! `Bridge`: each of its calls, and what it refuses.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tonic::Code;
use wxbridge::schema::v1::{
    Entry, GetAccountRequest, GetConversationRequest, GetMediaRequest, GetMessageRequest, ListAccountsRequest,
    MediaChunk, SendRequest, SendResult, send_request::What, send_result::Status as Sent,
};

use crate::support::{
    core::Said,
    grpc::{Client, client, reason, retry_after},
    peer::Shop,
    until,
    world::World,
};

/// A world in which o1 has said something, and the operator's way to call it.
async fn house() -> (World, Client) {
    let world = World::new("", |_| Said::taken()).await;
    world.says("o1", "在吗").await;
    world.core.hears(1).await;
    let client = client(&world.bridge, &world.bridge.operator_token());
    (world, client)
}

fn text(world: &World, text: &str) -> SendRequest {
    SendRequest {
        conversation_key: world.key("o1"),
        what: Some(What::Text(text.into())),
        ..Default::default()
    }
}

/// A token of the given scope, made by the operator.
async fn token(world: &World, wish: Value) -> String {
    let (status, made) = world.bridge.post("/admin/v1/tokens", &wish).await;
    assert_eq!(status, 201, "{made}");
    made["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_message_is_sent_and_looked_up_as_over_http() {
    let (world, mut client) = house().await;
    let wish = SendRequest {
        client_message_id: "c-1".into(),
        ..text(&world, "您好")
    };
    let taken = client.ask(wish.clone(), "send").await.unwrap();
    assert_eq!(
        (taken.status(), taken.client_message_id.as_str()),
        (Sent::Accepted, "c-1")
    );
    assert_eq!(world.sees("o1", 1).await, [("api".to_owned(), "您好".to_owned())]);
    let by_id = GetMessageRequest {
        message_id: taken.message_id.clone(),
        ..Default::default()
    };
    let sent: SendResult = until("SENT", async || {
        let found = client.get_message(by_id.clone()).await.unwrap();
        (found.status() == Sent::Sent).then_some(found)
    })
    .await;
    let by_client = GetMessageRequest {
        client_message_id: "c-1".into(),
        account_id: "shop".into(),
        ..Default::default()
    };
    assert_eq!(client.get_message(by_client).await.unwrap(), sent);
    let over_http = world.bridge.get(&format!("/v1/messages/{}", taken.message_id)).await;
    assert_eq!(over_http, serde_json::to_value(&sent).unwrap());

    // The same again is the same message; another body under its id is refused.
    assert_eq!(
        client.ask(wish.clone(), "send").await.unwrap().message_id,
        taken.message_id
    );
    let other = SendRequest {
        client_message_id: "c-1".into(),
        ..text(&world, "另一条")
    };
    let refused = client.ask(other, "send").await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::AlreadyExists, "IDEMPOTENCY_CONFLICT")
    );
    let previewed = client.ask(text(&world, "only asked"), "preview").await.unwrap();
    assert_eq!(
        (previewed.status(), previewed.message_id.as_str()),
        (Sent::Unspecified, "")
    );
    assert_eq!(world.shown("o1").await.len(), 1);
}

#[tokio::test]
async fn conversations_accounts_and_entries_are_those_of_http() {
    let (world, mut client) = house().await;
    let key = world.key("o1");
    let seen = client
        .get_conversation(GetConversationRequest { key: key.clone() })
        .await
        .unwrap();
    assert_eq!((seen.last_seq, seen.taken_seq), (1, 1));
    let over_http = world.bridge.get(&format!("/v1/conversations/{key}")).await;
    assert_eq!(serde_json::to_value(&seen).unwrap(), over_http);

    world.bridge.apply(&[&Shop::new("another")], &world.sim.url()).await;
    let mut page = ListAccountsRequest {
        page_size: 1,
        ..Default::default()
    };
    let first = client.list_accounts(page.clone()).await.unwrap();
    page.page_token = first.next_page_token.clone();
    let second = client.list_accounts(page).await.unwrap();
    let ids = [&first, &second].map(|page| page.accounts[0].account.as_ref().unwrap().id.clone());
    assert_eq!(
        (ids, second.next_page_token.as_str()),
        (["another".into(), "shop".into()], "")
    );
    let one = client
        .get_account(GetAccountRequest { id: "shop".into() })
        .await
        .unwrap();
    assert_eq!(one.account, second.accounts[0].account);

    let entry = Entry {
        robot_id: "7".into(),
        ..Default::default()
    };
    let made = client.create_entry(entry).await.unwrap();
    assert_eq!(made.token.len(), 10, "{made:?}");
}

#[tokio::test]
async fn files_travel_in_pieces_both_ways() {
    let (world, mut client) = house().await;
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let mut pieces: Vec<MediaChunk> = bytes
        .chunks(64_000)
        .map(|data| MediaChunk {
            data: data.to_vec(),
            ..Default::default()
        })
        .collect();
    pieces[0].account_id = "shop".into();
    pieces[0].name = "../a.bin".into();
    pieces[0].mime = "application/octet-stream".into();
    let kept = client.put_media(pieces.clone()).await.unwrap();
    assert_eq!((kept.size, kept.name.as_str()), (300_000, "a.bin"));
    let path = format!("/v1/media/{}", kept.handle);
    let over_http = world.bridge.operator(Method::GET, &path).send().await.unwrap();
    assert!(over_http.bytes().await.unwrap() == bytes, "the same bytes over HTTP");

    for offset in [0, 1, 299_999, 300_000] {
        let which = GetMediaRequest {
            handle: kept.handle.clone(),
            offset,
        };
        let got = client.get_media(which).await.unwrap();
        let first = &got[0];
        assert_eq!((first.account_id.as_str(), first.name.as_str()), ("shop", "a.bin"));
        let got: Vec<u8> = got.into_iter().flat_map(|piece| piece.data).collect();
        assert!(got == bytes[usize::try_from(offset).unwrap()..], "from {offset}");
    }
    let beyond = GetMediaRequest {
        handle: kept.handle.clone(),
        offset: 300_001,
    };
    let refused = client.get_media(beyond).await.unwrap_err();
    assert_eq!(reason(&refused), "INVALID_REQUEST");
    let nothing = GetMediaRequest {
        handle: "none".into(),
        offset: 0,
    };
    let refused = client.get_media(nothing).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::NotFound, "NOT_FOUND")
    );

    pieces[2].name = "b.bin".into();
    let refused = client.put_media(pieces.clone()).await.unwrap_err();
    assert_eq!(reason(&refused), "INVALID_REQUEST", "{refused:?}");
    pieces[2].name = String::new();
    // A later piece beyond the limit of a message, as a first one.
    for at in [2, 0] {
        let mut pieces = pieces.clone();
        pieces[at].data = vec![7; 5 << 20];
        let refused = client.put_media(pieces).await.unwrap_err();
        assert_eq!(reason(&refused), "BODY_TOO_LARGE", "piece {at}: {refused:?}");
    }
    let refused = client.put_media(Vec::new()).await.unwrap_err();
    assert_eq!(reason(&refused), "INVALID_REQUEST", "{refused:?}");
}

#[tokio::test]
async fn who_has_no_token_or_one_that_does_not_reach_so_far_is_refused_with_a_code() {
    let (world, _) = house().await;
    let account = || GetAccountRequest { id: "shop".into() };
    let mut nobody = Client::nobody(&world.bridge);
    let refused = nobody.get_account(account()).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::Unauthenticated, "UNAUTHENTICATED")
    );

    let viewer = token(&world, json!({ "name": "v", "scope": "viewer" })).await;
    let mut viewer = client(&world.bridge, &viewer);
    assert!(viewer.get_account(account()).await.is_ok());
    let refused = viewer.ask(text(&world, "x"), "send").await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::PermissionDenied, "FORBIDDEN")
    );

    let lender = token(&world, json!({ "name": "t", "scope": "token" })).await;
    let refused = client(&world.bridge, &lender).get_account(account()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);

    let narrow = json!({ "name": "c", "scope": "core", "core": "main", "accounts": ["other-*"] });
    let narrow = token(&world, narrow).await;
    let mut narrow = client(&world.bridge, &narrow);
    let key = GetConversationRequest { key: world.key("o1") };
    let refused = narrow.get_conversation(key).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::PermissionDenied, "FORBIDDEN")
    );
    let none = narrow.list_accounts(ListAccountsRequest::default()).await.unwrap();
    assert_eq!(none.accounts.len(), 0);

    // Wrong is wrong however often it comes; beyond twenty a minute the guesser is told when to come again.
    let mut stranger = client(&world.bridge, "wrong");
    for times in 1..=30 {
        let refused = stranger.get_account(account()).await.unwrap_err();
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::Unauthenticated, "UNAUTHENTICATED"),
            "{times}"
        );
        let wait = retry_after(&refused);
        assert_eq!(wait.is_some(), times > 20, "{times}");
        assert!(wait.is_none_or(|wait| wait <= Duration::from_secs(61)));
    }
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_with_its_place() {
    let (world, mut client) = house().await;
    let key = GetConversationRequest { key: "nonsense".into() };
    let refused = client.get_conversation(key).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);

    // A field of a later schema, and a value without a name.
    let refused = client.raw("Send", &[0xc2, 0x3e, 1, b'x']).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::InvalidArgument, "INVALID_REQUEST")
    );
    assert_eq!(refused.message(), "unknown field number 1000 in the request");
    let odd = SendRequest {
        route: 17,
        ..text(&world, "x")
    };
    let refused = client.ask(odd, "send").await.unwrap_err();
    assert_eq!(refused.message(), "route is 17, which has no name");
    // Bytes that are no message at all.
    let refused = client.raw("Send", b"\xff\xff\xff").await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::InvalidArgument, "INVALID_REQUEST")
    );
    // A message beyond the limit.
    let refused = client
        .ask(text(&world, &"x".repeat(5 << 20)), "send")
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::InvalidArgument, "BODY_TOO_LARGE")
    );
    // Calls and services that nobody has.
    let refused = client.raw("Sned", b"").await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::Unimplemented, "NOT_FOUND")
    );
    assert_eq!(world.shown("o1").await.len(), 0);
}
