//! What becomes of one callback, from its head to its answer? Verified, read, durable, then answered.

use std::{future::Future, net::IpAddr, sync::Arc, time::Instant};

use super::{
    Inbound,
    attempt::Attempt,
    cloud, entries, notes,
    passing::Passing,
    query,
    window::{OUTER, Said},
    windows::Request,
};
use crate::{
    accounts::Opened,
    channels::contract::{self, Admitted, Bell, CallbackQuery, PassiveTo, Refusal, Seal},
    error::{Code, Fault},
    ports::{
        clock::Millis,
        store::{Accepted, Arrival, Row, StoreError, Stored},
    },
    schema::v1::{event, signal},
};

/// What the platform is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub body: Body,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Empty,
    /// The bare acknowledgement.
    Success,
    /// The echostr: plain text, and nothing around it.
    Text(Vec<u8>),
    /// A passive answer.
    Passive(Vec<u8>),
}

impl Reply {
    pub fn empty(status: u16) -> Self {
        let body = Body::Empty;
        Self { status, body }
    }

    pub(super) fn ok(body: Body) -> Self {
        Self { status: 200, body }
    }
}

/// A POST of the platform.
#[derive(Clone, Copy, Debug)]
pub struct Post<'a> {
    pub query: &'a str,
    pub body: &'a [u8],
    pub content_type: &'a str,
    pub traceparent: Option<&'a str>,
    /// Another system like us hands on what the platform told it.
    pub handed_on: bool,
    /// It came in by the cloud listener: nobody signed it.
    pub unsigned: bool,
}

/// One request for an account that we have. Dropped without an answer, it counts as hung up.
pub struct Call {
    pub(super) inbound: Arc<Inbound>,
    pub(super) opened: Arc<Opened>,
    pub(super) first: Millis,
    from: Option<IpAddr>,
    /// Finer than the clock, and for the metrics alone.
    pub(super) began: Instant,
    answered: bool,
    /// The system before us hears it too.
    pub(super) passing: Option<Arc<Passing>>,
}

/// What an authentic callback turned out to be, and the account that reads it.
pub(super) enum Understood {
    Bell(Arc<Opened>, Bell),
    Said(Box<Spoken>),
}

/// A push, verified and read.
pub(super) struct Spoken {
    reader: Arc<Opened>,
    admitted: Admitted,
    inbound: contract::Inbound,
    traceparent: String,
}

/// Who waits for the answer, and how it is to be closed.
struct Waiting {
    attempt: Option<Attempt>,
    /// A passive answer is possible.
    passive: bool,
    seal: Seal,
}

/// The fault with the address that it came from: the platform, or somebody who tries.
pub(super) fn told_from(fault: &Fault, from: Option<IpAddr>) -> Fault {
    match from {
        Some(from) => Fault::new(fault.code, format!("{} (from {from})", fault.detail)),
        None => fault.clone(),
    }
}

/// How a callback was answered, as the metrics name it.
pub(super) type Class = &'static str;

impl Call {
    pub(super) fn new(inbound: Arc<Inbound>, opened: Arc<Opened>, first: Millis, from: Option<IpAddr>) -> Self {
        Self {
            inbound,
            opened,
            first,
            from,
            began: Instant::now(),
            answered: false,
            passing: None,
        }
    }

    /// Nothing is answered later than this.
    pub fn until(&self) -> Millis {
        self.first + OUTER
    }

    /// The console's GET check.
    pub fn handshake(self, raw_query: &str) -> Reply {
        let query = query::read(raw_query);
        let now = self.inbound.judged_at(&query, self.first);
        match self.opened.account.handshake(&query, now) {
            Ok(echo) => self.end("echostr", Reply::ok(Body::Text(echo)), None),
            Err(refusal) => self.refuse(status(&refusal), refusal.fault()),
        }
    }

    /// The request itself is not fit: too large, compressed, cut off.
    pub fn refuse(self, status: u16, fault: &Fault) -> Reply {
        let observer = &self.inbound.parts.observer;
        observer.callback_refused(&self.opened.settings.id, &told_from(fault, self.from));
        self.end("refused", Reply::empty(status), None)
    }

