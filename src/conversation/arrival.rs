//! What is appended to a conversation? One thing that happened, with whatever else it means for it.

use std::{borrow::Cow, sync::Arc};

use super::{Opening, Rules};
use crate::{
    channels::contract::{Dedupe, SessionEffect},
    ports::clock::Millis,
    schema::{
        composed::Encoded,
        v1::{self, event::Body, signal},
    },
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
    /// Of the request that it came by; empty where it begins a trace.
    pub traceparent: String,
    pub body: Saying,
    pub raw: Option<Encoded>,
    /// Seldom there, and large.
    pub entry: Option<Box<v1::Entry>>,
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

/// What an event says. Encoded before the writer has it, on whose one thread every conversation waits, and let go of by whoever
/// made it.
#[derive(Clone, Debug)]
pub enum Saying {
    /// Nobody looks into it on its way into the conversation.
    Encoded(Encoded),
    /// It changes its conversation by what it says, or its conversation completes it.
    Whole(Box<Body>),
}

impl From<Body> for Saying {
    fn from(body: Body) -> Self {
        let matters = match &body {
            Body::Signal(it) => it.session.is_some() || it.r#type() == signal::Type::IdentityChanged,
            Body::Gap(_) => true,
            Body::Message(_) | Body::Interaction(_) | Body::Delivery(_) => false,
        };
        if matters {
            Self::Whole(Box::new(body))
        } else {
            Self::Encoded(Encoded::from(&body))
        }
    }
}

impl Saying {
    /// The signal that it is, where that matters to its conversation.
    pub(super) fn signal(&self) -> Option<&v1::Signal> {
        match self {
            Self::Whole(body) => match &**body {
                Body::Signal(signal) => Some(signal),
                _ => None,
            },
            Self::Encoded(_) => None,
        }
    }

    /// As the event with this number says it. A gap that stands for no range of ours stands for itself.
    pub(super) fn encoded(&self, seq: u32) -> Cow<'_, Encoded> {
        match self {
            Self::Encoded(encoded) => Cow::Borrowed(encoded),
            Self::Whole(body) => Cow::Owned(match &**body {
                Body::Gap(gap) if gap.to_seq == 0 => Encoded::from(&Body::Gap(v1::Gap {
                    from_seq: seq,
                    to_seq: seq,
                    ..gap.clone()
                })),
                body => Encoded::from(body),
            }),
        }
    }

    /// What it says.
    #[cfg(test)]
    pub fn body(&self) -> Body {
        let encoded = self.encoded(0);
        let event = <v1::Event as prost::Message>::decode(encoded.bytes()).expect("encoded here");
        event.body.expect("a body")
    }
}

impl Arrival {
    /// An event of our own making, in a conversation as it stands: it opens nothing, and is no act of the customer.
    pub fn of_ours(conversation: v1::Conversation, core: Option<Arc<str>>, body: Body) -> Self {
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
            body: body.into(),
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
