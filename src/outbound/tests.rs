use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use super::{
    testing::{Does, FakePlatform, FakeWindows, MemoryStore, opened, opened_slow},
    *,
};
use crate::ports::fetch::{FetchFault, Fetched};
use crate::{
    cores::{Core, Kind, Match},
    error::Code,
    media::Label,
    ports::{
        chance::SystemChance,
        clock::ManualClock,
        store::{NewMessage, Stored, Take, Took},
        turn::Replies as _,
    },
    schema::json::{Unknown, from_value},
    tokens,
};

const KEY: &str = "official_account:wx1:u:o1";
const START: Millis = 1_000_000;

struct House {
    clock: ManualClock,
    store: Arc<MemoryStore>,
    platform: Arc<FakePlatform>,
    windows: Arc<FakeWindows>,
    opened: Arc<Opened>,
    outbound: Arc<Outbound>,
    stop: watch::Sender<bool>,
    _dir: tempfile::TempDir,
}

struct NoFetch;

#[async_trait::async_trait]
impl Fetch for NoFetch {
    async fn fetch(&self, _: &str, _: usize, _: Duration) -> Result<Fetched, FetchFault> {
        Err(FetchFault::Refused(404))
    }
}

fn core() -> Core {
    Core {
        name: "main".into(),
        kind: Kind::Http,
        credentials: Default::default(),
        url: String::new(),
        secrets: Vec::new(),
        matches: Match::default(),
        reply_budget: 4_000,
        timeout: 30_000,
        all_delivery_updates: false,
        raw_inline: false,
    }
}

/// The outbound side over fakes, its dispatcher not running yet.
fn asleep() -> House {
    asleep_with(
        Some(Arc::new(|handle| Some(format!("https://media/{}", handle.len())))),
        core(),
    )
}

fn asleep_with(links: Option<LinkMaker>, core: Core) -> House {
    asleep_as(opened(), links, core)
}

fn asleep_as(opened: Arc<Opened>, links: Option<LinkMaker>, core: Core) -> House {
    let clock = ManualClock::at(START);
    let time: Arc<dyn Clock> = Arc::new(clock.clone());
    let store = MemoryStore::new(time.clone());
    let platform = Arc::new(FakePlatform::default());
    let windows = Arc::new(FakeWindows::default());
    let observer = Arc::new(Observer::new());
    let keeper = Keeper::new(tokens::Parts {
        platform: platform.clone(),
        hosts: tokens::Hosts {
            weixin_api: "http://weixin".into(),
            wecom_api: "http://wecom".into(),
        },
        clock: time.clone(),
        observer: observer.clone(),
        keep: None,
    });
    let registry = Arc::new(Registry::default());
    registry.replace([opened.clone()]);
    let dir = tempfile::tempdir().expect("a folder");
    let lanes = Handle::default();
    store.listen(lanes.clone());
    let outbound = Outbound::new(Parts {
        library: Library::new(
            dir.path(),
            store.clone(),
            time.clone(),
            Arc::new(SystemChance::default()),
        ),
        store: store.clone(),
        registry,
        windows: windows.clone(),
        cores: Cores(Arc::new([core])),
        clock: time,
        observer,
        keeper,
        fetch: Arc::new(NoFetch),
        links,
        rules: Rules::default(),
        lanes,
    });
    House {
        clock,
        store,
        platform,
        windows,
        opened,
        outbound,
        stop: watch::channel(false).0,
        _dir: dir,
    }
}

fn awake() -> House {
    let house = asleep();
    house.wake();
    house
}

impl House {
    fn wake(&self) {
        tokio::spawn(self.outbound.clone().run(self.stop.subscribe()));
    }

    async fn submit(&self, json: serde_json::Value) -> Result<v1::SendResult, crate::error::Fault> {
        self.outbound.submit(&Caller::default(), request(json), false).await
    }

    async fn say(&self, text: &str) -> v1::SendResult {
        self.submit(json!({"conversationKey": KEY, "text": text}))
            .await
            .expect("accepted")
    }

    fn wrote(&self, count: u32) -> Arc<Stored> {
        self.store.customer_wrote(&self.opened.describe, KEY, count)
    }

    /// What a message has become.
    fn now_of(&self, result: &v1::SendResult) -> v1::SendResult {
        let all = self.store.all();
        all.into_iter()
            .find(|it| it.id == result.message_id)
            .expect("stored")
            .result
    }

    async fn becomes(&self, result: &v1::SendResult, status: Status) -> v1::SendResult {
        until(
            || self.now_of(result).status() == status,
            &format!("{status:?}, it is {:?}", self.now_of(result)),
        )
        .await;
        self.now_of(result)
    }

    /// A core's answer to an event, taken.
    async fn answer(&self, event: &Stored, replies: Vec<serde_json::Value>) -> Vec<NewMessage> {
        let replies = replies.into_iter().map(|json| Ok(request(json))).collect();
        let prepared = self.outbound.prepare(event, replies).await;
        let messages = prepared.messages();
        let take = Take {
            conversation: event.conversation,
            row: event.row,
            seq: 1,
            replies: messages.clone(),
        };
        let took = self.store.take(take).await.expect("taken");
        prepared.committed(&took);
        messages
    }
}

fn request(json: serde_json::Value) -> v1::SendRequest {
    from_value(json, Unknown::Refuse).expect("a request")
}

fn code(result: &v1::SendResult) -> &str {
    result.error.as_ref().map_or("", |error| &error.code)
}

async fn until(mut holds: impl FnMut() -> bool, what: &str) {
    for _ in 0..3_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("did not come to hold: {what}");
}

fn says(code: i32) -> Does {
    Does::Says(json!({ "errcode": code }))
}

// ───────────── order and idempotency ─────────────

#[tokio::test]
async fn messages_of_one_conversation_go_in_order_one_at_a_time() {
    let house = awake();
    let mut last = None;
    for index in 0..20 {
        last = Some(house.say(&format!("m{index}")).await);
    }
    house.becomes(&last.expect("sent"), Status::Sent).await;
    let expected: Vec<String> = (0..20).map(|index| format!("m{index}")).collect();
    assert_eq!(house.platform.sent(), expected);
    assert!(!house.platform.overlapped());
    assert!(house.store.told().is_empty(), "good news are told only where asked for");
}

