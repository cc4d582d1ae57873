//! How does a core hand in records of its own? `POST /v1/records`: they go where the configured forwarders want them.

use actix_web::{
    HttpRequest,
    http::StatusCode,
    web::{self, Data},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    forward::{NewRecord, settings::Kind},
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    r#type: String,
    content: Value,
    #[serde(default, alias = "conversation_key")]
    conversation_key: String,
}

pub async fn create(request: HttpRequest, payload: web::Payload, caller: Caller, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    let record: Record = body::strict_within(&request, payload, MAX_CONTENT).await?;
    let kind = Kind::parse(&record.r#type).ok_or_else(|| {
        let names = Kind::ALL.map(Kind::name).join(", ");
        Problem::invalid(format!("type is {:?}, expected one of {names}", record.r#type))
    })?;
    if !record.content.is_object() {
        return Err(Problem::invalid("content is no JSON object"));
    }
    let conversation_key = match record.conversation_key.as_str() {
        "" => String::new(),
        key => {
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
