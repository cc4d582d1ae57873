//! What do session orders do where the platform keeps sessions of its own? It is told, what it says is believed, and the words
//! of an order go by the code that comes with it.

use std::sync::Arc;

use super::{
    Outbound,
    dispatch::Turn,
    faults::error,
    pictures::Pictures,
    resolve::{How, Unresolved},
    step,
};
use crate::{
    accounts::Opened,
    channels::contract::{
        CodeOf, CodeRule, Dedupe, Holder, Learned, Piece, Roads, Say, SessionEffect, Sessions, To, Verdict,
        What as SayWhat,
    },
    conversation::{Grant, Opening, key::Key},
    error::Code,
    ports::store::{LedgerEntry, Message, StoreError, View},
    schema::{
        Timestamp,
        v1::{
            self,
            conversation::{Scope, SessionState},
            send_request::Degrade,
            send_result::{Road, Status},
            session_control::Verb,
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

/// The platform's id of what was said, and what was lost in it.
type Said = (Option<String>, Vec<v1::Degradation>);

/// What became of a move.
enum Moved {
    /// With the code that came with it.
    Yes(Option<String>),
    /// The platform does not have this move from where the session is.
    No(Holder, v1::Error),
    Failed(v1::Error),
    Later(v1::Error),
}

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
        match moved {
            Moved::Yes(code) => {
                let holder = Holder {
                    state: into,
                    servicer: servicer.to_owned(),
                };
                let rule = sessions.code(of);
                self.moved(message, opened, view, &holder, code.as_deref().map(|code| (code, rule)))
                    .await?;
                let words = order.closing.clone();
                self.carried_out(message, opened, words, code.map(|code| (code, rule)))
                    .await
                    .map(Some)
            }
            Moved::No(holder, refusal) => match (into, holder.state) {
                // A move whose answer was lost, or that a colleague made meanwhile.
                (SessionState::Ended, SessionState::Ended) | (SessionState::Queued, SessionState::Queued) => {
                    self.moved(message, opened, view, &holder, None).await?;
                    self.carried_out(message, opened, order.closing.clone(), None)
                        .await
                        .map(Some)
                }
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

    /// Asks the platform to move a session; where it does not have that move, who holds the customer.
    async fn shift(
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

    async fn held(&self, opened: &Arc<Opened>, sessions: &dyn Sessions, to: &To<'_>) -> Result<Holder, Moved> {
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

    /// The order was carried out; its words go by the code, if there is one.
    async fn carried_out(
        &self,
        message: &Message,
        opened: &Arc<Opened>,
        words: Option<v1::Message>,
        code: Option<(String, CodeRule)>,
    ) -> Result<Turn, StoreError> {
        let mut settle = step(message);
        settle.attempts += 1;
        settle.result.error = None;
        settle.result.status = Status::Sent as i32;
        if let Some(words) = words {
            let used = || {
                let rule = &code.as_ref()?.1;
                Some(LedgerEntry::SpentCode(rule.trigger, self.now() + rule.window))
            };
            match self.say_by(message, opened, words, code.as_ref()).await? {
                Ok((platform_id, lost)) => {
                    settle.result.platform_message_ids.extend(platform_id);
                    settle.result.degradations.extend(lost);
                    if let Some((_, rule)) = &code {
                        settle.result.road = rule.road as i32;
                    }
                    settle.ledger.extend(used());
                    settle.pieces_done = 1;
                }
                Err(why) => {
                    // Whether they were said, nobody knows: the code is as good as used.
                    settle.ledger.extend(used().filter(|_| is_lost(&why)));
                    if message.request.degrade() == Degrade::Refuse {
                        let status = if is_lost(&why) { Status::Unknown } else { Status::Failed };
                        settle.result.status = status as i32;
                        settle.result.error = Some(why);
                    } else {
                        settle.result.degradations.push(unsaid(&why));
                    }
                }
            }
        }
        settle.tell = self.tell(&opened.describe, settle.result.status());
        self.settle(settle).await?;
        Ok(Turn::Done)
    }

    /// One message by a code, and what was lost in it; a lost answer is asked for again under the same id.
    async fn say_by(
        &self,
        message: &Message,
        opened: &Arc<Opened>,
        words: v1::Message,
        code: Option<&(String, CodeRule)>,
    ) -> Result<Result<Said, v1::Error>, StoreError> {
        let Some((code, rule)) = code else {
            return Ok(Err(error(
                Code::SessionEnded,
                "the platform gave no code for the words of this order",
            )));
        };
        let say = Say {
            id: message.id.clone(),
            ..words_of(&message.request, words)
        };
        let rendered = self.one_piece(opened, &message.key, say, rule, How::Kept).await;
        let (piece, lost) = match rendered {
            Ok(rendered) => rendered,
            Err(why) => return Ok(Err(why)),
        };
        let place = Place::of(&message.key);
        let to = To {
            code: Some(code),
            ..place.to(&message.id)
        };
        let call = opened.account.call_to(&piece, &to);
        let mut last = None;
        for _ in 0..2 {
            match self.parts.keeper.call(opened, &call).await {
                Ok((_, Verdict::Done { message_id })) => return Ok(Ok((message_id, lost))),
                Ok((_, Verdict::Unknown(error) | Verdict::RetryLater(error))) => last = Some(error),
                Ok((_, Verdict::RefreshToken(error) | Verdict::UploadAgain(error) | Verdict::Failed { error, .. })) => {
                    // A refusal behind an answer that never came may say that the first try arrived.
                    return Ok(Err(last.filter(is_lost).unwrap_or(error)));
                }
                Err(CallFault::NoToken(error)) => last = Some(error),
                Err(CallFault::NotSent(why)) => last = Some(error(Code::PlatformDown, why)),
                Err(CallFault::Lost(why)) => last = Some(error(Code::Ambiguous, why)),
            }
        }
        Ok(Err(last.unwrap_or_else(|| {
            error(Code::PlatformDown, "the words could not be said")
        })))
    }

    /// These words as the one piece that a code of this rule carries, and what is lost in it; or why they are none.
    async fn one_piece(
        &self,
        opened: &Arc<Opened>,
        key: &str,
        say: Say,
        rule: &CodeRule,
        how: How,
    ) -> Result<(Piece, Vec<v1::Degradation>), v1::Error> {
        let why = |(Unresolved::Refused(error) | Unresolved::Later(error))| error;
        let say = self.with_quote(&opened.settings.id, key, say).await.map_err(why)?;
        let roads = Roads {
            api: true,
            ..Default::default()
        };
        let rendered = self.rendered(opened, say, roads, how, Pictures::Linked);
        let mut rendered = rendered.await.map_err(why)?;
        let (Some(piece), true) = (rendered.pieces.pop(), rendered.pieces.is_empty()) else {
            return Err(error(Code::TooLong, "the code of an order carries one message"));
        };
        if !rule.part_types.contains(&piece.part_type) {
            let why = format!("the code of this order carries {} alone", rule.part_types.join(" or "));
            return Err(error(Code::UnsupportedPart, why));
        }
        Ok((piece, rendered.degradations))
    }

    /// What a preview says about an order: the words go by the code that comes with the move. Whether the platform has that
    /// move from where its session is, it alone knows.
    pub(super) async fn preview_order(
        &self,
        opened: &Arc<Opened>,
        sessions: &dyn Sessions,
        request: &v1::SendRequest,
        order: &v1::SessionControl,
    ) -> Result<(Road, Vec<v1::Degradation>), v1::Error> {
        let (Some(of), Some(words)) = (code_of(order.verb()), &order.closing) else {
            return Ok((Road::Unspecified, Vec::new()));
        };
        let (rule, say) = (sessions.code(of), words_of(request, words.clone()));
        let key = &request.conversation_key;
        match self.one_piece(opened, key, say, &rule, How::Preview).await {
            Ok((_, lost)) => Ok((rule.road, lost)),
            Err(why) if request.degrade() == Degrade::Refuse => Err(why),
            Err(why) => Ok((Road::Unspecified, vec![unsaid(&why)])),
        }
    }

    /// The session is so now: kept, and told where that is news. A code that came with it is the core's to use.
    pub(super) async fn moved(
        &self,
        message: &Message,
        opened: &Opened,
        view: Option<&View>,
        holder: &Holder,
        code: Option<(&str, CodeRule)>,
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
            code: code.map(|(code, _)| code.to_owned()).unwrap_or_default(),
            code_expires: code.map(|(_, rule)| Timestamp::from_millis(now + rule.window)),
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
        let grant = code.map(|(_, rule)| Grant {
            trigger: rule.trigger.to_owned(),
            remaining: Some(1),
            expires: now + rule.window,
            part_types: rule.part_types.join(","),
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
        self.parts.store.accept(Box::new(arrival)).await.map(|_| ())
    }
}

/// Which code comes with the move that is ordered; TAKE brings none.
fn code_of(verb: Verb) -> Option<CodeOf> {
    match verb {
        Verb::End => Some(CodeOf::End),
        Verb::Queue | Verb::Assign => Some(CodeOf::Transfer),
        Verb::Take | Verb::Unspecified => None,
    }
}

fn no_servicer() -> v1::Error {
    error(Code::InvalidRequest, "ASSIGN needs the servicer")
}

/// The words of an order as something to say.
fn words_of(request: &v1::SendRequest, words: v1::Message) -> Say {
    Say {
        what: SayWhat::Parts {
            parts: words.parts,
            quote: words.quote,
        },
        degrade: request.degrade(),
        ai_generated: request.ai_generated,
        speaker: request.speaker.clone(),
        ..Default::default()
    }
}

/// The order was carried out, and its words were not said.
pub(super) fn unsaid(why: &v1::Error) -> v1::Degradation {
    v1::Degradation {
        from_type: "closing".to_owned(),
        to_type: String::new(),
        reason: format!("{}: {}", why.code, why.platform_message),
    }
}

/// Its answer never came: it may have been said.
fn is_lost(error: &v1::Error) -> bool {
    error.code == Code::Ambiguous.name()
}

/// A try that is put off counts all the same.
fn tried(message: &Message) -> Message {
    Message {
        attempts: message.attempts + 1,
        ..message.clone()
    }
}

fn judged(verdict: Verdict) -> Moved {
    match verdict {
        Verdict::RetryLater(error) | Verdict::Unknown(error) | Verdict::RefreshToken(error) => Moved::Later(error),
        Verdict::Failed { error, .. } | Verdict::UploadAgain(error) => Moved::Failed(error),
        Verdict::Done { .. } => Moved::Yes(None),
    }
}

/// A move may be asked for again: where it was made, the state says so.
fn unanswered(fault: CallFault) -> Moved {
    match fault {
        CallFault::NoToken(error) if !error.retryable => Moved::Failed(error),
        CallFault::NoToken(error) => Moved::Later(error),
        CallFault::NotSent(why) | CallFault::Lost(why) => Moved::Later(error(Code::PlatformDown, why)),
    }
}