#[tokio::test]
async fn the_same_key_and_request_is_one_message_another_request_a_conflict() {
    let house = awake();
    let first = json!({"conversationKey": KEY, "text": "a", "clientMessageId": "k"});
    let one = house.submit(first.clone()).await.expect("accepted");
    house.becomes(&one, Status::Sent).await;
    let again = house.submit(first).await.expect("the same");
    assert_eq!((again.message_id, again.status), (one.message_id, Status::Sent as i32));
    let other = house
        .submit(json!({"conversationKey": KEY, "text": "b", "clientMessageId": "k"}))
        .await;
    assert_eq!(other.map_err(|fault| fault.code), Err(Code::IdempotencyConflict));
    assert_eq!(house.platform.sent(), ["a"]);
}

#[tokio::test]
async fn what_the_request_alone_shows_is_a_fault() {
    let house = asleep();
    for (json, expected) in [
        (json!({"text": "x"}), Code::InvalidRequest),
        (
            json!({"conversationKey": "official_account:other:u:o1", "text": "x"}),
            Code::AccountUnknown,
        ),
        (json!({"inReplyTo": "nobody's", "text": "x"}), Code::InvalidRequest),
        (
            json!({"conversationKey": KEY, "message": {"parts": [{"image": {"handle": "gone"}}]}}),
            Code::InvalidRequest,
        ),
    ] {
        let refused = house.submit(json.clone()).await;
        assert_eq!(refused.map_err(|fault| fault.code), Err(expected), "{json}");
    }
    let stranger = Caller {
        core: None,
        accounts: vec!["other-*".into()],
    };
    let refused = house
        .outbound
        .submit(&stranger, request(json!({"conversationKey": KEY, "text": "x"})), false)
        .await;
    assert_eq!(refused.map_err(|fault| fault.code), Err(Code::Forbidden));
}

#[tokio::test]
async fn a_preview_sends_nothing_and_has_no_status() {
    let house = awake();
    let ask = |text: &str| request(json!({"conversationKey": KEY, "text": text}));
    let preview = house
        .outbound
        .submit(&Caller::default(), ask("a"), true)
        .await
        .expect("a preview");
    assert_eq!(
        (preview.status, preview.road()),
        (0, v1::send_result::Road::CustomerService)
    );
    house.wrote(1);
    let preview = house
        .outbound
        .submit(&Caller::default(), ask("a|b"), true)
        .await
        .expect("a preview");
    assert_eq!((preview.status, code(&preview)), (0, "QUOTA_EXHAUSTED"));
    assert!(house.store.all().is_empty() && house.platform.sent().is_empty());
}

// ───────────── what the platform answers ─────────────

#[tokio::test]
async fn a_text_refused_midway_fails_and_says_how_much_went() {
    let house = awake();
    house.platform.will("/send", [says(0), says(45047)]);
    let result = house.becomes(&house.say("a|b|c").await, Status::Failed).await;
    assert_eq!(code(&result), "QUOTA_EXHAUSTED");
    assert!(
        result.degradations[0].reason.starts_with("1 of its pieces"),
        "{result:?}"
    );
    assert_eq!(house.platform.sent(), ["a", "b"]);
    assert_eq!(house.store.told().len(), 1);
}

#[tokio::test]
async fn a_text_of_more_pieces_than_are_left_fails_before_the_first() {
    let house = awake();
    house.wrote(2);
    let result = house.becomes(&house.say("a|b|c").await, Status::Failed).await;
    assert_eq!(code(&result), "QUOTA_EXHAUSTED");
    assert!(house.platform.sent().is_empty());
}

