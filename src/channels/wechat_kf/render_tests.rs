//! What does a part become here, and is what it loses told?

use serde_json::Value;

use super::*;
use crate::schema::v1::{Action, Articles, Card, Link, Media, Music, Part, action, send_request::Degrade};

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
