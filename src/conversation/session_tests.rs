//! Whose word about the platform's session counts, that of our order or that of the item pulled behind it?

use prost::Message as _;

use super::*;
use crate::schema::v1::event::Body;

const T: Millis = 1_766_200_000_000;

struct Talk {
    state: State,
    next: u32,
}

impl Talk {
    fn new() -> Self {
        let account = v1::Account::default();
        let scope = v1::conversation::Scope::Direct;
        Self {
            state: State::begin(&account, "wechat_kf:ww1:wk1:u:wm1", v1::Identity::default(), scope, 1),
            next: 0,
        }
    }

    /// A move of the session; the state after it, and whether the event is marked as late.
    fn moves(
        &mut self,
        before: SessionState,
        after: SessionState,
        item: Option<Millis>,
        order: Option<Millis>,
    ) -> (SessionState, bool) {
        let signal = v1::Signal {
            session: Some(v1::SessionChange {
                before: before as i32,
                after: after as i32,
                ..Default::default()
            }),
            ..Default::default()
        };
        let mut arrival = Arrival::of_ours(self.state.view(), None, Body::Signal(signal));
        arrival.session = Some(SessionEffect::Moved {
            state: after,
            servicer: String::new(),
        });
        (arrival.platform_time, arrival.ordered) = (item, order);
        self.next += 1;
        let stamp = Stamp {
            now: T,
            epoch: 1,
            id: format!("e{}", self.next),
        };
        let appended = self.state.append(&arrival, &stamp, false);
        let event = v1::Event::decode(appended.event).expect("an event");
        assert_eq!(event.seq, self.next, "told in any case");
        (self.state.session_state(), event.late)
    }

    fn ordered(&mut self, into: SessionState, at: Millis) -> SessionState {
        self.moves(self.state.session_state(), into, None, Some(at)).0
    }

    fn told(&mut self, before: SessionState, after: SessionState, at: Millis) -> (SessionState, bool) {
        self.moves(before, after, Some(at), None)
    }
}

use SessionState::{Assistant, Ended, Human, Queued};

#[test]
fn what_a_servicer_did_before_our_order_does_not_undo_it_and_what_they_do_after_it_counts() {
    let mut talk = Talk::new();
    assert_eq!(talk.ordered(Ended, T + 5_400), Ended);
    assert_eq!(
        talk.told(Queued, Human, T + 4_000),
        (Ended, true),
        "taken before the end"
    );
    assert_eq!(
        talk.told(Ended, Human, T + 1_000),
        (Ended, true),
        "of an end long before"
    );
    assert_eq!(talk.told(Ended, Human, T + 9_000), (Human, false), "opened again");
}

#[test]
fn where_the_clocks_cannot_tell_a_change_counts_that_begins_where_the_order_left_the_session() {
    let mut talk = Talk::new();
    talk.ordered(Queued, T + 5_400);
    assert_eq!(
        talk.told(Human, Ended, T + 5_000),
        (Queued, true),
        "of the session before"
    );
    assert_eq!(
        talk.told(Queued, Human, T + 5_000),
        (Human, false),
        "taken out of our queue"
    );
    assert_eq!(
        talk.told(Human, Ended, T + 5_000),
        (Ended, false),
        "and ended, all in one second"
    );
    talk.ordered(Queued, T + 8_000);
    let ahead = talk.told(Human, Ended, T + 9_000);
    assert_eq!(ahead.0, Queued, "by a clock that is ahead");
    let behind = talk.told(Queued, Human, T + 7_000);
    assert_eq!(behind.0, Human, "by a clock that is behind");
}

#[test]
fn of_two_items_the_later_counts_whatever_the_order_they_come_in() {
    let mut talk = Talk::new();
    talk.told(Queued, Human, T);
    talk.told(Human, Ended, T + 9_000);
    assert_eq!(talk.told(Human, Human, T + 3_000), (Ended, true));
}

