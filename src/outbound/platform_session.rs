//! Who holds a customer where the platform keeps the sessions? It is asked, and moved; what it says is believed, kept and told.

use std::sync::Arc;

use super::{Outbound, by_code::ByCode, faults::error};
use crate::{
    accounts::Opened,
    channels::contract::{Dedupe, Holder, Learned, SessionEffect, Sessions, To, Verdict},
    conversation::{Grant, Opening, key::Key},
    error::Code,
    ports::store::{Message, StoreError, View},
    schema::{
        Timestamp,
        v1::{
            self,
            conversation::{Scope, SessionState},
            signal::Type,
        },
    },
    tokens::CallFault,
};

/// Where an order goes.
pub(super) struct Place {
    pub recipient: String,
    pub sub_id: String,
}

impl Place {
    pub fn of(key: &str) -> Self {
        let key = Key::parse(key);
        let (recipient, sub_id) = key.map(|key| (key.native_id, key.sub_id)).unwrap_or_default();
        Self { recipient, sub_id }
    }

    pub fn to<'a>(&'a self, message_id: &'a str) -> To<'a> {
        To {
            recipient: &self.recipient,
            sub_id: &self.sub_id,
            message_id,
            ..To::default()
        }
    }
}

/// What became of a move.
pub(super) enum Moved {
    /// With the code that came with it.
    Yes(Option<String>),
    /// The platform does not have this move from where the session is.
    No(Holder, v1::Error),
    Failed(v1::Error),
    Later(v1::Error),
}

impl Outbound {
    /// Asks the platform to move a session; where it does not have that move, who holds the customer.
    pub(super) async fn shift(
        &self,
        opened: &Arc<Opened>,
        sessions: &dyn Sessions,
        to: &To<'_>,
        into: SessionState,
        servicer: &str,
    ) -> Moved {
        let call = sessions.change(to, into, servicer);
        let refused = match self.parts.keeper.call(opened, &call).await {
            Ok((answer, _)) => match sessions.changed(&answer) {
                Ok(code) => return Moved::Yes(code),
                Err(verdict) => verdict,
            },
            Err(fault) => return unanswered(fault),
        };
        match refused {
            Verdict::Failed { error, .. } if sessions.no_such_move(&error) => {
                match self.held(opened, sessions, to).await {
                    Ok(holder) => Moved::No(holder, error),
                    Err(_) => Moved::Failed(error),
                }
            }
            verdict => judged(verdict),
        }
    }

    pub(super) async fn held(
        &self,
        opened: &Arc<Opened>,
        sessions: &dyn Sessions,
        to: &To<'_>,
    ) -> Result<Holder, Moved> {
        match self.parts.keeper.call(opened, &sessions.state(to)).await {
            Ok((answer, _)) => sessions.read_state(&answer).map_err(judged),
            Err(fault) => Err(unanswered(fault)),
        }
    }

    /// A send was refused for a reason that the session's state tells: it is asked, believed and told. With the reason comes
    /// what is learned: of the number alone it is not known.
    pub(super) async fn read_back(
        &self,
        opened: &Arc<Opened>,
        message: &Message,
        refusal: v1::Error,
        learned: Option<Learned>,
    ) -> Result<(v1::Error, Option<Learned>), StoreError> {
        let Some(sessions) = opened.account.sessions().filter(|it| it.asks_state(&refusal)) else {
            return Ok((refusal, learned));
        };
        let place = Place::of(&message.key);
        let Ok(holder) = self.held(opened, sessions, &place.to(&message.id)).await else {
            return Ok((refusal, learned));
        };
        let view = self.parts.store.conversation(&message.key).await?;
        self.moved(message, opened, view.as_ref(), &holder, None).await?;
        let error = sessions.refused_in(refusal, &holder);
        let is_over = error.code == Code::WindowClosed.name();
        Ok((error, learned.or(is_over.then_some(Learned::WindowClosed))))
    }

    /// The session is so now: kept, and told where that is news. A code that came with it is the core's to use.
    pub(super) async fn moved(
        &self,
        message: &Message,
        opened: &Opened,
        view: Option<&View>,
        holder: &Holder,
        code: Option<&ByCode>,
    ) -> Result<(), StoreError> {
        let conversation = view
            .and_then(|view| view.state.conversation.clone())
            .unwrap_or_default();
        let before = conversation.session_state();
        let old = conversation.servicer.clone();
        let same_servicer = old.as_ref().map_or("", |it| it.native_id.as_str()) == holder.servicer;
        if before == holder.state && same_servicer && code.is_none() {
            return Ok(());
        }
        let place = Place::of(&message.key);
        let customer = conversation.customer.unwrap_or_else(|| v1::Identity {
            native_id: place.recipient.clone(),
            kind: v1::identity::Kind::Customer as i32,
            ..Default::default()
        });
        let now = self.now();
        let new = (!holder.servicer.is_empty()).then(|| v1::Identity {
            native_id: holder.servicer.clone(),
            kind: v1::identity::Kind::Staff as i32,
            ..Default::default()
        });
        let signal = v1::Signal {
            r#type: Type::SessionStateChanged as i32,
            code: code.map(|by| by.code.clone()).unwrap_or_default(),
            code_expires: code.map(|by| Timestamp::from_millis(by.expires)),
            session: Some(v1::SessionChange {
                before: before as i32,
                after: holder.state as i32,
                old_servicer: old,
                new_servicer: new,
                cause: "order".to_owned(),
            }),
            ..Default::default()
        };
        let account = opened.at(&place.sub_id);
        let mut arrival = self.own_event(account, message.key.clone(), customer, Scope::Direct, signal);
        arrival.session = Some(SessionEffect::Moved {
            state: holder.state,
            servicer: holder.servicer.clone(),
        });
        // The platform answered just now, and its answer told its time.
        arrival.ordered = Some(now + self.parts.keeper.skew().unwrap_or_default());
        let grant = code.map(|by| Grant {
            trigger: by.rule.trigger.to_owned(),
            remaining: Some(1),
            expires: by.expires,
            part_types: by.rule.part_types.join(","),
            estimated: false,
        });
        arrival.grant = grant.map(Opening::from);
        // An order that is carried out again after a crash is heard once.
        let identity = format!("order {} {}", message.id, holder.state.as_str_name());
        arrival.dedupe = Some(Dedupe {
            text: format!("{}:{}:{}", message.account, message.id, holder.state.as_str_name()),
            order: message.row.unsigned_abs(),
            rest: identity,
        });
        self.append(arrival).await
    }
}

pub(super) fn judged(verdict: Verdict) -> Moved {
    match verdict {
        Verdict::RetryLater(error) | Verdict::Unknown(error) | Verdict::RefreshToken(error) => Moved::Later(error),
        Verdict::Failed { error, .. } | Verdict::UploadAgain(error) => Moved::Failed(error),
        Verdict::Done { .. } => Moved::Yes(None),
    }
}

/// A move may be asked for again: where it was made, the state says so.
pub(super) fn unanswered(fault: CallFault) -> Moved {
    match fault {
        CallFault::NoToken(error) if !error.retryable => Moved::Failed(error),
        CallFault::NoToken(error) => Moved::Later(error),
        CallFault::NotSent(why) | CallFault::Lost(why) => Moved::Later(error(Code::PlatformDown, why)),
    }
}
