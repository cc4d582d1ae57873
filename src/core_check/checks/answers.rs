//! Can what the core answers be read? What the bridge would pass over in silence is said here.

use std::collections::BTreeSet;

use serde_json::Value;

use super::odd::Odd;
use crate::{
    core_check::{
        report::{Finding, Words},
        stage::Stage,
    },
    outbound::lawful_by_itself,
    schema::{
        json::{self, Unknown},
        v1,
    },
};

const KNOWN: [&str; 4] = ["replies", "results", "keepWindow", "keep_window"];

/// Everything that was answered while an event was taken, each oddity once.
pub fn read(stage: &Stage) -> Vec<Finding> {
    let mut odd = BTreeSet::new();
    let mut replies = 0;
    {
        let aside = stage.aside();
        for (key, body) in &aside.answers {
            match body {
                None => _ = odd.insert(Odd::TooLong),
                Some(body) => look(body, key, &mut odd),
            }
        }
        replies += aside.replies;
        odd.extend(aside.used_twice.as_deref().map(|name| Odd::UsedName(short(name))));
        odd.extend(aside.past.then_some(Odd::Past));
    }
    if odd.is_empty() {
        let seen = Words::new(
            format!("every answer can be read; {replies} replies"),
            format!("每个回答都能读懂；共 {replies} 条回复"),
        );
        return vec![Finding::green("answers", seen)];
    }
    odd.iter().map(Odd::finding).collect()
}

fn look(body: &[u8], key: &str, odd: &mut BTreeSet<Odd>) {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.iter().all(u8::is_ascii_whitespace) {
        return;
    }
    let fields = match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => fields,
        Ok(Value::Null) => return,
        _ => {
            odd.insert(Odd::NotJson);
            return;
        }
    };
    for name in fields.keys().filter(|name| !KNOWN.contains(&name.as_str())) {
        odd.insert(Odd::UnknownField(short(name)));
    }
    if let Some(replies) = fields.get("replies") {
        look_at_replies(replies, key, odd);
    }
    let results = fields.get("results").and_then(Value::as_array);
    for ack in results.into_iter().flatten() {
        let named = ack.get("conversationKey").or_else(|| ack.get("conversation_key"));
        if named.and_then(Value::as_str) != Some(key) {
            odd.insert(Odd::OtherConversation);
        }
        if let Some(replies) = ack.get("replies") {
            look_at_replies(replies, key, odd);
        }
    }
}

fn look_at_replies(replies: &Value, key: &str, odd: &mut BTreeSet<Odd>) {
    let replies = match replies {
        Value::Null => return,
        Value::Array(replies) => replies,
        _ => {
            odd.insert(Odd::BadReply("replies is a list".into()));
            return;
        }
    };
    for reply in replies {
        let strict = json::from_value::<v1::SendRequest>(reply.clone(), Unknown::Refuse);
        if let Err(json::JsonError::UnknownField(field)) = &strict {
            odd.insert(Odd::UnknownField(short(&format!("replies[].{field}"))));
        }
        match json::from_value::<v1::SendRequest>(reply.clone(), Unknown::Ignore) {
            Err(error) => _ = odd.insert(Odd::BadReply(short(&error.to_string()))),
            Ok(reply) if reply.what.is_none() => _ = odd.insert(Odd::EmptyReply),
            Ok(reply) => look_at_reply(&reply, key, odd),
        }
    }
}

/// What the bridge would let fail by itself.
fn look_at_reply(reply: &v1::SendRequest, key: &str, odd: &mut BTreeSet<Odd>) {
    if let Err(fault) = lawful_by_itself(reply) {
        odd.insert(Odd::Unlawful(short(&fault.detail)));
    }
    if !reply.conversation_key.is_empty() && reply.conversation_key != key {
        odd.insert(Odd::Unlawful("conversationKey is of another conversation".to_owned()));
    }
}

/// What a core wrote goes to a terminal.
fn short(text: &str) -> String {
    text.chars()
        .filter(|letter| crate::text::shows(*letter))
        .take(200)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_bridge_would_pass_over_is_seen() {
        for (body, found) in [
            ("", None),
            (" \n", None),
            ("{}", None),
            (
                r#"{"replies":[{"text":"x","clientMessageId":"a"}],"keepWindow":true}"#,
                None,
            ),
            (r#"{"results":[{"conversationKey":"k","outcome":"OK"}]}"#, None),
            ("OK", Some(Odd::NotJson)),
            (r#"{"reply":"x"}"#, Some(Odd::UnknownField("reply".into()))),
            (
                r#"{"replies":[{"text":"x","colour":1}]}"#,
                Some(Odd::UnknownField("replies[].colour".into())),
            ),
            (r#"{"replies":[{"clientMessageId":"a"}]}"#, Some(Odd::EmptyReply)),
            (
                r#"{"replies":[{"text":"x"},{"text":""}]}"#,
                Some(Odd::Unlawful("text is empty".into())),
            ),
            (
                r#"{"replies":[{"message":{"parts":[]}}]}"#,
                Some(Odd::Unlawful("message.parts is empty".into())),
            ),
            (
                r#"{"results":[{"conversationKey":"other"}]}"#,
                Some(Odd::OtherConversation),
            ),
            (
                r#"{"replies":{"text":"x"}}"#,
                Some(Odd::BadReply("replies is a list".into())),
            ),
        ] {
            let mut odd = BTreeSet::new();
            look(body.as_bytes(), "k", &mut odd);
            assert_eq!(odd.into_iter().next(), found, "{body}");
        }
        let mut odd = BTreeSet::new();
        look(br#"{"replies":[{"text":1}]}"#, "k", &mut odd);
        assert!(matches!(odd.first(), Some(Odd::BadReply(_))), "{odd:?}");
    }
}
