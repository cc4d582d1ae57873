//! What stands in the event that is appended?

use std::sync::Arc;

use prost::Message as _;

use super::*;
use crate::{
    channels::contract::{Dedupe, SessionEffect},
    schema::{composed::Encoded, v1::event::Body},
};

const T: Millis = 1_766_200_000_000;

fn account() -> v1::Account {
    v1::Account {
        id: "shop".into(),
        channel: "official_account".into(),
        platform_id: "wx1".into(),
        ..Default::default()
    }
}

fn customer(native_id: &str) -> v1::Identity {
    v1::Identity {
        native_id: native_id.into(),
        ..Default::default()
    }
}

fn state() -> State {
    let scope = v1::conversation::Scope::Direct;
    State::begin(&account(), "official_account:wx1:u:o1", customer("o1"), scope, 7)
}

fn arrival(body: Body) -> Arrival {
    let conversation = v1::Conversation {
        key: "official_account:wx1:u:o1".into(),
        account: Some(account()),
        customer: Some(customer("o1")),
        ..Default::default()
    };
    Arrival::of_ours(conversation, None, body)
}

fn said(text: &str) -> Body {
    Body::Message(v1::Message {
        summary: text.into(),
        ..Default::default()
    })
}

fn stamp(number: u32) -> Stamp {
    Stamp {
        now: T,
        epoch: 7,
        id: format!("e{number}"),
    }
}

/// The event, which is written as it is encoded.
fn append(state: &mut State, arrival: &Arrival) -> v1::Event {
    let appended = state.append(arrival, &stamp(state.seq + 1), false);
    let event = v1::Event::decode(appended.event.clone()).expect("an event");
    assert_eq!(event.encode_to_vec(), appended.event);
    assert_eq!(
        (event.seq, event.conversation.as_ref()),
        (appended.seq, state.conversation.as_ref())
    );
    event
}

#[test]
fn an_event_that_no_request_brought_begins_a_trace_of_its_own() {
    let mut state = state();
    let stamp = Stamp {
        id: "0197e9a3-7b7b-7fff-bfff-ff000012d687".into(),
        ..stamp(1)
    };
    let mut traced = |traceparent: &str| {
        let arrival = Arrival {
            traceparent: traceparent.into(),
            ..arrival(said("hello"))
        };
        let appended = state.append(&arrival, &stamp, false);
        v1::Event::decode(appended.event).expect("an event").traceparent
    };
    assert_eq!(traced(""), "00-0197e9a37b7b7fffbfffff000012d687-bfffff000012d687-00");
    assert_eq!(traced("00-t"), "00-t");
}

#[test]
fn everything_that_arrives_stands_in_its_event() {
    let grant = Grant {
        trigger: "message".into(),
        remaining: Some(5),
        expires: T + 1_000,
        part_types: "text,image".into(),
        estimated: false,
    };
    let raw = v1::Raw {
        body: b"<xml/>".to_vec(),
        ..Default::default()
    };
    let entry = v1::Entry {
        scene: "s".into(),
        ..Default::default()
    };
    let mut state = state();
    let arrival = Arrival {
        dedupe: Some(Dedupe {
            text: "wx1:1".into(),
            order: 1,
            rest: String::new(),
        }),
        platform_time: Some(T - 1_000),
        history: true,
        traceparent: "00-t".into(),
        raw: Some(Encoded::from(raw.clone())),
        entry: Some(Box::new(entry.clone())),
        grant: Some(grant.clone().into()),
        customer_spoke: true,
        redelivery_of: "e0".into(),
        ..arrival(said("hello"))
    };
    let event = append(&mut state, &arrival);
    let wanted = v1::Event {
        id: "e1".into(),
        conversation: Some(v1::Conversation {
            session_id: "e1".into(),
            last_customer_message_time: Some(Timestamp::from_millis(T - 1_000)),
            ..state.view()
        }),
        epoch: 7,
        seq: 1,
        platform_time: Some(Timestamp::from_millis(T - 1_000)),
        accepted_time: Some(Timestamp::from_millis(T)),
        late: true,
        history: true,
        dedupe_key: "wx1:1".into(),
        redelivery_of: "e0".into(),
        entry: Some(entry.clone()),
        allowances: vec![grant.shown()],
        traceparent: "00-t".into(),
        body: Some(said("hello")),
        offer: None,
        raw: Some(raw),
    };
    assert_eq!(event, wanted);
    // What stands for longer stands in what comes later.
    let next = append(&mut state, &self::arrival(said("again")));
    assert_eq!((next.entry, next.allowances), (wanted.entry, wanted.allowances));
    assert_eq!((next.id.as_str(), next.late, next.raw), ("e2", false, None));
}

