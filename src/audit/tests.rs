//! Does every change of the log show?

use serde_json::json;

use super::*;
use crate::{
    ports::clock::ManualClock,
    web::testing::{FakeStore, NOW},
};

async fn audit(store: &Arc<FakeStore>, clock: &ManualClock) -> Arc<Audit> {
    Audit::load(store.clone(), Arc::new(clock.clone())).await.expect("read")
}

fn deed(target: &str) -> Deed {
    Deed {
        who: "anna".into(),
        what: "account.update".into(),
        target: target.into(),
        before: json!({ "token": "****ab", "figure": 0.1 }),
        after: json!({ "token": "****9f", "figure": 12345678901234567890_u64 }),
    }
}

/// A log of five acts, over two runs.
async fn written() -> (Arc<FakeStore>, ManualClock, Arc<Audit>) {
    let (store, clock) = (Arc::<FakeStore>::default(), ManualClock::at(NOW));
    audit(&store, &clock).await.note(vec![deed("a"), deed("b")]).await;
    let again = audit(&store, &clock).await;
    clock.set(NOW + 1_000);
    again.note(vec![deed("c")]).await;
    again.note(vec![deed("d"), deed("e")]).await;
    (store, clock, again)
}

async fn tamper(store: &FakeStore, number: u64, change: impl FnOnce(&mut Act)) {
    let bytes = store.record(SPACE, &key(number)).await.expect("read").expect("there");
    let mut act: Act = serde_json::from_slice(&bytes).expect("JSON");
    change(&mut act);
    let write = put(SPACE, key(number), &act).expect("JSON");
    store.write_records(vec![write]).await.expect("written");
}

async fn delete(store: &FakeStore, number: u64) {
    let write = RecordWrite::Delete {
        space: SPACE,
        key: key(number),
    };
    store.write_records(vec![write]).await.expect("written");
}

#[tokio::test]
async fn a_log_over_several_runs_is_whole() {
    let (_, _, audit) = written().await;
    let found = audit.verify().await.expect("read");
    assert_eq!(
        (found.whole, found.records, found.first, found.last),
        (true, 5, 1, 5),
        "{found:?}"
    );
    let all = audit.all().await.expect("read");
    assert_eq!(all.iter().map(|act| act.target.as_str()).collect::<String>(), "abcde");
}

#[tokio::test]
async fn whatever_is_changed_taken_out_or_cut_off_shows() {
    let cases: [(&str, u64); 6] = [
        ("who", 2),
        ("after", 3),
        ("time", 1),
        ("out", 3),
        ("out", 1),
        ("out", 5),
    ];
    for (how, number) in cases {
        let (store, _, audit) = written().await;
        match how {
            "who" => tamper(&store, number, |act| act.who = "nobody".into()).await,
            "after" => tamper(&store, number, |act| act.after = json!({})).await,
            "time" => tamper(&store, number, |act| act.time = Timestamp::from_millis(1)).await,
            _ => delete(&store, number).await,
        }
        let found = audit.verify().await.expect("read");
        assert!(!found.whole && !found.fault.is_empty(), "{how} {number}: {found:?}");
    }
}

#[tokio::test]
async fn an_export_is_verified_without_the_store() {
    let (_, _, audit) = written().await;
    let all = audit.all().await.expect("read");
    let text: Vec<String> = all
        .iter()
        .map(|act| serde_json::to_string(act).expect("JSON"))
        .collect();
    let read = |text: &[String]| -> Vec<Act> {
        text.iter()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    };
    assert!(chain::verify(&read(&text), None).whole);
    assert!(chain::verify(&read(&text[2..]), None).whole, "a later part");
    let mut forged = text.clone();
    forged[3] = forged[3].replace("anna", "otto");
    assert_eq!(
        chain::verify(&read(&forged), None).fault,
        "record 4 is not what was written"
    );
    forged.remove(3);
    assert_eq!(chain::verify(&read(&forged), None).fault, "after record 3 comes 5");
}

#[tokio::test]
async fn what_is_forgotten_leaves_a_whole_log() {
    let (store, clock, audit_log) = written().await;
    assert_eq!(audit_log.forget_before(NOW + 500).await.expect("written"), 2);
    let found = audit_log.verify().await.expect("read");
    assert_eq!((found.whole, found.first, found.last), (true, 3, 5), "{found:?}");
    audit_log.note(vec![deed("f")]).await;
    assert!(audit(&store, &clock).await.verify().await.expect("read").whole);
    // Forgotten by somebody else.
    delete(&store, 3).await;
    assert!(!audit_log.verify().await.expect("read").whole);
    assert_eq!(audit_log.forget_before(i64::MAX).await.expect("written"), 3);
    assert_eq!(audit_log.verify().await.expect("read").last, 0, "nothing is left");
}

#[tokio::test]
async fn acts_at_the_same_time_stand_behind_each_other() {
    let (store, clock) = (Arc::<FakeStore>::default(), ManualClock::at(NOW));
    let audit = audit(&store, &clock).await;
    let one = |number: usize| {
        let audit = audit.clone();
        tokio::spawn(async move { audit.note(vec![deed(&number.to_string())]).await })
    };
    for task in (0..20).map(one).collect::<Vec<_>>() {
        task.await.expect("ended");
    }
    let found = audit.verify().await.expect("read");
    assert_eq!((found.whole, found.records), (true, 20), "{found:?}");
}