    /// The body did not come in time: the platform may come again.
    pub fn unavailable(self) -> Reply {
        self.end("unavailable", Reply::empty(503), None)
    }

    /// One push of the platform.
    pub async fn post(mut self, post: Post<'_>) -> Reply {
        match self.passes(&post) {
            None => self.receive(post).await,
            Some(passing) => Box::pin(passing.around(self.receive(post))).await,
        }
    }

    /// From here on the system before us hears it too, where there is one.
    pub(super) fn passes(&mut self, post: &Post<'_>) -> Option<Arc<Passing>> {
        self.passing = Passing::of(self, post);
        self.passing.clone()
    }

    pub(super) async fn receive(self, post: Post<'_>) -> Reply {
        if post.unsigned && cloud::is_probe(&self.opened, post.body) {
            return self.end("echostr", Reply::ok(Body::Success), None);
        }
        match self.understand(&post) {
            Ok(understood) => self.told_of(understood).await,
            Err(Refusal::Reject { status, fault }) => self.refuse(status, &fault),
            // Seldom: its future must not make every callback's larger.
            Err(Refusal::Quarantine { fault }) => Box::pin(self.set_aside(post, fault)).await,
        }
    }

    pub(super) async fn told_of(self, understood: Understood) -> Reply {
        match understood {
            Understood::Said(spoken) => self.take(spoken).await,
            Understood::Bell(reader, bell) => Box::pin(self.rung(&reader, bell)).await,
        }
    }

    /// Everything that can be told from the request alone.
    fn understand(&self, post: &Post<'_>) -> Result<Understood, Refusal> {
        let query = query::read(post.query);
        let now = self.inbound.judged_at(&query, self.first);
        let admitted = match post.unsigned {
            true => {
                let admitted = cloud::admit(&self.opened, post.body, now)?;
                self.opened
                    .observe(|condition| condition.last_callback = Some(self.first));
                admitted
            }
            false => self.admit(&query, post.body, now)?,
        };
        let reader = self.inbound.parts.registry.via(&self.opened, &admitted);
        if !Arc::ptr_eq(&reader, &self.opened) {
            reader.observe(|condition| condition.last_callback = Some(self.first));
        }
        self.read(reader, admitted, post, now)
    }

    /// What an opened body says to the account that reads it.
    pub(super) fn read(
        &self,
        reader: Arc<Opened>,
        admitted: Admitted,
        post: &Post<'_>,
        now: Millis,
    ) -> Result<Understood, Refusal> {
        if let Some(bell) = reader.account.bell(&admitted) {
            return Ok(Understood::Bell(reader, bell));
        }
        let inbound = reader.account.read(&admitted, now)?;
        let parts = &self.inbound.parts;
        let traceparent = self.inbound.traces.parent(post.traceparent, parts.chance.as_ref());
        Ok(Understood::Said(Box::new(Spoken {
            reader,
            admitted,
            inbound,
            traceparent,
        })))
    }

    pub(super) fn admit(&self, query: &CallbackQuery, body: &[u8], now: Millis) -> Result<Admitted, Refusal> {
        let (inbound, opened) = (&self.inbound, &self.opened);
        let admitted = opened.account.admit(query, body, now)?;
        let corrected = inbound.platform_now(self.first);
        let apart = corrected.abs_diff(self.first);
        let binds = || (inbound.nonces).bind(&opened.settings.id, query, body, self.first, apart);
        if matches!(admitted.seal, Seal::Plain) && !binds() {
            let detail = "another body came with this timestamp and nonce, which a plain signature does not cover";
            return Err(Refusal::reject(403, Code::BadSignature, detail));
        }
        inbound.note(opened, &admitted, self.first, corrected);
        Ok(admitted)
    }

    /// Nothing was said, but that something waits: a mark, and the platform is content.
    async fn rung(self, reader: &Opened, bell: Bell) -> Reply {
        let bells = self.inbound.parts.bells.clone();
        match self.in_time(bells.ring(&reader.settings.id, bell)).await {
            Some(Ok(())) => {
                self.durable(&Seal::Plain);
                self.end("bell", Reply::ok(Body::Success), None)
            }
            Some(Err(error)) => self.uncommitted(&error),
            None => self.unavailable(),
        }
    }