#[tokio::test]
async fn a_busy_platform_is_asked_again_with_growing_pauses() {
    let house = awake();
    house.platform.will("/send", [says(-1), Does::NotSent]);
    let first = house.say("a").await;
    let second = house.say("b").await;
    until(|| house.platform.sent().len() == 1, "the first try").await;
    house.becomes(&first, Status::Accepted).await;
    house.clock.advance(Duration::from_millis(999));
    tokio::task::yield_now().await;
    assert_eq!(house.platform.sent(), ["a"]);
    house.clock.advance(Duration::from_millis(1));
    until(|| house.platform.sent().len() == 2, "the second try").await;
    until(
        || house.store.all()[0].attempts == 2 && house.now_of(&first).status() == Status::Accepted,
        "noted",
    )
    .await;
    house.clock.advance(Duration::from_secs(2));
    house.becomes(&first, Status::Sent).await;
    house.becomes(&second, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["a", "a", "a", "b"]);
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_hold_up_a_repetition() {
    let house = awake();
    house.platform.will("/send", [says(-1)]);
    let first = house.say("a").await;
    until(
        || house.store.all()[0].attempts == 1 && house.now_of(&first).status() == Status::Accepted,
        "noted",
    )
    .await;
    house.clock.set(START - 10 * 3_600_000);
    let second = house.say("b").await;
    house.becomes(&first, Status::Sent).await;
    house.becomes(&second, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["a", "a", "b"]);
}

#[tokio::test]
async fn a_platform_that_stays_down_fails_the_message_when_its_time_is_over() {
    let house = awake();
    house.platform.will("/send", std::iter::repeat_n(Does::NotSent, 50));
    let not_after = crate::schema::Timestamp::from_millis(START + 10_000).to_rfc3339_millis();
    let sent = house
        .submit(json!({"conversationKey": KEY, "text": "a", "notAfter": not_after}))
        .await
        .expect("accepted");
    for _ in 0..40 {
        house.clock.advance(Duration::from_millis(500));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let result = house.becomes(&sent, Status::Failed).await;
    assert_eq!(code(&result), "PLATFORM_DOWN");
    assert_eq!(house.platform.sent().len(), 4, "after 0, 1, 3 and 7 seconds");
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_holds_nobody_up() {
    let house = awake();
    house.platform.will("/send", [Does::Lost, Does::Status(502)]);
    let (lost, broken, fine) = (house.say("a").await, house.say("b").await, house.say("c").await);
    house.becomes(&fine, Status::Sent).await;
    for result in [house.now_of(&lost), house.now_of(&broken)] {
        assert_eq!((result.status(), code(&result)), (Status::Unknown, "AMBIGUOUS"));
    }
    assert_eq!(house.platform.sent(), ["a", "b", "c"]);
    assert_eq!(house.store.told().len(), 2);
}

#[tokio::test]
async fn a_lost_answer_is_repeated_once_where_the_core_wants_that() {
    let house = awake();
    house.platform.will("/send", [Does::Lost, Does::Lost]);
    let sent = house
        .submit(json!({"conversationKey": KEY, "text": "a", "onAmbiguous": "RETRY"}))
        .await
        .expect("accepted");
    house.becomes(&sent, Status::Accepted).await;
    until(|| house.store.all()[0].attempts == 1, "one try").await;
    until(|| house.now_of(&sent).status() == Status::Accepted, "waiting").await;
    house.clock.advance(Duration::from_secs(1));
    house.becomes(&sent, Status::Unknown).await;
    assert_eq!(house.platform.sent(), ["a", "a"]);
}

#[tokio::test]
async fn a_call_under_way_at_a_crash_is_ambiguous() {
    let house = asleep();
    house.wrote(5);
    let (one, two) = (house.say("a|b").await, house.say("c").await);
    let mut under_way = step(&house.store.all()[0]);
    under_way.result.status = Status::Sending as i32;
    under_way.pieces_done = 1;
    house.store.settle(under_way).await.expect("settled");
    house.wake();
    let result = house.becomes(&one, Status::Unknown).await;
    assert_eq!(code(&result), "AMBIGUOUS");
    house.becomes(&two, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["c"]);
}

#[tokio::test]
async fn a_crash_in_the_second_try_is_not_followed_by_a_third() {
    let house = asleep();
    let retry = |text: &str, not_after: i64| {
        let not_after = crate::schema::Timestamp::from_millis(not_after).to_rfc3339_millis();
        json!({"conversationKey": KEY, "text": text, "onAmbiguous": "RETRY", "notAfter": not_after})
    };
    let (hour, past) = (START + 3_600_000, START + 1);
    let mut sent = Vec::new();
    for (text, not_after, attempts) in [("a", hour, 1), ("b", hour, 2), ("c", past, 1)] {
        sent.push(house.submit(retry(text, not_after)).await.expect("accepted"));
        let all = house.store.all();
        let mut under_way = step(all.last().expect("stored"));
        under_way.result.status = Status::Sending as i32;
        under_way.attempts = attempts;
        house.store.settle(under_way).await.expect("settled");
    }
    house.clock.advance(Duration::from_millis(1));
    house.wake();
    house.becomes(&sent[0], Status::Sent).await;
    for unknown in &sent[1..] {
        assert_eq!(code(&house.becomes(unknown, Status::Unknown).await), "AMBIGUOUS");
    }
    assert_eq!(house.platform.sent(), ["a"]);
}

#[tokio::test]
async fn a_lost_answer_without_time_for_a_second_try_is_unknown_and_not_failed() {
    let house = awake();
    house.platform.will("/send", [Does::Lost]);
    let not_after = crate::schema::Timestamp::from_millis(START + 500).to_rfc3339_millis();
    let sent = json!({"conversationKey": KEY, "text": "a", "onAmbiguous": "RETRY", "notAfter": not_after});
    let sent = house.submit(sent).await.expect("accepted");
    let result = house.becomes(&sent, Status::Unknown).await;
    assert_eq!(code(&result), "AMBIGUOUS");
}

#[tokio::test]
async fn a_fault_of_ours_in_one_call_closes_no_lane() {
    let house = awake();
    house.platform.will("/send", [Does::Panics]);
    let (broken, fine) = (house.say("a").await, house.say("b").await);
    until(|| house.platform.sent().len() == 1, "the fault").await;
    until(
        || house.outbound.parts.lanes.next_timer().is_some(),
        "looked at again later",
    )
    .await;
    house.clock.advance(Duration::from_secs(5));
    house.becomes(&fine, Status::Sent).await;
    assert_eq!(house.now_of(&broken).status(), Status::Unknown);
    assert_eq!(house.platform.sent(), ["a", "b"]);
}

#[tokio::test]
async fn a_quota_that_ended_unforeseen_makes_our_figures_guesses() {
    let house = awake();
    house.wrote(5);
    house.platform.will("/send", [says(45047)]);
    let refused = house.say("a").await;
    assert_eq!(code(&house.becomes(&refused, Status::Failed).await), "QUOTA_EXHAUSTED");
    house.becomes(&house.say("b").await, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["a", "b"], "a guess is no reason to refuse");
    house.wrote(1);
    house.becomes(&house.say("c").await, Status::Sent).await;
    house.becomes(&house.say("d").await, Status::Failed).await;
    assert_eq!(house.platform.sent(), ["a", "b", "c"], "counted again, and spent");
}

#[tokio::test]
async fn bad_news_are_told_always_and_good_news_where_asked_for() {
    for all in [false, true] {
        let core = Core {
            all_delivery_updates: all,
            ..core()
        };
        let house = asleep_with(None, core);
        house.wake();
        let event = house.wrote(3);
        house.windows.open(&event.event.id, START + 4_000, true);
        house.platform.will("/send", [says(0), Does::Lost, says(99999)]);
        house.answer(&event, vec![json!({"text": "handed over"})]).await;
        for (text, becomes) in [
            ("sent", Status::Sent),
            ("unknown", Status::Unknown),
            ("failed", Status::Failed),
        ] {
            house.becomes(&house.say(text).await, becomes).await;
        }
        house.becomes(&house.say("sent").await, Status::Sent).await;
        let soon = crate::schema::Timestamp::from_millis(START + 1_000).to_rfc3339_millis();
        let held =
            json!({"conversationKey": KEY, "text": "a|b|c|d", "noAllowance": "HOLD_FOR_CUSTOMER", "notAfter": soon});
        let held = house.submit(held).await.expect("accepted");
        house.becomes(&held, Status::Held).await;
        house.clock.advance(Duration::from_secs(1));
        house.becomes(&held, Status::Expired).await;
        let told: Vec<_> = house.store.told().iter().map(v1::SendResult::status).collect();
        use Status::*;
        match all {
            false => assert_eq!(told, [Unknown, Failed, Held, Expired]),
            true => assert_eq!(told, [HandedOver, Sent, Unknown, Failed, Sent, Held, Expired]),
        }
    }
}

#[tokio::test]
async fn a_dead_media_id_is_uploaded_again_once() {
    let house = awake();
    let png = futures_util::stream::iter([Ok::<_, std::io::Error>(b"\x89PNG\r\n\x1a\n")]);
    let media = house
        .outbound
        .parts
        .library
        .put(Label::default(), png)
        .await
        .expect("stored");
    let image = json!({"conversationKey": KEY, "message": {"parts": [{"image": {"handle": media.handle}}]}});
    let first = house.submit(image.clone()).await.expect("accepted");
    house.becomes(&first, Status::Sent).await;
    house.platform.will("/send", [says(40007)]);
    house.platform.will("/upload", [Does::Says(json!({"media_id": "M2"}))]);
    let second = house.submit(image).await.expect("accepted");
    house.becomes(&second, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["M1", "M1", "M2"]);
    assert_eq!(house.platform.asked("/upload").len(), 2, "kept in between");
}

#[tokio::test]
async fn an_account_without_api_is_learned_told_and_tried_again_later() {
    let house = awake();
    house.platform.will("/send", [says(48001)]);
    let refused = house.say("a").await;
    house.becomes(&refused, Status::Failed).await;
    assert_eq!(house.opened.observe(|it| it.api_shut), Some(Code::NotEntitled));
    let again = house.say("b").await;
    let again = house.becomes(&again, Status::Failed).await;
    assert_eq!(code(&again), "NOT_ENTITLED");
    assert_eq!(house.platform.sent(), ["a"]);
    house.clock.advance(Duration::from_secs(601));
    let probe = house.say("c").await;
    house.becomes(&probe, Status::Sent).await;
    assert_eq!(house.opened.observe(|it| it.api_shut), None);
    let changes = house.store.events_now();
    assert_eq!(changes.len(), 2, "shut and open again");
    assert_eq!(
        changes[0].event.conversation.as_ref().map(|it| it.key.as_str()),
        Some("official_account:wx1:a:-")
    );
}

#[tokio::test]
async fn a_refused_card_is_said_otherwise_once_unless_the_core_forbids_it() {
    let house = awake();
    house
        .platform
        .will("/send", [says(45064), says(0), says(45064), says(45064), says(45064)]);
    let result = house.say("card").await;
    let result = house.becomes(&result, Status::Sent).await;
    assert_eq!(result.degradations.len(), 1);
    let twice = house.say("card").await;
    house.becomes(&twice, Status::Failed).await;
    let strict = json!({"conversationKey": KEY, "text": "card", "degrade": "REFUSE"});
    let strict = house.submit(strict).await.expect("accepted");
    house.becomes(&strict, Status::Failed).await;
    assert_eq!(house.platform.sent(), ["card", "web link", "card", "web link", "card"]);
}

#[tokio::test]
async fn a_file_that_the_platform_does_not_take_keeps_an_address() {
    let house = awake();
    let pdf = futures_util::stream::iter([Ok::<_, std::io::Error>(b"%PDF-1.7")]);
    let media = house
        .outbound
        .parts
        .library
        .put(Label::default(), pdf)
        .await
        .expect("stored");
    let file = json!({"conversationKey": KEY, "message": {"parts": [{"file": {"handle": media.handle}}]}});
    let sent = house.submit(file).await.expect("accepted");
    house.becomes(&sent, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["https://media/32"]);
    assert!(house.platform.asked("/upload").is_empty());
}

/// An image of this type, in the library.
async fn kept_image(house: &House, mime: &str, bytes: &'static [u8]) -> String {
    let label = Label {
        mime: mime.to_owned(),
        ..Default::default()
    };
    let bytes = futures_util::stream::iter([Ok::<_, std::io::Error>(bytes)]);
    house
        .outbound
        .parts
        .library
        .put(label, bytes)
        .await
        .expect("stored")
        .handle
}

/// What a preview says, and what becomes of the message: the two must agree.
async fn previewed_and_sent(house: &House, handle: &str, degrade: &str) -> v1::SendResult {
    let image =
        json!({"conversationKey": KEY, "degrade": degrade, "message": {"parts": [{"image": {"handle": handle}}]}});
    let preview = house
        .outbound
        .submit(&Caller::default(), request(image.clone()), true)
        .await
        .expect("a preview");
    let sent = house.submit(image).await.expect("accepted");
    until(
        || !matches!(house.now_of(&sent).status(), Status::Accepted | Status::Sending),
        "final",
    )
    .await;
    let sent = house.now_of(&sent);
    assert_eq!(
        (code(&preview), &preview.degradations),
        (code(&sent), &sent.degradations),
        "{degrade}"
    );
    sent
}

#[tokio::test]
async fn a_picture_that_the_account_cannot_take_goes_as_a_link_where_the_core_allows_and_the_preview_agrees() {
    let house = awake();
    for (mime, refused) in [("image/webp", "UNSUPPORTED_PART"), ("image/huge", "MEDIA_TOO_LARGE")] {
        let handle = kept_image(&house, mime, b"no known kind").await;
        for degrade in ["ALLOW", "LOSSLESS_ONLY"] {
            let sent = previewed_and_sent(&house, &handle, degrade).await;
            assert_eq!(
                (sent.status(), sent.degradations.len()),
                (Status::Sent, 1),
                "{mime} {degrade}"
            );
        }
        let sent = previewed_and_sent(&house, &handle, "REFUSE").await;
        assert_eq!((sent.status(), code(&sent)), (Status::Failed, refused));
    }
    assert_eq!(house.platform.sent(), ["https://media/32"; 4]);
    assert!(house.platform.asked("/upload").is_empty());
    let fine = kept_image(&house, "", b"\x89PNG\r\n\x1a\n").await;
    assert!(
        previewed_and_sent(&house, &fine, "REFUSE")
            .await
            .degradations
            .is_empty()
    );
}

#[tokio::test]
async fn what_is_said_in_place_of_a_refused_message_reports_its_own_losses_alone() {
    let house = awake();
    let handle = kept_image(&house, "image/webp", b"no known kind").await;
    house.platform.will("/send", [says(45064)]);
    let image = json!({"conversationKey": KEY, "message": {"parts": [{"image": {"handle": handle}}]}});
    let sent = house.submit(image).await.expect("accepted");
    let sent = house.becomes(&sent, Status::Sent).await;
    assert_eq!(
        sent.degradations,
        [v1::Degradation::default()],
        "the link of the picture was not sent"
    );
    assert_eq!(house.platform.sent(), ["https://media/32", "web link"]);
}

#[tokio::test]
async fn without_an_address_for_links_a_medium_that_needs_one_is_too_large() {
    let house = asleep_with(None, core());
    house.wake();
    let handle = kept_image(&house, "image/webp", b"no known kind").await;
    let sent = previewed_and_sent(&house, &handle, "ALLOW").await;
    assert_eq!((sent.status(), code(&sent)), (Status::Failed, "MEDIA_TOO_LARGE"));
}

#[tokio::test]
async fn a_file_says_by_its_bytes_what_it_is() {
    let house = asleep();
    let handle = kept_image(&house, "image/png", b"GIF89a").await;
    let image = request(json!({"message": {"parts": [{"image": {"handle": handle}}]}}));
    let Some(v1::send_request::What::Message(message)) = image.what.clone() else {
        panic!("a message")
    };
    let resolved = house
        .outbound
        .resolver
        .resolve(&house.opened, message.parts, image.degrade(), resolve::How::Kept);
    let parts = resolved.await.expect("uploaded").parts;
    let Some(v1::part::Content::Image(media)) = &parts[0].content else {
        panic!("an image")
    };
    assert_eq!(
        (media.mime.as_str(), media.platform_media_id.as_str()),
        ("image/gif", "M1")
    );
}

// ───────────── held ─────────────

#[tokio::test]
async fn what_is_held_goes_when_the_customer_acts() {
    let house = awake();
    house.wrote(1);
    house.becomes(&house.say("a").await, Status::Sent).await;
    let hold = |text: &str| json!({"conversationKey": KEY, "text": text, "noAllowance": "HOLD_FOR_CUSTOMER"});
    let held = house.submit(hold("b")).await.expect("accepted");
    let behind = house.submit(hold("c")).await.expect("accepted");
    house.becomes(&behind, Status::Held).await;
    let failed = house.say("d").await;
    house.becomes(&failed, Status::Failed).await;
    house.clock.advance(Duration::from_secs(3600));
    house.wrote(5);
    house.becomes(&held, Status::Sent).await;
    house.becomes(&behind, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["a", "b", "c"]);
    let told: Vec<_> = house.store.told().iter().map(v1::SendResult::status).collect();
    assert_eq!(told, [Status::Held, Status::Held, Status::Failed]);
}

#[tokio::test]
async fn a_refusal_we_did_not_foresee_holds_until_the_customer_acts() {
    let house = awake();
    house.platform.will("/send", [says(45015)]);
    let held = house
        .submit(json!({"conversationKey": KEY, "text": "a", "noAllowance": "HOLD_FOR_CUSTOMER"}))
        .await;
    let held = held.expect("accepted");
    house.becomes(&held, Status::Held).await;
    house.say("b").await;
    until(|| house.platform.sent().len() == 2, "others pass").await;
    assert_eq!(house.platform.sent(), ["a", "b"], "not tried again by itself");
    house.clock.advance(Duration::from_secs(1));
    house.wrote(5);
    house.becomes(&held, Status::Sent).await;
}

#[tokio::test]
async fn what_is_held_too_long_expires() {
    let house = awake();
    house.wrote(0);
    let held = house
        .submit(json!({"conversationKey": KEY, "text": "a", "noAllowance": "HOLD_FOR_CUSTOMER"}))
        .await;
    let held = held.expect("accepted");
    house.becomes(&held, Status::Held).await;
    house.clock.advance(Duration::from_secs(48 * 3600));
    let result = house.becomes(&held, Status::Expired).await;
    assert_eq!(code(&result), "EXPIRED");
}

// ───────────── the open request ─────────────

#[tokio::test]
async fn the_first_reply_rides_and_the_rest_goes_by_the_api() {
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, true);
    let messages = house
        .answer(
            &event,
            vec![json!({"text": "a|b"}), json!({"text": "c"}), json!({"text": ""})],
        )
        .await;
    assert_eq!(messages[0].client_message_id, "event-1/0");
    assert_eq!(messages[1].client_message_id, "event-1/1");
    assert_eq!(messages[2].result.status(), Status::Failed);
    house.becomes(&messages[0].result, Status::Sent).await;
    house.becomes(&messages[1].result, Status::Sent).await;
    assert_eq!(house.windows.handed(&event.event.id), ["a"]);
    assert_eq!(house.platform.sent(), ["b", "c"]);
    assert_eq!(house.store.told().len(), 1, "the bad one alone");
}

#[tokio::test]
async fn one_short_reply_is_handed_over_and_final() {
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, true);
    let messages = house.answer(&event, vec![json!({"text": "a"})]).await;
    assert_eq!(house.now_of(&messages[0].result).status(), Status::HandedOver);
    assert_eq!(house.windows.handed(&event.event.id), ["a"]);
    let again = house.outbound.take_kept(event.row).await;
    assert_eq!(
        again.as_deref(),
        Some(&b"a"[..]),
        "a repeated callback gets the same answer"
    );
    assert!(house.platform.sent().is_empty());
}

#[tokio::test]
async fn nothing_leaves_when_the_commit_did_not_happen() {
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, true);
    let prepared = house
        .outbound
        .prepare(&event, vec![Ok(request(json!({"text": "a"})))])
        .await;
    prepared.abandoned();
    let messages = house.answer(&event, vec![json!({"text": "b"})]).await;
    assert_eq!(
        messages[0].result.status(),
        Status::HandedOver,
        "the claim was given back"
    );
    assert_eq!(house.windows.handed(&event.event.id), ["b"]);
    let before = house
        .outbound
        .prepare(&event, vec![Ok(request(json!({"text": "c"})))])
        .await;
    before.committed(&Took::Before);
    assert_eq!(house.windows.handed(&event.event.id), ["b"]);
}

