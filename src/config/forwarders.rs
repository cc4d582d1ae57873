//! Which forwarders are configured? The `[[forwarder]]` tables.

use std::collections::BTreeSet;

use super::{
    cores::{NAME, name, unique, whole_url},
    reader::{HTTP_URL, Reading, Table},
};
use crate::forward::settings::{Forwarder, Kind, Mode};

pub fn read_forwarders(root: &mut Table<'_>, reading: &Reading) -> Vec<Forwarder> {
    let mut names = BTreeSet::new();
    let mut shown = Vec::new();
    let mut forwarders = Vec::new();
    for mut table in root.tables("forwarder") {
        let forwarder = read_forwarder(&mut table);
        unique(&table, &mut names);
        if let Some(forwarder) = &forwarder
            && forwarder.mode == Mode::SobotMd5
        {
            reading.note(format!(
                "{}.mode: sobot-md5 signs neither body nor type; use it only where the receiver knows nothing better",
                table.path
            ));
        }
        shown.push(table.finish());
        forwarders.extend(forwarder);
    }
    root.show_tables("forwarder", shown);
    forwarders
}

fn read_forwarder(it: &mut Table<'_>) -> Option<Forwarder> {
    it.require("name", NAME);
    it.require("url", HTTP_URL);
    let name = it.parse("name", NAME, name);
    let url = it.parse(
        "url",
        "an address such as \"https://archive.example/records\", without credentials",
        whole_url,
    );
    it.mask_query("url");
    let types = read_types(it);
    let key = read_key(it);
    let modes = [Mode::HmacSha256, Mode::SobotMd5].map(|mode| (mode.name(), mode));
    let mode = match it.has("mode") {
        true => it.one_of("mode", &modes),
        false => Some(Mode::default()),
    };
    let company_id = it.text("company_id").unwrap_or_default();
    if mode == Some(Mode::SobotMd5) && company_id.is_empty() {
        it.fault("company_id", "nothing", "the company's id: sobot-md5 signs it");
    }
    let (encrypt, legacy_plain) = (it.flag("encrypt"), it.flag("legacy_plain"));
    if mode == Some(Mode::SobotMd5) && encrypt == Some(true) {
        it.fault(
            "encrypt",
            "true with mode \"sobot-md5\"",
            "mode \"hmac-sha256\", or false",
        );
    }
    for (key, value) in [("mode", Mode::default().name()), ("company_id", "")] {
        it.show_default(key, value);
    }
    Some(Forwarder {
        name: name?,
        url: url?,
        types: types?,
        key: key?,
        mode: mode?,
        company_id,
        encrypt: encrypt.unwrap_or(false),
        legacy_plain: legacy_plain.unwrap_or(false),
    })
}

/// At least one, each once.
fn read_types(it: &mut Table<'_>) -> Option<Vec<Kind>> {
    const EXPECTED: &str = "a record type: conversation, evaluation, user, userinfo, msg or summary";
    let before = it.faults();
    let types: BTreeSet<Kind> = it
        .list("types", EXPECTED, Kind::parse)
        .unwrap_or_default()
        .into_iter()
        .collect();
    if types.is_empty() {
        // What could not be read is not missing as well.
        if it.faults() == before {
            it.fault("types", "none", EXPECTED);
        }
        return None;
    }
    Some(types.into_iter().collect())
}

fn read_key(it: &mut Table<'_>) -> Option<crate::secret::Secret> {
    let written = if it.has("key_file") { "key_file" } else { "key" };
    let before = it.faults();
    let key = it.secret("key").unwrap_or_default();
    if key.is_empty() {
        if it.faults() == before {
            it.fault(written, "nothing", "the key that is shared with the receiver");
        }
        return None;
    }
    Some(key)
}
