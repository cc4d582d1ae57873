//! How is a message taken back? By the ids that the platform gave it, in its conversation's order; what still waits is just
//! not sent.

use std::sync::Arc;

use super::{Outbound, dispatch::Turn, faults::error, step};
use crate::{
    accounts::Opened,
    channels::contract::{To, Verdict},
    conversation::key::Key,
    error::Code,
    ports::store::{Message, MessageRef, StoreError},
    schema::v1::{self, send_result::Status},
    tokens::CallFault,
};

impl Outbound {
    /// Carries out one recall. Every call may be made again: taking back twice is taking back.
    pub(super) async fn recall(
        &self,
        message: &Message,
        opened: &Arc<Opened>,
        target: &str,
    ) -> Result<Turn, StoreError> {
        let target = match self.recallable(message, target).await? {
            Ok(target) => target,
            Err(error) => return self.end(message, Status::Failed, error, Vec::new()).await,
        };
        match target.status() {
            Status::Recalled => return self.fulfilled(message, opened).await,
            // It waits for its customer: nothing left us.
            Status::Held => {}
            _ => {
                if let Some(turn) = self.take_pieces_back(message, opened, &target).await? {
                    return Ok(turn);
                }
            }
        }
        let mut recalled = step(&target);
        recalled.result.status = Status::Recalled as i32;
        recalled.result.error = None;
        recalled.tell = true;
        self.settle(recalled).await?;
        self.fulfilled(message, opened).await
    }

    /// The message to take back, or why that cannot be.
    async fn recallable(&self, message: &Message, target: &str) -> Result<Result<Arc<Message>, v1::Error>, StoreError> {
        let found = self.parts.store.message(MessageRef::Id(target)).await?;
        let Some(found) = found.filter(|it| it.account == message.account && it.key == message.key) else {
            let why = "recallMessageId names no message of this conversation";
            return Ok(Err(error(Code::InvalidRequest, why)));
        };
        let why = match found.status() {
            Status::Recalled | Status::Held => return Ok(Ok(found)),
            Status::Sent | Status::Unknown if !found.result.platform_message_ids.is_empty() => return Ok(Ok(found)),
            Status::HandedOver => "a passive answer cannot be taken back: the platform gives it no id",
            Status::Sent | Status::Unknown => "the platform gave this message no id to take it back by",
            _ => "nothing of this message was sent that could be taken back",
        };
        Ok(Err(error(Code::UnsupportedPart, why)))
    }

    /// `None`: all its pieces are taken back.
    async fn take_pieces_back(
        &self,
        message: &Message,
        opened: &Arc<Opened>,
        target: &Message,
    ) -> Result<Option<Turn>, StoreError> {
        // A try that is put off counts all the same.
        let tried = Message {
            attempts: message.attempts + 1,
            ..message.clone()
        };
        let key = Key::parse(&target.key);
        let (recipient, sub_id) = key.map(|key| (key.native_id, key.sub_id)).unwrap_or_default();
        for (piece, id) in (0..).zip(&target.result.platform_message_ids) {
            let to = To {
                recipient: &recipient,
                sub_id: &sub_id,
                message_id: &target.id,
                piece,
                code: None,
            };
            let Some(call) = opened.account.recall(id, &to) else {
                let error = error(Code::UnsupportedPart, "this channel cannot take a message back");
                return self.end(message, Status::Failed, error, Vec::new()).await.map(Some);
            };
            let turn = match self.parts.keeper.call(opened, &call).await {
                Ok((_, Verdict::Done { .. })) => continue,
                Ok((_, Verdict::RetryLater(error) | Verdict::Unknown(error))) => self.retry(&tried, error).await,
                Err(CallFault::NoToken(error)) if error.retryable => self.retry(&tried, error).await,
                Err(CallFault::NotSent(why) | CallFault::Lost(why)) => {
                    self.retry(&tried, error(Code::PlatformDown, why)).await
                }
                Ok((_, Verdict::Failed { error, .. } | Verdict::RefreshToken(error) | Verdict::UploadAgain(error)))
                | Err(CallFault::NoToken(error)) => self.end(message, Status::Failed, error, Vec::new()).await,
            };
            return turn.map(Some);
        }
        Ok(None)
    }
}
