//! What stands on the envelope? The sealed text, and whose it is said to be; nothing of it is believed before `Encrypt` is verified.

use super::{
    Format, cipher, json, signature,
    tree::{Fields, TreeFault},
    xml,
};

/// The outer body of an encrypted callback. In compatible mode (兼容模式) it also carries the message in the clear; that
/// copy is signed by nobody and not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outer {
    /// Base64, without blanks around it.
    pub encrypt: String,
    pub to_user_name: String,
    /// Notices of an open platform name it instead of a receiver.
    pub app_id: String,
}

/// Reads the outer body, `None` where it carries no `Encrypt`. An XML body that breaks off after a whole `Encrypt` is read:
/// what counts is inside and has its own signature.
pub fn parse(body: &[u8]) -> Result<Option<Outer>, TreeFault> {
    let mut fields = Fields::default();
    let whole = match Format::of(body) {
        Some(Format::Xml) => xml::scan(body, &mut fields),
        Some(Format::Json) => json::parse(body).map(|read| fields = read),
        None => Err(TreeFault::Broken("the body starts with neither '<' nor '{'".into())),
    };
    let encrypt = fields.take("Encrypt");
    match whole {
        Err(TreeFault::Broken(_)) if !encrypt.is_empty() => {}
        Err(fault) => return Err(fault),
        Ok(()) if encrypt.is_empty() => return Ok(None),
        Ok(()) => {}
    }
    Ok(Some(Outer {
        encrypt,
        to_user_name: fields.value("ToUserName").to_owned(),
        app_id: fields.value("AppId").to_owned(),
    }))
}

/// What closes an answer: the values that verified the request.
pub struct Closing<'a> {
    pub token: &'a str,
    pub key: &'a cipher::Key,
    pub id: &'a str,
    pub nonce: &'a str,
    /// Seconds.
    pub timestamp: i64,
    pub random: [u8; 16],
}

/// The sealed form of a passive answer, XML or JSON as the answer itself is.
pub fn close(plain: &[u8], with: &Closing<'_>) -> Vec<u8> {
    let encrypt = cipher::seal(with.key, with.random, plain, with.id);
    let timestamp = with.timestamp.to_string();
    let signed = signature::of_message(with.token, &timestamp, with.nonce, &encrypt);
    let signed = signature::text(&signed);
    if Format::of(plain) == Some(Format::Json) {
        let nonce = serde_json::Value::from(with.nonce);
        return format!(
            r#"{{"Encrypt":"{encrypt}","MsgSignature":"{signed}","TimeStamp":{timestamp},"Nonce":{nonce}}}"#
        )
        .into_bytes();
    }
    let mut nonce = String::new();
    xml::cdata(with.nonce, &mut nonce);
    format!(
        "<xml><Encrypt><![CDATA[{encrypt}]]></Encrypt><MsgSignature><![CDATA[{signed}]]></MsgSignature>\
         <TimeStamp>{timestamp}</TimeStamp><Nonce>{nonce}</Nonce></xml>"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_and_json_say_the_same() {
        let xml = parse(b" <xml><ToUserName><![CDATA[gh_1]]></ToUserName><Encrypt>\n<![CDATA[QUJD]]></Encrypt></xml>");
        let json = parse(b"{\"ToUserName\":\"gh_1\",\"Encrypt\":\"QUJD\"}");
        assert_eq!(xml, json);
        assert_eq!(xml.expect("well-formed").map(|it| it.encrypt), Some("QUJD".into()));
    }

    #[test]
    fn a_body_that_breaks_off_after_the_sealed_text_is_read() {
        let cut = parse(b"<xml><Encrypt><![CDATA[QUJD]]></Encrypt><ToUser");
        assert_eq!(cut.expect("Encrypt is whole").map(|it| it.encrypt), Some("QUJD".into()));
        assert!(matches!(parse(b"<xml><Encrypt><![CDATA[QU"), Err(TreeFault::Broken(_))));
    }

    #[test]
    fn what_is_forbidden_is_forbidden_also_behind_the_sealed_text() {
        let body = b"<xml><Encrypt>QUJD</Encrypt><!ENTITY x 'y'></xml>";
        assert!(matches!(parse(body), Err(TreeFault::Forbidden(_))));
    }

    #[test]
    fn a_body_in_the_clear_carries_no_sealed_text() {
        assert_eq!(parse(b"<xml><MsgType>text</MsgType></xml>"), Ok(None));
    }

    #[test]
    fn an_answer_opens_with_what_closed_it() {
        let closing = Closing {
            token: "AAAAA",
            key: &[9; 32],
            id: "wx1",
            nonce: "]]>\"",
            timestamp: 1_752_000_003,
            random: [1; 16],
        };
        for plain in ["<xml><a>1</a></xml>", "{\"a\":1}"] {
            let sealed = close(plain.as_bytes(), &closing);
            let fields = crate::envelope::parse(&sealed).expect("well-formed");
            assert_eq!(
                (fields.value("Nonce"), fields.value("TimeStamp")),
                ("]]>\"", "1752000003")
            );
            let ours = signature::of_message("AAAAA", "1752000003", "]]>\"", fields.value("Encrypt"));
            assert!(signature::matches(&ours, fields.value("MsgSignature")));
            let opened =
                cipher::open(&[9; 32], cipher::decode(fields.value("Encrypt")).expect("Base64")).expect("opens");
            assert_eq!(
                (opened.message.as_slice(), opened.id.as_slice()),
                (plain.as_bytes(), &b"wx1"[..])
            );
        }
    }
}
