//! Who is asking, and at which name? Bearer tokens, the console's sessions, and the Host allow-list of the internal listener.

use std::{
    future::{Ready, ready},
    net::{IpAddr, SocketAddr},
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use actix_web::{
    Error, FromRequest, HttpMessage as _, HttpRequest, ResponseError as _,
    body::{EitherBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{Method, header},
    middleware::Next,
    web,
};
use lru::LruCache;

use super::{Answer, Problem, State, console, lang, quota::Ticket};
use crate::{
    api_tokens::{ApiToken, Scope},
    error::Code,
    ports::clock::Millis,
};

/// The token that a request came with, or whom the console's session speaks for.
#[derive(Clone, Debug)]
pub struct Caller(pub Arc<ApiToken>);

impl Caller {
    /// The account is one that this token may see, else 403.
    pub fn must_see(&self, account: &str) -> Answer<()> {
        if self.0.sees_account(account) {
            Ok(())
        } else {
            Err(Problem::forbidden(format!("this token may not see account {account}")))
        }
    }

    /// The conversation is nobody's, or this token's core's.
    pub fn must_serve(&self, core: &str) -> Answer<()> {
        match &self.0.core {
            Some(own) if !core.is_empty() && own != core => {
                Err(Problem::forbidden("the conversation belongs to another core"))
            }
            _ => Ok(()),
        }
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Answer<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = request.extensions().get::<Caller>().cloned();
        ready(caller.ok_or_else(|| Problem::new(Code::Unauthenticated, "no token")))
    }
}

// ───────────── tokens ─────────────

/// Below `/v1`: cores and operators; a viewer reads.
pub async fn core_door<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    door(request, next, |scope, method| core_opens(scope, is_read(method))).await
}

/// Whether a call of the core's API, one that only reads or any other, is open to this scope.
pub fn core_opens(scope: Scope, reads: bool) -> bool {
    match scope {
        Scope::Core | Scope::Operator => true,
        Scope::Viewer => reads,
        Scope::Token => false,
    }
}

/// Access tokens of the platform: who has that scope, and operators.
pub async fn token_door<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    door(request, next, |scope, _| match scope {
        Scope::Token | Scope::Operator => true,
        Scope::Core | Scope::Viewer => false,
    })
    .await
}

/// Below `/admin/v1`: operators; a viewer reads.
pub async fn operator_door<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    door(request, next, |scope, method| match scope {
        Scope::Operator => true,
        Scope::Viewer => is_read(method),
        Scope::Core | Scope::Token => false,
    })
    .await
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

async fn door<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
    opens: fn(Scope, &Method) -> bool,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let caller = asking(&request).and_then(|(caller, ticket)| {
        if opens(caller.0.scope, request.method()) {
            Ok((caller, ticket))
        } else {
            Err(Problem::forbidden("the token's scope does not reach this"))
        }
    });
    match caller {
        Ok((caller, ticket)) => {
            request.extensions_mut().insert(caller);
            // It goes with the request, and ends with it.
            request.extensions_mut().insert(ticket);
            Ok(next.call(request).await?.map_into_left_body())
        }
        Err(problem) => Ok(request.into_response(problem.error_response()).map_into_right_body()),
    }
}

fn asking(request: &ServiceRequest) -> Answer<(Caller, Ticket)> {
    let state = state(request)?;
    let header = request.headers().get(header::AUTHORIZATION);
    if header.is_none()
        && let Some(visitor) = console::visitor(request.request(), &state)?
    {
        let ticket = state.quotas.admit(&visitor.0.id, state.clock.now())?;
        return Ok((visitor, ticket));
    }
    let authorization = header.map(|value| value.to_str().unwrap_or_default());
    admit(&state, authorization, request.peer_addr())
}

/// Who comes with this `authorization`, from that address? The call is under way until the ticket is dropped.
pub fn admit(state: &State, authorization: Option<&str>, peer: Option<SocketAddr>) -> Answer<(Caller, Ticket)> {
    let Some(authorization) = authorization else {
        return Err(Problem::new(
            Code::Unauthenticated,
            "no Authorization header, expected a bearer token",
        ));
    };
    match bearer(authorization).and_then(|text| state.tokens.check(text)) {
        Some(token) => {
            let ticket = state.quotas.admit(&token.id, state.clock.now())?;
            Ok((Caller(token), ticket))
        }
        None => Err(state.wrong_tokens.refuse(peer, state.clock.now())),
    }
}

fn state(request: &ServiceRequest) -> Answer<web::Data<State>> {
    let state = request.app_data::<web::Data<State>>().cloned();
    state.ok_or_else(|| Problem::new(Code::Overloaded, "the listener has no state"))
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim())
        .filter(|token| !token.is_empty())
}

/// Counts wrong tokens by who brings them. A wrong one is `UNAUTHENTICATED` however many came before it: whoever reads the
/// status looks at the token and not at the load. A right one always passes: a lock-out must not lock out a neighbour behind
/// the same address.
pub struct WrongTokens(Mutex<LruCache<Option<IpAddr>, (Millis, u32)>>);

const WRONG_PER_MINUTE: u32 = 20;
const MINUTE: Millis = 60_000;

impl Default for WrongTokens {
    fn default() -> Self {
        const KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);
        Self(Mutex::new(LruCache::new(KEPT)))
    }
}

