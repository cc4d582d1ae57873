//! Who comes into the console, and what a browser's session may do.

use actix_web::{
    App,
    http::{Method, header},
    test::{TestRequest, init_service},
    web::Data,
};
use serde_json::json;

use super::{Told, get, post, told};
use crate::{
    api_tokens::ProxyLogin,
    web::{State, console::Console, internal, testing::House},
};

const PEER: &str = "127.0.0.1:40000";

/// What a browser sends: our own page's request, unless `from` says otherwise.
struct Browser<'h> {
    house: &'h House,
    cookie: String,
    csrf: String,
    peer: &'static str,
    more: Vec<(&'static str, &'static str)>,
}

impl<'h> Browser<'h> {
    fn new(house: &'h House) -> Self {
        Self {
            house,
            cookie: String::new(),
            csrf: String::new(),
            peer: PEER,
            more: vec![("sec-fetch-site", "same-origin")],
        }
    }

    async fn ask(&self, request: TestRequest) -> Told {
        let app = init_service(App::new().configure(internal(self.house.state.clone()))).await;
        let mut request = request
            .peer_addr(self.peer.parse().expect("an address"))
            .insert_header((header::HOST, "localhost:8081"));
        if !self.cookie.is_empty() {
            request = request.insert_header((header::COOKIE, format!("other=1; {}", self.cookie)));
        }
        if !self.csrf.is_empty() {
            request = request.insert_header(("x-csrf-token", self.csrf.clone()));
        }
        for (name, value) in &self.more {
            request = request.append_header((*name, *value));
        }
        told(&app, request.to_request()).await
    }

    /// Logs in, and keeps cookie and CSRF token.
    async fn log_in(&mut self, token: &str) -> Told {
        let answer = self.ask(post("/console/session", &json!({ "token": token }))).await;
        self.remember(&answer);
        answer
    }

    fn remember(&mut self, answer: &Told) {
        let cookie = answer.header("set-cookie").split(';').next().unwrap_or_default();
        self.cookie = cookie.to_owned();
        self.csrf = answer.json()["csrf"].as_str().unwrap_or_default().to_owned();
    }
}

fn removal() -> TestRequest {
    TestRequest::delete().uri("/admin/v1/accounts/shop")
}

/// A house whose proxy at 10.0.0.0/8 names people.
async fn behind_a_proxy() -> House {
    let mut house = House::new().await;
    let proxy = ProxyLogin {
        header: "x-user".into(),
        proxies: vec!["10.0.0.0/8".parse().expect("a network")],
        operators: vec!["alice".into(), "*@ops".into()],
    };
    let chance = house.state.chance.clone();
    let state = Data::into_inner(std::mem::replace(&mut house.state, House::new().await.state));
    let Some(state) = std::sync::Arc::into_inner(state) else {
        panic!("the only one")
    };
    house.state = Data::new(State {
        console: Console::new(chance, Some(proxy), true),
        ..state
    });
    house
}

#[actix_web::test]
async fn who_is_not_let_in_hears_which_tokens_the_console_takes() {
    let house = House::new().await;
    for token in ["nobody's", house.core.as_str()] {
        let refused = Browser::new(&house).log_in(token).await;
        assert!(matches!(refused.status, 401 | 403), "{}", refused.status);
        let body = refused.json();
        let remedy = body["remedy"].as_str().unwrap_or_default();
        assert!(
            remedy.contains("--scope viewer") && !remedy.contains("--scope core"),
            "{body}"
        );
    }
}

#[actix_web::test]
async fn a_token_is_exchanged_for_a_cookie_that_no_script_reads() {
    let house = House::new().await;
    let mut browser = Browser::new(&house);
    assert_eq!(
        browser.ask(get("/console/session")).await.json(),
        json!({ "role": null })
    );
    let entered = browser.log_in(&house.operator).await;
    assert_eq!(entered.status, 200);
    let cookie = entered.header("set-cookie");
    assert!(
        cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict") && cookie.contains("; Path=/"),
        "{cookie}"
    );
    assert!(!cookie.contains(&house.operator) && entered.header("cache-control") == "no-store");
    assert_eq!(entered.json()["role"], "operator");
    let known = browser.ask(get("/console/session")).await.json();
    assert_eq!((&known["name"], &known["by"]), (&json!("op"), &json!("token")));
    assert_eq!(known["csrf"], browser.csrf.as_str());
    let audit = browser.ask(get("/admin/v1/audit")).await.json();
    assert_eq!(audit["items"][0]["what"], "console.login");
    assert_eq!(audit["items"][0]["target"], "127.0.0.1");
}

#[actix_web::test]
async fn the_session_does_what_its_token_may_and_ends_with_it() {
    let house = House::new().await;
    let mut eye = Browser::new(&house);
    assert_eq!(eye.log_in(&house.viewer).await.json()["role"], "viewer");
    assert_eq!(eye.ask(get("/admin/v1/accounts")).await.status, 200);
    assert_eq!(eye.ask(removal()).await.code(), "FORBIDDEN");
    let mut hand = Browser::new(&house);
    hand.log_in(&house.operator).await;
    assert_eq!(hand.ask(removal()).await.status, 204);
    let revoked = TestRequest::delete().uri("/admin/v1/tokens/eye");
    assert_eq!(hand.ask(revoked).await.status, 204);
    assert_eq!(eye.ask(get("/admin/v1/accounts")).await.code(), "UNAUTHENTICATED");
    assert_eq!(eye.ask(get("/console/session")).await.json()["role"], json!(null));
    let out = hand.ask(TestRequest::delete().uri("/console/session")).await;
    assert!(
        out.status == 204 && out.header("set-cookie").contains("Max-Age=0"),
        "{}",
        out.status
    );
    assert_eq!(hand.ask(get("/admin/v1/accounts")).await.status, 401);
}

