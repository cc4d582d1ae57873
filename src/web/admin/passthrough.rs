//! Which system had an account before, and what did it say beside what we said? `/admin/v1/passthrough`, newest first, and
//! `/admin/v1/accounts/{id}/passthrough`.

use actix_web::{
    HttpRequest,
    http::StatusCode,
    web::{self, Data},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    accounts::problem,
    audit::{Note, note},
    paged, row, told,
};
use crate::{
    config::{
        accounts_file::{OLD_URL, passthrough_to},
        reader::quoted,
    },
    secret::{masked, masked_query},
    settings::{PassMode, Passthrough},
    web::{
        Answer, Problem, State,
        auth::Caller,
        body,
        params::Params,
        shapes,
        table::{Call, Gives, Kind, Query, Shape, Takes},
    },
};

const PASSED: Gives = Gives::Json(Shape::Own("Passthrough", || {
    shapes::object(
        [
            ("url", shapes::text()),
            ("mode", shapes::one_of(&["off", "tee", "answer"])),
        ],
        [],
    )
}));

pub const CALLS: &[Call] = &[
    Call::get(
        "/admin/v1/passthrough",
        "What the system before answered, beside our answers, newest first",
        || web::get().to(list),
    )
    .more("The last 200 callbacks of each account with `passthrough`, since the start.")
    .query(&[
        Query::limit(100),
        Query::after(),
        Query::new("account", Kind::Text, "Only this account"),
    ])
    .gives(&[(200, Gives::Json(Shape::Page(&Shape::Own("HandedOn", handed))))]),
    Call::get(
        "/admin/v1/accounts/{id}/passthrough",
        "Which system hears the account's callbacks too",
        || web::get().to(one),
    )
    .gives(&[(200, PASSED)])
    .refuses(&[404]),
    Call::post(
        "/admin/v1/accounts/{id}/passthrough",
        "Let the system before hear the account's callbacks too, or no longer",
        || web::post().to(set),
    )
    .more(
        "`tee`: its answers only stand beside ours. `answer`: they are the platform's. `off`, without `url`: it hears nothing more. The \
         same as `passthrough` in the accounts file; also for accounts that were bound by a scan.",
    )
    .takes(Takes::Json(Shape::Own("NewPassthrough", || {
        shapes::request([("mode", shapes::one_of(&["off", "tee", "answer"]))], [("url", shapes::text())])
    })))
    .gives(&[(200, PASSED)])
    .refuses(&[404]),
];

fn handed() -> Value {
    let answer = || shapes::object([("kind", shapes::text())], [("text", shapes::text())]);
    shapes::object(
        [
            ("time", shapes::moment()),
            ("account", shapes::text()),
            ("eventId", shapes::told("Empty where it became no event")),
            ("mode", shapes::one_of(&["tee", "answer"])),
            ("ours", answer()),
            ("old", answer()),
            ("oldStatus", shapes::count()),
            ("oldMs", shapes::count()),
            ("same", shapes::flag()),
            ("returned", shapes::one_of(&["ours", "old", "none"])),
        ],
        [("fault", shapes::told("Why the old answer is none, or not lawful"))],
    )
}

pub async fn list(request: HttpRequest, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let (limit, after, account) = (
        query.limit(100, 1000)?,
        query.filled("after")?,
        query.filled("account")?,
    );
    query.done()?;
    let behind = after.map(|after| row("after", &after)).transpose()?;
    let behind = behind.and_then(|row| u64::try_from(row).ok()).unwrap_or(u64::MAX);
    let all = state.observer.handed_on.list(account.as_deref());
    let rest = all.into_iter().filter(|handed| handed.number < behind);
    paged(
        rest.take(limit + 1).collect(),
        limit,
        |handed| handed.number.to_string(),
        |handed| handed,
    )
}

pub async fn one(request: HttpRequest, id: web::Path<String>, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    told(StatusCode::OK, &shown(&state, &id)?)
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Off,
    Tee,
    Answer,
}

#[derive(Deserialize)]
struct Wish {
    mode: Mode,
    #[serde(default)]
    url: String,
}

pub async fn set(
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
    caller: Caller,
    state: Data<State>,
) -> Answer {
    Params::of(&request).done()?;
    let wish: Wish = body::strict(&request, payload).await?;
    let wanted = wanted(&wish)?;
    let before = shown(&state, &id)?;
    if !state.accounts.pass(&id, wanted).await.map_err(problem)? {
        return Err(nobody(&id));
    }
    let after = shown(&state, &id)?;
    if before != after {
        let act = Note {
            before: hidden(before),
            after: hidden(after.clone()),
            ..Note::new("account.passthrough", &id)
        };
        note(&state, &caller, act).await;
    }
    told(StatusCode::OK, &after)
}

fn wanted(wish: &Wish) -> Answer<Option<Passthrough>> {
    let mode = match wish.mode {
        Mode::Off => return Ok(None),
        Mode::Tee => PassMode::Tee,
        Mode::Answer => PassMode::Answer,
    };
    let to = passthrough_to(&wish.url, mode);
    to.map(Some)
        .ok_or_else(|| Problem::invalid(format!("url is {}, expected {OLD_URL}", quoted(&wish.url))))
}

fn shown(state: &State, id: &str) -> Answer<Value> {
    let opened = state.registry.get(id).ok_or_else(|| nobody(id))?;
    Ok(match &opened.settings.passthrough {
        Some(to) => json!({ "url": to.url, "mode": to.mode }),
        None => json!({ "url": "", "mode": "off" }),
    })
}

/// The audit is read by more people than the settings are.
fn hidden(mut shown: Value) -> Value {
    if let Some(Value::String(url)) = shown.get_mut("url") {
        *url = masked_query(url, masked);
    }
    shown
}

fn nobody(id: &str) -> Problem {
    Problem::not_found(format!("no account {id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_shows_no_key_of_the_old_address() {
        let shown = |url: &str| hidden(json!({ "url": url, "mode": "tee" }))["url"].clone();
        assert_eq!(shown("http://old.example/?t=hushhush"), "http://old.example/?t=****sh");
        assert_eq!(
            hidden(json!({ "url": "", "mode": "off" })),
            json!({ "url": "", "mode": "off" })
        );
    }
}
