//! What does a core's answer mean? Status first, then, for 2xx, whatever of a `DeliverResponse` can be read.
//!
//! A 2xx takes the event unless an Ack that names its conversation says otherwise; nothing in the body can break that.

use serde_json::{Map, Value};

use crate::{
    ports::{
        clock::Millis,
        core::{Answer, BadReply, Outcome, Reply},
    },
    schema::{
        Head,
        json::{self, Unknown},
        v1,
    },
};

/// Said of replies beside RETRY.
const LEFT_OUT: &str = "; what it replied is left out";

/// The event an answer is about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    pub key: &'a str,
    pub seq: u32,
}

impl<'a> About<'a> {
    pub fn of(event: &Head<'a>) -> Self {
        Self {
            key: event.key,
            seq: event.seq,
        }
    }
}

/// Reads one complete answer. `retry_after` is the header, `body` empty where it was too long to be read.
pub fn read(status: u16, retry_after: Option<Millis>, body: &[u8], about: About<'_>) -> Outcome {
    let why = || format!("the core answered {status}");
    match status {
        200..=299 => accepted(body, about),
        409 => Outcome::Taken(Answer::default()),
        400 | 413 | 422 => Outcome::Refused {
            after: retry_after,
            why: why(),
        },
        429 | 503 => Outcome::Slow {
            after: retry_after,
            why: why(),
        },
        500..=599 => Outcome::Failed {
            after: retry_after,
            why: why(),
        },
        300..=399 => Outcome::Down {
            after: retry_after,
            why: format!("the core answered {status}; redirects are not followed"),
        },
        _ => Outcome::Down {
            after: retry_after,
            why: why(),
        },
    }
}

/// `Retry-After`: seconds, or the moment as an HTTP date.
pub fn retry_after(value: &str, now: Millis) -> Option<Millis> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are still "a long time": the caller caps it.
        return Some(value.parse::<Millis>().unwrap_or(Millis::MAX).saturating_mul(1000));
    }
    let at = chrono::DateTime::parse_from_rfc2822(value).ok()?;
    Some((at.timestamp_millis() - now).max(0))
}

fn accepted(body: &[u8], about: About<'_>) -> Outcome {
    if body.is_empty() {
        return Outcome::Taken(Answer::default());
    }
    // Some frameworks put a byte-order mark before their JSON.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let Ok(Value::Object(mut fields)) = serde_json::from_slice::<Value>(body) else {
        return Outcome::Taken(Answer::default());
    };
    let replies = replies(fields.remove("replies"));
    let mut take = |name: &str| fields.remove(name);
    let keep_window = take("keepWindow").or_else(|| take("keep_window")) == Some(Value::Bool(true));
    let verdict = take("results").and_then(|results| verdict(results, about));
    let outcome = verdict.unwrap_or_else(|| Outcome::Taken(Answer::default()));
    beside(outcome, replies, keep_window)
}

/// What stands beside the Acks: its replies come before those inside of one.
pub(super) fn beside(outcome: Outcome, mut replies: Vec<Reply>, keep_window: bool) -> Outcome {
    match outcome {
        Outcome::Taken(answer) => {
            replies.extend(answer.replies);
            Outcome::Taken(Answer { replies, keep_window })
        }
        Outcome::Park { why, replies: more } => {
            replies.extend(more);
            Outcome::Park { why, replies }
        }
        // It comes again, and whoever replies to it will then: nobody is to hear that each time.
        Outcome::Again { after, why } if !replies.is_empty() && !why.ends_with(LEFT_OUT) => Outcome::Again {
            after,
            why: why + LEFT_OUT,
        },
        other => other,
    }
}

/// What the Ack for this conversation says; `None` where there is none that can be read.
fn verdict(results: Value, about: About<'_>) -> Option<Outcome> {
    let Value::Array(results) = results else { return None };
    results.into_iter().find_map(|result| {
        let Value::Object(mut fields) = result else { return None };
        // Taken out first: a bad reply must not hide the Ack it rides in.
        let replies = replies(fields.remove("replies"));
        let ack = ack(fields)?;
        (ack.conversation_key == about.key).then(|| judge(&ack, replies, about.seq))
    })
}

/// An Ack, if need be without what only says how long or why: RETRY and PARK are heard also beside a `retryAfter` that is
/// no duration.
fn ack(mut fields: Map<String, Value>) -> Option<v1::Ack> {
    let read = |fields| json::from_value(Value::Object(fields), Unknown::Ignore).ok();
    read(fields.clone()).or_else(|| {
        for name in ["retryAfter", "retry_after", "reason"] {
            fields.remove(name);
        }
        read(fields)
    })
}

