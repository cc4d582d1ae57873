//! What do session orders do where the platform has no sessions of its own, and what does the core hear of it?

use std::sync::Arc;

use super::{
    Outbound,
    closing::unsaid,
    dispatch::Turn,
    facts::{self, session_state},
    faults::error,
    platform_orders::tried,
    platform_session::{Moved, Place, judged, unanswered},
    ride::ALL_SAID,
    step,
};
use crate::{
    accounts::Opened,
    channels::contract::{Dedupe, SessionEffect},
    error::Code,
    ports::store::{Arrival, Message, Settle, StoreError, View},
    schema::v1::{
        self,
        conversation::{Scope, SessionState},
        event::Body,
        send_request::What,
        send_result::Status,
        session_control::Verb,
        signal::Type,
    },
    settings::PlatformAgents,
};

/// TAKE ends nothing: its closing words are said to nobody.
pub(super) fn words_beside_take(request: &v1::SendRequest) -> Option<v1::Degradation> {
    let Some(What::Session(order)) = &request.what else {
        return None;
    };
    let lost = order.verb() == Verb::Take && order.closing.is_some();
    lost.then(|| unsaid(&error(Code::InvalidRequest, "TAKE has no closing words")))
}

/// What a preview says about an order where the platform has no sessions of its own, or a recall.
pub fn preview(opened: &Opened, view: Option<&View>, request: &v1::SendRequest) -> Result<(), v1::Error> {
    let human = session_state(view) == SessionState::Human;
    match &request.what {
        Some(What::Session(order)) => match order.verb() {
            Verb::Take if human => Err(held_by_human()),
            Verb::Take | Verb::End => Ok(()),
            Verb::Queue | Verb::Assign | Verb::Unspecified => Err(no_queue()),
        },
        _ if opened.account.capabilities().recall => Ok(()),
        _ => Err(error(Code::UnsupportedPart, "this channel cannot take a message back")),
    }
}

impl Outbound {
    /// Carries out an order that has no words to say first. `None`: there is something to say.
    pub(super) async fn order(
        &self,
        message: &Message,
        opened: &Arc<Opened>,
        view: Option<&View>,
    ) -> Result<Option<Turn>, StoreError> {
        let order = match &message.request.what {
            Some(What::Session(order)) => order,
            Some(What::RecallMessageId(target)) => return self.recall(message, opened, target).await.map(Some),
            _ => return Ok(None),
        };
        let all_said = order.closing.is_some() && message.pieces_done == ALL_SAID;
        if let Some(sessions) = opened.account.sessions()
            && !all_said
        {
            return self.platform_order(message, opened, sessions, view, order).await;
        }
        match order.verb() {
            Verb::End => {
                let all_said = order.closing.is_none() || message.pieces_done == ALL_SAID;
                if !all_said {
                    return Ok(None);
                }
                self.end_session(message, view).await?;
                self.fulfilled(message, opened).await.map(Some)
            }
            Verb::Take => self.take_back(message, opened, view).await.map(Some),
            Verb::Queue | Verb::Assign | Verb::Unspecified => self
                .end(message, Status::Failed, no_queue(), Vec::new())
                .await
                .map(Some),
        }
    }

    pub(super) async fn fulfilled(&self, message: &Message, opened: &Opened) -> Result<Turn, StoreError> {
        let mut settle = step(message);
        settle.result.status = Status::Sent as i32;
        settle.result.error = None;
        settle.attempts += 1;
        settle.result.degradations.extend(words_beside_take(&message.request));
        settle.tell = self.tell(&opened.describe, Status::Sent);
        self.settle(settle).await?;
        Ok(Turn::Done)
    }

    /// TAKE: succeeds when nobody holds the customer; the platform's own agents let go where the operator allows them.
    async fn take_back(
        &self,
        message: &Message,
        opened: &Arc<Opened>,
        view: Option<&View>,
    ) -> Result<Turn, StoreError> {
        if session_state(view) != SessionState::Human {
            return self.fulfilled(message, opened).await;
        }
        let recipient = facts::recipient(&message.key).unwrap_or_default();
        let servicer = view
            .and_then(|view| view.state.conversation.as_ref())
            .and_then(|conversation| conversation.servicer.as_ref())
            .map(|servicer| servicer.native_id.clone())
            .unwrap_or_default();
        let call = (opened.settings.platform_agents == PlatformAgents::Allow)
            .then(|| opened.account.release(&servicer, &recipient))
            .flatten();
        let Some(call) = call else {
            return self.end(message, Status::Failed, held_by_human(), Vec::new()).await;
        };
        let released = match self.parts.keeper.call(opened, &call).await {
            Ok((_, verdict)) => judged(verdict),
            Err(fault) => unanswered(fault),
        };
        match released {
            Moved::Yes(_) => {
                self.session_changed(message, view, SessionState::Assistant, SessionEffect::Released)
                    .await?;
                self.fulfilled(message, opened).await
            }
            // Where it was made all the same, the platform tells of the end, and there is nobody left to ask.
            Moved::Later(error) => self.retry(&tried(message), error).await,
            Moved::Failed(error) | Moved::No(_, error) => self.end(message, Status::Failed, error, Vec::new()).await,
        }
    }

