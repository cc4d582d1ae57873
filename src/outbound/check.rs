//! Is this request a lawful one, by itself? What depends on window, quota, session or platform is not asked here.

use serde_json::Value;

use super::malformed;
use crate::{
    conversation::key::Key,
    error::{Code, Fault},
    schema::v1::{
        self,
        conversation::Scope,
        part::Content,
        send_request::{Degrade, NoAllowance, OnAmbiguous, Route, What},
        session_control::Verb,
    },
    text::is_blank,
};

/// No client message id is longer, in bytes.
pub const CLIENT_ID_MAX: usize = 128;

/// Everything that the request alone shows; the first mistake is named by its field.
pub fn shape(request: &v1::SendRequest) -> Result<(), Fault> {
    client_id(&request.client_message_id)?;
    options(request)?;
    if !request.conversation_key.is_empty() {
        customer_key(&request.conversation_key)?;
    }
    let what = request
        .what
        .as_ref()
        .ok_or_else(|| invalid("one of text, message, nativeJson, session, typing, recallMessageId must be set"))?;
    match what {
        What::Text(text) if is_blank(text) => Err(invalid("text is empty")),
        What::Text(_) => Ok(()),
        What::Message(message) => malformed::message(message),
        What::NativeJson(json) => match serde_json::from_str::<Value>(json) {
            Ok(Value::Object(body)) if is_named(&body) => Ok(()),
            Ok(Value::Object(_)) => Err(invalid("nativeJson has no msgtype")),
            Ok(_) => Err(invalid("nativeJson must be a JSON object")),
            Err(error) => Err(invalid(format!("nativeJson is not JSON: {error}"))),
        },
        What::Session(order) => match order.verb() {
            Verb::Unspecified => Err(invalid("session.verb must be END, QUEUE, ASSIGN or TAKE")),
            Verb::Assign if order.servicer.trim().is_empty() => {
                Err(invalid("session.servicer is missing: ASSIGN names one"))
            }
            Verb::End => order.closing.as_ref().map_or(Ok(()), malformed::message),
            // Where it is allowed the loss is reported.
            Verb::Take if order.closing.is_some() && request.degrade() == Degrade::Refuse => {
                Err(invalid("session.closing: TAKE has no closing words"))
            }
            _ => Ok(()),
        },
        What::Typing(true) => Ok(()),
        What::Typing(false) => Err(invalid("typing can only be true: it ends by itself")),
        What::RecallMessageId(id) if id.is_empty() => Err(invalid("recallMessageId is empty")),
        What::RecallMessageId(_) => Ok(()),
    }
}

/// Every platform's own body says of what kind it is.
fn is_named(body: &serde_json::Map<String, Value>) -> bool {
    let kind = body.get("msgtype").and_then(Value::as_str);
    kind.is_some_and(|kind| !kind.is_empty())
}

/// A request that stands alone must also say where it goes.
pub fn addressed(request: &v1::SendRequest) -> Result<(), Fault> {
    if request.conversation_key.is_empty() && request.in_reply_to.is_empty() {
        return Err(invalid("conversationKey or inReplyTo must be set"));
    }
    if request.route() == Route::PassiveOnly && request.in_reply_to.is_empty() {
        return Err(invalid(
            "route PASSIVE_ONLY needs inReplyTo: only an event has a passive window",
        ));
    }
    Ok(())
}

/// The key of one customer's conversation.
pub fn customer_key(text: &str) -> Result<Key, Fault> {
    let key = Key::parse(text).ok_or_else(|| invalid("conversationKey is not a conversation key"))?;
    match key.scope {
        Scope::Direct => Ok(key),
        _ => Err(invalid(
            "conversationKey must be a customer's: nobody reads what is sent elsewhere",
        )),
    }
}

pub fn invalid(why: impl Into<String>) -> Fault {
    Fault::new(Code::InvalidRequest, why)
}

pub fn other_conversation() -> Fault {
    invalid("inReplyTo is an event of another conversation")
}

/// A name that a message may have.
pub fn client_id(id: &str) -> Result<(), Fault> {
    if id.len() > CLIENT_ID_MAX {
        return Err(invalid(format!("clientMessageId has at most {CLIENT_ID_MAX} bytes")));
    }
    if id.chars().any(char::is_control) {
        return Err(invalid("clientMessageId holds control characters"));
    }
    Ok(())
}