#[tokio::test]
async fn a_closed_request_keeps_the_answer_and_after_eight_seconds_the_api_carries_it_once() {
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, false);
    let messages = house
        .answer(&event, vec![json!({"text": "a"}), json!({"text": "b"})])
        .await;
    house.becomes(&messages[0].result, Status::Accepted).await;
    house.clock.advance(Duration::from_millis(7_999));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(house.platform.sent().is_empty(), "the next attempt may still come");
    house.clock.advance(Duration::from_millis(1));
    house.becomes(&messages[1].result, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["a", "b"]);
    assert_eq!(house.outbound.take_kept(event.row).await, None, "it has gone");
}

#[tokio::test]
async fn a_closed_request_keeps_the_answer_and_the_next_attempt_takes_it_once() {
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, false);
    let messages = house.answer(&event, vec![json!({"text": "a"})]).await;
    house.becomes(&messages[0].result, Status::Accepted).await;
    house.clock.advance(Duration::from_secs(5));
    assert_eq!(house.outbound.take_kept(event.row).await.as_deref(), Some(&b"a"[..]));
    assert_eq!(house.now_of(&messages[0].result).status(), Status::HandedOver);
    house.clock.advance(Duration::from_secs(60));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(house.platform.sent().is_empty());
}

#[tokio::test]
async fn without_api_a_kept_answer_that_nobody_fetched_expires_and_a_long_one_is_cut() {
    let house = awake();
    house.opened.observe(|it| it.api_shut = Some(Code::NotEntitled));
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, false);
    let kept = house.answer(&event, vec![json!({"text": "a"})]).await;
    house.becomes(&kept[0].result, Status::Accepted).await;
    house.clock.advance(Duration::from_secs(8));
    house.becomes(&kept[0].result, Status::Expired).await;

    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 14_000, true);
    let messages = house
        .answer(
            &event,
            vec![json!({"text": "a|b", "degrade": "REFUSE"}), json!({"text": "c|d"})],
        )
        .await;
    assert_eq!(code(&house.now_of(&messages[0].result)), "TOO_LONG");
    let cut = house.now_of(&messages[1].result);
    assert_eq!((cut.status(), cut.degradations.len()), (Status::HandedOver, 1));
    assert_eq!(house.windows.handed(&event.event.id), ["c"]);
    assert!(house.platform.sent().is_empty());
}

