//! How does an operator enter, change and remove accounts? `/admin/v1/accounts`.

use std::collections::HashMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Data},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    audit::{Note, note, notes},
    masks::{settings, starred},
    told,
};
use crate::{
    schema::json::{Unknown, parsed},
    secret::Secret,
    web::{
        Answer, Problem, State,
        auth::Caller,
        body,
        calls::accounts as views,
        needs::{Applied, Notation, Unapplied},
        params::Params,
        shapes,
        table::{Call, Gives, Kind, Query, Shape, Takes},
        v1::{self, shown},
    },
};

pub const CALLS: &[Call] = &[
    Call::get("/admin/v1/accounts", "All accounts", || web::get().to(list))
        .query(&[Query::limit(100), Query::after()])
        .gives(&[(200, v1::accounts::ACCOUNTS)]),
    Call::post(
        "/admin/v1/accounts",
        "Make the accounts what a file says, all or nothing",
        || web::post().to(apply),
    )
    .more("Takes the accounts file as it is (TOML), or the same as JSON. Every fault stands on a line of `detail`.")
    .query(&[Query::new(
        "prune",
        Kind::Flag,
        "Remove accounts that the file does not name (never those bound by scanning)",
    )])
    .takes(Takes::Accounts(Shape::Own("AccountsFile", || {
        json!({
            "type": "object",
            "properties": { "account": { "type": "array", "items": { "type": "object" } } },
            "additionalProperties": false,
        })
    })))
    .gives(&[(
        200,
        Gives::Json(Shape::Own("AppliedAccounts", || {
            let ids = || shapes::list(shapes::text());
            shapes::object(
                [
                    ("created", ids()),
                    ("updated", ids()),
                    ("unchanged", ids()),
                    ("removed", ids()),
                ],
                [],
            )
        })),
    )]),
    Call::get("/admin/v1/accounts/{id}", "One account", || web::get().to(one))
        .gives(&[(200, v1::accounts::ACCOUNT)])
        .refuses(&[404]),
    Call::patch("/admin/v1/accounts/{id}", "Change some settings of an account", || {
        web::patch().to(change)
    })
    .more(
        "A JSON merge patch (RFC 7396) of what an accounts file says of it: what is left out stays, secrets too; `null` takes a \
         setting out. Every fault stands on a line of `detail`. New values of `token` and `encoding_aes_key` hold at once; the call \
         to rotate honours the old ones for a while.",
    )
    .takes(Takes::Json(Shape::Own("AccountChange", || shapes::map(shapes::anything()))))
    .gives(&[(200, v1::accounts::ACCOUNT)])
    .refuses(&[404]),
    Call::get(
        "/admin/v1/accounts/{id}/settings",
        "What an account was bound with",
        || web::get().to(bound_with),
    )
    .more("As an accounts file says it; of secrets the last two characters.")
    .gives(&[(200, Gives::Json(Shape::Own("AccountSettings", || shapes::map(shapes::anything()))))])
    .refuses(&[404]),
    Call::delete("/admin/v1/accounts/{id}", "Forget an account", || {
        web::delete().to(remove)
    })
    .gives(&[(204, Gives::Nothing)])
    .refuses(&[404]),
    Call::post(
        "/admin/v1/accounts/{id}/rotate",
        "Give an account new callback values",
        || web::post().to(rotate),
    )
    .more("One of them or both. The old ones are honoured for 24 h after the new ones were first seen in use.")
    .takes(Takes::Json(Shape::Own("Rotation", || {
        let mut wish = shapes::request([], [("token", shapes::text()), ("encodingAesKey", shapes::text())]);
        wish["minProperties"] = json!(1);
        wish
    })))
    .gives(&[(200, v1::accounts::ACCOUNT)])
    .refuses(&[404]),
    Call::post(
        "/admin/v1/accounts/{id}/pause",
        "Let the events of an account wait",
        || web::post().to(pause),
    )
    .more(
        "Its callbacks are verified, stored and answered as ever; no core is offered its events, or finds them in its feed, until it \
         is resumed. What is in a core's hand at that moment may still be taken. Messages can be sent for it.",
    )
    .gives(&[(200, v1::accounts::ACCOUNT)])
    .refuses(&[404]),
    Call::post(
        "/admin/v1/accounts/{id}/resume",
        "Hand over what waited while the account was paused",
        || web::post().to(resume),
    )
    .more("In order, each conversation from the first event that was not taken.")
    .gives(&[(200, v1::accounts::ACCOUNT)])
    .refuses(&[404]),
];

const MAX_FILE: u64 = 16 * 1024 * 1024;

pub async fn list(request: HttpRequest, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let (limit, after) = (query.limit(100, 1000)?, query.filled("after")?.unwrap_or_default());
    query.done()?;
    shown(StatusCode::OK, &views::page(&state, limit, &after, |_| true))
}

pub async fn one(request: HttpRequest, id: web::Path<String>, caller: Caller, state: Data<State>) -> Answer {
    v1::accounts::one(request, id, caller, state).await
}

/// Takes the accounts file as it is, or `{"account":[…]}`.
pub async fn apply(request: HttpRequest, payload: web::Payload, caller: Caller, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let prune = query.flag("prune")?;
    query.done()?;
    let file = body::whole(&request, payload, MAX_FILE).await?;
    let notation = notation(&request, &file)?;
    let before: HashMap<String, Value> = state
        .registry
        .all()
        .iter()
        .map(|opened| (opened.settings.id.clone(), settings(&state, &opened.settings.id)))
        .collect();
    let applied = state.accounts.apply(&file, notation, prune).await.map_err(problem)?;
    write_down(&state, &caller, &applied, before).await;
    told(StatusCode::OK, &applied)
}

