//! What does an answer to the platform say, ours or another system's? Opened as the platform would open it.

use crate::{
    channels::contract::Seal,
    envelope::{self, Format, cipher, outer, signature},
    observe::handed::Answer,
    ports::old_url::Answered,
};

/// What is no message, and says something all the same.
const STRUCTURED: &str = "structured";
/// So much of a text is shown.
const SHOWN: usize = 120;

/// What another system answered, and what is wrong with it; empty: the platform would be content.
pub fn judged(answered: Result<&Answered, &String>, seal: &Seal, push: &[u8]) -> (Answer, String) {
    let answered = match answered {
        Ok(answered) => answered,
        Err(why) => return (Answer::default(), why.clone()),
    };
    if answered.status != 200 {
        return (unlawful(), format!("it answered {}", answered.status));
    }
    let pushed = Pushed {
        json: Format::of(push) == Some(Format::Json),
        clear: envelope::parse(push).is_ok_and(|fields| !fields.value("MsgType").is_empty()),
    };
    match read(&answered.body, seal, pushed) {
        Ok(answer) => (answer, String::new()),
        Err(why) => (unlawful(), why.to_owned()),
    }
}

pub fn unlawful() -> Answer {
    kind("unlawful")
}

fn kind(kind: &str) -> Answer {
    Answer {
        kind: kind.to_owned(),
        text: String::new(),
    }
}

/// How the platform spoke, and so reads.
#[derive(Clone, Copy, Debug)]
pub struct Pushed {
    pub json: bool,
    /// Also in the clear, beside the sealed copy or alone: an answer may be in the clear then.
    pub clear: bool,
}

/// The answer to such a push.
pub fn read(body: &[u8], seal: &Seal, Pushed { json, clear }: Pushed) -> Result<Answer, &'static str> {
    let text = body.trim_ascii();
    if text.is_empty() {
        return Ok(kind("empty"));
    }
    if text == b"success" {
        return Ok(kind("success"));
    }
    match Format::of(text) {
        Some(Format::Json) if !json => return Err("it answered JSON where the platform reads XML"),
        Some(Format::Xml) if !text.starts_with(b"<xml") => return Err("it answered a page, not a message"),
        Some(_) => {}
        None => return Err("it answered neither success nor a message"),
    }
    let sealed = outer::parse(text).map_err(|_| "its answer cannot be read")?;
    let Some(sealed) = sealed else {
        let answer = message(text)?;
        // Acknowledgements of payments have a form of their own; whether that is sealed too is not documented.
        let is_message = answer.kind != STRUCTURED;
        return match seal {
            Seal::Encrypted { .. } if is_message && !clear => Err("its answer is not sealed, as the push was"),
            _ => Ok(answer),
        };
    };
    let Seal::Encrypted { token, key, id, .. } = seal else {
        return Ok(kind("sealed"));
    };
    if !is_signed(text, token, &sealed.encrypt) {
        return Err("its answer is not signed with this account's token");
    }
    let opened = cipher::decode(&sealed.encrypt).and_then(|sealed| cipher::open(key, sealed));
    match opened {
        Ok(opened) if opened.id == id.as_bytes() => message(&opened.message),
        _ => Err("its answer is not sealed with this account's key and id"),
    }
}

/// The platform looks at the signature first.
fn is_signed(answer: &[u8], token: &str, encrypt: &str) -> bool {
    let Ok(fields) = envelope::parse(answer) else {
        return false;
    };
    let ours = signature::of_message(token, fields.value("TimeStamp"), fields.value("Nonce"), encrypt);
    signature::matches(&ours, fields.value("MsgSignature"))
}

