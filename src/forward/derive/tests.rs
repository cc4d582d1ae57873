use super::*;
use crate::{
    ports::store::ConversationId,
    schema::v1::{conversation::SessionState, send_result::Status},
};

const NOW: i64 = 1_752_000_000_120;

fn event(id: &str, body: Body) -> v1::Event {
    v1::Event {
        id: id.into(),
        accepted_time: Some(Timestamp::from_millis(NOW)),
        conversation: Some(v1::Conversation {
            key: "wechat_kf:ww1:kf1:u:c1".into(),
            account: Some(v1::Account {
                id: "shop".into(),
                channel: "wechat_kf".into(),
                channel_code: 17,
                ..Default::default()
            }),
            customer: Some(v1::Identity {
                native_id: "c1".into(),
                display_name: "小王".into(),
                ..Default::default()
            }),
            scope: Scope::Direct as i32,
            session_id: "e1".into(),
            session_state: SessionState::Assistant as i32,
            ..Default::default()
        }),
        body: Some(body),
        ..Default::default()
    }
}

fn text(origin: Origin) -> Body {
    Body::Message(v1::Message {
        origin: origin as i32,
        summary: "hi".into(),
        ..Default::default()
    })
}

fn signal(kind: Type) -> Body {
    Body::Signal(v1::Signal {
        r#type: kind as i32,
        ..Default::default()
    })
}

fn of(kind: Kind, item: &Item) -> Option<Value> {
    record(kind, item, 23).map(|json| serde_json::from_str(&json).expect("JSON"))
}

/// The names of the types that it gives a record of.
fn kinds(event: v1::Event) -> Vec<&'static str> {
    let item = Item::Event(Box::new(event));
    let kinds = Kind::ALL.into_iter().filter(|kind| of(*kind, &item).is_some());
    kinds.map(Kind::name).collect()
}

fn message(what: What) -> Item {
    Item::Message(Box::new(Message {
        row: 1,
        id: "m1".into(),
        account: "shop".into(),
        client_message_id: "c1".into(),
        conversation: ConversationId(1),
        key: "k".into(),
        request: v1::SendRequest {
            what: Some(what),
            speaker: "Li".into(),
            ..Default::default()
        },
        answers: None,
        result: v1::SendResult {
            status: Status::Accepted as i32,
            ..Default::default()
        },
        passive: None,
        pieces_done: 0,
        attempts: 0,
        created: NOW,
        next_attempt: NOW,
        not_after: NOW,
    }))
}

#[test]
fn what_a_customer_says_is_a_user_record_and_chat_and_the_first_of_it_begins_a_session() {
    assert_eq!(kinds(event("e2", text(Origin::CustomerSent))), ["user", "msg"]);
    assert_eq!(
        kinds(event("e2", Body::Interaction(v1::Interaction::default()))),
        ["user", "msg"]
    );
    assert_eq!(
        kinds(event("e1", text(Origin::CustomerSent))),
        ["conversation", "user", "userinfo", "msg"]
    );
    assert_eq!(kinds(event("e2", text(Origin::StaffSentOnPlatform))), ["msg"]);
}

#[test]
fn a_record_says_where_it_comes_from() {
    let item = Item::Event(Box::new(event("e1", text(Origin::CustomerSent))));
    let user = of(Kind::User, &item).expect("a record");
    assert_eq!(user["id"], "e1");
    assert_eq!(user["time"], "2025-07-08T18:40:00.120Z");
    assert_eq!(user["conversationKey"], "wechat_kf:ww1:kf1:u:c1");
    assert_eq!(
        (&user["accountId"], &user["customerId"]),
        (&json!("shop"), &json!("c1"))
    );
    assert_eq!(user["source"], 23, "the configured code");
    assert_eq!(
        (&user["direction"], &user["message"]["summary"]),
        (&json!("in"), &json!("hi"))
    );
    let info = of(Kind::UserInfo, &item).expect("a record");
    assert_eq!(info["customer"]["displayName"], "小王");
    let session = of(Kind::Conversation, &item).expect("a record");
    assert_eq!(
        (&session["begins"], &session["sessionState"]),
        (&json!(true), &json!("ASSISTANT"))
    );
}