#[tokio::test]
async fn a_send_in_answer_to_an_event_rides_while_its_request_is_kept_open() {
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, true);
    let sent = house
        .submit(json!({"inReplyTo": event.event.id, "text": "a"}))
        .await
        .expect("accepted");
    assert_eq!(sent.status(), Status::HandedOver);
    assert_eq!(house.windows.handed(&event.event.id), ["a"]);
    let late = house
        .submit(json!({"inReplyTo": event.event.id, "text": "b"}))
        .await
        .expect("accepted");
    house.becomes(&late, Status::Sent).await;
    let too_late = json!({"inReplyTo": event.event.id, "text": "c", "route": "PASSIVE_ONLY"});
    let too_late = house.submit(too_late).await.expect("accepted");
    house.becomes(&too_late, Status::Expired).await;
    assert_eq!(house.platform.sent(), ["b"]);
}

#[tokio::test]
async fn a_picture_that_is_not_uploaded_in_time_goes_by_the_api() {
    let house = awake();
    let event = house.wrote(5);
    let png = futures_util::stream::iter([Ok::<_, std::io::Error>(b"\x89PNG\r\n\x1a\n")]);
    let media = house
        .outbound
        .parts
        .library
        .put(Label::default(), png)
        .await
        .expect("stored");
    house.windows.open(&event.event.id, START + 4_000, true);
    let slow = house.platform.gate.write().await;
    let (outbound, at, handle) = (house.outbound.clone(), event.clone(), media.handle.clone());
    let preparing = tokio::spawn(async move {
        let reply = request(json!({"message": {"parts": [{"image": {"handle": handle}}]}}));
        outbound.prepare(&at, vec![Ok(reply)]).await.messages()
    });
    until(|| !house.platform.asked("/token").is_empty(), "the upload began").await;
    house.clock.advance(Duration::from_secs(4));
    let messages = preparing.await.expect("prepared");
    assert_eq!(messages[0].result.status(), Status::Accepted);
    drop(slow);
    let quick = house
        .answer(
            &event,
            vec![json!({"message": {"parts": [{"image": {"handle": media.handle}}]}})],
        )
        .await;
    house.becomes(&quick[0].result, Status::Sent).await;
    assert_eq!(
        (house.platform.sent(), house.platform.asked("/upload").len()),
        (vec!["M1".to_owned()], 1)
    );
}

