//! How is `sync_msg` asked, and what does it answer?
//!
//! <https://developer.work.weixin.qq.com/document/path/94670>. A cursor is a position that we hold: reading moves nothing, and
//! a cursor read again brings the same items. `has_more` counts even where a page is empty.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    codes::TABLE,
    item,
    split::{Split, split},
};
use crate::{
    channels::common::answers::{self, Reading, Refusal},
    channels::contract::{At, Listed, PullFault, PulledPage, Verdict},
    ports::{
        clock::Millis,
        platform::{Answer, Call},
    },
    schema::v1,
    settings::AccountSettings,
};

/// Items of one page: small enough that a welcome code, which lives 20 s, is seen in time, and that one commit holds up
/// nobody.
const LIMIT: u32 = 200;
/// Accounts of one list page, the most there is.
const LIST: usize = 100;

pub const SYNC: &str = "/cgi-bin/kf/sync_msg";
const ACCOUNTS: &str = "/cgi-bin/kf/account/list";

/// The smallest question that shows whether this secret may ask at all.
pub fn probe() -> Call {
    Call::post(ACCOUNTS, json!({ "offset": 0, "limit": 1 }))
}

/// Asks for what follows a cursor.
pub fn page(at: &At<'_>) -> Call {
    let mut body = json!({ "limit": LIMIT, "voice_format": 0, "open_kfid": at.sub_id });
    if !at.cursor.is_empty() {
        body["cursor"] = at.cursor.into();
    }
    if let Some(token) = at.token {
        body["token"] = token.into();
    }
    Call::post(SYNC, &body)
}

/// Reads a page, each item by itself.
pub fn read(settings: &AccountSettings, at: &At<'_>, answer: &Answer, now: Millis) -> Result<PulledPage, PullFault> {
    if answer.status != 200 {
        return Err(down(&format!("the platform answered HTTP {}", answer.status)));
    }
    // A page that is not UTF-8 throughout is read all the same: only the item with the odd byte is the worse for it.
    let text = String::from_utf8_lossy(&answer.body);
    let page = split(text.trim_start_matches('\u{feff}')).ok_or_else(|| down("a page that breaks off"))?;
    match code(&page) {
        Some(0) => {}
        Some(code) => {
            return Err(fault(
                at,
                code,
                &serde_json::from_str::<String>(page.errmsg).unwrap_or_default(),
            ));
        }
        None => return Err(down("the answer has no errcode")),
    }
    if page.listless {
        // Taken as an empty page, its cursor would skip what it holds.
        return Err(down("the answer's msg_list is no list"));
    }
    let mut twins: HashMap<&str, usize> = HashMap::new();
    let items = page.items.iter().map(|raw| {
        let twin = twins.entry(*raw).or_default();
        let read = item::read(settings, at, raw, *twin, now);
        *twin += 1;
        read
    });
    Ok(PulledPage {
        items: items.collect(),
        next: serde_json::from_str(page.next_cursor).unwrap_or_default(),
        more: page.has_more == "true" || truthy(page.has_more),
    })
}

fn code(page: &Split<'_>) -> Option<i64> {
    page.errcode.trim_matches('"').trim().parse().ok()
}

/// A token that is not honoured, seen without reading the items: everything else is [`read`]'s to tell.
pub fn refused_token(answer: &Answer) -> Option<i64> {
    let text = std::str::from_utf8(&answer.body).ok()?;
    split(text).as_ref().and_then(code).filter(|code| *code != 0)
}

/// A number that is not 0, also where it is written as text.
fn truthy(value: &str) -> bool {
    value
        .trim_matches('"')
        .trim()
        .parse::<i64>()
        .is_ok_and(|number| number != 0)
}

/// Asks which accounts there are.
pub fn list(from: usize) -> Call {
    Call::post(ACCOUNTS, json!({ "offset": from, "limit": LIST }))
}