    async fn take(self, mut spoken: Box<Spoken>) -> Reply {
        if let Some(entry) = spoken.inbound.entry.take() {
            let store = self.inbound.parts.store.as_ref();
            let resolving = entries::resolved(store, &spoken.reader.settings.id, Some(entry), self.first);
            spoken.inbound.entry = match Box::pin(self.in_time(resolving)).await {
                Some(Ok(entry)) => entry,
                Some(Err(error)) => return self.uncommitted(&error),
                None => return self.unavailable(),
            };
        }
        if let event::Body::Signal(signal) = &spoken.inbound.body
            && signal.r#type() == signal::Type::AccountStateChanged
        {
            self.inbound.parts.bells.changed(&spoken.reader.settings.id);
        }
        let thanks = self.thanks(&spoken);
        let (arrival, waiting) = self.prepare(*spoken);
        let reply = self.commit(arrival, waiting).await;
        match thanks {
            Some(thanks) if reply.body == Body::Success => Reply::ok(thanks),
            _ => reply,
        }
    }

    /// What a few pushes want to read in place of `success`.
    fn thanks(&self, spoken: &Spoken) -> Option<Body> {
        let plain = spoken.reader.account.thanks(&spoken.admitted)?;
        let parts = &self.inbound.parts;
        let mut random = [0; 16];
        parts.chance.fill(&mut random);
        let sealed = (self.opened.account).seal(&spoken.admitted.seal, &plain, parts.clock.now(), random);
        sealed.ok().map(Body::Passive)
    }

    /// What is to be committed, and who waits for its answer.
    fn prepare(&self, spoken: Spoken) -> (Box<Arrival>, Waiting) {
        let Spoken {
            reader,
            admitted,
            mut inbound,
            traceparent,
        } = spoken;
        if notes::heard(&reader, &inbound.effects, &admitted.plain, self.first) {
            self.inbound.tell_of_format(&reader.settings.id);
        }
        let entry = inbound.entry.take();
        let passive = inbound.passive.take();
        let attempt = passive
            .as_ref()
            .and_then(|to| self.open(&inbound.dedupe.text, to, &admitted.seal));
        let waiting = Waiting {
            attempt,
            passive: passive.is_some(),
            seal: admitted.seal,
        };
        let arrival = self
            .inbound
            .arrival(&reader, inbound, entry, admitted.plain, traceparent, self.first);
        // Two kilobytes, which every future on the way to the store would hold and copy.
        (Box::new(arrival), waiting)
    }

    /// The request waits for an answer, where any core may be waited for.
    fn open(&self, dedupe: &str, to: &PassiveTo, seal: &Seal) -> Option<Attempt> {
        let inbound = &self.inbound;
        let by_old = self.passing.as_ref().is_some_and(|passing| passing.answers());
        (inbound.budget > 0 && !by_old).then(|| {
            inbound.parts.windows.open(Request {
                opened: &self.opened,
                dedupe,
                to,
                seal,
                first: self.first,
                cores: &inbound.parts.cores,
                budget: inbound.budget,
            })
        })
    }

    async fn commit(self, arrival: Box<Arrival>, waiting: Waiting) -> Reply {
        let parts = &self.inbound.parts;
        let accepted = match self.in_time(parts.store.accept(arrival)).await {
            Some(Ok(accepted)) => accepted,
            Some(Err(error)) => {
                waiting.attempt.into_iter().for_each(Attempt::leave);
                return self.uncommitted(&error);
            }
            // It may be committed later: the platform's next attempt finds it, and the window with it.
            None => return self.unavailable(),
        };
        self.durable(&waiting.seal);
        match (accepted, waiting.attempt) {
            (Accepted::New(stored), Some(attempt)) => {
                parts.windows.bind(&stored);
                let said = self.waited(attempt, stored.row, &waiting.seal).await;
                self.told(said, stored.event.id(), "success")
            }
            (Accepted::New(stored), None) => self.end("success", Reply::ok(Body::Success), Some(stored.event.id())),
            (Accepted::Again { event_id, row }, Some(attempt)) if attempt.joined() => {
                let said = self.waited(attempt, row, &waiting.seal).await;
                self.told(said, &event_id, "duplicate")
            }
            (Accepted::Again { event_id, row }, attempt) => {
                let said = match waiting.passive {
                    true => Box::pin(self.once_more(attempt, &event_id, row, &waiting.seal)).await,
                    false => Said::Success,
                };
                self.told(said, &event_id, "duplicate")
            }
        }
    }

