//! How is a message said here?

use crate::{
    channels::contract::{PassiveTo, Piece, Pieces, Roads, Say, Upload},
    error::Fault,
    ports::{clock::Millis, platform::Call},
    settings::AccountSettings,
};
pub fn pieces(_: &AccountSettings, _: &Say, _: Roads) -> Result<Pieces, Fault> {
    Err(Fault::new(crate::error::Code::UnsupportedPart, "not built"))
}
pub fn passive(_: &Piece, _: &PassiveTo, _: Millis) -> Option<Vec<u8>> {
    None
}
pub fn call(_: &Piece, _: &str) -> Call {
    Call {
        method: crate::ports::platform::Method::Get,
        path: "/",
        query: Vec::new(),
        body: crate::ports::platform::CallBody::Empty,
    }
}
pub fn upload(_: &Upload) -> Result<Call, Fault> {
    Err(Fault::new(crate::error::Code::UnsupportedPart, "not built"))
}
