//! How does a core send, and learn what became of it?

use std::time::Duration;

use crate::{
    ports::store::MessageRef,
    schema::v1::{GetMessageRequest, SendRequest, SendResult, send_result::Status},
    web::{Answer, Problem, State, auth::Caller},
};

/// Durable when it returns. With `wait` it returns when the message is final, or as it stands when the time is over.
pub async fn send(state: &State, caller: &Caller, wish: SendRequest, wait: Option<Duration>) -> Answer<SendResult> {
    let result = state.sending.submit(&caller.0, wish, false).await?;
    match wait {
        Some(wait) if !is_final(&result) => Ok(state.sending.wait(&result.message_id, wait).await?),
        _ => Ok(result),
    }
}

/// What would come of it: nothing is kept or sent.
pub async fn preview(state: &State, caller: &Caller, wish: SendRequest) -> Answer<SendResult> {
    Ok(state.sending.submit(&caller.0, wish, true).await?)
}

/// Nothing more is expected to become of it by itself.
pub fn is_final(result: &SendResult) -> bool {
    !matches!(
        result.status(),
        Status::Unspecified | Status::Accepted | Status::Sending | Status::Held
    )
}

/// The message of this id, or the one that its account was given under the client's own.
pub async fn find(state: &State, caller: &Caller, which: &GetMessageRequest) -> Answer<SendResult> {
    let which = match which {
        GetMessageRequest {
            message_id,
            client_message_id,
            account_id,
        } if !message_id.is_empty() && client_message_id.is_empty() && account_id.is_empty() => {
            MessageRef::Id(message_id)
        }
        GetMessageRequest {
            message_id,
            client_message_id,
            account_id,
        } if message_id.is_empty() && !client_message_id.is_empty() && !account_id.is_empty() => {
            caller.must_see(account_id)?;
            MessageRef::Client {
                account: account_id,
                client_message_id,
            }
        }
        _ => {
            return Err(Problem::invalid(
                "expected a message id, or a client message id and an account",
            ));
        }
    };
    let message = state.store.message(which).await?;
    let message = message.ok_or_else(|| Problem::not_found("no such message"))?;
    caller.must_see(&message.account)?;
    if caller.0.core.is_some() {
        let view = state.store.conversation(&message.key).await?;
        caller.must_serve(view.as_ref().map_or("", |view| view.state.usual_core()))?;
    }
    Ok(message.result.clone())
}
