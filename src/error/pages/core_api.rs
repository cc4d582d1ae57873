//! Why a request to our own API was refused. One page per code; `page` in the module above finds them.

use super::{super::Code, Page};

pub(super) static PAGES: &[(Code, Page)] = &[
    (
        Code::Unauthenticated,
        Page {
            cause_en: "The request had no bearer token, or one that is unknown or revoked.",
            remedy_en: "Make one with wxbridge token create --name N --scope core --core main and send it as Authorization: Bearer …. The operator's own token lies in operator.token in the state folder.",
            cause_zh: "请求没有携带令牌，或令牌不存在、已吊销。",
            remedy_zh: "请用 wxbridge token create --name 名称 --scope core --core main 创建，并以 Authorization: Bearer … 发送。操作员令牌在状态目录的operator.token中。",
        },
    ),
    (
        Code::Forbidden,
        Page {
            cause_en: "The token is valid but may not do this: another scope, another core, or an account outside its --accounts.",
            remedy_en: "wxbridge token list shows what each token may. Create one with the scope or the accounts that are needed.",
            cause_zh: "令牌有效但无此权限：权限范围、所属核心或--accounts不符。",
            remedy_zh: "请用 wxbridge token list 查看权限，并创建具有所需范围或账号的令牌。",
        },
    ),
    (
        Code::InvalidRequest,
        Page {
            cause_en: "The request is not as the API describes it: a field that is missing, unknown or out of range, or JSON that cannot be read. From the platform: it found our request wrong.",
            remedy_en: "The detail names the field, and for a value of the wrong kind what was found and what was expected. The calls stand in docs/api.md, the messages in the schema (wxbridge proto).",
            cause_zh: "请求不符合接口说明：字段缺失、未知或超出范围，或JSON无法解析；若来自平台，则是平台认为请求有误。",
            remedy_zh: "详情会指明字段；值的类型不对时，会写明收到的和应有的内容。接口说明见docs/api.md，消息结构见 wxbridge proto。",
        },
    ),
    (
        Code::IdempotencyConflict,
        Page {
            cause_en: "The same clientMessageId was used before with another body.",
            remedy_en: "Use a new id for a new message, and the same body for a repetition.",
            cause_zh: "同一个clientMessageId此前已用于内容不同的请求。",
            remedy_zh: "新消息请用新的id；重试时请保持内容一致。",
        },
    ),
    (
        Code::CursorTooOld,
        Page {
            cause_en: "The cursor points behind what is still kept ([retention] events).",
            remedy_en: "Go on from oldestAvailable in the answer. What lies between is lost for this core; the Gap events say for which conversations. Raise [retention] events if a core may be away for longer.",
            cause_zh: "游标所指的事件已超出保留期（[retention] events）。",
            remedy_zh: "请从应答中的oldestAvailable继续。中间的事件对该核心已丢失，Gap事件会指明相关会话。核心可能长时间离线时，请调大[retention] events。",
        },
    ),
    (
        Code::NotFound,
        Page {
            cause_en: "There is no such thing: a handle, a message, a conversation, an entry, a parked event. It never existed, or its retention is over.",
            remedy_en: "Check the id. Media live for [retention] media, results for [retention] idempotency.",
            cause_zh: "对象不存在：句柄、消息、会话、入口或搁置的事件，可能从未存在，或已过保留期。",
            remedy_zh: "请核对id。媒体按[retention] media保留，发送结果按[retention] idempotency保留。",
        },
    ),
    (
        Code::Overloaded,
        Page {
            cause_en: "Too much at once: this token is over its own limit or the conversation has as many messages open as it may (429), or the whole bridge is (503), for instance because the disk is below its reserve.",
            remedy_en: "Wait as long as Retry-After says. Where it is 503, look at free disk ([store] reserve) and at wxbridge_backlog_events in /metrics.",
            cause_zh: "负载过高：该令牌超过自身限额，或该会话未完成的消息已达上限（429），或整个系统过载（503），例如磁盘剩余空间低于预留值。",
            remedy_zh: "请按Retry-After等待。若为503，请检查磁盘空间（[store] reserve）以及 /metrics 中的wxbridge_backlog_events。",
        },
    ),
];
