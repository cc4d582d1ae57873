//! How does a person come into the console, and out again? By an API token or by a trusted proxy's word, for a cookie;
//! every change then carries the session's CSRF token.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header},
    web::{self, Data},
};
use serde::Deserialize;
use serde_json::json;

use super::sessions::{Session, Sessions, Who};
use crate::{
    api_tokens::{ProxyLogin, Scope},
    error::Code,
    ports::chance::Chance,
    secret::Secret,
    web::{
        Answer, Problem, State,
        admin::{Note, note, told},
        auth::Caller,
        body,
        params::Params,
    },
};

/// The header of a change that carries the CSRF token.
pub const CSRF_HEADER: &str = "x-csrf-token";
const MAX_LOGIN: u64 = 4096;
const MAX_PERSON: usize = 128;

/// Who may come in, and who is in.
pub struct Console {
    sessions: Sessions,
    proxy: Option<ProxyLogin>,
    /// Browsers reach us by TLS: the cookie never travels without it.
    secure: bool,
}

impl Console {
    pub fn new(chance: Arc<dyn Chance>, proxy: Option<ProxyLogin>, secure: bool) -> Self {
        Self {
            sessions: Sessions::new(chance),
            proxy,
            secure,
        }
    }

    /// With the prefix a browser takes it only over TLS, for this host alone.
    fn cookie_name(&self) -> &'static str {
        if self.secure { "__Host-wxbridge" } else { "wxbridge" }
    }

    fn set_cookie(&self, value: &str, more: &str) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let name = self.cookie_name();
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{more}")
    }

    fn cookie<'r>(&self, request: &'r HttpRequest) -> Option<&'r str> {
        let headers = request.headers().get_all(header::COOKIE);
        let pairs = headers
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'));
        pairs
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == self.cookie_name())
            .map(|(_, value)| value)
    }

    /// Whom a trusted proxy names.
    fn person(&self, request: &HttpRequest) -> Option<(String, Caller)> {
        let proxy = self.proxy.as_ref().filter(|proxy| proxy.trusts(request.peer_addr()))?;
        let mut said = request.headers().get_all(&proxy.header);
        // Two of them: somebody slipped one past the proxy.
        let (name, None) = (said.next()?.to_str().ok()?.trim(), said.next()) else {
            return None;
        };
        let lawful = !name.is_empty() && name.len() <= MAX_PERSON;
        lawful.then(|| (name.to_owned(), Caller(Arc::new(proxy.token_of(name)))))
    }

    /// Whom a session speaks for now: a revoked token and a person whom the proxy no longer names are nobody.
    fn caller(&self, session: &Session, request: &HttpRequest, state: &State) -> Option<Caller> {
        match &session.who {
            Who::Token(id) => state.tokens.by_id(id).map(Caller),
            Who::Person(name) => {
                let (named, caller) = self.person(request)?;
                (named == *name).then_some(caller)
            }
        }
    }
}

/// Who comes with a session's cookie; `None`: nobody does. A change must come from our own page.
pub fn visitor(request: &HttpRequest, state: &State) -> Answer<Option<Caller>> {
    let console = &state.console;
    let Some(cookie) = console.cookie(request) else {
        return Ok(None);
    };
    let ended = || {
        Problem::new(
            Code::Unauthenticated,
            "the console's session has ended; log in once more",
        )
    };
    let session = console.sessions.find(cookie, state.clock.now()).ok_or_else(ended)?;
    let caller = console.caller(&session, request, state).ok_or_else(ended)?;
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        same_origin(request)?;
        let token = request.headers().get(CSRF_HEADER).and_then(|value| value.to_str().ok());
        if !token.is_some_and(|token| session.knows(token)) {
            return Err(Problem::forbidden(
                "the X-CSRF-Token of the session is missing or wrong",
            ));
        }
    }
    Ok(Some(caller))
}

