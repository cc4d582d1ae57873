//! The lanes over the real store, with a clock that is set by hand and a receiver that a test plays.

mod bench;

use std::time::Duration;

use bench::*;
use serde_json::value::to_raw_value;

use super::*;
use crate::ports::{chance::SystemChance, forward::Posted, store::Retention};

#[tokio::test]
async fn forty_five_at_once_are_three_batches_and_the_last_one_waits_its_second() {
    let bench = Bench::new();
    let running = bench.run(&[to("a", &[Kind::User])]).await;
    bench.say_many(45).await;
    let waited = bench
        .until("two full batches", 50, || bench.receiver.count() >= 2)
        .await;
    assert!(waited <= 400, "{waited} ms for full batches");
    assert_eq!(bench.receiver.sizes("user"), [20, 20], "five wait for others");
    let waited = waited + bench.until("the rest", 50, || bench.receiver.count() >= 3).await;
    assert_eq!(bench.receiver.sizes("user"), [20, 20, 5]);
    assert!((900..=1_200).contains(&waited), "{waited} ms for the rest");
    let texts: Vec<String> = bench.receiver.batches("user").concat();
    assert_eq!(
        texts,
        (0..45).map(|number| number.to_string()).collect::<Vec<_>>(),
        "in order"
    );
    running.stop().await;
}

#[tokio::test]
async fn three_are_one_batch_after_a_second() {
    let bench = Bench::new();
    let running = bench.run(&[to("a", &[Kind::Msg])]).await;
    bench.say_many(3).await;
    let waited = bench.until("a batch", 50, || bench.receiver.count() >= 1).await;
    assert_eq!(bench.receiver.sizes("msg"), [3]);
    assert!((900..=1_200).contains(&waited), "{waited} ms");
    running.stop().await;
}

#[tokio::test]
async fn types_travel_apart_and_long_records_do_not_pile_up() {
    let bench = Bench::new();
    let running = bench.run(&[to("a", &[Kind::User, Kind::Msg])]).await;
    let long = "长".repeat(lane::BATCH_BYTES / 7);
    for _ in 0..5 {
        bench.say("u", &long).await;
    }
    bench
        .until("all", 100, || {
            bench.receiver.sizes("user").iter().sum::<usize>() == 5
                && bench.receiver.sizes("msg").iter().sum::<usize>() == 5
        })
        .await;
    assert_eq!(bench.receiver.sizes("user"), [2, 2, 1]);
    running.stop().await;
}

#[tokio::test]
async fn what_is_not_taken_is_tried_again_ever_more_slowly_and_nothing_overtakes_it() {
    let bench = Bench::new();
    let running = bench.run(&[to("a", &[Kind::User])]).await;
    let refused = |status, after| Posted::Refused { status, after };
    bench.receiver.answers([
        refused(500, None),
        Posted::Unreachable("refused".into()),
        refused(302, None),
        refused(429, Some(7_000)),
    ]);
    bench.say_many(25).await;
    bench.until("four refusals", 100, || bench.receiver.count() >= 4).await;
    let lane = running.forward.shared.status("a", Kind::User);
    bench
        .until("noted", 10, || lane.lock().expect("lock").failures == 4)
        .await;
    let seen = lane.lock().expect("lock").clone();
    assert_eq!(seen.last_error, "answered 429");
    let wait = seen.next_attempt.expect("a time") - bench.clock.now();
    assert!((6_000..=7_000).contains(&wait), "as the receiver asks: {wait}");
    let waited = bench
        .until("all", 100, || bench.receiver.sizes("user").len() >= 6)
        .await;
    assert!(waited >= 5_900, "{waited}");
    assert_eq!(bench.receiver.sizes("user"), [20, 20, 20, 20, 20, 5]);
    let batches = bench.receiver.batches("user");
    assert!(
        batches.iter().take(5).all(|batch| *batch == batches[0]),
        "the same ones until they are taken"
    );
    assert_eq!(batches[5][0], "20");
    bench
        .until("all is well", 10, || lane.lock().expect("lock").sent == 25)
        .await;
    assert_eq!(lane.lock().expect("lock").failures, 0);
    running.stop().await;
    let metrics = bench.observer.metrics.render();
    assert!(
        metrics.contains("wxbridge_forwarded_total{forwarder=\"a\",result=\"sent\",type=\"user\"} 25"),
        "{metrics}"
    );
    assert!(
        metrics.contains("wxbridge_forward_posts_total{forwarder=\"a\",result=\"refused\"} 3"),
        "{metrics}"
    );
}