/// Enumerations travel as numbers: one we don't know would silently be the default.
fn options(request: &v1::SendRequest) -> Result<(), Fault> {
    let known = [
        ("route", Route::try_from(request.route).is_ok()),
        ("degrade", Degrade::try_from(request.degrade).is_ok()),
        ("noAllowance", NoAllowance::try_from(request.no_allowance).is_ok()),
        ("onAmbiguous", OnAmbiguous::try_from(request.on_ambiguous).is_ok()),
    ];
    match known.iter().find(|(_, known)| !known) {
        Some((field, _)) => Err(invalid(format!("{field} has an unknown value"))),
        None => Ok(()),
    }
}

/// The media handles that a request names: each must exist.
pub fn handles(request: &v1::SendRequest) -> Vec<&str> {
    let parts = match &request.what {
        Some(What::Message(message)) => message.parts.as_slice(),
        Some(What::Session(order)) => order.closing.as_ref().map_or(&[][..], |closing| &closing.parts),
        _ => &[],
    };
    let mut handles: Vec<&str> = parts
        .iter()
        .filter_map(|part| part.content.as_ref())
        .flat_map(part_handles)
        .filter(|handle| !handle.is_empty())
        .collect();
    handles.dedup();
    handles
}

fn part_handles(content: &Content) -> Vec<&str> {
    match content {
        Content::Image(media) | Content::Voice(media) | Content::Video(media) | Content::File(media) => {
            // A handle beside a platform id is a convenience of inbound events; the id alone would do.
            let own = if media.platform_media_id.is_empty() {
                media.handle.as_str()
            } else {
                ""
            };
            vec![own, &media.thumb_handle]
        }
        Content::Link(link) => vec![&link.image_handle],
        Content::Articles(articles) => articles.items.iter().map(|link| link.image_handle.as_str()).collect(),
        Content::MiniProgram(card) => vec![&card.thumb_handle],
        Content::Music(music) => vec![&music.thumb_handle],
        Content::Card(card) => {
            let mut handles = vec![card.image_handle.as_str()];
            handles.extend(card.mini_program.as_ref().map(|mini| mini.thumb_handle.as_str()));
            handles
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::json::{Unknown, from_value};

    fn request(json: Value) -> v1::SendRequest {
        from_value(json, Unknown::Refuse).expect("a request")
    }

    #[test]
    fn chats_in_chats_go_eight_deep() {
        let nested = |deep: usize| {
            let words = serde_json::json!({"text": {"body": "hi"}});
            let part = (0..deep).fold(
                words,
                |part, _| serde_json::json!({"forwarded": {"title": "t", "items": [{"parts": [part]}]}}),
            );
            shape(&request(serde_json::json!({"message": {"parts": [part]}})))
        };
        assert_eq!(
            [1, 8, 9, 15].map(|deep| nested(deep).is_ok()),
            [true, true, false, false]
        );
    }

    #[test]
    fn what_the_request_alone_shows_is_refused_at_once() {
        let long = "x".repeat(129);
        for (json, lawful) in [
            (serde_json::json!({"text": "hi"}), true),
            (serde_json::json!({"text": ""}), false),
            (serde_json::json!({"text": " \n　"}), false),
            (serde_json::json!({"text": "\u{0}"}), false),
            (serde_json::json!({"text": "\u{b}\n\u{8}"}), false),
            (
                serde_json::json!({"session": {"verb": "END", "closing": {"parts": [{"text": {"body": "\u{1b}"}}]}}}),
                false,
            ),
            (
                serde_json::json!({"message": {"parts": [{"text": {"body": "\t"}}]}}),
                false,
            ),
            (
                serde_json::json!({"message": {"parts": [{"image": {"url": "notaurl"}}]}}),
                false,
            ),
            (
                serde_json::json!({"message": {"parts": [{"file": {"url": "file:///etc/passwd"}}]}}),
                false,
            ),
            (
                serde_json::json!({"message": {"parts": [{"voice": {"url": "ftp://a/b"}}]}}),
                false,
            ),
            (
                serde_json::json!({"message": {"parts": [{"video": {"url": "http://"}}]}}),
                false,
            ),
            (serde_json::json!({}), false),
            (serde_json::json!({"text": "hi", "clientMessageId": long}), false),
            (serde_json::json!({"text": "hi", "clientMessageId": long[1..]}), true),
            (
                serde_json::json!({"message": {"parts": [{"menu": {"actions": [{"label": "Yes"}]}}]}}),
                true,
            ),
            (
                serde_json::json!({"message": {"parts": [{"menu": {"actions": [{"replyText": "yes"}]}}]}}),
                true,
            ),
            (
                serde_json::json!({"message": {"parts": [{"menu": {"actions": [{"label": " "}]}}]}}),
                false,
            ),
            (serde_json::json!({"text": "hi", "clientMessageId": "a\nb"}), false),
            (serde_json::json!({"text": "hi", "conversationKey": "nonsense"}), false),
            (
                serde_json::json!({"text": "hi", "conversationKey": "official_account:wx1:u:o1"}),
                true,
            ),
            (
                serde_json::json!({"text": "hi", "conversationKey": "official_account:wx1:a:-"}),
                false,
            ),
            (serde_json::json!({"message": {"parts": []}}), false),
            (serde_json::json!({"message": {"parts": [{}]}}), false),
            (
                serde_json::json!({"message": {"parts": [{"card": {}, "extJson": {"sobot.card_info": "[1]"}}]}}),
                false,
            ),
            (serde_json::json!({"message": {"parts": [{"image": {}}]}}), false),
            (
                serde_json::json!({"message": {"parts": [{"image": {"url": "https://a/b"}}]}}),
                true,
            ),
            (serde_json::json!({"nativeJson": "{\"msgtype\":\"text\"}"}), true),
            (serde_json::json!({"nativeJson": "[1]"}), false),
            (
                serde_json::json!({"nativeJson": "{\"text\":{\"content\":\"hi\"}}"}),
                false,
            ),
            (serde_json::json!({"nativeJson": "{\"msgtype\":\"\"}"}), false),
            (serde_json::json!({"session": {"verb": "ASSIGN"}}), false),
            (
                serde_json::json!({"session": {"verb": "ASSIGN", "servicer": "anna"}}),
                true,
            ),
            (serde_json::json!({"session": {}}), false),
            (serde_json::json!({"session": {"verb": "END"}}), true),
            (serde_json::json!({"typing": true}), true),
            (serde_json::json!({"typing": false}), false),
            (serde_json::json!({"recallMessageId": ""}), false),
        ] {
            let checked = shape(&request(json.clone()));
            assert_eq!(checked.is_ok(), lawful, "{json}: {checked:?}");
        }
    }

    #[test]
    fn an_enumeration_we_do_not_know_is_no_default() {
        let mut asked = request(serde_json::json!({"text": "hi"}));
        asked.route = 9;
        assert!(shape(&asked).is_err());
    }

    #[test]
    fn a_request_that_stands_alone_says_where_it_goes() {
        assert!(addressed(&request(serde_json::json!({"text": "hi"}))).is_err());
        assert!(addressed(&request(serde_json::json!({"text": "hi", "inReplyTo": "e"}))).is_ok());
        let passive = serde_json::json!({"text": "hi", "conversationKey": "a:b:u:c", "route": "PASSIVE_ONLY"});
        assert!(addressed(&request(passive)).is_err());
    }

    #[test]
    fn every_file_that_a_request_names_is_looked_for() {
        let named = |part: Value| {
            let asked = request(serde_json::json!({"message": {"parts": [part]}}));
            handles(&asked).iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()
        };
        for (part, expected) in [
            (serde_json::json!({"image": {"handle": "a"}}), vec!["a"]),
            (
                serde_json::json!({"video": {"handle": "a", "thumbHandle": "b"}}),
                vec!["a", "b"],
            ),
            (
                serde_json::json!({"voice": {"handle": "a", "platformMediaId": "m"}}),
                vec![],
            ),
            (serde_json::json!({"link": {"imageHandle": "a"}}), vec!["a"]),
            (
                serde_json::json!({"articles": {"items": [{"imageHandle": "a"}, {"imageHandle": "b"}]}}),
                vec!["a", "b"],
            ),
            (serde_json::json!({"miniProgram": {"thumbHandle": "a"}}), vec!["a"]),
            (serde_json::json!({"music": {"thumbHandle": "a"}}), vec!["a"]),
            (
                serde_json::json!({"card": {"imageHandle": "a", "miniProgram": {"thumbHandle": "b"}}}),
                vec!["a", "b"],
            ),
            (serde_json::json!({"text": {"body": "a"}}), vec![]),
        ] {
            assert_eq!(named(part.clone()), expected, "{part}");
        }
        let closing =
            serde_json::json!({"session": {"verb": "END", "closing": {"parts": [{"file": {"handle": "a"}}]}}});
        assert_eq!(handles(&request(closing)), ["a"]);
    }
}