/// Browsers say from where a request comes; what is no browser says nothing.
fn same_origin(request: &HttpRequest) -> Answer<()> {
    let said = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let ours = match (said("sec-fetch-site"), said("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let from = origin.split_once("://").map(|(_, host)| host);
            from.is_some() && from == said("host")
        }
        (None, None) => true,
    };
    if ours {
        Ok(())
    } else {
        Err(Problem::forbidden("another site's page asked for this"))
    }
}

#[derive(Deserialize)]
struct Wish {
    token: Secret,
}

/// Why somebody is not let in, with the tokens that open this door; too many wrong ones are mended by waiting.
fn not_in(refusal: Problem) -> Problem {
    match refusal.code {
        Code::Unauthenticated | Code::Forbidden => refusal.helped(
            "The console takes an operator's or a viewer's token. The operator's own lies in operator.token in the state folder; another is made with wxbridge token create --name N --scope viewer (or operator).",
            "控制台只接受 operator 或 viewer 令牌。运维令牌在状态文件夹的operator.token中；也可用 wxbridge token create --name 名称 --scope viewer（或 operator）创建。",
        ),
        _ => refusal,
    }
}

/// An API token for a session's cookie.
pub async fn log_in(request: HttpRequest, payload: web::Payload, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    same_origin(&request)?;
    let wish: Wish = body::strict_within(&request, payload, MAX_LOGIN).await?;
    let now = state.clock.now();
    let Some(token) = state.tokens.check(wish.token.expose().trim()) else {
        return Err(not_in(state.wrong_tokens.refuse_login(request.peer_addr(), now)));
    };
    if !matches!(token.scope, Scope::Operator | Scope::Viewer) {
        return Err(not_in(Problem::forbidden(
            "this token's scope does not reach the console; it takes operator or viewer",
        )));
    }
    let who = Who::Token(token.id.clone());
    enter(&request, &state, who, &Caller(token)).await
}

/// Who is logged in here; whom a trusted proxy names is from now on.
pub async fn look(request: HttpRequest, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    let console = &state.console;
    let known = console
        .cookie(&request)
        .and_then(|cookie| console.sessions.find(cookie, state.clock.now()));
    if let Some(session) = known
        && let Some(caller) = console.caller(&session, &request, &state)
    {
        return shown(&session, &caller);
    }
    match console.person(&request) {
        Some((person, caller)) => enter(&request, &state, Who::Person(person), &caller).await,
        // No refusal: the page asks this before anybody could have logged in.
        None => told(StatusCode::OK, &json!({ "role": null })),
    }
}

async fn enter(request: &HttpRequest, state: &State, who: Who, caller: &Caller) -> Answer {
    let console = &state.console;
    if let Some(old) = console.cookie(request) {
        console.sessions.end(old);
    }
    let (cookie, session) = console.sessions.begin(who, state.clock.now());
    let from = request
        .peer_addr()
        .map_or_else(String::new, |peer| peer.ip().to_string());
    note(state, caller, Note::new("console.login", &from)).await;
    let mut answer = shown(&session, caller)?;
    set_cookie(&mut answer, &console.set_cookie(cookie.expose(), ""))?;
    Ok(answer)
}

fn shown(session: &Session, caller: &Caller) -> Answer {
    let by = match session.who {
        Who::Token(_) => "token",
        Who::Person(_) => "proxy",
    };
    told(
        StatusCode::OK,
        &json!({ "role": caller.0.scope, "name": caller.0.name, "by": by, "csrf": session.csrf.expose() }),
    )
}

/// Ends the session.
pub async fn log_out(request: HttpRequest, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    if visitor(&request, &state)?.is_some()
        && let Some(cookie) = state.console.cookie(&request)
    {
        state.console.sessions.end(cookie);
    }
    let mut answer = HttpResponse::NoContent().finish();
    set_cookie(&mut answer, &state.console.set_cookie("", "; Max-Age=0"))?;
    Ok(answer)
}

fn set_cookie(answer: &mut HttpResponse, cookie: &str) -> Answer<()> {
    let value = header::HeaderValue::from_str(cookie).map_err(|error| Problem::invalid(error.to_string()))?;
    answer.headers_mut().insert(header::SET_COOKIE, value);
    Ok(())
}