#[tokio::test]
async fn each_attempt_is_signed_anew_and_the_switch_decides_when_it_is_sent() {
    let bench = Bench::new();
    let running = bench.run(&[to("a", &[Kind::User])]).await;
    bench.receiver.answers([Posted::Unreachable("down".into())]);
    bench.say_many(1).await;
    bench
        .until("a first attempt", 100, || bench.receiver.count() >= 1)
        .await;
    running.forward.switch(false).await.expect("written").expect("a change");
    bench
        .until("a second attempt", 100, || bench.receiver.count() >= 2)
        .await;
    let heard = bench.receiver.heard.lock().expect("lock").clone();
    assert_eq!((heard[0].headers.len(), heard[1].headers.len()), (3, 0));
    running.stop().await;
    // Also after a restart.
    let running = bench.run(&[to("a", &[Kind::User])]).await;
    assert!(!running.forward.is_on());
    running.stop().await;
}

#[tokio::test]
async fn a_restart_goes_on_where_the_last_batch_was_taken() {
    let bench = Bench::new();
    bench.say_many(3).await;
    let configured = [to("a", &[Kind::User])];
    let running = bench.run(&configured).await;
    bench.say_many(20).await;
    bench.until("a batch", 50, || bench.receiver.count() >= 1).await;
    assert_eq!(
        bench.receiver.batches("user")[0][0],
        "3",
        "what was there before is not copied"
    );
    bench.receiver.answers(vec![Posted::Unreachable("down".into()); 100]);
    bench.say_many(5).await;
    bench
        .until("an attempt that fails", 50, || bench.receiver.count() >= 2)
        .await;
    running.stop().await;
    // While nobody runs.
    bench.say_many(2).await;
    bench.receiver.answers.lock().expect("lock").clear();
    let known = bench.receiver.count();
    bench.store.close().await;
    let again = Bench {
        store: open(bench.dir.path(), &bench.clock),
        ..bench
    };
    let running = again.run(&configured).await;
    again
        .until("what was left", 50, || again.receiver.count() > known)
        .await;
    let last = again.receiver.batches("user").last().cloned().expect("a batch");
    assert_eq!(last, ["23", "24", "25", "26", "27", "28", "29"].map(str::to_owned)[..]);
    running.stop().await;
}

#[tokio::test]
async fn what_the_retention_forgot_is_counted_and_what_is_too_old_is_given_up() {
    let bench = Bench::new();
    let configured = [to("a", &[Kind::User])];
    bench.run(&configured).await.stop().await;
    bench.say_many(30).await;
    bench.clock.advance(Duration::from_secs(8 * 86_400));
    bench.say_many(2).await;
    let keep = Retention {
        events: 7 * DAY,
        idempotency: 3 * DAY,
    };
    bench.store.sweep(bench.clock.now(), keep).await.expect("swept");
    let running = bench.run(&configured).await;
    bench.until("the young ones", 100, || bench.receiver.count() >= 1).await;
    assert_eq!(
        bench.receiver.batches("user"),
        [["30", "31"].map(str::to_owned).to_vec()]
    );
    let lane = running.forward.shared.status("a", Kind::User);
    // Each of three conversations has a Gap for what no core took.
    assert_eq!(lane.lock().expect("lock").lost, 30);
    // One batch that is never taken.
    bench
        .receiver
        .answers(vec![Posted::Unreachable("down".into()); 100_000]);
    bench.say_many(1).await;
    let known = bench.receiver.count();
    bench.until("an attempt", 100, || bench.receiver.count() > known).await;
    bench.clock.advance(Duration::from_secs(8 * 86_400));
    bench
        .until("given up", 100, || lane.lock().expect("lock").expired == 1)
        .await;
    assert!(
        bench
            .observer
            .metrics
            .render()
            .contains("result=\"expired\",type=\"user\"} 1")
    );
    running.stop().await;
}

