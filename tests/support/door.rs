//! What do the tests of callbacks share, that ask an account without a daemon around it?

use wxbridge::{
    channels::contract::{Admitted, CallbackQuery, Inbound, Refusal},
    envelope::{cipher, outer, signature},
    error::Code,
    schema::v1,
};

/// The `timestamp` and the `nonce` of every query.
pub const TS: &str = "1752000400";
pub const NONCE: &str = "415670741";

/// The query that signs what stands in `Encrypt`, both ways.
pub fn signed(token: &str, encrypt: &str) -> CallbackQuery {
    CallbackQuery {
        signature: signature::text(&signature::of_query(token, TS, NONCE)).into(),
        msg_signature: signature::text(&signature::of_message(token, TS, NONCE, encrypt)).into(),
        timestamp: TS.into(),
        nonce: NONCE.into(),
        encrypt_type: "aes".into(),
        ..CallbackQuery::default()
    }
}

/// A message sealed with `key` for `id`.
pub fn sealed(key: &str, id: &str, message: &str) -> String {
    cipher::seal(&cipher::key(key).expect("a key"), [b'x'; 16], message.as_bytes(), id)
}

/// What stands in a sealed answer, and for whom.
pub fn opened(key: &str, answer: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let outer = outer::parse(answer).expect("XML").expect("sealed");
    let text = cipher::decode(&outer.encrypt).expect("Base64");
    let opened = cipher::open(&cipher::key(key).expect("a key"), text).expect("opens");
    (opened.message, opened.id)
}

pub fn rejected<T: std::fmt::Debug>(result: Result<T, Refusal>, status: u16, code: Code) {
    match result {
        Err(Refusal::Reject { status: found, fault }) => assert_eq!((found, fault.code), (status, code), "{fault}"),
        other => panic!("expected {status} {code}, found {other:?}"),
    }
}

pub fn quarantined<T: std::fmt::Debug>(result: Result<T, Refusal>, code: Code) {
    match result {
        Err(Refusal::Quarantine { fault }) => assert_eq!(fault.code, code, "{fault}"),
        other => panic!("expected quarantine {code}, found {other:?}"),
    }
}

/// Shapes that are refused for the parser's sake, whatever signs them.
pub fn forbidden_outside(admit: impl Fn(&str) -> Result<Admitted, Refusal>) {
    let deep = "<a>".repeat(9) + &"</a>".repeat(9);
    for body in [
        "<!DOCTYPE x [<!ENTITY y 'z'>]><xml><Encrypt>QUJD</Encrypt></xml>",
        "<xml><!ENTITY y 'z'><Encrypt>QUJD</Encrypt></xml>",
        &deep,
    ] {
        rejected(admit(body), 400, Code::ForbiddenXml);
    }
}

/// A text is kept to the byte, whatever it looks like.
pub fn kept_to_the_byte(read: impl Fn(&str) -> Result<Inbound, Refusal>) {
    for text in [
        " r ",
        "Ｒ",
        "人工\n智能 ",
        "\u{202e}עברית",
        "👩‍👩‍👧",
        "<!DOCTYPE x><!ENTITY y 'z'>&amp;",
        "a\tb",
        "]]>",
    ] {
        let mut body =
            String::from("<xml><FromUserName>o1</FromUserName><MsgType>text</MsgType><MsgId>7</MsgId><Content>");
        wxbridge::envelope::xml::cdata(text, &mut body);
        body.push_str("</Content></xml>");
        let Ok(Inbound {
            body: v1::event::Body::Message(message),
            ..
        }) = read(&body)
        else {
            panic!("a message");
        };
        let said = match message.parts.first().and_then(|part| part.content.as_ref()) {
            Some(v1::part::Content::Text(said)) => said.body.as_str(),
            other => panic!("{other:?}"),
        };
        assert_eq!(said, text);
    }
}
