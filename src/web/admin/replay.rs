//! How are stored events handed to a core again? `/admin/v1/replay`: begun here, watched here.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use actix_web::{
    HttpRequest,
    http::StatusCode,
    web::{self, Data},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    audit::{Note, note},
    paged, told,
};
use crate::{
    conversation::key::Key,
    error::{Code, Fault},
    web::{
        Answer, Problem, State,
        auth::Caller,
        body,
        needs::{ReplayRun, ReplayWish},
        params::{Params, moment},
        shapes,
        table::{Call, Gives, Query, Shape, Takes},
    },
};

const REPLAY: Shape = Shape::Own("Replay", described);

pub const CALLS: &[Call] = &[
    Call::get("/admin/v1/replay", "The replays since the start, newest first", || {
        web::get().to(list)
    })
    .query(&[Query::limit(100), Query::after()])
    .gives(&[(200, Gives::Json(Shape::Page(&REPLAY)))]),
    Call::post("/admin/v1/replay", "Hand stored events to a core again", || {
        web::post().to(start)
    })
    .takes(Takes::Json(Shape::Own("ReplayWish", || {
        shapes::request(
            [("core", shapes::text())],
            [
                ("conversation", shapes::told("The key of the only conversation")),
                ("from", shapes::moment()),
                ("to", shapes::moment()),
                ("allowReplies", shapes::flag()),
            ],
        )
    })))
    .gives(&[(202, Gives::Json(REPLAY))]),
    Call::get("/admin/v1/replay/{id}", "How far a replay has come", || {
        web::get().to(one)
    })
    .gives(&[(200, Gives::Json(REPLAY))])
    .refuses(&[404]),
];

fn described() -> Value {
    let count = [
        ("taken", shapes::count()),
        ("passedOver", shapes::count()),
        ("repliesTaken", shapes::count()),
        ("repliesRefused", shapes::count()),
    ];
    shapes::object(
        [
            ("replayId", shapes::text()),
            ("core", shapes::text()),
            ("state", shapes::one_of(&["running", "done", "failed"])),
            ("count", shapes::object(count, [])),
            ("error", shapes::or_null(shapes::text())),
        ],
        [],
    )
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    core: String,
    #[serde(default)]
    conversation: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    allow_replies: bool,
}

pub async fn start(request: HttpRequest, payload: web::Payload, caller: Caller, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    let wish: Wish = body::strict(&request, payload).await?;
    if state.cores.named(&wish.core).is_none() {
        return Err(Problem::invalid(format!(
            "core is {:?}, which is not configured",
            wish.core
        )));
    }
    let time = |name, text: &str| (!text.is_empty()).then(|| moment(name, text)).transpose();
    let conversation = match wish.conversation.as_str() {
        "" => None,
        text => Some(
            Key::parse(text)
                .ok_or_else(|| Problem::invalid("conversation is no conversation key"))?
                .render(),
        ),
    };
    let (from, to) = (time("from", &wish.from)?, time("to", &wish.to)?);
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err(Problem::invalid("from is later than to: nothing lies between"));
    }
    let run = state.replaying.prepare(ReplayWish {
        core: wish.core.clone(),
        conversation,
        from,
        to,
        allow_replies: wish.allow_replies,
    })?;
    let after = serde_json::to_value(&wish).unwrap_or_default();
    let replay = state
        .replays
        .begin(format!("r-{}", uuid::Uuid::now_v7()), wish.core, run)?;
    note(
        &state,
        &caller,
        Note {
            after,
            ..Note::new("replay", &replay.id)
        },
    )
    .await;
    told(StatusCode::ACCEPTED, &replay.show())
}

/// Newest first.
pub async fn list(request: HttpRequest, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let (limit, after) = (query.limit(100, 1000)?, query.filled("after")?);
    query.done()?;
    let known = state.replays.known();
    let rest = known
        .into_iter()
        .rev()
        .filter(|replay| after.as_ref().is_none_or(|after| replay.id < *after));
    paged(
        rest.take(limit + 1).collect(),
        limit,
        |replay| replay.id.clone(),
        |replay| replay.show(),
    )
}

pub async fn one(request: HttpRequest, id: web::Path<String>, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    let replay = state.replays.known().into_iter().find(|replay| replay.id == *id);
    let replay = replay.ok_or_else(|| Problem::not_found(format!("no replay {id} since the start")))?;
    told(StatusCode::OK, &replay.show())
}

/// Replays since the start.
#[derive(Default)]
pub struct Running(Mutex<VecDeque<Arc<Replay>>>);

const REMEMBERED: usize = 100;
const AT_ONCE: usize = 4;

struct Replay {
    id: String,
    core: String,
    run: Arc<dyn ReplayRun>,
    ended: OnceLock<Result<(), Fault>>,
}

impl Replay {
    fn show(&self) -> Value {
        let (state, error) = match self.ended.get() {
            None => ("running", None),
            Some(Ok(())) => ("done", None),
            Some(Err(fault)) => ("failed", Some(fault.to_string())),
        };
        json!({ "replayId": self.id, "core": self.core, "state": state, "count": self.run.count(), "error": error })
    }
}

impl Running {
    fn begin(&self, id: String, core: String, run: Arc<dyn ReplayRun>) -> Answer<Arc<Replay>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.iter().filter(|replay| replay.ended.get().is_none()).count() >= AT_ONCE {
            // The whole bridge's limit, whoever asks.
            return Err(Problem {
                retry_after: Some(10),
                ..Problem::new(Code::Overloaded, format!("{AT_ONCE} replays are running"))
            });
        }
        if known.len() >= REMEMBERED {
            known.pop_front();
        }
        let replay = Arc::new(Replay {
            id,
            core,
            run,
            ended: OnceLock::new(),
        });
        known.push_back(replay.clone());
        drop(known);
        let running = replay.clone();
        tokio::spawn(async move {
            let ended = running.run.run(&running.id).await;
            if let Err(fault) = &ended {
                tracing::warn!(replay = %running.id, %fault, "a replay ended early");
            }
            let _ = running.ended.set(ended);
        });
        Ok(replay)
    }

    fn known(&self) -> Vec<Arc<Replay>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }
}
