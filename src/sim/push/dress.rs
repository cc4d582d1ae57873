//! How does a push look on the wire? Query and body in the three modes, and what a hostile hand makes of them
//! (/doc/subscription/guide/dev/push/encryption.html).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Control;
use crate::sim::{
    platform::Platform,
    wire::seal::{Key, sign},
};

/// 消息加解密方式.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    Plain,
    Compatible,
    #[default]
    Safe,
}

/// 数据格式.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    #[default]
    Xml,
    Json,
}

/// Whose push it is, and with what it is sealed.
#[derive(Clone, Debug)]
pub struct Sender {
    pub token: String,
    pub encoding_aes_key: String,
    /// The trailing id of the sealed text.
    pub receiver: String,
    pub mode: Mode,
    pub format: Format,
    /// What stands beside `Encrypt` in a safe body.
    pub clear: Vec<(&'static str, String)>,
    /// In the query, where the platform names the customer there.
    pub openid: Option<String>,
    /// The platform also sends the signature over three parts.
    pub plain_signature: bool,
}

/// What an attacker or a broken line does to a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tamper {
    /// Signed with another token.
    Signature,
    NoSignature,
    UpperCase,
    /// Sealed with another key, signed rightly.
    Key,
    /// Sealed for another AppID, signed rightly.
    Receiver,
    /// Cipher text with a changed letter, signed rightly.
    Cipher,
    Truncate,
    Doctype,
    DoctypeInside,
    /// Plain, whatever the mode.
    Plain,
    Empty,
}

