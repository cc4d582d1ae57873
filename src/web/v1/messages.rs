//! How does a core send, and learn what became of it? `POST` and `GET /v1/messages`.

use actix_web::{
    HttpRequest,
    http::StatusCode,
    web::{self, Data},
};

use super::shown;
use crate::{
    ports::store::{Message, MessageRef},
    schema::v1::{SendRequest, SendResult, send_result::Status},
    web::{Answer, Problem, State, auth::Caller, body, params::Params},
};

pub async fn send(request: HttpRequest, payload: web::Payload, caller: Caller, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let preview = query.flag("preview")?;
    let wait = query.wait()?;
    query.done()?;
    let mut wish: SendRequest = body::strict(&request, payload).await?;
    take_key(&request, &mut wish)?;
    let result = state.sending.submit(&caller.0, wish, preview).await?;
    if preview {
        return shown(StatusCode::OK, &result);
    }
    let Some(wait) = wait else {
        return shown(StatusCode::ACCEPTED, &result);
    };
    let result = match is_final(&result) {
        true => result,
        false => state.sending.wait(&result.message_id, wait).await?,
    };
    let status = if is_final(&result) {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
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

fn is_final(result: &SendResult) -> bool {
    !matches!(
        result.status(),
        Status::Unspecified | Status::Accepted | Status::Sending | Status::Held
    )
}

pub async fn by_id(request: HttpRequest, id: web::Path<String>, caller: Caller, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    answer(
        state.store.message(MessageRef::Id(&id)).await?.as_deref(),
        &caller,
        &state,
    )
    .await
}

pub async fn by_client_id(request: HttpRequest, caller: Caller, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let (id, account) = (query.filled("clientMessageId")?, query.filled("account")?);
    query.done()?;
    let (Some(client_message_id), Some(account)) = (id, account) else {
        return Err(Problem::invalid("expected ?clientMessageId= and ?account="));
    };
    caller.must_see(&account)?;
    let which = MessageRef::Client {
        account: &account,
        client_message_id: &client_message_id,
    };
    answer(state.store.message(which).await?.as_deref(), &caller, &state).await
}

async fn answer(message: Option<&Message>, caller: &Caller, state: &State) -> Answer {
    let message = message.ok_or_else(|| Problem::not_found("no such message"))?;
    caller.must_see(&message.account)?;
    if caller.0.core.is_some() {
        let view = state.store.conversation(&message.key).await?;
        caller.must_serve(view.as_ref().map_or("", |view| &view.state.core))?;
    }
    shown(StatusCode::OK, &message.result)
}
