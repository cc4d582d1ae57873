//! What may be odd about an answer, and what is said about it?

use crate::core_check::report::{Finding, Words};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Odd {
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

impl Odd {
    /// Red is what never reaches the customer, yellow what is passed over.
    pub fn finding(&self) -> Finding {
        let (seen, act) = (self.seen(), self.act());
        match self {
            Self::BadReply(_) | Self::EmptyReply | Self::Unlawful(_) | Self::UsedName(_) | Self::Past => {
                Finding::red("answers", seen, act)
            }
            Self::NotJson | Self::UnknownField(_) | Self::OtherConversation | Self::TooLong => {
                Finding::yellow("answers", seen, act)
            }
        }
    }

    fn seen(&self) -> Words {
        match self {
            Self::BadReply(why) => Words::new(
                format!("a reply cannot be read: {why}"),
                format!("有一条回复无法读取：{why}"),
            ),
            Self::EmptyReply => Words::new(
                "a reply says nothing: it has none of text, message, nativeJson, session, typing, recallMessageId",
                "有一条回复没有内容：text、message、nativeJson、session、typing、recallMessageId 都没有",
            ),
            Self::Unlawful(why) => Words::new(
                format!("a reply would fail by itself: {why}"),
                format!("有一条回复会单独失败：{why}"),
            ),
            Self::UsedName(name) => Words::new(
                format!("two replies have the clientMessageId {name}: the second one is not sent"),
                format!("两条回复用了同一个 clientMessageId {name}：后一条不会发送"),
            ),
            Self::Past => Words::new(
                "a reply's notAfter is over when the reply comes: it is EXPIRED and never sent",
                "有一条回复到达时 notAfter 已经过去：它会变为 EXPIRED，不会发送",
            ),
            Self::NotJson => Words::new(
                "an answer is no JSON object: it takes the event and says nothing",
                "有的回答不是 JSON 对象：事件算被接收，内容不会被理会",
            ),
            Self::UnknownField(name) => Words::new(
                format!("the bridge does not know the field {name} of an answer, and passes over it"),
                format!("网桥不认识回答中的字段 {name}，会略过它"),
            ),
            Self::OtherConversation => Words::new(
                "an entry of `results` does not name the conversation of the event, and is not looked at",
                "`results` 中有一项写的不是该事件的会话，不会被理会",
            ),
            Self::TooLong => Words::new(
                "an answer is over 1 MiB and is not read: its replies are lost",
                "有的回答超过 1 MiB，不会被读取：其中的回复会丢失",
            ),
        }
    }

    fn act(&self) -> Words {
        match self {
            Self::BadReply(_) | Self::EmptyReply => Words::new(
                "a reply is a SendRequest: {\"replies\":[{\"text\":\"您好\"}]} is enough",
                "回复是一个 SendRequest：{\"replies\":[{\"text\":\"您好\"}]} 就够了",
            ),
            Self::Unlawful(_) => Words::new(
                "write it as docs/core.md shows; what POST /v1/messages refuses fails in a reply too",
                "按 docs/core.md 的写法；POST /v1/messages 会拒绝的内容，在回复里也会失败",
            ),
            Self::UsedName(_) => Words::new(
                "leave clientMessageId out, or make it from the event's id: it names one message of an account, for ever",
                "不填 clientMessageId，或由事件的 id 生成：它在一个账号内永远只代表一条消息",
            ),
            Self::Past => Words::new(
                "notAfter is the moment from which a reply is of no use: look at the core's clock, or leave it out",
                "notAfter 是回复失去意义的时刻：请检查核心的时钟，或者不填",
            ),
            Self::NotJson => Words::new(
                "leave the body empty, or answer {\"replies\":[…]}",
                "正文留空，或回答 {\"replies\":[…]}",
            ),
            Self::UnknownField(_) => Words::new(
                "an answer may hold replies, results and keepWindow; the fields of a reply are those of SendRequest",
                "回答中可以有 replies、results 和 keepWindow；回复的字段见 SendRequest",
            ),
            Self::OtherConversation => Words::new(
                "leave `results` out of the answer to a pushed event, or copy conversation.key",
                "对推送事件的回答不要带 `results`，或者照抄 conversation.key",
            ),
            Self::TooLong => Words::new(
                "upload files by POST /v1/media, and answer with their handles",
                "文件请用 POST /v1/media 上传，回答里只写 handle",
            ),
        }
    }
}
