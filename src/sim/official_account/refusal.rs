//! How does the platform say no? An errcode and its text, inside HTTP 200.

use serde_json::{Value, json};

/// An error of the platform's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: i64,
    pub text: String,
}

impl Refusal {
    pub fn new(code: i64, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }

    /// A code alone, with the platform's usual text for it.
    pub fn code(code: i64) -> Self {
        Self::new(code, usual(code))
    }

    /// With the request id that the platform appends.
    pub fn to_json(&self, rid: &str) -> Value {
        json!({ "errcode": self.code, "errmsg": format!("{} rid: {rid}", self.text) })
    }
}

fn usual(code: i64) -> &'static str {
    match code {
        -1 => "system error",
        40001 => "invalid credential, access_token is invalid or not latest",
        40002 => "invalid grant_type",
        40003 => "invalid openid",
        40004 => "invalid media type",
        40005 => "invalid file type",
        40007 => "invalid media_id",
        40008 => "invalid message type",
        40009 => "invalid image size",
        40010 => "invalid voice size",
        40011 => "invalid video size",
        40012 => "invalid thumb size",
        40013 => "invalid appid",
        40014 => "invalid access_token",
        40033 => "invalid charset. please check your request, if include \\uxxxx will create fail!",
        40035 => "invalid parameter",
        40066 => "invalid url",
        40125 => "invalid appsecret",
        40201 => "callback url not set",
        40202 => "invalid action",
        40203 => "invalid check_operator",
        40243 => "appsecret is frozen",
        41001 => "access_token missing",
        41002 => "appid missing",
        41004 => "appsecret missing",
        41005 => "media data missing",
        41006 => "media_id missing",
        42001 => "access_token expired",
        43001 => "require GET method",
        43002 => "require POST method",
        43004 => "require subscribe",
        43019 => "require remove blacklist",
        44002 => "empty post data",
        44003 => "empty news data",
        44004 => "empty content",
        45001 => "media size out of limit",
        45002 => "content size out of limit",
        45008 => "article size out of limit",
        45009 => "reach max api daily quota limit",
        45011 => "api minute-quota reach limit, must slower, retry next minute",
        45015 => "response out of time limit or subscription is canceled",
        45047 => "out of response count limit",
        45050 => "message type not allowed",
        45064 => "no permission to use weapp in menu",
        45072 => "invalid command",
        45080 => "require interaction with the user within 30s",
        45081 => "already in typing status",
        45086 => "invalid data-miniprogram-appid",
        45098 => "msgmenu head or tail out of limit",
        45099 => "msgmenu list out of limit",
        47001 => "data format error",
        47002 => "invalid utf8",
        48001 => "api unauthorized",
        48002 => "user refuses messages",
        48006 => "forbid to clear quota because of reaching the limit",
        61452 => "invalid kf_account",
        76003 => "invalid cgi_path",
        _ => "refused",
    }
}