#[test]
fn an_order_whose_answer_is_kept_behind_a_later_item_does_not_undo_the_item() {
    let mut talk = Talk::new();
    talk.told(Ended, Human, T + 7_000);
    assert_eq!(talk.ordered(Ended, T + 4_000), Human);
    let close = talk.ordered(Assistant, T + 6_000);
    assert_eq!(close, Assistant, "where the clocks cannot tell, the order is news");
}

#[test]
fn what_only_we_said_began_no_session_of_the_platforms() {
    let mut talk = Talk::new();
    let stamp = |id: &str| Stamp {
        now: T,
        epoch: 1,
        id: id.into(),
    };
    let view = talk.state.view();
    let ours = Arrival::of_ours(view.clone(), None, Body::Signal(v1::Signal::default()));
    talk.state.append(&ours, &stamp("e1"), false);
    assert_eq!(talk.state.session_state(), Assistant);
    let mut says = Arrival::of_ours(view, None, Body::Message(v1::Message::default()));
    says.session = Some(SessionEffect::Kept);
    (says.customer_acted, says.customer_spoke) = (true, true);
    talk.state.append(&says, &stamp("e2"), false);
    assert_eq!(talk.state.session_state(), SessionState::New);
    assert_eq!(talk.state.view().session_id, "e2");
    talk.state.assistant_spoke();
    talk.state.append(&says, &stamp("e3"), false);
    assert_eq!(
        (talk.state.session_state(), talk.state.view().session_id.as_str()),
        (Assistant, "e2")
    );
}

#[test]
fn a_message_that_went_through_says_that_nobody_else_has_the_session() {
    let mut talk = Talk::new();
    for held in [Human, Queued] {
        assert_eq!(talk.told(Assistant, held, T).0, held);
        talk.state.assistant_spoke();
        assert_eq!(
            (talk.state.session_state(), talk.state.view().servicer),
            (Assistant, None)
        );
    }
    assert_eq!(talk.told(Assistant, Ended, T).0, Ended);
    talk.state.assistant_spoke();
    assert_eq!(talk.state.session_state(), Ended, "an end is told, and may be ours");
}

const IDLE: Millis = 48 * 3_600_000;

/// What a customer did, where sessions end after [`IDLE`].
fn acts(talk: &mut Talk, now: Millis, change: impl FnOnce(&mut Arrival)) -> v1::Event {
    let body = Body::Message(v1::Message::default());
    let mut arrival = Arrival::of_ours(talk.state.view(), None, body);
    arrival.rules.session_idle = IDLE;
    (arrival.customer_acted, arrival.customer_spoke) = (true, true);
    change(&mut arrival);
    talk.next += 1;
    let stamp = Stamp {
        now,
        epoch: 1,
        id: format!("e{}", talk.next),
    };
    let appended = talk.state.append(&arrival, &stamp, false);
    v1::Event::decode(appended.event).expect("an event")
}

fn session(event: &v1::Event) -> &str {
    event.conversation.as_ref().map_or("", |it| &it.session_id)
}

#[test]
fn a_session_ends_by_silence_and_only_where_that_is_wanted() {
    let mut talk = Talk::new();
    assert_eq!(session(&acts(&mut talk, T, |_| ())), "e1");
    assert_eq!(
        session(&acts(&mut talk, T + IDLE, |_| ())),
        "e1",
        "not longer than that"
    );
    assert_eq!(session(&acts(&mut talk, T + 2 * IDLE + 1, |_| ())), "e3");
    let never = |arrival: &mut Arrival| arrival.rules.session_idle = 0;
    assert_eq!(session(&acts(&mut talk, T + 1_000 * IDLE, never)), "e3");
    let ours = |arrival: &mut Arrival| (arrival.customer_acted, arrival.customer_spoke) = (false, false);
    assert_eq!(
        session(&acts(&mut talk, T + 2_000 * IDLE, ours)),
        "e3",
        "what others do begins none"
    );
}

