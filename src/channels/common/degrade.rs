//! How can a part lose something on its way to the customer? The rows of each channel's table, and those that all share.

use crate::{
    error::{Code, Fault},
    schema::v1::{self, send_request::Degrade},
};

/// One way a part loses something on its way to the customer.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// Part name, or another thing a send carries (`quote`, `ai_generated`).
    pub from: &'static str,
    /// What is shown instead; empty = nothing.
    pub to: &'static str,
    pub road: Road,
    /// The customer loses something that no tap brings back: refused under `LOSSLESS_ONLY` too.
    pub loses: bool,
    pub reason: &'static str,
    /// The code where the core forbids it.
    pub refused: Code,
}

/// Where a row applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Road {
    Api,
    Passive,
    Both,
}

impl Road {
    pub fn name(self) -> &'static str {
        match self {
            Road::Api => "API",
            Road::Passive => "passive only",
            Road::Both => "both",
        }
    }
}

impl Row {
    /// The entry of the result, or the refusal where `degrade` forbids this row.
    pub fn apply(&self, degrade: Degrade) -> Result<v1::Degradation, Fault> {
        let forbidden = match degrade {
            Degrade::Allow => false,
            Degrade::LosslessOnly => self.loses,
            Degrade::Refuse => true,
        };
        if forbidden {
            return Err(Fault::new(self.refused, format!("{}: {}", self.from, self.reason)));
        }
        Ok(self.report())
    }

    /// The entry of the result, for what is told but never refused.
    pub fn report(&self) -> v1::Degradation {
        v1::Degradation {
            from_type: self.from.into(),
            to_type: self.to.into(),
            reason: self.reason.into(),
        }
    }
}

/// Writes statics and a `TABLE` of them: `NAME = from => to, Road, loses or keeps, Code, reason;` a line each.
macro_rules! rows {
    ($( $name:ident = $from:literal => $to:literal, $road:ident, $loses:ident, $refused:ident, $reason:literal; )*) => {
        $( pub static $name: $crate::channels::common::degrade::Row = $crate::channels::common::degrade::Row {
            from: $from,
            to: $to,
            road: $crate::channels::common::degrade::Road::$road,
            loses: $crate::channels::common::degrade::rows!(@ $loses),
            reason: $reason,
            refused: $crate::error::Code::$refused,
        }; )*
        /// Every row, in the order of the docs.
        pub static TABLE: &[&$crate::channels::common::degrade::Row] = &[ $( &$name, )* ];
    };
    (@ loses) => { true };
    (@ keeps) => { false };
}

pub(in crate::channels) use rows;

rows! {
    TEXT_CUT = "text" => "text", Passive, loses, TooLong, "longer than one passive answer holds: cut";
    HTML_IMAGE = "image" => "link", Both, keeps, UnsupportedPart, "a picture inside a text becomes a link, where it cannot be had or there is no room for a message of its own";
    HTML_IMAGE_APART = "image" => "image", Api, keeps, UnsupportedPart, "a picture inside a text is a message of its own behind it";
    HTML_IMAGE_LOST = "image" => "text", Both, loses, UnsupportedPart, "a picture inside a text has no web address: only its words are left";
    ARTICLES_PICTURES = "image" => "", Both, loses, UnsupportedPart, "articles that are links in a text have no pictures: they are left out";
    THUMB_LOST = "thumb" => "", Both, keeps, UnsupportedPart, "the thumbnail cannot be put on the platform: it is left out";
    LINK_LOST = "link" => "text", Both, loses, TooLong, "the address of a link is longer than one text holds: only its words are left";
    PARTS_LOST = "message" => "", Passive, loses, UnsupportedPart, "a passive answer is one message: later parts are left out";
    QUOTE_INLINE = "quote" => "text", Both, keeps, UnsupportedPart, "the platform has no quotes: written into the text";
    QUOTE_LOST = "quote" => "", Both, loses, UnsupportedPart, "the platform has no quotes, and there is no text to write it into, no room beside the text, or no words to quote";
    AI_MARK_LOST = "ai_generated" => "", Passive, keeps, UnsupportedPart, "a passive answer carries no AI mark";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_loses_something_needs_leave_and_what_keeps_all_is_only_refused_on_demand() {
        for row in TABLE {
            assert!(row.apply(Degrade::Allow).is_ok());
            assert_eq!(row.apply(Degrade::LosslessOnly).is_err(), row.loses, "{}", row.reason);
            assert_eq!(row.apply(Degrade::Refuse).map_err(|fault| fault.code), Err(row.refused));
        }
    }
}
