//! Is a state that was not written brought back by its events?

use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::{channels::contract::SessionEffect, schema::v1::event::Body};

const T: Millis = 1_766_200_000_000;
const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;

/// What may happen in a conversation.
#[derive(Clone, Debug)]
enum Happens {
    Says,
    Taps,
    Scans(u8),
    Enters,
    Follows,
    Leaves,
    Told(SessionEffect),
    Ordered(SessionState),
    /// An event of ours.
    Ours,
    /// A message of ours went by the API, and is committed with the state.
    Sent,
}

fn happens() -> impl Strategy<Value = Happens> {
    use Happens::*;
    let servicer = || String::from("kf1");
    let moved = |state| SessionEffect::Moved {
        state,
        servicer: if state == SessionState::Human {
            servicer()
        } else {
            String::new()
        },
    };
    prop_oneof![
        4 => Just(Says),
        2 => Just(Taps),
        2 => (0..3u8).prop_map(Scans),
        1 => Just(Enters),
        1 => Just(Follows),
        1 => Just(Leaves),
        1 => Just(Told(SessionEffect::Captured { servicer: servicer() })),
        1 => Just(Told(SessionEffect::Released)),
        1 => Just(Told(SessionEffect::Ended)),
        1 => Just(Told(SessionEffect::Kept)),
        1 => Just(Told(moved(SessionState::Human))),
        1 => Just(Told(moved(SessionState::Ended))),
        1 => Just(Ordered(SessionState::Queued)),
        1 => Just(Ours),
        2 => Just(Sent),
    ]
}

/// How long after what was before it, and how long before it came it happened.
fn when() -> impl Strategy<Value = (Millis, Millis)> {
    let after = prop_oneof![
        Just(0),
        Just(1),
        Just(30_000),
        Just(HOUR),
        Just(47 * HOUR),
        Just(49 * HOUR)
    ];
    let late_by = prop_oneof![4 => Just(0), 1 => Just(2_000), 1 => Just(5 * MINUTE), 1 => Just(20 * MINUTE)];
    (after, late_by)
}

fn grant(trigger: &str, count: u32, expires: Millis) -> Option<Opening> {
    Some(Opening::from(Grant {
        trigger: trigger.into(),
        remaining: Some(count),
        expires,
        ..Default::default()
    }))
}

fn signal() -> Body {
    Body::Signal(v1::Signal::default())
}

fn arrival(state: &State, what: &Happens, now: Millis, late_by: Millis) -> Option<Arrival> {
    let of = |body| Arrival {
        platform_time: Some(now - late_by),
        rules: Rules {
            session_idle: 48 * HOUR,
        },
        ..Arrival::of_ours(state.view(), None, body)
    };
    let acts = |body, opens: Option<Opening>| Arrival {
        customer_acted: true,
        grant: opens.map(|it| it.late_by(late_by)),
        ..of(body)
    };
    Some(match what {
        Happens::Says => Arrival {
            customer_spoke: true,
            ..acts(
                Body::Message(v1::Message {
                    origin: v1::message::Origin::CustomerSent as i32,
                    ..Default::default()
                }),
                grant("message", 5, now + 48 * HOUR),
            )
        },
        Happens::Taps => acts(
            Body::Interaction(v1::Interaction::default()),
            grant("menu", 3, now + MINUTE),
        ),
        Happens::Scans(scene) => Arrival {
            entry: Some(Box::new(v1::Entry {
                scene: scene.to_string(),
                ..Default::default()
            })),
            ..acts(signal(), grant("scan", 3, now + MINUTE))
        },
        Happens::Enters => acts(signal(), None),
        Happens::Follows => acts(signal(), grant("follow", 3, now + MINUTE)),
        Happens::Leaves => Arrival {
            unfollowed: true,
            ..of(signal())
        },
        Happens::Told(effect) => Arrival {
            session: Some(effect.clone()),
            ..of(signal())
        },
        Happens::Ordered(into) => Arrival {
            session: Some(SessionEffect::Moved {
                state: *into,
                servicer: String::new(),
            }),
            ordered: Some(now),
            platform_time: None,
            ..of(signal())
        },
        Happens::Ours => Arrival {
            platform_time: None,
            ..of(Body::Delivery(v1::DeliveryUpdate::default()))
        },
        Happens::Sent => return None,
    })
}

/// All that a later decision may rest on, at that time.
fn known(state: &State, now: Millis) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut ledger = state.ledger.clone().unwrap_or_default();
    let standing = ledger.standing(now);
    // What is over opens nothing any more.
    ledger.grants.retain(|grant| grant.expires > now);
    ledger.grants.sort_by(|a, b| a.trigger.cmp(&b.trigger));
    let rest = State {
        ledger: None,
        ..state.clone()
    };
    (standing, ledger, rest)
}

proptest! {
    #[test]
    fn a_state_that_was_not_written_comes_back_out_of_its_events(steps in prop::collection::vec((happens(), when()), 1..24)) {
        let account = v1::Account::default();
        let scope = v1::conversation::Scope::Direct;
        let mut lives = State::begin(&account, "official_account:wx1:u:o1", v1::Identity::default(), scope, 7);
        let (mut written, mut since, mut now) = (lives.clone(), Vec::new(), T);
        for (step, (what, (after, late_by))) in steps.iter().enumerate() {
            now += after;
            let write = match arrival(&lives, what, now, *late_by) {
                Some(arrival) => {
                    let stamp = Stamp { now, epoch: 7, id: format!("e{step}") };
                    let appended = lives.append(&arrival, &stamp, false);
                    since.push(v1::Event::decode(appended.event).expect("an event"));
                    appended.write_state
                }
                None => {
                    lives.ledger_mut().spend(1, now);
                    true
                }
            };
            if write {
                written = lives.clone();
            }
            let mut again = written.clone();
            for event in &since {
                let news = again.replay(event);
                prop_assert_eq!(news, event.seq > written.seq);
            }
            prop_assert_eq!(known(&again, now), known(&lives, now), "after {:?}", what);
        }
    }
}
