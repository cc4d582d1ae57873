//! What can a customer of 微信客服 do? Come in, say something of any kind, take it back: each becomes an item and a bell
//! (/document/path/94670).

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    client,
    desk::{Code, Desk},
    rung,
};
use crate::sim::{
    ask::{Ask, Upload},
    phone::{Customer, Entry},
    platform::Platform,
    push::{Control, Outcome},
    world::{Millis, World},
};

const WELCOME: Millis = 20_000;
const MIB: usize = 1024 * 1024;

/// Something said, before it is an item.
struct Said {
    kind: String,
    /// The object of that name; nothing for kinds without one.
    content: Value,
    shown: Value,
    upload: Vec<Upload>,
    click: bool,
}

/// Lets a customer, or a servicer in the company's client, do something, and rings.
pub async fn act(
    platform: &Arc<Platform>,
    open_kfid: &str,
    customer: &str,
    action: &str,
    body: &Map<String, Value>,
    control: Control,
) -> Result<Outcome, String> {
    let mut outcome = happen(platform, open_kfid, customer, action, body, &control)?;
    platform.touch();
    if control.attempts == Some(0) || outcome.outcome == "silent" {
        outcome.outcome = "untold";
        return Ok(outcome);
    }
    if control.wait == Some(false) {
        let (platform, open_kfid) = (platform.clone(), open_kfid.to_owned());
        actix_web::rt::spawn(async move {
            rung(&platform, &open_kfid, control, &mut Outcome::default()).await;
        });
        outcome.outcome = "started";
        return Ok(outcome);
    }
    rung(platform, open_kfid, control, &mut outcome).await;
    Ok(outcome)
}

fn happen(
    platform: &Platform,
    open_kfid: &str,
    customer: &str,
    action: &str,
    body: &Map<String, Value>,
    control: &Control,
) -> Result<Outcome, String> {
    let ask = Ask { platform, body };
    let said = said(&ask, action)?;
    let mut guard = platform.world();
    let world = &mut *guard;
    let now = world.now();
    let mut outcome = Outcome {
        create_time: control.create_time.unwrap_or(now / 1000),
        ..Outcome::default()
    };
    meet(world, open_kfid, customer, now);
    match said {
        Some(said) => say(world, &ask, (open_kfid, customer), said, control, &mut outcome)?,
        None => other(world, &ask, (open_kfid, customer), action, &mut outcome)?,
    }
    Ok(outcome)
}

/// The account knows the customer from now on.
fn meet(world: &mut World, open_kfid: &str, customer: &str, now: Millis) {
    let key = (open_kfid.to_owned(), customer.to_owned());
    let met = world.customers.entry(key).or_insert_with(|| Customer {
        follows: true,
        ..Customer::default()
    });
    met.acted = now;
}

fn say(
    world: &mut World,
    ask: &Ask<'_>,
    (open_kfid, customer): (&str, &str),
    said: Said,
    control: &Control,
    outcome: &mut Outcome,
) -> Result<(), String> {
    let (now, seq) = (world.now(), world.number());
    let corp = client::corp(world, open_kfid);
    for file in said.upload {
        world.keep(file.id, &corp, file.kind, file.label, file.bytes);
    }
    let desk = world.desks.get_mut(open_kfid).ok_or("no such account")?;
    let (reception, opens) = (desk.reception.clone(), !said.click || desk.taps_open);
    desk.session(customer).written(now, &reception, said.click, opens);
    let msgid = control.wanted_id().unwrap_or_else(|| ask.platform.letters(24));
    let item = item(desk, &msgid, customer, outcome.create_time, &said.kind, said.content);
    desk.keep(now, &item);
    outcome.msg_id = Some(msgid);
    if let Some(customer) = world.customer_mut(open_kfid, customer) {
        outcome
            .shown
            .push(customer.show(seq, now, Entry::customer(&said.kind, said.shown)));
    }
    Ok(())
}

