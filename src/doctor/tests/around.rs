//! What the doctor says of cores, of receivers of copies, of strangers, and of an address that the platform does not name.

use std::collections::BTreeMap;

use super::{HOUR, find, look};
use crate::{
    cores::{Core, Cores},
    doctor::{Doctor, Finding, Lang, Level},
    error::{Code, Fault},
    schema::v1,
    web::{
        needs::{Copies, CoreLinks, CoreState, Lag},
        testing::{House, NOW, core},
    },
};

#[tokio::test]
async fn copies_that_do_not_arrive_are_told_and_so_is_the_switch() {
    let house = House::new().await;
    house.bind();
    let copies = |kind, failures, waits: Option<i64>, lost| Copies {
        forwarder: "archive".into(),
        kind,
        failures,
        last_error: "answered 503".into(),
        waiting_since: waits.map(|waits| NOW - waits),
        lost,
    };
    let levels = async |all: Vec<Copies>| {
        *house.parts.copies.lock().expect("lock") = all;
        let findings = look(&house, Lang::En).await;
        let of_copies = findings.into_iter().filter(|it| it.id.starts_with("forwarder"));
        of_copies.map(|it| (it.id, it.level, it.seen)).collect::<Vec<_>>()
    };
    assert_eq!(levels(Vec::new()).await, []);
    for (all, level, seen) in [
        (vec![copies("msg", 0, Some(900), 0)], Level::Green, "nothing waits"),
        // The failures of a receiver that has everything by now are of the past.
        (vec![copies("msg", 3, None, 0)], Level::Green, "nothing waits"),
        (
            vec![copies("msg", 0, Some(61_000), 0)],
            Level::Yellow,
            "of type msg wait for 61 s",
        ),
        (
            vec![copies("msg", 0, Some(70_000), 0), copies("user", 2, Some(1_000), 0)],
            Level::Yellow,
            "2 posts of type user failed in a row, copies wait for 1 s: answered 503",
        ),
        (vec![copies("msg", 9, Some(601_000), 0)], Level::Red, "wait for 601 s"),
        (vec![copies("msg", 0, None, 7)], Level::Red, "7 records were forgotten"),
    ] {
        let found = levels(all).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].1 == level && found[0].2.contains(seen), "{found:?}");
    }
    *house.parts.unprotected.lock().expect("lock") = true;
    let found = levels(vec![copies("msg", 0, None, 0)]).await;
    assert_eq!((found[0].0, found[0].1), ("forwarder-switch", Level::Yellow));
    assert!(levels(Vec::new()).await.is_empty(), "nobody gets copies");
    *house.parts.copies.lock().expect("lock") = vec![copies("msg", 1, Some(1_000), 0)];
    let zh = look(&house, Lang::Zh).await;
    assert!(find(&zh, "forwarder").seen.contains("连续 1 次发送失败"));
}

/// A core that is up, unless it says otherwise, and for which something waits since then, or nothing.
#[derive(Default)]
struct Up {
    oldest: Option<i64>,
    state: Option<&'static str>,
    last_error: Option<&'static str>,
}

impl CoreLinks for Up {
    fn lag(&self) -> BTreeMap<String, Lag> {
        let lag = |oldest| Lag {
            events: 1,
            oldest: Some(oldest),
        };
        self.oldest
            .map(|oldest| ("main".to_owned(), lag(oldest)))
            .into_iter()
            .collect()
    }
    fn state(&self, _: &str) -> CoreState {
        CoreState {
            state: self.state.unwrap_or("up"),
            last_error: self.last_error.unwrap_or("it hung up").into(),
            ..CoreState::default()
        }
    }
}

#[tokio::test]
async fn of_a_core_that_is_up_and_takes_nothing_the_reason_is_told() {
    let house = House::new().await;
    house.bind();
    for (oldest, level, reason) in [
        (None, Level::Green, false),
        (Some(NOW - 59_000), Level::Green, false),
        (Some(NOW - 61_000), Level::Yellow, true),
    ] {
        let doctor = Doctor {
            links: std::sync::Arc::new(Up {
                oldest,
                ..Up::default()
            }),
            ..in_a_hurry(&house, 1_000)
        };
        let findings = doctor.examine(None, Lang::En).await;
        let found = find(&findings, "core");
        assert_eq!(
            (found.level, found.seen.contains("it hung up")),
            (level, reason),
            "{found:?}"
        );
    }
}

/// What is found of a core that is so.
async fn core_finding(house: &House, link: Up) -> Finding {
    let doctor = Doctor {
        links: std::sync::Arc::new(link),
        ..in_a_hurry(house, 1_000)
    };
    find(&doctor.examine(None, Lang::En).await, "core").clone()
}