#[tokio::test]
async fn a_kept_answer_that_is_fetched_is_told_as_handed_over_once() {
    let core = Core {
        all_delivery_updates: true,
        ..core()
    };
    let house = asleep_with(None, core);
    house.wake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, false);
    let messages = house.answer(&event, vec![json!({"text": "a"})]).await;
    house.becomes(&messages[0].result, Status::Accepted).await;
    assert!(house.outbound.take_kept(event.row).await.is_some());
    house.becomes(&messages[0].result, Status::HandedOver).await;
    let told: Vec<_> = house.store.told().iter().map(v1::SendResult::status).collect();
    assert_eq!(told, [Status::HandedOver]);
}

#[tokio::test]
async fn an_answer_that_was_kept_after_its_lane_was_read_is_said_once() {
    let house = asleep();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, false);
    let messages = house.answer(&event, vec![json!({"text": "a|b"})]).await;
    until(|| house.store.all()[0].pieces_done == 0, "kept").await;
    let mut as_read = house.store.all()[0].clone();
    (as_read.pieces_done, as_read.next_attempt) = (1, START);
    let turn = house.outbound.turn_of(&Arc::new(as_read), false).await;
    assert!(matches!(turn, Ok(super::dispatch::Turn::WaitsUntil(at)) if at == START + 8_000));
    assert!(house.platform.sent().is_empty());
    house.clock.advance(Duration::from_secs(8));
    house.wake();
    house.becomes(&messages[0].result, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["a", "b"]);
}

#[tokio::test]
async fn a_repeated_callback_gets_the_same_answer_while_the_rest_goes_and_when_it_is_held() {
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, true);
    let slow = house.platform.gate.write().await;
    house.platform.will("/send", [says(45047)]);
    let messages = house
        .answer(&event, vec![json!({"text": "a|b", "noAllowance": "HOLD_FOR_CUSTOMER"})])
        .await;
    until(|| !house.platform.asked("/token").is_empty(), "the rest is under way").await;
    assert_eq!(house.outbound.take_kept(event.row).await.as_deref(), Some(&b"a"[..]));
    drop(slow);
    house.becomes(&messages[0].result, Status::Held).await;
    assert_eq!(house.outbound.take_kept(event.row).await.as_deref(), Some(&b"a"[..]));
    house.clock.advance(Duration::from_secs(1));
    house.wrote(5);
    house.becomes(&messages[0].result, Status::Sent).await;
    assert_eq!(
        house.platform.sent(),
        ["b", "b"],
        "the piece that rode is not said again"
    );
}