/// What the Ack of the event's own conversation comes to.
pub(super) fn judge(ack: &v1::Ack, replies: Vec<Reply>, seq: u32) -> Outcome {
    use v1::ack::Outcome as Says;
    let why = |says: &str| match ack.reason.as_str() {
        "" => format!("the core answered {says}"),
        reason => format!("the core answered {says}: {}", short(reason)),
    };
    let after = wait(ack);
    let outcome = match ack.outcome() {
        Says::Ok if ack.through_seq == 0 || ack.through_seq >= seq => Outcome::Taken(Answer::default()),
        Says::Ok => Outcome::Again {
            after,
            why: why("OK for earlier events only"),
        },
        Says::Retry => Outcome::Again {
            after,
            why: why("RETRY"),
        },
        Says::Park => Outcome::Park {
            why: why("PARK"),
            replies: Vec::new(),
        },
    };
    beside(outcome, replies, false)
}

/// How long the core asks us to wait with what it did not take.
pub(super) fn wait(ack: &v1::Ack) -> Option<Millis> {
    let after = ack.retry_after.as_ref()?;
    let millis = after.seconds.saturating_mul(1000);
    Some(millis.saturating_add(i64::from(after.nanos) / 1_000_000).max(0))
}

fn replies(value: Option<Value>) -> Vec<Reply> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(replies)) => replies.into_iter().map(reply).collect(),
        Some(_) => vec![Err(bad("replies is a list"))],
    }
}

fn reply(value: Value) -> Reply {
    let Value::Object(fields) = &value else {
        return Err(bad("a reply is a JSON object"));
    };
    // Whatever else is wrong with it: the core knows it by this name.
    let named = fields
        .get("clientMessageId")
        .or_else(|| fields.get("client_message_id"));
    let client_message_id = named.and_then(Value::as_str).unwrap_or_default().to_owned();
    json::from_value(value, Unknown::Ignore).map_err(|error| BadReply {
        why: error.to_string(),
        client_message_id,
    })
}

fn bad(why: &str) -> BadReply {
    BadReply {
        why: why.to_owned(),
        ..BadReply::default()
    }
}

