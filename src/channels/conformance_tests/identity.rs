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