fn message(plain: &[u8]) -> Result<Answer, &'static str> {
    let fields = envelope::parse(plain).map_err(|_| "its answer cannot be read")?;
    let kind = match fields.value("MsgType") {
        "" => STRUCTURED,
        kind => kind,
    };
    // An empty text is answered with the fault notice as well.
    if kind == "text" && fields.value("Content").is_empty() {
        return Err("its text is empty");
    }
    Ok(Answer {
        kind: kind.chars().take(SHOWN).collect(),
        text: fields.verbatim("Content").chars().take(SHOWN).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_platform_would_not_take_is_unlawful() {
        let text = b"<xml><MsgType>text</MsgType><Content>hi</Content></xml>";
        let hi = Answer {
            kind: "text".into(),
            text: "hi".into(),
        };
        for (status, body, push, expected) in [
            (200, &b"success"[..], "<xml>", Ok(kind("success"))),
            (200, b" ", "<xml>", Ok(kind("empty"))),
            (200, text, "<xml>", Ok(hi)),
            (200, b"<xml><ErrCode>0</ErrCode></xml>", "<xml>", Ok(kind("structured"))),
            (200, b"{\"ErrCode\":0}", "{", Ok(kind("structured"))),
            (200, b"{\"ErrCode\":0}", "<xml>", Err("JSON")),
            (200, b"<html><body>login</body></html>", "<xml>", Err("a page")),
            (200, b"ok", "<xml>", Err("neither")),
            (200, b"<xml><MsgType>te", "<xml>", Err("cannot be read")),
            (
                200,
                b"<xml><MsgType>text</MsgType><Content></Content></xml>",
                "<xml>",
                Err("empty"),
            ),
            (502, b"success", "<xml>", Err("502")),
            (302, b"", "<xml>", Err("302")),
        ] {
            let answered = Answered {
                status,
                body: body.to_vec(),
            };
            let (answer, fault) = judged(Ok(&answered), &Seal::Plain, push.as_bytes());
            match expected {
                Ok(expected) => assert_eq!((answer, fault.as_str()), (expected, "")),
                Err(part) => {
                    assert_eq!(answer, unlawful());
                    assert!(fault.contains(part), "{fault:?} says {part:?}");
                }
            }
        }
    }

    #[test]
    fn a_push_that_was_sealed_is_answered_sealed_and_signed() {
        let (token, key, id) = ("token", [7; 32], "wx1");
        let seal = Seal::Encrypted {
            token: token.into(),
            key: std::sync::Arc::new(key),
            id: id.into(),
            nonce: "n".into(),
        };
        let plain = "<xml><MsgType>text</MsgType><Content>hi</Content></xml>";
        let closed = |token: &str| {
            let closing = outer::Closing {
                token,
                key: &key,
                id,
                nonce: "n",
                timestamp: 1_752_000_000,
                random: [1; 16],
            };
            String::from_utf8(outer::close(plain.as_bytes(), &closing)).expect("XML")
        };
        let (right, other) = (closed(token), closed("other"));
        let (from, to) = (
            right.find("<MsgSignature>").expect("signed"),
            right.find("<TimeStamp>").expect("timed"),
        );
        let unsigned = format!("{}{}", &right[..from], &right[to..]);
        let safe = "<xml><ToUserName>gh</ToUserName><Encrypt>x</Encrypt></xml>";
        let compatible = "<xml><ToUserName>gh</ToUserName><MsgType>text</MsgType><Encrypt>x</Encrypt></xml>";
        for (push, body, fault) in [
            (safe, right.as_str(), ""),
            (compatible, &right, ""),
            (compatible, plain, ""),
            (safe, "success", ""),
            (safe, plain, "its answer is not sealed, as the push was"),
            (safe, "<xml><ErrCode>0</ErrCode></xml>", ""),
            (safe, &other, "its answer is not signed with this account's token"),
            (
                compatible,
                &unsigned,
                "its answer is not signed with this account's token",
            ),
        ] {
            let answered = Answered {
                status: 200,
                body: body.as_bytes().to_vec(),
            };
            assert_eq!(judged(Ok(&answered), &seal, push.as_bytes()).1, fault, "{push} {body}");
        }
    }
}