// ───────────── orders, typing, recall ─────────────

#[tokio::test]
async fn an_end_says_its_closing_and_ends_the_session_once() {
    let house = awake();
    let end =
        json!({"conversationKey": KEY, "session": {"verb": "END", "closing": {"parts": [{"text": {"body": "bye"}}]}}});
    let ended = house.submit(end).await.expect("accepted");
    house.becomes(&ended, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["bye"]);
    let events = house.store.events_now();
    let Some(v1::event::Body::Signal(signal)) = &events[0].event.body else {
        panic!("a signal")
    };
    let change = signal.session.as_ref().expect("a change");
    assert_eq!(change.after(), v1::conversation::SessionState::Ended);
    let again = house
        .submit(json!({"conversationKey": KEY, "session": {"verb": "END"}}))
        .await
        .expect("accepted");
    house.becomes(&again, Status::Sent).await;
    assert_eq!(house.store.events_now().len(), 1);
}

#[tokio::test]
async fn an_end_whose_closing_rides_ends_the_session_too() {
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, true);
    let end = json!({"session": {"verb": "END", "closing": {"parts": [{"text": {"body": "bye"}}]}}});
    let messages = house.answer(&event, vec![end]).await;
    house.becomes(&messages[0].result, Status::Sent).await;
    assert_eq!(house.windows.handed(&event.event.id), ["bye"]);
    assert!(house.platform.sent().is_empty());
    assert_eq!(house.store.events_now().len(), 2);
}

#[tokio::test]
async fn an_end_that_is_carried_out_without_its_words_is_no_bad_news() {
    let house = awake();
    house.platform.will("/send", [says(99999)]);
    let end =
        json!({"conversationKey": KEY, "session": {"verb": "END", "closing": {"parts": [{"text": {"body": "bye"}}]}}});
    let ended = house.submit(end).await.expect("accepted");
    let ended = house.becomes(&ended, Status::Sent).await;
    assert_eq!((ended.degradations.len(), house.store.told().len()), (1, 0));
}

#[tokio::test]
async fn orders_that_the_platform_does_not_know_are_refused() {
    let house = awake();
    for (json, expected) in [
        (json!({"verb": "QUEUE"}), Status::Failed),
        (json!({"verb": "ASSIGN", "servicer": "anna"}), Status::Failed),
        (json!({"verb": "TAKE"}), Status::Sent),
    ] {
        let result = house
            .submit(json!({"conversationKey": KEY, "session": json}))
            .await
            .expect("accepted");
        house.becomes(&result, expected).await;
    }
    let recall = house
        .submit(json!({"conversationKey": KEY, "recallMessageId": "m"}))
        .await
        .expect("accepted");
    let recall = house.becomes(&recall, Status::Failed).await;
    assert_eq!(code(&recall), "INVALID_REQUEST", "no such message");
    house.store.state(KEY, |state| {
        state.conversation.as_mut().expect("set").session_state = v1::conversation::SessionState::Human as i32;
    });
    for json in [
        json!({"conversationKey": KEY, "session": {"verb": "TAKE"}}),
        json!({"conversationKey": KEY, "text": "x"}),
    ] {
        let result = house.submit(json).await.expect("accepted");
        let result = house.becomes(&result, Status::Failed).await;
        assert_eq!(code(&result), "SESSION_WITH_HUMAN");
    }
}

#[tokio::test]
async fn typing_uses_up_nothing() {
    let house = awake();
    house.wrote(1);
    let typing = house
        .submit(json!({"conversationKey": KEY, "typing": true}))
        .await
        .expect("accepted");
    house.becomes(&typing, Status::Sent).await;
    house.becomes(&house.say("a").await, Status::Sent).await;
    house.becomes(&house.say("b").await, Status::Failed).await;
    assert_eq!(house.platform.asked("/typing").len(), 1);
}

#[tokio::test]
async fn a_typing_sign_holds_up_no_words() {
    let house = awake();
    house.platform.will("/typing", [says(-1)]);
    let typing = json!({"conversationKey": KEY, "typing": true});
    let typing = house.submit(typing).await.expect("accepted");
    let words = house.say("a").await;
    house.becomes(&words, Status::Sent).await;
    assert_eq!(house.now_of(&typing).status(), Status::Failed);
}

#[tokio::test]
async fn without_api_the_words_of_an_end_are_cut_and_the_session_ends() {
    let house = awake();
    house.opened.observe(|it| it.api_shut = Some(Code::NotEntitled));
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, true);
    let end = json!({"session": {"verb": "END", "closing": {"parts": [{"text": {"body": "bye|now"}}]}}});
    let location = json!({"message": {"parts": [{"location": {"latitude": 1.0, "longitude": 2.0}}]}});
    let messages = house.answer(&event, vec![location, end]).await;
    assert_eq!(code(&house.now_of(&messages[0].result)), "UNSUPPORTED_PART");
    house.becomes(&messages[1].result, Status::Sent).await;
    assert_eq!(house.windows.handed(&event.event.id), ["bye"]);
    assert!(house.platform.sent().is_empty());
    assert_eq!(house.store.events_now().len(), 2, "the session ended");
}

// ───────────── waiting, stopping ─────────────

#[tokio::test]
async fn a_caller_may_wait_for_the_platforms_answer() {
    let house = awake();
    house.platform.will("/send", [says(99999)]);
    let slow = house.platform.gate.write().await;
    let sent = house.say("a").await;
    let (outbound, id) = (house.outbound.clone(), sent.message_id.clone());
    let waiting = tokio::spawn(async move { outbound.wait(&id, Duration::from_secs(5)).await });
    until(|| !house.platform.asked("/token").is_empty(), "under way").await;
    drop(slow);
    let result = waiting.await.expect("waited").expect("known");
    assert_eq!((result.status(), code(&result)), (Status::Failed, "CONTENT_REJECTED"));
}

