//! Is nothing lost, and nothing told twice?

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::testing::{CORP, CUSTOMER, House, KF, NOW, bell, house, many, settings, text};
use crate::{
    channels::contract::Bell,
    ports::pull::Bells as _,
    schema::v1::{self, event::Body, gap, signal::Type},
    settings::AccountSettings,
};

const HOUR: i64 = 3_600_000;

fn said(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("word {at}")).collect()
}

#[tokio::test]
async fn on_start_every_place_is_pulled_to_its_end_and_the_sweep_finds_what_no_bell_rang_for() {
    let (house, _dir) = house(settings(), many(250)).await;
    house.settle().await;
    assert_eq!(house.words().await, said(250));
    house.platform.with(|kept| {
        let all = many(253);
        kept.waiting.insert(KF.into(), all);
    });
    house.settle().await;
    assert_eq!(house.words().await.len(), 250, "not due");
    house.clock.advance(Duration::from_secs(361));
    house.settle().await;
    assert_eq!(house.words().await, said(253));
    let asked = house.platform.with(|kept| kept.asked.clone());
    assert!(
        asked[0].get("cursor").is_none() && asked[0].get("token").is_none(),
        "{}",
        asked[0]
    );
    assert_eq!(asked[1]["cursor"], "100");
}

#[tokio::test]
async fn a_bell_is_durable_gives_its_token_while_it_is_fresh_and_survives_a_restart() {
    let (first, dir) = house(settings(), Vec::new()).await;
    first.settle().await;
    first.platform.with(|kept| kept.waiting.insert(KF.into(), many(1)));
    first.pull.ring("kf", bell()).await.expect("durable");
    let platform = first.platform.clone();
    let clock = first.clock.clone();
    first.close().await;
    let second = House::on(dir.path(), settings(), platform.clone(), clock.clone()).await;
    second.settle().await;
    assert_eq!(second.words().await, said(1));
    let token = |kept: &mut super::testing::Kept| kept.asked.last().map(|it| it["token"].clone());
    assert_eq!(platform.with(token), Some(json!("ENCtok")));
    clock.advance(Duration::from_secs(600));
    second.settle().await;
    assert_eq!(platform.with(token), Some(Value::Null), "too old");
}

#[tokio::test]
async fn a_bell_of_no_place_means_any_and_one_of_a_place_that_others_serve_means_none() {
    let named = AccountSettings {
        open_kfids: vec![KF.into(), "wk2".into()],
        ..settings()
    };
    let (house, _dir) = house(named, Vec::new()).await;
    house.settle().await;
    let asked = || house.platform.with(|kept| kept.asked.len());
    let before = asked();
    let nowhere = Bell { sub_id: None, ..bell() };
    house.pull.ring("kf", nowhere).await.expect("durable");
    house.settle().await;
    assert_eq!(asked(), before + 2);
    let strange = Bell {
        sub_id: Some("wk3".into()),
        ..bell()
    };
    house.pull.ring("kf", strange).await.expect("heard");
    house.settle().await;
    assert_eq!(asked(), before + 2);
}

#[tokio::test]
async fn a_token_that_is_not_honoured_is_left_out_and_a_cursor_that_is_not_is_given_up() {
    let (house, _dir) = house(settings(), many(3)).await;
    house.settle().await;
    house.pull.ring("kf", bell()).await.expect("durable");
    house.platform.with(|kept| {
        kept.waiting.insert(KF.into(), many(4));
        kept.refuse = vec![95_007];
    });
    house.settle().await;
    assert_eq!(house.words().await, said(4));
    house.platform.with(|kept| {
        kept.waiting.insert(KF.into(), many(5));
        kept.refuse = vec![40_058];
    });
    house.pull.ring("kf", bell()).await.expect("durable");
    house.settle().await;
    assert_eq!(
        house.words().await,
        said(5),
        "read from the oldest, and known ones known"
    );
}