#[test]
fn an_entry_that_comes_after_the_customer_spoke_shows_on_its_own_event_alone() {
    let entry = |scene: &str| {
        Some(Box::new(v1::Entry {
            scene: scene.into(),
            ..Default::default()
        }))
    };
    let mut state = state();
    let mut shown = Vec::new();
    for (scene, customer_spoke) in [("a", false), ("b", true), ("c", false)] {
        let arrival = Arrival {
            entry: entry(scene),
            customer_spoke,
            ..arrival(said("x"))
        };
        shown.push(append(&mut state, &arrival).entry.expect("one").scene);
    }
    shown.push(append(&mut state, &arrival(said("x"))).entry.expect("one").scene);
    assert_eq!(shown, ["a", "b", "c", "b"]);
}

/// The entry of an event that comes with this one.
fn shown(state: &mut State, entry: Option<v1::Entry>, customer_spoke: bool) -> Option<v1::Entry> {
    let arrival = Arrival {
        entry: entry.map(Box::new),
        customer_spoke,
        ..arrival(said("x"))
    };
    append(state, &arrival).entry
}

#[test]
fn an_entry_that_says_nothing_fills_an_empty_place_and_takes_none() {
    let bare = crate::entry::of_mini_program;
    let said_of = |from: &str| v1::Entry {
        session_from: from.into(),
        ..bare()
    };
    let mut state = state();
    let mut shown = |entry, customer_spoke| shown(&mut state, entry, customer_spoke);
    assert_eq!(shown(None, false), None);
    assert_eq!(shown(Some(bare()), false), Some(bare()));
    assert_eq!(shown(None, true), Some(bare()));
    assert_eq!(shown(Some(said_of("a")), false), Some(said_of("a")));
    for entry in [None, Some(bare()), None] {
        assert_eq!(shown(entry, false), Some(said_of("a")), "it still counts");
    }
}

#[test]
fn a_tap_in_the_menu_takes_the_place_of_another_and_of_nothing_that_says_more() {
    use crate::entry::{from_menu_key, from_qr_scene};
    let tap = |key: &str| from_menu_key(key, false);
    let (code, told) = (from_qr_scene("7", false), tap("p=vip7"));
    for (before, comes, then) in [
        (None, tap("CONTACT"), tap("CONTACT")),
        (Some(tap("PRICES")), tap("CONTACT"), tap("CONTACT")),
        (Some(code.clone()), tap("CONTACT"), code.clone()),
        (Some(code.clone()), told.clone(), told.clone()),
        (Some(code.clone()), tap("{broken"), code.clone()),
        (Some(tap("CONTACT")), code.clone(), code.clone()),
        (Some(told.clone()), code.clone(), code),
    ] {
        let mut state = state();
        let mut shown = |entry, customer_spoke| shown(&mut state, entry, customer_spoke);
        if before.is_some() {
            shown(before.clone(), false);
        }
        assert_eq!(shown(Some(comes.clone()), false), Some(comes.clone()), "its own event");
        assert_eq!(shown(None, true), Some(then), "{before:?} and then {comes:?}");
    }
}

#[test]
fn who_the_customer_is_and_was_stands_in_every_event() {
    let mut state = state();
    state.know(&v1::Identity {
        display_name: "Li".into(),
        ..Default::default()
    });
    let mut known = arrival(said("x"));
    known.customer.aliases = [("unionid".to_owned(), "u1".to_owned())].into();
    let shown = append(&mut state, &known).conversation.expect("one").customer;
    let shown = shown.expect("somebody");
    assert_eq!((shown.display_name.as_str(), shown.native_id.as_str()), ("Li", "o1"));
    assert_eq!(shown.aliases, known.customer.aliases);
    let changed = Body::Signal(v1::Signal {
        r#type: v1::signal::Type::IdentityChanged as i32,
        subject: Some(customer("o0")),
        ..Default::default()
    });
    append(&mut state, &arrival(changed));
    let later = append(&mut state, &arrival(said("x"))).conversation.expect("one");
    assert_eq!(later.previous_keys, ["official_account:wx1:u:o0"]);
}

