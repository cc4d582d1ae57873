//! How does a push look on the wire? Query and body in the three modes, and what a hostile hand makes of them
//! (/doc/subscription/guide/dev/push/encryption.html).

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    account::{Account, Format, Mode},
    push::Letter,
};
use crate::sim::{
    platform::Platform,
    wire::seal::{Key, sign},
};

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

/// Signs and seals a letter, afresh for each attempt.
pub fn dress(platform: &Platform, letter: &Letter) -> Dressed {
    let (account, control) = (&letter.account, &letter.control);
    let tamper = control.tamper;
    let now = platform.world().now() / 1000;
    let timestamp = control.timestamp.unwrap_or(now).to_string();
    let nonce = control.nonce.clone().unwrap_or_else(|| platform.digits(10));
    let token = if tamper == Some(Tamper::Signature) {
        "wrongtoken"
    } else {
        &account.token
    };
    let cased = |signature: String| match tamper {
        Some(Tamper::UpperCase) => signature.to_uppercase(),
        _ => signature,
    };
    let signed = tamper != Some(Tamper::NoSignature);
    let mut query = Vec::new();
    if signed {
        query.push(("signature", cased(sign(&[token, &timestamp, &nonce]))));
    }
    query.push(("timestamp", timestamp.clone()));
    query.push(("nonce", nonce.clone()));
    query.push(("openid", letter.openid.clone()));
    let mode = match tamper {
        Some(Tamper::Plain) => Mode::Plain,
        _ => control.mode.unwrap_or(account.mode),
    };
    let mut body = letter.inner.clone();
    if mode != Mode::Plain {
        let sealed = sealed(platform, letter);
        query.push(("encrypt_type", "aes".to_owned()));
        if signed {
            query.push(("msg_signature", cased(sign(&[token, &timestamp, &nonce, &sealed]))));
        }
        body = envelope(account, mode, &letter.inner, &sealed);
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

fn sealed(platform: &Platform, letter: &Letter) -> String {
    let (account, tamper) = (&letter.account, letter.control.tamper);
    let key = match tamper {
        Some(Tamper::Key) => platform.aes_key(),
        _ => account.encoding_aes_key.clone(),
    };
    let id = match tamper {
        Some(Tamper::Receiver) => "wx0000000000000000",
        _ => &account.app_id,
    };
    let message = match tamper {
        Some(Tamper::DoctypeInside) => format!("<!DOCTYPE xml [<!ENTITY who \"x\">]>{}", letter.inner),
        _ => letter.inner.clone(),
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
fn envelope(account: &Account, mode: Mode, inner: &str, sealed: &str) -> String {
    let clear = mode == Mode::Compatible;
    match account.format {
        Format::Json => {
            let mut outer = match serde_json::from_str(inner) {
                Ok(Value::Object(map)) if clear => Value::Object(map),
                _ => json!({ "ToUserName": account.original_id }),
            };
            if let Some(map) = outer.as_object_mut() {
                map.insert("Encrypt".to_owned(), sealed.into());
            }
            outer.to_string()
        }
        Format::Xml => {
            let encrypt = format!("<Encrypt><![CDATA[{sealed}]]></Encrypt></xml>");
            match inner.trim_end().strip_suffix("</xml>").filter(|_| clear) {
                Some(fields) => format!("{fields}{encrypt}"),
                None => format!(
                    "<xml><ToUserName><![CDATA[{}]]></ToUserName>{encrypt}",
                    account.original_id
                ),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, Dressed, Key, Letter, Mode, Platform, Tamper, dress, sign};
    use crate::sim::wire::xml::read;

    const INNER: &str = "<xml><MsgType>text</MsgType></xml>";

    fn dressed(mode: Mode, tamper: Option<Tamper>) -> (Account, Dressed) {
        let platform = Platform::new().expect("a platform");
        let mut letter = Letter::to(Account::new(&platform), "o1", INNER);
        letter.account.mode = mode;
        letter.control.tamper = tamper;
        let dressed = dress(&platform, &letter);
        (letter.account, dressed)
    }

    fn value<'a>(dressed: &'a Dressed, name: &str) -> Option<&'a str> {
        let mut query = dressed.query.iter();
        query.find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    /// What a receiver by the book reads: the inner document and whose it is.
    fn opened(account: &Account, dressed: &Dressed) -> Option<(Vec<u8>, String)> {
        let root = read(std::str::from_utf8(&dressed.body).ok()?).ok()?;
        let sealed = root.value("Encrypt")?;
        let (timestamp, nonce) = (value(dressed, "timestamp")?, value(dressed, "nonce")?);
        let expected = sign(&[&account.token, timestamp, nonce, sealed]);
        if value(dressed, "msg_signature")? != expected {
            return None;
        }
        Key::read(&account.encoding_aes_key).ok()?.open(sealed).ok()
    }

    #[test]
    fn the_modes_differ_in_what_is_clear() {
        for (mode, clear, sealed) in [
            (Mode::Plain, true, false),
            (Mode::Compatible, true, true),
            (Mode::Safe, false, true),
        ] {
            let (account, dressed) = dressed(mode, None);
            let body = String::from_utf8_lossy(&dressed.body);
            assert_eq!(body.contains("<MsgType>"), clear, "{mode:?}");
            let found = opened(&account, &dressed);
            assert_eq!(
                found,
                sealed.then(|| (INNER.as_bytes().to_vec(), account.app_id.clone())),
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
            let (account, dressed) = dressed(Mode::Safe, Some(tamper));
            assert!(opened(&account, &dressed).is_none(), "{tamper:?}");
        }
        let (account, dressed) = dressed(Mode::Safe, Some(Receiver));
        let (_, id) = opened(&account, &dressed).expect("it opens, for another");
        assert_ne!(id, account.app_id);
    }
}
