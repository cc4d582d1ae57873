use super::*;
use crate::schema::v1::event::Body;

fn account() -> v1::Account {
    v1::Account {
        id: "shop".into(),
        channel: "official_account".into(),
        platform_id: "wx1".into(),
        sub_id: "s".into(),
        via: "v".into(),
        channel_code: 1,
    }
}

fn person(id: &str) -> v1::Identity {
    v1::Identity {
        native_id: id.into(),
        aliases: [
            ("unionid".to_owned(), "u1".to_owned()),
            ("openid".to_owned(), id.to_owned()),
        ]
        .into(),
        kind: v1::identity::Kind::Customer as i32,
        display_name: "您好".into(),
        ..Default::default()
    }
}

/// With every field set: whoever adds one to the schema is told here that it is not written yet.
fn full_conversation() -> v1::Conversation {
    v1::Conversation {
        key: "official_account:wx1:u:o1".into(),
        account: Some(account()),
        customer: Some(person("o1")),
        scope: v1::conversation::Scope::Direct as i32,
        session_id: "e1".into(),
        session_state: v1::conversation::SessionState::Human as i32,
        servicer: Some(person("kf1")),
        last_customer_message_time: Some(Timestamp::from_millis(1_752_000_017_123)),
        first_seq: 7,
        previous_keys: vec!["before".into(), String::new()],
    }
}

fn bodies() -> Vec<Body> {
    let text = |body: String| v1::Part {
        content: Some(v1::part::Content::Text(v1::Text {
            body,
            ..Default::default()
        })),
        ..Default::default()
    };
    let message = |length| v1::Message {
        sender: Some(person("o1")),
        parts: vec![text("x".repeat(length)), v1::Part::default()],
        ..Default::default()
    };
    vec![
        Body::Message(v1::Message::default()),
        Body::Message(message(3)),
        Body::Message(message(100_000)),
        Body::Interaction(v1::Interaction {
            key: "k".into(),
            ..Default::default()
        }),
        Body::Signal(v1::Signal {
            session: Some(v1::SessionChange::default()),
            fields: [("a".to_owned(), "1".to_owned())].into(),
            ..Default::default()
        }),
        Body::Delivery(v1::DeliveryUpdate {
            attempt: 2,
            sent: Some(message(1)),
            ..Default::default()
        }),
        Body::Gap(v1::Gap {
            from_seq: 1,
            to_seq: 300,
            ..Default::default()
        }),
    ]
}

/// With every field set but the offer, which is of an attempt.
fn full(body: Body) -> v1::Event {
    let allowance = |trigger: &str| v1::Allowance {
        trigger: trigger.into(),
        remaining: Some(0),
        part_types: vec!["text".into(), "image".into()],
        ..Default::default()
    };
    v1::Event {
        id: "0190a1b2-0000-7000-8000-000000000001".into(),
        conversation: Some(full_conversation()),
        epoch: 1_752_000_017,
        seq: 300,
        platform_time: Some(Timestamp::from_millis(1_752_000_017_000)),
        accepted_time: Some(Timestamp::from_millis(1_752_000_017_123)),
        late: true,
        history: true,
        dedupe_key: "wx1:1".into(),
        redelivery_of: "e0".into(),
        entry: Some(v1::Entry {
            declared_source: Some(0),
            ..Default::default()
        }),
        allowances: vec![allowance("message"), allowance("none")],
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into(),
        body: Some(body),
        offer: None,
        raw: Some(v1::Raw {
            media_type: "application/xml".into(),
            body: vec![0; 200],
            sha256: "ff".into(),
        }),
    }
}

/// As bare as an event can be.
fn bare(body: Body) -> v1::Event {
    v1::Event {
        conversation: Some(v1::Conversation {
            account: Some(v1::Account::default()),
            ..Default::default()
        }),
        body: Some(body),
        ..Default::default()
    }
}

fn composed(event: &v1::Event) -> Bytes {
    let conversation = event.conversation.as_ref().expect("a conversation");
    let raw = event.raw.clone().map(Encoded::from);
    let rest = v1::Conversation {
        key: "of the state".into(),
        account: None,
        ..conversation.clone()
    };
    let parts = Parts {
        id: &event.id,
        conversation: Shown {
            key: &conversation.key,
            account: conversation.account.as_ref().expect("an account"),
            rest: &rest,
        },
        epoch: event.epoch,
        seq: event.seq,
        platform_time: event.platform_time,
        accepted_time: event.accepted_time,
        late: event.late,
        history: event.history,
        dedupe_key: &event.dedupe_key,
        redelivery_of: &event.redelivery_of,
        entry: event.entry.as_ref(),
        allowances: &event.allowances,
        traceparent: &event.traceparent,
        body: &Encoded::from(event.body.as_ref().expect("a body")),
        raw: raw.as_ref(),
    };
    parts.compose()
}

#[test]
fn what_is_composed_is_what_the_whole_event_is_encoded_to() {
    for body in bodies() {
        for event in [full(body.clone()), bare(body)] {
            assert_eq!(composed(&event), event.encode_to_vec(), "{event:?}");
        }
    }
}

/// Each field by itself: one that is written under another's number shows nowhere else.
#[test]
fn each_part_left_out_leaves_out_its_field_and_no_other() {
    type Change = fn(&mut v1::Event);
    let changes: [Change; 13] = [
        |event| event.id.clear(),
        |event| event.epoch = 0,
        |event| event.seq = 0,
        |event| event.platform_time = None,
        |event| event.accepted_time = None,
        |event| event.late = false,
        |event| event.history = false,
        |event| event.dedupe_key.clear(),
        |event| event.redelivery_of.clear(),
        |event| event.entry = None,
        |event| event.allowances.clear(),
        |event| event.traceparent.clear(),
        |event| event.raw = None,
    ];
    let conversations: [fn(&mut v1::Conversation); 8] = [
        |it| it.key.clear(),
        |it| it.customer = None,
        |it| it.scope = 0,
        |it| it.session_id.clear(),
        |it| it.session_state = 0,
        |it| it.servicer = None,
        |it| it.last_customer_message_time = None,
        |it| it.previous_keys.clear(),
    ];
    let event = full(Body::Message(v1::Message::default()));
    for change in changes {
        let mut event = event.clone();
        change(&mut event);
        assert_eq!(composed(&event), event.encode_to_vec(), "{event:?}");
    }
    for change in conversations {
        let mut event = event.clone();
        change(event.conversation.as_mut().expect("one"));
        assert_eq!(composed(&event), event.encode_to_vec(), "{event:?}");
    }
}

#[test]
fn a_conversation_is_as_long_as_it_is() {
    // As long as one byte of length can tell, as two can, and as three can, with what lies on the borders.
    for length in (0..300).chain(16_300..16_420) {
        let mut event = bare(Body::Gap(v1::Gap::default()));
        event.conversation.as_mut().expect("one").key = "k".repeat(length);
        assert_eq!(composed(&event), event.encode_to_vec(), "{length}");
    }
}