#[tokio::test]
async fn a_caller_waits_no_longer_than_it_said() {
    let house = asleep();
    let sent = house.say("a").await;
    let (outbound, id) = (house.outbound.clone(), sent.message_id.clone());
    let waiting = tokio::spawn(async move { outbound.wait(&id, Duration::from_secs(5)).await });
    until(
        || !house.outbound.waiting.lock().expect("no panic").is_empty(),
        "waiting",
    )
    .await;
    house.clock.advance(Duration::from_secs(5));
    assert_eq!(
        waiting.await.expect("waited").expect("known").status(),
        Status::Accepted
    );
    assert!(house.outbound.waiting.lock().expect("no panic").is_empty());
}

#[tokio::test]
async fn told_to_stop_it_ends_what_is_under_way_and_begins_nothing() {
    let house = asleep();
    let run = tokio::spawn(house.outbound.clone().run(house.stop.subscribe()));
    let slow = house.platform.gate.write().await;
    let (one, two) = (house.say("a").await, house.say("b").await);
    until(|| !house.platform.asked("/token").is_empty(), "under way").await;
    house.stop.send(true).expect("it runs");
    drop(slow);
    run.await.expect("it ended");
    assert_eq!(house.now_of(&one).status(), Status::Sent);
    assert_eq!(house.now_of(&two).status(), Status::Accepted);
}

/// Takes `id` back, and says how that ended.
async fn recalled(house: &House, id: &str, expected: Status) -> v1::SendResult {
    let order = json!({"conversationKey": KEY, "recallMessageId": id});
    let result = house.submit(order).await.expect("accepted");
    house.becomes(&result, expected).await
}

#[tokio::test]
async fn a_message_of_two_pieces_is_taken_back_by_both_its_ids_and_the_core_hears_of_it() {
    let house = awake();
    let with_id = |id: &str| Does::Says(json!({"errcode": 0, "msgid": id}));
    house.platform.will("/send", [with_id("m1"), with_id("m2")]);
    let sent = house
        .submit(json!({"conversationKey": KEY, "text": "a|b"}))
        .await
        .expect("accepted");
    house.becomes(&sent, Status::Sent).await;
    house.platform.will("/recall", [Does::Lost]);
    let order = json!({"conversationKey": KEY, "recallMessageId": sent.message_id});
    let order = house.submit(order).await.expect("accepted");
    until(
        || house.platform.asked("/recall").len() == 1 && house.now_of(&order).error.is_some(),
        "the first try",
    )
    .await;
    house.clock.advance(Duration::from_secs(1));
    house.becomes(&order, Status::Sent).await;
    assert_eq!(
        house.platform.asked("/recall"),
        ["m1", "m1", "m2"],
        "a lost answer is asked for again"
    );
    let told = house.store.told();
    let result = told.last().expect("told");
    assert_eq!(
        (result.message_id.as_str(), result.status()),
        (sent.message_id.as_str(), Status::Recalled)
    );
    recalled(&house, &sent.message_id, Status::Sent).await;
    assert_eq!(house.platform.asked("/recall").len(), 3, "taken back already");
}

#[tokio::test]
async fn what_cannot_be_taken_back_is_said() {
    let house = awake();
    house.platform.will(
        "/send",
        [
            Does::Says(json!({"errcode": 0})),
            Does::Says(json!({"errcode": 0, "msgid": "stays"})),
        ],
    );
    for _ in 0..2 {
        let sent = house
            .submit(json!({"conversationKey": KEY, "text": "a"}))
            .await
            .expect("accepted");
        house.becomes(&sent, Status::Sent).await;
        let failed = recalled(&house, &sent.message_id, Status::Failed).await;
        assert_eq!(code(&failed), "UNSUPPORTED_PART");
    }
    let stranger = house
        .submit(json!({"conversationKey": "official_account:wx1:u:o2", "text": "a"}))
        .await
        .expect("accepted");
    house.becomes(&stranger, Status::Sent).await;
    let failed = recalled(&house, &stranger.message_id, Status::Failed).await;
    assert_eq!(code(&failed), "INVALID_REQUEST", "another conversation's");
}

#[tokio::test]
async fn a_held_message_is_taken_back_without_a_call() {
    let house = awake();
    house.platform.will("/send", [says(45015)]);
    let hold = json!({"conversationKey": KEY, "text": "later", "noAllowance": "HOLD_FOR_CUSTOMER"});
    let held = house.submit(hold).await.expect("accepted");
    house.becomes(&held, Status::Held).await;
    recalled(&house, &held.message_id, Status::Sent).await;
    house.becomes(&held, Status::Recalled).await;
    assert!(house.platform.asked("/recall").is_empty());
}

#[tokio::test]
async fn a_code_of_the_platforms_is_kept_for_the_message_that_changes_the_one_before_and_used_once() {
    let house = awake();
    house.platform.will(
        "/send",
        [Does::Says(json!({"errcode": 0, "gives": "rc-1", "about": "card-1"}))],
    );
    let sent = house
        .submit(json!({"conversationKey": KEY, "text": "a"}))
        .await
        .expect("accepted");
    house.becomes(&sent, Status::Sent).await;
    for _ in 0..2 {
        let change = json!({"conversationKey": KEY, "nativeJson": "{\"changes\":\"card-1\"}"});
        let change = house.submit(change).await.expect("accepted");
        house.becomes(&change, Status::Sent).await;
    }
    let sent = house.platform.sent();
    assert_eq!(
        sent[1..],
        ["{\"changes\":\"card-1\"} with rc-1", "{\"changes\":\"card-1\"}"]
    );
}

#[tokio::test]
async fn what_the_platform_would_drop_for_coming_too_fast_waits_and_keeps_its_order() {
    let house = asleep_as(opened_slow(), None, core());
    house.wake();
    let long = house
        .submit(json!({"conversationKey": KEY, "text": "a|b|c"}))
        .await
        .expect("accepted");
    let next = house
        .submit(json!({"conversationKey": KEY, "text": "d"}))
        .await
        .expect("accepted");
    until(
        || house.now_of(&long).status() == Status::Accepted && house.platform.sent().len() == 2,
        "two gone",
    )
    .await;
    house.clock.advance(Duration::from_secs(60));
    house.becomes(&long, Status::Sent).await;
    house.becomes(&next, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["a", "b", "c", "d"]);
    let third = house
        .submit(json!({"conversationKey": KEY, "text": "e"}))
        .await
        .expect("accepted");
    until(|| house.now_of(&third).status() == Status::Accepted, "it waits").await;
    house.clock.advance(Duration::from_secs(60));
    house.becomes(&third, Status::Sent).await;
}