#[test]
fn a_gap_without_a_range_stands_for_itself_and_another_for_its_range() {
    let mut state = state();
    append(&mut state, &arrival(said("x")));
    for (told, shown) in [((0, 0), (2, 2)), ((4, 9), (4, 9))] {
        let gap = v1::Gap {
            from_seq: told.0,
            to_seq: told.1,
            detail: "lost".into(),
            ..Default::default()
        };
        let Some(Body::Gap(gap)) = append(&mut state, &arrival(Body::Gap(gap))).body else {
            panic!("a gap")
        };
        assert_eq!(((gap.from_seq, gap.to_seq), gap.detail.as_str()), (shown, "lost"));
    }
}

#[test]
fn an_account_that_changed_is_the_states_from_then_on() {
    let mut state = state();
    let mut moved = arrival(said("x"));
    Arc::make_mut(&mut moved.account).via = "platform".into();
    append(&mut state, &moved);
    assert_eq!(state.view().account.expect("one").via, "platform");
}

/// A grant of a message that the customer sent then.
fn window(at: Millis) -> Grant {
    Grant {
        trigger: "message".into(),
        remaining: Some(5),
        expires: at + 1_000_000,
        ..Grant::default()
    }
}

#[test]
fn what_comes_late_takes_nothing_from_what_came_since() {
    let mut state = state();
    let says = |at: Millis| Arrival {
        platform_time: Some(at),
        grant: Some(window(at).into()),
        customer_acted: true,
        customer_spoke: true,
        ..arrival(said("hello"))
    };
    append(&mut state, &says(T - 1_000));
    state.ledger_mut().spend(3, T);
    for at in [T - 2_000, T - 2_000_000] {
        let late = append(&mut state, &says(at));
        assert!(late.late, "{at}");
        assert_eq!(late.allowances[0].remaining, Some(2), "counted on, {at}");
        assert_eq!(late.allowances[0].expires, Some(Timestamp::from_millis(T + 999_000)));
    }
    let last = state.view().last_customer_message_time;
    assert_eq!(
        last,
        Some(Timestamp::from_millis(T - 1_000)),
        "as the platform tells it"
    );
    // Of another kind, and still open: it counts.
    let menu = Arrival {
        grant: Some(
            Grant {
                trigger: "menu".into(),
                ..window(T - 3_000)
            }
            .into(),
        ),
        ..says(T - 3_000)
    };
    assert_eq!(append(&mut state, &menu).allowances.len(), 2);
    // What is new counts anew.
    assert_eq!(append(&mut state, &says(T)).allowances[1].remaining, Some(5));
}

#[test]
fn a_push_that_was_overtaken_undoes_nothing_that_came_since() {
    let entry = |scene: &str| {
        Some(Box::new(v1::Entry {
            scene: scene.into(),
            ..Default::default()
        }))
    };
    let at = |at: Millis| Arrival {
        platform_time: Some(at),
        ..arrival(said("x"))
    };
    let message = |opened: Millis, happened: Millis| Arrival {
        // As a push: its grant counts from when it came.
        grant: Some(Opening::from(window(opened)).late_by(opened - happened)),
        customer_acted: true,
        customer_spoke: true,
        ..at(happened)
    };
    let leaves = |happened: Millis| Arrival {
        unfollowed: true,
        ..at(happened)
    };
    let mut state = state();
    append(
        &mut state,
        &Arrival {
            entry: entry("new"),
            ..at(T - 2_000)
        },
    );
    append(
        &mut state,
        &Arrival {
            entry: entry("old"),
            ..at(T - 3_000)
        },
    );
    append(&mut state, &message(T, T - 1_000));
    state.ledger_mut().spend(4, T);
    // All of it happened before, and comes now.
    let late = append(&mut state, &message(T, T - 1_500));
    assert_eq!((late.late, late.allowances[0].remaining), (true, Some(1)));
    assert_eq!(append(&mut state, &leaves(T - 3_000)).allowances[0].remaining, Some(1));
    let captured = Arrival {
        session: Some(SessionEffect::Captured { servicer: "kf1".into() }),
        ..at(T - 3_000)
    };
    assert!(append(&mut state, &captured).late);
    assert_ne!(state.session_state(), SessionState::Human);
    assert_eq!(append(&mut state, &at(T)).entry.expect("one").scene, "new");
    // Who left is not back because of what they said before.
    append(&mut state, &leaves(T + 1_000));
    append(&mut state, &message(T, T - 500));
    assert_eq!(state.ledger_mut().standing(T), ledger::Standing::Unfollowed);
    // A time that says nothing is no reason to disbelieve what came.
    append(&mut state, &message(T, T + 2_000));
    append(&mut state, &leaves(1_408_090_502_000));
    assert_eq!(state.ledger_mut().standing(T), ledger::Standing::Unfollowed);
}
