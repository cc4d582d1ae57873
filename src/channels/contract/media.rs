//! What does a channel say about files? How large and of which kind they may be, and what a download's answer means.

use super::Verdict;

/// What the platform takes of one kind of uploaded media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaLimit {
    /// `image`, `voice`, `video`, `file` or `thumb`.
    pub kind: &'static str,
    pub max_bytes: u64,
    /// Media type, and the ending that a file's name must have; empty = every type.
    pub formats: &'static [(&'static str, &'static str)],
}

impl MediaLimit {
    /// Whether a file of this media type may go as this kind.
    pub fn takes(&self, mime: &str) -> bool {
        self.formats.is_empty() || self.formats.iter().any(|(known, _)| known.eq_ignore_ascii_case(mime))
    }
}

/// What an answer to a download means that may be a document of the API's and not the file.
#[derive(Clone, Debug, PartialEq)]
pub enum Downloaded {
    /// It is the file, whatever it looks like.
    File,
    /// The file lies behind this URL, which is fetched as a stranger's: without the token, from public addresses alone.
    At(String),
    Refused(Verdict),
}