/// A request as it goes over the wire.
pub struct Dressed {
    pub query: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// Signs and seals a document, afresh for each attempt.
pub fn dress(platform: &Platform, sender: &Sender, inner: &str, control: &Control) -> Dressed {
    let tamper = control.tamper;
    let now = platform.world().now() / 1000;
    let timestamp = control.timestamp.unwrap_or(now).to_string();
    let nonce = control.nonce.clone().unwrap_or_else(|| platform.digits(10));
    let token = if tamper == Some(Tamper::Signature) {
        "wrongtoken"
    } else {
        &sender.token
    };
    let cased = |signature: String| match tamper {
        Some(Tamper::UpperCase) => signature.to_uppercase(),
        _ => signature,
    };
    let signed = tamper != Some(Tamper::NoSignature);
    let mut query = Vec::new();
    if signed && sender.plain_signature {
        query.push(("signature", cased(sign(&[token, &timestamp, &nonce]))));
    }
    query.push(("timestamp", timestamp.clone()));
    query.push(("nonce", nonce.clone()));
    query.extend(sender.openid.clone().map(|openid| ("openid", openid)));
    let mode = match tamper {
        Some(Tamper::Plain) => Mode::Plain,
        _ => control.mode.unwrap_or(sender.mode),
    };
    let mut body = inner.to_owned();
    if mode != Mode::Plain {
        let sealed = sealed(platform, sender, inner, tamper);
        if sender.plain_signature {
            query.push(("encrypt_type", "aes".to_owned()));
        }
        if signed {
            query.push(("msg_signature", cased(sign(&[token, &timestamp, &nonce, &sealed]))));
        }
        body = envelope(sender, mode, inner, &sealed);
    }
    match tamper {
        Some(Tamper::Truncate) => body.truncate(floor(&body, body.len() / 2)),
        Some(Tamper::Doctype) => body = format!("<!DOCTYPE xml [<!ENTITY who \"x\">]>{body}"),
        Some(Tamper::Empty) => body.clear(),
        _ => {}
    }
    Dressed {
        query,
        body: body.into_bytes(),
    }
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn sealed(platform: &Platform, sender: &Sender, inner: &str, tamper: Option<Tamper>) -> String {
    let key = match tamper {
        Some(Tamper::Key) => platform.aes_key(),
        _ => sender.encoding_aes_key.clone(),
    };
    let id = match tamper {
        Some(Tamper::Receiver) => "wx0000000000000000",
        _ => &sender.receiver,
    };
    let message = match tamper {
        Some(Tamper::DoctypeInside) => format!("<!DOCTYPE xml [<!ENTITY who \"x\">]>{}", inner),
        _ => inner.to_owned(),
    };
    let Ok(key) = Key::read(&key) else {
        // Accounts are only stored with a key that reads.
        return String::new();
    };
    let sealed = key.seal(&platform.random16(), message.as_bytes(), id);
    if tamper != Some(Tamper::Cipher) {
        return sealed;
    }
    let (first, rest) = sealed.split_at(1);
    format!("{}{rest}", if first == "A" { "B" } else { "A" })
}

/// The outer document: in compatible mode the clear fields and the sealed text, in safe mode little more than that.
fn envelope(sender: &Sender, mode: Mode, inner: &str, sealed: &str) -> String {
    let clear = mode == Mode::Compatible;
    match sender.format {
        Format::Json => {
            let mut outer = match serde_json::from_str(inner) {
                Ok(Value::Object(map)) if clear => map,
                _ => beside(sender),
            };
            outer.insert("Encrypt".to_owned(), sealed.into());
            Value::Object(outer).to_string()
        }
        Format::Xml => {
            let encrypt = format!("<Encrypt><![CDATA[{sealed}]]></Encrypt></xml>");
            match inner.trim_end().strip_suffix("</xml>").filter(|_| clear) {
                Some(fields) => format!("{fields}{encrypt}"),
                None => {
                    let beside = sender.clear.iter();
                    let beside: String = beside
                        .map(|(name, value)| format!("<{name}><![CDATA[{value}]]></{name}>"))
                        .collect();
                    format!("<xml>{beside}{encrypt}")
                }
            }
        }
    }
}

fn beside(sender: &Sender) -> Map<String, Value> {
    let fields = sender.clear.iter();
    fields
        .map(|(name, value)| ((*name).to_owned(), value.clone().into()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Control, Dressed, Format, Key, Mode, Platform, Sender, Tamper, dress, sign};
    use crate::sim::wire::xml::read;

    const INNER: &str = "<xml><MsgType>text</MsgType></xml>";

    fn dressed(mode: Mode, tamper: Option<Tamper>) -> (Sender, Dressed) {
        let platform = Platform::new().expect("a platform");
        let sender = Sender {
            token: "simtoken".to_owned(),
            encoding_aes_key: platform.aes_key(),
            receiver: "wx1".to_owned(),
            mode,
            format: Format::Xml,
            clear: vec![("ToUserName", "gh_1".to_owned())],
            openid: Some("o1".to_owned()),
            plain_signature: true,
        };
        let control = Control {
            tamper,
            ..Control::default()
        };
        let dressed = dress(&platform, &sender, INNER, &control);
        (sender, dressed)
    }

    fn value<'a>(dressed: &'a Dressed, name: &str) -> Option<&'a str> {
        let mut query = dressed.query.iter();
        query.find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    /// What a receiver by the book reads: the inner document and whose it is.
    fn opened(sender: &Sender, dressed: &Dressed) -> Option<(Vec<u8>, String)> {
        let root = read(std::str::from_utf8(&dressed.body).ok()?).ok()?;
        let sealed = root.value("Encrypt")?;
        let (timestamp, nonce) = (value(dressed, "timestamp")?, value(dressed, "nonce")?);
        let expected = sign(&[&sender.token, timestamp, nonce, sealed]);
        if value(dressed, "msg_signature")? != expected {
            return None;
        }
        Key::read(&sender.encoding_aes_key).ok()?.open(sealed).ok()
    }

    #[test]
    fn the_modes_differ_in_what_is_clear() {
        for (mode, clear, sealed) in [
            (Mode::Plain, true, false),
            (Mode::Compatible, true, true),
            (Mode::Safe, false, true),
        ] {
            let (sender, dressed) = dressed(mode, None);
            let body = String::from_utf8_lossy(&dressed.body);
            assert_eq!(body.contains("<MsgType>"), clear, "{mode:?}");
            let found = opened(&sender, &dressed);
            assert_eq!(
                found,
                sealed.then(|| (INNER.as_bytes().to_vec(), sender.receiver.clone())),
                "{mode:?}"
            );
            assert_eq!(value(&dressed, "encrypt_type"), sealed.then_some("aes"));
        }
    }

    #[test]
    fn no_tampered_push_opens_for_this_account() {
        use Tamper::{Cipher, Doctype, Empty, Key, NoSignature, Plain, Receiver, Signature, Truncate, UpperCase};
        for tamper in [
            Signature,
            NoSignature,
            UpperCase,
            Key,
            Cipher,
            Truncate,
            Doctype,
            Plain,
            Empty,
        ] {
            let (sender, dressed) = dressed(Mode::Safe, Some(tamper));
            assert!(opened(&sender, &dressed).is_none(), "{tamper:?}");
        }
        let (sender, dressed) = dressed(Mode::Safe, Some(Receiver));
        let (_, id) = opened(&sender, &dressed).expect("it opens, for another");
        assert_ne!(id, sender.receiver);
    }
}
