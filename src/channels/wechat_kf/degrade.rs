//! What does WeChat customer service show in place of a part it cannot show? One table.

use crate::channels::common::degrade::rows;

rows! {
    IMAGE_LINK = "image" => "link", Api, keeps, UnsupportedPart, "not on the platform: sent as a link";
    VOICE_LINK = "voice" => "link", Api, keeps, UnsupportedPart, "not on the platform: sent as a link";
    VIDEO_LINK = "video" => "link", Api, keeps, UnsupportedPart, "not on the platform: sent as a link";
    FILE_LINK = "file" => "link", Api, keeps, UnsupportedPart, "not on the platform: sent as a link";
    CAPTION_TEXT = "caption" => "text", Api, keeps, UnsupportedPart, "the caption is a message of its own";
    LINK_TEXT = "link" => "text", Api, keeps, UnsupportedPart, "a link card needs a picture: sent as a text with the address";
    ARTICLES_LINKS = "articles" => "link", Api, keeps, UnsupportedPart, "articles go one by one";
    MINI_PROGRAM_MENU = "mini_program" => "menu", Api, keeps, UnsupportedPart, "a mini-program card needs a thumbnail: sent as an item of a menu";
    MINI_PROGRAM_LINK = "mini_program" => "link", Api, keeps, UnsupportedPart, "a mini-program card needs a thumbnail: the web link is sent instead";
    CARD_DETAILS = "card" => "mini_program", Api, loses, UnsupportedPart, "a mini-program card shows title and picture only: description and facts are left out";
    CARD_IMAGE = "image" => "", Api, loses, UnsupportedPart, "a menu has no picture: that of the card is left out";
    CARD_MENU = "card" => "menu", Api, keeps, UnsupportedPart, "shown as a menu: its words, its links and its buttons";
    CARD_TEXT = "card" => "text", Api, keeps, UnsupportedPart, "shown as a text with addresses";
    WORDS_CUT = "text" => "text", Api, loses, TooLong, "longer than this field holds: cut";
    MENU_TEXT = "menu" => "text", Api, loses, UnsupportedPart, "more items than a menu of the platform holds: sent as a text, which cannot be tapped";
    CONTACT_TEXT = "contact" => "text", Api, loses, UnsupportedPart, "only a member of the company has a card here: the name is sent";
    MUSIC_TEXT = "music" => "text", Api, keeps, UnsupportedPart, "sent as a text with the address";
    FORWARDED_TEXT = "forwarded" => "text", Api, loses, UnsupportedPart, "chats cannot be forwarded: their words are sent";
    REFERENCE_TEXT = "reference" => "text", Api, keeps, UnsupportedPart, "not sendable as such: its address is sent";
}