/// The accounts that this credential may pull; an answer without the privilege is of the time before there was one.
pub fn listed(from: usize, answer: &Answer) -> Result<Listed, PullFault> {
    let body = match answers::read(answer) {
        Reading::Ok(body) => body,
        Reading::Refused(refusal) => return Err(from_verdict(answers::verdict(TABLE, &refusal))),
        Reading::NoCode(_) => return Err(down("the answer has no errcode")),
        Reading::Broken(why) => return Err(down(&why)),
        Reading::Status(status) => return Err(from_verdict(answers::refused_by_http(status))),
    };
    let all = body
        .get("account_list")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let managed = |account: &&Value| account.get("manage_privilege").and_then(Value::as_bool) != Some(false);
    let id = |account: &Value| Some(account.get("open_kfid")?.as_str()?.to_owned()).filter(|id| !id.is_empty());
    Ok(Listed {
        sub_ids: all.iter().filter(managed).filter_map(id).collect(),
        next: (all.len() >= LIST).then_some(from + all.len()),
    })
}

pub fn fault(at: &At<'_>, code: i64, message: &str) -> PullFault {
    let refusal = Refusal {
        code,
        message: message.to_owned(),
        rid: String::new(),
    };
    let verdict = answers::verdict(TABLE, &refusal);
    let error = match verdict {
        Verdict::RetryLater(error)
        | Verdict::Unknown(error)
        | Verdict::RefreshToken(error)
        | Verdict::UploadAgain(error)
        | Verdict::Failed { error, .. } => error,
        Verdict::Done { .. } => v1::Error::default(),
    };
    match code {
        95007 => PullFault::Token(error),
        45009 => PullFault::TooOften(error),
        45033 => PullFault::TooMany(error),
        -1 => PullFault::Later(error),
        // No code is documented for a cursor that is refused; with one, a parameter error may be it.
        40058 | 40035 if !at.cursor.is_empty() => PullFault::Cursor(error),
        _ => PullFault::Shut(error),
    }
}

pub fn down(why: &str) -> PullFault {
    from_verdict(answers::down(why))
}

pub fn from_verdict(verdict: Verdict) -> PullFault {
    match verdict {
        Verdict::RetryLater(error) | Verdict::Unknown(error) => PullFault::Later(error),
        Verdict::Failed { error, .. } | Verdict::RefreshToken(error) | Verdict::UploadAgain(error) => {
            PullFault::Shut(error)
        }
        Verdict::Done { .. } => PullFault::Later(v1::Error::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page_of(body: &str) -> Result<PulledPage, PullFault> {
        let at = At {
            sub_id: "wk1",
            cursor: "c1",
            token: None,
        };
        let answer = Answer::json(200, body.as_bytes());
        read(&AccountSettings::default(), &at, &answer, 1_766_200_000_000)
    }

    #[test]
    fn a_page_whose_items_are_no_list_is_not_taken_and_asked_for_again() {
        for list in [
            r#"{"msgid":"m1","msgtype":"text"}"#,
            r#""[]""#,
            r#""""#,
            "7",
            "false",
            r#"[],"msg_list":{}"#,
        ] {
            let body = format!(r#"{{"errcode":0,"errmsg":"ok","next_cursor":"c2","has_more":0,"msg_list":{list}}}"#);
            match page_of(&body) {
                Err(PullFault::Later(error)) => {
                    assert!(!error.code.is_empty() && !error.remedy.is_empty(), "{list}: {error:?}");
                    assert!(error.platform_message.contains("msg_list"), "{list}: {error:?}");
                }
                other => panic!("{list}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_page_without_items_is_empty_and_a_refusal_counts_first() {
        for list in [r#","msg_list":null"#, r#","msg_list":[]"#, ""] {
            let page = page_of(&format!(r#"{{"errcode":0,"next_cursor":"c2","has_more":1{list}}}"#)).expect("a page");
            assert!(page.items.is_empty() && page.next == "c2" && page.more, "{list}");
        }
        let refused = page_of(r#"{"errcode":95007,"errmsg":"invalid token","msg_list":{}}"#);
        assert!(matches!(refused, Err(PullFault::Token(_))), "{refused:?}");
    }
}
