//! How did the customer come in, and what did the link say? Entry parameters, the same on every channel.
//!
//! A carrier (QR scene, menu key, session-from, scene parameter) is kept verbatim; what it says is read after exactly one
//! decoding. Names the field knows become typed fields, the rest is kept, and what cannot be understood is said in
//! `problems` and costs nothing else.

pub mod cards;
mod names;

use std::collections::BTreeMap;

pub use names::fault;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::schema::v1::{Entry, entry::Origin};

/// From a parametric QR code; the scene without the platform's `qrscene_`.
pub fn from_qr_scene(scene: &str, json: bool) -> Entry {
    let mut entry = Entry {
        origin: Origin::QrScene as i32,
        qr_scene: scene.into(),
        ..Entry::default()
    };
    read(&mut entry, scene, json);
    entry
}

/// From the key of a menu item.
pub fn from_menu_key(key: &str, json: bool) -> Entry {
    let mut entry = Entry {
        origin: Origin::Menu as i32,
        menu_key: key.into(),
        ..Entry::default()
    };
    read(&mut entry, key, json);
    entry
}

/// From `scene` and `scene_param` of a WeChat-kf link.
pub fn from_kf_scene(scene: &str, scene_param: &str, json: bool) -> Entry {
    let mut entry = Entry {
        origin: Origin::KfScene as i32,
        scene: scene.into(),
        scene_param: scene_param.into(),
        ..Entry::default()
    };
    read(&mut entry, scene_param, json);
    entry
}

/// From a mini-program button's `session-from`.
pub fn from_session_from(text: &str, json: bool) -> Entry {
    let mut entry = Entry {
        origin: Origin::SessionFrom as i32,
        session_from: text.into(),
        ..Entry::default()
    };
    read(&mut entry, text, json);
    // A session-from exists on mini-programs alone.
    entry.opens_mini_program = true;
    entry
}

/// Of a mini-program that was entered without a `session-from`: where the customer is, and nothing of what brought them.
pub fn of_mini_program() -> Entry {
    Entry {
        opens_mini_program: true,
        ..Entry::default()
    }
}

/// Whether it holds no more than [`of_mini_program`]: such an entry takes no other's place, and leaves its own to any other.
pub fn says_nothing(entry: &Entry) -> bool {
    *entry == of_mini_program()
}

/// How much it says of what brought the customer: none, which menu item they tapped, or more. One that says less takes no
/// other's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    Nothing,
    /// A key without parameters. Somebody who came by a QR code and taps "contact us" still came by that code.
    Tap,
    Origin,
}

pub fn weight(entry: &Entry) -> Weight {
    let tap = || Entry {
        origin: Origin::Menu as i32,
        menu_key: entry.menu_key.clone(),
        // What could not be understood says nothing more.
        problems: entry.problems.clone(),
        ..Entry::default()
    };
    match entry {
        it if says_nothing(it) => Weight::Nothing,
        it if *it == tap() => Weight::Tap,
        _ => Weight::Origin,
    }
}

/// The entry token that the carrier names: `p=<token>`, alone or as one of its pairs.
pub fn token_of(entry: &Entry) -> Option<String> {
    let token = entry.params.get(TOKEN)?;
    let lawful = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let lawful = (1..=TOKEN_MAX).contains(&token.len()) && token.bytes().all(lawful);
    lawful.then(|| token.clone())
}

/// What was registered under a token, completed by what the carrier said. The registered values win: customers can write
/// links, only operators can register.
pub fn merge(registered: Entry, carried: Entry) -> Entry {
    let mut params = without_token(carried.params);
    params.extend(registered.params);
    let mut customer_fields = carried.customer_fields;
    customer_fields.extend(registered.customer_fields);
    let mut problems = registered.problems;
    problems.extend(carried.problems);
    let use_wxjs = registered.use_wxjs || carried.use_wxjs;
    let declared_source = registered.declared_source.or(carried.declared_source);
    Entry {
        origin: Origin::EntryToken as i32,
        scene: either(carried.scene, registered.scene),
        scene_param: either(carried.scene_param, registered.scene_param),
        session_from: either(carried.session_from, registered.session_from),
        qr_scene: either(carried.qr_scene, registered.qr_scene),
        menu_key: either(carried.menu_key, registered.menu_key),
        declared_source,
        use_wxjs,
        opens_mini_program: registered.opens_mini_program
            || carried.opens_mini_program
            || use_wxjs
            || declared_source == Some(SOURCE_MINI_PROGRAM),
        reception_mode: match registered.reception_mode {
            0 => carried.reception_mode,
            mode => mode,
        },
        robot_id: either(registered.robot_id, carried.robot_id),
        agent_id: either(registered.agent_id, carried.agent_id),
        agent_exclusive: registered.agent_exclusive.or(carried.agent_exclusive),
        group_id: either(registered.group_id, carried.group_id),
        transfer_action: registered.transfer_action.or(carried.transfer_action),
        partner_id: either(registered.partner_id, carried.partner_id),
        display_name: either(registered.display_name, carried.display_name),
        avatar_url: either(registered.avatar_url, carried.avatar_url),
        company_name: either(registered.company_name, carried.company_name),
        params,
        customer_fields,
        card: registered.card.or(carried.card),
        extra_json: merge_extra(&registered.extra_json, &carried.extra_json),
        problems,
    }
}

