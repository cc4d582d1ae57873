//! How does a core hand in records of its own? `POST /v1/records`: they go where the configured forwarders want them.

use actix_web::{
    HttpRequest,
    http::StatusCode,
    web::{self, Data},
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    forward::{self, NewRecord, settings::Kind},
    schema::json::JsonError,
    web::{
        Answer, Problem, State,
        admin::told,
        auth::Caller,
        body,
        calls::conversations,
        params::Params,
        shapes,
        table::{Call, Gives, Shape, Takes},
    },
};

pub const CALLS: &[Call] = &[
    Call::post("/v1/records", "Hand in a record of the core's own for the forwarders", || {
        web::post().to(create)
    })
    .more("`content` travels as it is; `id`, `time` and `conversationKey` are added where it has none. Where no forwarder wants the type nothing is kept.")
    .takes(Takes::Json(Shape::Own("Record", asked)))
    .gives(&[(202, Gives::Json(Shape::Own("RecordTaken", answered)))])
    .refuses(&[404]),
];

fn asked() -> Value {
    shapes::request(
        [
            ("type", shapes::one_of(&Kind::ALL.map(Kind::name))),
            ("content", shapes::map(shapes::anything())),
        ],
        [("conversationKey", shapes::text())],
    )
}

fn answered() -> Value {
    shapes::object(
        [
            ("id", shapes::text()),
            (
                "forwarders",
                shapes::list(shapes::told("The name of one that will get it")),
            ),
        ],
        [],
    )
}

/// As large as a batch may be.
const MAX_CONTENT: u64 = 1024 * 1024;

/// Lists and objects inside each other in a content; readers elsewhere go no deeper.
const MAX_DEPTH: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Record {
    r#type: String,
    /// Not read into values of ours: nulls, long numbers and their digits stay as they came.
    content: Box<RawValue>,
    #[serde(default, alias = "conversation_key")]
    conversation_key: Option<String>,
}

pub async fn create(request: HttpRequest, payload: web::Payload, caller: Caller, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    let bytes = body::json_within(&request, payload, MAX_CONTENT).await?;
    let record = read(&bytes)?;
    let kind = Kind::parse(&record.r#type).ok_or_else(|| {
        let names = Kind::ALL.map(Kind::name).join(", ");
        Problem::invalid(format!("type is {:?}, expected one of {names}", record.r#type))
    })?;
    if forward::fields_of(record.content.get()).is_none() {
        return Err(Problem::invalid("content is no JSON object"));
    }
    if depth(record.content.get()) > MAX_DEPTH {
        return Err(Problem::invalid(format!("content is deeper than {MAX_DEPTH}")));
    }
    let conversation_key = match record.conversation_key.as_deref() {
        None | Some("") => String::new(),
        Some(key) => {
            let view = conversations::look(&state, &caller, key).await?;
            view.conversation.unwrap_or_default().key
        }
    };
    let new = NewRecord {
        kind,
        conversation_key,
        content: record.content,
    };
    let published = state.forwarding.publish(new).await?;
    let answer = json!({ "id": published.id, "forwarders": published.forwarders });
    told(StatusCode::ACCEPTED, &answer)
}

fn read(bytes: &[u8]) -> Answer<Record> {
    // Its fields in their order are no record.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(JsonError::NoObject("a list").into());
    }
    serde_json::from_slice(bytes).map_err(|error| Problem::invalid(error.to_string()))
}

/// How many lists and objects of this JSON are inside each other.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
