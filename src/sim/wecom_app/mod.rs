//! How does a company's own application behave? What members do in its chat, what it may send them, and the cards that
//! change afterwards (/document/path/90236, 90239, 90240, 94888, 94867).

mod body;
mod card;
mod deeds;
mod ledger;
mod push;
mod send;

pub use self::{ledger::Ledger, push::act};

use serde_json::Value;

use super::{door::Request, refusal::Refusal, world::World};

/// A call with a good token of the application `id`.
pub fn call(world: &mut World, id: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    match call.path {
        "/cgi-bin/message/send" => send::send(world, id, call),
        "/cgi-bin/message/recall" => send::recall(world, id, call),
        "/cgi-bin/message/update_template_card" => card::update(world, id, call),
        _ => Err(Refusal::code(40066)),
    }
}

/// The platform knows members by their id without regard to case.
pub fn folded(userid: &str) -> String {
    userid.to_lowercase()
}
