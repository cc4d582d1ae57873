//! How does the platform say no? An errcode and its text, inside HTTP 200.

use std::net::IpAddr;

use serde_json::{Value, json};

/// An error of the platforms' APIs.
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

    /// As the host of companies says it: with a hint, the caller's address, and where to read more.
    pub fn to_wecom(&self, hint: &str, peer: Option<IpAddr>) -> Value {
        let (code, text) = (self.code, &self.text);
        let peer = peer.map(|peer| peer.to_canonical().to_string()).unwrap_or_default();
        json!({
            "errcode": code,
            "errmsg": format!(
                "{text}, hint: [{hint}], from ip: {peer}, \
                 more info at https://open.work.weixin.qq.com/devtool/query?e={code}"
            ),
        })
    }
}

/// What the platforms say with a code, by code; those of customer service stand apart.
const USUAL: &[(i64, &str)] = &[
    (-1, "system error"),
    (40001, "invalid credential, access_token is invalid or not latest"),
    (40002, "invalid grant_type"),
    (40003, "invalid openid"),
    (40004, "invalid media type"),
    (40005, "invalid file type"),
    (40007, "invalid media_id"),
    (40008, "invalid message type"),
    (40009, "invalid image size"),
    (40010, "invalid voice size"),
    (40011, "invalid video size"),
    (40012, "invalid thumb size"),
    (40013, "invalid appid"),
    (40014, "invalid access_token"),
    (40032, "invalid user list size"),
    (
        40033,
        "invalid charset. please check your request, if include \\uxxxx will create fail!",
    ),
    (40035, "invalid parameter"),
    (40056, "invalid agentid"),
    (40058, "invalid request parameter"),
    (40066, "invalid url"),
    (40096, "invalid external userid"),
    (40125, "invalid appsecret"),
    (40170, "args count exceed count limit"),
    (40201, "callback url not set"),
    (40202, "invalid action"),
    (40203, "invalid check_operator"),
    (40243, "appsecret is frozen"),
    (41001, "access_token missing"),
    (41002, "appid missing"),
    (41004, "appsecret missing"),
    (41005, "media data missing"),
    (41006, "media_id missing"),
    (41011, "missing agentid"),
    (41050, "invalid code"),
    (42001, "access_token expired"),
    (42014, "invalid task_id"),
    (42052, "message cannot be recalled any more"),
    (43001, "require GET method"),
    (43002, "require POST method"),
    (43004, "require subscribe"),
    (43009, "enterprise is not verified"),
    (43012, "the application has no callback url"),
    (43019, "require remove blacklist"),
    (44001, "empty media data"),
    (44002, "empty post data"),
    (44003, "empty news data"),
    (44004, "empty content"),
    (45001, "media size out of limit"),
    (45002, "content size out of limit"),
    (45008, "article size out of limit"),
    (45009, "reach max api daily quota limit"),
    (45011, "api minute-quota reach limit, must slower, retry next minute"),
    (45015, "response out of time limit or subscription is canceled"),
    (45033, "api concurrent out of limit"),
    (45047, "out of response count limit"),
    (45050, "message type not allowed"),
    (45064, "no permission to use weapp in menu"),
    (45072, "invalid command"),
    (45080, "require interaction with the user within 30s"),
    (45081, "already in typing status"),
    (45086, "invalid data-miniprogram-appid"),
    (45094, "message forbidden when a customer enters"),
    (45098, "msgmenu head or tail out of limit"),
    (45099, "msgmenu list out of limit"),
    (47001, "data format error"),
    (47002, "invalid utf8"),
    (48001, "api unauthorized"),
    (48002, "user refuses messages, or api forbidden"),
    (48006, "forbid to clear quota because of reaching the limit"),
    (48007, "kf account is not authorised"),
    (60020, "not allow to access from your ip"),
    (61003, "component is not authorized by this account"),
    (61005, "component ticket is expired"),
    (61006, "component ticket is invalid"),
    (61007, "api is unauthorized to component"),
    (61009, "code is invalid"),
    (61010, "code is expired"),
    (61023, "refresh_token is invalid"),
    (61452, "invalid kf_account"),
    (65413, "no session for this user"),
    (65414, "another agent is serving the user"),
    (65415, "agent is not online"),
    (76003, "invalid cgi_path"),
    (81013, "user & party & tag all invalid"),
    (82001, "specified target user or party is empty"),
];

fn usual(code: i64) -> &'static str {
    if (95_000..=95_100).contains(&code) {
        return customer_service(code);
    }
    let known = USUAL.iter().find(|(known, _)| *known == code);
    known.map_or("refused", |(_, text)| text)
}

fn customer_service(code: i64) -> &'static str {
    match code {
        95000 => "invalid open_kfid",
        95001 => "send msg count limit",
        95002 => "send msg time limit",
        95003 => "consultation capacity used up",
        95004 => "open_kfid not exist",
        95007 => "invalid msg token",
        95008 => "menu item count out of limit",
        95009 => "invalid menu item type",
        95011 => "already use in wecom",
        95012 => "already use out of wecom",
        95013 => "session has ended",
        95014 => "user is not servicer",
        95016 => "session status transition forbidden",
        95017 => "api is off",
        95018 => "send msg session status invalid",
        95019 => "servicer stopped receiving",
        95024 => "customer has not sent a message in 48 hours",
        95025 => "only one business card in 48 hours",
        95028 => "invalid msgid",
        95029 => "recall time out",
        95030 => "message type forbidden",
        95033 => "msgid was used before",
        _ => "refused",
    }
}
