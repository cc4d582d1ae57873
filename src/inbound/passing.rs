//! What becomes of a callback that the system before us hears too? Ours is durable first; then it is handed on as it came, and
//! its answer is the platform's or only stands beside ours. Nothing waits for it longer than any callback may.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{
    Inbound,
    accept::{Body, Call, Class, Post, Reply},
    heard,
    window::OUTER,
};
use crate::{
    accounts::Opened,
    channels::contract::Seal,
    observe::handed::{Answer, Handed},
    ports::{
        clock::Millis,
        old_url::{Answered, Push},
    },
    schema::Timestamp,
    settings::PassMode,
};

/// As long as the platform itself would wait.
const PATIENCE: Millis = 5_000;
/// Under way at the same time: a dead old system must not eat the memory of ours.
pub(super) const AT_ONCE: usize = 256;

/// One callback on its way through both systems.
pub struct Passing {
    inbound: Arc<Inbound>,
    opened: Arc<Opened>,
    mode: PassMode,
    push: Push,
    first: Millis,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Durable with us: the errand runs.
    begun: bool,
    /// What the old system said, where the platform waits for it.
    old: Option<oneshot::Receiver<Bytes>>,
    ours: Option<oneshot::Sender<Ended>>,
    class: Class,
    event_id: String,
}

/// How the callback ended with us.
struct Ended {
    event_id: String,
    ours: Reply,
    returned: &'static str,
}

/// Notices that the platform hung up.
struct Watch {
    passing: Arc<Passing>,
    /// Our own part is over, and nothing was counted yet.
    counts: bool,
}

impl Passing {
    /// `None`: this callback is ours alone.
    pub(super) fn of(call: &Call, post: &Post<'_>) -> Option<Arc<Self>> {
        let passthrough = call.opened.settings.passthrough.as_ref()?;
        // It came from one like us, perhaps from ourselves: it would run in circles.
        if post.handed_on {
            return None;
        }
        Some(Arc::new(Self {
            inbound: call.inbound.clone(),
            opened: call.opened.clone(),
            mode: passthrough.mode,
            push: Push {
                url: passthrough.url.clone(),
                query: post.query.to_owned(),
                content_type: post.content_type.to_owned(),
                body: post.body.to_vec(),
            },
            first: call.first,
            began: call.began,
            state: Mutex::default(),
        }))
    }

    /// Our core does not answer inside this request: the old system does.
    pub(super) fn answers(&self) -> bool {
        self.mode == PassMode::Answer
    }

    /// It is durable with us: now the old system may hear of it.
    pub(super) fn durable(self: &Arc<Self>, seal: &Seal) {
        let mut state = self.state();
        if std::mem::replace(&mut state.begun, true) {
            return;
        }
        let ((say, said), (tell, told)) = (oneshot::channel(), oneshot::channel());
        (state.old, state.ours) = (Some(said), Some(tell));
        tokio::spawn(self.clone().errand(seal.clone(), say, told));
    }

    /// Our own answer is known. `true`: it is not the last word, and counted when that is spoken.
    pub(super) fn ended(&self, class: Class, event_id: Option<&str>) -> bool {
        let mut state = self.state();
        state.class = class;
        state.event_id = event_id.unwrap_or_default().to_owned();
        self.answers() && state.begun
    }

    /// The callback with us (whose call knows of this), and then what the old system has to say.
    pub(super) async fn around(self: Arc<Self>, ours: impl Future<Output = Reply>) -> Reply {
        let mut watch = Watch {
            passing: self.clone(),
            counts: false,
        };
        let ours = ours.await;
        let old = match self.answers() {
            true => self.state().old.take(),
            false => None,
        };
        let Some(old) = old else {
            self.tell(&ours, "ours");
            return ours;
        };
        watch.counts = true;
        let clock = self.inbound.parts.clock.clone();
        let old = tokio::select! {
            biased;
            old = old => old.ok(),
            () = clock.sleep_until(self.first + OUTER) => None,
        };
        watch.counts = false;
        self.last_word(ours, old)
    }

