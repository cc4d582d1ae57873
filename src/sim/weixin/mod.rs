//! What do official accounts and mini-programs share? Their console, tokens, quotas, media, pushes and sends.

mod account;
mod allowance;
mod deed;
mod media;
mod push;
mod send;
mod service;
mod sessions;
mod tokens;

pub use self::{
    account::{Account, Change, check_url, hex16, set, valid_callback},
    allowance::{Allowance, Trigger},
    deed::{Deed, event, field, message},
    push::{agent_deed, push},
    send::{MAX_TEXT, medium, required, text_of},
    service::who,
    tokens::Tokens,
};

use super::{
    door::{Answer, Request},
    refusal::Refusal,
    world::World,
};

/// A call with a token of `app_id`, or with none.
pub fn call(world: &mut World, app_id: &str, call: &Request<'_>) -> Result<Answer, Refusal> {
    match call.path {
        "/cgi-bin/token" => return service::classic_token(world, call).map(Answer::Json),
        "/cgi-bin/stable_token" => return service::stable_token(world, call).map(Answer::Json),
        "/cgi-bin/clear_quota/v2" => return service::clear_quota_by_secret(world, call).map(Answer::Json),
        _ => {}
    }
    authorise(world, call, app_id)?;
    service::count(world, app_id, call.path)?;
    let answer = match call.path {
        "/cgi-bin/message/custom/send" => send::send(world, app_id, call)?,
        "/cgi-bin/message/custom/typing" => send::typing(world, app_id, call)?,
        "/cgi-bin/media/upload" => media::upload(world, app_id, call)?,
        "/cgi-bin/media/get" => return media::download(world, app_id, call),
        path => match sessions::call(world, app_id, call) {
            Some(answer) => answer?,
            None => service::other(world, app_id, path, call)?,
        },
    };
    Ok(Answer::Json(answer))
}

fn authorise(world: &World, call: &Request<'_>, app_id: &str) -> Result<(), Refusal> {
    let token = call.param("access_token").ok_or_else(|| Refusal::code(41001))?;
    let account = world.accounts.get(app_id).ok_or_else(|| Refusal::code(40001))?;
    account.tokens.check(token, world.now())
}
