//! What does a state say of itself, and what changes it beside what is appended?

use super::*;
use crate::schema::v1::event::Body;

const T: Millis = 1_766_200_000_000;

fn state() -> State {
    let scope = v1::conversation::Scope::Direct;
    let account = v1::Account::default();
    State::begin(&account, "wecom_app:ww1:7:u:li", v1::Identity::default(), scope, 7)
}

fn first_seq(state: &State) -> u32 {
    state.view().first_seq
}

fn event(epoch: u32, seq: u32, body: Body) -> v1::Event {
    v1::Event {
        epoch,
        seq,
        conversation: Some(v1::Conversation {
            key: "as the event shows it".into(),
            ..Default::default()
        }),
        platform_time: Some(Timestamp::from_millis(T)),
        accepted_time: Some(Timestamp::from_millis(T + 500)),
        body: Some(body),
        ..Default::default()
    }
}

fn said(origin: v1::message::Origin) -> Body {
    Body::Message(v1::Message {
        origin: origin as i32,
        ..Default::default()
    })
}

#[test]
fn news_of_who_somebody_is_is_told_from_what_was_known() {
    let mut state = state();
    let known = v1::Identity {
        display_name: "Li".into(),
        aliases: [("unionid".to_owned(), "u1".to_owned())].into(),
        ..Default::default()
    };
    assert!(state.know(&known));
    assert!(!state.know(&known), "said once more");
    let portrait = v1::Identity {
        avatar_url: "https://a".into(),
        ..Default::default()
    };
    assert!(state.know(&portrait));
    let customer = state.view().customer.expect("one");
    assert_eq!(
        (customer.display_name.as_str(), customer.avatar_url.as_str()),
        ("Li", "https://a")
    );
    assert_eq!(customer.aliases["unionid"], "u1", "what is not said stays");
}

#[test]
fn a_later_epoch_counts_from_one_and_the_same_goes_on() {
    let mut state = state();
    (state.seq, state.conversation_mut().first_seq) = (9, 4);
    state.enter_epoch(7);
    assert_eq!((state.seq, first_seq(&state)), (9, 4));
    state.enter_epoch(8);
    assert_eq!((state.epoch, state.seq, first_seq(&state)), (8, 0, 1));
}

#[test]
fn a_core_begins_with_what_waits_or_with_what_comes_next() {
    let mut state = state();
    state.seq = 5;
    state.give_to("main", None);
    assert_eq!(first_seq(&state), 6);
    state.give_to("main", Some(2));
    assert_eq!(first_seq(&state), 6, "it has it already");
    state.give_to("other", Some(3));
    assert_eq!((first_seq(&state), state.usual_core()), (3, "other"));
}

#[test]
fn after_a_pause_the_core_that_had_it_goes_on_and_another_begins() {
    let paused = |wanted: &str| {
        let mut state = state();
        state.seq = 5;
        state.give_to("main", Some(2));
        state.take_away(wanted, None);
        assert_eq!(
            (state.core.as_str(), state.usual_core(), first_seq(&state)),
            ("", "main", 2)
        );
        state
    };
    let mut back = paused("main");
    back.give_to("main", Some(5));
    assert_eq!(first_seq(&back), 2, "it has had the first already");
    assert_eq!(back.core_before_pause, "", "nothing is left of the pause");
    back.give_to("other", Some(5));
    back.give_to("main", Some(6));
    assert_eq!(first_seq(&back), 6, "to another and back is no pause");

    let mut other = paused("main");
    other.give_to("other", Some(5));
    assert_eq!(first_seq(&other), 5);

    // While it is paused, the rules change.
    let mut moved = paused("main");
    moved.take_away("main", Some(4));
    assert_eq!(first_seq(&moved), 2, "the same core is wanted");
    moved.take_away("", Some(4));
    assert_eq!((moved.usual_core(), first_seq(&moved)), ("main", 2), "none is wanted");
    moved.take_away("other", None);
    assert_eq!((moved.usual_core(), first_seq(&moved)), ("other", 6));
    moved.give_to("other", Some(3));
    assert_eq!(first_seq(&moved), 6, "it was told where it begins");

    let mut nobodys = state();
    nobodys.take_away("main", Some(3));
    assert_eq!(
        (nobodys.usual_core(), first_seq(&nobodys)),
        ("main", 1),
        "nobody had it"
    );
}

#[test]
fn an_event_is_repeated_once_and_only_in_its_epoch() {
    let mut state = state();
    state.seq = 3;
    let before = state.clone();
    for (epoch, seq) in [(6, 4), (8, 4), (7, 3), (7, 2)] {
        let old = event(epoch, seq, said(v1::message::Origin::CustomerSent));
        assert!(!state.replay(&old), "{epoch} {seq}");
        assert_eq!(state, before);
    }
    assert!(state.replay(&event(7, 4, said(v1::message::Origin::CustomerSent))));
    assert_eq!((state.seq, state.key()), (4, "as the event shows it"));
    assert_eq!(
        (state.last_platform_time, state.last_act, state.spoke),
        (T, T + 500, true)
    );
}

#[test]
fn what_others_said_is_no_act_of_the_customer() {
    let mut state = state();
    assert!(state.replay(&event(7, 1, said(v1::message::Origin::StaffSentOnPlatform))));
    assert_eq!((state.last_act, state.spoke), (0, false));
    assert!(state.replay(&event(7, 2, Body::Interaction(v1::Interaction::default()))));
    assert_eq!(
        (state.last_act, state.spoke),
        (T + 500, false),
        "a tap is an act, and says nothing"
    );
}

#[test]
fn an_event_that_cannot_be_read_keeps_its_number() {
    let mut state = state();
    state.seq = 3;
    for (epoch, seq) in [(6, 9), (8, 9), (7, 3)] {
        assert!(!state.passes(epoch, seq), "{epoch} {seq}");
    }
    assert_eq!(state.seq, 3);
    assert!(state.passes(7, 5));
    assert_eq!(state.seq, 5);
}

#[test]
fn a_key_that_was_changed_is_named_once() {
    let mut state = state();
    let becomes = |old: &str| {
        let signal = v1::Signal {
            r#type: v1::signal::Type::IdentityChanged as i32,
            subject: Some(v1::Identity {
                native_id: old.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        Arrival::of_ours(state.view(), None, Body::Signal(signal))
    };
    let arrivals = [becomes("wang"), becomes("wang"), becomes("Li"), becomes("zhao")];
    for (number, arrival) in arrivals.iter().enumerate() {
        let stamp = Stamp {
            now: T,
            epoch: 7,
            id: format!("e{number}"),
        };
        state.append(arrival, &stamp, false);
    }
    assert_eq!(
        state.view().previous_keys,
        ["wecom_app:ww1:7:u:wang", "wecom_app:ww1:7:u:zhao"]
    );
}

#[test]
fn the_trace_of_an_event_of_ours_is_made_of_an_id_that_can_be_one() {
    let trace = |id: &str| {
        let stamp = Stamp {
            now: T,
            epoch: 7,
            id: id.into(),
        };
        stamp.trace()
    };
    let id = "0197e9a3-7b7b-7fff-bfff-ff000012d687";
    assert_eq!(trace(id), "00-0197e9a37b7b7fffbfffff000012d687-bfffff000012d687-00");
    for other in ["e1", "0197e9a37b7b7fffbf", &format!("{id}00")] {
        assert_eq!(trace(other), "", "{other}");
    }
}
