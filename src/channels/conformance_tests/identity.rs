//! Are the platform's attempts at one push one, and two pushes of one second two?

use super::{
    each,
    samples::{account, plain},
};
use crate::channels::contract::Dedupe;

/// By what each channel knows a body again.
fn told(body: &str) -> Vec<(&'static str, Dedupe)> {
    let told = std::cell::RefCell::new(Vec::new());
    each(|name, channel| {
        let read = account(channel).read(&plain(body.as_bytes()), super::samples::NOW);
        let inbound = read.unwrap_or_else(|it| panic!("{name}: {body}: {it:?}"));
        told.borrow_mut().push((name, inbound.dedupe));
    });
    told.into_inner()
}

fn event(kind: &str, fields: &str) -> String {
    format!(
        "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[o1]]></FromUserName>\
         <CreateTime>1752000400</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[{kind}]]></Event>{fields}</xml>"
    )
}

/// One line for each: an event, and what it says twice in one second, differently.
const TWICE: &[(&str, &str, &str)] = &[
    ("no_such_event", "<Odd>1</Odd>", "<Odd>2</Odd>"),
    (
        "no_such_event",
        "<MsgID>7</MsgID><Status>1</Status>",
        "<MsgID>7</MsgID><Status>2</Status>",
    ),
    (
        "no_such_event",
        "<EventKey>k</EventKey><Odd>1</Odd>",
        "<EventKey>k</EventKey><Odd>2</Odd>",
    ),
    (
        "xpay_goods_deliver_notify",
        "<OpenId>o1</OpenId><OutTradeNo>A</OutTradeNo>",
        "<OpenId>o1</OpenId><OutTradeNo>B</OutTradeNo>",
    ),
    (
        "add_express_path",
        "<OrderId>o-1</OrderId><Actions><ActionType>100001</ActionType></Actions>",
        "<OrderId>o-1</OrderId><Actions><ActionType>100002</ActionType></Actions>",
    ),
    (
        "subscribe_msg_change_event",
        "<SubscribeMsgChangeEvent><List><TemplateId>T1</TemplateId></List></SubscribeMsgChangeEvent>",
        "<SubscribeMsgChangeEvent><List><TemplateId>T2</TemplateId></List></SubscribeMsgChangeEvent>",
    ),
    (
        "subscribe_msg_sent_event",
        "<SubscribeMsgSentEvent><List><MsgID>7</MsgID><ErrorCode>0</ErrorCode></List></SubscribeMsgSentEvent>",
        "<SubscribeMsgSentEvent><List><MsgID>7</MsgID><ErrorCode>4</ErrorCode></List></SubscribeMsgSentEvent>",
    ),
    (
        "wxa_illegal_record",
        "<illegal_record_id>1</illegal_record_id>",
        "<illegal_record_id>2</illegal_record_id>",
    ),
    (
        "update_member_card",
        "<UserCardCode>1</UserCardCode><ModifyBonus>1</ModifyBonus>",
        "<UserCardCode>1</UserCardCode><ModifyBonus>2</ModifyBonus>",
    ),
    (
        "scancode_push",
        "<EventKey>k</EventKey><ScanCodeInfo><ScanResult>1</ScanResult></ScanCodeInfo>",
        "<EventKey>k</EventKey><ScanCodeInfo><ScanResult>2</ScanResult></ScanCodeInfo>",
    ),
    ("LOCATION", "<Latitude>1.5</Latitude>", "<Latitude>2.5</Latitude>"),
    ("CLICK", "<EventKey>a</EventKey>", "<EventKey>b</EventKey>"),
    (
        "user_enter_tempsession",
        "<SessionFrom>a</SessionFrom>",
        "<SessionFrom>b</SessionFrom>",
    ),
    (
        "kf_account_auth_change",
        "<AuthAddOpenKfId>a</AuthAddOpenKfId>",
        "<AuthDelOpenKfId>a</AuthDelOpenKfId>",
    ),
];

