//! Is everything that is stored read by row, once, and is what went missing counted?

use super::*;
use crate::ports::{
    clock::Clock as _,
    forward::{Archive as _, Item, Made, Place, Streams},
};

const ALL: Streams = Streams {
    events: true,
    messages: true,
};

fn made(id: &str, at: Millis) -> Made {
    Made {
        id: id.into(),
        at,
        kind: "summary".into(),
        conversation_key: String::new(),
        content: serde_json::from_str("{}").expect("JSON"),
    }
}

fn names(page: &crate::ports::forward::ArchivePage) -> Vec<String> {
    let name = |item: &Item| match item {
        Item::Event(event) => format!("event {}", event.seq),
        Item::Message(message) => message.id.clone(),
        Item::Made(made) => made.id.clone(),
    };
    page.items.iter().map(|found| name(&found.item)).collect()
}

#[tokio::test]
async fn what_is_stored_is_one_list_by_time_and_each_place_goes_on_behind_it() {
    let bench = Bench::new();
    let step = || bench.clock.advance(Duration::from_millis(10));
    bench.say("a", 1).await;
    step();
    enqueued(&bench, message("a", "m1")).await;
    step();
    bench.say("a", 2).await;
    step();
    bench.store.keep(made("r1", bench.clock.now())).await.expect("kept");
    step();
    enqueued(&bench, message("a", "m2")).await;
    let whole = bench.store.page(Place::default(), ALL, 100).await.expect("read");
    let wanted = ["event 1", "id-m1", "event 2", "r1", "id-m2"];
    assert_eq!(names(&whole), wanted);
    assert_eq!((whole.place, whole.lost), (bench.store.tail().await.expect("read"), 0));
    // In pages of any size, and from any place, nothing is told twice or left out.
    for rows in 1..=5 {
        let mut place = Place::default();
        let mut told = Vec::new();
        loop {
            let page = bench.store.page(place, ALL, rows).await.expect("read");
            assert!(page.items.len() <= rows);
            if page.place == place {
                break;
            }
            told.extend(names(&page));
            place = page.place;
        }
        assert_eq!(told, wanted, "{rows} rows a page");
    }
    for (number, found) in whole.items.iter().enumerate() {
        let rest = bench.store.page(found.place, ALL, 100).await.expect("read");
        assert_eq!(names(&rest), wanted[number + 1..]);
    }
    let records = Streams {
        events: false,
        messages: false,
    };
    let page = bench.store.page(Place::default(), records, 100).await.expect("read");
    assert_eq!((names(&page), page.place.event), (vec!["r1".to_owned()], 0));
}

#[tokio::test]
async fn numbers_that_places_in_a_feed_took_are_nobodys_loss() {
    use crate::ports::feed::FeedStore as _;
    let bench = Bench::new();
    bench.store.open_feeds(vec!["main".into()]).await.expect("opened");
    let first = bench.say("a", 1).await;
    let again = vec![first.row; 10];
    bench
        .store
        .feed_again("main".into(), again, "r-1".into())
        .await
        .expect("put");
    assert_eq!(bench.say("a", 2).await.row, 12);
    let page = bench.store.page(Place::default(), ALL, 100).await.expect("read");
    assert_eq!((names(&page).len(), page.place.event, page.lost), (2, 12, 0));
}

#[tokio::test]
async fn rows_that_were_forgotten_are_counted_and_their_numbers_never_come_again() {
    let bench = Bench::new();
    for number in 0..3 {
        let stored = bench.say("a", number).await;
        bench.take(&stored, Vec::new()).await;
        let sent = enqueued(&bench, message("a", &number.to_string())).await;
        bench.store.settle(settle(&sent, Status::Sent)).await.expect("settled");
        bench.store.keep(made("old", bench.clock.now())).await.expect("kept");
    }
    bench.clock.advance(Duration::from_secs(30 * 86_400));
    let keep = Retention {
        events: 7 * DAY,
        idempotency: 3 * DAY,
    };
    bench.store.sweep(bench.clock.now(), keep).await.expect("swept");
    let young = bench.clock.now() - DAY;
    assert_eq!(bench.store.forget(0, young).await.expect("forgotten"), 3);
    let gone = bench.store.page(Place::default(), ALL, 100).await.expect("read");
    assert_eq!((names(&gone).len(), gone.lost), (0, 9));
    let numbers = (gone.place.event, gone.place.message, gone.place.record);
    assert_eq!(numbers, (3, 3, 3));
    // Also after a crash.
    let bench = bench.crashed().await;
    let next = bench.say("a", 9).await;
    let sent = enqueued(&bench, message("a", "next")).await;
    let kept = bench.store.keep(made("new", bench.clock.now())).await.expect("kept");
    assert_eq!((next.row, sent.row, kept), (4, 4, 4));
    let page = bench.store.page(gone.place, ALL, 100).await.expect("read");
    assert_eq!((page.items.len(), page.lost), (3, 0));
    let late = bench.store.page(Place::default(), ALL, 100).await.expect("read");
    assert_eq!((late.items.len(), late.lost), (3, 9));
}