#[actix_web::test]
async fn tokens_of_other_scopes_open_no_console() {
    let house = House::new().await;
    for token in [&house.core, &house.borrower] {
        let mut browser = Browser::new(&house);
        let refused = browser.log_in(token).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "FORBIDDEN"));
        assert_eq!(refused.header("set-cookie"), "");
    }
}

#[actix_web::test]
async fn a_change_needs_the_csrf_token_and_comes_from_our_own_page() {
    let house = House::new().await;
    let mut browser = Browser::new(&house);
    browser.log_in(&house.operator).await;
    let csrf = std::mem::take(&mut browser.csrf);
    for request in [removal(), post("/admin/v1/forwarders/switch", &json!({"on": false}))] {
        assert_eq!(browser.ask(request).await.code(), "FORBIDDEN");
    }
    assert_eq!(
        browser.ask(TestRequest::delete().uri("/console/session")).await.status,
        403
    );
    browser.csrf = format!("{csrf}x");
    assert_eq!(browser.ask(removal()).await.status, 403);
    browser.csrf = csrf;
    for from in [
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
        vec![("origin", "http://localhost:3000")],
        vec![("origin", "null")],
    ] {
        browser.more = from;
        assert_eq!(browser.ask(removal()).await.status, 403, "{:?}", browser.more);
        let entered = browser
            .ask(post("/console/session", &json!({"token": house.operator})))
            .await;
        assert_eq!((entered.status, entered.header("set-cookie")), (403, ""));
    }
    browser.more = vec![("origin", "http://localhost:8081")];
    assert_eq!(browser.ask(removal()).await.status, 204);
}

#[actix_web::test]
async fn guessing_is_slowed_down_and_told_when_to_come_back() {
    let house = House::new().await;
    let mut browser = Browser::new(&house);
    let mut statuses = Vec::new();
    for _ in 0..25 {
        let answer = browser.log_in("wxb_guess").await;
        statuses.push(answer.status);
        if answer.status == 429 {
            let seconds: u32 = answer.header("retry-after").parse().expect("seconds");
            assert!((1..=61).contains(&seconds));
        }
    }
    assert_eq!((statuses[0], statuses[24]), (401, 429));
    // Cookies are guessed no faster than they are found: nothing is behind them.
    browser.cookie = "wxbridge=guess".into();
    assert_eq!(browser.ask(get("/admin/v1/accounts")).await.status, 401);
    let long = "x".repeat(5000);
    assert_eq!(browser.log_in(&long).await.status, 413);
}

#[actix_web::test]
async fn a_trusted_proxys_word_is_believed_from_its_address_alone() {
    let house = behind_a_proxy().await;
    let named = |peer, user| {
        let mut browser = Browser::new(&house);
        browser.peer = peer;
        browser.more.push(("x-user", user));
        browser
    };
    let stranger = named("192.0.2.1:1", "alice");
    assert_eq!(
        stranger.ask(get("/console/session")).await.json(),
        json!({ "role": null })
    );
    for (user, role) in [("alice", "operator"), ("bob@ops", "operator"), ("bob", "viewer")] {
        let mut browser = named("10.1.2.3:1", user);
        let entered = browser.ask(get("/console/session")).await;
        assert_eq!(entered.json()["role"], role, "{user}");
        assert_eq!(entered.json()["by"], "proxy");
        assert!(entered.header("set-cookie").starts_with("__Host-wxbridge="));
        assert!(entered.header("set-cookie").contains("; Secure"));
        // The word alone opens nothing: another site could make a browser say it.
        assert_eq!(browser.ask(get("/admin/v1/accounts")).await.status, 401);
        browser.remember(&entered);
        let removed = browser.ask(removal()).await.status;
        assert_eq!(removed, if role == "operator" { 204 } else { 403 }, "{user}");
        // The cookie without the proxy, and with another person, is nobody's.
        browser.peer = "192.0.2.1:1";
        assert_eq!(browser.ask(get("/admin/v1/accounts")).await.status, 401);
        browser.peer = "10.1.2.3:1";
        browser.more.push(("x-user", "mallory"));
        assert_eq!(browser.ask(get("/admin/v1/accounts")).await.status, 401, "two names");
        browser.more = vec![("sec-fetch-site", "same-origin"), ("x-user", "mallory")];
        assert_eq!(browser.ask(get("/admin/v1/accounts")).await.status, 401);
    }
    let audit = named("10.1.2.3:1", "alice");
    let entered = audit.ask(get("/console/session")).await;
    let mut audit = audit;
    audit.remember(&entered);
    let acts = audit.ask(get("/admin/v1/audit?limit=1")).await.json();
    assert_eq!(acts["items"][0]["who"], "proxy:alice");
}

#[actix_web::test]
async fn files_allow_nothing_inline_or_foreign_and_need_no_token() {
    let house = House::new().await;
    let browser = Browser::new(&house);
    for path in ["/", "/console/app.js", "/console/console.css", "/console/words/zh.js"] {
        let file = browser.ask(get(path)).await;
        assert_eq!((file.status, file.header("x-content-type-options")), (200, "nosniff"));
        let policy = file.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        let head = browser.ask(get(path).method(Method::HEAD)).await;
        assert_eq!(head.status, 200);
        assert_eq!(browser.ask(post(path, &json!({}))).await.status, 405);
    }
    let page = String::from_utf8(browser.ask(get("/")).await.bytes).expect("text");
    assert!(!page.contains("style=") && !page.contains("onclick") && !page.contains("<script>"));
    assert_eq!(browser.ask(get("/console/nothing.js")).await.code(), "NOT_FOUND");
}
