//! Does each kind of part become what the platform's pages show, on each road?

mod choices;
mod files;
mod on_roads;
mod shown_cards;
mod stand_ins;
mod texts;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    channels::contract::{PassiveTo, Upload},
    ports::platform::{Call, CallBody},
    schema::v1::{
        Action, Articles, Card, ContactCard, ForwardedChat, KeyValue, Link, Location, Media, Menu, Message,
        MiniProgramCard, Music, Part, Quote, Reference, Template, TemplateCard, Text, TransferToPlatform, Unsupported,
        action::Kind, part::Content, send_request::Degrade, text::Format,
    },
};

const API: Roads = Roads {
    passive: false,
    api: true,
    after_event: false,
};
const PASSIVE: Roads = Roads {
    passive: true,
    api: false,
    after_event: false,
};
const BOTH: Roads = Roads {
    passive: true,
    api: true,
    after_event: false,
};

fn part(content: Content) -> Part {
    Part {
        content: Some(content),
        ..Default::default()
    }
}

fn text(body: &str) -> Part {
    formatted(body, Format::Plain)
}

fn formatted(body: &str, format: Format) -> Part {
    part(Content::Text(Text {
        body: body.into(),
        format: format.into(),
    }))
}

fn say(parts: Vec<Part>) -> Say {
    Say {
        what: What::Parts { parts, quote: None },
        ..Default::default()
    }
}

fn settings() -> AccountSettings {
    AccountSettings {
        text_html_breaks: true,
        ..Default::default()
    }
}

fn rendered(part: Part, roads: Roads) -> Pieces {
    pieces(&settings(), &say(vec![part]), roads).expect("renders")
}

/// The bodies of a part on a road, and its degradations as `from>to`.
fn shown(part: Part, roads: Roads) -> (Vec<Value>, Vec<String>) {
    let it = rendered(part, roads);
    let lost = it
        .degradations
        .iter()
        .map(|lost| format!("{}>{}", lost.from_type, lost.to_type))
        .collect();
    (it.pieces.into_iter().map(|piece| piece.native).collect(), lost)
}

fn check(part: Part, roads: Roads, bodies: &[Value], lost: &[&str]) {
    let (found, degradations) = shown(part, roads);
    assert_eq!(found, bodies);
    assert_eq!(degradations, lost);
}

fn refused(say: &Say, roads: Roads) -> Code {
    pieces(&settings(), say, roads).expect_err("refused").code
}

fn words(content: &str) -> Value {
    json!({ "msgtype": "text", "text": { "content": content } })
}

fn news(title: &str, description: &str, url: &str, picture: &str) -> Value {
    json!({ "msgtype": "news", "news": { "articles": [{ "title": title, "description": description, "url": url, "picurl": picture }] } })
}

fn to(to_message: bool) -> PassiveTo {
    PassiveTo {
        to: "oUser".into(),
        from: "gh_1".into(),
        part_types: &["text"],
        to_message,
        json: false,
    }
}

fn xml(piece: &Piece, to_message: bool) -> Option<String> {
    passive(piece, &to(to_message), 1_752_000_200_999).map(|bytes| String::from_utf8(bytes).expect("UTF-8"))
}

fn sent(piece: &Piece) -> (Call, String) {
    let call = call(piece, "oUser");
    let CallBody::Json(body) = &call.body else {
        panic!("JSON")
    };
    let body = String::from_utf8(body.clone()).expect("UTF-8");
    (call, body)
}

fn media(id: &str, url: &str) -> Media {
    Media {
        platform_media_id: id.into(),
        url: url.into(),
        ..Default::default()
    }
}

fn link(n: usize) -> Link {
    Link {
        url: format!("https://x/{n}"),
        title: format!("T{n}"),
        description: "D".into(),
        image_url: "https://x/p.jpg".into(),
        ..Default::default()
    }
}

fn action(id: &str, label: &str, kind: Option<Kind>) -> Action {
    Action {
        id: id.into(),
        label: label.into(),
        kind,
        ..Default::default()
    }
}
