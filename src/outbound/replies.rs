//! Which road does each reply of a core take? Planned before the event's acceptance is committed, acted on after.

use std::sync::{Arc, Weak};

use async_trait::async_trait;

use super::{
    OPEN_MAX, Outbound, check, facts,
    faults::{error, from_fault, from_store},
    plan::{Facts, only_rides},
    ride::{Ride, Way},
    submit::{conflict, full, refuse},
};
use crate::{
    accounts::Opened,
    error::{Code, Fault},
    media::Whereabouts,
    ports::{
        core::Reply,
        store::{Enqueued, MessageRef, NewMessage, Stored, Took},
        turn::{Prepared, Replies},
    },
    schema::{
        Says,
        v1::{
            self,
            part_capability::Support,
            send_request::{Route, What},
            send_result::Status,
        },
    },
};

/// What [`Replies::prepare`] gives: messages, and at most one answer ready for the open request.
struct Planned {
    outbound: Weak<Outbound>,
    messages: Vec<NewMessage>,
    /// Index of the message that rides.
    ride: Option<(usize, Box<Ride>)>,
    /// Messages of the conversation that are not done, these among them.
    open: u32,
    is_news: bool,
    /// The open request is kept for a later reply, which has no other road.
    leaves: bool,
}

#[async_trait]
impl Replies for Outbound {
    async fn prepare(&self, event: &Stored, replies: Vec<Reply>) -> Box<dyn Prepared> {
        let mut planned = Planned {
            outbound: self.this.clone(),
            messages: Vec::new(),
            ride: None,
            open: 0,
            is_news: event.event.head().says == Says::Delivery,
            leaves: false,
        };
        let (Some(this), false) = (self.this.upgrade(), replies.is_empty()) else {
            return Box::new(planned);
        };
        let turn = this.turn(event).await;
        let mut facts = turn.facts;
        planned.open = turn.open;
        let left_to = turn.left_to(&replies);
        for (index, reply) in replies.into_iter().enumerate() {
            planned.leaves = left_to.is_some_and(|at| index < at);
            let ours = format!("{}/{index}", event.event.id());
            let own = named(&reply);
            let lawful = match reply {
                Ok(request) => this.lawful(&turn, request, own.as_deref().unwrap_or(&ours)).await,
                Err(bad) => Err(check::invalid(bad.why)),
            };
            let known = match &own {
                Some(id) => this.known(&turn, id, lawful.as_ref().ok(), &planned.messages).await,
                None => Known::Not,
            };
            match (known, lawful) {
                (Known::Same, _) => {}
                (Known::Other, Ok(_)) => planned.messages.push(this.bad_reply(&turn, conflict(), ours)),
                (Known::Other, Err(fault)) => planned.messages.push(this.bad_reply(&turn, fault, ours)),
                (Known::Not, Ok(request)) => this.plan_reply(&turn, &mut facts, request, &mut planned).await,
                (Known::Not, Err(fault)) => {
                    let bad = this.bad_reply(&turn, fault, own.unwrap_or(ours));
                    planned.messages.push(bad);
                }
            }
        }
        Box::new(planned)
    }
}

/// The core's own name for a reply, where it has a lawful one; whatever becomes of the reply is told under it.
fn named(reply: &Reply) -> Option<String> {
    let id = match reply {
        Ok(request) => &request.client_message_id,
        Err(bad) => &bad.client_message_id,
    };
    (!id.is_empty() && check::client_id(id).is_ok()).then(|| id.clone())
}

/// Whether a core's name for a reply stands for a message already.
enum Known {
    Not,
    /// For this very one.
    Same,
    Other,
}

/// What all replies to one event share.
struct Turn<'a> {
    event: &'a Stored,
    conversation: v1::Conversation,
    describe: Arc<v1::Account>,
    opened: Option<Arc<Opened>>,
    facts: Facts,
    /// Messages that are not done yet.
    open: u32,
}

impl Turn<'_> {
    /// The event tells what became of a message.
    fn is_news(&self) -> bool {
        self.event.event.head().says == Says::Delivery
    }

    /// The reply that the open request is kept for: it has no other road, and those before it have one.
    fn left_to(&self, replies: &[Reply]) -> Option<usize> {
        let opened = self.opened.as_ref()?;
        if self.facts.api_shut.is_some() || facts::is_event(&self.event.event) || !hands_over(opened) {
            return None;
        }
        replies.iter().position(|reply| reply.as_ref().is_ok_and(only_rides))
    }
}