fn either(first: String, second: String) -> String {
    if first.is_empty() { second } else { first }
}

fn without_token(mut params: BTreeMap<String, String>) -> BTreeMap<String, String> {
    params.remove(TOKEN);
    params
}

fn merge_extra(registered: &str, carried: &str) -> String {
    let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
    let mut extra = object(carried);
    extra.extend(object(registered));
    extra_json(&extra)
}

fn extra_json(extra: &Map<String, Value>) -> String {
    if extra.is_empty() {
        String::new()
    } else {
        Value::Object(extra.clone()).to_string()
    }
}

/// What follows `sobot|`, the dialect that the vendor's mini-program guide made: `nick|avatar|{json or a=1&b=2}|…`.
fn dialect(text: &str) -> Option<&str> {
    let (name, rest) = text.split_once('|')?;
    name.trim().eq_ignore_ascii_case("sobot").then_some(rest)
}

/// The fourth part is JSON by definition, whatever the account reads elsewhere.
fn positions(entry: &mut Entry, text: &str, pairs: fn(&mut Entry, &str)) {
    let mut parts = text.splitn(3, '|');
    entry.display_name = parts.next().unwrap_or_default().trim().into();
    entry.avatar_url = parts.next().unwrap_or_default().trim().into();
    let rest = parts.next().unwrap_or_default();
    if !rest.trim_start().starts_with('{') {
        return pairs(entry, rest.trim());
    }
    // Further positions follow the JSON, whose own texts may hold bars: read one value and see what is left.
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Map<String, Value>>();
    match values.next() {
        Some(Ok(object)) => {
            let left = rest
                .get(values.byte_offset()..)
                .unwrap_or_default()
                .trim_matches(['|', ' ']);
            if !left.is_empty() {
                entry
                    .problems
                    .push("positions after the fourth are not understood".into());
            }
            apply(entry, object);
        }
        _ => entry.problems.push("the parameters are not a whole JSON object".into()),
    }
}

/// Reads a carrier's text: the dialect, pairs `a=1&b=2`, or JSON where the account allows it. Any other text is a plain name.
fn read(entry: &mut Entry, text: &str, json: bool) {
    let text = text.trim();
    if let Some(said) = dialect(text) {
        return positions(entry, said, |entry, rest| parameters(entry, rest, false));
    }
    // Encoded as a whole, as the makers of kf links do: this is the one decoding.
    match dialect(&decode(text)) {
        Some(said) => positions(entry, said, decoded_pairs),
        None => parameters(entry, text, json),
    }
}

fn parameters(entry: &mut Entry, text: &str, json: bool) {
    if text.starts_with('{') {
        return read_json(entry, text, json);
    }
    if text.contains('=') {
        return apply(entry, pairs(text, &decode));
    }
    let decoded = decode(text);
    if decoded.trim_start().starts_with('{') {
        read_json(entry, decoded.trim(), json);
    } else {
        decoded_pairs(entry, &decoded);
    }
}

fn decoded_pairs(entry: &mut Entry, text: &str) {
    if text.contains('=') {
        apply(entry, pairs(text, &str::to_owned));
    }
}

fn read_json(entry: &mut Entry, text: &str, json: bool) {
    if !json {
        entry
            .problems
            .push("raw JSON is not read here: the account has entry_json = false".into());
        return;
    }
    match serde_json::from_str::<Map<String, Value>>(text) {
        Ok(object) => apply(entry, object),
        Err(_) => entry.problems.push("the parameters are not a whole JSON object".into()),
    }
}

/// Of a doubled name the first counts.
fn pairs(text: &str, decode: &dyn Fn(&str) -> String) -> Map<String, Value> {
    let mut object = Map::new();
    for pair in text.trim_start_matches('?').split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        object
            .entry(decode(name))
            .or_insert_with(|| Value::String(decode(value)));
    }
    object
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Puts every named value where it belongs.
fn apply(entry: &mut Entry, object: Map<String, Value>) {
    let mut extra = Map::new();
    for (name, value) in object {
        if !names::take(entry, &name, &value) {
            let text = names::text(&value);
            entry.params.entry(name.clone()).or_insert(text);
            if name != TOKEN {
                extra.insert(name, value);
            }
        }
    }
    entry.extra_json = extra_json(&extra);
    entry.opens_mini_program = entry.use_wxjs || entry.declared_source == Some(SOURCE_MINI_PROGRAM);
}

const TOKEN: &str = "p";
const TOKEN_MAX: usize = 24;
/// The Sobot dictionary's number of the mini-program.
const SOURCE_MINI_PROGRAM: u32 = 10;

#[cfg(test)]
mod tests;
