//! Which call gives a token?

use crate::{
    channels::contract::{AccessToken, Verdict},
    ports::platform::{Answer, Call},
    schema::v1,
    settings::AccountSettings,
};
pub fn call(_: &AccountSettings) -> Call {
    Call {
        method: crate::ports::platform::Method::Get,
        path: "/",
        query: Vec::new(),
        body: crate::ports::platform::CallBody::Empty,
    }
}
pub fn read(_: &Answer) -> Result<AccessToken, Verdict> {
    Err(Verdict::Unknown(v1::Error::default()))
}
