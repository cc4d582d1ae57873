//! Who is a customer? The platform tells for those who acted within 48 hours, a hundred at a time
//! (<https://developer.work.weixin.qq.com/document/path/95159>).

use serde_json::{Value, json};

use super::sync::{down, fault, from_verdict};
use crate::{
    channels::{
        common::answers::{self, Reading},
        contract::{At, Profile, PullFault},
    },
    ports::platform::{Answer, Call},
};

const BATCH: &str = "/cgi-bin/kf/customer/batchget";
/// The most that one call may name.
pub const AT_ONCE: usize = 100;
/// No position is asked about.
const NOWHERE: At<'_> = At {
    sub_id: "",
    cursor: "",
    token: None,
};

pub fn ask(ids: &[&str]) -> Call {
    Call::post(
        BATCH,
        json!({ "external_userid_list": ids, "need_enter_session_context": 0 }),
    )
}

/// Those whom the platform knows; the others stand in `invalid_external_userid`, which is no fault.
pub fn read(answer: &Answer) -> Result<Vec<Profile>, PullFault> {
    let body = match answers::read(answer) {
        Reading::Ok(body) => body,
        Reading::Refused(refusal) => return Err(fault(&NOWHERE, refusal.code, &refusal.message)),
        Reading::NoCode(_) => return Err(down("the answer has no errcode")),
        Reading::Broken(why) => return Err(down(&why)),
        Reading::Status(status) => return Err(from_verdict(answers::refused_by_http(status))),
    };
    let list = body.get("customer_list").and_then(Value::as_array);
    Ok(list.into_iter().flatten().filter_map(profile).collect())
}

fn profile(told: &Value) -> Option<Profile> {
    let text = |name: &str| {
        told.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let id = text("external_userid");
    // Absent where the company has bound no developer account of WeChat's.
    let unionid = text("unionid");
    (!id.is_empty()).then(|| Profile {
        id,
        aliases: (!unionid.is_empty())
            .then(|| ("unionid".to_owned(), unionid))
            .into_iter()
            .collect(),
        display_name: text("nickname"),
        avatar_url: text("avatar"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &Value) -> Answer {
        Answer {
            status: 200,
            date: None,
            content_type: "application/json".to_owned(),
            body: body.to_string().into_bytes(),
        }
    }

    #[test]
    fn what_the_platform_tells_is_read_and_what_it_leaves_out_is_left_out() {
        let told = answer(&json!({ "errcode": 0, "errmsg": "ok", "customer_list": [
            { "external_userid": "wm1", "nickname": "张三", "avatar": "https://example.invalid/1", "gender": 1, "unionid": "oU1" },
            { "external_userid": "wm2", "nickname": "李四", "unionid": null },
            { "nickname": "nobody" }, 7
        ], "invalid_external_userid": ["wm3"] }));
        let profiles = read(&told).expect("readable");
        assert_eq!(profiles.len(), 2);
        assert_eq!(profiles[0].aliases["unionid"], "oU1");
        assert_eq!(
            (profiles[0].display_name.as_str(), profiles[0].id.as_str()),
            ("张三", "wm1")
        );
        assert!(profiles[1].aliases.is_empty() && profiles[1].avatar_url.is_empty());
        assert_eq!(
            read(&answer(&json!({ "errcode": 0, "customer_list": null }))),
            Ok(Vec::new())
        );
        assert!(matches!(
            read(&answer(&json!({ "errcode": 48002 }))),
            Err(PullFault::Shut(_))
        ));
        assert!(matches!(
            read(&answer(&json!({ "errcode": 45009 }))),
            Err(PullFault::TooOften(_))
        ));
        assert!(matches!(
            read(&answer(&json!({ "errcode": -1 }))),
            Err(PullFault::Later(_))
        ));
    }
}