impl WrongTokens {
    /// What a wrong token of the API is answered; over the limit with `Retry-After`.
    pub(super) fn refuse(&self, peer: Option<SocketAddr>, now: Millis) -> Problem {
        Problem {
            retry_after: self.count(peer, now),
            ..Problem::new(
                Code::Unauthenticated,
                "the token is not known; it may have been revoked",
            )
        }
    }

    /// What it is answered at the console's door, where people type: over the limit they are told to slow down.
    pub(super) fn refuse_login(&self, peer: Option<SocketAddr>, now: Millis) -> Problem {
        match self.refuse(peer, now) {
            Problem {
                retry_after: Some(seconds),
                ..
            } => Problem::slow_down("too many wrong tokens", seconds),
            refusal => refusal,
        }
    }

    /// Counts one more; over the limit the seconds until it is forgotten.
    fn count(&self, peer: Option<SocketAddr>, now: Millis) -> Option<u32> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = seen.get_or_insert_mut(peer.map(|peer| peer.ip()), || (now, 0));
        if !(0..MINUTE).contains(&(now - *since)) {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        let left = (*since + MINUTE - now) / 1000 + 1;
        (*count > WRONG_PER_MINUTE).then(|| u32::try_from(left).unwrap_or(60))
    }
}

// ───────────── names ─────────────

/// The names that the internal listener answers to. A page on a hostile name that resolves to us (DNS rebinding) is
/// turned away by it.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    names: Vec<String>,
    /// The listener has no address of its own (`0.0.0.0`): any literal address is one of ours.
    any_address: bool,
}

impl Hosts {
    /// From the listener's address and `[internal] hosts`.
    pub fn new(listen: SocketAddr, hosts: &[String]) -> Self {
        let mut names: Vec<String> = hosts
            .iter()
            .map(|host| without_port(host).to_ascii_lowercase())
            .collect();
        names.push(listen.ip().to_string());
        Self {
            names,
            any_address: listen.ip().is_unspecified(),
        }
    }

    /// Whether a request may be meant for us.
    pub fn fit(&self, host: &str) -> bool {
        let name = without_port(host).to_ascii_lowercase();
        let address = name.parse::<IpAddr>().ok();
        name == "localhost"
            || address.is_some_and(|address| address.is_loopback() || self.any_address)
            || self.names.contains(&name)
    }
}

/// `[::1]:80` → `::1`, `name:80` → `name`.
fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    match host.rsplit_once(':') {
        Some((name, _)) if !name.contains(':') => name,
        _ => host,
    }
}

/// Lets in what names one of our hosts; from here on everything is said in the caller's language.
pub async fn named<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    lang::within(lang::wanted(request.headers()), let_in(request, next)).await
}

async fn let_in<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let fits = state(&request).map(|state| {
        let header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        // HTTP/2 says it in the request's own address.
        let host = request.uri().authority().map(|authority| authority.as_str()).or(header);
        host.is_some_and(|host| state.hosts.fit(host))
    });
    let refusal = match fits {
        Ok(true) => return Ok(next.call(request).await?.map_into_left_body()),
        Ok(false) => Problem::forbidden("the Host header names none of this listener's hosts; see [internal] hosts"),
        Err(problem) => problem,
    };
    Ok(request.into_response(refusal.error_response()).map_into_right_body())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_loopback_the_listener_and_what_was_configured() {
        let listen = "10.0.0.7:8081".parse().expect("an address");
        let hosts = Hosts::new(listen, &["Bridge.internal".into(), "b2:9000".into()]);
        for (host, fits) in [
            ("localhost:8081", true),
            ("127.0.0.1", true),
            ("[::1]:8081", true),
            ("10.0.0.7:8081", true),
            ("bridge.internal", true),
            ("b2:1", true),
            ("10.0.0.8", false),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("", false),
        ] {
            assert_eq!(hosts.fit(host), fits, "{host}");
        }
        assert!(Hosts::new("0.0.0.0:1".parse().expect("an address"), &[]).fit("10.0.0.8:1"));
    }

    #[test]
    fn a_wrong_token_is_unauthenticated_however_often_it_comes_and_told_when_to_come_again() {
        let wrong = WrongTokens::default();
        let peer = Some(SocketAddr::from(([127, 0, 0, 1], 1)));
        for times in 1..=3 * WRONG_PER_MINUTE {
            let refused = wrong.refuse(peer, 0);
            assert_eq!((refused.status.as_u16(), refused.code), (401, Code::Unauthenticated));
            assert_eq!(refused.retry_after.is_some(), times > WRONG_PER_MINUTE, "{times}");
        }
        assert_eq!(wrong.refuse(peer, MINUTE).retry_after, None);
    }

    #[test]
    fn the_consoles_door_is_slowed_down_for_a_minute() {
        let wrong = WrongTokens::default();
        let peer = Some(SocketAddr::from(([127, 0, 0, 1], 1)));
        let answers: Vec<u16> = (0..=WRONG_PER_MINUTE)
            .map(|_| wrong.refuse_login(peer, 0).status.as_u16())
            .collect();
        assert_eq!((answers.first(), answers.last()), (Some(&401), Some(&429)));
        assert_eq!(wrong.refuse_login(peer, MINUTE).status, 401);
    }
}
