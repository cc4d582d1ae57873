//! What becomes of the words that end an order? They go by the code that came with it, as the one message that it carries.

use std::sync::Arc;

use super::{
    Outbound,
    by_code::ByCode,
    dispatch::Turn,
    faults::error,
    orders::words_beside_take,
    pictures::Pictures,
    platform_session::Place,
    resolve::{How, Unresolved},
    step,
};
use crate::{
    accounts::Opened,
    channels::contract::{CodeOf, CodeRule, Piece, Roads, Say, Sessions, To, Verdict, What as SayWhat},
    error::Code,
    ports::store::{Message, StoreError},
    schema::v1::{
        self,
        send_request::Degrade,
        send_result::{Road, Status},
        session_control::Verb,
    },
    tokens::CallFault,
};

/// The platform's id of what was said, and what was lost in it.
type Said = (Option<String>, Vec<v1::Degradation>);

impl Outbound {
    /// The order was carried out; its words go by the code, if there is one.
    pub(super) async fn carried_out(
        &self,
        message: &Message,
        opened: &Arc<Opened>,
        words: Option<v1::Message>,
        code: Option<ByCode>,
    ) -> Result<Turn, StoreError> {
        let mut settle = step(message);
        settle.attempts += 1;
        settle.result.error = None;
        settle.result.status = Status::Sent as i32;
        if let Some(words) = words {
            let used = code.as_ref().map(ByCode::spent);
            match self.say_by(message, opened, words, code.as_ref()).await? {
                Ok((platform_id, lost)) => {
                    settle.result.platform_message_ids.extend(platform_id);
                    settle.result.degradations.extend(lost);
                    if let Some(by) = &code {
                        settle.result.road = by.rule.road as i32;
                    }
                    settle.ledger.extend(used);
                    settle.pieces_done = 1;
                }
                Err(why) => {
                    // Whether they were said, nobody knows: the code is as good as used.
                    settle.ledger.extend(used.filter(|_| is_lost(&why)));
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
        code: Option<&ByCode>,
    ) -> Result<Result<Said, v1::Error>, StoreError> {
        let Some(ByCode { code, rule, .. }) = code else {
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
        let why = Unresolved::into_error;
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
            return Ok((Road::Unspecified, words_beside_take(request).into_iter().collect()));
        };
        let (rule, say) = (sessions.code(of), words_of(request, words.clone()));
        let key = &request.conversation_key;
        match self.one_piece(opened, key, say, &rule, How::Preview).await {
            Ok((_, lost)) => Ok((rule.road, lost)),
            Err(why) if request.degrade() == Degrade::Refuse => Err(why),
            Err(why) => Ok((Road::Unspecified, vec![unsaid(&why)])),
        }
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
