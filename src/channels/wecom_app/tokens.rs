//! How is an access token asked for? One per application: the Secret is the application's own.
//!
//! <https://developer.work.weixin.qq.com/document/path/91039>. Asking again does not end the token before.

use crate::{
    ports::platform::{Call, CallBody, Method},
    settings::AccountSettings,
};

pub const PATH: &str = "/cgi-bin/gettoken";

/// The request for a token.
pub fn call(settings: &AccountSettings) -> Call {
    Call {
        method: Method::Get,
        path: PATH,
        query: vec![
            ("corpid", settings.corp_id.clone()),
            ("corpsecret", settings.secret.expose().to_owned()),
        ],
        body: CallBody::Empty,
    }
}

/// The addresses that callbacks come from: changes nothing, and is refused like every other call where ours is not trusted.
/// <https://developer.work.weixin.qq.com/document/path/90238>
pub fn probe() -> Call {
    Call {
        method: Method::Get,
        path: "/cgi-bin/getcallbackip",
        query: Vec::new(),
        body: CallBody::Empty,
    }
}
