//! What can a customer do? Each deed becomes the push that the platform sends for it
//! (/doc/subscription/guide/product/message/, /doc/subscription/guide/product/menu/Custom_Menu_Push_Events.html).

use serde_json::{Map, Value, json};

use crate::sim::{
    ask::Ask,
    platform::Platform,
    weixin::{Deed, Trigger, event, field, message},
    wire::xml::{Node, from_json},
};

/// The deed of that name; what is missing when it cannot be done. `follows` is how the customer stands now.
pub fn deed(platform: &Platform, action: &str, body: &Map<String, Value>, follows: bool) -> Result<Deed, String> {
    let ask = Official(Ask { platform, body });
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

struct Official<'a>(Ask<'a>);

impl<'a> std::ops::Deref for Official<'a> {
    type Target = Ask<'a>;

    fn deref(&self) -> &Ask<'a> {
        &self.0
    }
}

impl Official<'_> {
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

    fn image(&self) -> Result<Deed, String> {
        let file = self.file("image")?;
        let mut fields = vec![
            field("PicUrl", Node::text(format!("{}{}", self.platform.base(), file.url()))),
            field("MediaId", Node::text(file.id.clone())),
        ];
        fields.extend(self.context());
        let shown = json!({ "media": file.url() });
        Ok(Deed {
            upload: vec![file],
            ..message("image", fields, shown)
        })
    }

    fn voice(&self) -> Result<Deed, String> {
        let file = self.file("voice")?;
        let mut fields = vec![
            field("MediaId", Node::text(file.id.clone())),
            field("Format", Node::text(self.or("format", "amr"))),
        ];
        if let Some(recognised) = self.text("recognition") {
            fields.push(field("Recognition", Node::text(recognised)));
        }
        fields.extend(self.context());
        let shown = json!({ "media": file.url() });
        Ok(Deed {
            upload: vec![file],
            ..message("voice", fields, shown)
        })
    }

    fn video(&self, kind: &str) -> Result<Deed, String> {
        let file = self.file("video")?;
        let thumb = self.thumb();
        let mut fields = vec![
            field("MediaId", Node::text(file.id.clone())),
            field("ThumbMediaId", Node::text(thumb.id.clone())),
        ];
        fields.extend(self.context());
        let shown = json!({ "media": file.url() });
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
