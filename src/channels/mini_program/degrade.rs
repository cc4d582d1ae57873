//! What does a mini-program show in place of a part it cannot show? One table, typed; nothing degrades that is not in it,
//! or among the rows that all channels share.

use crate::channels::common::degrade::rows;

rows! {
    IMAGE_LINK = "image" => "link", Api, keeps, UnsupportedPart, "not on the platform: sent as a link";
    VOICE_LINK = "voice" => "link", Api, keeps, UnsupportedPart, "mini-programs cannot send voices: sent as a link";
    VIDEO_LINK = "video" => "link", Api, keeps, UnsupportedPart, "mini-programs cannot send videos: sent as a link";
    FILE_LINK = "file" => "link", Api, keeps, UnsupportedPart, "mini-programs cannot send files: sent as a link";
    CAPTION_TEXT = "caption" => "text", Api, keeps, UnsupportedPart, "the caption is a message of its own";
    LOCATION_TEXT = "location" => "text", Api, keeps, UnsupportedPart, "mini-programs cannot send locations: sent as a text with a link to the map";
    ARTICLE_LINK = "articles" => "link", Api, keeps, UnsupportedPart, "mini-programs have no articles: one is sent as a link";
    ARTICLES_TEXT = "articles" => "text", Api, keeps, UnsupportedPart, "mini-programs have no articles: several are links in a text";
    MINI_PROGRAM_TEXT = "mini_program" => "text", Api, keeps, UnsupportedPart, "a mini-program card needs a thumbnail: sent as a link in a text";
    MINI_PROGRAM_LINK = "mini_program" => "link", Api, keeps, UnsupportedPart, "a mini-program card needs a thumbnail and an own page: the web link is sent instead";
    MINI_PROGRAM_NAME = "mini_program" => "text", Api, loses, UnsupportedPart, "a mini-program shows own pages only, and there is no web link: only the title is sent";
    MINI_PROGRAM_REFUSED = "mini_program" => "link", Api, keeps, UnsupportedPart, "the platform refuses this page: the web link is sent instead";
    CARD_TEXT = "card" => "text", Api, keeps, UnsupportedPart, "shown as a text with links";
    CARD_BUTTONS = "card" => "text", Api, keeps, UnsupportedPart, "the buttons are links in a text of their own";
    CARD_DETAILS = "card" => "mini_program", Api, loses, UnsupportedPart, "a mini-program card shows title and picture only: description and facts are left out";
    MENU_LINKS = "menu" => "text", Api, keeps, UnsupportedPart, "mini-programs have no menu messages: sent as a text whose links answer";
    MUSIC_LINK = "music" => "link", Api, keeps, UnsupportedPart, "mini-programs cannot send music: sent as a link";
    CONTACT_TEXT = "contact" => "text", Api, loses, UnsupportedPart, "mini-programs cannot send contact cards: only the name is sent";
    FORWARDED_TEXT = "forwarded" => "text", Api, loses, UnsupportedPart, "mini-programs cannot forward chats: their words are sent";
    REFERENCE_LINK = "reference" => "link", Api, keeps, UnsupportedPart, "not sendable as such: its link is sent";
}
