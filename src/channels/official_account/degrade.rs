//! What does an official account show in place of a part it cannot show? One table, typed; nothing degrades that is not
//! in it, or among the rows that all channels share.

use crate::channels::common::degrade::rows;

rows! {
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
    ARTICLES_MANY = "articles" => "text", Passive, keeps, UnsupportedPart, "in answer to an event 8 articles are shown: more are links in a text";
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
}
