//! What does every look at a core share? The way in, the time, a name for this run, and what was heard on the side.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use super::{
    Wish,
    door::{Door, Heard, Knock, Signing},
    made_up::{self, Talk},
    report::Measured,
};
use crate::{
    ports::{
        chance::Chance,
        clock::{Clock, Millis},
        core::{Outcome, Reply},
    },
    schema::v1::{self, event::Body, part::Content},
};

pub struct Stage {
    pub door: Box<dyn Door>,
    pub timeout: Millis,
    pub reply_budget: Millis,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    /// Tells this run's customers from those of the one before.
    run: String,
    epoch: u32,
    customers: AtomicU32,
    /// The core replied to each of several texts: that one is missing means something.
    pub talks: bool,
    heard: Mutex<Aside>,
}

/// What was heard besides what a look is about.
#[derive(Default)]
pub struct Aside {
    pub took: Vec<Duration>,
    pub replies: usize,
    /// Bodies of answers that took an event, `None` for one that was too long; no two alike.
    pub answers: Vec<(String, Option<Vec<u8>>)>,
    /// Events that were offered again, because the core's time was over.
    pub late: Vec<Late>,
    /// What each reply with a name of its own was: which one, to which event.
    names: HashMap<String, (String, usize)>,
    /// A name that two replies had.
    pub used_twice: Option<String>,
    /// A reply was of no use any more when it came.
    pub past: bool,
}

impl Aside {
    /// A core that hears an event again may say the same again.
    fn note(&mut self, event: &v1::Event, replies: &[Reply], now: Millis) {
        let again = &event.redelivery_of;
        let id = if again.is_empty() { &event.id } else { again };
        for (index, reply) in replies.iter().enumerate() {
            let Ok(reply) = reply else { continue };
            self.past |= reply.not_after.is_some_and(|end| end.millis() <= now);
            if reply.client_message_id.is_empty() {
                continue;
            }
            let is = (id.clone(), index);
            let known = self
                .names
                .entry(reply.client_message_id.clone())
                .or_insert_with(|| is.clone());
            if *known != is {
                self.used_twice.get_or_insert_with(|| reply.client_message_id.clone());
            }
        }
    }
}

/// What came of an event whose first request was closed at the deadline.
pub struct Late {
    /// A text: a core that talks replies to it.
    pub of_text: bool,
    pub second: Heard,
    /// Only where the second was taken.
    pub third: Option<Heard>,
}

/// As many different answers are kept.
const KEPT: usize = 200;
/// So long the bridge waits before it offers an event a second time.
const BACK_OFF: Duration = Duration::from_millis(200);

impl Stage {
    pub fn new(wish: Wish) -> Self {
        let now = wish.clock.now();
        let mut random = [0; 4];
        wish.chance.fill(&mut random);
        Self {
            door: wish.door,
            timeout: wish.timeout,
            reply_budget: wish.reply_budget,
            run: format!("{:08x}", u32::from_be_bytes(random)),
            epoch: u32::try_from(now / 1000).unwrap_or(u32::MAX - 1),
            clock: wish.clock,
            chance: wish.chance,
            customers: AtomicU32::new(0),
            talks: false,
            heard: Mutex::default(),
        }
    }

    /// A customer who never wrote before.
    pub fn talk(&self) -> Talk {
        let number = self.customers.fetch_add(1, Ordering::Relaxed);
        Talk {
            native_id: format!("core-check-{}-{number}", self.run),
            epoch: self.epoch,
            seq: 0,
            first_seq: 1,
        }
    }

    pub fn next(&self, talk: &mut Talk, body: Body) -> v1::Event {
        let mut random = [0; 10];
        self.chance.fill(&mut random);
        let now = self.clock.now();
        let id = uuid::Builder::from_unix_timestamp_millis(now.max(0).unsigned_abs(), &random).into_uuid();
        let mut event = talk.next(id.to_string(), now, body);
        if let Some(Body::Message(message)) = &mut event.body {
            message.sender = event.conversation.as_ref().and_then(|it| it.customer.clone());
        }
        event
    }

    pub fn text(&self, talk: &mut Talk, body: &str) -> v1::Event {
        self.next(talk, made_up::text(body))
    }

