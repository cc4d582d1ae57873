//! Which entry parameters does the field know, and what may stand in each? Names as on Sobot's link and SDK pages.

use serde_json::{Map, Value};

use super::cards;
use crate::schema::{ListValue, v1::Entry};

/// Takes one parameter into its typed field; `false` where the name is not known. A value that makes no sense is dropped
/// and said in `problems`.
pub fn take(entry: &mut Entry, name: &str, value: &Value) -> bool {
    let said = text(value);
    match name {
        "type" => mode(entry, &said),
        "source" => source(entry, &said),
        "useWxjs" => entry.use_wxjs = said.trim().eq_ignore_ascii_case("true"),
        // robotFlag is the robot's number, in spite of its name.
        "robotid" | "robotFlag" => first(&mut entry.robot_id, said),
        "groupid" => first(&mut entry.group_id, said),
        "choose_adminid" => first(&mut entry.agent_id, said),
        "tran_flag" => exclusive(entry, &said),
        "transfer_action" => transfer_action(entry, value),
        "partnerid" => first(&mut entry.partner_id, said),
        "uname" | "nick" | "nickname" => first(&mut entry.display_name, said),
        "face" | "avatar" => first(&mut entry.avatar_url, said),
        "company_name" => company(entry, &said),
        "params" => return group(entry, name, value, |entry| &mut entry.params),
        "customer_fields" => return group(entry, name, value, |entry| &mut entry.customer_fields),
        "card_info" => return card(entry, value),
        _ => return false,
    }
    true
}

/// A value as text: strings bare, everything else as JSON.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn first(field: &mut String, said: String) {
    if field.is_empty() {
        *field = said;
    }
}

fn mode(entry: &mut Entry, said: &str) {
    match said.trim() {
        "" | "0" => {}
        known @ ("1" | "2" | "3" | "4") => entry.reception_mode = known.parse().unwrap_or_default(),
        other => entry.problems.push(format!("type {other:?} is none of 0 to 4")),
    }
}

/// The dictionary grows on the vendor's side, so a strange number is kept and marked.
fn source(entry: &mut Entry, said: &str) {
    let Ok(number) = said.trim().parse::<u32>() else {
        entry.problems.push(format!("source {said:?} is not a number"));
        return;
    };
    if !SOURCES.contains(&number) {
        entry.problems.push(format!("source {number} is unknown"));
    }
    entry.declared_source = Some(number);
}

fn exclusive(entry: &mut Entry, said: &str) {
    match said.trim() {
        "1" => entry.agent_exclusive = Some(true),
        "0" => entry.agent_exclusive = Some(false),
        other => entry.problems.push(format!("tran_flag {other:?} is neither 0 nor 1")),
    }
}

/// A list of at most four steps, as JSON or as JSON inside a text.
fn transfer_action(entry: &mut Entry, value: &Value) {
    let list = match value {
        Value::String(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        other => other.clone(),
    };
    let list = match list {
        Value::Array(steps) => ListValue::from(steps),
        _ => {
            let problem = format!("transfer_action is not a JSON list of at most {TRANSFER_STEPS_MAX} steps");
            return entry.problems.push(problem);
        }
    };
    if let Some(fault) = too_much(&list) {
        return entry.problems.push(format!("transfer_action {fault}"));
    }
    if list.is_rounded() {
        entry.problems.push(format!("transfer_action {ROUNDED}"));
    }
    entry.transfer_action = Some(list);
}

/// What nobody takes of such a list, in words.
fn too_much(list: &ListValue) -> Option<String> {
    if list.values.len() > TRANSFER_STEPS_MAX {
        return Some(format!("has more than {TRANSFER_STEPS_MAX} steps"));
    }
    let deep = list.depth() > TRANSFER_DEPTH_MAX;
    deep.then(|| format!("is nested deeper than {TRANSFER_DEPTH_MAX}"))
}

/// What is registered obeys the rules of a link, and who registers can mend it: the first fault, by its field's name.
pub fn fault(registered: &Entry) -> Option<String> {
    if registered.reception_mode > MODE_MAX {
        return Some(format!(
            "receptionMode is {}, expected 0 to {MODE_MAX}",
            registered.reception_mode
        ));
    }
    if registered.company_name.chars().count() > COMPANY_CHARS_MAX {
        return Some(format!("companyName is longer than {COMPANY_CHARS_MAX} characters"));
    }
    let extra = &registered.extra_json;
    if !extra.is_empty() && serde_json::from_str::<Map<String, Value>>(extra).is_err() {
        return Some("extraJson is not a JSON object".to_owned());
    }
    let list = registered.transfer_action.as_ref()?;
    let fault = too_much(list).or_else(|| list.is_rounded().then(|| format!("{ROUNDED}: write it as a text")));
    fault.map(|fault| format!("transferAction {fault}"))
}

fn company(entry: &mut Entry, said: &str) {
    if said.chars().count() > COMPANY_CHARS_MAX {
        let problem = format!("company_name is longer than {COMPANY_CHARS_MAX} characters and was cut");
        entry.problems.push(problem);
    }
    entry.company_name = said.chars().take(COMPANY_CHARS_MAX).collect();
}

/// A JSON object of texts, also where it comes as a text. Anything else is no such group: kept like an unknown name.
fn group(
    entry: &mut Entry,
    name: &str,
    value: &Value,
    field: fn(&mut Entry) -> &mut std::collections::BTreeMap<String, String>,
) -> bool {
    let parsed = match value {
        Value::String(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        other => other.clone(),
    };
    let Value::Object(object) = parsed else {
        entry.problems.push(format!("{name} is not a JSON object"));
        return false;
    };
    for (key, value) in object {
        field(entry).insert(key, text(&value));
    }
    true
}

/// Kept like an unknown name beside: ours has no place for all that the vendor's says.
fn card(entry: &mut Entry, value: &Value) -> bool {
    match cards::read(value) {
        Some(card) => entry.card = Some(card),
        None => entry.problems.push("card_info is not a JSON object".into()),
    }
    false
}

/// The vendor's channel dictionary: 0 pc, 1 WeChat, 2 app, 3 Weibo, 4 h5, 6 call, 7 ticket, 8 customer centre, 9 WeCom,
/// 10 mini-program, 12 Baidu, 13 Toutiao, 17 WeChat kf.
const SOURCES: &[u32] = &[0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 12, 13, 17];
const MODE_MAX: u32 = 4;
const TRANSFER_STEPS_MAX: usize = 4;
/// A step is flat. Far below what a message may be nested and still be read.
const TRANSFER_DEPTH_MAX: usize = 16;
const ROUNDED: &str = "holds a number of 2^53 or more, which is kept as the nearest one that fits";
const COMPANY_CHARS_MAX: usize = 200;
