//! What does the platform's own test (全网发布接入检测) want to hear? Its ten test accounts, and the cases that they play.
//!
//! <https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/operation/thirdparty/releases_instructions.html>

use serde_json::json;

use crate::{
    channels::contract::Played,
    envelope::{self, xml},
    ports::{clock::Millis, platform::Call},
    secret::Secret,
};

/// AppID and original id. Five official accounts, five mini-programs.
const ACCOUNTS: [(&str, &str); 10] = [
    ("wx570bc396a51b8ff8", "gh_3c884a361561"),
    ("wx9252c5e0bb1836fc", "gh_c0f28a78b318"),
    ("wx8e1097c5bc82cde9", "gh_3f222ed8d140"),
    ("wx14550af28c71a144", "gh_26128078e9ab"),
    ("wxa35b9c23cfe664eb", "gh_2b3713f184a6"),
    ("wxd101a85aa106f53e", "gh_8dad206e9538"),
    ("wxc39235c15087f6f3", "gh_905ae9d01059"),
    ("wx7720d01d4b2a4500", "gh_393666f1fdf4"),
    ("wx05d483572dcd5d8b", "gh_39abb5d4e1b7"),
    ("wx5910277cae6fd970", "gh_7818dcb60240"),
];

const TEXT: &str = "TESTCOMPONENT_MSG_TYPE_TEXT";
const CODE: &str = "QUERY_AUTH_CODE:";

/// What its callbacks are addressed to, where the account is one of the test's.
pub fn original_id(app_id: &str) -> Option<&'static str> {
    let found = ACCOUNTS.iter().find(|(id, _)| *id == app_id);
    found.map(|(_, original_id)| *original_id)
}

/// What becomes of a message of a test account.
pub fn played(app_id: &str, plain: &[u8], now: Millis) -> Option<Played> {
    original_id(app_id)?;
    let Ok(fields) = envelope::parse(plain) else {
        return Some(Played::Nothing);
    };
    let (from, to) = (fields.value("ToUserName"), fields.value("FromUserName"));
    let say = |content: &str| Played::Passive(text(to, from, content, now));
    let content = fields.value("Content");
    let played = match fields.value("MsgType") {
        "text" if content == TEXT => say(&format!("{TEXT}_callback")),
        "text" => match content.strip_prefix(CODE) {
            Some(code) => Played::Api {
                code: Secret::new(code.trim()),
                to: to.to_owned(),
            },
            None => Played::Nothing,
        },
        // Older runs of the test sent an event; the present list of cases has none.
        "event" => say(&format!("{}from_callback", fields.value("Event"))),
        _ => Played::Nothing,
    };
    Some(played)
}

fn text(to: &str, from: &str, content: &str, now: Millis) -> Vec<u8> {
    let mut out = String::from("<xml>");
    for (name, value) in [("ToUserName", to), ("FromUserName", from)] {
        element(name, value, &mut out);
    }
    out.push_str(&format!("<CreateTime>{}</CreateTime>", now.div_euclid(1000)));
    for (name, value) in [("MsgType", "text"), ("Content", content)] {
        element(name, value, &mut out);
    }
    out.push_str("</xml>");
    out.into_bytes()
}

fn element(name: &str, value: &str, out: &mut String) {
    out.push_str(&format!("<{name}>"));
    xml::cdata(value, out);
    out.push_str(&format!("</{name}>"));
}

/// The answer by the API.
pub fn call(code: &Secret, to: &str) -> Call {
    let body = json!({
        "touser": to,
        "msgtype": "text",
        "text": { "content": format!("{}_from_api", code.expose()) },
    });
    Call::post("/cgi-bin/message/custom/send", body)
}
