//! What can a customer do? Each deed becomes the push that the platform sends for it
//! (/doc/subscription/guide/product/message/, /doc/subscription/guide/product/menu/Custom_Menu_Push_Events.html).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::Trigger;
use crate::sim::{
    phone::Entry,
    platform::Platform,
    wire::{
        file,
        xml::{Node, from_json},
    },
};

/// A push in the making, and what it does to the customer's phone.
#[derive(Clone, Debug, Default)]
pub struct Deed {
    /// After `ToUserName`, `FromUserName`, `CreateTime`; without `MsgId`.
    pub fields: Vec<(String, Node)>,
    pub trigger: Option<Trigger>,
    pub entry: Option<Entry>,
    /// A message has a `MsgId`, an event has none.
    pub is_message: bool,
    pub follows: Option<bool>,
    /// Instead of `fields`: the document as it is.
    pub raw: Option<String>,
    /// A file the customer sends: id, kind, (name, MIME type), bytes.
    pub upload: Vec<Upload>,
    /// Things only a follower can do.
    pub needs_follow: bool,
}

/// A file that comes with a deed.
#[derive(Clone, Debug)]
pub struct Upload {
    pub id: String,
    pub kind: &'static str,
    pub label: (String, String),
    pub bytes: Vec<u8>,
}

/// A dot, a tone, a frame: enough for a receiver that looks at the first bytes.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const AMR: &[u8] = b"#!AMR\n\x3c\x91\x17\x16\xbe\x66\x79\xe1\xe0\x01\xe7\xaf\xf0\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
const MP4: &[u8] = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\x08mdat";
const JPG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xd9";

/// The deed of that name; what is missing when it cannot be done. `follows` is how the customer stands now.
pub fn deed(platform: &Platform, action: &str, body: &Map<String, Value>, follows: bool) -> Result<Deed, String> {
    let ask = Ask { platform, body };
    match action {
        "text" => ask.say(),
        "tap" => ask.tap(),
        "image" => ask.image(),
        "voice" => ask.voice(),
        "video" | "shortvideo" => ask.video(action),
        "location" => Ok(ask.location()),
        "link" => Ok(ask.link()),
        "follow" => Ok(ask.follow()),
        "unfollow" => Ok(unfollow()),
        "scan" => ask.scan(follows),
        "click" => ask.click(),
        "view" => ask.view(),
        "menu" => ask.menu(),
        "event" => ask.event(),
        "message" => ask.message(),
        "raw" => ask.raw(),
        other => Err(format!("there is no action {other:?}")),
    }
}

struct Ask<'a> {
    platform: &'a Platform,
    body: &'a Map<String, Value>,
}

fn field(name: &str, node: Node) -> (String, Node) {
    (name.to_owned(), node)
}

fn message(kind: &str, mut fields: Vec<(String, Node)>, shown: Value) -> Deed {
    fields.insert(0, field("MsgType", Node::text(kind)));
    Deed {
        fields,
        trigger: Some(Trigger::Message),
        entry: Some(Entry::customer(kind, shown)),
        is_message: true,
        needs_follow: true,
        ..Deed::default()
    }
}

fn event(name: &str, mut fields: Vec<(String, Node)>, trigger: Option<Trigger>, shown: &str) -> Deed {
    fields.insert(0, field("Event", Node::text(name)));
    fields.insert(0, field("MsgType", Node::text("event")));
    Deed {
        fields,
        trigger,
        entry: Some(Entry::deed(name, shown)),
        needs_follow: true,
        ..Deed::default()
    }
}

fn unfollow() -> Deed {
    Deed {
        follows: Some(false),
        ..event(
            "unsubscribe",
            vec![field("EventKey", Node::text(""))],
            None,
            "unfollowed",
        )
    }
}