/// A reason is shown to people, not stored as a document.
fn short(text: &str) -> String {
    text.chars().take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: About<'static> = About { key: "k", seq: 5 };

    fn taken(body: &str) -> Answer {
        match read(200, None, body.as_bytes(), ABOUT) {
            Outcome::Taken(answer) => answer,
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn a_2xx_takes_the_event_whatever_its_body() {
        for body in [
            "",
            "ok",
            "\"ok\"",
            "[]",
            "null",
            "{",
            "{}",
            "<html>",
            r#"{"code":0}"#,
            r#"{"replies":null}"#,
            r#"{"replies":[]}"#,
            r#"{"results":[]}"#,
            r#"{"results":"RETRY"}"#,
            r#"{"results":[{"outcome":"RETRY"}]}"#,
            r#"{"results":[{"conversationKey":"other","outcome":"PARK"}]}"#,
            r#"{"results":[7]}"#,
            r#"{"results":[{"conversationKey":"k","outcome":"LATER"}]}"#,
            "\u{0}\u{1}",
        ] {
            assert_eq!(taken(body), Answer::default(), "{body}");
        }
        assert_eq!(read(204, None, b"", ABOUT), Outcome::Taken(Answer::default()));
        assert_eq!(read(200, None, b"\xff\xfe", ABOUT), Outcome::Taken(Answer::default()));
    }

    #[test]
    fn the_short_reply_is_enough() {
        let answer = taken("\u{feff}{\"replies\":[{\"text\":\"您好\",\"colour\":\"red\"}],\"x\":1}");
        let reply = answer.replies[0].as_ref().expect("a reply");
        assert_eq!(reply.what, Some(v1::send_request::What::Text("您好".into())));
        assert!(!answer.keep_window);
    }

    #[test]
    fn a_bad_reply_fails_alone() {
        let answer =
            taken(r#"{"replies":[{"text":"a"},{"text":7},"hi",null,{"route":"FLY"},{"text":"b"}],"keepWindow":true}"#);
        let good: Vec<bool> = answer.replies.iter().map(Result::is_ok).collect();
        assert_eq!(good, [true, false, false, false, false, true]);
        assert!(answer.keep_window);
        assert_eq!(
            taken(r#"{"replies":{"text":"a"}}"#).replies.len(),
            1,
            "the core hears that it is no list"
        );
    }

    #[test]
    fn a_bad_reply_keeps_the_cores_own_name() {
        let answer = taken(
            r#"{"replies":[{"text":7,"clientMessageId":"x"},{"text":7,"client_message_id":"y"},{"clientMessageId":7}]}"#,
        );
        let names: Vec<&str> = answer
            .replies
            .iter()
            .map(|reply| reply.as_ref().expect_err("bad").client_message_id.as_str())
            .collect();
        assert_eq!(names, ["x", "y", ""]);
    }

    #[test]
    fn an_ack_for_this_conversation_counts() {
        let ack = |rest: &str| {
            let body = format!(
                r#"{{"results":[{{"conversationKey":"x","outcome":"PARK"}},{{"conversationKey":"k",{rest}}}]}}"#
            );
            read(200, None, body.as_bytes(), ABOUT)
        };
        assert!(matches!(ack(r#""outcome":"OK""#), Outcome::Taken(_)));
        assert!(matches!(ack(r#""throughSeq":5"#), Outcome::Taken(_)));
        assert!(matches!(ack(r#""throughSeq":4"#), Outcome::Again { .. }));
        assert_eq!(
            ack(r#""outcome":"RETRY","retryAfter":"1.5s","reason":"busy""#),
            Outcome::Again {
                after: Some(1500),
                why: "the core answered RETRY: busy".into()
            }
        );
        assert_eq!(
            ack(r#""outcome":"PARK","reason":"no""#),
            Outcome::Park {
                why: "the core answered PARK: no".into(),
                replies: Vec::new(),
            }
        );
        for odd in [r#""retryAfter":"soon""#, r#""retryAfter":5"#, r#""reason":{"code":7}"#] {
            let said = ack(&format!(r#""outcome":"RETRY",{odd}"#));
            assert!(matches!(said, Outcome::Again { after: None, .. }), "{odd}: {said:?}");
        }
    }

    #[test]
    fn replies_are_said_beside_park_and_left_out_beside_retry() {
        let said = |outcome: &str| {
            let body = format!(
                r#"{{"replies":[{{"text":"a"}}],
                "results":[{{"conversationKey":"k","outcome":"{outcome}","replies":[{{"text":"b"}},{{"text":7}}]}}]}}"#
            );
            read(200, None, body.as_bytes(), ABOUT)
        };
        let Outcome::Park { replies, .. } = said("PARK") else {
            panic!("not set aside");
        };
        let texts: Vec<_> = replies.into_iter().map(|reply| reply.ok()?.what).collect();
        let text = |text: &str| Some(v1::send_request::What::Text(text.into()));
        assert_eq!(texts, [text("a"), text("b"), None]);
        let again = said("RETRY");
        assert!(again.why().contains("what it replied is left out"), "{again:?}");
        assert_eq!(again.why().matches("left out").count(), 1);
    }

    #[test]
    fn replies_inside_the_ack_follow_the_others() {
        let answer = taken(
            r#"{"replies":[{"text":"a"}],"results":[{"conversationKey":"k","replies":[{"text":"b"},{"text":1}]}]}"#,
        );
        let texts: Vec<bool> = answer.replies.iter().map(Result::is_ok).collect();
        assert_eq!(texts, [true, true, false]);
    }

    #[test]
    fn a_status_says_whose_fault_it_is() {
        let read = |status| read(status, Some(1000), b"", ABOUT);
        assert!(matches!(read(409), Outcome::Taken(_)));
        for status in [400, 413, 422] {
            assert!(
                matches!(read(status), Outcome::Refused { after: Some(1000), .. }),
                "{status}"
            );
        }
        for status in [429, 503] {
            assert!(
                matches!(read(status), Outcome::Slow { after: Some(1000), .. }),
                "{status}"
            );
        }
        for status in [500, 502, 504, 599] {
            assert!(matches!(read(status), Outcome::Failed { .. }), "{status}");
        }
        for status in [301, 302, 304, 401, 403, 404, 405, 410, 600] {
            assert!(matches!(read(status), Outcome::Down { .. }), "{status}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = 784_111_777_000; // 1994-11-06T08:49:37Z
        for (value, millis) in [
            ("120", Some(120_000)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60_000)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("99999999999999999999", Some(Millis::MAX)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(value, now), millis, "{value:?}");
        }
    }
}
