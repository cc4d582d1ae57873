//! What can a user do in a mini-program's chat? Each deed becomes the push that the platform sends for it
//! (/miniprogram/dev/framework/open-ability/customer-message/receive.html).

use serde_json::{Map, Value, json};

use crate::sim::{
    ask::Ask,
    platform::Platform,
    weixin::{Deed, Trigger, event, field, message},
    wire::xml::{Node, from_json},
};

/// The deed of that name; what is missing when it cannot be done.
pub fn deed(platform: &Platform, action: &str, body: &Map<String, Value>) -> Result<Deed, String> {
    let ask = Ask { platform, body };
    let mut deed = match action {
        "text" => text(&ask)?,
        "tap" => tap(&ask)?,
        "image" => image(&ask)?,
        "card" => card(&ask),
        "enter" => enter(&ask),
        "event" => {
            let name = ask.need("event")?;
            event(
                &name,
                ask.body.get("fields").map(from_json).unwrap_or_default(),
                None,
                &name,
            )
        }
        "message" => {
            let kind = ask.need("type")?;
            message(
                &kind,
                ask.body.get("fields").map(from_json).unwrap_or_default(),
                json!({}),
            )
        }
        "raw" => Deed {
            raw: Some(ask.need("body")?),
            ..Deed::default()
        },
        other => return Err(format!("there is no action {other:?}")),
    };
    // Nobody follows a mini-program.
    deed.needs_follow = false;
    Ok(deed)
}

fn text(ask: &Ask<'_>) -> Result<Deed, String> {
    let content = ask.need("content")?;
    let mut fields = vec![field("Content", Node::text(content.clone()))];
    fields.extend(ask.body.get("extra").map(from_json).unwrap_or_default());
    Ok(message("text", fields, json!({ "text": content })))
}

/// A tap on a link of a text that answers for the user.
fn tap(ask: &Ask<'_>) -> Result<Deed, String> {
    let (id, content) = (ask.need("id")?, ask.need("content")?);
    let fields = vec![
        field("Content", Node::text(content.clone())),
        field("bizmsgmenuid", Node::text(id)),
    ];
    Ok(message("text", fields, json!({ "text": content })))
}

fn image(ask: &Ask<'_>) -> Result<Deed, String> {
    let file = ask.file("image")?;
    let fields = vec![
        field("PicUrl", Node::text(format!("{}{}", ask.platform.base(), file.url()))),
        field("MediaId", Node::text(file.id.clone())),
    ];
    let shown = json!({ "media": file.url() });
    Ok(Deed {
        upload: vec![file],
        ..message("image", fields, shown)
    })
}

/// A page of a mini-program as a card: `miniprogrampage`.
fn card(ask: &Ask<'_>) -> Deed {
    let thumb = ask.thumb();
    let (title, path) = (ask.or("title", "Blue kettle"), ask.or("path", "pages/item.html?id=88"));
    let fields = vec![
        field("Title", Node::text(title.clone())),
        field("AppId", Node::text(ask.or("app_id", "wx0123456789abcdef"))),
        field("PagePath", Node::text(path.clone())),
        field(
            "ThumbUrl",
            Node::text(format!("{}{}", ask.platform.base(), thumb.url())),
        ),
        field("ThumbMediaId", Node::text(thumb.id.clone())),
    ];
    let shown = json!({ "title": title, "path": path, "thumb": thumb.url() });
    Deed {
        upload: vec![thumb],
        ..message("miniprogrampage", fields, shown)
    }
}

/// The chat is opened by `<button open-type="contact" session-from="…">`.
fn enter(ask: &Ask<'_>) -> Deed {
    let from = ask.or("session_from", "");
    let fields = vec![field("SessionFrom", Node::text(from.clone()))];
    event("user_enter_tempsession", fields, Some(Trigger::Enter), &from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Platform, deed};
    use crate::sim::{
        weixin::Trigger,
        wire::xml::{to_json, write},
    };

    #[test]
    fn entering_names_the_button_and_opens_the_short_window() {
        let platform = Platform::new().expect("a platform");
        let body = json!({ "session_from": "order=88;src=detail" });
        let deed = deed(&platform, "enter", body.as_object().expect("an object")).expect("a deed");
        assert_eq!(deed.trigger, Some(Trigger::Enter));
        assert!(!deed.is_message, "an event has no MsgId");
        let told = to_json(&deed.fields);
        assert_eq!(told["Event"], "user_enter_tempsession");
        assert_eq!(told["SessionFrom"], "order=88;src=detail");
    }

    #[test]
    fn a_page_card_carries_its_picture() {
        let platform = Platform::new().expect("a platform");
        let deed = deed(&platform, "card", &serde_json::Map::new()).expect("a deed");
        let xml = write(&deed.fields);
        assert!(
            xml.starts_with("<xml><MsgType><![CDATA[miniprogrampage]]></MsgType><Title>"),
            "{xml}"
        );
        assert_eq!(deed.upload.len(), 1);
        assert!(xml.contains(&deed.upload[0].id));
    }
}