    fn told(self, said: Said, event_id: &str, otherwise: Class) -> Reply {
        match said {
            Said::Passive(bytes) => self.end("passive", Reply::ok(Body::Passive(bytes)), Some(event_id)),
            Said::Success | Said::Kept => self.end(otherwise, Reply::ok(Body::Success), Some(event_id)),
        }
    }

    async fn waited(&self, attempt: Attempt, row: Row, seal: &Seal) -> Said {
        match attempt.wait().await {
            Said::Kept => Box::pin(self.after_the_fact(row, seal)).await,
            said => said,
        }
    }

    /// What an attempt hears whose event came by another one: the answer that is kept for it, or, where no core has taken the
    /// event yet (the process was killed in between, or our first answer was lost), the one that is still to come.
    async fn once_more(&self, attempt: Option<Attempt>, event_id: &str, row: Row, seal: &Seal) -> Said {
        let kept = self.after_the_fact(row, seal).await;
        let Some(mut attempt) = attempt else { return kept };
        if kept == Said::Success
            && let Some(Some(stored)) = self.in_time(self.untaken(event_id)).await
            && attempt.takes_up(&stored)
        {
            return self.waited(attempt, row, seal).await;
        }
        attempt.leave();
        kept
    }

    /// An event that no core has taken.
    async fn untaken(&self, event_id: &str) -> Option<Arc<Stored>> {
        let store = &self.inbound.parts.store;
        // A store that fails here has answered what matters: the event is durable.
        let stored = store.event(event_id).await.ok()??;
        let view = store.conversation(stored.event.head().key).await.ok()??;
        let (_, seq) = stored.event.place();
        (seq > view.taken_seq).then_some(stored)
    }

    /// The same answer again, sealed for this attempt.
    async fn after_the_fact(&self, row: Row, seal: &Seal) -> Said {
        let parts = &self.inbound.parts;
        let Some(Some(plain)) = self.in_time(parts.outbound.take_kept(row)).await else {
            return Said::Success;
        };
        let mut random = [0; 16];
        parts.chance.fill(&mut random);
        match self.opened.account.seal(seal, &plain, parts.clock.now(), random) {
            Ok(sealed) => Said::Passive(sealed),
            Err(fault) => {
                tracing::error!(account = self.opened.settings.id, %fault, "a kept passive answer cannot be sealed");
                Said::Success
            }
        }
    }

    /// Never `success` for what is not durable.
    pub(super) fn uncommitted(self, error: &StoreError) -> Reply {
        if self.inbound.may_complain(self.first) {
            tracing::error!(account = self.opened.settings.id, %error, "callbacks are not committed; the platform comes again");
        }
        self.unavailable()
    }

    /// `None`: it took longer than any callback may.
    pub(super) async fn in_time<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.inbound.parts.clock.sleep_until(self.until()) => None,
        }
    }

    pub(super) fn end(mut self, class: Class, reply: Reply, event_id: Option<&str>) -> Reply {
        self.answered = true;
        if self
            .passing
            .as_ref()
            .is_some_and(|passing| passing.ended(class, event_id))
        {
            return reply;
        }
        self.inbound.parts.observer.callback_answered(
            &self.opened.settings.id,
            &self.opened.describe.channel,
            class,
            self.millis(),
            event_id,
        );
        reply
    }

    pub(super) fn durable(&self, seal: &Seal) {
        if let Some(passing) = &self.passing {
            passing.durable(seal);
        }
    }

    fn millis(&self) -> f64 {
        self.began.elapsed().as_secs_f64() * 1000.0
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.answered {
            self.inbound.parts.observer.callback_unanswered(
                &self.opened.settings.id,
                &self.opened.describe.channel,
                self.millis(),
            );
        }
    }
}

fn status(refusal: &Refusal) -> u16 {
    match refusal {
        Refusal::Reject { status, .. } => *status,
        // A GET has no body to keep.
        Refusal::Quarantine { .. } => 403,
    }
}
