//! What is an account whose platform does as it is told?

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use crate::{
    accounts::{Condition, Opened},
    channels::contract::{
        AccessToken, Account, Admitted, AllowanceRule, Basis, CallbackQuery, Downloaded, Inbound, Lasts, Learned, Pace,
        PassiveTo, Piece, Pieces, Refusal, Roads, Say, Seal, Side, Ticket, To, Upload, Verdict, What,
    },
    error::{Code, Fault},
    ports::{
        clock::Millis,
        platform::{Answer, Call, CallBody, Method},
    },
    schema::v1,
    settings::AccountSettings,
};

/// An account whose texts are cut at `|`, whose files need an id, and whose refusals are named by `errcode`.
pub struct FakeAccount {
    pub describe: v1::Account,
    pub settings: AccountSettings,
}

pub fn opened() -> Arc<Opened> {
    opened_with(AccountSettings::default())
}

/// An account whose platform drops what comes fast.
pub fn opened_slow() -> Arc<Opened> {
    opened_with(AccountSettings {
        limits: BTreeMap::from([("slow".to_owned(), 1)]),
        ..Default::default()
    })
}

/// What the account's id stands for once it was given another app.
pub fn opened_elsewhere() -> Arc<Opened> {
    opened_at("wx2", AccountSettings::default())
}

pub fn opened_with(settings: AccountSettings) -> Arc<Opened> {
    opened_at("wx1", settings)
}

fn opened_at(app_id: &str, settings: AccountSettings) -> Arc<Opened> {
    let describe = v1::Account {
        id: "shop".into(),
        channel: "official_account".into(),
        platform_id: app_id.into(),
        ..Default::default()
    };
    let settings = AccountSettings {
        id: "shop".into(),
        channel: "official_account".into(),
        app_id: app_id.into(),
        app_secret: crate::secret::Secret::new("secret"),
        ..settings
    };
    Arc::new(Opened {
        account: Arc::new(FakeAccount {
            describe: describe.clone(),
            settings: settings.clone(),
        }),
        settings,
        describe: Arc::new(describe),
        condition: Mutex::new(Condition::default()),
    })
}

fn piece(part_type: &'static str, content: &str) -> Piece {
    Piece {
        part_type,
        native: json!(content),
        passive_only: part_type == "transfer",
    }
}

fn of_link(link: &v1::Link) -> Piece {
    piece(
        "link",
        &format!("{} {}{}", link.title, link.image_handle, link.image_url),
    )
}

fn of_picture(to: &str) -> v1::Degradation {
    v1::Degradation {
        from_type: "image".into(),
        to_type: to.into(),
        reason: "inside a text".into(),
    }
}

fn named(code: Code, platform_code: i32) -> v1::Error {
    v1::Error {
        code: code.name().into(),
        platform_code,
        ..Default::default()
    }
}

impl Basis for FakeAccount {
    fn describe(&self) -> &v1::Account {
        &self.describe
    }
    fn settings(&self) -> &AccountSettings {
        &self.settings
    }
    fn side(&self) -> Side {
        Side::Weixin
    }
    fn handshake(&self, _: &CallbackQuery, _: Millis) -> Result<Vec<u8>, Refusal> {
        Ok(Vec::new())
    }
    fn admit(&self, _: &CallbackQuery, _: &[u8], _: Millis) -> Result<Admitted, Refusal> {
        Err(Refusal::reject(403, Code::BadSignature, "not here"))
    }
    fn admit_unsigned(&self, _: &[u8], _: Millis) -> Result<Admitted, Refusal> {
        Err(Refusal::reject(403, Code::BadSignature, "not here"))
    }
    fn seal(&self, _: &Seal, plain: &[u8], _: Millis, _: [u8; 16]) -> Result<Vec<u8>, Fault> {
        Ok(plain.to_vec())
    }
    fn uploaded(&self, answer: &Answer) -> Result<String, Verdict> {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        body["media_id"]
            .as_str()
            .map(str::to_owned)
            .ok_or(Verdict::Unknown(named(Code::PlatformDown, 0)))
    }
    fn download(&self, _: &str, _: &str) -> Option<Call> {
        None
    }
    fn downloaded(&self, _: &Call, _: &Answer) -> Downloaded {
        Downloaded::File
    }
    fn lasts(&self, number: i64) -> Lasts {
        match number {
            45011 => Lasts::UntilNextMinute,
            45009 => Lasts::Minute,
            _ => Lasts::Unknown,
        }
    }
    fn token_call(&self) -> Call {
        Call {
            method: Method::Post,
            path: "/token",
            query: Vec::new(),
            body: CallBody::Json(b"{}".to_vec()),
        }
    }
    fn read_token(&self, answer: &Answer) -> Result<AccessToken, Verdict> {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match body["access_token"].as_str() {
            Some(value) => Ok(AccessToken {
                value: value.to_owned(),
                lives_for: body["expires_in"].as_i64().unwrap_or(7200) * 1000,
            }),
            None => Err(Verdict::Failed {
                error: named(Code::BadSecret, 40125),
                learned: None,
            }),
        }
    }
    fn capabilities(&self) -> v1::Capabilities {
        v1::Capabilities {
            passive: true,
            api: true,
            ..Default::default()
        }
    }
}

