//! Are we alive, can we append, and in which numbers? For probes and Prometheus; no token, nothing about a customer.

use std::sync::Mutex;

use actix_web::{
    HttpResponse, Route, guard,
    http::header,
    web::{self, Data, ServiceConfig},
};

use super::{
    Answer, Problem, State,
    internal::{nothing_here, taking},
};
use crate::ports::{clock::Millis, store::StoreError};

const REMEMBERED: Millis = 1_000;
/// So long may the proof take. A disk that needs more leaves a callback, which its platform gives up after 5 s, no time for an
/// answer; and who probes waits no longer either.
const PROVEN_WITHIN: Millis = 2_000;

/// Configures the health listener.
pub fn health(state: Data<State>) -> impl Fn(&mut ServiceConfig) + Clone {
    move |app| {
        app.app_data(state.clone())
            .service(taking("/livez", "GET, HEAD").route(looked_at().to(alive)))
            .service(taking("/readyz", "GET, HEAD").route(looked_at().to(ready)))
            .service(taking("/metrics", "GET, HEAD").route(looked_at().to(metrics)))
            .default_service(web::to(nothing_here));
    }
}

/// Probes also ask with HEAD.
fn looked_at() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

async fn alive() -> &'static str {
    "ok\n"
}

/// The last answer of the store, for a second: probes do not become load.
#[derive(Default)]
pub struct Readiness(Mutex<Option<(Millis, Result<(), StoreError>)>>);

impl Readiness {
    fn remembered(&self, now: Millis) -> Option<Result<(), StoreError>> {
        let last = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (at, answer) = last.as_ref()?;
        (0..REMEMBERED).contains(&(now - at)).then(|| answer.clone())
    }

    fn remember(&self, now: Millis, answer: Result<(), StoreError>) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((now, answer));
    }
}

/// Can we append?
pub async fn readiness(state: &State) -> Result<(), StoreError> {
    let now = state.clock.now();
    if let Some(answer) = state.readiness.remembered(now) {
        return answer;
    }
    let answer = tokio::select! {
        answer = state.store.ready() => answer,
        () = state.clock.sleep_until(now + PROVEN_WITHIN) => {
            let seconds = PROVEN_WITHIN / 1_000;
            Err(StoreError::CannotAppend(format!("the disk has not answered for {seconds} s")))
        }
    };
    state.readiness.remember(state.clock.now(), answer.clone());
    answer
}

async fn ready(state: Data<State>) -> Answer<&'static str> {
    readiness(&state).await.map(|()| "ok\n").map_err(|error| {
        let mut problem = Problem::from(error);
        problem.status = actix_web::http::StatusCode::SERVICE_UNAVAILABLE;
        problem
    })
}

async fn metrics(state: Data<State>) -> HttpResponse {
    let now = state.clock.now();
    let metrics = &state.observer.metrics;
    let lag = state.delivery.lag();
    let names = state.cores.0.iter().map(|core| core.name.to_string());
    let names: std::collections::BTreeSet<String> = names.chain(lag.keys().cloned()).collect();
    for core in names {
        let waiting = lag.get(&core).copied().unwrap_or_default();
        let age = waiting.oldest.map_or(0, |oldest| (now - oldest).max(0));
        let events = i64::try_from(waiting.events).unwrap_or(i64::MAX);
        metrics.backlog_events.with_label_values(&[core.as_str()]).set(events);
        metrics
            .backlog_age_seconds
            .with_label_values(&[core.as_str()])
            .set(age as f64 / 1000.0);
    }
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .body(metrics.render())
}
