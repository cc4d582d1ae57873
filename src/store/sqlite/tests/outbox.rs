//! Is every message kept, settled and told once?

use super::*;
use crate::{
    conversation::ledger::Standing,
    ports::store::{AsOf, Page, PageStep},
};

#[tokio::test]
async fn a_client_id_names_one_request() {
    let bench = Bench::new();
    let first = enqueued(&bench, message("a", "k")).await;
    let Enqueued::Same(again) = bench.store.enqueue(message("a", "k")).await.expect("enqueued") else {
        panic!("same")
    };
    assert_eq!(again.id, first.id);
    let mut other = message("a", "k");
    other.request.what = Some(v1::send_request::What::Text("bye".into()));
    assert!(matches!(bench.store.enqueue(other).await, Ok(Enqueued::Conflict)));
    let view = bench
        .store
        .conversation(&key("a"))
        .await
        .expect("read")
        .expect("the core spoke first");
    assert_eq!((view.state.core.as_str(), view.waiting_sends), ("main", 1));
}

#[tokio::test]
async fn a_settled_message_moves_the_ledger_and_tells_the_core_in_one_commit() {
    let bench = Bench::new();
    let event = bench.say("a", 1).await;
    let message = enqueued(&bench, message("a", "k")).await;
    let step = Settle {
        ledger: vec![LedgerEntry::Spent(2)],
        tell: true,
        pieces_done: u32::MAX,
        passive: Some(b"<xml/>".to_vec()),
        ..settle(&message, Status::Failed)
    };
    let settled = bench.store.settle(step).await.expect("settled");
    assert_eq!(settled.result.allowances[0].remaining, Some(3));
    assert_eq!(settled.pieces_done, u32::MAX);
    let told = bench.heard().pop().expect("told");
    let Some(Body::Delivery(update)) = &told.event.body else {
        panic!("a delivery event")
    };
    assert_eq!(
        update.result.as_ref().map(|result| result.message_id.as_str()),
        Some("id-k")
    );
    assert_eq!(told.event.seq, event.event.seq + 1);
    assert!(bench.store.outbox(event.conversation).await.expect("read").is_empty());

    let after = bench.crashed().await;
    let kept = after
        .store
        .message(MessageRef::Id("id-k"))
        .await
        .expect("read")
        .expect("kept");
    assert_eq!(
        (kept.pieces_done, kept.passive.as_deref()),
        (u32::MAX, Some(&b"<xml/>"[..]))
    );
    let view = after.store.conversation(&key("a")).await.expect("read").expect("known");
    assert_eq!(view.state.allowances(START)[0].remaining, Some(3));
}

#[tokio::test]
async fn a_refusal_says_how_things_stood_when_the_platform_was_asked() {
    // What we had counted was wrong: it is not known any more.
    for (refusal, then) in [
        (LedgerEntry::Closed as fn(AsOf) -> LedgerEntry, Standing::Unknown),
        (LedgerEntry::Exhausted, Standing::Unknown),
        (LedgerEntry::Unfollowed, Standing::Unfollowed),
    ] {
        let bench = Bench::new();
        bench.say("a", 1).await;
        let message = enqueued(&bench, message("a", "k")).await;
        bench.clock.advance(Duration::from_secs(1));
        bench.say("a", 2).await;
        let left = async |as_of| {
            let step = Settle {
                ledger: vec![refusal(AsOf(as_of))],
                ..settle(&message, Status::Held)
            };
            bench.store.settle(step).await.expect("settled");
            let view = bench.store.conversation(&key("a")).await.expect("read").expect("one");
            view.state.ledger.as_ref().expect("a ledger").standing(START + 2_000)
        };
        assert!(matches!(left(START).await, Standing::Open(_)), "they wrote since");
        assert_eq!(left(START + 1_000).await, then);
    }
}

#[tokio::test]
async fn a_passive_answer_is_found_by_its_event_until_it_is_cleared() {
    let bench = Bench::new();
    let event = bench.say("a", 1).await;
    let new = NewMessage {
        answers: Some(event.row),
        passive: Some(b"x".to_vec()),
        result: result(Status::HandedOver),
        ..message("a", "k")
    };
    let message = enqueued(&bench, new).await;
    assert!(bench.store.outbox(event.conversation).await.expect("read").is_empty());
    assert!(bench.store.passive_answer(event.row).await.expect("read").is_some());
    let back = bench
        .store
        .settle(settle(&message, Status::Accepted))
        .await
        .expect("settled");
    assert_eq!(back.status(), Status::Accepted);
    assert!(bench.store.passive_answer(event.row).await.expect("read").is_none());
    assert_eq!(bench.store.outbox(event.conversation).await.expect("read").len(), 1);
    assert_eq!(bench.store.open_outboxes().await.expect("read"), [event.conversation]);
}

#[tokio::test]
async fn a_held_message_is_woken_when_its_customer_acts_also_after_a_restart() {
    let bench = Bench::new();
    let event = bench.say("a", 1).await;
    let message = enqueued(&bench, message("a", "k")).await;
    bench
        .store
        .settle(settle(&message, Status::Held))
        .await
        .expect("settled");
    for bench in [&bench, &bench.crashed().await] {
        bench.heard.outboxes.lock().expect("lock").clear();
        bench.say("b", 2).await;
        assert!(
            bench.heard.outboxes.lock().expect("lock").is_empty(),
            "another customer"
        );
        bench.say("a", 3).await;
        assert_eq!(*bench.heard.outboxes.lock().expect("lock"), [event.conversation]);
    }
}

#[tokio::test]
async fn what_did_not_arrive_is_told_once_and_stays_so_whatever_a_call_for_it_brings() {
    let bench = Bench::new();
    let event = bench.say("a", 1).await;
    let message = enqueued(&bench, message("a", "k")).await;
    // Of three pieces one is with the platform, and the next on its way.
    let sending = Settle {
        pieces_done: 1,
        ledger: vec![LedgerEntry::Spent(1)],
        ..settle(&message, Status::Sending)
    };
    bench.store.settle(sending.clone()).await.expect("settled");
    let failed = PageStep::NotDelivered {
        account: "shop".into(),
        message_id: message.id.clone(),
        error: v1::Error {
            code: "REFUSED_BY_USER".into(),
            ..Default::default()
        },
        otherwise: Box::new(arrival("a", 9)),
    };
    let page = Page {
        steps: vec![failed.clone(), failed],
        writes: Vec::new(),
    };
    bench.store.accept_page(page).await.expect("accepted");
    for (status, pieces_done) in [(Status::Sending, 2), (Status::Failed, 2)] {
        let step = Settle {
            pieces_done,
            tell: true,
            ..settle(&message, status)
        };
        let ledger = match status {
            Status::Sending => sending.ledger.clone(),
            _ => Vec::new(),
        };
        let stands = bench.store.settle(Settle { ledger, ..step }).await.expect("settled");
        let why = stands.result.error.as_ref().map(|error| error.code.as_str());
        assert_eq!(
            (stands.status(), stands.pieces_done, why),
            (Status::Failed, 2, Some("REFUSED_BY_USER"))
        );
    }
    let view = bench.store.conversation(&key("a")).await.expect("read").expect("one");
    assert_eq!(view.state.allowances(START)[0].remaining, Some(3), "both went out");
    let told = bench.heard().len();
    assert_eq!((told, event.event.seq), (2, 1), "the message, and once that it failed");
    let heard = bench.heard.undelivered.lock().expect("lock");
    let undelivered: Vec<_> = heard.iter().map(|it| (it.id.as_str(), it.status())).collect();
    assert_eq!(undelivered, [("id-k", Status::Failed)]);
}