/// The account can give a customer to the platform's own agents.
fn hands_over(opened: &Opened) -> bool {
    let capabilities = opened.account.capabilities();
    let transfer = capabilities.outbound.iter().find(|part| part.r#type == "transfer");
    transfer.is_none_or(|part| part.support() != Support::No)
}

impl Outbound {
    async fn turn<'a>(&self, event: &'a Stored) -> Turn<'a> {
        let conversation = event.event.conversation().unwrap_or_default();
        let account = conversation.account.clone().unwrap_or_default();
        let opened = self.owner(&account.id, &conversation.key);
        let view = self
            .parts
            .store
            .conversation(&conversation.key)
            .await
            .unwrap_or_default();
        let now = self.now();
        let shut = opened.as_ref().and_then(|opened| self.probes.shut(opened, now));
        let mut facts = facts::facts(opened.as_deref(), view.as_ref(), shut, now);
        // Not readable: as if something waited, which keeps the order.
        facts.earlier = self.earlier(view.as_ref()).await.unwrap_or(true);
        Turn {
            event,
            conversation,
            describe: opened
                .as_ref()
                .map_or_else(|| Arc::new(account.clone()), |opened| opened.at(&account.sub_id)),
            opened,
            facts,
            open: view.map_or(0, |view| view.waiting_sends),
        }
    }

    /// Looked at before anything is planned: a reply that will not be sent must not have the open request. `request`: the
    /// reply, where it is lawful.
    async fn known(
        &self,
        turn: &Turn<'_>,
        id: &str,
        request: Option<&v1::SendRequest>,
        planned: &[NewMessage],
    ) -> Known {
        let compare = |before: &v1::SendRequest| match request == Some(before) {
            true => Known::Same,
            false => Known::Other,
        };
        if let Some(before) = planned.iter().find(|it| it.client_message_id == id) {
            return compare(&before.request);
        }
        let which = MessageRef::Client {
            account: &turn.describe.id,
            client_message_id: id,
        };
        match self.parts.store.message(which).await {
            Ok(Some(before)) => compare(&before.request),
            // Where it cannot be read, the commit tells.
            Ok(None) | Err(_) => Known::Not,
        }
    }

    /// The reply with everything filled in that the event says.
    async fn lawful(
        &self,
        turn: &Turn<'_>,
        mut request: v1::SendRequest,
        default_id: &str,
    ) -> Result<v1::SendRequest, Fault> {
        check::shape(&request)?;
        let key = check::customer_key(&turn.conversation.key)?.render();
        if request.conversation_key.is_empty() {
            request.conversation_key = key;
        } else if check::customer_key(&request.conversation_key)?.render() != key {
            return Err(check::invalid(
                "a reply goes to the conversation of its event; use POST /v1/messages for others",
            ));
        } else {
            request.conversation_key = key;
        }
        if request.in_reply_to.is_empty() {
            turn.event.event.id().clone_into(&mut request.in_reply_to);
        } else if request.in_reply_to != turn.event.event.id() {
            let other = self.answered(&request.in_reply_to).await?;
            if other.event.head().key != request.conversation_key {
                return Err(check::other_conversation());
            }
        }
        if request.client_message_id.is_empty() {
            default_id.clone_into(&mut request.client_message_id);
        }
        if turn.opened.is_none() {
            let why = self.without_owner(&turn.describe.id);
            return Err(Fault::new(Code::AccountUnknown, why));
        }
        for handle in check::handles(&request) {
            let found = self.parts.library.whereabouts(handle).await.map_err(from_store)?;
            if matches!(found, Whereabouts::Unknown) {
                return Err(check::invalid("a media handle is not known"));
            }
        }
        Ok(request)
    }

    async fn plan_reply(
        self: &Arc<Self>,
        turn: &Turn<'_>,
        facts: &mut Facts,
        request: v1::SendRequest,
        planned: &mut Planned,
    ) {
        let Some(opened) = &turn.opened else { return };
        let answers = (request.in_reply_to == turn.event.event.id()).then_some(turn.event.row);
        let is_full = planned.open >= OPEN_MAX;
        let leaves_it = request.route() == Route::Auto && planned.leaves;
        let way = match planned.ride {
            _ if is_full => Way::Refused(Status::Failed, from_fault(full())),
            None if answers.is_some() && !leaves_it => self.way(opened, turn.event, &request, *facts).await,
            _ => Way::Outbox,
        };
        let typing = matches!(request.what, Some(What::Typing(_)));
        let customer = turn.conversation.customer.clone().unwrap_or_default();
        let mut message = self.draft(&turn.describe, request, customer, answers);
        match way {
            Way::Outbox => facts.earlier |= !typing,
            Way::Refused(status, error) => refuse(&mut message, status, error),
            Way::Ride(ride) => {
                self.overtake(turn, planned);
                ride.mark(&mut message);
                planned.ride = Some((planned.messages.len(), ride));
            }
        }
        // Not where it answers such news: a core that answers everything would hear of it for ever.
        let of_news = is_full && turn.is_news();
        message.tell = !of_news && self.tell(&turn.describe, message.result.status());
        planned.open += u32::from(!matches!(message.result.status(), Status::Failed | Status::Expired));
        planned.messages.push(message);
    }

    /// What rides is there before a typing sign that was to announce it, which would stand behind the answer.
    fn overtake(&self, turn: &Turn<'_>, planned: &mut Planned) {
        for earlier in &mut planned.messages {
            let typing = matches!(earlier.request.what, Some(What::Typing(_)));
            if typing && earlier.result.status() == Status::Accepted {
                refuse(
                    earlier,
                    Status::Expired,
                    error(Code::Expired, "the answer goes at once"),
                );
                earlier.tell = self.tell(&turn.describe, Status::Expired);
                planned.open = planned.open.saturating_sub(1);
            }
        }
    }

    /// A reply that cannot be a message: FAILED by itself, and the core is told. Not where it answers such news: a core whose
    /// every answer is bad would hear of it for ever.
    fn bad_reply(&self, turn: &Turn<'_>, fault: Fault, client_message_id: String) -> NewMessage {
        let request = v1::SendRequest {
            client_message_id,
            conversation_key: turn.conversation.key.clone(),
            in_reply_to: turn.event.event.id().to_owned(),
            ..Default::default()
        };
        let customer = turn.conversation.customer.clone().unwrap_or_default();
        let mut message = self.draft(&turn.describe, request, customer, None);
        message.address.scope = turn.conversation.scope();
        refuse(&mut message, Status::Failed, from_fault(fault));
        message.tell = !turn.is_news();
        message
    }
}

