//! How is a passive answer written? Elements with their text in CDATA, safe for whatever a core says.

use crate::{channels::contract::PassiveTo, ports::clock::Millis, text::clean};

/// The whole answer: whom it is for, when and what; `content` follows `MsgType`.
pub fn answer(to: &PassiveTo, now: Millis, kind: &str, content: &str) -> Vec<u8> {
    let mut xml = String::with_capacity(256 + content.len());
    xml.push_str("<xml>");
    element(&mut xml, "ToUserName", &to.to);
    element(&mut xml, "FromUserName", &to.from);
    xml.push_str(&format!("<CreateTime>{}</CreateTime>", now.div_euclid(1000)));
    element(&mut xml, "MsgType", kind);
    xml.push_str(content);
    xml.push_str("</xml>");
    xml.into_bytes()
}

/// A group of elements.
pub fn wrap(xml: &mut String, name: &str, inside: impl FnOnce(&mut String)) {
    xml.push_str(&format!("<{name}>"));
    inside(xml);
    xml.push_str(&format!("</{name}>"));
}

/// An element, where there is something to say.
pub fn optional(xml: &mut String, name: &str, text: &str) {
    if !clean(text).is_empty() {
        element(xml, name, text);
    }
}

/// An element with this text.
pub fn element(xml: &mut String, name: &str, text: &str) {
    xml.push_str(&format!("<{name}><![CDATA["));
    xml.push_str(&cdata(text));
    xml.push_str(&format!("]]></{name}>"));
}

/// The end mark of a CDATA section is split over two; characters that XML 1.0 forbids are left out.
fn cdata(text: &str) -> String {
    clean(text).replace("]]>", "]]]]><![CDATA[>")
}
