use std::{sync::Arc, time::Duration};

use super::*;
use crate::{ports::store::ConversationId, schema::v1};

const NOW: Millis = 1_752_000_000_000;

fn stored(row: Row, key: &str) -> Stored {
    Stored {
        row,
        conversation: ConversationId(1),
        core: None,
        event: v1::Event {
            id: format!("e{row}"),
            seq: 1,
            conversation: Some(v1::Conversation {
                key: key.into(),
                ..Default::default()
            }),
            body: Some(v1::event::Body::Message(v1::Message {
                summary: "你好".into(),
                parts: vec![v1::Part {
                    content: Some(v1::part::Content::Text(v1::Text::default())),
                    ..Default::default()
                }],
                ..Default::default()
            })),
            ..Default::default()
        }
        .into(),
    }
}

fn message(row: Row, key: &str, answers: Option<Row>, status: v1::send_result::Status) -> Message {
    Message {
        row,
        id: format!("m{row}"),
        account: "shop".into(),
        client_message_id: format!("c{row}"),
        conversation: ConversationId(1),
        key: key.into(),
        request: v1::SendRequest {
            what: Some(v1::send_request::What::Text("您好".into())),
            ..Default::default()
        },
        answers,
        result: v1::SendResult {
            status: status as i32,
            ..Default::default()
        },
        passive: None,
        pieces_done: 0,
        attempts: 0,
        created: NOW,
        next_attempt: NOW,
        not_after: NOW,
    }
}

#[test]
fn an_item_tells_the_whole_life_of_its_event() {
    let timeline = Timeline::new(1);
    timeline.committed(&stored(7, "k"), NOW);
    timeline.offered("main", "e7", 1, "taken", 3.25, NOW + 4);
    timeline.message(&message(1, "k", Some(7), v1::send_result::Status::Accepted), NOW);
    timeline.message(&message(1, "k", Some(7), v1::send_result::Status::HandedOver), NOW + 6);
    timeline.answered("e7", "passive", 12.34);
    timeline.answered("e7", "duplicate", 1.0);
    let (items, _) = timeline.newest(None, 10, NOW);
    let item = serde_json::to_value(&items[0]).expect("JSON");
    assert_eq!(item["row"], "7");
    assert_eq!(item["kind"], "message");
    assert_eq!(item["platformType"], "text");
    assert_eq!((&item["answer"], &item["answerMs"]), (&"passive".into(), &12.3.into()));
    assert_eq!(item["attempts"][0]["result"], "taken");
    assert_eq!(item["messages"].as_array().map(Vec::len), Some(1));
    assert_eq!(item["messages"][0]["status"], "HANDED_OVER");
    assert_eq!(item["messages"][0]["summary"], "您好");
    assert!(item["messages"][0]["settledTime"].is_string());
}

#[test]
fn a_cursor_gives_what_changed_and_nothing_twice() {
    let timeline = Timeline::new(1);
    timeline.committed(&stored(1, "a"), NOW);
    timeline.committed(&stored(2, "b"), NOW);
    let (_, cursor) = timeline.newest(None, 10, NOW);
    assert!(timeline.changes(&cursor, None, 10, NOW).0.is_empty());
    timeline.answered("e1", "success", 1.0);
    let (items, next) = timeline.changes(&cursor, None, 10, NOW);
    assert_eq!(items.iter().map(|item| item.row.as_str()).collect::<Vec<_>>(), ["1"]);
    assert!(timeline.changes(&next, None, 10, NOW).0.is_empty());
    assert_eq!(Cursor::parse(&next.render()), Some(next));
}

#[test]
fn a_page_that_is_full_goes_on_where_it_ended() {
    let timeline = Timeline::new(1);
    let (_, mut cursor) = timeline.newest(None, 10, NOW);
    (1..=5).for_each(|row| timeline.committed(&stored(row, "a"), NOW));
    let mut rows = Vec::new();
    for _ in 0..3 {
        let (items, next) = timeline.changes(&cursor, None, 2, NOW);
        rows.extend(items.into_iter().map(|item| item.row));
        cursor = next;
    }
    assert_eq!(rows, ["1", "2", "3", "4", "5"]);
}

#[test]
fn memory_is_bounded_and_a_flood_that_nobody_watches_is_sampled() {
    let timeline = Timeline::new(1);
    (0..10_000).for_each(|row| timeline.committed(&stored(row, "a"), NOW));
    let kept = timeline.newest(None, usize::MAX, NOW).0.len();
    assert_eq!(kept, UNWATCHED_PER_SECOND as usize);
    (10_000..20_000).for_each(|row| timeline.committed(&stored(row, "a"), NOW));
    let (items, _) = timeline.newest(None, usize::MAX, NOW);
    assert_eq!(items.len(), CAPACITY);
    assert_eq!(items.last().map(|item| item.row.as_str()), Some("19999"));
    let ring = timeline.lock();
    assert_eq!(
        (ring.by_event.len(), ring.by_row.len(), ring.by_key.len()),
        (CAPACITY, CAPACITY, 1)
    );
}

#[test]
fn a_message_that_answers_nothing_stands_at_the_newest_event_of_its_conversation_or_alone() {
    let timeline = Timeline::new(1);
    timeline.committed(&stored(1, "a"), NOW);
    timeline.message(&message(5, "a", None, v1::send_result::Status::Accepted), NOW);
    timeline.message(&message(6, "b", None, v1::send_result::Status::Accepted), NOW);
    timeline.message(&message(6, "b", None, v1::send_result::Status::Sent), NOW);
    let (items, _) = timeline.newest(None, 10, NOW);
    assert_eq!(items.len(), 2);
    assert_eq!(items[0].messages.len(), 1);
    assert_eq!((items[1].kind, items[1].row.as_str()), ("send", "m6"));
    assert_eq!(items[1].messages[0].status, "SENT");
}

#[tokio::test]
async fn who_waits_is_woken_by_the_first_change() {
    let timeline = Arc::new(Timeline::new(1));
    let (_, cursor) = timeline.newest(None, 10, NOW);
    let waiting = tokio::spawn({
        let timeline = timeline.clone();
        async move { timeline.watch(&cursor, None, 10, NOW, Duration::from_secs(20)).await }
    });
    tokio::task::yield_now().await;
    timeline.committed(&stored(1, "a"), NOW);
    let (items, _) = waiting.await.expect("the waiter ends");
    assert_eq!(items.len(), 1);
}
