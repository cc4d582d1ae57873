use std::time::Duration;

use serde_json::json;

use super::*;
use crate::{
    error::Code,
    outbound::testing::{Does, FakePlatform, MemoryStore, opened},
    ports::{
        clock::ManualClock,
        platform::{CallBody, Method},
    },
};

struct House {
    clock: ManualClock,
    platform: Arc<FakePlatform>,
    keeper: Arc<Keeper>,
    opened: Arc<Opened>,
}

fn house_with(clock: ManualClock, keep: Option<(Arc<dyn Store>, Vault)>) -> House {
    let platform = Arc::new(FakePlatform::default());
    let keeper = Keeper::new(Parts {
        platform: platform.clone(),
        hosts: Hosts {
            weixin_api: "http://weixin".into(),
            wecom_api: "http://wecom".into(),
        },
        clock: Arc::new(clock.clone()),
        observer: Arc::new(Observer::new()),
        keep,
        grants: None,
    });
    House {
        clock,
        platform,
        keeper,
        opened: opened(),
    }
}

fn house() -> House {
    house_with(ManualClock::at(1_000_000), None)
}

fn send() -> Call {
    Call {
        method: Method::Post,
        path: "/send",
        query: Vec::new(),
        body: CallBody::Json(br#"{"say":"x"}"#.to_vec()),
    }
}

async fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("did not come to hold");
}

#[tokio::test]
async fn a_hundred_callers_cause_one_fetch() {
    let house = house();
    let closed = house.platform.gate.write().await;
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (keeper, opened) = (house.keeper.clone(), house.opened.clone());
        callers.spawn(async move { keeper.token(&opened).await.map(|token| token.value.expose().to_owned()) });
    }
    until(|| house.platform.asked("/token").len() == 1).await;
    drop(closed);
    for token in callers.join_all().await {
        assert_eq!(token, Ok("T1".to_owned()));
    }
    assert_eq!(house.platform.asked("/token").len(), 1);
}

#[tokio::test]
async fn a_hundred_refused_callers_cause_one_refresh() {
    let house = house();
    let token = house.keeper.token(&house.opened).await.expect("a token");
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (keeper, opened, token) = (house.keeper.clone(), house.opened.clone(), token.clone());
        callers.spawn(async move {
            keeper
                .rejected(&opened, &token)
                .await
                .map(|it| it.value.expose().to_owned())
        });
    }
    for token in callers.join_all().await {
        assert_eq!(token, Ok("T2".to_owned()));
    }
    assert_eq!(house.platform.asked("/token").len(), 2);
}

#[tokio::test]
async fn a_refused_token_is_refreshed_once_and_the_call_made_once_more() {
    let house = house();
    house.platform.will("/send", [Does::Says(json!({"errcode": 40001}))]);
    let (_, verdict) = house.keeper.call(&house.opened, &send()).await.expect("an answer");
    assert_eq!(verdict, Verdict::Done { message_id: None });
    assert_eq!(house.platform.tokens_used("/send"), ["T1", "T2"]);
    let warned = house
        .opened
        .observe(|it| it.warnings.contains_key(&Code::TokenTakenElsewhere));
    assert!(warned, "a token in its time was replaced by somebody else");

    house.platform.will(
        "/send",
        [
            Does::Says(json!({"errcode": 40001})),
            Does::Says(json!({"errcode": 40001})),
        ],
    );
    let (_, verdict) = house.keeper.call(&house.opened, &send()).await.expect("an answer");
    assert!(
        matches!(verdict, Verdict::RefreshToken(_)),
        "a second refusal is an operator's matter: {verdict:?}"
    );
    assert_eq!(house.platform.asked("/send").len(), 4);
}

#[tokio::test]
async fn the_same_token_again_is_nobodys_theft() {
    let house = house();
    let same = || Does::Says(json!({"access_token": "S", "expires_in": 7200}));
    house.platform.will("/token", [same(), same()]);
    let token = house.keeper.token(&house.opened).await.expect("a token");
    house.keeper.rejected(&house.opened, &token).await.expect("a token");
    assert!(house.opened.observe(|it| it.warnings.is_empty()));
}

