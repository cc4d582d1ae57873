//! Did the account answer as the platform wants it? The passive reply, opened and checked
//! (/doc/subscription/guide/product/message/Passive_user_reply_message.html).

use serde_json::{Value, json};

use super::{Format, Mode, Sender, Verdict};
use crate::sim::{
    phone::Entry,
    wire::{
        seal::{Key, sign},
        xml::{Element, read},
    },
    world::{Channel, World},
};

const MAX_TEXT: usize = 2048;

/// Whose answer it is, and to whom.
pub struct Asked<'a> {
    pub channel: Channel,
    pub sender: &'a Sender,
    /// The customer.
    pub to: &'a str,
    /// What the account is called in its own pushes: original id, CorpID.
    pub from: &'a str,
    /// Whose media it may use.
    pub owner: &'a str,
    /// The event that is answered; nothing for a message.
    pub event: Option<&'a str>,
}

/// Judges a complete answer of HTTP 200.
pub fn judge(world: &World, asked: &Asked<'_>, body: &[u8]) -> Verdict {
    if body.is_empty() {
        return Verdict::Empty;
    }
    if body == b"success" {
        return Verdict::Success;
    }
    let reply = std::str::from_utf8(body)
        .map_err(|_| "the answer is not UTF-8".to_owned())
        .and_then(|text| opened(asked.sender, text))
        .and_then(|document| match acknowledges(asked, &document) {
            true => Ok(Verdict::Success),
            false => addressed(asked, document).and_then(|document| verdict(world, asked, &document)),
        });
    reply.unwrap_or_else(Verdict::Bad)
}

/// What a push of virtual payment wants in place of `success`: an object to the platform, to nobody's phone
/// (/miniprogram/dev/platform-capabilities/industry/virtual-payment.html).
fn acknowledges(asked: &Asked<'_>, answer: &Element) -> bool {
    let payment = |event: &str| event.to_ascii_lowercase().starts_with("xpay_");
    asked.channel == Channel::MiniProgram && asked.event.is_some_and(payment) && answer.value("ErrCode") == Some("0")
}

/// The event that a push tells of.
pub fn event_of(format: Format, push: &str) -> Option<String> {
    parse(format, push).ok()?.value("Event").map(str::to_owned)
}

fn parse(format: Format, text: &str) -> Result<Element, String> {
    match format {
        Format::Xml => {
            let root = read(text)?;
            if root.name == "xml" {
                Ok(root)
            } else {
                Err(format!("the root element is <{}>, not <xml>", root.name))
            }
        }
        Format::Json => match serde_json::from_str(text) {
            Ok(value @ Value::Object(_)) => Ok(element("xml", &value)),
            _ => Err("the answer is neither success nor a JSON object".to_owned()),
        },
    }
}

fn element(name: &str, value: &Value) -> Element {
    let mut found = Element {
        name: name.to_owned(),
        ..Element::default()
    };
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                match value {
                    Value::Array(items) => found.children.extend(items.iter().map(|item| element(name, item))),
                    other => found.children.push(element(name, other)),
                }
            }
        }
        Value::String(text) => found.text.clone_from(text),
        other => found.text = other.to_string(),
    }
    found
}

/// The reply itself, out of its envelope where the mode wants one.
fn opened(sender: &Sender, text: &str) -> Result<Element, String> {
    let outer = parse(sender.format, text)?;
    let Some(sealed) = outer.value("Encrypt") else {
        return match sender.mode {
            Mode::Safe => Err("the reply is not encrypted, but the mode is safe".to_owned()),
            Mode::Plain | Mode::Compatible => Ok(outer),
        };
    };
    if sender.mode == Mode::Plain {
        return Err("the reply is encrypted, but the mode is plain".to_owned());
    }
    let part = |name: &str| outer.value(name).ok_or_else(|| format!("the envelope has no {name}"));
    let (timestamp, nonce) = (part("TimeStamp")?, part("Nonce")?);
    if timestamp.is_empty() || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("TimeStamp is not a number".to_owned());
    }
    if part("MsgSignature")? != sign(&[&sender.token, timestamp, nonce, sealed]) {
        return Err("MsgSignature is wrong (-40001)".to_owned());
    }
    let (message, id) = Key::read(&sender.encoding_aes_key)?.open(sealed)?;
    if id != sender.receiver {
        return Err(format!("the reply is sealed for {id:?} (-40005)"));
    }
    let message = String::from_utf8(message).map_err(|_| "the reply is not UTF-8".to_owned())?;
    parse(sender.format, &message)
}

fn addressed(asked: &Asked<'_>, reply: Element) -> Result<Element, String> {
    if reply.value("ToUserName") != Some(asked.to) {
        return Err("ToUserName is not the customer".to_owned());
    }
    if reply.value("FromUserName") != Some(asked.from) {
        return Err("FromUserName is not the account".to_owned());
    }
    let time = reply.value("CreateTime").unwrap_or_default();
    if time.parse::<u64>().is_err() {
        return Err("CreateTime is not a number".to_owned());
    }
    Ok(reply)
}