#[tokio::test]
async fn faults_are_tried_again_from_the_same_cursor() {
    let (house, _dir) = house(settings(), many(150)).await;
    house.platform.with(|kept| kept.refuse = vec![0, -1, 45_033, 45_009]);
    for _ in 0..200 {
        house.settle().await;
        house.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(house.words().await, said(150));
    let cursors: Vec<Value> = house
        .platform
        .with(|kept| kept.asked.iter().map(|it| it["cursor"].clone()).collect());
    assert_eq!(
        cursors[..5],
        [Value::Null, json!("100"), json!("100"), json!("100"), json!("100")]
    );
}

#[tokio::test]
async fn nothing_said_before_the_account_was_bound_is_kept_and_the_first_word_after_it_is() {
    let latest = AccountSettings {
        start: None,
        ..settings()
    };
    let waiting = vec![
        text("old", "three days old", 70 * HOUR),
        text("before", "just before", 1_000),
        text("first", "the very second", 0),
    ];
    let (house, _dir) = house(latest, waiting).await;
    house.settle().await;
    assert_eq!(house.words().await, ["the very second"]);
    // A place that appears later is read from its beginning, as history.
    house.platform.with(|kept| {
        let mut item = text("o1", "old at the new place", 2 * HOUR);
        item["open_kfid"] = "wk2".into();
        kept.waiting.insert("wk2".into(), vec![item]);
    });
    house.clock.advance(Duration::from_secs(3_700));
    house.settle().await;
    let events = house.events().await;
    let last = events.last().expect("an event");
    assert!(last.event.history);
    let conversation = last.event.conversation.as_ref().expect("one");
    assert_eq!(conversation.key, format!("wechat_kf:{CORP}:wk2:u:{CUSTOMER}"));
    assert!(!events[0].event.history);
}

#[tokio::test]
async fn a_gap_in_the_platforms_memory_is_told() {
    let (house, _dir) = house(settings(), many(1)).await;
    house.settle().await;
    house.clock.advance(Duration::from_secs(73 * 3_600));
    house.settle().await;
    let events = house.events().await;
    let gaps: Vec<&v1::Gap> = events
        .iter()
        .filter_map(|it| match &it.event.body {
            Some(Body::Gap(gap)) => Some(gap),
            _ => None,
        })
        .collect();
    assert_eq!(gaps.len(), 1);
    assert_eq!(
        (gaps[0].reason(), gaps[0].from_seq, gaps[0].to_seq),
        (gap::Reason::PlatformRetention, 1, 1)
    );
    let opened = house.registry.get("kf").expect("bound");
    let warned = opened.observe(|it| it.warnings.contains_key(&crate::error::Code::KfHistoryGap));
    assert!(warned);
}

#[tokio::test]
async fn pages_that_say_more_and_bring_nothing_are_not_asked_for_ever() {
    let (house, _dir) = house(settings(), many(1)).await;
    house.platform.with(|kept| kept.cuts = vec![0; 50]);
    for _ in 0..8 {
        house.settle().await;
        house.clock.advance(Duration::from_millis(1_100));
    }
    let asked = house.platform.with(|kept| kept.asked.len());
    assert_eq!(asked, 6, "the first moved the cursor, five stood still, then the sweep");
}

#[tokio::test]
async fn what_a_colleague_says_is_not_the_customers_and_what_nobody_knows_is_kept() {
    let mut colleague = text("c1", "answered in the client", 1_000);
    colleague["origin"] = 5.into();
    colleague["servicer_userid"] = "lisi".into();
    let strange = json!({ "msgid": "s1", "open_kfid": KF, "external_userid": CUSTOMER, "send_time": NOW / 1_000, "origin": 3, "msgtype": "hologram" });
    let odd = json!({ "msgid": "e1", "send_time": NOW / 1_000, "origin": 4, "msgtype": "event",
        "event": { "event_type": "moon_phase", "open_kfid": KF, "external_userid": CUSTOMER } });
    let (house, _dir) = house(settings(), vec![colleague, strange, odd, json!(7), json!("x")]).await;
    house.settle().await;
    let events = house.events().await;
    assert_eq!(events.len(), 5, "none dropped");
    let Some(Body::Message(first)) = &events[0].event.body else {
        panic!("a message")
    };
    assert_eq!(first.origin(), v1::message::Origin::StaffSentOnPlatform);
    assert_eq!(first.sender.as_ref().map(|it| it.native_id.as_str()), Some("lisi"));
    assert!(events[0].event.allowances.is_empty());
    let Some(Body::Message(second)) = &events[1].event.body else {
        panic!("a message")
    };
    assert_eq!(second.summary, "[不支持的消息] hologram");
    assert!(events[1].event.raw.is_some());
    for event in &events[2..] {
        let Some(Body::Signal(signal)) = &event.event.body else {
            panic!("a signal")
        };
        assert_eq!(signal.r#type(), Type::Other);
        assert!(event.event.raw.is_some());
    }
}

#[tokio::test]
async fn never_more_pulls_at_a_time_than_configured_and_no_place_starves() {
    let (house, _dir) = house(settings(), many(2_000)).await;
    house.platform.with(|kept| {
        for place in 0..40 {
            let id = format!("wk{place:02}");
            let mut item = text(&format!("p{place}"), &id, 0);
            item["open_kfid"] = id.clone().into();
            kept.waiting.insert(id, vec![item]);
        }
    });
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(house.pull.clone().run(stopped));
    let limit = tokio::time::Instant::now() + Duration::from_secs(60);
    while house.words().await.len() < 2_040 {
        assert!(
            tokio::time::Instant::now() < limit,
            "stuck at {}",
            house.words().await.len()
        );
        house.clock.advance(Duration::from_millis(10));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.send(true).expect("running");
    running.await.expect("ended");
    let (most, asked) = house.platform.with(|kept| (kept.most_at_once, kept.asked.clone()));
    assert!(most <= 4, "{most}");
    let backlog = asked.iter().filter(|it| it["open_kfid"] == KF).count();
    assert!(backlog >= 20, "in pages");
    let last_small = asked
        .iter()
        .rposition(|it| it["open_kfid"] != KF && it["cursor"].is_null())
        .expect("asked");
    let before = asked[..last_small].iter().filter(|it| it["open_kfid"] == KF).count();
    assert!(before < backlog, "the long one did not keep the short ones waiting");
}

// ───────────── torn down at each step ─────────────

/// Counts the steps of a pull, and says at which one everything ends.
#[tokio::test]
async fn torn_down_between_any_two_steps_nothing_is_lost_and_nothing_told_twice() {
    for stop_at in 1..24 {
        let (first, dir) = house(settings(), many(35)).await;
        let platform = first.platform.clone();
        platform.with(|kept| kept.cuts = vec![10, 0, 10, 10, 10, 10, 0, 10, 10, 10, 10, 10, 10]);
        let clock = first.clock.clone();
        // A turn consists of: taking it, the call, the commit. Ended by dropping the future at its n-th step, which is
        // what a process that dies leaves behind: what is committed is committed.
        let steps = Arc::new(std::sync::atomic::AtomicU32::new(0));
        {
            let work = async {
                first.pull.ring("kf", bell()).await.expect("durable");
                first.settle().await;
            };
            let mut work = std::pin::pin!(work);
            std::future::poll_fn(|context| {
                let polled = work.as_mut().poll(context);
                if steps.fetch_add(1, Ordering::SeqCst) >= stop_at {
                    return std::task::Poll::Ready(());
                }
                polled
            })
            .await;
        }
        first.close().await;
        let second = House::on(dir.path(), settings(), platform.clone(), clock.clone()).await;
        for _ in 0..4 {
            second.settle().await;
            clock.advance(Duration::from_millis(1_100));
        }
        assert_eq!(second.words().await, said(35), "ended at step {stop_at}");
        let events = second.events().await;
        let seqs: Vec<u32> = events.iter().map(|it| it.event.seq).collect();
        assert_eq!(seqs, (1..=35).collect::<Vec<_>>(), "without holes");
        second.close().await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// However the platform cuts its pages, repeats items and fails in between: all of it once, in order.
    #[test]
    fn any_split_into_pages_yields_everything_once_and_in_order(
        count in 0_usize..60,
        cuts in prop::collection::vec(0_usize..9, 0..40),
        repeats in prop::collection::vec(0_usize..60, 0..6),
        refuse in prop::collection::vec(prop::sample::select(vec![0_i64, 0, 0, -1, 45_033, 95_007]), 0..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let mut waiting = many(count);
            for at in repeats {
                if at < waiting.len() {
                    let again = waiting[at].clone();
                    waiting.push(again);
                }
            }
            let (house, _dir) = house(settings(), waiting).await;
            house.platform.with(|kept| {
                kept.cuts = cuts;
                kept.refuse = refuse;
            });
            for _ in 0..40 {
                house.settle().await;
                house.clock.advance(Duration::from_secs(61));
            }
            assert_eq!(house.words().await, said(count));
            house.close().await;
        });
    }
}