impl Outbound {
    /// Another message got this reply's name while it was planned: it fails under one of ours.
    fn conflicts(self: &Arc<Self>, reply: &NewMessage, tell: bool) {
        let id = uuid::Uuid::now_v7().to_string();
        let request = v1::SendRequest {
            client_message_id: id.clone(),
            conversation_key: reply.request.conversation_key.clone(),
            in_reply_to: reply.request.in_reply_to.clone(),
            ..Default::default()
        };
        let mut failed = NewMessage {
            id: id.clone(),
            client_message_id: id,
            request,
            answers: None,
            passive: None,
            tell,
            ..reply.clone()
        };
        refuse(&mut failed, Status::Failed, from_fault(conflict()));
        let this = self.clone();
        tokio::spawn(async move {
            match this.parts.store.enqueue(failed).await {
                Ok(Enqueued::New(message)) => this.reached(&message),
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "a reply failed, and the core could not be told"),
            }
        });
    }
}

impl Prepared for Planned {
    fn messages(&self) -> Vec<NewMessage> {
        self.messages.clone()
    }

    fn committed(mut self: Box<Self>, took: &Took) {
        let ride = self.ride.take();
        let (Took::Now(enqueued), Some(outbound)) = (took, self.outbound.upgrade()) else {
            if let Some((_, ride)) = ride {
                ride.give_up();
            }
            return;
        };
        let (at, mut ride) = match ride {
            Some((at, ride)) => (at, Some(ride)),
            None => (usize::MAX, None),
        };
        for (index, enqueued) in enqueued.iter().enumerate() {
            let message = match (enqueued, self.messages.get(index)) {
                (Enqueued::New(message), _) => message,
                (Enqueued::Conflict, Some(reply)) => {
                    outbound.conflicts(reply, !self.is_news);
                    continue;
                }
                _ => continue,
            };
            match ride.take_if(|_| index == at) {
                Some(ride) => outbound.hand_over(*ride, message.clone()),
                None => outbound.reached(message),
            }
        }
        // The same key stood for an older message: late never means twice.
        if let Some(ride) = ride {
            ride.give_up();
        }
    }

    fn abandoned(mut self: Box<Self>) {
        if let Some((_, ride)) = self.ride.take() {
            ride.give_up();
        }
    }
}
