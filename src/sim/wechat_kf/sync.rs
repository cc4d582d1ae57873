//! What is there to pull? `sync_msg`: three days of items behind a cursor that the caller holds (/document/path/94670).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::{
    desk,
    desk::{Desk, Record},
};
use crate::sim::{
    door::Request,
    faults::{Fault, Kind},
    refusal::Refusal,
    weixin::text_of,
    world::{Millis, World},
};

const KEPT: Millis = 3 * 24 * 3600 * 1000;
const MINUTE: Millis = 60_000;
/// Default and maximum of `limit`.
const MOST: usize = 1000;

/// A place in one account's log; `turn` tells pages without items apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cursor {
    place: usize,
    turn: usize,
}

impl Cursor {
    fn write(self, desk: &str) -> String {
        let tag: String = desk.chars().rev().take(6).collect();
        URL_SAFE_NO_PAD.encode(format!("{tag}.{:x}.{:x}", self.place, self.turn))
    }

    /// One of this account; there is no documented code for another.
    fn read(text: &str, desk: &str) -> Option<Self> {
        let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let mut parts = plain.rsplitn(3, '.');
        let turn = usize::from_str_radix(parts.next()?, 16).ok()?;
        let place = usize::from_str_radix(parts.next()?, 16).ok()?;
        let found = Self { place, turn };
        (found.write(desk) == text).then_some(found)
    }
}

/// `POST /cgi-bin/kf/sync_msg`, as text: the items are written already.
pub fn sync(world: &mut World, id: &str, call: &Request<'_>, fault: Option<&Fault>) -> Result<String, Refusal> {
    let body = call.json()?;
    let now = world.now();
    let limit = limit(&body)?;
    let name = desk(world, id, &body)?.open_kfid.clone();
    admit(world, id, &name, &body, now)?;
    let desk = desk(world, id, &body)?;
    let asked = text_of(&body, "cursor").unwrap_or_default();
    let cursor = match asked {
        "" => Cursor::default(),
        text => Cursor::read(text, &name).ok_or_else(|| Refusal::new(40058, "invalid cursor"))?,
    };
    match fault.map(|fault| fault.kind) {
        Some(Kind::StuckPage) => return Ok(page(&[], asked, true)),
        Some(Kind::EmptyPage) => {
            let next = Cursor {
                turn: cursor.turn + 1,
                ..cursor
            };
            return Ok(page(&[], &next.write(&name), true));
        }
        _ => {}
    }
    let (items, place) = items(desk, cursor.place, limit, now);
    let has_more = place < desk.log.len();
    Ok(page(items, &Cursor { place, turn: 0 }.write(&name), has_more))
}

fn limit(body: &Value) -> Result<usize, Refusal> {
    if let Some(format) = body.get("voice_format")
        && !matches!(format.as_i64(), Some(0 | 1))
    {
        return Err(Refusal::code(40058));
    }
    match body.get("limit") {
        None => Ok(MOST),
        Some(limit) => match limit.as_u64().and_then(|limit| usize::try_from(limit).ok()) {
            Some(0) => Ok(MOST),
            Some(limit) if limit <= MOST => Ok(limit),
            _ => Err(Refusal::code(40058)),
        },
    }
}

/// With a token of a bell that is younger than ten minutes, or rationed without one.
fn admit(world: &mut World, id: &str, name: &str, body: &Value, now: Millis) -> Result<(), Refusal> {
    let token = text_of(body, "token").unwrap_or_default();
    if !token.is_empty() {
        let mut desks = world.desks.values().filter(|desk| desk.agent == id);
        let good = desks.any(|desk| desk.tokens.iter().any(|(known, until)| known == token && *until > now));
        return good.then_some(()).ok_or_else(|| Refusal::code(95007));
    }
    let Some(desk) = world.desks.get_mut(name).filter(|desk| desk.tokenless > 0) else {
        return Ok(());
    };
    desk.pulled.retain(|at| now - at < MINUTE);
    if desk.pulled.len() >= desk.tokenless {
        return Err(Refusal::code(45009));
    }
    desk.pulled.push(now);
    Ok(())
}

/// The items of a page and the place behind them. What is older than three days is gone.
fn items(desk: &Desk, from: usize, limit: usize, now: Millis) -> (&[Record], usize) {
    let rest = desk.log.get(from..).unwrap_or_default();
    let gone = rest.iter().take_while(|record| now - record.at >= KEPT).count();
    let rest = rest.get(gone..).unwrap_or_default();
    let most = match desk.page {
        0 => limit,
        page => page.min(limit),
    };
    let count = most.min(rest.len());
    (
        rest.get(..count).unwrap_or_default(),
        (from + gone + count).min(desk.log.len()),
    )
}

fn page(items: &[Record], next: &str, has_more: bool) -> String {
    let list: Vec<&str> = items.iter().map(|record| record.json.as_ref()).collect();
    format!(
        r#"{{"errcode":0,"errmsg":"ok","next_cursor":"{next}","has_more":{},"msg_list":[{}]}}"#,
        i32::from(has_more),
        list.join(",")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Cursor, Desk, KEPT, items, limit, page};

    fn desk(times: &[i64]) -> Desk {
        let mut desk = Desk::new("wk1", "ww1-kf");
        for (number, at) in times.iter().enumerate() {
            desk.keep(*at, &json!({ "msgid": number }));
        }
        desk
    }

    #[test]
    fn pages_follow_each_other_and_the_last_says_so() {
        let desk = desk(&[1, 2, 3]);
        let (first, place) = items(&desk, 0, 2, 10);
        assert_eq!((first.len(), place), (2, 2));
        let (second, place) = items(&desk, place, 2, 10);
        assert_eq!((second.len(), place), (1, 3));
        assert_eq!(items(&desk, 0, 2, 10).0.len(), 2, "an old place reads the same again");
        let text = page(first, "c", true);
        let read: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(read["has_more"], 1);
        assert_eq!(read["msg_list"][1]["msgid"], 1);
    }

    #[test]
    fn three_days_are_kept() {
        let desk = desk(&[0, 1, KEPT]);
        let (found, place) = items(&desk, 0, 10, KEPT);
        assert_eq!((found.len(), place), (2, 3));
    }

    #[test]
    fn a_cursor_is_of_one_account_and_of_one_place() {
        let cursor = Cursor { place: 17, turn: 3 };
        let text = cursor.write("wk00001.1");
        assert!(text.len() <= 64);
        assert_eq!(Cursor::read(&text, "wk00001.1"), Some(cursor));
        assert_eq!(Cursor::read(&text, "wk00002.2"), None);
        assert_eq!(Cursor::read("rubbish", "wk00001.1"), None);
    }

    #[test]
    fn a_thousand_is_the_most_and_the_default() {
        assert_eq!(limit(&json!({})), Ok(1000));
        assert_eq!(limit(&json!({ "limit": 100 })), Ok(100));
        assert!(limit(&json!({ "limit": 1001 })).is_err());
        assert!(limit(&json!({ "voice_format": 2 })).is_err());
    }
}
