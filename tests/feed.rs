//! Does a core that pulls hear everything, in order, from the real binary? Pages, long polls, windows, restarts, strangers.

#![allow(clippy::unwrap_used)]

mod support;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use support::{
    bridge::{Bridge, Setup},
    peer::{Shop, element, msg_id},
    until,
};

const CORES: &str = "[[core]]\nname = \"main\"\nkind = \"feed\"\nreply_budget = \"BUDGET\"\nmatch = { accounts = [\"shop\"] }\n\
                     [[core]]\nname = \"other\"\nkind = \"feed\"\nreply_budget = \"0ms\"\n";

/// The bridge with two cores that pull, an account of each, and a token of each.
struct House {
    bridge: Bridge,
    shop: Shop,
    other: Shop,
    tokens: HashMap<&'static str, String>,
}

impl House {
    async fn new(budget: &str) -> Self {
        let mut setup = Setup::new();
        setup.more = CORES.replace("BUDGET", budget);
        let bridge = Bridge::start(setup).await;
        let (shop, other) = (Shop::new("shop"), Shop::new("second"));
        // Nobody calls the platform here.
        bridge.apply(&[&shop, &other], "http://127.0.0.1:9").await;
        let mut tokens = HashMap::new();
        for core in ["main", "other"] {
            let wish = json!({ "name": core, "scope": "core", "core": core });
            let (status, made) = bridge.post("/admin/v1/tokens", &wish).await;
            assert_eq!(status, 201, "{made}");
            tokens.insert(core, made["token"].as_str().unwrap().to_owned());
        }
        Self {
            bridge,
            shop,
            other,
            tokens,
        }
    }

