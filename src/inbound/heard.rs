//! What does an answer to the platform say, ours or another system's? Opened as the platform would open it.

use crate::{
    channels::contract::Seal,
    envelope::{self, Format, cipher, outer},
    observe::handed::Answer,
    ports::old_url::Answered,
};

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
    let json = Format::of(push) == Some(Format::Json);
    match read(&answered.body, seal, json) {
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

/// `json`: the platform spoke JSON, and reads it.
pub fn read(body: &[u8], seal: &Seal, json: bool) -> Result<Answer, &'static str> {
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
    let Some(sealed) = sealed else { return message(text) };
    let Seal::Encrypted { key, id, .. } = seal else {
        return Ok(kind("sealed"));
    };
    let opened = cipher::decode(&sealed.encrypt).and_then(|sealed| cipher::open(key, sealed));
    match opened {
        Ok(opened) if opened.id == id.as_bytes() => message(&opened.message),
        _ => Err("its answer is not sealed with this account's key and id"),
    }
}

fn message(plain: &[u8]) -> Result<Answer, &'static str> {
    let fields = envelope::parse(plain).map_err(|_| "its answer cannot be read")?;
    let kind = match fields.value("MsgType") {
        "" => "structured",
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
}
