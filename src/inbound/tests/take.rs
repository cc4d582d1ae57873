//! What is taken, refused, set aside, and what is noted on the way.

use serde_json::json;

use crate::{
    accounts::Broken,
    error::Code,
    inbound::{Body, Reply, testing::*},
    outbound::{self, testing::Does},
    ports::{
        platform::Call,
        store::{RecordWrite, Store as _},
    },
    schema::v1,
    secret::Secret,
    settings::{AccountSettings, PlatformAgents, Previous, Security},
};

fn success() -> Reply {
    Reply {
        status: 200,
        body: Body::Success,
    }
}

fn scan(key: &str) -> String {
    format!(
        "<xml><ToUserName>gh_1</ToUserName><FromUserName>o1</FromUserName><CreateTime>1752000499</CreateTime>\
         <MsgType>event</MsgType><Event>SCAN</Event><EventKey>{key}</EventKey></xml>"
    )
}

#[tokio::test]
async fn a_push_is_durable_before_it_is_answered_and_carries_what_its_conversation_needs() {
    let house = House::new(settings(), vec![core(0)]).await;
    assert_eq!(house.post(&sealed(&text(1, "hi"), "n1")).await, success());
    let stored = house.event(1).await;
    let event = &stored.event;
    let conversation = event.conversation.clone().expect("a conversation");
    assert_eq!(conversation.key, format!("official_account:{APP}:u:o1"));
    assert_eq!(conversation.customer.expect("a customer").native_id, "o1");
    assert_eq!((stored.core.as_deref(), event.seq), (Some("main"), 1));
    assert_eq!(event.dedupe_key, format!("{APP}:1"));
    assert_eq!(event.traceparent.len(), 55);
    assert_eq!((event.allowances.len(), event.raw.is_none()), (1, true));
    assert_eq!(event.allowances[0].trigger, "message");
    assert_eq!(house.windows.count(), 0, "nothing is held for a core without a budget");
    assert_eq!(house.opened().observe(|condition| condition.last_callback), Some(NOW));
}

/// Whether there was a passive road, each time that the core was told what the account can do.
fn told_passive(house: &House) -> Vec<bool> {
    let heard = house.heard();
    let changes = heard.iter().filter_map(|stored| match &stored.event.body {
        Some(v1::event::Body::Signal(signal)) => signal.capabilities.as_ref().map(|able| able.passive),
        _ => None,
    });
    changes.collect()
}

