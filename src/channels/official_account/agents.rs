//! Are the platform's own agents (客服功能) at work? What they take is not pushed to us.
//!
//! <https://developers.weixin.qq.com/doc/offiaccount/Customer_Service/Customer_Service_Management.html>

use serde_json::Value;

use crate::ports::platform::{Answer, Call, CallBody, Method};

pub const PATH: &str = "/cgi-bin/customservice/getonlinekflist";

pub fn call() -> Call {
    Call {
        method: Method::Get,
        path: PATH,
        query: Vec::new(),
        body: CallBody::Empty,
    }
}

/// Who is online.
pub fn at_work(answer: &Answer) -> Option<String> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    let online = body.get("kf_online_list")?.as_array().filter(|list| !list.is_empty())?;
    let names = online.iter().filter_map(|agent| agent.get("kf_account")?.as_str());
    let names: Vec<&str> = names.take(NAMED).collect();
    let (count, names) = (online.len(), names.join(", "));
    Some(format!(
        "{count} of the platform's own agents are online ({names}): what customers say whom they take is not pushed here / \
         {count} 名客服在线（{names}），其接入的用户消息不会推送给本系统"
    ))
}

/// So many are named.
const NAMED: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_online_are_counted_and_named() {
        let told = |body: &str| at_work(&Answer::json(200, body));
        let one = told(r#"{"kf_online_list":[{"kf_account":"a@shop","status":1,"kf_id":"1001","accepted_case":1}]}"#);
        assert!(one.is_some_and(|said| said.starts_with("1 of") && said.contains("a@shop")));
        for nobody in [r#"{"kf_online_list":[]}"#, r#"{"errcode":65400}"#, "", "[]"] {
            assert_eq!(told(nobody), None, "{nobody}");
        }
    }
}
