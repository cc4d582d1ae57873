//! The release test (全网发布接入检测): the platform plays its own accounts and looks at every answer
//! (/doc/oplatform/Third-party_Platforms/2.0/operation/thirdparty/releases_instructions.html).

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{Component, notices};
use crate::sim::{
    phone::From,
    platform::Platform,
    push::{Asked, Control, Round, Verdict, deliver, dress, judge},
    weixin::{Account, Allowance, Trigger},
    wire::xml::{Node, write},
    world::Channel,
};

/// AppID and user name of the official account and of the mini-program of each group.
const GROUPS: [[(&str, &str); 2]; 5] = [
    [
        ("wx570bc396a51b8ff8", "gh_3c884a361561"),
        ("wxd101a85aa106f53e", "gh_8dad206e9538"),
    ],
    [
        ("wx9252c5e0bb1836fc", "gh_c0f28a78b318"),
        ("wxc39235c15087f6f3", "gh_905ae9d01059"),
    ],
    [
        ("wx8e1097c5bc82cde9", "gh_3f222ed8d140"),
        ("wx7720d01d4b2a4500", "gh_393666f1fdf4"),
    ],
    [
        ("wx14550af28c71a144", "gh_26128078e9ab"),
        ("wx05d483572dcd5d8b", "gh_39abb5d4e1b7"),
    ],
    [
        ("wxa35b9c23cfe664eb", "gh_2b3713f184a6"),
        ("wx5910277cae6fd970", "gh_7818dcb60240"),
    ],
];
const TESTER: &str = "oReleaseTester";
/// The answer by the API must come promptly.
const PROMPT: Duration = Duration::from_secs(5);

/// Plays every case with the accounts of this group (1 to 5).
pub async fn play(platform: &Arc<Platform>, id: &str, group: usize) -> Result<Value, String> {
    let accounts = GROUPS.get(group.wrapping_sub(1)).ok_or("groups are 1 to 5")?;
    let mut cases = Vec::new();
    let told = notices::ticket(platform, id, &Control::default()).await?;
    cases.push(case("ticket", told.outcome == "success", told.outcome));
    for ((app_id, name), channel) in accounts.iter().zip([Channel::OfficialAccount, Channel::MiniProgram]) {
        let mut account = Account::new(platform, channel);
        account.app_id = (*app_id).to_owned();
        account.original_id = (*name).to_owned();
        platform
            .world()
            .accounts
            .insert(account.app_id.clone(), account.clone());
        if channel == Channel::OfficialAccount {
            let said = say(platform, id, &account, &text("TESTCOMPONENT_MSG_TYPE_TEXT")).await?;
            cases.push(expected("text", &said, "TESTCOMPONENT_MSG_TYPE_TEXT_callback"));
            let event = [("MsgType", "event"), ("Event", "LOCATION")];
            let said = say(platform, id, &account, &event).await?;
            cases.push(expected("event", &said, "LOCATIONfrom_callback"));
        }
        cases.push(by_api(platform, id, &account).await?);
        let mut world = platform.world();
        world.accounts.remove(*app_id);
        if let Some(component) = world.components.get_mut(id) {
            component.grants.remove(*app_id);
        }
    }
    let passed = cases.iter().all(|case| case.get("passed") == Some(&Value::Bool(true)));
    Ok(json!({ "passed": passed, "cases": cases }))
}

fn case(name: &str, passed: bool, seen: impl Into<Value>) -> Value {
    json!({ "case": name, "passed": passed, "seen": seen.into() })
}

fn text(content: &str) -> [(&str, &str); 2] {
    [("MsgType", "text"), ("Content", content)]
}

fn expected(name: &str, said: &Verdict, wanted: &str) -> Value {
    let seen = match said {
        Verdict::Reply(entry) => entry
            .content
            .get("text")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        other => format!("{other:?}"),
    };
    case(name, seen == wanted, seen)
}

/// The code comes in a message; the answer is empty at once, and by the API right after.
async fn by_api(platform: &Arc<Platform>, id: &str, account: &Account) -> Result<Value, String> {
    let code = {
        let mut world = platform.world();
        let now = world.now();
        let component = world.components.get_mut(id).ok_or("no such platform")?;
        component.authorize(platform, &account.app_id, vec![1, 19], now)
    };
    let name = match account.channel {
        Channel::MiniProgram => "api, mini-program",
        _ => "api",
    };
    let content = format!("QUERY_AUTH_CODE:{code}");
    let said = say(platform, id, account, &text(&content)).await?;
    if !matches!(said, Verdict::Empty) {
        return Ok(case(name, false, format!("{said:?}")));
    }
    let wanted = format!("{code}_from_api");
    let seen = platform
        .poll(PROMPT, |world| {
            let customer = world.customer(&account.app_id, TESTER);
            let shown = customer.into_iter().flat_map(|it| it.chat.iter());
            let texts: Vec<_> = shown
                .filter(|item| item.from == From::Account)
                .filter_map(|item| item.content.get("text").and_then(Value::as_str).map(str::to_owned))
                .collect();
            (texts.contains(&wanted), texts.join(" "))
        })
        .await;
    Ok(case(name, seen == wanted, seen))
}

async fn say(platform: &Platform, id: &str, account: &Account, fields: &[(&str, &str)]) -> Result<Verdict, String> {
    let (component, now): (Component, i64) = {
        let mut world = platform.world();
        let now = world.now();
        let key = (account.app_id.clone(), TESTER.to_owned());
        let customer = world.customers.entry(key).or_default();
        customer.follows = true;
        customer.acted = now;
        customer.allowance = Some(Allowance::open(None, Trigger::Message, now));
        (world.components.get(id).cloned().ok_or("no such platform")?, now)
    };
    let mut document = vec![
        ("ToUserName".to_owned(), Node::text(account.original_id.clone())),
        ("FromUserName".to_owned(), Node::text(TESTER)),
        ("CreateTime".to_owned(), Node::number(now / 1000)),
    ];
    document.extend(
        fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Node::text(*value))),
    );
    document.push(("MsgId".to_owned(), Node::number(platform.digits(16))));
    let inner = write(&document);
    let clear = vec![("ToUserName", account.original_id.clone())];
    let sender = component.sender(clear, Some(TESTER));
    let control = Control::default();
    let url = component.message_url.replace("$APPID$", &account.app_id);
    let round = Round::new(&url, 1, 5000, 0, &control);
    let event = fields
        .iter()
        .find(|(name, _)| *name == "Event")
        .map(|(_, event)| *event);
    let asked = Asked {
        channel: account.channel,
        sender: &sender,
        to: TESTER,
        from: &account.original_id,
        owner: &account.app_id,
        event,
    };
    let (_, verdict) = deliver(
        platform,
        &round,
        || dress(platform, &sender, &inner, &control),
        |body| judge(&platform.world(), &asked, body),
    )
    .await;
    Ok(verdict)
}
