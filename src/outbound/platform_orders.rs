//! What do session orders do where the platform keeps sessions of its own? It is told, what it says is believed, and the words
//! of an order go by the code that comes with it.

use std::sync::Arc;

use super::{
    Outbound,
    by_code::ByCode,
    dispatch::Turn,
    faults::error,
    platform_session::{Moved, Place},
};
use crate::{
    accounts::Opened,
    channels::contract::{CodeOf, CodeRule, Holder, Sessions, Ticket},
    error::Code,
    ports::store::{Message, StoreError, View},
    schema::v1::{self, conversation::SessionState, send_result::Status, session_control::Verb},
};

impl Outbound {
    /// Carries out one order. `None`: the words go first, and then the order is carried out on our side.
    pub(super) async fn platform_order(
        &self,
        message: &Message,
        opened: &Arc<Opened>,
        sessions: &dyn Sessions,
        view: Option<&View>,
        order: &v1::SessionControl,
    ) -> Result<Option<Turn>, StoreError> {
        let (into, servicer, of) = match order.verb() {
            Verb::Take => return self.take(message, opened, sessions, view).await.map(Some),
            Verb::End => (SessionState::Ended, "", CodeOf::End),
            Verb::Queue => (SessionState::Queued, "", CodeOf::Transfer),
            Verb::Assign => (SessionState::Human, order.servicer.as_str(), CodeOf::Transfer),
            Verb::Unspecified => return Ok(None),
        };
        if into == SessionState::Human && servicer.is_empty() {
            return self
                .end(message, Status::Failed, no_servicer(), Vec::new())
                .await
                .map(Some);
        }
        let place = Place::of(&message.key);
        let moved = self
            .shift(opened, sessions, &place.to(&message.id), into, servicer)
            .await;
        let ordered = Holder {
            state: into,
            servicer: servicer.to_owned(),
        };
        match moved {
            Moved::Yes(code) => {
                let rule = sessions.code(of);
                let code = code.map(|code| ByCode::of_order(code, rule, self.now() + rule.window));
                let told = self.moved(message, opened, view, &ordered, code.as_ref()).await;
                if let (Err(_), Some(by)) = (&told, &code) {
                    self.keep_ticket(opened, ticket(message, by)).await;
                }
                told?;
                let words = order.closing.clone();
                self.carried_out(message, opened, words, code).await.map(Some)
            }
            // A move whose answer was lost, whose news could not be kept, or that a colleague made meanwhile.
            Moved::No(holder, _) if holder == ordered => {
                let code = self.kept_code(message, opened, sessions.code(of)).await?;
                self.moved(message, opened, view, &holder, code.as_ref()).await?;
                let words = order.closing.clone();
                self.carried_out(message, opened, words, code).await.map(Some)
            }
            Moved::No(holder, refusal) => match (into, holder.state) {
                // Not every state can be ended by order: the words go while the session is ours, and it ends for us.
                (SessionState::Ended, SessionState::New | SessionState::Assistant) => match &order.closing {
                    Some(_) => Ok(None),
                    None => {
                        self.end_session(message, view).await?;
                        self.carried_out(message, opened, None, None).await.map(Some)
                    }
                },
                _ => {
                    let error = sessions.refused_in(refusal, &holder);
                    self.end(message, Status::Failed, error, Vec::new()).await.map(Some)
                }
            },
            Moved::Failed(error) => self.end(message, Status::Failed, error, Vec::new()).await.map(Some),
            Moved::Later(error) => self.retry(&tried(message), error).await.map(Some),
        }
    }

    /// The code that an earlier try of this order was given, whose news could not be kept: the platform gives it once.
    async fn kept_code(
        &self,
        message: &Message,
        opened: &Opened,
        rule: CodeRule,
    ) -> Result<Option<ByCode>, StoreError> {
        let kept = self.kept_ticket(opened, message.id.clone()).await?;
        Ok(kept.map(|kept| ByCode::of_order(kept.code, rule, kept.expires.unwrap_or_default())))
    }

    /// TAKE: succeeds when nobody holds the customer.
    async fn take(
        &self,
        message: &Message,
        opened: &Arc<Opened>,
        sessions: &dyn Sessions,
        view: Option<&View>,
    ) -> Result<Turn, StoreError> {
        let place = Place::of(&message.key);
        let to = place.to(&message.id);
        let holder = match self.held(opened, sessions, &to).await {
            Ok(holder) => holder,
            Err(Moved::Failed(error)) => return self.end(message, Status::Failed, error, Vec::new()).await,
            Err(Moved::Later(error)) => return self.retry(&tried(message), error).await,
            Err(Moved::Yes(_) | Moved::No(..)) => return Ok(Turn::Done),
        };
        let held = matches!(holder.state, SessionState::Human | SessionState::Queued);
        if holder.state != SessionState::Human
            && holder.state != SessionState::Ended
            && holder.state != SessionState::Assistant
        {
            let moved = self.shift(opened, sessions, &to, SessionState::Assistant, "").await;
            if let Moved::Yes(_) = moved {
                let ours = Holder {
                    state: SessionState::Assistant,
                    servicer: String::new(),
                };
                self.moved(message, opened, view, &ours, None).await?;
                return self.fulfilled(message, opened).await;
            }
        }
        self.moved(message, opened, view, &holder, None).await?;
        if held {
            let refusal = error(Code::SessionWithHuman, "the platform's own agents have this customer");
            let error = sessions.refused_in(refusal, &holder);
            return self.end(message, Status::Failed, error, Vec::new()).await;
        }
        self.fulfilled(message, opened).await
    }
}

/// The code of an order, to be kept under its message.
fn ticket(message: &Message, by: &ByCode) -> Ticket {
    Ticket {
        code: by.code.clone(),
        about: message.id.clone(),
        expires: Some(by.expires),
        of_event: false,
    }
}

fn no_servicer() -> v1::Error {
    error(Code::InvalidRequest, "ASSIGN needs the servicer")
}

/// A try that is put off counts all the same.
pub(super) fn tried(message: &Message) -> Message {
    Message {
        attempts: message.attempts + 1,
        ..message.clone()
    }
}
