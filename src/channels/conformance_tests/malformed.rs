//! Is refused at once what no channel sends, and nothing that one of them does?

use serde_json::{Value, json};

use super::{
    each,
    samples::{parts, with_agents},
};
use crate::{
    channels::contract::{Roads, Say, What},
    error::Fault,
    outbound::lawful_by_itself,
    schema::{
        json::{Unknown, from_value},
        v1::{self, part::Content, send_request},
    },
};

const API: Roads = Roads {
    passive: false,
    api: true,
    after_event: false,
};
const BOTH: Roads = Roads { passive: true, ..API };

fn message(parts: Vec<v1::Part>) -> v1::Message {
    v1::Message {
        parts,
        ..Default::default()
    }
}

fn lawful(message: v1::Message) -> Result<(), Fault> {
    lawful_by_itself(&v1::SendRequest {
        what: Some(send_request::What::Message(message)),
        ..Default::default()
    })
}

/// Whether a channel makes something of these parts.
fn sends(channel: &dyn super::Channel, parts: &[v1::Part]) -> bool {
    let say = Say {
        what: What::Parts {
            parts: parts.to_vec(),
            quote: None,
        },
        ..Default::default()
    };
    let account = with_agents(channel);
    [API, BOTH].iter().any(|roads| account.pieces(&say, *roads).is_ok())
}

fn read(json: &Value) -> Vec<v1::Part> {
    let message: v1::Message = from_value(json!({ "parts": json }), Unknown::Refuse).expect("parts");
    message.parts
}

#[test]
fn what_no_channel_sends_is_refused_at_once() {
    for malformed in [
        json!([{"link": {}}]),
        json!([{"link": {"title": "x"}}]),
        json!([{"link": {"title": "x", "url": "javascript:alert(1)"}}]),
        json!([{"link": {"url": "\u{1}"}}]),
        json!([{"articles": {}}]),
        json!([{"articles": {"items": [{"url": "https://x"}, {"title": "x"}]}}]),
        json!([{"card": {}}]),
        json!([{"card": {"title": "\u{1}", "webUrl": "https://x"}}]),
        json!([{"music": {}}]),
        json!([{"music": {"title": "x", "url": "ftp://x"}}]),
        json!([{"contact": {}}]),
        json!([{"contact": {"displayName": " ", "nativeId": "\u{0}"}}]),
        json!([{"menu": {}}]),
        json!([{"menu": {"head": "\u{1}", "actions": [{}]}}]),
        json!([{"menu": {}}, {"text": {"body": "<p></p>", "format": "HTML"}}]),
        json!([{"text": {"body": "<p>&#1;</p>", "format": "HTML"}}]),
        json!([{"text": {"body": "```\n```", "format": "MARKDOWN"}}]),
        json!([{"location": {"latitude": 999, "longitude": 1}}]),
        json!([{"location": {"latitude": 1, "longitude": -180.5}}]),
        json!([{"forwarded": {}}]),
        json!([{"forwarded": {"title": "\u{1}", "items": [{"summary": " "}]}}]),
        json!([{"reference": {"kind": "wxcard"}}]),
        json!([{"templateCard": {}}]),
        json!([{"templateCard": {"cardType": "text_notice", "nativeJson": "[1]"}}]),
        json!([{"image": {"platformMediaId": "\u{1}"}}]),
        json!([{"unsupported": {"platformType": "x"}}]),
        // One that cannot be sent is a mistake of the whole message.
        json!([{"text": {"body": "a"}}, {"link": {"title": "x"}}]),
    ] {
        let parts = read(&malformed);
        assert!(lawful(message(parts.clone())).is_err(), "{malformed}");
        each(|name, channel| assert!(!sends(channel, &parts), "{name} sends {malformed}"));
    }
}

#[test]
fn what_one_channel_sends_is_not_refused() {
    for lawful_parts in [
        json!([{"link": {"url": " https://x "}}]),
        json!([{"music": {"hqUrl": "https://x/a.mp3"}}]),
        json!([{"contact": {"nativeId": "zhang"}}]),
        json!([{"card": {"question": "Is it hot?"}}]),
        json!([{"card": {"miniProgram": {"appid": "wx1", "title": "A page"}}}]),
        json!([{"menu": {"tail": "Thanks"}}]),
        json!([{"menu": {}}, {"text": {"body": "a"}}]),
        json!([{"text": {"body": "<p></p>", "format": "HTML"}}, {"text": {"body": "a"}}]),
        json!([{"miniProgram": {}}]),
        json!([{"location": {}}]),
        json!([{"forwarded": {"items": [{"summary": "a"}]}}]),
        json!([{"reference": {"kind": "wxcard", "id": "1"}}]),
        json!([{"reference": {"url": "https://x"}}]),
        json!([{"templateCard": {"nativeJson": "{\"card_type\":\"text_notice\"}"}}]),
    ] {
        let parts = read(&lawful_parts);
        let one = super::REGISTRY.iter().any(|channel| sends(*channel, &parts));
        assert!(one, "no channel sends {lawful_parts}");
        let checked = lawful(message(parts));
        assert!(checked.is_ok(), "{lawful_parts}: {checked:?}");
    }
}

#[test]
fn every_sample_but_what_is_inbound_alone_is_lawful() {
    each(|name, channel| {
        for (part, content) in parts(channel) {
            let inbound = matches!(content, Content::Unsupported(_));
            let checked = lawful(message(vec![v1::Part {
                content: Some(content),
                ..Default::default()
            }]));
            assert_eq!(checked.is_ok(), !inbound, "{name}: {part}: {checked:?}");
        }
    });
}
