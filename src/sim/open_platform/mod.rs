//! What would 微信开放平台 do for a third-party platform? Tickets, authorisation pages, tokens of authorizers, notices, and the
//! release test (/doc/oplatform/Third-party_Platforms/2.0/).

mod calls;
pub mod doors;
mod notices;
pub mod page;
mod release;
mod state;

pub use self::{
    calls::{call, owns, who},
    state::Component,
};
use super::{push::Sender, weixin::Account, world::World};

/// Where pushes of an account go that has no server of its own, but authorised a platform for messages.
pub fn road(world: &World, account: &Account, openid: &str) -> Option<(String, Sender)> {
    let component = world.components.values().find(|it| it.holds(&account.app_id))?;
    if component.message_url.is_empty() {
        return None;
    }
    let url = component.message_url.replace("$APPID$", &account.app_id);
    let clear = vec![("ToUserName", account.original_id.clone())];
    Some((url, component.sender(clear, Some(openid))))
}