/// An item of something said by the customer.
fn item(desk: &Desk, msgid: &str, customer: &str, time: i64, kind: &str, content: Value) -> Value {
    let mut item = json!({
        "msgid": msgid, "open_kfid": desk.open_kfid, "external_userid": customer,
        "send_time": time, "origin": 3, "msgtype": kind,
    });
    if let (Some(item), false) = (item.as_object_mut(), content.is_null()) {
        item.insert(kind.to_owned(), content);
    }
    item
}

/// What a customer says, if the action is that.
fn said(ask: &Ask<'_>, action: &str) -> Result<Option<Said>, String> {
    let plain = |kind: &str, content: Value, shown: Value| Said {
        kind: kind.to_owned(),
        content,
        shown,
        upload: Vec::new(),
        click: false,
    };
    Ok(Some(match action {
        "text" => {
            let content = ask.need("content")?;
            plain("text", json!({ "content": content }), json!({ "text": content }))
        }
        "tap" => {
            let (id, content) = (ask.need("id")?, ask.need("content")?);
            Said {
                click: true,
                ..plain(
                    "text",
                    json!({ "content": content, "menu_id": id }),
                    json!({ "text": content }),
                )
            }
        }
        "image" => file(ask, "image", 2)?,
        "voice" => file(ask, "voice", 2)?,
        "video" => file(ask, "video", 10)?,
        "file" => file(ask, "file", 20)?,
        "location" => location(ask)?,
        "link" => {
            let (title, url) = (ask.or("title", "A page"), ask.or("url", "https://example.org/p/1"));
            let text = ask.or("description", "What it says");
            let content = json!({ "title": title, "desc": text, "url": url, "pic_url": "https://example.org/p.png" });
            plain(
                "link",
                content,
                json!({ "title": title, "description": text, "url": url }),
            )
        }
        "card" => mini_program(ask),
        "message" => {
            let kind = ask.need("type")?;
            let content = ask.body.get("fields").cloned().unwrap_or(Value::Null);
            plain(&kind, content, json!({}))
        }
        _ => return Ok(None),
    }))
}

/// A file; one that is too large arrives as a text that says so.
fn file(ask: &Ask<'_>, kind: &'static str, most: usize) -> Result<Said, String> {
    let file = ask.file(kind)?;
    let shown = json!({ "media": file.url(), "name": file.label.0 });
    let (kind, content) = if file.bytes.len() > most * MIB {
        ("text", json!({ "content": "[该消息文件过大，暂不支持接收]" }))
    } else {
        (kind, json!({ "media_id": file.id }))
    };
    Ok(Said {
        kind: kind.to_owned(),
        content,
        shown,
        upload: vec![file],
        click: false,
    })
}

fn location(ask: &Ask<'_>) -> Result<Said, String> {
    let number = |name: &str, default: &str| {
        let text = ask.or(name, default);
        text.parse::<f64>().map_err(|_| format!("{name} is no number"))
    };
    let (x, y) = (number("latitude", "31.230416")?, number("longitude", "121.473701")?);
    let label = ask.or("label", "上海市黄浦区人民大道");
    Ok(Said {
        kind: "location".to_owned(),
        content: json!({ "latitude": x, "longitude": y, "name": label, "address": label }),
        shown: json!({ "latitude": x, "longitude": y, "label": label }),
        upload: Vec::new(),
        click: false,
    })
}

fn mini_program(ask: &Ask<'_>) -> Said {
    let thumb = ask.thumb();
    let (title, path) = (ask.or("title", "订单详情"), ask.or("path", "pages/order.html?id=7"));
    let app_id = ask.or("app_id", "wx00000000000000aa");
    Said {
        kind: "miniprogram".to_owned(),
        content: json!({ "title": title, "appid": app_id, "pagepath": path, "thumb_media_id": thumb.id }),
        shown: json!({ "title": title, "path": path, "app_id": app_id }),
        upload: vec![thumb],
        click: false,
    }
}