#[test]
fn two_events_of_one_sender_in_one_second_are_two() {
    for (kind, one, two) in TWICE {
        let (one, two) = (event(kind, one), event(kind, two));
        for ((name, first), (_, second)) in told(&one).into_iter().zip(told(&two)) {
            assert_ne!(first.text, second.text, "{name}: {kind}");
            assert_ne!((first.order, first.rest), (second.order, second.rest), "{name}: {kind}");
        }
        assert_eq!(told(&one), told(&one), "the same again is one");
    }
}

#[test]
fn pushes_of_two_senders_in_one_second_are_two() {
    let entered = |from: &str| event("enter_agent", "").replace("o1", from);
    let text = |from: &str, id: &str| {
        format!(
            "<xml><ToUserName>gh_1</ToUserName><FromUserName>{from}</FromUserName><CreateTime>1752000400</CreateTime>\
             <MsgType>text</MsgType><Content>{id}</Content><MsgId>{id}</MsgId></xml>"
        )
    };
    for (one, two) in [
        (entered("u1"), entered("u2")),
        (text("u1", "1"), text("u2", "2")),
        (text("u1", "1"), text("u1", "2")),
    ] {
        for ((name, first), (_, second)) in told(&one).into_iter().zip(told(&two)) {
            assert_ne!(first.text, second.text, "{name}: {one}");
            assert_ne!((first.order, first.rest), (second.order, second.rest), "{name}: {one}");
        }
    }
}

/// What the channels with modes of their own know again.
fn of_weixin(body: &str) -> Vec<(&'static str, Dedupe)> {
    let mut told = told(body);
    told.retain(|(name, _)| matches!(*name, "official_account" | "mini_program"));
    assert_eq!(told.len(), 2);
    told
}

#[test]
fn attempts_in_different_modes_and_formats_are_one() {
    for (kind, fields, json) in [
        (
            "xpay_goods_deliver_notify",
            "<OutTradeNo>A</OutTradeNo><Env>0</Env>",
            r#","OutTradeNo":"A","Env":0"#,
        ),
        ("wxa_illegal_record", "<a><b>1</b></a>", r#","a":{"b":1}"#),
        (
            "user_enter_tempsession",
            "<SessionFrom>s</SessionFrom>",
            r#","SessionFrom":"s""#,
        ),
        ("user_enter_tempsession", "", ""),
    ] {
        let sealed = event(kind, fields);
        let json = format!(
            r#"{{"ToUserName":"gh_1","FromUserName":"o1","CreateTime":1752000400,"MsgType":"event","Event":"{kind}"{json}}}"#
        );
        // In compatible mode, where nobody opens what is sealed: it is sealed anew for every attempt.
        let beside = |box_: &str| sealed.replace("</xml>", &format!("<Encrypt>{box_}</Encrypt></xml>"));
        let spelt = sealed
            .replace("<![CDATA[", "")
            .replace("]]>", "")
            .replace("><", ">\n  <");
        for body in [&json, &beside("AAAA"), &beside("BBBB"), &spelt] {
            assert_eq!(of_weixin(&sealed), of_weixin(body), "{body}");
        }
    }
}

#[test]
fn where_the_documented_identity_tells_all_it_is_the_whole_of_it() {
    for (kind, fields, key) in [
        ("user_enter_tempsession", "<SessionFrom>a=1</SessionFrom>", "a=1"),
        ("user_enter_tempsession", "", ""),
        ("CLICK", "<EventKey>k</EventKey>", "k"),
        ("VIEW", "<EventKey>https://a</EventKey><MenuId>7</MenuId>", "https://a"),
        ("SCAN", "<EventKey>store-17</EventKey><Ticket>t</Ticket>", "store-17"),
    ] {
        for (name, dedupe) in of_weixin(&event(kind, fields)) {
            let text = format!("wx2c2769f8efd9abc2:o1:1752000400:{kind}:{key}");
            assert_eq!(dedupe.text, text, "{name}");
        }
    }
}
