//! Is one walker enough for each place, and do none wait for ever?

use super::*;
use crate::pull::record::Known;

fn key(sub_id: &str) -> PlaceKey {
    PlaceKey {
        account: "kf".into(),
        account_key: "kf/ww1".into(),
        sub_id: sub_id.into(),
    }
}

fn desk(most: usize, places: &[&str]) -> Desk {
    let desk = Desk::new(most);
    for id in places {
        desk.found(key(id), Place::default(), 0);
    }
    desk
}

fn page(desk: &Desk, now: Millis) -> Option<String> {
    match desk.next(now)? {
        Job::Page(key) => Some(key.sub_id),
        Job::List(_) => None,
    }
}

#[test]
fn one_walker_per_place_a_few_at_a_time_and_a_long_backlog_keeps_none_waiting() {
    let desk = desk(2, &["a", "b", "c"]);
    let (one, two) = (page(&desk, 1).expect("a turn"), page(&desk, 1).expect("a turn"));
    assert_ne!(one, two);
    assert_eq!(page(&desk, 1), None, "two at a time");
    desk.rang(&key(&one), Mark::default(), 1);
    desk.ends(&Job::Page(key(&one)), After::Again, 2);
    let third = page(&desk, 2).expect("a turn");
    assert!(third != one && third != two, "the one that had no turn yet");
    desk.ends(&Job::Page(key(&two)), After::At(1_000), 3);
    assert_eq!(page(&desk, 3), Some(one));
    assert_eq!(page(&desk, 999), None);
}

#[test]
fn a_bell_during_a_turn_gives_exactly_one_more() {
    let desk = desk(1, &["a"]);
    let job = desk.next(1).expect("a turn");
    desk.look(&key("a")).expect("known");
    desk.rang(&key("a"), Mark::default(), 2);
    desk.rang(&key("a"), Mark::default(), 2);
    desk.ends(&job, After::At(1_000), 3);
    let job = desk.next(3).expect("once more");
    desk.look(&key("a")).expect("known");
    desk.ends(&job, After::At(1_000), 4);
    assert_eq!(desk.next(5), None);
    assert_eq!(desk.next_due(), Some(1_000));
}

#[test]
fn faults_wait_longer_each_time_and_no_bell_shortens_that() {
    let desk = desk(1, &["a"]);
    let mut now = 1;
    for pause in [1_000, 2_000, 4_000] {
        let job = desk.next(now).expect("a turn");
        desk.ends(&job, After::Fault, now);
        desk.rang(&key("a"), Mark::default(), now);
        assert_eq!(desk.next(now + pause - 1), None);
        now += pause;
    }
    assert!(desk.next(now).is_some());
}

#[test]
fn when_the_platform_complains_fewer_ask_at_a_time_for_a_while() {
    let desk = desk(4, &["a", "b", "c", "d"]);
    let job = desk.next(1).expect("a turn");
    desk.ends(&job, After::TooMany, 1);
    assert!(desk.next(1).is_some() && desk.next(1).is_some());
    assert_eq!(desk.next(1), None, "two of four");
    assert!(desk.next(1 + FEWER_FOR).is_some());
}

fn elsewhere(sub_id: &str) -> PlaceKey {
    PlaceKey {
        account: "other".into(),
        account_key: "other/ww2".into(),
        sub_id: sub_id.into(),
    }
}

#[test]
fn an_account_that_hangs_leaves_turns_to_the_others() {
    let desk = desk(3, &["a", "b", "c", "d"]);
    desk.found(elsewhere("x"), Place::default(), 5);
    let hanging = [desk.next(1), desk.next(1)].map(|job| job.expect("a turn"));
    assert_eq!(desk.next(1), None, "two of three");
    assert_eq!(desk.next_due(), Some(5), "while others of that account wait");
    assert_eq!(desk.next(5), Some(Job::Page(elsewhere("x"))));
    desk.ends(&Job::Page(elsewhere("x")), After::At(10), 6);
    assert_eq!(desk.next(6), None);
    for job in &hanging {
        desk.ends(job, After::Fault, 7);
    }
    assert!(page(&desk, 8).is_some());
    assert_eq!(desk.next(8), None, "one of three, until it is answered");
    assert_eq!(desk.next(10), Some(Job::Page(elsewhere("x"))));
}

