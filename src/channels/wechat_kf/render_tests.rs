//! What does a part become here, and is what it loses told?

use serde_json::Value;

use super::*;
use crate::schema::v1::{
    Action, Articles, Card, Link, Media, Menu, MiniProgramCard, Music, Part, action, send_request::Degrade,
};

const API: Roads = Roads {
    passive: false,
    api: true,
    after_event: false,
};

fn say(content: Content) -> Say {
    let parts = vec![Part {
        content: Some(content),
        ..Default::default()
    }];
    Say {
        what: What::Parts { parts, quote: None },
        ..Default::default()
    }
}

/// The bodies, and the ways down as `from>to`.
fn shown(content: Content) -> (Vec<Value>, Vec<String>) {
    let it = pieces(&AccountSettings::default(), &say(content), API).expect("renders");
    let lost = it.degradations.iter();
    let lost = lost.map(|it| format!("{}>{}", it.from_type, it.to_type)).collect();
    (it.pieces.into_iter().map(|piece| piece.native).collect(), lost)
}

fn lossless(content: Content) -> Result<(), Code> {
    let strict = Say {
        degrade: Degrade::LosslessOnly,
        ..say(content)
    };
    let rendered = pieces(&AccountSettings::default(), &strict, API);
    rendered.map(|_| ()).map_err(|fault| fault.code)
}

fn words(content: &str) -> Value {
    json!({ "msgtype": "text", "text": { "content": content } })
}

fn link() -> Link {
    Link {
        url: "https://a.example/1".into(),
        title: "T".into(),
        description: "D".into(),
        ..Default::default()
    }
}

#[test]
fn a_link_without_a_picture_and_music_keep_their_words() {
    let text = vec![words("T\nD\nhttps://a.example/1")];
    assert_eq!(shown(Content::Link(link())), (text.clone(), vec!["link>text".into()]));
    assert_eq!(lossless(Content::Link(link())), Ok(()));
    let articles = Content::Articles(Articles { items: vec![link()] });
    assert_eq!(shown(articles).0, text);
    let music = Content::Music(Music {
        url: "https://a.example/1".into(),
        title: "T".into(),
        description: "D".into(),
        ..Default::default()
    });
    assert_eq!(shown(music), (text, vec!["music>text".into()]));
    let bare = Link {
        description: String::new(),
        ..link()
    };
    assert_eq!(shown(Content::Link(bare)).0, [words("T https://a.example/1")]);
}

fn card() -> Card {
    Card {
        title: "Kettle".into(),
        web_url: "https://shop.example/k".into(),
        image_handle: "PICTURE".into(),
        ..Default::default()
    }
}

#[test]
fn a_card_with_buttons_says_that_its_picture_is_lost() {
    let with_buttons = || {
        let buy = Action {
            id: "b1".into(),
            label: "Buy".into(),
            kind: Some(action::Kind::ReplyText("Buy".into())),
            ..Default::default()
        };
        Content::Card(Card {
            actions: vec![buy],
            ..card()
        })
    };
    assert_eq!(shown(with_buttons()).1, ["image>", "card>menu"]);
    assert_eq!(lossless(with_buttons()), Err(Code::UnsupportedPart));
}

fn refused(content: Content) -> Option<Code> {
    let rendered = pieces(&AccountSettings::default(), &say(content), API);
    rendered.err().map(|fault| fault.code)
}

fn choice(id: String, label: &str) -> Action {
    Action {
        id,
        label: label.into(),
        ..Default::default()
    }
}

#[test]
fn the_id_of_a_choice_is_whole_or_refused() {
    let menu = |id: usize, choices: usize| {
        let actions = (0..choices).map(|at| choice(format!("{at:0id$}"), "A")).collect();
        Content::Menu(Menu {
            actions,
            ..Default::default()
        })
    };
    let card = |id: usize, choices: usize| match menu(id, choices) {
        Content::Menu(menu) => Content::Card(Card {
            actions: menu.actions,
            ..card()
        }),
        other => other,
    };
    let (shown, lost) = shown(menu(128, 2));
    assert_eq!(shown[0]["msgmenu"]["list"][1]["click"]["id"], format!("{:0128}", 1));
    assert!(lost.is_empty(), "{lost:?}");
    assert_eq!(refused(menu(129, 2)), Some(Code::TooLong));
    assert_eq!(refused(card(129, 2)), Some(Code::TooLong));
    // A text has no ids.
    let (_, lost) = self::shown(menu(129, 11));
    assert_eq!(lost, ["menu>text"]);
    let (_, lost) = self::shown(card(129, 10));
    assert_eq!(lost, ["image>", "card>menu", "menu>text"]);
}

#[test]
fn the_words_of_an_item_that_opens_a_mini_program_are_cut_wherever_it_stands() {
    let page = || MiniProgramCard {
        appid: "wx1".into(),
        title: "题".repeat(400),
        ..Default::default()
    };
    let (alone, lost) = shown(Content::MiniProgram(page()));
    assert_eq!(lost, ["mini_program>menu", "text>text"]);
    let opens = Action {
        kind: Some(action::Kind::MiniProgram(page())),
        ..choice(String::new(), &"题".repeat(400))
    };
    let (inside, lost) = shown(Content::Menu(Menu {
        actions: vec![opens],
        ..Default::default()
    }));
    assert_eq!(lost, ["text>text"]);
    for shown in [alone, inside] {
        let words = &shown[0]["msgmenu"]["list"][0]["miniprogram"]["content"];
        assert_eq!(words.as_str(), Some(&*"题".repeat(341)));
    }
}

#[test]
fn an_address_that_is_too_long_is_another_fault_than_one_that_is_none() {
    let of = |url: &str| {
        let opens = Action {
            kind: Some(action::Kind::Url(url.into())),
            ..choice(String::new(), "A")
        };
        let actions = vec![opens];
        [
            Content::Link(Link {
                url: url.into(),
                image_handle: "PICTURE".into(),
                ..link()
            }),
            Content::Menu(Menu {
                actions: actions.clone(),
                ..Default::default()
            }),
            Content::Card(Card { actions, ..card() }),
        ]
    };
    let long = format!("https://a.example/{}", "u".repeat(2048));
    for (url, code) in [
        (&long[..2048], None),
        (&long[..2049], Some(Code::TooLong)),
        ("javascript:x", Some(Code::InvalidRequest)),
    ] {
        for content in of(url) {
            assert_eq!(refused(content.clone()), code, "{content:?}");
        }
    }
    let by_address = Card {
        web_url: long,
        actions: vec![choice(String::new(), "A")],
        ..card()
    };
    assert_eq!(refused(Content::Card(by_address)), Some(Code::TooLong));
}

#[test]
fn a_medium_that_is_a_link_is_told_by_its_own_name() {
    let medium = || Media {
        url: "https://m.example/a.pdf".into(),
        name: "a.pdf".into(),
        ..Default::default()
    };
    for (content, lost) in [
        (Content::Image(medium()), "image>link"),
        (Content::Voice(medium()), "voice>link"),
        (Content::Video(medium()), "video>link"),
        (Content::File(medium()), "file>link"),
    ] {
        assert_eq!(shown(content).1, [lost]);
    }
}
