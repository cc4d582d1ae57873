//! How does a core send, and learn what became of it? `POST` and `GET /v1/messages`.

use actix_web::{
    HttpRequest,
    http::StatusCode,
    web::{self, Data},
};

use super::shown;
use crate::{
    schema::v1::{GetMessageRequest, SendRequest},
    web::{
        Answer, Problem, State,
        auth::Caller,
        body,
        calls::messages,
        params::Params,
        table::{Call, Gives, Kind, Query, Shape, Takes},
    },
};

const RESULT: Gives = Gives::Json(Shape::Message("SendResult"));

pub const CALLS: &[Call] = &[
    Call::post(
        "/v1/messages",
        "Send a message, a session order, typing or a recall",
        || web::post().to(send),
    )
    .more(
        "Durable when answered. The header `Idempotency-Key` may carry `clientMessageId`: the same key and body \
             have the same result, another body is 409. Everything of one conversation goes out in order.",
    )
    .query(&[
        Query::new(
            "preview",
            Kind::Flag,
            "Say by which road it would go, what would be lost, and send nothing",
        ),
        Query::new(
            "wait",
            Kind::Wait,
            "Answer with the final result if there is one by then",
        ),
    ])
    .takes(Takes::Json(Shape::Message("SendRequest")))
    .gives(&[(200, RESULT), (202, RESULT)])
    .refuses(&[404, 409]),
    Call::get("/v1/messages", "What became of a message, by its own id", || {
        web::get().to(by_client_id)
    })
    .query(&[
        Query::new("clientMessageId", Kind::Text, "The `clientMessageId` it was sent with").required(),
        Query::new("account", Kind::Text, "The account's id").required(),
    ])
    .gives(&[(200, RESULT)])
    .refuses(&[404]),
    Call::get("/v1/messages/{id}", "What became of a message", || web::get().to(by_id))
        .gives(&[(200, RESULT)])
        .refuses(&[404]),
];

pub async fn send(request: HttpRequest, payload: web::Payload, caller: Caller, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let preview = query.flag("preview")?;
    let wait = query.wait()?;
    query.done()?;
    let mut wish: SendRequest = body::strict(&request, payload).await?;
    take_key(&request, &mut wish)?;
    if preview {
        return shown(StatusCode::OK, &messages::preview(&state, &caller, wish).await?);
    }
    let result = messages::send(&state, &caller, wish, wait).await?;
    let status = match wait {
        Some(_) if messages::is_final(&result) => StatusCode::OK,
        _ => StatusCode::ACCEPTED,
    };
    shown(status, &result)
}

/// The `Idempotency-Key` header is another place for `clientMessageId`.
fn take_key(request: &HttpRequest, wish: &mut SendRequest) -> Answer<()> {
    let mut headers = request.headers().get_all("idempotency-key");
    let Some(header) = headers.next() else { return Ok(()) };
    let text = header
        .to_str()
        .map_err(|_| Problem::invalid("Idempotency-Key is not plain text"))?
        .trim();
    // A structured-field string (the header's draft) is quoted; most clients send it bare.
    let key = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text);
    if headers.next().is_some() || key.is_empty() {
        return Err(Problem::invalid("Idempotency-Key is empty or given twice"));
    }
    if wish.client_message_id.is_empty() {
        key.clone_into(&mut wish.client_message_id);
    } else if wish.client_message_id != key && wish.client_message_id != text {
        return Err(Problem::invalid("Idempotency-Key differs from clientMessageId"));
    }
    Ok(())
}

pub async fn by_id(request: HttpRequest, id: web::Path<String>, caller: Caller, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    let which = GetMessageRequest {
        message_id: id.into_inner(),
        ..Default::default()
    };
    shown(StatusCode::OK, &messages::find(&state, &caller, &which).await?)
}

pub async fn by_client_id(request: HttpRequest, caller: Caller, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let (id, account) = (query.filled("clientMessageId")?, query.filled("account")?);
    query.done()?;
    let (Some(client_message_id), Some(account_id)) = (id, account) else {
        return Err(Problem::invalid("expected ?clientMessageId= and ?account="));
    };
    let which = GetMessageRequest {
        client_message_id,
        account_id,
        ..Default::default()
    };
    shown(StatusCode::OK, &messages::find(&state, &caller, &which).await?)
}
