//! How do we ask the platform? One request out, one answer back; whoever implements it knows sockets, nobody else does.

use async_trait::async_trait;

use super::fetch::Incoming;

/// A request to a platform's API, complete but for the access token.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub method: Method,
    /// Path below the account's `api_base`, e.g. `/cgi-bin/message/custom/send`.
    pub path: &'static str,
    /// Query pairs, without `access_token`.
    pub query: Vec<(&'static str, String)>,
    pub body: CallBody,
}

impl Call {
    /// A question as nearly all of them are: a JSON text or value, posted to the path alone.
    pub fn post(path: &'static str, body: impl ToString) -> Self {
        Self {
            method: Method::Post,
            path,
            query: Vec::new(),
            body: CallBody::Json(body.to_string().into_bytes()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
}

#[derive(Clone, Debug, PartialEq)]
pub enum CallBody {
    Empty,
    /// Raw UTF-8 JSON. Never `\uXXXX`: the platform answers 40033 to that.
    Json(Vec<u8>),
    /// `multipart/form-data` with one file in the field `media`.
    File {
        name: String,
        mime: String,
        bytes: Vec<u8>,
    },
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// The `Date` header, in milliseconds: corrects our clock for the freshness check.
    pub date: Option<i64>,
    pub content_type: String,
    pub body: Vec<u8>,
}

#[cfg(test)]
impl Answer {
    /// A complete answer with this body.
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            date: None,
            content_type: "application/json".into(),
            body: body.into(),
        }
    }
}

/// Why no answer came back. The difference decides whether a message may be sent again.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoAnswer {
    /// The connection failed before a byte of ours left (DNS, refused, TLS): the platform cannot have acted.
    #[error("not sent: {0}")]
    NotSent(String),
    /// It left us and no complete answer came: the platform may have acted.
    #[error("sent, answer lost: {0}")]
    Lost(String),
}

/// An answer whose body is still to come.
pub struct Streamed {
    pub status: u16,
    pub date: Option<i64>,
    /// Where the bytes begin in the whole file, where a range of it is answered (206).
    pub from: Option<u64>,
    /// The size of the whole file, likewise.
    pub whole: Option<u64>,
    pub file: Incoming,
}

/// The platform's API, seen from the house.
#[async_trait]
pub trait Platform: Send + Sync + 'static {
    /// Sends `call` to `base`, with `token` as `access_token` where given.
    async fn ask(&self, base: &str, call: &Call, token: Option<&str>) -> Result<Answer, NoAnswer>;

    /// The same for a file: returns with the head of the answer. `range` asks for these bytes, first and last. How much is
    /// read, and how long, is the caller's to end.
    async fn open(
        &self,
        base: &str,
        call: &Call,
        token: Option<&str>,
        _range: Option<(u64, u64)>,
    ) -> Result<Streamed, NoAnswer> {
        let answer = self.ask(base, call, token).await?;
        Ok(Streamed {
            status: answer.status,
            date: answer.date,
            from: None,
            whole: None,
            file: Incoming::whole(answer.content_type, String::new(), answer.body),
        })
    }
}
