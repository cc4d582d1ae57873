//! Does every body that the platform could send become an event that can be written? An authentic body may hold anything.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use wxbridge::{
    channels::{
        contract::{Account, Admitted, CallbackQuery, Seal},
        named,
    },
    schema::{json, v1},
    secret::Secret,
    settings::AccountSettings,
};

const NOW: i64 = 1_752_000_000_000;

static ACCOUNT: LazyLock<Arc<dyn Account>> = LazyLock::new(|| {
    let settings = AccountSettings {
        id: "shop".into(),
        channel: "official_account".into(),
        app_id: "wx1".into(),
        app_secret: Secret::new("secret"),
        token: Secret::new("token"),
        encoding_aes_key: Secret::new("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"),
        entry_json: true,
        ..AccountSettings::default()
    };
    named("official_account")
        .expect("registered")
        .open(&settings)
        .expect("lawful")
});

fuzz_target!(|body: &[u8]| {
    let query = CallbackQuery {
        timestamp: "1752000000".into(),
        encrypt_type: "aes".into(),
        ..CallbackQuery::default()
    };
    assert!(ACCOUNT.admit(&query, body, NOW).is_err(), "unsigned");
    let admitted = Admitted {
        plain: body.to_vec(),
        seal: Seal::Plain,
        stamped: NOW,
        notes: Vec::new(),
    };
    let Ok(inbound) = ACCOUNT.read(&admitted, NOW) else {
        return;
    };
    let event = v1::Event {
        body: Some(inbound.body),
        entry: inbound.entry,
        platform_time: inbound.platform_time.map(wxbridge::schema::Timestamp::from_millis),
        ..v1::Event::default()
    };
    let bytes = json::to_vec(&event).expect("every event is JSON");
    let again: v1::Event = json::from_slice(&bytes, json::Unknown::Refuse).expect("and reads back");
    assert_eq!(again, event);
});