#[test]
fn a_place_that_nobody_asks_any_more_costs_its_account_no_turns() {
    let hung = || {
        let desk = desk(3, &["a", "b", "c"]);
        desk.found(elsewhere("x"), Place::default(), 1_000_000);
        assert_eq!(desk.next(1), Some(Job::Page(key("a"))));
        desk.ends(&Job::Page(key("a")), After::Fault, 1);
        assert_eq!(desk.next(2), Some(Job::Page(key("b"))));
        assert_eq!(desk.next(2), None, "one at a time");
        desk
    };
    let unlisted = hung();
    unlisted.lists("kf/ww1", &["b".to_owned(), "c".to_owned()], 3);
    assert_eq!(unlisted.next(3), Some(Job::Page(key("c"))));

    let shut = hung();
    shut.ends(&Job::Page(key("b")), After::At(2_000), 3);
    assert_eq!(shut.next(1_001), Some(Job::Page(key("c"))));
    shut.ends(&Job::Page(key("c")), After::At(2_000), 1_001);
    assert_eq!(shut.next(1_001), Some(Job::Page(key("a"))));
    shut.ends(&Job::Page(key("a")), After::NotBefore(1_000_000), 1_002);
    assert!(shut.next(2_000).is_some() && shut.next(2_000).is_some());
}

#[test]
fn an_account_alone_has_all_turns() {
    let desk = desk(3, &["a", "b", "c", "d"]);
    let job = desk.next(1).expect("a turn");
    desk.ends(&job, After::Fault, 1);
    assert_eq!((0..4).filter(|_| desk.next(2).is_some()).count(), 3);
}

#[test]
fn a_clock_that_is_set_back_holds_up_nobody() {
    let desk = desk(1, &["a"]);
    let job = desk.next(3_600_000).expect("a turn");
    desk.ends(&job, After::At(3_660_000), 3_600_000);
    assert_eq!(desk.next(0), None);
    assert_eq!(desk.next_due(), Some(60_000));
    assert_eq!(desk.next(60_000), Some(job));
}

#[test]
fn a_place_that_is_no_longer_listed_has_no_turn_before_a_bell_rings_or_it_is_listed_again() {
    let desk = desk(1, &["a", "b"]);
    desk.lists("kf/ww1", &["a".to_owned()], 1);
    let job = desk.next(1).expect("a turn");
    assert_eq!(job, Job::Page(key("a")));
    desk.ends(&job, After::At(Millis::MAX - 1), 1);
    assert_eq!(desk.next(1_000_000), None, "nobody asks for b");
    desk.rang(&key("b"), Mark::default(), 1_000_000);
    assert_eq!(page(&desk, 1_000_000), Some("b".to_owned()));
    desk.ends(&Job::Page(key("b")), After::At(Millis::MAX - 1), 1_000_001);
    desk.lists("kf/ww1", &[], 1_000_002);
    desk.lists("kf/ww1", &["b".to_owned()], 1_000_003);
    assert_eq!(page(&desk, 1_000_003), Some("b".to_owned()));
}

#[test]
fn a_list_that_is_asked_for_while_one_is_under_way_is_asked_for_once_more() {
    let desk = desk(1, &[]);
    desk.remembered("kf/ww1", "kf", Known::default(), Vec::new(), 0);
    let job = desk.next(1).expect("a turn");
    assert!(desk.list_soon("kf", 1) && !desk.list_soon("another", 1));
    desk.ends(&job, After::At(1_000), 2);
    assert_eq!(desk.next(2), Some(job.clone()));
    desk.ends(&job, After::At(1_000), 3);
    assert_eq!(desk.next(4), None);
    desk.list_soon("kf", 5);
    assert_eq!(desk.next(5), Some(job));
}
