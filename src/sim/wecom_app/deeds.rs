//! What can a member do in an application's chat? Each deed becomes the push that the platform sends for it
//! (/document/path/90239, /document/path/90240).

use serde_json::{Map, Value, json};

use crate::sim::{
    ask::Ask,
    platform::Platform,
    weixin::{Deed, event, field, message},
    wire::xml::{Node, from_json},
};

/// The deed of that name; what is missing when it cannot be done.
pub fn deed(platform: &Platform, action: &str, body: &Map<String, Value>) -> Result<Deed, String> {
    let ask = Ask { platform, body };
    match action {
        "text" => {
            let content = ask.need("content")?;
            let fields = vec![field("Content", Node::text(content.clone()))];
            Ok(message("text", fields, json!({ "text": content })))
        }
        "image" | "voice" | "video" => file(&ask, action),
        "location" => Ok(location(&ask)),
        "link" => Ok(link(&ask)),
        "enter" => Ok(event("enter_agent", keyed(""), None, "")),
        "follow" => Ok(seen(true)),
        "unfollow" => Ok(seen(false)),
        "click" => keyed_event("click", &ask.need("key")?),
        "view" => keyed_event("view", &ask.need("url")?),
        "menu" => menu(&ask),
        "tap" => card(&ask),
        "event" => {
            let fields = ask.body.get("fields").map(from_json).unwrap_or_default();
            let name = ask.need("event")?;
            Ok(event(&name, fields, None, &name))
        }
        "message" => {
            let fields = ask.body.get("fields").map(from_json).unwrap_or_default();
            Ok(message(&ask.need("type")?, fields, json!({})))
        }
        "raw" => Ok(Deed {
            raw: Some(ask.need("body")?),
            ..Deed::default()
        }),
        other => Err(format!("there is no action {other:?}")),
    }
}

fn keyed(key: &str) -> Vec<(String, Node)> {
    vec![field("EventKey", Node::text(key))]
}

fn keyed_event(name: &str, key: &str) -> Result<Deed, String> {
    Ok(event(name, keyed(key), None, key))
}

/// The member comes into, or leaves, the application's visible range.
fn seen(visible: bool) -> Deed {
    let name = if visible { "subscribe" } else { "unsubscribe" };
    Deed {
        follows: Some(visible),
        ..event(name, keyed(""), None, "")
    }
}

fn file(ask: &Ask<'_>, kind: &str) -> Result<Deed, String> {
    let kind = match kind {
        "image" => "image",
        "voice" => "voice",
        _ => "video",
    };
    let file = ask.file(kind)?;
    let shown = json!({ "media": file.url() });
    let mut fields = vec![field("MediaId", Node::text(file.id.clone()))];
    let mut upload = Vec::new();
    match kind {
        "image" => {
            let url = format!("{}{}", ask.platform.base(), file.url());
            fields.insert(0, field("PicUrl", Node::text(url)));
        }
        "voice" => fields.push(field("Format", Node::text("amr"))),
        _ => {
            let thumb = ask.thumb();
            fields.push(field("ThumbMediaId", Node::text(thumb.id.clone())));
            upload.push(thumb);
        }
    }
    upload.push(file);
    Ok(Deed {
        upload,
        ..message(kind, fields, shown)
    })
}

fn location(ask: &Ask<'_>) -> Deed {
    let (x, y) = (ask.or("latitude", "31.230416"), ask.or("longitude", "121.473701"));
    let label = ask.or("label", "上海市黄浦区人民大道");
    let fields = vec![
        field("Location_X", Node::number(&x)),
        field("Location_Y", Node::number(&y)),
        field("Scale", Node::number(ask.or("scale", "15"))),
        field("Label", Node::text(label.clone())),
        field("AppType", Node::text("wxwork")),
    ];
    let shown = json!({ "latitude": x, "longitude": y, "label": label });
    message("location", fields, shown)
}