impl Account for FakeAccount {
    fn read(&self, _: &Admitted, _: Millis) -> Result<Inbound, Refusal> {
        Err(Refusal::reject(403, Code::BadSignature, "not here"))
    }
    fn pieces(&self, say: &Say, _: Roads) -> Result<Pieces, Fault> {
        use v1::part::Content;
        let (mut pieces, mut lost) = (Vec::new(), Vec::new());
        match &say.what {
            What::Typing => pieces.push(piece("typing", "typing")),
            What::Native(native) => match &say.ticket {
                Some(ticket) => pieces.push(piece("native", &format!("{native} with {}", ticket.code))),
                None => pieces.push(piece("native", &native.to_string())),
            },
            What::Parts { parts, quote } => {
                let quoted = quote.as_ref().map(|it| format!("<{}>", it.summary)).unwrap_or_default();
                for part in parts {
                    match &part.content {
                        Some(Content::Text(text)) => {
                            if text.body.contains("<img") {
                                lost.push(of_picture(if say.pictures_apart { "image" } else { "link" }));
                            }
                            let said = format!("{quoted}{}", text.body);
                            pieces.extend(said.split('|').map(|it| piece("text", it)));
                        }
                        Some(Content::Card(card)) => {
                            let page = card.mini_program.as_ref().map_or("", |mini| &mini.thumb_handle);
                            pieces.push(match page {
                                "" => piece("card", &card.title),
                                thumb => piece("page", &format!("page {thumb}")),
                            });
                        }
                        Some(Content::Menu(menu)) => pieces.push(piece("menu", &menu.head)),
                        Some(Content::Link(link)) => pieces.push(of_link(link)),
                        Some(Content::Articles(articles)) => pieces.extend(articles.items.iter().map(of_link)),
                        Some(Content::Video(media)) if !media.platform_media_id.is_empty() => {
                            let shown = format!("video {} under {}", media.platform_media_id, media.thumb_handle);
                            pieces.push(piece("video", shown.trim_end()));
                        }
                        Some(Content::Image(media)) if !media.platform_media_id.is_empty() => {
                            pieces.push(piece("image", &media.platform_media_id));
                        }
                        Some(Content::Image(media) | Content::File(media)) if !media.url.is_empty() => {
                            lost.push(v1::Degradation {
                                to_type: "link".into(),
                                ..Default::default()
                            });
                            pieces.push(piece("text", &media.url));
                        }
                        Some(Content::Transfer(_)) => pieces.push(piece("transfer", "")),
                        _ => return Err(Fault::new(Code::UnsupportedPart, "no such part here")),
                    }
                }
            }
        }
        Ok(Pieces {
            pieces,
            degradations: lost,
        })
    }
    fn passive(&self, piece: &Piece, to: &PassiveTo, _: Millis) -> Option<Vec<u8>> {
        to.part_types
            .contains(&piece.part_type)
            .then(|| piece.native.as_str().unwrap_or_default().as_bytes().to_vec())
    }
    fn passive_loses(&self, piece: &Piece) -> Vec<v1::Degradation> {
        let marked = piece.native.as_str().is_some_and(|said| said.starts_with("marked"));
        marked.then(v1::Degradation::default).into_iter().collect()
    }
    fn call(&self, piece: &Piece, recipient: &str) -> Call {
        Call {
            method: Method::Post,
            path: if piece.part_type == "typing" {
                "/typing"
            } else {
                "/send"
            },
            query: Vec::new(),
            body: CallBody::Json(
                json!({"touser": recipient, "say": piece.native})
                    .to_string()
                    .into_bytes(),
            ),
        }
    }
    fn shows_picture(&self, card: &v1::Card) -> bool {
        card.actions.is_empty()
    }
    fn lends_picture(&self, card: &v1::Card) -> bool {
        card.mini_program.is_some()
    }
    fn links_need_pictures(&self) -> bool {
        self.settings.limits.contains_key("link_pictures")
    }
    fn video_has_thumb(&self) -> bool {
        self.settings.limits.contains_key("video_thumbs")
    }
    fn release(&self, servicer: &str, recipient: &str) -> Option<Call> {
        Some(Call {
            method: Method::Post,
            path: "/release",
            query: Vec::new(),
            body: CallBody::Json(
                json!({"servicer": servicer, "customer": recipient})
                    .to_string()
                    .into_bytes(),
            ),
        })
    }
    fn upload(&self, file: &Upload) -> Result<Call, Fault> {
        match file.mime.as_str() {
            "image/webp" => return Err(Fault::new(Code::UnsupportedPart, "no webp here")),
            "image/huge" => return Err(Fault::new(Code::MediaTooLarge, "too large here")),
            _ => {}
        }
        Ok(Call {
            method: Method::Post,
            path: "/upload",
            query: vec![("type", file.kind.to_owned())],
            body: CallBody::File {
                name: file.name.clone(),
                mime: file.mime.clone(),
                bytes: file.bytes.clone(),
            },
        })
    }
    fn judge(&self, _: &Call, answer: &Answer) -> Verdict {
        if answer.status >= 500 {
            return Verdict::Unknown(named(Code::Ambiguous, 0));
        }
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let code = body["errcode"].as_i64().unwrap_or(0) as i32;
        let failed = |code, number, learned| Verdict::Failed {
            error: named(code, number),
            learned,
        };
        match code {
            0 => Verdict::Done {
                message_id: body["msgid"].as_str().map(str::to_owned),
            },
            -1 => Verdict::RetryLater(named(Code::PlatformDown, -1)),
            40001 => Verdict::RefreshToken(named(Code::BadSecret, code)),
            40007 => Verdict::UploadAgain(named(Code::MediaExpired, code)),
            45009 | 45011 => Verdict::RetryLater(named(Code::RateLimited, code)),
            45015 => failed(Code::WindowClosed, code, Some(Learned::WindowClosed)),
            45047 => failed(Code::QuotaExhausted, code, Some(Learned::QuotaExhausted)),
            48001 => failed(Code::NotEntitled, code, Some(Learned::NoApi(Code::NotEntitled))),
            89503 => failed(Code::IpNotAllowed, code, None),
            _ => failed(Code::ContentRejected, code, None),
        }
    }
    fn pace(&self) -> &'static [Pace] {
        match self.settings.limits.contains_key("slow") {
            true => &[Pace {
                count: 2,
                window: 60_000,
            }],
            false => &[],
        }
    }
    fn wants_ticket(&self, say: &Say) -> Option<String> {
        match &say.what {
            What::Native(native) => Some(native["changes"].as_str()?.to_owned()),
            _ => None,
        }
    }
    fn ticket(&self, _: &Call, answer: &Answer) -> Option<Ticket> {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        body["gives"].is_string().then(|| Ticket {
            code: text("gives"),
            about: text("about"),
            ..Default::default()
        })
    }
    fn recall(&self, id: &str, _: &To<'_>) -> Option<Call> {
        (id != "stays").then(|| Call {
            method: Method::Post,
            path: "/recall",
            query: Vec::new(),
            body: CallBody::Json(id.as_bytes().to_vec()),
        })
    }
    fn instead(&self, _: &Say, error: &v1::Error) -> Option<(Say, v1::Degradation)> {
        let text = v1::part::Content::Text(v1::Text {
            body: "web link".into(),
            ..Default::default()
        });
        let part = v1::Part {
            content: Some(text),
            ..Default::default()
        };
        let what = What::Parts {
            parts: vec![part],
            quote: None,
        };
        (error.platform_code == 45064).then(|| {
            let say = Say {
                what,
                ..Default::default()
            };
            (say, v1::Degradation::default())
        })
    }
    fn allowance(&self, _: &str) -> Option<AllowanceRule> {
        None
    }
}
