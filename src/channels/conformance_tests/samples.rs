//! What is an account of any channel, and a callback for it?

use std::sync::Arc;

use crate::{
    channels::contract::{Account, Admitted, CallbackQuery, Channel, PassiveTo, Seal},
    envelope::{cipher, signature},
    schema::v1::{
        Action, Articles, Card, ContactCard, ForwardedChat, Link, Location, Media, Menu, Message, MiniProgramCard,
        Music, Part, Reference, Template, TemplateCard, Text, TransferToPlatform, Unsupported, media::State,
        part::Content,
    },
    secret::Secret,
    settings::{AccountSettings, PlatformAgents},
};

pub const NOW: i64 = 1_752_000_500_000;
pub const STAMP: &str = "1752000400";
pub const NONCE: &str = "415670741";
pub const TOKEN: &str = "spamtest";
pub const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

/// What a card's fields are filled with.
pub fn settings(channel: &dyn Channel) -> AccountSettings {
    let mut it = AccountSettings {
        id: "shop".into(),
        channel: channel.card().name.into(),
        ..AccountSettings::default()
    };
    for field in channel.card().fields {
        match field.name {
            "app_id" => it.app_id = "wx2c2769f8efd9abc2".into(),
            "app_secret" => it.app_secret = Secret::new("s3cret"),
            "token" => it.token = Secret::new(TOKEN),
            "encoding_aes_key" => it.encoding_aes_key = Secret::new(KEY),
            "corp_id" => it.corp_id = "ww49f0ab532d5d035a".into(),
            "agent_id" => it.agent_id = "1000002".into(),
            "secret" => it.secret = Secret::new("s3cret"),
            // Whatever the bodies in `fixtures/` are addressed to is taken; the others may be left out.
            _ => assert!(!field.required, "no sample for the field {}", field.name),
        }
    }
    it
}

/// An opened account of the channel.
pub fn account(channel: &dyn Channel) -> Arc<dyn Account> {
    open(channel, &settings(channel))
}

/// The same, where the platform's own agents may take over.
pub fn with_agents(channel: &dyn Channel) -> Arc<dyn Account> {
    let settings = AccountSettings {
        platform_agents: PlatformAgents::Allow,
        ..settings(channel)
    };
    open(channel, &settings)
}

fn open(channel: &dyn Channel, settings: &AccountSettings) -> Arc<dyn Account> {
    channel
        .open(settings)
        .unwrap_or_else(|faults| panic!("{}: {faults:?}", settings.channel))
}

/// An answer to a customer's message that may be of any kind.
pub fn passive_to() -> PassiveTo {
    PassiveTo {
        to: "customer".into(),
        from: "gh_1".into(),
        part_types: &["text", "image", "voice", "video", "music", "articles", "transfer"],
        to_message: true,
        json: false,
    }
}

/// A body in the clear, as if it had been verified.
pub fn plain(body: &[u8]) -> Admitted {
    Admitted {
        plain: body.to_vec(),
        seal: Seal::Plain,
        stamped: NOW,
        notes: Vec::new(),
    }
}

/// A message sealed for `receiver`, and the query that signs it.
pub fn sealed(receiver: &str, message: &[u8]) -> (CallbackQuery, Vec<u8>) {
    let key = cipher::key(KEY).expect("a key");
    signed(&cipher::seal(&key, [b'x'; 16], message, receiver))
}

/// The signed query, and the body, of what stands in `Encrypt`.
pub fn signed(encrypt: &str) -> (CallbackQuery, Vec<u8>) {
    let body = format!("<xml><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>");
    (query(encrypt), body.into_bytes())
}

fn query(encrypt: &str) -> CallbackQuery {
    CallbackQuery {
        signature: signature::text(&signature::of_query(TOKEN, STAMP, NONCE)).into(),
        msg_signature: signature::text(&signature::of_message(TOKEN, STAMP, NONCE, encrypt)).into(),
        timestamp: STAMP.into(),
        nonce: NONCE.into(),
        encrypt_type: "aes".into(),
        ..CallbackQuery::default()
    }
}

/// A console's check with an `echostr` in the clear, and one with a sealed one.
pub fn checks(receiver: &str) -> [CallbackQuery; 2] {
    let key = cipher::key(KEY).expect("a key");
    let sealed = cipher::seal(&key, [b'x'; 16], b"4375120948345356249", receiver);
    let clear = CallbackQuery {
        echostr: "4375120948345356249".into(),
        msg_signature: String::new(),
        ..query("")
    };
    let closed = CallbackQuery {
        echostr: sealed.clone(),
        signature: String::new(),
        ..query(&sealed)
    };
    [clear, closed]
}

