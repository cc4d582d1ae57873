//! A core's token in another core's conversation: it neither sends, nor asks what would come of it, nor ends it; over HTTP and
//! gRPC.

use serde_json::{Value, json};
use tonic::Code;
use wxbridge::schema::{
    json::{Unknown, from_value},
    v1::SendRequest,
};

use crate::{
    cursors::House,
    support::grpc::{Client, client, reason},
};

/// Status and code of a send, or of the question what would come of it.
async fn over_http(house: &House, token: &str, query: &str, wish: &Value) -> (u16, String) {
    let url = house.bridge.internal(&format!("/v1/messages{query}"));
    let request = house.bridge.http.post(url).bearer_auth(token).json(wish);
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

async fn over_grpc(caller: &mut Client, how: &str, wish: &Value) -> Option<(Code, String)> {
    let wish: SendRequest = from_value(wish.clone(), Unknown::Refuse).unwrap();
    let refused = caller.ask(wish, how).await.err();
    refused.map(|refused| (refused.code(), reason(&refused)))
}

/// What a core may want of a conversation: words, an answer to an event, the session's end, a recall.
fn wishes(key: &str, event: &Value) -> [Value; 4] {
    [
        json!({"conversationKey": key, "text": "hi"}),
        json!({"inReplyTo": event, "text": "hi"}),
        json!({"conversationKey": key, "session": {"verb": "END"}}),
        json!({"conversationKey": key, "recallMessageId": "m"}),
    ]
}

#[tokio::test]
async fn another_cores_conversation_is_forbidden_on_both_wires_and_ones_own_is_not() {
    let house = House::new().await;
    assert_eq!(house.bridge.text(&house.shop, "o1", "1").await.0, 200);
    let page = house.bridge.get("/v1/events?core=main").await;
    let event = &page["events"][0]["id"];
    let key = house.shop.conversation("o1");
    let (own, stranger) = (house.token("main").await, house.token("other").await);
    let mut own_client = client(&house.bridge, &own);
    let mut caller = client(&house.bridge, &stranger);
    for wish in wishes(&key, event) {
        for query in ["", "?preview=true", "?wait=1s"] {
            let answer = over_http(&house, &stranger, query, &wish).await;
            assert_eq!((answer.0, answer.1.as_str()), (403, "FORBIDDEN"), "{query} {wish}");
        }
        for how in ["send", "preview"] {
            let answer = over_grpc(&mut caller, how, &wish).await;
            assert_eq!(
                answer,
                Some((Code::PermissionDenied, "FORBIDDEN".into())),
                "{how} {wish}"
            );
        }
        assert_eq!(over_http(&house, &own, "", &wish).await.0, 202, "{wish}");
        assert_eq!(over_grpc(&mut own_client, "send", &wish).await, None, "{wish}");
        let operator = house.bridge.operator_token();
        assert_eq!(over_http(&house, &operator, "", &wish).await.0, 202, "{wish}");
    }
}

#[tokio::test]
async fn the_first_message_is_the_core_s_that_would_get_the_conversation_and_its_key_tells_nobody_else_anything() {
    let house = House::new().await;
    let (own, stranger) = (house.token("main").await, house.token("other").await);
    let first = json!({"conversationKey": house.shop.conversation("o2"), "text": "hi", "clientMessageId": "c1"});
    let refused = over_http(&house, &stranger, "", &first).await;
    assert_eq!((refused.0, refused.1.as_str()), (403, "FORBIDDEN"));
    assert_eq!(over_http(&house, &own, "", &first).await.0, 202);
    // Neither the answer to the same key nor the conflict of another body.
    for text in ["hi", "ho"] {
        let again = json!({"conversationKey": house.shop.conversation("o2"), "text": text, "clientMessageId": "c1"});
        assert_eq!(over_http(&house, &stranger, "", &again).await.0, 403, "{text}");
    }
    // While its account's events wait the conversation has no core: whoever served it goes on, and nobody else does.
    let (status, paused) = house.bridge.post("/admin/v1/accounts/shop/pause", &json!({})).await;
    assert_eq!(status, 200, "{paused}");
    let more = json!({"conversationKey": house.shop.conversation("o2"), "text": "more"});
    assert_eq!(over_http(&house, &own, "", &more).await.0, 202);
    assert_eq!(over_http(&house, &stranger, "", &more).await.0, 403);
}
