//! Does a hostile body become an answer with a code, never a panic, and is nothing lost that the platform really said?

use super::{
    each,
    samples::{NOW, account, plain, sealed},
};
use crate::{
    channels::contract::{Account, At, Inbound, Refusal},
    error::Code,
    ports::platform::Answer,
    schema::v1::{event::Body, part::Content, signal::Type},
};

/// Bodies that start right and mean no good.
fn nasty() -> Vec<(String, Option<Code>)> {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(9), close.repeat(9));
    vec![
        (
            "<!DOCTYPE x [<!ENTITY y 'z'>]><xml><MsgType>text</MsgType></xml>".into(),
            Some(Code::ForbiddenXml),
        ),
        ("<xml><MsgType>&y;</MsgType></xml>".into(), Some(Code::Undecodable)),
        (deep("<a>", "</a>"), Some(Code::ForbiddenXml)),
        (deep("{\"a\":", "}"), None),
        ("<xml>".into(), Some(Code::Undecodable)),
        ("<xml><MsgType>text</xml>".into(), Some(Code::Undecodable)),
        ("{\"MsgType\":".into(), Some(Code::Undecodable)),
        ("<xml/>".into(), Some(Code::Undecodable)),
        ("{}".into(), Some(Code::Undecodable)),
        ("<xml><MsgType>\u{0}</MsgType></xml>".into(), None),
        (format!("<xml><MsgType>{}</MsgType></xml>", "x".repeat(100_000)), None),
        (format!("<xml>{}</xml>", "<MsgType>text</MsgType>".repeat(2000)), None),
        (
            "<xml><MsgType>text</MsgType><CreateTime>99999999999999999999</CreateTime><MsgId>-1</MsgId></xml>".into(),
            None,
        ),
        (
            "{\"MsgType\":[{\"a\":[1]}],\"CreateTime\":{},\"MsgId\":1e400}".into(),
            None,
        ),
        ("{\"MsgType\":\"event\",\"Event\":null,\"FromUserName\":7}".into(), None),
    ]
}

#[test]
fn a_hostile_body_inside_the_seal_is_read_or_kept_and_never_more() {
    each(|name, channel| {
        let account = account(channel);
        let platform = account.describe().platform_id.clone();
        for (body, code) in nasty() {
            let (query, outer) = sealed(&platform, body.as_bytes());
            let admitted = account
                .admit(&query, &outer, NOW)
                .unwrap_or_else(|it| panic!("{name}: {it:?}"));
            let shown: String = body.chars().take(60).collect();
            match (account.read(&admitted, NOW), code) {
                (Ok(_), None) => {}
                (Err(Refusal::Quarantine { fault }), Some(code)) => assert_eq!(fault.code, code, "{name}: {shown}"),
                (Err(Refusal::Quarantine { .. }), None) => {}
                (found, _) => panic!("{name}: {shown}: {found:?}"),
            }
        }
    });
}

#[test]
fn what_no_platform_sends_is_400_before_any_signature() {
    each(|name, channel| {
        let account = account(channel);
        let (query, _) = sealed(&account.describe().platform_id, b"<xml/>");
        let forbidden = "<!DOCTYPE x [<!ENTITY y 'z'>]><xml><Encrypt>QUJD</Encrypt></xml>";
        for body in [
            "",
            "   ",
            "a=1",
            "[1]",
            "\u{feff}<xml/>",
            "<xml><Encrypt>QU",
            forbidden,
            "<xml><Encrypt>&y;</Encrypt></xml>",
        ] {
            let found = account.admit(&query, body.as_bytes(), NOW);
            assert!(
                matches!(found, Err(Refusal::Reject { status: 400, .. })),
                "{name}: {body:?}: {found:?}"
            );
        }
    });
}

/// One thing of the given kind, said in the channel's own way.
fn unknown(account: &dyn Account, event: bool) -> Vec<Inbound> {
    let Some(pulls) = account.pulls() else {
        let kind = match event {
            true => "<MsgType>event</MsgType><Event>no_such_event</Event>",
            false => "<MsgType>no_such_kind</MsgType><MsgId>7</MsgId>",
        };
        let body = format!(
            "<xml><ToUserName>gh_1</ToUserName><FromUserName>o1</FromUserName><CreateTime>1752000400</CreateTime>{kind}<Odd>1</Odd></xml>"
        );
        return vec![account.read(&plain(body.as_bytes()), NOW).expect("read")];
    };
    let kind = match event {
        true => {
            r#""msgtype":"event","event":{"event_type":"no_such_event","open_kfid":"wk1","external_userid":"wm1","odd":"1"}"#
        }
        false => r#""origin":3,"msgtype":"no_such_kind","no_such_kind":{"odd":"1"}"#,
    };
    let answer = Answer {
        status: 200,
        date: None,
        content_type: "application/json".into(),
        body: format!(
            r#"{{"errcode":0,"errmsg":"ok","next_cursor":"c","has_more":0,"msg_list":[{{"msgid":"m1","open_kfid":"wk1","external_userid":"wm1","send_time":1752000400,{kind}}}]}}"#
        )
        .into_bytes(),
    };
    let at = At {
        sub_id: "wk1",
        cursor: "",
        token: None,
    };
    let page = pulls.read_page(&at, &answer, NOW).expect("a page");
    page.items.into_iter().map(|item| item.inbound).collect()
}

#[test]
fn an_unknown_kind_is_an_unsupported_part_that_keeps_its_body() {
    each(|name, channel| {
        let said = unknown(&*account(channel), false);
        let [it] = said.as_slice() else {
            panic!("{name}: one message")
        };
        let Body::Message(message) = &it.body else {
            panic!("{name}: {:?}", it.body)
        };
        let kinds: Vec<_> = message.parts.iter().map(|part| part.content.as_ref()).collect();
        assert!(
            matches!(kinds[..], [Some(Content::Unsupported(part))] if part.platform_type == "no_such_kind"),
            "{name}: {kinds:?}"
        );
        assert!(it.raw_always && !message.summary.is_empty(), "{name}");
    });
}

#[test]
fn an_unknown_event_is_a_signal_of_no_name_that_keeps_its_fields_and_body() {
    each(|name, channel| {
        let said = unknown(&*account(channel), true);
        let [it] = said.as_slice() else {
            panic!("{name}: one event")
        };
        let Body::Signal(signal) = &it.body else {
            panic!("{name}: {:?}", it.body)
        };
        assert_eq!(
            (signal.r#type(), signal.platform_type.as_str()),
            (Type::Other, "no_such_event"),
            "{name}"
        );
        assert!(
            signal.native_json.contains("odd") || signal.native_json.contains("Odd"),
            "{name}"
        );
        assert!(it.raw_always, "{name}");
    });
}
