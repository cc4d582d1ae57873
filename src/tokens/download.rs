//! How is a file fetched from the platform? With a token, as a stream; only what looks like a document is read first.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};

use super::{CallFault, Keeper, Token, is_object};
use crate::{
    accounts::Opened,
    channels::contract::{Downloaded, Verdict},
    ports::{
        fetch::{Bytes, Incoming},
        platform::{Answer, Call, NoAnswer, Streamed},
    },
};

/// Documents of the API's are shorter.
const DOCUMENT: usize = 64 << 10;

/// What a download brought.
pub enum Got {
    File(Streamed),
    /// It lies behind this URL.
    At(String),
    Refused(Verdict),
}

impl Keeper {
    /// Opens a file; a token that the platform refuses is refreshed once. `range` asks for these bytes, first and last.
    pub async fn download(
        self: &Arc<Self>,
        opened: &Arc<Opened>,
        call: &Call,
        range: Option<(u64, u64)>,
    ) -> Result<Got, CallFault> {
        let token = self.token(opened).await.map_err(CallFault::NoToken)?;
        match self.open(opened, call, &token, range).await? {
            Got::Refused(Verdict::RefreshToken(_)) => {
                let token = self.rejected(opened, &token).await.map_err(CallFault::NoToken)?;
                self.open(opened, call, &token, range).await
            }
            other => Ok(other),
        }
    }

    async fn open(
        &self,
        opened: &Opened,
        call: &Call,
        token: &Token,
        range: Option<(u64, u64)>,
    ) -> Result<Got, CallFault> {
        let base = self.parts.hosts.of(opened);
        let platform = &self.parts.platform;
        let streamed = platform.open(base, call, Some(token.value.expose()), range).await;
        let mut streamed = streamed.map_err(|fault| match fault {
            NoAnswer::NotSent(why) => CallFault::NotSent(why),
            NoAnswer::Lost(why) => CallFault::Lost(why),
        })?;
        let good = matches!(streamed.status, 200 | 206);
        // The platforms name the files that they send, and no document of the API's; nor is one so long.
        let long = streamed.file.length.is_some_and(|length| length > DOCUMENT as u64);
        if good && (long || !streamed.file.name.is_empty()) {
            return Ok(Got::File(streamed));
        }
        let head = read_head(&mut streamed.file.bytes, good)
            .await
            .map_err(CallFault::Lost)?;
        let document = head.whole && (!good || is_object(&head.bytes));
        let answer = Answer {
            status: streamed.status,
            date: streamed.date,
            content_type: streamed.file.content_type.clone(),
            body: if document || !good {
                head.bytes.clone()
            } else {
                Vec::new()
            },
        };
        let read = match document || !good {
            true => opened.account.downloaded(call, &answer),
            false => Downloaded::File,
        };
        Ok(match read {
            Downloaded::File if good => Got::File(again(head.bytes, streamed)),
            // Nothing but a success carries a file.
            Downloaded::File => Got::Refused(unexpected(streamed.status)),
            Downloaded::At(url) => Got::At(url),
            Downloaded::Refused(verdict) => Got::Refused(verdict),
        })
    }
}

struct Head {
    bytes: Vec<u8>,
    /// Nothing comes behind.
    whole: bool,
}

/// The first bytes: all of a document's, and of a file no more than show that it is none.
async fn read_head(bytes: &mut Bytes, good: bool) -> Result<Head, String> {
    let mut head = Vec::new();
    while head.len() <= DOCUMENT {
        match bytes.next().await {
            Some(chunk) => head.extend_from_slice(&chunk?),
            None => {
                return Ok(Head {
                    bytes: head,
                    whole: true,
                });
            }
        }
        let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
        if good && first.is_some_and(|byte| !matches!(byte, b'{' | 0xef)) {
            break;
        }
    }
    Ok(Head {
        bytes: head,
        whole: false,
    })
}

/// The file with the bytes in front that were looked at.
fn again(head: Vec<u8>, streamed: Streamed) -> Streamed {
    let Streamed {
        status,
        date,
        from,
        whole,
        file,
    } = streamed;
    let bytes: Bytes = Box::pin(stream::iter([Ok(head.into())]).chain(file.bytes));
    let file = Incoming { bytes, ..file };
    Streamed {
        status,
        date,
        from,
        whole,
        file,
    }
}

fn unexpected(status: u16) -> Verdict {
    Verdict::RetryLater(crate::schema::v1::Error {
        code: crate::error::Code::PlatformDown.name().to_owned(),
        platform_message: format!("HTTP {status} to a download"),
        retryable: true,
        ..Default::default()
    })
}
