//! Is the mini-program bound to 微信客服? Its contact button then opens that chat, and nothing is pushed to us.
//!
//! <https://developers.weixin.qq.com/miniprogram/dev/server/API/kf-work/api_getkfwork.html>

use serde_json::Value;

use crate::ports::platform::{Answer, Call, CallBody, Method};

pub fn call() -> Call {
    Call {
        method: Method::Get,
        path: "/customservice/work/get",
        query: Vec::new(),
        body: CallBody::Empty,
    }
}

/// To whom it is bound.
pub fn bound(answer: &Answer) -> Option<String> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    let corp = body.get("corpid")?.as_str().filter(|corp| !corp.is_empty())?;
    Some(format!(
        "this mini-program is bound to 微信客服 (corp id {corp}): its contact button opens that chat, and nothing of it is pushed here"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_names_its_company() {
        let told = |body: &str| bound(&Answer::json(200, body));
        assert!(
            told(r#"{"errcode":0,"errmsg":"ok","entityName":"A","corpid":"ww1","bindTime":1}"#)
                .is_some_and(|said| said.contains("ww1"))
        );
        assert_eq!(told(r#"{"errcode":0,"errmsg":"ok"}"#), None);
    }
}