#[tokio::test]
async fn a_core_that_takes_nothing_of_what_it_is_offered_is_told_of_at_once() {
    let house = House::new().await;
    house.bind();
    let waits = || Up {
        oldest: Some(NOW - 1_000),
        ..Up::default()
    };
    let observer = &house.state.observer;
    observer.offered("main", "e1", 1, "retry", 5.0);
    let found = core_finding(&house, waits()).await;
    assert!(
        found.level == Level::Yellow && found.seen.contains("it hung up"),
        "{found:?}"
    );
    let found = core_finding(&house, Up::default()).await;
    assert_eq!(found.level, Level::Green, "nothing waits for it: {found:?}");
    observer.offered("main", "e2", 1, "taken", 5.0);
    let found = core_finding(&house, waits()).await;
    assert!(
        found.level == Level::Green && !found.seen.contains("it hung up"),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_core_that_was_never_called_is_not_said_to_be_up() {
    let house = House::new().await;
    house.bind();
    let state = Some("unknown");
    let found = core_finding(&house, Up { state, ..Up::default() }).await;
    assert!(found.seen.contains("not called since the start"), "{found:?}");
}

#[tokio::test]
async fn a_core_that_refuses_our_key_is_told_so() {
    let house = House::new().await;
    house.bind();
    for (why, key) in [("the core answered 401", true), ("the core answered 404", false)] {
        let link = Up {
            state: Some("down"),
            last_error: Some(why),
            ..Up::default()
        };
        let found = core_finding(&house, link).await;
        assert_eq!(
            (found.level, found.act.contains("secrets")),
            (Level::Red, key),
            "{found:?}"
        );
    }
}

/// The doctor of a house whose core must answer within `reply_budget`.
fn in_a_hurry(house: &House, reply_budget: i64) -> Doctor {
    let of = &house.state.doctor;
    let core = Core {
        reply_budget,
        ..core("main")
    };
    Doctor {
        clock: of.clock.clone(),
        store: of.store.clone(),
        registry: of.registry.clone(),
        observer: of.observer.clone(),
        cores: Cores([core].into()),
        links: std::sync::Arc::<Up>::default(),
        probes: of.probes.clone(),
        forwarding: of.forwarding.clone(),
        shelf: of.shelf.clone(),
        state_folder: of.state_folder.clone(),
        reserve: of.reserve,
        cloud: of.cloud,
        public_urls: of.public_urls.clone(),
        chance: of.chance.clone(),
    }
}

#[tokio::test]
async fn a_core_that_was_late_is_green_once_it_answers_in_time_again() {
    let house = House::new().await;
    house.bind();
    let doctor = in_a_hurry(&house, 1_000);
    let level = async || find(&doctor.examine(None, Lang::En).await, "core").level;
    let observer = &house.state.observer;
    observer.offered("main", "e1", 1, "taken", 400.0);
    assert_eq!(level().await, Level::Green);
    observer.offered("main", "e2", 1, "taken", 1_400.0);
    assert_eq!(level().await, Level::Yellow);
    house.clock.advance(std::time::Duration::from_secs(HOUR / 2));
    assert_eq!(level().await, Level::Yellow, "nobody has asked it since");
    observer.offered("main", "e3", 1, "taken", 20.0);
    assert_eq!(level().await, Level::Green, "it was mended");
}

#[tokio::test]
async fn strangers_are_told_of_for_a_day() {
    let house = House::new().await;
    house.bind();
    let told = async || {
        let findings = look(&house, Lang::En).await;
        let found = findings.iter().find(|it| it.id == "strangers");
        found.is_some_and(|it| !it.means.is_empty() && !it.act.is_empty() && !it.place.is_empty())
    };
    let stranger = Fault::new(Code::AccountUnknown, "no account \"shpo\"");
    house.state.observer.callback_refused("", &stranger);
    house.clock.advance(std::time::Duration::from_secs(24 * HOUR - 1));
    assert!(told().await);
    house.clock.advance(std::time::Duration::from_secs(1));
    assert!(!told().await);
}

#[tokio::test]
async fn an_address_that_the_platform_does_not_name_is_told_in_words() {
    let house = House::new().await;
    house.bind();
    *house.parts.token.lock().expect("lock") = Some(v1::Error {
        code: Code::IpNotAllowed.name().into(),
        platform_code: 89503,
        platform_message: "need admin confirm".into(),
        ..Default::default()
    });
    for (lang, act) in [
        (Lang::En, "add the bridge's outgoing address to the IP allow-list"),
        (Lang::Zh, "将本服务的出口 IP 加入 IP 白名单"),
    ] {
        let findings = look(&house, lang).await;
        let allow = find(&findings, "allow-list");
        assert_eq!(allow.act, act);
        assert!(
            !allow.seen.contains('?') && allow.seen.contains("89503"),
            "{}",
            allow.seen
        );
    }
}

#[tokio::test]
async fn an_account_that_no_core_hears_is_told_of() {
    use crate::cores::Match;
    let house = House::new().await;
    house.bind();
    let list = |entry: &str| vec![entry.to_owned()];
    let cases = [
        (Match::default(), false),
        (
            Match {
                accounts: list("shop*"),
                sub_ids: list("wk1"),
                ..Match::default()
            },
            false,
        ),
        (
            Match {
                accounts: list("other"),
                ..Match::default()
            },
            true,
        ),
        (
            Match {
                channels: list("wechat_kf"),
                ..Match::default()
            },
            true,
        ),
    ];
    for (matches, unheard) in cases {
        let core = Core {
            matches,
            ..core("main")
        };
        let doctor = Doctor {
            cores: Cores([core].into()),
            ..in_a_hurry(&house, 1_000)
        };
        let findings = doctor.examine(Some("shop"), Lang::En).await;
        let told = findings.iter().find(|it| it.id == "core");
        assert_eq!(told.map(|it| it.level), unheard.then_some(Level::Yellow), "{told:?}");
    }
}