#[tokio::test]
async fn a_token_near_its_end_is_replaced_beside_its_users() {
    let house = house();
    house.keeper.token(&house.opened).await.expect("a token");
    house.clock.advance(Duration::from_secs(7200 - 240));
    let token = house.keeper.token(&house.opened).await.expect("a token");
    assert_eq!(token.value.expose(), "T1", "nobody waits for the next one");
    until(|| house.platform.asked("/token").len() == 2).await;
    let mut current = String::new();
    for _ in 0..2_000 {
        current = house
            .keeper
            .token(&house.opened)
            .await
            .expect("a token")
            .value
            .expose()
            .to_owned();
        if current == "T2" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(current, "T2");
}

#[tokio::test]
async fn a_failure_is_not_repeated_at_once() {
    let house = house();
    house
        .platform
        .will("/token", [Does::NotSent, Does::Says(json!({"errcode": 40125}))]);
    let error = house.keeper.token(&house.opened).await.expect_err("no token");
    assert!(error.retryable);
    house.keeper.token(&house.opened).await.expect_err("still none");
    assert_eq!(house.platform.asked("/token").len(), 1, "the second did not ask");
    house.clock.advance(Duration::from_secs(1));
    let error = house.keeper.token(&house.opened).await.expect_err("a wrong secret");
    assert_eq!((error.code.as_str(), error.retryable), ("BAD_SECRET", false));
    house.clock.advance(Duration::from_secs(59));
    house
        .keeper
        .token(&house.opened)
        .await
        .expect_err("a final fault waits longer");
    assert_eq!(house.platform.asked("/token").len(), 2);
    house.clock.advance(Duration::from_secs(2));
    house.keeper.token(&house.opened).await.expect("a token");
}

#[tokio::test]
async fn credentials_that_are_refused_stand_among_the_warnings_until_a_token_comes() {
    let house = house();
    let warned = || {
        house
            .opened
            .observe(|it| it.warnings.keys().copied().collect::<Vec<_>>())
    };
    house.platform.will(
        "/token",
        [
            Does::NotSent,
            Does::Says(json!({"errcode": 40125, "errmsg": "invalid appsecret"})),
        ],
    );
    house.keeper.token(&house.opened).await.expect_err("no token");
    assert!(warned().is_empty(), "this passes by itself");
    house.clock.advance(Duration::from_secs(1));
    house.keeper.token(&house.opened).await.expect_err("a wrong secret");
    assert_eq!(warned(), [Code::BadSecret]);
    house.keeper.token_now(&house.opened).await.expect("a token");
    assert!(warned().is_empty());
}

#[tokio::test]
async fn a_warning_of_somebody_else_is_neither_replaced_nor_taken_back() {
    let house = house();
    let theirs = "pulling wk1 fails";
    house
        .opened
        .observe(|it| it.warnings.insert(Code::BadSecret, theirs.to_owned()));
    let said = || house.opened.observe(|it| it.warnings[&Code::BadSecret].clone());
    house.platform.will("/token", [Does::Says(json!({ "errcode": 40125 }))]);
    house.keeper.token(&house.opened).await.expect_err("a wrong secret");
    assert_eq!(said(), theirs);
    house.keeper.token_now(&house.opened).await.expect("a token");
    assert_eq!(said(), theirs);
}

#[tokio::test]
async fn a_token_outlives_a_restart_sealed() {
    let clock = ManualClock::at(1_000_000);
    let store = MemoryStore::new(Arc::new(clock.clone()));
    let vault = || {
        let turn: vault::Turn = Arc::new(|_, bytes| Some(bytes.iter().map(|byte| byte ^ 0x55).collect()));
        Vault {
            seal: turn.clone(),
            open: turn,
        }
    };
    let first = house_with(clock.clone(), Some((store.clone(), vault())));
    first.keeper.token(&first.opened).await.expect("a token");
    let record = store
        .record("platform_tokens", "shop")
        .await
        .expect("readable")
        .expect("kept");
    assert!(!String::from_utf8_lossy(&record).contains("T1"), "sealed");

    let second = house_with(clock, Some((store, vault())));
    let token = second.keeper.token(&second.opened).await.expect("a token");
    assert_eq!(token.value.expose(), "T1");
    assert!(second.platform.asked("/token").is_empty());
}

#[tokio::test]
async fn a_borrower_names_a_dead_token_by_its_digest() {
    let house = house();
    let token = house.keeper.lend(&house.opened, None).await.expect("a token");
    let other = house
        .keeper
        .lend(&house.opened, Some(&sha256_hex("another")))
        .await
        .expect("a token");
    assert_eq!(token, other, "not the current one: nothing is refreshed");
    let failed = |token: &'static str| {
        let house = &house;
        async move {
            let lent = house.keeper.lend(&house.opened, Some(&sha256_hex(token))).await;
            lent.expect("a token").value.expose().to_owned()
        }
    };
    let (one, another) = tokio::join!(failed("T1"), failed("T1"));
    assert_eq!(
        (one.as_str(), another.as_str()),
        ("T2", "T2"),
        "at once, and once for all"
    );
    assert_eq!(failed("T1").await, "T2", "not the current one any more");
    assert_eq!(failed("T2").await, "T2", "renewed a moment ago: one more cures nothing");
    house.clock.advance(Duration::from_secs(30));
    assert_eq!(failed("T2").await, "T3");
    assert_eq!(house.platform.asked("/token").len(), 3);
}

