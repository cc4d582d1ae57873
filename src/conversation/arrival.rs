//! What is appended to a conversation? One thing that happened, with whatever else it means for it.

use std::sync::Arc;

use super::{Opening, Rules};
use crate::{
    channels::contract::{Dedupe, SessionEffect},
    ports::clock::Millis,
    schema::v1,
};

/// One thing to be appended to a conversation; whatever else it means for the conversation stands beside it.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub account: Arc<v1::Account>,
    pub key: String,
    pub customer: v1::Identity,
    pub scope: v1::conversation::Scope,
    /// `None` for events of our own making.
    pub dedupe: Option<Dedupe>,
    pub platform_time: Option<Millis>,
    pub history: bool,
    pub traceparent: String,
    pub body: v1::event::Body,
    pub raw: Option<v1::Raw>,
    pub entry: Option<v1::Entry>,
    /// What it opens, already with count and end.
    pub grant: Option<Opening>,
    pub unfollowed: bool,
    pub customer_acted: bool,
    pub customer_spoke: bool,
    pub session: Option<SessionEffect>,
    /// An order of ours moved the session, at this moment of the platform's clock.
    pub ordered: Option<Millis>,
    pub redelivery_of: String,
    /// The core whose rule fits; `None` where no rule fits.
    pub core: Option<Arc<str>>,
    pub rules: Rules,
}

impl Arrival {
    /// An event of our own making, in a conversation as it stands: it opens nothing, and is no act of the customer.
    pub fn of_ours(conversation: v1::Conversation, core: Option<Arc<str>>, body: v1::event::Body) -> Self {
        let scope = conversation.scope();
        Self {
            account: Arc::new(conversation.account.unwrap_or_default()),
            key: conversation.key,
            customer: conversation.customer.unwrap_or_default(),
            scope,
            dedupe: None,
            platform_time: None,
            history: false,
            traceparent: String::new(),
            body,
            raw: None,
            entry: None,
            grant: None,
            unfollowed: false,
            customer_acted: false,
            customer_spoke: false,
            session: None,
            ordered: None,
            redelivery_of: String::new(),
            core,
            rules: Rules::default(),
        }
    }
}