#[test]
fn signals_go_where_they_tell_something() {
    for (kind, wanted) in [
        (Type::Followed, vec!["userinfo"]),
        (Type::IdentityChanged, vec!["userinfo"]),
        (Type::SessionEntered, vec!["conversation", "userinfo"]),
        (Type::SessionStateChanged, vec!["conversation"]),
        (Type::Recalled, vec!["msg"]),
        (Type::MediaChanged, vec!["msg"]),
        (Type::Other, vec![]),
        (Type::JobFinished, vec![]),
    ] {
        assert_eq!(kinds(event("e2", signal(kind))), wanted, "{kind:?}");
    }
}

#[test]
fn gaps_accounts_own_events_and_what_was_copied_before_give_nothing() {
    assert_eq!(kinds(event("e2", Body::Gap(v1::Gap::default()))), Vec::<&str>::new());
    let mut of_account = event("e1", signal(Type::AccountStateChanged));
    of_account.conversation.get_or_insert_default().scope = Scope::Account as i32;
    assert_eq!(kinds(of_account), Vec::<&str>::new());
    let mut again = event("e2", text(Origin::CustomerSent));
    again.redelivery_of = "e1".into();
    assert_eq!(kinds(again), Vec::<&str>::new());
    assert_eq!(kinds(v1::Event::default()), Vec::<&str>::new());
}

#[test]
fn what_the_core_says_is_chat_and_what_it_orders_is_the_conversations() {
    let said = of(Kind::Msg, &message(What::Text("您好".into()))).expect("a record");
    assert_eq!(said["message"]["parts"][0]["text"]["body"], "您好");
    assert_eq!(
        (&said["direction"], &said["status"]),
        (&json!("out"), &json!("ACCEPTED"))
    );
    assert_eq!((&said["messageId"], &said["speaker"]), (&json!("m1"), &json!("Li")));
    let order = message(What::Session(v1::SessionControl {
        verb: v1::session_control::Verb::End as i32,
        ..Default::default()
    }));
    assert_eq!(
        of(Kind::Conversation, &order).expect("a record")["order"]["verb"],
        "END"
    );
    let words = v1::Message {
        summary: "bye".into(),
        ..Default::default()
    };
    let closing = message(What::Session(v1::SessionControl {
        verb: v1::session_control::Verb::End as i32,
        closing: Some(words),
        ..Default::default()
    }));
    assert_eq!(of(Kind::Msg, &closing).expect("a record")["message"]["summary"], "bye");
    for nothing in [order, message(What::Typing(true))] {
        assert_eq!(of(Kind::Msg, &nothing), None);
        assert_eq!(of(Kind::User, &nothing), None);
    }
}

#[test]
fn what_became_of_a_message_follows_as_chat() {
    let update = v1::DeliveryUpdate {
        result: Some(v1::SendResult {
            message_id: "m1".into(),
            status: Status::Failed as i32,
            error: Some(v1::Error {
                code: "WINDOW_CLOSED".into(),
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let item = Item::Event(Box::new(event("e2", Body::Delivery(update))));
    let told = of(Kind::Msg, &item).expect("a record");
    assert_eq!((&told["messageId"], &told["status"]), (&json!("m1"), &json!("FAILED")));
    assert_eq!(told["error"]["code"], "WINDOW_CLOSED");
}

#[test]
fn a_cores_record_stands_as_it_is_with_what_it_left_out() {
    let made = |content: &str| {
        Item::Made(Made {
            id: "r1".into(),
            at: NOW,
            kind: "summary".into(),
            conversation_key: "k".into(),
            content: serde_json::from_str(content).expect("JSON"),
        })
    };
    let summary = of(Kind::Summary, &made(r#"{ "text": "退货", "id": "own" }"#)).expect("a record");
    assert_eq!(
        summary,
        json!({ "text": "退货", "id": "own", "time": "2025-07-08T18:40:00.120Z", "conversationKey": "k" })
    );
    assert_eq!(of(Kind::Msg, &made("{}")), None);
    assert_eq!(of(Kind::Summary, &made("{}")).expect("a record")["id"], "r1");
    // Letter by letter: numbers that no double holds, nulls, the order of its fields.
    let odd = r#"{"z":12345678901234567890123,"price":1.10,"none":null,"a":[null,1e5],"time":"t","id":"i","conversationKey":"c"}"#;
    assert_eq!(record(Kind::Summary, &made(odd), KF_CODE).as_deref(), Some(odd));
    assert_eq!(of(Kind::Summary, &made("7")), None);
}
