//! What does an answer mean?

use crate::{
    channels::contract::Verdict,
    ports::platform::{Answer, Call},
    schema::v1,
};
pub fn judge(_: &Call, _: &Answer) -> Verdict {
    Verdict::Unknown(v1::Error::default())
}
pub fn uploaded(_: &Answer) -> Result<String, Verdict> {
    Err(Verdict::Unknown(v1::Error::default()))
}