    /// Status and body of `GET /v1/events`.
    async fn fetch(&self, token: &str, query: &str) -> (u16, Value) {
        let url = self.bridge.internal(&format!("/v1/events?{query}"));
        let answer = self
            .bridge
            .http
            .get(url)
            .bearer_auth(&self.tokens[token])
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn page(&self, query: &str) -> Value {
        let (status, page) = self.fetch("main", query).await;
        assert_eq!(status, 200, "{page}");
        page
    }

    async fn posted(&self, token: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = self.bridge.http.post(self.bridge.internal(path)).json(body);
        let answer = request.bearer_auth(&self.tokens[token]).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn ack(&self, cursor: &Value) -> Value {
        let (status, answer) = self
            .posted("main", "/v1/events/ack", &json!({ "cursor": cursor }))
            .await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    async fn text(&self, openid: &str, text: &str) {
        assert_eq!(self.bridge.text(&self.shop, openid, text).await.0, 200);
    }
}

fn events(page: &Value) -> &[Value] {
    page["events"].as_array().map_or(&[], Vec::as_slice)
}

/// Customer and number of each event.
fn seen(page: &Value) -> Vec<(String, u64)> {
    let who = |event: &Value| {
        event["conversation"]["customer"]["nativeId"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    events(page)
        .iter()
        .map(|event| (who(event), event["seq"].as_u64().unwrap_or_default()))
        .collect()
}

fn order(pairs: &[(&str, u64)]) -> Vec<(String, u64)> {
    pairs.iter().map(|(who, seq)| ((*who).to_owned(), *seq)).collect()
}

#[tokio::test]
async fn a_core_pulls_in_order_hears_again_what_it_did_not_take_and_goes_on_after_a_restart() {
    let mut house = House::new("0ms").await;
    for (who, text) in [("oAnna", "1"), ("oBert", "2"), ("oAnna", "3")] {
        house.text(who, text).await;
    }
    let second = house.bridge.text(&house.other, "oCleo", "for the other core").await;
    assert_eq!(second.0, 200);
    let first = house.page("limit=2").await;
    assert_eq!(seen(&first), order(&[("oAnna", 1), ("oBert", 1)]));
    assert_eq!(first["more"], true);
    assert_eq!(events(&first)[0]["message"]["summary"], "1");
    let next = first["next"].as_str().unwrap();
    assert_eq!(
        seen(&house.page(&format!("core=main&after={next}")).await),
        order(&[("oAnna", 2)])
    );
    let again = house.page("").await;
    assert_eq!(seen(&again), order(&[("oAnna", 1), ("oBert", 1), ("oAnna", 2)]));
    assert_eq!(events(&again)[0]["offer"]["attempt"], 2);
    assert_eq!(house.bridge.metric("wxbridge_backlog_events{core=\"main\"}").await, 3.0);

    house.ack(&first["next"]).await;
    house.bridge.restart().await;
    assert_eq!(seen(&house.page("").await), order(&[("oAnna", 2)]));
    house.bridge.kill();
    house.bridge.spawn();
    house.bridge.ready().await;
    let last = house.page(&format!("after={next}")).await;
    assert_eq!(seen(&last), order(&[("oAnna", 2)]));
    assert_eq!(house.ack(&last["next"]).await["committed"], last["next"]);
    let nothing = house.page(&format!("after={}", last["next"].as_str().unwrap())).await;
    assert!(events(&nothing).is_empty());
    let cores = house.bridge.get("/admin/v1/cores").await;
    let core = &cores["items"][0];
    assert_eq!(
        (&core["kind"], &core["state"], &core["backlogEvents"]),
        (&json!("feed"), &json!("up"), &json!(0))
    );
    assert!(core["lastFetch"].is_string() && core["lastAck"].is_string(), "{core}");
    assert_eq!(
        cores["items"][1]["backlogEvents"], 1,
        "the other core's event waits for it"
    );
}

#[tokio::test]
async fn a_paused_accounts_events_leave_the_feed_and_come_back_in_order_over_a_restart() {
    let mut house = House::new("0ms").await;
    for (who, text) in [("oAnna", "1"), ("oBert", "2"), ("oAnna", "3")] {
        house.text(who, text).await;
    }
    let first = house.page("limit=1").await;
    assert_eq!(seen(&first), order(&[("oAnna", 1)]));
    let all = house.page("").await;
    let switch = async |house: &House, what: &str| {
        let path = format!("/admin/v1/accounts/shop/{what}");
        let request = house.bridge.operator(reqwest::Method::POST, &path);
        assert_eq!(request.send().await.unwrap().status(), 200);
    };
    switch(&house, "pause").await;
    house.text("oAnna", "4").await;
    assert!(events(&house.page("").await).is_empty());
    // What was in its hand is not taken any more: an acknowledgement speaks of what is in the feed.
    house.ack(&all["next"]).await;
    assert_eq!(house.bridge.metric("wxbridge_backlog_events{core=\"main\"}").await, 0.0);
    house.bridge.restart().await;
    house.text("oBert", "5").await;
    assert!(events(&house.page("").await).is_empty());
    // The poll that waits already is rung.
    let began = Instant::now();
    let poll = house.page("wait=20s");
    let (page, ()) = tokio::join!(poll, switch(&house, "resume"));
    let mut heard = seen(&page);
    assert!(began.elapsed() < Duration::from_secs(15), "the poll was rung");
    if heard.len() < 5 {
        heard = seen(&house.page("").await);
    }
    let of = |who: &str| -> Vec<u64> { heard.iter().filter(|it| it.0 == who).map(|it| it.1).collect() };
    assert_eq!((of("oAnna"), of("oBert")), (vec![1, 2, 3], vec![1, 2]));
}

#[tokio::test]
async fn a_long_poll_ends_with_the_event_and_an_answer_to_it_rides_in_the_open_request() {
    let house = House::new("4000ms").await;
    let talk = async {
        let page = house.page("wait=20s").await;
        let event = &events(&page)[0];
        assert!(event["offer"]["passive"]["deadline"].is_string(), "{event}");
        let reply = json!({ "inReplyTo": event["id"], "text": "你好" });
        let (status, result) = house.posted("main", "/v1/messages?wait=5s", &reply).await;
        assert_eq!((status, &result["status"]), (200, &json!("HANDED_OVER")), "{result}");
        house.ack(&page["next"]).await;
    };
    let ((), (status, body)) = tokio::join!(talk, house.bridge.text(&house.shop, "oAnna", "hello"));
    assert_eq!(status, 200);
    let reply = house.shop.open_reply(&body).unwrap();
    assert_eq!(element(&reply, "Content").as_deref(), Some("你好"));
}

#[tokio::test]
async fn an_acknowledgement_lets_the_request_go_and_one_that_keeps_the_window_does_not() {
    let house = House::new("4000ms").await;
    let silent = async {
        let page = house.page("wait=20s").await;
        house.ack(&page["next"]).await;
        page["next"].clone()
    };
    let (next, (_, body)) = tokio::join!(silent, house.bridge.text(&house.shop, "oAnna", "one"));
    assert_eq!(body, "success");
    let thinking = async {
        let page = house.page(&format!("wait=20s&after={}", next.as_str().unwrap())).await;
        let keep = json!({ "cursor": page["next"], "keepWindow": true });
        assert_eq!(house.posted("main", "/v1/events/ack", &keep).await.0, 200);
        let reply = json!({ "inReplyTo": events(&page)[0]["id"], "text": "later" });
        assert_eq!(
            house.posted("main", "/v1/messages?wait=5s", &reply).await.1["status"],
            "HANDED_OVER"
        );
    };
    let ((), (_, body)) = tokio::join!(thinking, house.bridge.text(&house.shop, "oAnna", "two"));
    let reply = house.shop.open_reply(&body).unwrap();
    assert_eq!(element(&reply, "Content").as_deref(), Some("later"));
}

#[tokio::test]
async fn strangers_and_their_cursors_are_refused_and_nothing_is_lost() {
    let house = House::new("0ms").await;
    house.text("oAnna", "1").await;
    let page = house.page("").await;
    let cursor = page["next"].as_str().unwrap();
    let code = |(status, body): (u16, Value)| (status, body["code"].as_str().unwrap_or_default().to_owned());
    let is = |status, name: &str| (status, name.to_owned());
    assert_eq!(code(house.fetch("other", "core=main").await), is(403, "FORBIDDEN"));
    assert_eq!(
        code(house.fetch("other", &format!("after={cursor}")).await),
        is(400, "INVALID_REQUEST")
    );
    for query in ["after=1", "after=%00", "limit=0", "limit=x", "wait=soon", "afterr=1"] {
        assert_eq!(
            code(house.fetch("main", query).await),
            is(400, "INVALID_REQUEST"),
            "{query}"
        );
    }
    for body in [
        json!({ "cursor": cursor, "core": "main" }),
        json!({ "cursor": cursor }),
        json!({ "cursor": "AQAAAAA" }),
        json!({}),
    ] {
        let found = house.posted("other", "/v1/events/ack", &body).await;
        assert!(matches!(found.0, 400 | 403), "{body}: {found:?}");
    }
    assert_eq!(seen(&house.page("").await).len(), 1);
    let answer = house
        .bridge
        .http
        .get(house.bridge.internal("/v1/events"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 401);
}

#[tokio::test]
async fn a_cursor_of_before_a_restore_is_too_old_and_says_where_to_go_on() {
    let mut house = House::new("0ms").await;
    house.text("oAnna", "1").await;
    let page = house.page("").await;
    assert_eq!(house.bridge.stop().await, 0);
    let file = house.bridge.state().join("wxbridge.db");
    wxbridge::store::sqlite::raise_epoch(&file, 0).unwrap();
    house.bridge.spawn();
    house.bridge.ready().await;
    let (status, problem) = house
        .fetch("main", &format!("after={}", page["next"].as_str().unwrap()))
        .await;
    assert_eq!((status, &problem["code"]), (410, &json!("CURSOR_TOO_OLD")), "{problem}");
    let oldest = problem["oldestAvailable"].as_str().unwrap();
    assert_eq!(
        seen(&house.page(&format!("after={oldest}")).await),
        order(&[("oAnna", 1)])
    );
    let old = json!({ "cursor": page["next"] });
    assert_eq!(house.posted("main", "/v1/events/ack", &old).await.0, 410);
}

#[tokio::test]
async fn idle_polls_of_one_token_have_a_bound_and_others_pass() {
    let house = House::new("0ms").await;
    let polls = (0..60).map(|_| house.fetch("main", "wait=20s"));
    let crowd = futures_util::future::join_all(polls);
    let rest = async {
        // The refused ones end at once; the others wait for this.
        until("a crowd", async || {
            let cores = house.bridge.get("/admin/v1/cores").await;
            cores["items"][0]["lastFetch"].is_string().then_some(())
        })
        .await;
        until("the bound", async || {
            (house.fetch("main", "").await.0 == 429).then_some(())
        })
        .await;
        assert_eq!(house.fetch("other", "").await.0, 200);
        house.text("oAnna", "1").await;
    };
    let (ended, ()) = tokio::join!(crowd, rest);
    let served = ended.iter().filter(|(status, _)| *status == 200).count();
    let refused = ended
        .iter()
        .filter(|(status, body)| *status == 429 && body["code"] == "OVERLOADED")
        .count();
    assert!(served > 0 && refused > 0, "{served} served, {refused} refused");
    assert_eq!(served + refused, 60);
    for (_, page) in ended.iter().filter(|(status, _)| *status == 200) {
        assert_eq!(seen(page), order(&[("oAnna", 1)]));
    }
}

#[tokio::test]
async fn nothing_appears_behind_a_cursor_while_many_customers_write() {
    const CUSTOMERS: usize = 12;
    const EACH: usize = 15;
    let house = House::new("0ms").await;
    let write = futures_util::future::join_all((0..CUSTOMERS).map(|number| {
        let house = &house;
        async move {
            let openid = format!("oC{number}");
            for _ in 0..EACH {
                let push = house.shop.sealed(&house.shop.text(&openid, msg_id(), "hello"));
                assert_eq!(house.bridge.pushed(&house.shop, &push).await.0, 200);
            }
        }
    }));
    let read = async {
        let (mut found, mut after) = (Vec::new(), String::new());
        while found.len() < CUSTOMERS * EACH {
            let page = house.page(&format!("wait=5s&limit=5&after={after}")).await;
            found.extend(seen(&page));
            after = page["next"].as_str().unwrap().to_owned();
        }
        found
    };
    let both = async { tokio::join!(write, read).1 };
    let found = tokio::time::timeout(Duration::from_secs(60), both).await.unwrap();
    let mut last = HashMap::new();
    for (who, seq) in found {
        let before = last.insert(who.clone(), seq).unwrap_or(0);
        assert_eq!(seq, before + 1, "{who}");
    }
}

#[tokio::test]
async fn a_replay_comes_through_the_feed_with_its_name() {
    let house = House::new("0ms").await;
    house.text("oAnna", "1").await;
    let page = house.page("").await;
    house.ack(&page["next"]).await;
    let (status, replay) = house.bridge.post("/admin/v1/replay", &json!({ "core": "main" })).await;
    assert_eq!(status, 202, "{replay}");
    let again = house
        .page(&format!("wait=20s&after={}", page["next"].as_str().unwrap()))
        .await;
    assert_eq!(events(&again)[0]["id"], events(&page)[0]["id"]);
    assert_eq!(events(&again)[0]["offer"]["replayId"], replay["replayId"]);
    house.ack(&again["next"]).await;
    let path = format!("/admin/v1/replay/{}", replay["replayId"].as_str().unwrap());
    let ended = until("the replay's end", async || {
        let now = house.bridge.get(&path).await;
        (now["state"] != "running").then_some(now)
    })
    .await;
    assert_eq!(
        (&ended["state"], &ended["count"]["taken"]),
        (&json!("done"), &json!(1)),
        "{ended}"
    );
}

#[tokio::test]
async fn a_reply_to_a_replay_is_refused_unless_the_replay_was_started_with_it() {
    let house = House::new("0ms").await;
    house.text("oAnna", "1").await;
    let page = house.page("").await;
    let event = events(&page)[0]["id"].clone();
    let reply = async |name: &str| {
        let wish = json!({ "inReplyTo": event, "text": "hi", "clientMessageId": name });
        house.posted("main", "/v1/messages", &wish).await
    };
    assert_eq!(reply("a").await.0, 202);
    house.ack(&page["next"]).await;
    assert_eq!(reply("b").await.0, 202, "late, and to the event itself");
    let mut after = page["next"].clone();
    for (allow, status) in [(false, 403), (true, 202)] {
        let wish = json!({ "core": "main", "allowReplies": allow });
        let (begun, replay) = house.bridge.post("/admin/v1/replay", &wish).await;
        assert_eq!(begun, 202, "{replay}");
        // What became of the replies is in the feed as well.
        let query = format!("wait=20s&after={}", after.as_str().unwrap());
        let again = until("the replay in the feed", async || {
            let again = house.page(&query).await;
            let named = |one: &Value| one["offer"]["replayId"] == replay["replayId"] && one["id"] == event;
            events(&again).iter().any(named).then_some(again)
        })
        .await;
        let told = reply(&format!("in hand {allow}")).await;
        assert_eq!(told.0, status, "{told:?}");
        house.ack(&again["next"]).await;
        let told = reply(&format!("taken {allow}")).await;
        assert_eq!(told.0, status, "{told:?}");
        after = again["next"].clone();
        let path = format!("/admin/v1/replay/{}", replay["replayId"].as_str().unwrap());
        let refused = &house.bridge.get(&path).await["count"]["repliesRefused"];
        assert_eq!(refused, &json!(if allow { 0 } else { 2 }));
    }
    let key = house.shop.conversation("oAnna");
    let plain = json!({ "conversationKey": key, "text": "hi" });
    assert_eq!(house.posted("main", "/v1/messages", &plain).await.0, 202);
}
