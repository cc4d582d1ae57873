//! Does a text that says nothing stay here on every road?

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    each,
    samples::{NOW, account, passive_to, with_agents},
};
use crate::{
    channels::contract::{Account, Pieces, Roads, Say, What},
    error::Code,
    schema::{
        json::{Unknown, from_value},
        v1,
    },
    text,
};

pub(super) const ROADS: [Roads; 3] = [
    Roads {
        passive: false,
        api: true,
        after_event: false,
    },
    Roads {
        passive: true,
        api: true,
        after_event: false,
    },
    Roads {
        passive: true,
        api: false,
        after_event: false,
    },
];

/// A message of this one part.
pub(super) fn say(part: Value) -> Say {
    let part: v1::Part = from_value(part, Unknown::Refuse).expect("a part");
    Say {
        what: What::Parts {
            parts: vec![part],
            quote: None,
        },
        ..Default::default()
    }
}

/// The words of every text.
pub(super) fn texts(pieces: &Pieces) -> Vec<&str> {
    let texts = pieces.pieces.iter().filter(|piece| piece.native["msgtype"] == "text");
    texts
        .filter_map(|piece| piece.native["text"]["content"].as_str())
        .collect()
}

/// One kind of part for every place that words can have.
fn with_words(words: &str) -> Vec<Value> {
    vec![
        json!({"text": {"body": words}}),
        json!({"text": {"body": words, "format": "MARKDOWN"}}),
        json!({"text": {"body": format!("<p>{words}</p>"), "format": "HTML"}}),
        json!({"menu": {"head": words}}),
        json!({"menu": {"head": words, "tail": words}}),
        json!({"forwarded": {"title": words}}),
        json!({"forwarded": {"items": [{"sender": {"displayName": "A"}, "parts": [{"text": {"body": words}}]}]}}),
        json!({"contact": {"displayName": words}}),
        json!({"card": {"title": words}}),
    ]
}

#[test]
fn what_cannot_travel_says_nothing_on_any_road() {
    each(|name, channel| {
        let account = with_agents(channel);
        for blank in ["\u{0}", "\u{1b}", "\u{fffe}", "\u{b}\n\u{8}", "&#1;", "\u{1} \u{9f}"] {
            let parts = with_words(blank).into_iter();
            let entity = blank.starts_with('&');
            for part in parts.filter(|part| !entity || part["text"]["format"] == "HTML") {
                for roads in ROADS {
                    let found = account.pieces(&say(part.clone()), roads).map_err(|fault| fault.code);
                    assert_eq!(found.map(|it| it.pieces), Err(Code::InvalidRequest), "{name}: {part}");
                }
            }
        }
    });
}

#[test]
fn a_blank_piece_of_a_message_is_left_out() {
    each(|name, channel| {
        let account = account(channel);
        let captioned = json!({"image": {"platformMediaId": "M", "caption": "\u{1}\u{0}"}});
        let pieces = account.pieces(&say(captioned), ROADS[0]).expect("an image");
        assert_eq!((pieces.pieces.len(), pieces.degradations.len()), (1, 0), "{name}");
        let empty_link = json!({"text": {"body": "<p>a</p><a href=\"https://x\">&#1;</a>", "format": "HTML"}});
        let pieces = account.pieces(&say(empty_link), ROADS[0]).expect("a text");
        assert!(!texts(&pieces)[0].contains("></a>"), "{name}: a link without words");
    });
}

#[test]
fn a_native_text_without_words_never_rides() {
    each(|name, channel| {
        let account = account(channel);
        let native = Say {
            what: What::Native(json!({"msgtype": "text", "text": {"content": "\u{1}"}})),
            ..Default::default()
        };
        let pieces = account.pieces(&native, ROADS[2]).expect("a body of its own");
        assert!(
            account.passive(&pieces.pieces[0], &passive_to(), NOW).is_none(),
            "{name}"
        );
    });
}

fn nothing_empty(name: &str, account: &dyn Account, pieces: &Pieces) -> Result<(), TestCaseError> {
    for said in texts(pieces) {
        prop_assert!(!text::is_blank(said), "{}: {:?}", name, said);
        prop_assert_eq!(&text::clean(said), said, "{}", name);
    }
    for piece in &pieces.pieces {
        let answer = account.passive(piece, &passive_to(), NOW).unwrap_or_default();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        prop_assert!(!answer.contains("<Content><![CDATA[]]>"), "{}: {}", name, answer);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_text_is_empty_whatever_a_core_says(words in "[\u{0}-\u{1f}\u{7f}\u{9f}\u{fffe}a<>&#1; \\[\\]]{0,12}") {
        for channel in super::REGISTRY {
            let account = account(*channel);
            for part in with_words(&words) {
                for roads in ROADS {
                    if let Ok(pieces) = account.pieces(&say(part.clone()), roads) {
                        nothing_empty(channel.card().name, &*account, &pieces)?;
                    }
                }
            }
        }
    }
}