    /// The event's first attempt, with an open request behind it, as the bridge makes it.
    pub fn knock<'a>(&self, event: &'a v1::Event) -> Knock<'a> {
        let now = self.clock.now();
        let from_customer = matches!(event.body, Some(Body::Message(_) | Body::Interaction(_)));
        Knock {
            event,
            attempt: 1,
            deadline: from_customer.then_some(now + self.reply_budget),
            replay: None,
            signing: Signing::Right,
            change: None,
            now,
        }
    }

    /// Where the core's time runs out, the request is closed and the event offered again, as the bridge does.
    pub async fn offer(&self, event: &v1::Event) -> Heard {
        let knock = self.knock(event);
        let first = self.offer_as(knock.clone()).await;
        match self.ran_out(&first) {
            true => self.offer_late(&knock).await,
            false => first,
        }
    }

    /// The second attempt, which is what the core is judged by; the third shows whether it does its work each time.
    async fn offer_late(&self, first: &Knock<'_>) -> Heard {
        let attempt = |attempt| {
            let now = self.clock.now();
            Knock {
                attempt,
                deadline: first.deadline.filter(|deadline| *deadline > now),
                now,
                ..first.clone()
            }
        };
        tokio::time::sleep(BACK_OFF).await;
        let mut second = self.offer_as(attempt(2)).await;
        second.late = true;
        let third = match second.taken() {
            Some(_) => Some(self.offer_as(attempt(3)).await),
            None => None,
        };
        let of_text = matches!(&first.event.body, Some(Body::Message(it)) if it.parts.iter().any(is_text));
        self.aside().late.push(Late {
            of_text,
            second: second.clone(),
            third,
        });
        second
    }

    /// The request was closed because the core was not done in time.
    pub fn ran_out(&self, heard: &Heard) -> bool {
        let limit = Duration::from_millis(self.timeout.max(1).unsigned_abs());
        heard.status.is_none() && matches!(heard.outcome, Outcome::Failed { .. }) && heard.took >= limit
    }

    pub async fn offer_as(&self, knock: Knock<'_>) -> Heard {
        let heard = self.door.knock(&knock).await;
        let mut aside = self.aside();
        aside.took.push(heard.took);
        if heard.taken().is_some() {
            aside.replies += heard.replies().len();
            aside.note(knock.event, heard.replies(), self.clock.now());
            let key = knock.event.conversation.as_ref().map_or("", |talk| &talk.key);
            let known = aside.answers.iter().any(|(_, body)| *body == heard.body);
            if !known && aside.answers.len() < KEPT {
                aside.answers.push((key.to_owned(), heard.body.clone()));
            }
        }
        drop(aside);
        heard
    }

    /// In one request, first attempts of which nobody waits for an answer.
    pub async fn offer_together(&self, events: &[v1::Event]) -> Option<Vec<Heard>> {
        let unhurried = |event| Knock {
            deadline: None,
            ..self.knock(event)
        };
        let knocks: Vec<Knock<'_>> = events.iter().map(unhurried).collect();
        let heard = self.door.knock_together(&knocks).await?;
        let mut aside = self.aside();
        aside.took.extend(heard.first().map(|heard| heard.took));
        aside.replies += heard.iter().map(|heard| heard.replies().len()).sum::<usize>();
        for (event, heard) in events.iter().zip(&heard) {
            aside.note(event, heard.replies(), self.clock.now());
        }
        drop(aside);
        Some(heard)
    }

    pub fn aside(&self) -> MutexGuard<'_, Aside> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn measured(&self) -> Measured {
        let aside = self.aside();
        let mut took: Vec<f64> = aside.took.iter().map(|took| took.as_secs_f64() * 1000.0).collect();
        took.sort_by(f64::total_cmp);
        let tenth = |ms: f64| (ms * 10.0).round() / 10.0;
        Measured {
            answers: took.len(),
            median_ms: took.get(took.len() / 2).copied().map_or(0.0, tenth),
            slowest_ms: took.last().copied().map_or(0.0, tenth),
            replies: aside.replies,
        }
    }
}

fn is_text(part: &v1::Part) -> bool {
    matches!(part.content, Some(Content::Text(_)))
}