fn medium(name: &str, mime: &str) -> Media {
    Media {
        handle: "h1".into(),
        platform_media_id: "MEDIA-ID".into(),
        url: "https://media.example/m/h1".into(),
        mime: mime.into(),
        size: 1000,
        name: name.into(),
        thumb_handle: "THUMB-ID".into(),
        state: State::Ready as i32,
        ..Media::default()
    }
}

fn link() -> Link {
    Link {
        url: "https://shop.example/a".into(),
        title: "A title".into(),
        description: "A description".into(),
        image_url: "https://shop.example/a.jpg".into(),
        ..Link::default()
    }
}

fn words(body: &str) -> Part {
    Part {
        content: Some(Content::Text(Text {
            body: body.into(),
            ..Text::default()
        })),
        ..Part::default()
    }
}

/// A text and one of every kind of file.
fn files(channel: &dyn Channel) -> Vec<(&'static str, Content)> {
    let placed = |kind: &str, it: Media| {
        let takes = channel.media().iter().any(|limit| limit.kind == kind);
        let platform_media_id = if takes { it.platform_media_id } else { String::new() };
        Media {
            platform_media_id,
            ..it
        }
    };
    vec![
        (
            "text",
            Content::Text(Text {
                body: "Words".into(),
                ..Text::default()
            }),
        ),
        ("image", Content::Image(placed("image", medium("a.jpg", "image/jpeg")))),
        ("voice", Content::Voice(placed("voice", medium("a.amr", "audio/amr")))),
        ("video", Content::Video(placed("video", medium("a.mp4", "video/mp4")))),
        (
            "file",
            Content::File(placed("file", medium("a.pdf", "application/pdf"))),
        ),
    ]
}

/// One of every kind of part, in the schema's order, each with all that a channel could want of it: media are on the
/// platform where the platform takes that kind of file.
pub fn parts(channel: &dyn Channel) -> Vec<(&'static str, Content)> {
    let own = settings(channel);
    let page = MiniProgramCard {
        appid: if own.app_id.is_empty() {
            "wx0123456789abcdef".into()
        } else {
            own.app_id
        },
        page_path: "pages/item?id=88".into(),
        title: "A page".into(),
        thumb_handle: "THUMB-ID".into(),
        ..MiniProgramCard::default()
    };
    let mut parts = files(channel);
    parts.extend([
        ("location", Content::Location(Location { latitude: 23.1, longitude: 113.3, name: "A place".into(), ..Location::default() })),
        ("link", Content::Link(Link { image_handle: "THUMB-ID".into(), ..link() })),
        ("articles", Content::Articles(Articles { items: vec![link()] })),
        ("mini_program", Content::MiniProgram(page.clone())),
        ("card", Content::Card(Card {
            title: "A card".into(),
            web_url: "https://shop.example/k".into(),
            image_url: "https://shop.example/k.jpg".into(),
            mini_program: Some(page),
            ..Card::default()
        })),
        ("menu", Content::Menu(Menu {
            head: "How was it?".into(),
            actions: vec![Action { id: "1".into(), label: "Good".into(), ..Action::default() }],
            ..Menu::default()
        })),
        ("contact", Content::Contact(ContactCard { native_id: "zhang".into(), display_name: "Zhang".into() })),
        ("music", Content::Music(Music {
            title: "A song".into(),
            url: "https://m.example/a.mp3".into(),
            thumb_handle: "THUMB-ID".into(),
            ..Music::default()
        })),
        ("forwarded", Content::Forwarded(ForwardedChat {
            title: "A chat".into(),
            items: vec![Message { parts: vec![words("hi")], ..Message::default() }],
        })),
        ("reference", Content::Reference(Reference {
            kind: "wxcard".into(),
            id: "1".into(),
            title: "A coupon".into(),
            url: "https://shop.example/c/1".into(),
            ..Reference::default()
        })),
        ("template_card", Content::TemplateCard(TemplateCard {
            card_type: "text_notice".into(),
            task_id: "t1".into(),
            native_json: r#"{"card_type":"text_notice","main_title":{"title":"A title"},"card_action":{"type":1,"url":"https://shop.example"}}"#.into(),
        })),
        ("template", Content::Template(Template { template_id: "TPL-1".into(), ..Template::default() })),
        ("transfer", Content::Transfer(TransferToPlatform::default())),
        ("unsupported", Content::Unsupported(Unsupported { platform_type: "x".into() })),
    ]);
    parts
}