fn link(ask: &Ask<'_>) -> Deed {
    let (title, url) = (ask.or("title", "A page"), ask.or("url", "https://example.org/p/1"));
    let description = ask.or("description", "What it says");
    let fields = vec![
        field("Title", Node::text(title.clone())),
        field("Description", Node::text(description.clone())),
        field("Url", Node::text(url.clone())),
        field("PicUrl", Node::text("https://example.org/p.png")),
    ];
    let shown = json!({ "title": title, "description": description, "url": url });
    message("link", fields, shown)
}

/// A menu button of another type, by the name of its event.
fn menu(ask: &Ask<'_>) -> Result<Deed, String> {
    let (name, key) = (ask.need("event")?, ask.need("key")?);
    let mut fields = keyed(&key);
    match name.as_str() {
        "scancode_push" | "scancode_waitmsg" => {
            let scanned = vec![
                field("ScanType", Node::text("qrcode")),
                field("ScanResult", Node::text(ask.or("result", "ORDER-1"))),
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
                field("Location_X", Node::text(ask.or("latitude", "31.230416"))),
                field("Location_Y", Node::text(ask.or("longitude", "121.473701"))),
                field("Scale", Node::text("15")),
                field("Label", Node::text(ask.or("label", "上海市黄浦区"))),
                field("Poiname", Node::text("")),
            ];
            fields.push(field("SendLocationInfo", Node::Children(place)));
            fields.push(field("AppType", Node::text("wxwork")));
        }
        "view_miniprogram" => {}
        other => return Err(format!("{other:?} is no menu event")),
    }
    Ok(event(&name, fields, None, &key))
}

/// A button or the submit of a template card: `task`, `key`, `card_type`, `selected` as `{"q1":["o1"]}`. Its
/// `ResponseCode` is added when it happens.
fn card(ask: &Ask<'_>) -> Result<Deed, String> {
    let key = ask.text("key").or_else(|| ask.text("id")).ok_or("\"key\" is missing")?;
    let name = ask.or("event", "template_card_event");
    let mut fields = keyed(&key);
    fields.push(field("TaskId", Node::text(ask.or("task", "task-1"))));
    fields.push(field("CardType", Node::text(ask.or("card_type", "button_interaction"))));
    if let Some(Value::Object(selected)) = ask.body.get("selected") {
        let items = selected.iter().map(|(question, options)| {
            let options = options.as_array().map(Vec::as_slice).unwrap_or_default().iter();
            let options = options.filter_map(Value::as_str);
            let options = options.map(|option| field("OptionId", Node::text(option))).collect();
            let item = vec![
                field("QuestionKey", Node::text(question.clone())),
                field("OptionIds", Node::Children(options)),
            ];
            field("SelectedItem", Node::Children(item))
        });
        fields.push(field("SelectedItems", Node::Children(items.collect())));
    }
    Ok(event(&name, fields, None, &ask.or("content", &key)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Platform, deed};
    use crate::sim::wire::xml::{read, write};

    #[test]
    fn a_vote_names_its_questions_and_options() {
        let platform = Platform::new().expect("a platform");
        let body = json!({ "key": "submit", "task": "t1", "card_type": "vote_interaction", "selected": { "q1": ["o1", "o3"] } });
        let deed = deed(&platform, "tap", body.as_object().expect("an object")).expect("a deed");
        let root = read(&write(&deed.fields)).expect("XML");
        let item = root
            .child("SelectedItems")
            .and_then(|items| items.child("SelectedItem"));
        let options = item.and_then(|item| item.child("OptionIds")).expect("options");
        let options: Vec<_> = options.children.iter().map(|option| option.text.as_str()).collect();
        assert_eq!(options, ["o1", "o3"]);
        assert_eq!(root.value("TaskId"), Some("t1"));
    }

    #[test]
    fn a_menu_click_is_lower_case_here() {
        let platform = Platform::new().expect("a platform");
        let body = json!({ "key": "HELP" });
        let deed = deed(&platform, "click", body.as_object().expect("an object")).expect("a deed");
        let root = read(&write(&deed.fields)).expect("XML");
        assert_eq!(
            (root.value("Event"), root.value("EventKey")),
            (Some("click"), Some("HELP"))
        );
    }
}