#[test]
fn who_answers_our_first_words_is_in_their_session() {
    let mut talk = Talk::new();
    let ours = |arrival: &mut Arrival| (arrival.customer_acted, arrival.customer_spoke) = (false, false);
    acts(&mut talk, T, ours);
    assert_eq!(session(&acts(&mut talk, T + 2 * IDLE, |_| ())), "e1");
}

#[test]
fn a_new_session_knows_nothing_of_how_the_last_one_was_entered() {
    let came = |scene: &str| {
        Some(Box::new(v1::Entry {
            scene: scene.into(),
            ..Default::default()
        }))
    };
    let scene = |event: &v1::Event| event.entry.as_ref().map(|it| it.scene.clone());
    let mut talk = Talk::new();
    acts(&mut talk, T, |arrival| arrival.entry = came("first"));
    let later = T + 2 * IDLE;
    assert_eq!(scene(&acts(&mut talk, later, |_| ())), None, "the first is over");
    talk.told(Assistant, Ended, later);
    let scans = |arrival: &mut Arrival| {
        arrival.customer_spoke = false;
        arrival.entry = came("second");
    };
    assert_eq!(session(&acts(&mut talk, later + 1, scans)), "e4");
    let taps = |arrival: &mut Arrival| {
        arrival.customer_spoke = false;
        arrival.entry = came("third");
    };
    acts(&mut talk, later + 2, taps);
    assert_eq!(
        scene(&acts(&mut talk, later + 3, |_| ())),
        Some("third".into()),
        "until they have spoken in this session, the latest counts"
    );
}

#[test]
fn who_is_captured_is_released_by_the_platform_or_by_a_message_that_comes_to_us() {
    let mut talk = Talk::new();
    let told = |talk: &mut Talk, effect: SessionEffect| {
        let event = acts(talk, T, |arrival| {
            (arrival.customer_acted, arrival.customer_spoke) = (false, false);
            arrival.session = Some(effect);
        });
        let conversation = event.conversation.expect("one");
        let servicer = conversation.servicer.as_ref();
        (
            conversation.session_state(),
            servicer.map(|it| (it.native_id.clone(), it.kind())),
        )
    };
    let captured = || SessionEffect::Captured { servicer: "kf1".into() };
    let by = Some(("kf1".to_owned(), v1::identity::Kind::Staff));
    assert_eq!(told(&mut talk, captured()), (Human, by.clone()));
    assert_eq!(told(&mut talk, SessionEffect::Released), (Assistant, None));
    assert_eq!(told(&mut talk, captured()), (Human, by));
    let taps = |arrival: &mut Arrival| arrival.customer_spoke = false;
    acts(&mut talk, T, taps);
    assert_eq!(talk.state.session_state(), Human, "a tap is told whoever holds them");
    acts(&mut talk, T, |_| ());
    assert_eq!(
        (talk.state.session_state(), talk.state.view().servicer),
        (Assistant, None)
    );
    told(&mut talk, captured());
    assert_eq!(told(&mut talk, SessionEffect::Ended), (Ended, None));
    acts(&mut talk, T, |_| ());
    assert_eq!(
        talk.state.session_state(),
        Assistant,
        "who acts after an end begins anew"
    );
}

#[test]
fn what_two_clocks_of_the_platform_tell_apart() {
    let mut talk = Talk::new();
    assert_eq!(talk.ordered(Human, T), Human);
    assert_eq!(
        talk.ordered(Queued, T - CLOCKS_APART),
        Queued,
        "as good as the same moment"
    );
    assert_eq!(talk.ordered(Human, T), Human);
    assert_eq!(talk.ordered(Queued, T - CLOCKS_APART - 1), Human, "before it");
    assert_eq!(
        talk.told(Human, Ended, T - CLOCKS_APART),
        (Ended, false),
        "it begins here"
    );
    assert_eq!(talk.ordered(Human, T), Human);
    assert_eq!(talk.told(Human, Ended, T - CLOCKS_APART - 1), (Human, true));
}
