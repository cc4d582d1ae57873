//! What does an official account show in place of a part it cannot show? One table, typed; nothing degrades that is not
//! in it.

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

macro_rules! rows {
    ($( $name:ident = $from:literal => $to:literal, $road:ident, $loses:ident, $refused:ident, $reason:literal; )*) => {
        $( pub static $name: Row = Row {
            from: $from, to: $to, road: Road::$road, loses: rows!(@ $loses), reason: $reason, refused: Code::$refused,
        }; )*
        /// Every row, in the order of the docs.
        pub static TABLE: &[&Row] = &[ $( &$name, )* ];
    };
    (@ loses) => { true };
    (@ keeps) => { false };
}

rows! {
    TEXT_CUT = "text" => "text", Passive, loses, TooLong, "longer than one passive answer holds: cut";
    HTML_IMAGE = "image" => "link", Both, keeps, UnsupportedPart, "a picture inside a text becomes a link";
    HTML_IMAGE_LOST = "image" => "text", Both, loses, UnsupportedPart, "a picture inside a text has no web address: only its words are left";
    IMAGE_LINK = "image" => "link", Both, keeps, UnsupportedPart, "not on the platform: sent as a link";
    VOICE_LINK = "voice" => "link", Both, keeps, UnsupportedPart, "not on the platform: sent as a link";
    VIDEO_LINK = "video" => "link", Both, keeps, UnsupportedPart, "not on the platform: sent as a link";
    GIF_LINK = "image" => "link", Passive, keeps, UnsupportedPart, "a passive answer shows no GIF: sent as a link";
    FILE_LINK = "file" => "link", Both, keeps, UnsupportedPart, "official accounts cannot send files: sent as a link";
    CAPTION_TEXT = "caption" => "text", Api, keeps, UnsupportedPart, "the caption is a message of its own";
    CAPTION_LOST = "caption" => "", Passive, loses, UnsupportedPart, "a passive answer is one message: the caption is left out";
    LOCATION_TEXT = "location" => "text", Both, keeps, UnsupportedPart, "official accounts cannot send locations: sent as a text with a link to the map";
    ARTICLES_REST = "articles" => "text", Api, keeps, UnsupportedPart, "one article per message: the others are links in a text";
    ARTICLES_TEXT = "articles" => "text", Passive, keeps, UnsupportedPart, "in answer to a message one article is shown: there several are links in a text";
    MINI_PROGRAM_TEXT = "mini_program" => "text", Both, keeps, UnsupportedPart, "a mini-program card needs the API and a thumbnail: sent as a link in a text";
    MINI_PROGRAM_LINK = "mini_program" => "link", Both, keeps, UnsupportedPart, "a mini-program card needs the API and a thumbnail: the web link is sent instead";
    MINI_PROGRAM_NAME = "mini_program" => "text", Both, loses, UnsupportedPart, "a mini-program card needs the API and a thumbnail, and there is no web link: only its title is sent";
    MINI_PROGRAM_UNLINKED = "mini_program" => "link", Api, keeps, UnsupportedPart, "the mini-program is not linked to this account: the web link is sent instead";
    CARD_TEXT = "card" => "text", Both, keeps, UnsupportedPart, "shown as a text with links";
    CARD_BUTTONS = "card" => "text", Api, keeps, UnsupportedPart, "the buttons are links in a text of their own";
    CARD_DETAILS = "card" => "mini_program", Api, loses, UnsupportedPart, "a mini-program card shows title and picture only: description and facts are left out";
    MENU_LINKS = "menu" => "text", Passive, keeps, UnsupportedPart, "menus need the API: sent as a text whose links answer";
    MENU_MIXED = "menu" => "text", Both, keeps, UnsupportedPart, "a menu of the platform holds answers only: with links among them it is sent as a text";
    MUSIC_LINK = "music" => "link", Both, keeps, UnsupportedPart, "music needs a thumbnail: sent as a link";
    CONTACT_TEXT = "contact" => "text", Both, loses, UnsupportedPart, "official accounts cannot send contact cards: only the name is sent";
    FORWARDED_TEXT = "forwarded" => "text", Both, loses, UnsupportedPart, "official accounts cannot forward chats: their words are sent";
    REFERENCE_LINK = "reference" => "link", Both, keeps, UnsupportedPart, "not sendable as such on this road: its link is sent";
    PARTS_LOST = "message" => "", Passive, loses, UnsupportedPart, "a passive answer is one message: later parts are left out";
    QUOTE_INLINE = "quote" => "text", Both, keeps, UnsupportedPart, "the platform has no quotes: written into the text";
    QUOTE_LOST = "quote" => "", Both, loses, UnsupportedPart, "the platform has no quotes, and there is no text to write it into, or no words to quote";
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
