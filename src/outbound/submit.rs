//! What happens to a request from outside? Durable first, then ACCEPTED; the same key gives the same result.

use std::{sync::Arc, time::Duration};

use super::{
    HELD_FOR, OPEN_AGAIN, OPEN_MAX, Outbound,
    by_code::Asks,
    check,
    facts::{self, account_of, road_of},
    faults::{explained, from_fault, from_store, too_late},
    orders,
    pictures::{Pictures, Room},
    plan::{self, Ask, Facts, Plan},
    resolve::{How, Unresolved},
    ride::{WAIT_MAX, Way, shapes},
};
use crate::{
    accounts::Opened,
    conversation::key::Key,
    cores::glob,
    error::{Code, Fault},
    media::Whereabouts,
    ports::{
        clock::Millis,
        store::{Address, Enqueued, Message, MessageRef, NewMessage, Stored, View},
    },
    schema::v1::{
        self,
        conversation::Scope,
        send_request::What,
        send_result::{Road, Status},
    },
};

/// Who asks: a token's core and the accounts it may use.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    pub core: Option<Arc<str>>,
    /// Globs; none = every account.
    pub accounts: Vec<String>,
}

impl Caller {
    pub fn may_use(&self, account: &str) -> bool {
        self.accounts.is_empty() || self.accounts.iter().any(|pattern| glob(pattern, account))
    }
}

/// A lawful request, and everything it refers to.
struct Target {
    request: v1::SendRequest,
    opened: Arc<Opened>,
    key: Key,
    event: Option<Arc<Stored>>,
    view: Option<View>,
}

