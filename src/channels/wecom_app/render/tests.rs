//! Does each kind of part become what WeCom's pages show, on each road?

mod calls;
mod in_requests;
mod made_cards;
mod own_cards;
mod plain;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    channels::{
        contract::{PassiveTo, Piece, Ticket, Upload},
        wecom_app::testing::settings,
    },
    ports::platform::{Answer, Call, CallBody},
    schema::v1::{
        Action, Articles, Card, ContactCard, ForwardedChat, KeyValue, Link, Location, Media, Menu, Message,
        MiniProgramCard, Music, Part, Quote, Reference, Template, TemplateCard, Text, TransferToPlatform, action::Kind,
        send_request::Degrade, text::Format,
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
const MESSAGE: &str = "0199a3c0-6d1e-7000-8000-0123456789ab";

fn part(content: Content) -> Part {
    Part {
        content: Some(content),
        ..Default::default()
    }
}

fn text(body: &str) -> Part {
    part(Content::Text(Text {
        body: body.into(),
        format: Format::Plain.into(),
    }))
}

fn say(parts: Vec<Part>) -> Say {
    Say {
        what: What::Parts { parts, quote: None },
        id: MESSAGE.into(),
        ..Default::default()
    }
}

fn native(body: Value) -> Say {
    Say {
        what: What::Native(body),
        ..Default::default()
    }
}

fn shown(say: &Say, roads: Roads) -> Vec<Value> {
    let pieces = pieces(&settings(), say, roads).expect("rendered");
    pieces.pieces.into_iter().map(|piece| piece.native).collect()
}

fn one(content: Content) -> Value {
    let mut shown = shown(&say(vec![part(content)]), API);
    assert_eq!(shown.len(), 1, "{shown:?}");
    shown.remove(0)
}

/// What the part becomes, and the ways down, as `from→to`.
fn lost(content: Content, roads: Roads) -> (Vec<Value>, Vec<String>) {
    let rendered = pieces(&settings(), &say(vec![part(content)]), roads).expect("rendered");
    let lost = rendered
        .degradations
        .iter()
        .map(|it| format!("{}→{}", it.from_type, it.to_type));
    (
        rendered.pieces.iter().map(|it| it.native.clone()).collect(),
        lost.collect(),
    )
}

fn refused(say: &Say, roads: Roads) -> Code {
    pieces(&settings(), say, roads).expect_err("refused").code
}

fn media(id: &str) -> Media {
    Media {
        platform_media_id: id.into(),
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

fn to_message() -> PassiveTo {
    PassiveTo {
        to: "Li.Si".into(),
        from: "ww0123456789abcdef".into(),
        part_types: &["text", "image", "voice", "video", "articles"],
        to_message: true,
        json: false,
    }
}

fn to_click() -> PassiveTo {
    PassiveTo {
        part_types: &["template_card"],
        to_message: false,
        ..to_message()
    }
}

fn rides(say: &Say, to: &PassiveTo) -> Option<String> {
    let roads = Roads {
        passive: true,
        api: true,
        after_event: false,
    };
    let pieces = pieces(&settings(), say, roads).expect("rendered");
    passive(&pieces.pieces[0], to, 1_766_102_401_000).map(|xml| String::from_utf8(xml).expect("UTF-8"))
}

fn body_of(call: &Call) -> Value {
    match &call.body {
        CallBody::Json(body) => serde_json::from_slice(body).expect("JSON"),
        other => panic!("{other:?}"),
    }
}

fn called(say: &Say) -> (&'static str, Value) {
    let pieces = pieces(&settings(), say, API).expect("rendered");
    let call = call(&settings(), &pieces.pieces[0], "li.si");
    (call.path, body_of(&call))
}

fn card() -> Card {
    Card {
        title: "订单 88".into(),
        description: "已付款".into(),
        image_url: "https://i.example/1.png".into(),
        web_url: "https://o.example/88".into(),
        facts: vec![KeyValue {
            key: "金额".into(),
            value: "199元".into(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn template_card(task: &str, json: Value) -> Say {
    let card = TemplateCard {
        card_type: json["card_type"].as_str().unwrap_or_default().into(),
        task_id: task.into(),
        native_json: json.to_string(),
    };
    say(vec![part(Content::TemplateCard(card))])
}

fn ticket(about: &str, of_event: bool) -> Ticket {
    Ticket {
        code: "rc-1".into(),
        about: about.into(),
        expires: None,
        of_event,
    }
}
