//! Which requests are open, and what becomes of a core's replies, in tests? Both in memory, and written down.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;

use super::super::*;
use crate::{
    ports::{
        core::Reply,
        store::{Address, NewMessage, Took},
        turn::{Claim, Prepared},
    },
    schema::v1,
};

#[derive(Default)]
pub struct FakeTurn {
    pub open: Mutex<HashSet<String>>,
    pub closed: Mutex<Vec<String>>,
    /// `committed`, `before` or `abandoned`, with the number of replies.
    pub ended: Arc<Mutex<Vec<(&'static str, usize)>>>,
}

impl Windows for FakeTurn {
    fn look(&self, event_id: &str) -> Option<v1::PassiveWindow> {
        let open = self.open.lock().expect("lock").contains(event_id);
        open.then(v1::PassiveWindow::default)
    }
    fn claim(&self, _: &str) -> Option<Box<dyn Claim>> {
        None
    }
    fn close(&self, event_id: &str) {
        self.closed.lock().expect("lock").push(event_id.to_owned());
    }
}

struct FakePrepared {
    messages: Vec<NewMessage>,
    ended: Arc<Mutex<Vec<(&'static str, usize)>>>,
}

#[async_trait]
impl Replies for FakeTurn {
    async fn prepare(&self, event: &Stored, replies: Vec<Reply>) -> Box<dyn Prepared> {
        let message = |(index, reply): (usize, Reply)| {
            let request = reply.unwrap_or_default();
            let named = request.client_message_id.clone();
            NewMessage {
                id: String::new(),
                account: String::new(),
                client_message_id: if named.is_empty() {
                    format!("{}/{index}", event.event.id)
                } else {
                    named
                },
                address: Address {
                    account: Arc::default(),
                    key: String::new(),
                    customer: v1::Identity::default(),
                    scope: v1::conversation::Scope::Direct,
                    core: None,
                },
                request,
                answers: Some(event.row),
                result: v1::SendResult::default(),
                passive: None,
                pieces_done: 0,
                next_attempt: 0,
                not_after: 0,
                tell: false,
            }
        };
        Box::new(FakePrepared {
            messages: replies.into_iter().enumerate().map(message).collect(),
            ended: self.ended.clone(),
        })
    }
}

impl Prepared for FakePrepared {
    fn messages(&self) -> Vec<NewMessage> {
        self.messages.clone()
    }
    fn committed(self: Box<Self>, took: &Took) {
        let how = if matches!(took, Took::Now(_)) {
            "committed"
        } else {
            "before"
        };
        self.ended.lock().expect("lock").push((how, self.messages.len()));
    }
    fn abandoned(self: Box<Self>) {
        self.ended
            .lock()
            .expect("lock")
            .push(("abandoned", self.messages.len()));
    }
}