#[tokio::test]
async fn who_mended_something_need_not_wait_out_the_refusal() {
    let house = house();
    house.platform.will("/token", [Does::Says(json!({"errcode": 40125}))]);
    assert!(house.keeper.token(&house.opened).await.is_err());
    assert!(
        house.keeper.token(&house.opened).await.is_err(),
        "not asked again at once"
    );
    assert_eq!(house.platform.asked("/token").len(), 1);
    assert!(house.keeper.token_now(&house.opened).await.is_ok());
}

#[tokio::test]
async fn that_somebody_took_our_token_is_told_for_a_day_also_when_an_earlier_run_noticed_it() {
    const HOUR: Millis = 3_600_000;
    let house = house();
    let warned = || {
        house
            .opened
            .observe(|it| it.warnings.contains_key(&Code::TokenTakenElsewhere))
    };
    // Tokens live for two hours at most: each of these needs a new one.
    let after = async |time: Millis| {
        house.clock.set(house.clock.now() + time);
        house.keeper.token(&house.opened).await.expect("a token");
        warned()
    };
    after(0).await;
    house.platform.will("/send", [Does::Says(json!({"errcode": 40001}))]);
    house.keeper.call(&house.opened, &send()).await.expect("an answer");
    assert!(warned());
    assert!(after(23 * HOUR).await);
    assert!(!after(2 * HOUR).await);

    house.opened.observe(|it| {
        it.warnings
            .insert(Code::TokenTakenElsewhere, "before the restart".into())
    });
    assert!(after(25 * HOUR).await, "from now on it is counted");
    assert!(after(23 * HOUR).await);
    assert!(!after(2 * HOUR).await);
}

#[tokio::test]
async fn only_an_answer_of_the_api_itself_tells_the_time() {
    let house = house();
    let dated = |status, body: &str, date| {
        Does::Answers(Answer {
            date,
            ..Answer::json(status, body)
        })
    };
    let other = Some(5);
    house.platform.will(
        "/send",
        [
            dated(200, r#"{"errcode":0}"#, Some(1_000_700)),
            dated(502, r#"{"errcode":0}"#, other),
            dated(200, "<html>bad gateway</html>", other),
            dated(200, "[]", other),
            dated(200, "", other),
            dated(200, r#"{"errcode":0}"#, None),
            // As a file, which comes from anywhere.
            dated(200, "bytes", other),
        ],
    );
    for _ in 0..6 {
        let answer = house.keeper.ask_with(&house.opened, &send(), None).await;
        answer.expect("an answer");
        assert_eq!(house.keeper.skew(), Some(700));
    }
    let got = house.keeper.download(&house.opened, &send(), None).await;
    assert!(got.is_ok());
    assert_eq!(house.keeper.skew(), Some(700));
}
