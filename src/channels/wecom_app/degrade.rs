//! What does a WeCom application show in place of a part it cannot show? Its own rows; those that all channels share stand
//! beside.

pub use crate::channels::common::degrade::Row;
use crate::channels::common::degrade::rows;

rows! {
    IMAGE_LINK = "image" => "link", Both, keeps, UnsupportedPart, "not on the platform: sent as a link";
    VOICE_LINK = "voice" => "link", Both, keeps, UnsupportedPart, "not on the platform: sent as a link";
    VIDEO_LINK = "video" => "link", Both, keeps, UnsupportedPart, "not on the platform: sent as a link";
    FILE_LINK = "file" => "link", Both, keeps, UnsupportedPart, "not on the platform, or in a passive answer: sent as a link";
    CAPTION_TEXT = "caption" => "text", Api, keeps, UnsupportedPart, "the caption is a message of its own";
    CAPTION_LOST = "caption" => "", Passive, loses, UnsupportedPart, "a passive answer is one message: the caption is left out";
    LOCATION_TEXT = "location" => "text", Both, keeps, UnsupportedPart, "applications cannot send locations: sent as a text with a link to the map";
    ARTICLES_TEXT = "articles" => "text", Passive, keeps, UnsupportedPart, "a passive answer holds 8 articles: more are links in a text";
    MINI_PROGRAM_TEXT = "mini_program" => "text", Passive, loses, UnsupportedPart, "a passive answer cannot open a mini-program: only its title is sent";
    MINI_PROGRAM_LINK = "mini_program" => "link", Both, keeps, UnsupportedPart, "the mini-program cannot be opened here, or is not linked: the web link is sent instead";
    MINI_PROGRAM_NAME = "mini_program" => "text", Both, loses, UnsupportedPart, "the mini-program cannot be opened here, and there is no web link: only its title is sent";
    CARD_LINK = "card" => "link", Passive, keeps, UnsupportedPart, "a passive answer cannot carry a card: its link is sent";
    CARD_TEXT = "card" => "text", Both, keeps, UnsupportedPart, "shown as a text with links";
    CARD_IMAGE = "image" => "", Api, loses, UnsupportedPart, "a card whose buttons answer has no picture: it is left out";
    CARD_BUTTONS = "card" => "text", Api, keeps, UnsupportedPart, "more buttons or facts than a card holds: the others stand in a text of their own";
    MENU_TEXT = "menu" => "text", Passive, loses, UnsupportedPart, "a passive answer cannot carry buttons: sent as a numbered text";
    MENU_MIXED = "menu" => "text", Api, loses, UnsupportedPart, "a button cannot open a mini-program: sent as a numbered text";
    MUSIC_LINK = "music" => "link", Both, keeps, UnsupportedPart, "applications cannot send music: sent as a link";
    CONTACT_TEXT = "contact" => "text", Both, loses, UnsupportedPart, "applications cannot send contact cards: only the name is sent";
    FORWARDED_TEXT = "forwarded" => "text", Both, loses, UnsupportedPart, "applications cannot forward chats: their words are sent";
    REFERENCE_LINK = "reference" => "link", Both, keeps, UnsupportedPart, "applications cannot send it as such: its link is sent";
    AI_MARK_NONE = "ai_generated" => "", Api, keeps, UnsupportedPart, "messages of applications have no AI mark";
    WORDS_CUT = "text" => "text", Both, loses, TooLong, "longer than this field holds: cut";
    LINK_IMAGE = "image" => "", Both, loses, TooLong, "the address of the picture is longer than 2048 bytes: it is left out";
    WELCOME_REST = "message" => "", Api, loses, UnsupportedPart, "a welcome is one text and 9 attachments: what does not fit is left out";
}