/// JSON where it is said or seen, else TOML.
fn notation(request: &HttpRequest, file: &[u8]) -> Answer<Notation> {
    let first = file.iter().find(|byte| !byte.is_ascii_whitespace());
    match body::content_type(request).as_str() {
        "application/json" => Ok(Notation::Json),
        "application/toml" | "text/toml" | "text/x-toml" => Ok(Notation::Toml),
        "" | "text/plain" | "application/octet-stream" | "application/x-www-form-urlencoded" => {
            Ok(if first == Some(&b'{') {
                Notation::Json
            } else {
                Notation::Toml
            })
        }
        other => Err(Problem::media_type(other, "application/toml or application/json")),
    }
}

async fn write_down(state: &State, caller: &Caller, applied: &Applied, mut before: HashMap<String, Value>) {
    let changed = [
        ("account.create", &applied.created),
        ("account.update", &applied.updated),
        ("account.remove", &applied.removed),
    ];
    let mut acts = Vec::new();
    for (what, ids) in changed {
        acts.extend(ids.iter().map(|id| Note {
            before: before.remove(id).unwrap_or_default(),
            after: settings(state, id),
            ..Note::new(what, id)
        }));
    }
    notes(state, caller, acts).await;
}

pub async fn bound_with(request: HttpRequest, id: web::Path<String>, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    match settings(&state, &id) {
        Value::Null => Err(Problem::not_found(format!("no account {id}"))),
        settings => told(StatusCode::OK, &settings),
    }
}

pub async fn change(
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
    caller: Caller,
    state: Data<State>,
) -> Answer {
    Params::of(&request).done()?;
    // As it is: here null says something.
    let body = body::json_within(&request, payload, body::MAX_BODY).await?;
    let patch = parsed(&body, Unknown::Refuse)?;
    if let Some(name) = starred(&patch) {
        return Err(Problem::invalid(format!(
            "{name}: found stars, which stand for a value that is not shown; expected the value itself, or leave it out"
        )));
    }
    let before = settings(&state, &id);
    let changed = state.accounts.change(&id, &patch).await.map_err(problem)?;
    let changed = changed.ok_or_else(|| Problem::not_found(format!("no account {id}")))?;
    if changed {
        let act = Note {
            before,
            after: settings(&state, &id),
            ..Note::new("account.update", &id)
        };
        note(&state, &caller, act).await;
    }
    v1::accounts::one(request, id, caller, state).await
}

pub async fn remove(request: HttpRequest, id: web::Path<String>, caller: Caller, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    let before = settings(&state, &id);
    if !state.accounts.remove(&id).await.map_err(problem)? {
        return Err(Problem::not_found(format!("no account {id}")));
    }
    note(
        &state,
        &caller,
        Note {
            before,
            ..Note::new("account.remove", &id)
        },
    )
    .await;
    Ok(HttpResponse::NoContent().finish())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rotation {
    #[serde(default)]
    token: Secret,
    #[serde(default, alias = "encoding_aes_key")]
    encoding_aes_key: Secret,
}

pub async fn rotate(
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
    caller: Caller,
    state: Data<State>,
) -> Answer {
    Params::of(&request).done()?;
    let new: Rotation = body::strict(&request, payload).await?;
    if new.token.is_empty() && new.encoding_aes_key.is_empty() {
        return Err(Problem::invalid("expected token, encodingAesKey or both"));
    }
    let before = settings(&state, &id);
    if !state
        .accounts
        .rotate(&id, new.token, new.encoding_aes_key)
        .await
        .map_err(problem)?
    {
        return Err(Problem::not_found(format!("no account {id}")));
    }
    let after = settings(&state, &id);
    note(
        &state,
        &caller,
        Note {
            before,
            after,
            ..Note::new("account.rotate", &id)
        },
    )
    .await;
    v1::accounts::one(request, id, caller, state).await
}

pub async fn pause(request: HttpRequest, id: web::Path<String>, caller: Caller, state: Data<State>) -> Answer {
    switch(request, id, caller, state, true).await
}

pub async fn resume(request: HttpRequest, id: web::Path<String>, caller: Caller, state: Data<State>) -> Answer {
    switch(request, id, caller, state, false).await
}

async fn switch(
    request: HttpRequest,
    id: web::Path<String>,
    caller: Caller,
    state: Data<State>,
    pause: bool,
) -> Answer {
    Params::of(&request).done()?;
    let changed = state.accounts.pause(&id, pause).await.map_err(problem)?;
    let changed = changed.ok_or_else(|| Problem::not_found(format!("no account {id}")))?;
    if changed {
        let what = if pause { "account.pause" } else { "account.resume" };
        let paused = |paused: bool| json!({ "paused": paused });
        let act = Note {
            before: paused(!pause),
            after: paused(pause),
            ..Note::new(what, &id)
        };
        note(&state, &caller, act).await;
    }
    v1::accounts::one(request, id, caller, state).await
}

pub(super) fn problem(why: Unapplied) -> Problem {
    match why {
        // One fault a line: the command line prints them as they stand.
        Unapplied::Faults(faults) => Problem::invalid(faults.join("\n")),
        Unapplied::Failed(fault) => fault.into(),
    }
}