impl Ask<'_> {
    fn text(&self, name: &str) -> Option<String> {
        match self.body.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        }
    }

    fn need(&self, name: &str) -> Result<String, String> {
        self.text(name).ok_or_else(|| format!("{name:?} is missing"))
    }

    fn or(&self, name: &str, default: &str) -> String {
        self.text(name).unwrap_or_else(|| default.to_owned())
    }

    /// `MsgDataId` and `Idx` when the message comes from an article, and whatever else `extra` names.
    fn context(&self) -> Vec<(String, Node)> {
        self.body.get("extra").map(from_json).unwrap_or_default()
    }

    fn say(&self) -> Result<Deed, String> {
        let content = self.need("content")?;
        let mut fields = vec![field("Content", Node::text(content.clone()))];
        fields.extend(self.context());
        Ok(message("text", fields, json!({ "text": content })))
    }

    /// A tap on an item of a `msgmenu` message: a text with the item's id, but the menu rule's allowance.
    fn tap(&self) -> Result<Deed, String> {
        let (id, content) = (self.need("id")?, self.need("content")?);
        let fields = vec![
            field("Content", Node::text(content.clone())),
            field("bizmsgmenuid", Node::text(id)),
        ];
        Ok(Deed {
            trigger: Some(Trigger::Menu),
            ..message("text", fields, json!({ "text": content }))
        })
    }

    fn file(&self, kind: &'static str, sample: Vec<u8>) -> Result<Upload, String> {
        let bytes = match self.text("base64") {
            Some(text) => STANDARD.decode(text).map_err(|error| format!("base64: {error}"))?,
            None => sample,
        };
        let (extension, mime) = file::kind(&bytes).unwrap_or(("bin", "application/octet-stream"));
        Ok(Upload {
            id: self.platform.letters(64),
            kind,
            label: (self.or("name", &format!("{kind}.{extension}")), mime.to_owned()),
            bytes,
        })
    }

    fn url(&self, upload: &Upload) -> String {
        format!("/sim/v1/media/{}", upload.id)
    }

    fn image(&self) -> Result<Deed, String> {
        let sample = STANDARD.decode(PNG).map_err(|error| error.to_string())?;
        let file = self.file("image", sample)?;
        let mut fields = vec![
            field(
                "PicUrl",
                Node::text(format!("{}{}", self.platform.base(), self.url(&file))),
            ),
            field("MediaId", Node::text(file.id.clone())),
        ];
        fields.extend(self.context());
        let shown = json!({ "media": self.url(&file) });
        Ok(Deed {
            upload: vec![file],
            ..message("image", fields, shown)
        })
    }

    fn voice(&self) -> Result<Deed, String> {
        let file = self.file("voice", AMR.to_vec())?;
        let mut fields = vec![
            field("MediaId", Node::text(file.id.clone())),
            field("Format", Node::text(self.or("format", "amr"))),
        ];
        if let Some(recognised) = self.text("recognition") {
            fields.push(field("Recognition", Node::text(recognised)));
        }
        fields.extend(self.context());
        let shown = json!({ "media": self.url(&file) });
        Ok(Deed {
            upload: vec![file],
            ..message("voice", fields, shown)
        })
    }

    fn video(&self, kind: &str) -> Result<Deed, String> {
        let file = self.file("video", MP4.to_vec())?;
        let thumb = Upload {
            id: self.platform.letters(64),
            kind: "thumb",
            label: ("thumb.jpg".to_owned(), "image/jpeg".to_owned()),
            bytes: JPG.to_vec(),
        };
        let mut fields = vec![
            field("MediaId", Node::text(file.id.clone())),
            field("ThumbMediaId", Node::text(thumb.id.clone())),
        ];
        fields.extend(self.context());
        let shown = json!({ "media": self.url(&file) });
        Ok(Deed {
            upload: vec![file, thumb],
            ..message(kind, fields, shown)
        })
    }

    fn location(&self) -> Deed {
        let (x, y) = (self.or("latitude", "31.230416"), self.or("longitude", "121.473701"));
        let label = self.or("label", "上海市黄浦区人民大道");
        let fields = vec![
            field("Location_X", Node::number(&x)),
            field("Location_Y", Node::number(&y)),
            field("Scale", Node::number(self.or("scale", "15"))),
            field("Label", Node::text(label.clone())),
        ];
        let shown = json!({ "latitude": x, "longitude": y, "label": label });
        message("location", fields, shown)
    }

    fn link(&self) -> Deed {
        let title = self.or("title", "A page");
        let description = self.or("description", "What it says");
        let url = self.or("url", "https://example.org/p/1");
        let fields = vec![
            field("Title", Node::text(title.clone())),
            field("Description", Node::text(description.clone())),
            field("Url", Node::text(url.clone())),
        ];
        message(
            "link",
            fields,
            json!({ "title": title, "description": description, "url": url }),
        )
    }

    /// Following, plain or (`scene`) by scanning a parametric QR code.
    fn follow(&self) -> Deed {
        let mut fields = Vec::new();
        match self.text("scene") {
            Some(scene) => {
                fields.push(field("EventKey", Node::text(format!("qrscene_{scene}"))));
                fields.push(field("Ticket", Node::text(self.ticket())));
            }
            None => fields.push(field("EventKey", Node::text(""))),
        }
        Deed {
            follows: Some(true),
            needs_follow: false,
            ..event("subscribe", fields, Some(Trigger::Follow), "followed")
        }
    }

    fn ticket(&self) -> String {
        self.text("ticket").unwrap_or_else(|| self.platform.letters(80))
    }

    fn scan(&self, follows: bool) -> Result<Deed, String> {
        let scene = self.need("scene")?;
        if !follows {
            return Ok(self.follow());
        }
        let fields = vec![
            field("EventKey", Node::text(scene.clone())),
            field("Ticket", Node::text(self.ticket())),
        ];
        Ok(event("SCAN", fields, Some(Trigger::Scan), &scene))
    }

    fn click(&self) -> Result<Deed, String> {
        let key = self.need("key")?;
        let fields = vec![field("EventKey", Node::text(key.clone()))];
        Ok(event("CLICK", fields, Some(Trigger::Menu), &key))
    }

    fn view(&self) -> Result<Deed, String> {
        let url = self.need("url")?;
        let fields = vec![
            field("EventKey", Node::text(url.clone())),
            field("MenuId", Node::number(self.or("menu_id", "234567"))),
        ];
        Ok(event("VIEW", fields, None, &url))
    }

    /// A menu button of any other type, by the name of its event.
    fn menu(&self) -> Result<Deed, String> {
        let (name, key) = (self.need("event")?, self.need("key")?);
        let mut fields = vec![field("EventKey", Node::text(key.clone()))];
        let mut trigger = None;
        match name.as_str() {
            "scancode_push" | "scancode_waitmsg" => {
                trigger = Some(Trigger::Menu);
                let scanned = vec![
                    field("ScanType", Node::text("qrcode")),
                    field("ScanResult", Node::text(self.or("result", "ORDER-1"))),
                ];
                fields.push(field("ScanCodeInfo", Node::Children(scanned)));
            }
            "pic_sysphoto" | "pic_photo_or_album" | "pic_weixin" => {
                let sum = vec![field("PicMd5Sum", Node::text("5a75aaca956d97be686719218f275c6b"))];
                let list = vec![field("item", Node::Children(sum))];
                let pictures = vec![field("Count", Node::number(1)), field("PicList", Node::Children(list))];
                fields.push(field("SendPicsInfo", Node::Children(pictures)));
            }
            "location_select" => {
                let place = vec![
                    field("Location_X", Node::text(self.or("latitude", "31.230416"))),
                    field("Location_Y", Node::text(self.or("longitude", "121.473701"))),
                    field("Scale", Node::text("15")),
                    field("Label", Node::text(self.or("label", "上海市黄浦区"))),
                    field("Poiname", Node::text("")),
                ];
                fields.push(field("SendLocationInfo", Node::Children(place)));
            }
            "view_miniprogram" => fields.push(field("MenuId", Node::number(self.or("menu_id", "234567")))),
            other => return Err(format!("{other:?} is no menu event")),
        }
        Ok(event(&name, fields, trigger, &key))
    }

    /// Any event: `event` names it, `fields` is its JSON.
    fn event(&self) -> Result<Deed, String> {
        let name = self.need("event")?;
        let fields = self.body.get("fields").map(from_json).unwrap_or_default();
        Ok(Deed {
            needs_follow: false,
            ..event(&name, fields, None, &name)
        })
    }

    /// Any message: `type` names it, `fields` is its JSON.
    fn message(&self) -> Result<Deed, String> {
        let kind = self.need("type")?;
        let fields = self.body.get("fields").map(from_json).unwrap_or_default();
        Ok(Deed {
            needs_follow: false,
            ..message(&kind, fields, json!({}))
        })
    }

    fn raw(&self) -> Result<Deed, String> {
        Ok(Deed {
            raw: Some(self.need("body")?),
            ..Deed::default()
        })
    }
}