    /// Ends our session, once per order.
    pub(super) async fn end_session(&self, message: &Message, view: Option<&View>) -> Result<(), StoreError> {
        if session_state(view) == SessionState::Ended {
            return Ok(());
        }
        self.session_changed(message, view, SessionState::Ended, SessionEffect::Ended)
            .await
    }

    /// The words of an END could not be said. The order stands all the same: the session ends, and the result says what
    /// was lost, unless the core allows no loss.
    pub(super) async fn closing_unsaid(&self, message: &Message, settle: &mut Settle) -> Result<(), StoreError> {
        let lossless = message.request.degrade() == v1::send_request::Degrade::Refuse;
        let human = settle
            .result
            .error
            .as_ref()
            .is_some_and(|it| it.code == Code::SessionWithHuman.name());
        if lossless || human {
            return Ok(());
        }
        let view = self.parts.store.conversation(&message.key).await?;
        self.end_session(message, view.as_ref()).await?;
        if settle.result.status() == Status::Failed
            && let Some(why) = settle.result.error.take()
        {
            settle.result.degradations.push(unsaid(&why));
            settle.result.status = Status::Sent as i32;
        }
        Ok(())
    }

    async fn session_changed(
        &self,
        message: &Message,
        view: Option<&View>,
        after: SessionState,
        effect: SessionEffect,
    ) -> Result<(), StoreError> {
        let conversation = view
            .and_then(|view| view.state.conversation.clone())
            .unwrap_or_default();
        let before = match conversation.session_state() {
            SessionState::Unspecified => SessionState::Assistant,
            known => known,
        };
        let change = v1::SessionChange {
            before: before as i32,
            after: after as i32,
            old_servicer: conversation.servicer.clone(),
            new_servicer: None,
            cause: "order".to_owned(),
        };
        let account = match (conversation.account, self.owner(&message.account, &message.key)) {
            (_, Some(opened)) => opened.at(&Place::of(&message.key).sub_id),
            (Some(account), None) => Arc::new(account),
            (None, None) => return Ok(()),
        };
        let customer = conversation.customer.unwrap_or_else(|| v1::Identity {
            native_id: facts::recipient(&message.key).unwrap_or_default(),
            kind: v1::identity::Kind::Customer as i32,
            ..Default::default()
        });
        let signal = v1::Signal {
            r#type: Type::SessionStateChanged as i32,
            session: Some(change),
            ..Default::default()
        };
        let mut arrival = self.own_event(account, message.key.clone(), customer, Scope::Direct, signal);
        arrival.session = Some(effect);
        // An order that is carried out again after a crash is heard once.
        arrival.dedupe = Some(Dedupe {
            text: format!("{}:{}", message.account, message.id),
            order: message.row.unsigned_abs(),
            rest: format!("order {}", message.id),
        });
        self.append(arrival).await
    }

    pub(super) fn own_event(
        &self,
        account: Arc<v1::Account>,
        key: String,
        customer: v1::Identity,
        scope: Scope,
        signal: v1::Signal,
    ) -> Arrival {
        let core = self.parts.cores.for_account(&account).map(|core| core.name.clone());
        let conversation = v1::Conversation {
            account: Some(Arc::unwrap_or_clone(account)),
            key,
            customer: Some(customer),
            scope: scope as i32,
            ..Default::default()
        };
        Arrival {
            rules: self.parts.rules,
            ..Arrival::of_ours(conversation, core, Body::Signal(signal))
        }
    }
}

fn no_queue() -> v1::Error {
    error(
        Code::UnsupportedPart,
        "this channel has no queue of its own: only END and TAKE are possible",
    )
}

fn held_by_human() -> v1::Error {
    error(Code::SessionWithHuman, "the platform's own agent holds this customer")
}
