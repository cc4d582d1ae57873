//! Can what the core answers be read? What the bridge would pass over in silence is said here.

use std::collections::BTreeSet;

use serde_json::Value;

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
    odd.into_iter().map(finding).collect()
}

/// What may be odd about an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Odd {
    BadReply(String),
    EmptyReply,
    Unlawful(String),
    UsedName(String),
    Past,
    NotJson,
    UnknownField(String),
    OtherConversation,
    TooLong,
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
    text.chars().filter(|letter| !letter.is_control()).take(200).collect()
}

fn finding(odd: Odd) -> Finding {
    let shape = || {
        Words::new(
            "a reply is a SendRequest: {\"replies\":[{\"text\":\"您好\"}]} is enough",
            "回复是一个 SendRequest：{\"replies\":[{\"text\":\"您好\"}]} 就够了",
        )
    };
    match odd {
        Odd::BadReply(why) => Finding::red(
            "answers",
            Words::new(
                format!("a reply cannot be read: {why}"),
                format!("有一条回复无法读取：{why}"),
            ),
            shape(),
        ),
        Odd::EmptyReply => Finding::red(
            "answers",
            Words::new(
                "a reply says nothing: it has none of text, message, nativeJson, session, typing, recallMessageId",
                "有一条回复没有内容：text、message、nativeJson、session、typing、recallMessageId 都没有",
            ),
            shape(),
        ),
        Odd::Unlawful(why) => Finding::red(
            "answers",
            Words::new(
                format!("a reply would fail by itself: {why}"),
                format!("有一条回复会单独失败：{why}"),
            ),
            Words::new(
                "write it as docs/core.md shows; what POST /v1/messages refuses fails in a reply too",
                "按 docs/core.md 的写法；POST /v1/messages 会拒绝的内容，在回复里也会失败",
            ),
        ),
        Odd::UsedName(name) => Finding::red(
            "answers",
            Words::new(
                format!("two replies have the clientMessageId {name}: the second one is not sent"),
                format!("两条回复用了同一个 clientMessageId {name}：后一条不会发送"),
            ),
            Words::new(
                "leave clientMessageId out, or make it from the event's id: it names one message of an account, for ever",
                "不填 clientMessageId，或由事件的 id 生成：它在一个账号内永远只代表一条消息",
            ),
        ),
        Odd::Past => Finding::red(
            "answers",
            Words::new(
                "a reply's notAfter is over when the reply comes: it is EXPIRED and never sent",
                "有一条回复到达时 notAfter 已经过去：它会变为 EXPIRED，不会发送",
            ),
            Words::new(
                "notAfter is the moment from which a reply is of no use: look at the core's clock, or leave it out",
                "notAfter 是回复失去意义的时刻：请检查核心的时钟，或者不填",
            ),
        ),
        Odd::NotJson => Finding::yellow(
            "answers",
            Words::new(
                "an answer is no JSON object: it takes the event and says nothing",
                "有的回答不是 JSON 对象：事件算被接收，内容不会被理会",
            ),
            Words::new(
                "leave the body empty, or answer {\"replies\":[…]}",
                "正文留空，或回答 {\"replies\":[…]}",
            ),
        ),
        Odd::UnknownField(name) => Finding::yellow(
            "answers",
            Words::new(
                format!("the bridge does not know the field {name} of an answer, and passes over it"),
                format!("网桥不认识回答中的字段 {name}，会略过它"),
            ),
            Words::new(
                "an answer may hold replies, results and keepWindow; the fields of a reply are those of SendRequest",
                "回答中可以有 replies、results 和 keepWindow；回复的字段见 SendRequest",
            ),
        ),
        Odd::OtherConversation => Finding::yellow(
            "answers",
            Words::new(
                "an entry of `results` does not name the conversation of the event, and is not looked at",
                "`results` 中有一项写的不是该事件的会话，不会被理会",
            ),
            Words::new(
                "leave `results` out of the answer to a pushed event, or copy conversation.key",
                "对推送事件的回答不要带 `results`，或者照抄 conversation.key",
            ),
        ),
        Odd::TooLong => Finding::yellow(
            "answers",
            Words::new(
                "an answer is over 1 MiB and is not read: its replies are lost",
                "有的回答超过 1 MiB，不会被读取：其中的回复会丢失",
            ),
            Words::new(
                "upload files by POST /v1/media, and answer with their handles",
                "文件请用 POST /v1/media 上传，回答里只写 handle",
            ),
        ),
    }
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