    /// The old answer where there is one, else ours.
    fn last_word(&self, ours: Reply, old: Option<Bytes>) -> Reply {
        let returned = if old.is_some() { "old" } else { "ours" };
        self.tell(&ours, returned);
        let (class, event_id) = {
            let state = self.state();
            (state.class, state.event_id.clone())
        };
        let class = if old.is_some() { "passthrough" } else { class };
        let event_id = (!event_id.is_empty()).then_some(event_id);
        self.inbound.parts.observer.callback_answered(
            &self.opened.settings.id,
            &self.opened.describe.channel,
            class,
            self.millis(),
            event_id.as_deref(),
        );
        match old {
            Some(bytes) if bytes.is_empty() || bytes[..] == *b"success" => Reply::ok(Body::Text(bytes.to_vec())),
            Some(bytes) => Reply::ok(Body::Passive(bytes.to_vec())),
            None => ours,
        }
    }

    fn tell(&self, ours: &Reply, returned: &'static str) {
        let mut state = self.state();
        let ended = Ended {
            event_id: state.event_id.clone(),
            ours: ours.clone(),
            returned,
        };
        if let Some(tell) = state.ours.take() {
            // Gone only when the daemon ends.
            let _ = tell.send(ended);
        }
    }

    /// Hands it on, and writes down what came of it beside what we said.
    async fn errand(self: Arc<Self>, seal: Seal, say: oneshot::Sender<Bytes>, told: oneshot::Receiver<Ended>) {
        let began = Instant::now();
        let answered = self.hand().await;
        let old_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let old_status = answered.as_ref().map_or(0, |answered| answered.status);
        let (old, fault) = heard::judged(answered.as_ref(), &seal, &self.push.body);
        let result = match (&answered, fault.is_empty()) {
            (Ok(_), true) => "answered",
            (Ok(_), false) => "unlawful",
            (Err(_), _) => "failed",
        };
        self.inbound.parts.observer.handed(self.mode, result);
        match (answered, fault.is_empty()) {
            // Nobody waits where it is only compared, and nobody any more after the time.
            (Ok(answered), true) => drop(say.send(answered.body.into())),
            // Whoever waits goes on with ours, at once.
            _ => drop(say),
        }
        let ended = told.await.ok();
        let ours = ended
            .as_ref()
            .map_or_else(Answer::default, |it| of_ours(&it.ours, &seal));
        self.inbound.parts.observer.handed_on.note(Handed {
            number: 0,
            time: Timestamp::from_millis(self.first),
            account: self.opened.settings.id.clone(),
            event_id: ended.as_ref().map(|it| it.event_id.clone()).unwrap_or_default(),
            mode: self.mode,
            same: fault.is_empty() && ours == old,
            ours,
            old,
            old_status,
            old_ms,
            fault,
            returned: ended.map_or("none", |it| it.returned),
        });
    }

    async fn hand(&self) -> Result<Answered, String> {
        let parts = &self.inbound.parts;
        let Ok(_turn) = self.inbound.errands.try_acquire() else {
            return Err(format!("not handed on: {AT_ONCE} others wait for their answer"));
        };
        let until = self.first + if self.answers() { OUTER } else { PATIENCE };
        let left = u64::try_from(until - parts.clock.now()).unwrap_or(0);
        parts.old_urls.hand(&self.push, Duration::from_millis(left)).await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn millis(&self) -> f64 {
        self.began.elapsed().as_secs_f64() * 1000.0
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let passing = &self.passing;
        if self.counts {
            let (id, channel) = (&passing.opened.settings.id, &passing.opened.describe.channel);
            let observer = &passing.inbound.parts.observer;
            observer.callback_unanswered(id, channel, passing.millis());
        }
        // Nobody was answered, where it was not told: the errand does not wait for it.
        passing.state().ours = None;
    }
}

fn of_ours(reply: &Reply, seal: &Seal) -> Answer {
    let body: &[u8] = match &reply.body {
        Body::Empty => b"",
        Body::Success => b"success",
        Body::Text(bytes) | Body::Passive(bytes) => bytes,
    };
    let pushed = heard::Pushed {
        json: true,
        clear: true,
    };
    heard::read(body, seal, pushed).unwrap_or_else(|_| heard::unlawful())
}