impl Outbound {
    /// Takes a message into the outbox, or (`preview`) says what would become of it.
    pub async fn submit(
        self: &Arc<Self>,
        who: &Caller,
        request: v1::SendRequest,
        preview: bool,
    ) -> Result<v1::SendResult, Fault> {
        check::shape(&request)?;
        check::addressed(&request)?;
        let target = self.target(who, request).await?;
        if !preview && let Some(earlier) = self.same_before(&target).await? {
            return Ok(earlier);
        }
        self.check_handles(who, &target.request).await?;
        let facts = self.facts_for(&target).await?;
        if preview {
            return Ok(self.preview(&target, facts).await);
        }
        if target.view.as_ref().is_some_and(|view| view.waiting_sends >= OPEN_MAX) {
            return Err(full());
        }
        let way = match &target.event {
            Some(event) => self.way(&target.opened, event, &target.request, facts).await,
            None => Way::Outbox,
        };
        let outbound = self.clone();
        // Whoever asked may leave: what is durable as handed over is handed over all the same.
        let committing = tokio::spawn(async move { outbound.commit(target, way).await });
        committing.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a message was not taken");
            Err(Fault::new(
                Code::Overloaded,
                "the bridge failed over this message; its log says more",
            ))
        })
    }

    /// Waits until the platform answered or the message is held, at most `for_at_most`; gives what it has become.
    pub async fn wait(&self, message_id: &str, for_at_most: Duration) -> Result<v1::SendResult, Fault> {
        let limit = Millis::try_from(for_at_most.min(WAIT_MAX).as_millis()).unwrap_or(0);
        // One sleep for all of it: a clock that is set back makes nobody wait longer.
        let over = self.parts.clock.sleep_until(self.now() + limit);
        tokio::pin!(over);
        let mut is_over = false;
        loop {
            let (waker, woken) = tokio::sync::oneshot::channel();
            {
                let mut waiting = self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let waiters = waiting.entry(message_id.to_owned()).or_default();
                waiters.retain(|waiter| !waiter.is_closed());
                waiters.push(waker);
            }
            // Looked at after registering: a step in between is not missed.
            let message = self.message(MessageRef::Id(message_id)).await;
            let settled = message
                .as_ref()
                .map_or(true, |it| it.is_final() || it.status() == Status::Held);
            if settled || is_over {
                drop(woken);
                self.forget_waiters(message_id);
                return message.map(|message| message.result.clone());
            }
            tokio::select! {
                _ = woken => {}
                () = &mut over => is_over = true,
            }
        }
    }

    /// What became of a message, for a caller who may see its account.
    pub async fn result(&self, who: &Caller, which: MessageRef<'_>) -> Result<v1::SendResult, Fault> {
        let message = self.message(which).await?;
        if !who.may_use(&message.account) {
            return Err(Fault::new(
                Code::Forbidden,
                "this token may not see the message's account",
            ));
        }
        Ok(message.result.clone())
    }

    fn forget_waiters(&self, message_id: &str) {
        let mut waiting = self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(waiters) = waiting.get_mut(message_id) {
            waiters.retain(|waiter| !waiter.is_closed());
            if waiters.is_empty() {
                waiting.remove(message_id);
            }
        }
    }

    async fn message(&self, which: MessageRef<'_>) -> Result<Arc<Message>, Fault> {
        let found = self.parts.store.message(which).await.map_err(from_store)?;
        found.ok_or_else(|| Fault::new(Code::NotFound, "no such message"))
    }

    /// The event that a request says it answers.
    pub(super) async fn answered(&self, event_id: &str) -> Result<Arc<Stored>, Fault> {
        let found = self.parts.store.event(event_id).await.map_err(from_store)?;
        found.ok_or_else(|| check::invalid("inReplyTo names no event that we hold"))
    }

    /// Finds event, account and conversation, and whether they are this caller's; fills the key in.
    async fn target(&self, who: &Caller, mut request: v1::SendRequest) -> Result<Target, Fault> {
        let event = match request.in_reply_to.as_str() {
            "" => None,
            id => Some(self.answered(id).await?),
        };
        let event_key = event
            .as_ref()
            .and_then(|it| it.event.conversation.as_ref())
            .map(|it| it.key.as_str());
        let key = match (request.conversation_key.as_str(), event_key) {
            ("", Some(of_event)) => check::customer_key(of_event)?,
            (asked, of_event) => {
                let key = check::customer_key(asked)?;
                if of_event.is_some_and(|of_event| of_event != key.render()) {
                    return Err(check::other_conversation());
                }
                key
            }
        };
        request.conversation_key = key.render();
        let opened = account_of(&self.parts.registry, &key)
            .ok_or_else(|| Fault::new(Code::AccountUnknown, "no account of ours has this conversation"))?;
        if !who.may_use(&opened.settings.id) {
            return Err(Fault::new(Code::Forbidden, "this token may not use the account"));
        }
        let view = self
            .parts
            .store
            .conversation(&request.conversation_key)
            .await
            .map_err(from_store)?;
        self.serves(who, view.as_ref(), &opened.at(&key.sub_id))?;
        opened.account.reaches(&key.native_id)?;
        Ok(Target {
            request,
            opened,
            key,
            event,
            view,
        })
    }

    /// The conversation is the caller's core's, or nobody's; one that nobody opened yet is whose it would become, and one whose
    /// account is paused whose it was.
    fn serves(&self, who: &Caller, view: Option<&View>, account: &v1::Account) -> Result<(), Fault> {
        let of = match view {
            Some(view) => view.state.usual_core(),
            None => self.parts.cores.for_account(account).map_or("", |core| &core.name),
        };
        match who.core.as_deref() {
            Some(own) if !of.is_empty() && own != of => {
                Err(Fault::new(Code::Forbidden, "the conversation belongs to another core"))
            }
            _ => Ok(()),
        }
    }

    /// The same key again: what became of the first, or the conflict.
    async fn same_before(&self, target: &Target) -> Result<Option<v1::SendResult>, Fault> {
        let request = &target.request;
        if request.client_message_id.is_empty() {
            return Ok(None);
        }
        let which = MessageRef::Client {
            account: &target.opened.settings.id,
            client_message_id: &request.client_message_id,
        };
        match self.parts.store.message(which).await.map_err(from_store)? {
            Some(before) if before.request == *request => Ok(Some(before.result.clone())),
            Some(_) => Err(conflict()),
            None => Ok(None),
        }
    }

    /// Every file is known, and the caller's to see: what may not be fetched may not be sent to oneself either.
    async fn check_handles(&self, who: &Caller, request: &v1::SendRequest) -> Result<(), Fault> {
        for handle in check::handles(request) {
            let account = match self.parts.library.whereabouts(handle).await.map_err(from_store)? {
                Whereabouts::Here(found) => found.meta.account,
                Whereabouts::Coming(account) => account,
                Whereabouts::Unknown => return Err(check::invalid("a media handle is not known")),
            };
            if !account.is_empty() && !who.may_use(&account) {
                return Err(Fault::new(Code::Forbidden, "this token may not use the file's account"));
            }
        }
        Ok(())
    }

    async fn facts_for(&self, target: &Target) -> Result<Facts, Fault> {
        let now = self.now();
        let mut facts = facts::facts(
            Some(&*target.opened),
            target.view.as_ref(),
            self.probes.shut(&target.opened, now),
            now,
        );
        facts.earlier = self.earlier(target.view.as_ref()).await.map_err(from_store)?;
        Ok(facts)
    }

    /// Whether something of this conversation waits for its turn; what is held for the customer does not count.
    pub(super) async fn earlier(&self, view: Option<&View>) -> Result<bool, crate::ports::store::StoreError> {
        let Some(view) = view.filter(|view| view.waiting_sends > 0) else {
            return Ok(false);
        };
        let outbox = self.parts.store.outbox(view.id).await?;
        Ok(outbox.iter().any(|message| message.status() != Status::Held))
    }

    async fn commit(self: &Arc<Self>, target: Target, way: Way) -> Result<v1::SendResult, Fault> {
        let mut message = self.new_message(&target);
        let ride = match way {
            Way::Outbox => None,
            Way::Refused(status, error) => {
                refuse(&mut message, status, error);
                None
            }
            Way::Ride(ride) => {
                ride.mark(&mut message);
                Some(ride)
            }
        };
        message.tell = self.tell(&target.opened.describe, message.result.status());
        let enqueued = self.parts.store.enqueue(message).await;
        match (enqueued, ride) {
            (Ok(Enqueued::New(message)), Some(ride)) => {
                let result = message.result.clone();
                self.hand_over(*ride, message);
                Ok(result)
            }
            (Ok(Enqueued::New(message)), None) => {
                self.reached(&message);
                Ok(message.result.clone())
            }
            (other, ride) => {
                if let Some(ride) = ride {
                    ride.give_up();
                }
                match other {
                    Ok(Enqueued::Same(before)) => Ok(before.result.clone()),
                    Ok(_) => Err(conflict()),
                    Err(error) => Err(from_store(error)),
                }
            }
        }
    }

    fn new_message(&self, target: &Target) -> NewMessage {
        let conversation = target.view.as_ref().and_then(|view| view.state.conversation.as_ref());
        let customer = conversation
            .and_then(|it| it.customer.clone())
            .unwrap_or_else(|| v1::Identity {
                native_id: target.key.native_id.clone(),
                kind: v1::identity::Kind::Customer as i32,
                ..Default::default()
            });
        let answers = target.event.as_ref().map(|event| event.row);
        let account = target.opened.at(&target.key.sub_id);
        self.draft(&account, target.request.clone(), customer, answers)
    }

    /// A message as it enters the outbox; the request's key is filled in.
    pub(super) fn draft(
        &self,
        describe: &Arc<v1::Account>,
        mut request: v1::SendRequest,
        customer: v1::Identity,
        answers: Option<i64>,
    ) -> NewMessage {
        let now = self.now();
        let id = uuid::Uuid::now_v7().to_string();
        if request.client_message_id.is_empty() {
            request.client_message_id.clone_from(&id);
        }
        // 0 is a message without an end: whatever was given is one, also the first moment of 1970, or before.
        let not_after = request.not_after.map_or(now + HELD_FOR, |until| until.millis().max(1));
        NewMessage {
            account: describe.id.clone(),
            client_message_id: request.client_message_id.clone(),
            address: Address {
                account: describe.clone(),
                key: request.conversation_key.clone(),
                customer,
                scope: Scope::Direct,
                core: self.parts.cores.for_account(describe).map(|core| core.name.clone()),
            },
            result: v1::SendResult {
                message_id: id.clone(),
                client_message_id: request.client_message_id.clone(),
                status: Status::Accepted as i32,
                ..Default::default()
            },
            id,
            request,
            answers,
            passive: None,
            pieces_done: 0,
            next_attempt: now,
            not_after,
            tell: false,
        }
    }

    /// What would become of it: the same planner and renderer, nothing sent, nothing uploaded.
    async fn preview(&self, target: &Target, mut facts: Facts) -> v1::SendResult {
        let mut result = v1::SendResult {
            client_message_id: target.request.client_message_id.clone(),
            allowances: target.view.as_ref().map_or_else(Vec::new, |view| {
                view.state
                    .ledger
                    .as_ref()
                    .map(|it| it.allowances(self.now()))
                    .unwrap_or_default()
            }),
            ..Default::default()
        };
        match self.preview_road(target, &mut facts).await {
            Ok((road, degradations)) => {
                result.road = road as i32;
                result.degradations = degradations;
            }
            Err(error) => result.error = Some(explained(error)),
        }
        result
    }

    async fn preview_road(
        &self,
        target: &Target,
        facts: &mut Facts,
    ) -> Result<(Road, Vec<v1::Degradation>), v1::Error> {
        let opened = &target.opened;
        if target
            .request
            .not_after
            .is_some_and(|until| until.millis() <= self.now())
        {
            return Err(too_late());
        }
        if let (Some(What::Session(order)), Some(sessions)) = (&target.request.what, opened.account.sessions()) {
            return self.preview_order(opened, sessions, &target.request, order).await;
        }
        let ask = Ask::of(&target.request);
        let claim = target
            .event
            .as_ref()
            .and_then(|event| self.parts.windows.claim(event.event.id()));
        let open = claim
            .as_ref()
            .filter(|claim| claim.deadline() > self.now())
            .map(|claim| claim.to().clone());
        if let Some(claim) = claim {
            claim.release();
        }
        facts.passive = open.is_some();
        facts.after_event = target.event.as_ref().is_some_and(|event| facts::is_event(&event.event));
        let Some(say) = facts::said(&target.request).map_err(from_fault)? else {
            let lost = || orders::words_beside_take(&target.request).into_iter().collect();
            return orders::preview(opened, target.view.as_ref(), &target.request)
                .map(|()| (Road::Unspecified, lost()));
        };
        let asks = Asks::preview(&target.request);
        let standings = self.standings(opened, &asks, target.view.as_ref(), *facts).await;
        let standings = standings.map_err(|error| from_fault(from_store(error)))?;
        if let Some(Plan::Hold(error) | Plan::Refuse(_, error)) = plan::before(&ask, &standings.with) {
            return Err(error);
        }
        let say = self
            .with_ticket(opened, &target.request, target.event.as_deref(), say)
            .await
            .map_err(|error| from_fault(from_store(error)))?;
        let why = Unresolved::into_error;
        let quoted = self.with_quote(&opened.settings.id, &target.request.conversation_key, say);
        let say = standings.said(quoted.await.map_err(why)?);
        let pictures = Pictures::IfFit(ask, Room::ByPieces(&standings));
        let rendering = self.rendered(opened, say, plan::roads(&ask, facts), How::Preview, pictures);
        let mut pieces = rendering.await.map_err(why)?;
        let rides = open.is_some_and(|to| {
            let first = pieces.pieces.first();
            first.is_some_and(|piece| opened.account.passive(piece, &to, self.now()).is_some())
        });
        let shapes = shapes(&pieces, rides);
        let code = standings.code_for(&pieces);
        match plan::plan(&ask, &standings.facts(code.as_ref(), shapes.len()), &shapes) {
            Plan::Api => {
                let road = code.map_or_else(|| road_of(opened, &pieces), |by| by.rule.road);
                Ok((road, pieces.degradations))
            }
            Plan::Passive { cut } => {
                let lost = super::ride::lost_in_riding(opened, &pieces, cut);
                pieces.degradations.extend(lost);
                Ok((Road::Passive, pieces.degradations))
            }
            Plan::Hold(error) | Plan::Refuse(_, error) => Err(error),
        }
    }
}

pub(super) fn refuse(message: &mut NewMessage, status: Status, error: v1::Error) {
    message.result.status = status as i32;
    message.result.error = Some(explained(error));
}

/// The conversation's queue is at its bound.
pub(super) fn full() -> Fault {
    let why = format!("{OPEN_MAX} messages of this conversation are not done yet, which is as many as wait");
    Fault::slow_down(why, OPEN_AGAIN)
}

pub(super) fn conflict() -> Fault {
    Fault::new(
        Code::IdempotencyConflict,
        "this clientMessageId was used with another request",
    )
}