#[tokio::test]
async fn the_record_and_the_core_know_that_json_has_no_passive_road() {
    let settings = AccountSettings {
        platform_agents: PlatformAgents::Allow,
        ..settings()
    };
    let house = House::new(settings, vec![core(0)]).await;
    let passive = || {
        let able = outbound::capabilities(&house.opened());
        let transfer = able.outbound.iter().find(|part| part.r#type == "transfer");
        let rides = transfer.is_some_and(|part| part.support() == v1::part_capability::Support::Native);
        assert_eq!(rides, able.passive, "a transfer has no other road");
        able.passive
    };
    let written = |id: u64| {
        json!({"ToUserName": "gh_1", "FromUserName": "o1", "CreateTime": 1_752_000_499, "MsgType": "text",
            "Content": "hi", "MsgId": id})
        .to_string()
    };
    assert_eq!(house.post(&sealed(&text(1, "hi"), "n1")).await, success());
    assert!(passive());
    for id in [2, 3] {
        assert_eq!(house.post(&sealed(&written(id), &format!("n{id}"))).await, success());
        until("the core hears of it", || told_passive(&house) == [false]).await;
        assert!(!passive());
    }
    house.opened().observe(|condition| condition.json = false);
    house.outbound.remember_accounts().await.expect("read");
    assert!(!passive(), "known after a restart");
    assert_eq!(house.post(&sealed(&text(4, "hi"), "n4")).await, success());
    until("the core hears of it", || told_passive(&house) == [false, true]).await;
    assert!(passive());
}

#[tokio::test]
async fn the_same_push_again_is_content_and_told_once() {
    let house = House::new(settings(), vec![core(0)]).await;
    assert_eq!(house.post(&sealed(&text(1, "hi"), "n1")).await, success());
    assert_eq!(house.post(&sealed(&text(1, "hi"), "n2")).await, success());
    assert_eq!(house.heard().len(), 1);
}

#[tokio::test]
async fn raw_rides_where_the_core_wants_it_and_always_with_what_nobody_knows() {
    let strange = text(1, "x").replace(">text<", ">hologram<");
    let house = House::new(settings(), vec![core(0)]).await;
    house.post(&sealed(&strange, "n1")).await;
    let raw = house.event(1).await.event.raw.clone().expect("raw");
    assert_eq!(
        (raw.media_type.as_str(), raw.body),
        ("application/xml", strange.into_bytes())
    );
    let mut wanting = core(0);
    wanting.raw_inline = true;
    let house = House::new(settings(), vec![wanting]).await;
    house.post(&sealed(&text(1, "hi"), "n1")).await;
    assert!(house.event(1).await.event.raw.is_some());
}

#[tokio::test]
async fn a_plain_body_binds_its_timestamp_and_nonce() {
    let account = AccountSettings {
        security: Security::Plain,
        encoding_aes_key: Secret::default(),
        ..settings()
    };
    let house = House::new(account, vec![core(0)]).await;
    assert_eq!(house.post(&plain(&text(1, "hi"), "n1")).await, success());
    assert_eq!(house.post(&plain(&text(1, "hi"), "n1")).await, success(), "a retry");
    let forged = house.post(&plain(&text(2, "pay me"), "n1")).await;
    assert_eq!(forged, Reply::empty(403));
    assert_eq!(house.heard().len(), 1);
    let refused = house.observer.refusals.of("shop");
    assert_eq!((refused.len(), refused[0].code), (1, Code::BadSignature));
}

#[tokio::test]
async fn a_strange_signature_and_a_strange_account_are_refused_and_counted() {
    let house = House::new(settings(), vec![core(0)]).await;
    let mut push = sealed(&text(1, "hi"), "n1");
    push.query = push.query.replace("msg_signature=", "msg_signature=0");
    assert_eq!(house.post(&push).await, Reply::empty(403));
    assert_eq!(house.post(&plain(&text(1, "hi"), "n1")).await, Reply::empty(403));
    let answer = house
        .inbound
        .call("nobody", NOW, None)
        .map(|_| ())
        .expect_err("unknown");
    assert_eq!(answer, Reply::empty(404));
    assert_eq!(house.observer.refusals.of("")[0].code, Code::AccountUnknown);
    let codes: Vec<Code> = house.observer.refusals.of("shop").iter().map(|it| it.code).collect();
    assert_eq!(codes, [Code::BadSignature, Code::PlaintextRefused]);
    assert!(house.heard().is_empty());
}

#[tokio::test]
async fn an_account_that_this_version_cannot_open_asks_the_platform_to_come_again() {
    let house = House::new(settings(), vec![core(0)]).await;
    house.registry.replace_broken(vec![Broken {
        settings: AccountSettings {
            id: "later".into(),
            ..settings()
        },
        faults: Vec::new(),
        bound_at: NOW,
    }]);
    let answer = house
        .inbound
        .call("later", NOW, None)
        .map(|_| ())
        .expect_err("not open");
    assert_eq!(answer, Reply::empty(503));
    assert!(house.observer.refusals.of("").is_empty());
}

#[tokio::test]
async fn the_console_gets_its_echo_and_nobody_else() {
    let house = House::new(settings(), vec![core(0)]).await;
    let query = plain("", "n1").query;
    let call = || {
        house
            .inbound
            .call("shop", NOW, None)
            .unwrap_or_else(|_| panic!("bound"))
    };
    let echo = call().handshake(&format!("{query}&echostr=42%2B"));
    assert_eq!(echo.body, Body::Text(b"42+".to_vec()));
    let strange = call().handshake(&format!("{}&echostr=42", query.replace("nonce=n1", "nonce=n2")));
    assert_eq!(strange, Reply::empty(403));
}

#[tokio::test]
async fn what_cannot_be_read_is_set_aside_and_read_with_the_keys_of_later() {
    let house = House::new(settings(), vec![core(0)]).await;
    let push = sealed_with(OTHER_KEY, &text(1, "hi"), "n1", NOW);
    assert_eq!(house.post(&push).await, success());
    let kept = house.store.quarantined(None, 10).await.expect("readable");
    assert_eq!((kept.len(), kept[0].code.as_str()), (1, "UNDECODABLE"));
    assert_eq!(
        (kept[0].query.clone(), kept[0].body.clone()),
        (push.query, push.body.into_bytes())
    );
    assert_eq!(kept[0].content_type, "text/xml");
    assert!(kept[0].key_ids.starts_with("current=") && !kept[0].key_ids.contains("abcdefghij"));
    assert!(house.heard().is_empty());

    let still = house.inbound.reread(&kept[0]).await.expect_err("still the wrong key");
    assert_eq!(still.code, Code::Undecodable);
    let mended = AccountSettings {
        encoding_aes_key: Secret::new(OTHER_KEY),
        ..settings()
    };
    house.service.apply(vec![mended], false).await.expect("applied");
    house.advance(3 * 24 * 3_600_000);
    let id = house.inbound.reread(&kept[0]).await.expect("read now");
    assert_eq!(id, Some(house.event(1).await.event.id.clone()));
    assert_eq!(house.inbound.reread(&kept[0]).await, Ok(None), "told before");
}

#[tokio::test]
async fn a_store_that_cannot_commit_is_answered_503() {
    let house = House::new(settings(), vec![core(4_000)]).await;
    house.store.close().await;
    assert_eq!(house.post(&sealed(&text(1, "hi"), "n1")).await, Reply::empty(503));
    let odd = sealed_with(OTHER_KEY, &text(1, "hi"), "n1", NOW);
    assert_eq!(house.post(&odd).await, Reply::empty(503));
    assert_eq!(house.windows.count(), 0);
}

#[tokio::test]
async fn whoever_enters_a_mini_program_is_in_one_whatever_the_button_says() {
    let mini = AccountSettings {
        channel: "mini_program".into(),
        ..settings()
    };
    let house = House::new(mini, vec![core(0)]).await;
    for (number, from) in ["", "a=1", ""].into_iter().enumerate() {
        let push = format!(
            "<xml><ToUserName>gh_1</ToUserName><FromUserName>o1</FromUserName><CreateTime>175200049{number}</CreateTime>\
             <MsgType>event</MsgType><Event>user_enter_tempsession</Event><SessionFrom>{from}</SessionFrom></xml>"
        );
        assert_eq!(house.post(&sealed(&push, &format!("n{number}"))).await, success());
        let entry = house.event(number + 1).await.event.entry.clone().expect("an entry");
        assert!(entry.opens_mini_program);
        assert_eq!(entry.params.len(), number.min(1), "what was said stands");
    }
}

#[tokio::test]
async fn an_entry_token_brings_what_was_registered_unless_it_is_unknown_or_over() {
    let house = House::new(settings(), vec![core(0)]).await;
    let entry = json!({"groupId": "sales", "params": {"a": "1"}});
    let put = |key: &str, expires: Option<i64>| RecordWrite::Put {
        space: "entries",
        key: key.into(),
        value: json!({"entry": entry, "expires": expires}).to_string().into_bytes(),
    };
    let writes = vec![put("good", None), put("over", Some(NOW))];
    house.store.write_records(writes).await.expect("written");
    for (number, (token, group)) in [("good", "sales"), ("over", ""), ("strange", "")]
        .into_iter()
        .enumerate()
    {
        let push = sealed(&scan(&format!("p={token}")), &format!("n{number}"));
        assert_eq!(house.post(&push).await, success());
        let entry = house.event(number + 1).await.event.entry.clone().expect("an entry");
        assert_eq!(entry.group_id, group, "{token}");
        assert_eq!(entry.problems.is_empty(), token == "good", "{:?}", entry.problems);
    }
}

#[tokio::test]
async fn a_rotation_counts_the_old_key_and_ends_some_time_after_the_new_one_is_seen() {
    let rotated = AccountSettings {
        encoding_aes_key: Secret::new(OTHER_KEY),
        previous: Some(Previous {
            token: Secret::new("spamtest"),
            encoding_aes_key: Secret::new(KEY),
            ..Previous::default()
        }),
        ..settings()
    };
    let house = House::new(rotated, vec![core(0)]).await;
    let seen = || {
        let previous = house.opened().settings.previous.clone();
        previous.and_then(|previous| previous.new_seen_at)
    };
    assert_eq!(house.post(&sealed(&text(1, "old"), "n1")).await, success());
    assert_eq!(house.post(&sealed(&text(2, "old"), "n2")).await, success());
    let (uses, warned) = house.opened().observe(|condition| {
        let warned = condition.warnings.contains_key(&Code::OldKeyStillUsed);
        (condition.old_key_uses, warned)
    });
    assert_eq!((uses, warned, seen()), (2, true, None));
    house.advance(1_000);
    let new = sealed_with(OTHER_KEY, &text(3, "new"), "n3", NOW);
    assert_eq!(house.post(&new).await, success());
    until("the new key is noted", || seen() == Some(NOW + 1_000)).await;
    let late = sealed_with(OTHER_KEY, &text(4, "new"), "n4", NOW + 1_000);
    assert_eq!(house.post(&late).await, success());
    let still = house
        .opened()
        .observe(|it| (it.old_key_uses, it.warnings.contains_key(&Code::OldKeyStillUsed)));
    assert_eq!(still, (0, false), "the platform uses the new key now");
}

#[tokio::test]
async fn a_clock_that_is_off_is_shown_until_it_is_not() {
    let house = House::new(settings(), vec![core(0)]).await;
    let skewed = || house.opened().observe(|it| it.warnings.contains_key(&Code::ClockSkew));
    let off = sealed_with(KEY, &text(1, "hi"), "n1", NOW - 20 * 60_000);
    assert_eq!(house.post(&off).await, success());
    assert!(skewed());
    assert_eq!(house.post(&sealed(&text(2, "hi"), "n2")).await, success());
    assert!(!skewed());
    let stale = sealed_with(KEY, &text(3, "hi"), "n3", NOW - 7 * 3_600_000);
    assert_eq!(house.post(&stale).await, Reply::empty(403));
}

/// The platform answers any call, and says that it is so late there.
async fn answered_at(house: &House, date: i64) {
    house
        .platform
        .will("/cgi-bin/get_api_quota", [Does::SaysAt(json!({"errcode": 0}), date)]);
    let call = Call::post("/cgi-bin/get_api_quota", "{}");
    let keeper = &house.inbound.parts.keeper;
    keeper.ask_with(&house.opened(), &call, None).await.expect("an answer");
    assert_eq!(keeper.skew(), Some(date - house.inbound.now()));
}

const HOUR: i64 = 3_600_000;

#[tokio::test]
async fn one_wrong_date_of_an_answer_loses_no_callback() {
    let house = House::new(settings(), vec![core(0)]).await;
    let skewed = || house.opened().observe(|it| it.warnings.contains_key(&Code::ClockSkew));
    for (number, date) in [0, NOW - 7 * HOUR, NOW + 7 * HOUR].into_iter().enumerate() {
        answered_at(&house, date).await;
        let push = sealed(&text(number as u64 + 1, "hi"), &format!("n{number}"));
        assert_eq!(house.post(&push).await, success(), "{date}");
        assert!(skewed(), "one of the clocks is wrong");
        let check = format!("{}&echostr=5", plain("", &format!("c{number}")).query);
        let call = house.inbound.call("shop", NOW, None).expect("a call");
        assert_eq!(call.handshake(&check).status, 200, "{date}");
        // By both clocks it is a replay.
        let stale = sealed_with(KEY, &text(9, "hi"), "n9", NOW - 14 * HOUR);
        assert_eq!(house.post(&stale).await, Reply::empty(403));
    }
    // What cannot be read stays fresh when it is looked at again.
    let unread = sealed_with(OTHER_KEY, &text(8, "hi"), "n8", NOW);
    assert_eq!(house.post(&unread).await, success());
    let kept = house.store.quarantined(None, 9).await.expect("read");
    assert_eq!(kept.first().map(|it| it.received), Some(NOW));
    answered_at(&house, NOW).await;
    assert_eq!(house.post(&sealed(&text(7, "hi"), "n7")).await, success());
    assert!(!skewed());
}

#[tokio::test]
async fn where_our_clock_is_wrong_the_platforms_counts_without_a_word() {
    let house = House::new(settings(), vec![core(0)]).await;
    answered_at(&house, NOW - 7 * HOUR).await;
    let push = sealed_with(KEY, &text(1, "hi"), "n1", NOW - 7 * HOUR);
    assert_eq!(house.post(&push).await, success());
    assert!(!house.opened().observe(|it| it.warnings.contains_key(&Code::ClockSkew)));
}

#[tokio::test]
async fn an_event_of_the_account_itself_stays_out_of_every_customers_way() {
    let house = House::new(settings(), vec![core(4_000)]).await;
    let body = include_str!("../../../fixtures/official_account/event_masssendjobfinish.xml");
    assert_eq!(house.post(&sealed(body, "n1")).await, success());
    let conversation = house.event(1).await.event.conversation.clone().expect("a conversation");
    assert_eq!(conversation.key, format!("official_account:{APP}:a:-"));
    assert_eq!(conversation.scope(), v1::conversation::Scope::Account);
}

#[tokio::test]
async fn who_left_and_came_back_while_that_could_not_be_read_is_here() {
    for (left_at, is_here) in [(1_752_000_400, true), (1_752_000_600, false)] {
        let house = House::new(settings(), vec![core(0)]).await;
        let left = format!(
            "<xml><ToUserName>gh_1</ToUserName><FromUserName>o1</FromUserName><CreateTime>{left_at}</CreateTime>\
             <MsgType>event</MsgType><Event>unsubscribe</Event></xml>"
        );
        assert_eq!(house.post(&sealed_with(OTHER_KEY, &left, "n1", NOW)).await, success());
        let kept = house.store.quarantined(None, 10).await.expect("readable");
        let mended = AccountSettings {
            encoding_aes_key: Secret::new(OTHER_KEY),
            ..settings()
        };
        house.service.apply(vec![mended], false).await.expect("applied");
        let back = sealed_with(OTHER_KEY, &text(1, "I am back"), "n2", NOW);
        assert_eq!(house.post(&back).await, success());
        house.event(1).await;
        house.inbound.reread(&kept[0]).await.expect("read now");
        let told = house.event(2).await;
        let open = !told.event.allowances.is_empty();
        assert_eq!(open, is_here, "{left_at}");
    }
}
