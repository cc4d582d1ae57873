//! Does every body that a platform could send become an event that can be written? An authentic body may hold anything. The
//! first line says of which channel it is: a name of the registry, with `.page` where it is an answer to a pull.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use wxbridge::{
    channels::{
        REGISTRY,
        contract::{Account, Admitted, At, CallbackQuery, Channel, Inbound, Seal},
    },
    ports::platform::Answer,
    schema::{json, v1},
    secret::Secret,
    settings::AccountSettings,
};

const NOW: i64 = 1_752_000_000_000;

/// One account of every channel, made of what its card asks for.
static ACCOUNTS: LazyLock<Vec<(&'static str, Arc<dyn Account>)>> = LazyLock::new(|| {
    let open = |channel: &&dyn Channel| (channel.card().name, channel.open(&settings(*channel)).expect("lawful"));
    REGISTRY.iter().map(open).collect()
});

fn settings(channel: &dyn Channel) -> AccountSettings {
    let mut it = AccountSettings {
        id: "shop".into(),
        channel: channel.card().name.into(),
        entry_json: true,
        ..AccountSettings::default()
    };
    for field in channel.card().fields {
        match field.name {
            "app_id" => it.app_id = "wx2c2769f8efd9abc2".into(),
            "app_secret" => it.app_secret = Secret::new("secret"),
            "token" => it.token = Secret::new("token"),
            "encoding_aes_key" => it.encoding_aes_key = Secret::new("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"),
            "corp_id" => it.corp_id = "ww49f0ab532d5d035a".into(),
            "agent_id" => it.agent_id = "1000002".into(),
            "secret" => it.secret = Secret::new("secret"),
            _ => {}
        }
    }
    it
}

fuzz_target!(|seed: &[u8]| {
    let Some(end) = seed.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let (kind, body) = (String::from_utf8_lossy(&seed[..end]), &seed[end + 1..]);
    let (name, page) = kind.strip_suffix(".page").map_or((&*kind, false), |name| (name, true));
    let Some((_, account)) = ACCOUNTS.iter().find(|(known, _)| *known == name) else {
        return;
    };
    let said = if page {
        pulled(&**account, body)
    } else {
        pushed(&**account, body)
    };
    said.into_iter().for_each(written);
});

fn pushed(account: &dyn Account, body: &[u8]) -> Vec<Inbound> {
    let query = CallbackQuery {
        timestamp: "1752000000".into(),
        encrypt_type: "aes".into(),
        ..CallbackQuery::default()
    };
    assert!(account.admit(&query, body, NOW).is_err(), "unsigned");
    let admitted = Admitted {
        plain: body.to_vec(),
        seal: Seal::Plain,
        stamped: NOW,
        notes: Vec::new(),
    };
    let _ = (
        account.bell(&admitted),
        account.takes(&admitted),
        account.thanks(&admitted),
    );
    account.read(&admitted, NOW).into_iter().collect()
}

fn pulled(account: &dyn Account, body: &[u8]) -> Vec<Inbound> {
    let answer = Answer {
        status: 200,
        date: None,
        content_type: "application/json".into(),
        body: body.to_vec(),
    };
    let at = At {
        sub_id: "wk1",
        cursor: "",
        token: None,
    };
    let page = account.pulls().map(|pulls| pulls.read_page(&at, &answer, NOW));
    let items = page.and_then(Result::ok).map(|page| page.items).unwrap_or_default();
    items.into_iter().map(|item| item.inbound).collect()
}

fn written(inbound: Inbound) {
    let event = v1::Event {
        body: Some(inbound.body),
        entry: inbound.entry,
        platform_time: inbound.platform_time.map(wxbridge::schema::Timestamp::from_millis),
        ..v1::Event::default()
    };
    let bytes = json::to_vec(&event).expect("every event is JSON");
    let again: v1::Event = json::from_slice(&bytes, json::Unknown::Refuse).expect("and reads back");
    assert_eq!(again, event);
}