#[tokio::test]
async fn cores_records_reach_who_wants_their_type_and_are_forgotten_when_everybody_has_them() {
    let bench = Bench::new();
    let running = bench
        .run(&[to("a", &[Kind::Summary]), to("b", &[Kind::Summary, Kind::Msg])])
        .await;
    let new = |kind, text: &str| NewRecord {
        kind,
        conversation_key: "k".into(),
        content: to_raw_value(&json!({ "text": text })).expect("JSON"),
    };
    let publish = async |kind, text| running.forward.publish(new(kind, text)).await.expect("kept");
    assert_eq!(publish(Kind::Summary, "one").await.forwarders, ["a", "b"]);
    assert_eq!(publish(Kind::Msg, "two").await.forwarders, ["b"]);
    assert_eq!(
        publish(Kind::Evaluation, "three").await.forwarders,
        Vec::<String>::new()
    );
    bench.until("all", 50, || bench.receiver.count() >= 3).await;
    assert_eq!(bench.receiver.sizes("summary"), [1, 1]);
    assert_eq!(bench.receiver.batches("msg"), [["two".to_owned()]]);
    bench.settle().await;
    running.stop().await;
    assert_eq!(
        bench.store.records("forward_record").await.expect("read").len(),
        2,
        "nobody wanted the third"
    );
    let through = running_places(&bench).await;
    assert_eq!(bench.store.forget(through, 0).await.expect("forgotten"), 2);
    // Numbers go on.
    let tail = bench.store.tail().await.expect("read");
    assert_eq!(tail.record, 2);
}

async fn running_places(bench: &Bench) -> Row {
    let (forward, _) = bench
        .prepare(&[to("a", &[Kind::Summary]), to("b", &[Kind::Summary, Kind::Msg])])
        .await;
    forward.places.values().map(|place| place.record).min().expect("places")
}

#[tokio::test]
async fn a_name_that_changes_keeps_its_place_and_one_that_goes_loses_it() {
    let bench = Bench::new();
    let running = bench.run(&[to("a", &[Kind::User])]).await;
    running.stop().await;
    bench.say_many(1).await;
    let (renamed, changes) = bench.prepare(&[to("b", &[Kind::User])]).await;
    assert_eq!(
        changes.iter().map(|it| it.what).collect::<Vec<_>>(),
        ["forwarder.rename"]
    );
    assert_eq!(
        renamed.places[&("b".to_owned(), Kind::User)].event,
        0,
        "the event is still to come"
    );
    bench.prepare(&[]).await;
    let (back, changes) = bench.prepare(&[to("b", &[Kind::User])]).await;
    assert_eq!(changes[0].what, "forwarder.create");
    assert_eq!(back.places[&("b".to_owned(), Kind::User)].event, 1, "begins at the end");
    let shown = back.shown();
    assert!(!format!("{shown:?}").contains("0123456789ab"));
    assert_eq!(shown[0].1["types"][0]["protected"], true);
}

#[tokio::test]
async fn two_names_that_change_at_once_keep_their_places() {
    let bench = Bench::new();
    bench
        .prepare(&[to("p", &[Kind::Msg]), to("q", &[Kind::User, Kind::UserInfo])])
        .await;
    bench.say_many(3).await;
    let (renamed, changes) = bench
        .prepare(&[to("p2", &[Kind::Msg]), to("q2", &[Kind::User, Kind::UserInfo])])
        .await;
    let said: Vec<_> = changes.iter().map(|it| (it.what, it.target.as_str())).collect();
    assert_eq!(said, [("forwarder.rename", "p2"), ("forwarder.rename", "q2")]);
    let events: Vec<_> = renamed.places.values().map(|place| place.event).collect();
    assert_eq!(events, [0, 0, 0], "the events are still to come");
}

#[tokio::test]
async fn a_forwarder_is_the_same_when_the_key_that_sealed_its_own_is_gone() {
    const OLD: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    const NEW: &str = "MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let vault = |ring: &str| {
        let ring = crate::secret::Secret::new(ring);
        let vault = crate::vault::Vault::from_text(std::path::Path::new("ring"), &ring, SystemChance::default());
        Vault::from(Arc::new(vault.expect("a key ring")))
    };
    let bench = Bench::new();
    let plain = Forwarder {
        legacy_plain: true,
        ..to("a", &[Kind::Msg])
    };
    for ring in [OLD, &format!("{OLD}\n{NEW}"), NEW] {
        let (forward, changes) = bench.prepare_with(vault(ring), std::slice::from_ref(&plain)).await;
        assert_eq!(changes.len(), usize::from(ring == OLD), "{changes:?}");
        assert_eq!(forward.shown()[0].1["legacyPlain"], true);
    }
}
