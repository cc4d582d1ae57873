//! Where does an address end that stands in a text as it is? At the next blank, so what would stand right behind one gets one.

use super::{Links, anchor};

/// A text that is being written.
#[derive(Default)]
pub(super) struct Written {
    text: String,
    /// It ends in a bare address. Chat windows take whatever letters follow into it, Chinese ones too: the tap leads to
    /// another page, or to another host.
    behind_address: bool,
}

impl Written {
    pub fn push(&mut self, c: char) {
        if std::mem::take(&mut self.behind_address) && !c.is_whitespace() {
            self.text.push(' ');
        }
        self.text.push(c);
    }

    pub fn push_str(&mut self, text: &str) {
        let mut chars = text.chars();
        if let Some(first) = chars.next() {
            self.push(first);
            self.text.push_str(chars.as_str());
        }
    }

    /// A link to `url` (already safe) as the channel shows one.
    pub fn push_link(&mut self, url: &str, words: &str, links: Links) {
        let link = anchor(url, words, links);
        self.push_str(&link);
        self.behind_address = links != Links::Keep && link.ends_with(url);
    }

    /// What follows is written apart, and put behind this by [`Mark::end`].
    pub fn begin(&mut self) -> Mark {
        Mark {
            start: self.text.len(),
            behind_address: std::mem::take(&mut self.behind_address),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Where something begins that is looked at once it is whole.
pub(super) struct Mark {
    start: usize,
    behind_address: bool,
}

impl Mark {
    /// Takes away what was written since.
    pub fn end(self, written: &mut Written) -> String {
        written.behind_address = self.behind_address;
        written.text.split_off(self.start)
    }
}