/// What the channel makes of a reply of this kind.
fn verdict(world: &World, asked: &Asked<'_>, reply: &Element) -> Result<Verdict, String> {
    let kind = reply.value("MsgType").ok_or("MsgType is missing")?;
    let transfers = asked.channel != Channel::WecomApp && kind == "transfer_customer_service";
    if transfers {
        let agent = reply.child("TransInfo").and_then(|info| info.value("KfAccount"));
        return Ok(Verdict::Transfer(agent.map(str::to_owned)));
    }
    match asked.channel {
        Channel::MiniProgram => Ok(Verdict::Ignored("a mini-program has no passive reply".to_owned())),
        Channel::WecomApp => member(world, asked, kind, reply),
        _ => Ok(Verdict::Reply(Entry::account(
            kind,
            "passive",
            content(world, asked, kind, reply)?,
        ))),
    }
}

/// A reply to a member of a company (/document/path/90241): longer texts are cut, cards change for who clicked.
fn member(world: &World, asked: &Asked<'_>, kind: &str, reply: &Element) -> Result<Verdict, String> {
    const ANSWERABLE: [&str; 9] = [
        "subscribe",
        "enter_agent",
        "LOCATION",
        "click",
        "view",
        "view_miniprogram",
        "scancode_waitmsg",
        "template_card_menu_event",
        "template_card_event",
    ];
    if let Some(event) = asked.event
        && !ANSWERABLE.contains(&event)
    {
        return Ok(Verdict::Ignored(format!("the event {event} has no passive reply")));
    }
    let shown = match kind {
        "update_button" | "update_template_card" if asked.event != Some("template_card_event") => {
            return Err(format!("{kind} answers a card's click only"));
        }
        "update_button" => {
            let button = reply.child("Button").and_then(|button| button.value("ReplaceName"));
            json!({ "replace_name": button.ok_or("ReplaceName is missing")? })
        }
        "update_template_card" => {
            let card = reply.child("TemplateCard").ok_or("TemplateCard is missing")?;
            let title = card.child("MainTitle").and_then(|title| title.value("Title"));
            json!({ "title": title, "card_type": card.value("CardType") })
        }
        "music" => return Err("MsgType \"music\" is no passive reply".to_owned()),
        _ => content(world, asked, kind, reply)?,
    };
    Ok(Verdict::Reply(Entry::account(kind, "passive", shown)))
}

fn content(world: &World, asked: &Asked<'_>, kind: &str, reply: &Element) -> Result<Value, String> {
    let inside = |name: &str| reply.child(name).ok_or_else(|| format!("{name} is missing"));
    let owner = asked.owner;
    Ok(match kind {
        "text" => json!({ "text": text(reply, asked.channel)? }),
        "image" => json!({ "media": medium(world, owner, "image", inside("Image")?, "MediaId")? }),
        "voice" => json!({ "media": medium(world, owner, "voice", inside("Voice")?, "MediaId")? }),
        "video" => {
            let video = inside("Video")?;
            json!({
                "media": medium(world, owner, "video", video, "MediaId")?,
                "title": video.value("Title"),
                "description": video.value("Description"),
            })
        }
        "music" => {
            let music = inside("Music")?;
            json!({
                "thumb": medium(world, owner, "thumb", music, "ThumbMediaId")?,
                "title": music.value("Title"),
                "description": music.value("Description"),
                "url": music.value("MusicUrl"),
                "hq_url": music.value("HQMusicUrl"),
            })
        }
        "news" => json!({ "articles": articles(asked, reply)? }),
        other => return Err(format!("MsgType {other:?} is no passive reply")),
    })
}

fn text(reply: &Element, channel: Channel) -> Result<String, String> {
    let content = reply
        .child("Content")
        .map(|content| content.text.as_str())
        .unwrap_or_default();
    if content.trim().is_empty() {
        return Err("Content is missing or empty".to_owned());
    }
    if channel == Channel::WecomApp {
        return Ok(cut(content, MAX_TEXT).to_owned());
    }
    if content.len() > MAX_TEXT {
        return Err(format!("Content has {} bytes, more than {MAX_TEXT}", content.len()));
    }
    Ok(content.to_owned())
}

/// At most so many bytes, in whole characters.
pub fn cut(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.split_at(end).0
}

fn medium(world: &World, account: &str, kind: &str, parent: &Element, field: &str) -> Result<String, String> {
    let id = parent.value(field).filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| format!("{field} is missing"))?;
    let picture = |kind: &str| kind == "image" || kind == "thumb";
    match world.medium(account, id) {
        Some(medium) if medium.kind == kind || picture(kind) && picture(&medium.kind) => {
            Ok(format!("/sim/v1/media/{id}"))
        }
        Some(medium) => Err(format!("{field} is a {}, not a {kind}", medium.kind)),
        None => Err(format!("{field} is unknown or has expired")),
    }
}

fn articles(asked: &Asked<'_>, reply: &Element) -> Result<Vec<Value>, String> {
    let count = reply
        .value("ArticleCount")
        .and_then(|count| count.parse::<usize>().ok());
    let items = reply
        .child("Articles")
        .map(|list| list.children.as_slice())
        .unwrap_or_default();
    if items.is_empty() || items.iter().any(|item| item.name != "item") {
        return Err("Articles has no item".to_owned());
    }
    if count != Some(items.len()) {
        return Err("ArticleCount is not the number of items".to_owned());
    }
    let one = asked.channel == Channel::OfficialAccount && asked.event.is_none();
    let most = if one { 1 } else { 8 };
    let shown = items.iter().take(most).map(|item| {
        json!({
            "title": item.value("Title"),
            "description": item.value("Description"),
            "url": item.value("Url"),
            "picture": item.value("PicUrl"),
        })
    });
    Ok(shown.collect())
}
