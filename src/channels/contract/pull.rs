//! What must a channel be able to do whose platform only rings, and keeps what was said until it is pulled?

use super::{Answer, Call, Inbound, Millis};
use crate::schema::v1;

/// A callback that says nothing but: something waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bell {
    /// Where; `None` = the platform does not say, so it may be anywhere.
    pub sub_id: Option<String>,
    /// Lets the next pulls pass without the platform's strict limit; empty = none came.
    pub token: String,
}

/// How what waits is pulled, page by page.
pub trait Pulls: Send + Sync {
    /// The places that the operator named; empty = all that the platform lists.
    fn named(&self) -> &[String];
    /// What was said before the account was bound is left alone.
    fn only_latest(&self) -> bool;
    /// Asks which places there are, from this position on.
    fn list(&self, from: usize) -> Call;
    fn listed(&self, from: usize, answer: &Answer) -> Result<Listed, PullFault>;
    /// Asks for what follows a cursor.
    fn page(&self, at: &At<'_>) -> Call;
    /// Reads an answer to [`Pulls::page`]. Whatever an item holds, it becomes an item: one that cannot be read must not
    /// hold up those behind it.
    fn read_page(&self, at: &At<'_>, answer: &Answer, now: Millis) -> Result<PulledPage, PullFault>;
}

/// A position in what waits at one place.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    pub sub_id: &'a str,
    /// Empty = from the oldest that the platform still has.
    pub cursor: &'a str,
    /// Of a bell, while it is fresh.
    pub token: Option<&'a str>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    pub sub_ids: Vec<String>,
    /// Where to go on asking.
    pub next: Option<usize>,
}

#[derive(Clone, Debug, Default)]
pub struct PulledPage {
    /// In the platform's order.
    pub items: Vec<Item>,
    /// Empty = the cursor stays.
    pub next: String,
    /// There is more behind it, even where this page is empty.
    pub more: bool,
}

/// One thing that waited.
#[derive(Clone, Debug)]
pub struct Item {
    pub sub_id: String,
    pub inbound: Inbound,
    /// As the platform wrote it.
    pub raw: Vec<u8>,
    /// It says that a message of ours did not arrive.
    pub failed: Option<NotDelivered>,
}

/// A message that the platform had taken, and that did not arrive.
#[derive(Clone, Debug, PartialEq)]
pub struct NotDelivered {
    /// Our id of it, read out of the platform's.
    pub message_id: String,
    pub error: v1::Error,
}

/// Why a pull brought nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum PullFault {
    /// The bell's token is not honoured (any more): again without it.
    Token(v1::Error),
    /// The cursor is not honoured: again from the oldest.
    Cursor(v1::Error),
    /// Asked too often: much later.
    TooOften(v1::Error),
    /// Too many at the same time: again, and fewer.
    TooMany(v1::Error),
    /// Again after a while.
    Later(v1::Error),
    /// It will not work before somebody changes something.
    Shut(v1::Error),
}

impl PullFault {
    pub fn error(&self) -> &v1::Error {
        match self {
            PullFault::Token(error)
            | PullFault::Cursor(error)
            | PullFault::TooOften(error)
            | PullFault::TooMany(error)
            | PullFault::Later(error)
            | PullFault::Shut(error) => error,
        }
    }

    /// Its name among the numbers.
    pub fn name(&self) -> &'static str {
        match self {
            PullFault::Token(_) => "token",
            PullFault::Cursor(_) => "cursor",
            PullFault::TooOften(_) => "too_often",
            PullFault::TooMany(_) => "too_many",
            PullFault::Later(_) => "later",
            PullFault::Shut(_) => "shut",
        }
    }
}