/// What is done without saying something, by the customer or in the company's client.
fn other(
    world: &mut World,
    ask: &Ask<'_>,
    (open_kfid, customer): (&str, &str),
    action: &str,
    outcome: &mut Outcome,
) -> Result<(), String> {
    match action {
        "enter" => enter(world, ask, (open_kfid, customer), outcome),
        "recall" => {
            let fields = json!({ "recall_msgid": ask.need("msgid")? });
            let now = world.now();
            let desk = world.desks.get_mut(open_kfid).ok_or("no such account")?;
            outcome.msg_id = Some(desk.tell(ask.platform, now, "user_recall_msg", Some(customer), fields));
            Ok(())
        }
        "item" => {
            let item = ask.body.get("item").cloned().ok_or("\"item\" is missing")?;
            let now = world.now();
            let desk = world.desks.get_mut(open_kfid).ok_or("no such account")?;
            desk.keep(now, &item);
            Ok(())
        }
        "backlog" => backlog(world, ask, open_kfid, outcome),
        "bell" => Ok(()),
        _ => client::act(world, ask, (open_kfid, customer), action, outcome),
    }
}

/// The chat is opened, by a link with `scene` and `scene_param`, or from 视频号.
fn enter(
    world: &mut World,
    ask: &Ask<'_>,
    (open_kfid, customer): (&str, &str),
    outcome: &mut Outcome,
) -> Result<(), String> {
    let (now, seq) = (world.now(), world.number());
    let mut fields = json!({ "scene": ask.or("scene", ""), "scene_param": ask.or("scene_param", "") });
    let channels = ask.body.get("wechat_channels").cloned();
    if let (Some(fields), Some(channels)) = (fields.as_object_mut(), channels) {
        fields.insert("wechat_channels".to_owned(), channels);
    }
    let desk = world.desks.get_mut(open_kfid).ok_or("no such account")?;
    let session = desk.session(customer);
    session.entered = Some((now, fields.clone()));
    if session.welcomes(now) {
        let code = ask.platform.letters(40);
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("welcome_code".to_owned(), code.clone().into());
        }
        let allowed = Code {
            customer: customer.to_owned(),
            expires: now + WELCOME,
            while_in: None,
            menus: true,
            welcomes: true,
            used: false,
        };
        desk.codes.insert(code, allowed);
    }
    outcome.msg_id = Some(desk.tell(ask.platform, now, "enter_session", Some(customer), fields));
    if let Some(customer) = world.customer_mut(open_kfid, customer) {
        let entry = Entry::deed("enter_session", &ask.or("scene", ""));
        outcome.shown.push(customer.show(seq, now, entry));
    }
    Ok(())
}

/// Many texts of many customers that nobody was told of: `count`, `customers`, `content`, `age` seconds ago.
fn backlog(world: &mut World, ask: &Ask<'_>, open_kfid: &str, outcome: &mut Outcome) -> Result<(), String> {
    let number = |name: &str, default: i64| ask.body.get(name).and_then(Value::as_i64).unwrap_or(default);
    let (count, customers) = (number("count", 1000).clamp(0, 1_000_000), number("customers", 1).max(1));
    let at = world.now() - number("age", 0) * 1000;
    let content = ask.or("content", "在吗");
    for customer in 0..customers.min(count) {
        meet(world, open_kfid, &format!("wmBACKLOG{customer:06}"), at);
    }
    let desk = world.desks.get_mut(open_kfid).ok_or("no such account")?;
    let reception = desk.reception.clone();
    let first = desk.log.len();
    for number in 0..count {
        let customer = format!("wmBACKLOG{:06}", number % customers);
        let msgid = format!("BACKLOG{first:06}{number:08}");
        let content = json!({ "content": format!("{content} {number}") });
        desk.session(&customer).written(at, &reception, false, true);
        let item = item(desk, &msgid, &customer, at / 1000, "text", content);
        desk.keep(at, &item);
    }
    outcome.outcome = "silent";
    Ok(())
}
