//! How does an official account behave? Its settings, its API, its rules, its pushes.

mod account;
mod allowance;
mod api;
mod deeds;
mod dress;
mod media;
mod push;
mod refusal;
mod reply;
mod send;
mod service;
mod tokens;

pub use self::{
    account::{Account, Change, check_url},
    allowance::{Allowance, Trigger},
    deeds::{Deed, deed},
    push::{Control, agent_deed, push},
};

use actix_web::web;

/// The platform's own paths.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/cgi-bin/{path:.*}", web::route().to(api::serve))
        .route("/customservice/{path:.*}", web::route().to(api::serve));
}
