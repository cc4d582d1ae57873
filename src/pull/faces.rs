//! Who are the customers? The platform is asked beside everything else, many at a time: no event waits for it, and none is
//! lost where it does not answer. What it tells stands in the conversation from then on.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, watch};

use super::{Pull, inventory::unanswered};
use crate::{
    channels::contract::{Profile, PullFault, Verdict},
    ports::{
        clock::Millis,
        store::{Page, PageStep, Stored},
    },
    schema::v1::{self, conversation::Scope},
};

/// Whoever was asked about is not asked about again before half of this.
const FRESH: Millis = 24 * 3_600_000;
/// So many are remembered as asked about, twice.
const REMEMBERED: usize = 20_000;
/// So many may wait; one that finds no place is asked about with their next event.
const WAITING: usize = 20_000;
/// The platform knows those who acted within 48 hours.
const KNOWN: Millis = 48 * 3_600_000;
const PAUSE: Millis = 60_000;
/// The credential may not ask.
const SHUT: Millis = 3_600_000;
/// Times that somebody is asked about before they are let be.
const TRIES: u32 = 5;

/// Those to be asked about.
#[derive(Default)]
pub struct Faces {
    inner: Mutex<Inner>,
    woken: Notify,
}

#[derive(Default)]
struct Inner {
    /// Conversations asked about lately, and those before them.
    asked: HashSet<String>,
    before: HashSet<String>,
    since: Millis,
    /// By account.
    waiting: BTreeMap<String, Line>,
    count: usize,
}

#[derive(Default)]
struct Line {
    who: VecDeque<Who>,
    not_before: Millis,
}

/// A customer, in one conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Who {
    key: String,
    id: String,
    tries: u32,
}

impl Faces {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These were heard from.
    pub fn saw(&self, account: &str, new: &[Arc<Stored>], now: Millis) {
        let mut inner = self.lock();
        let mut any = false;
        for stored in new {
            any |= who(stored, now).is_some_and(|who| inner.saw(account, who, now));
        }
        if any {
            self.woken.notify_one();
        }
    }

    /// Some of one account whose turn it is.
    fn next(&self, most: impl Fn(&str) -> usize, now: Millis) -> Option<(String, Vec<Who>)> {
        let mut inner = self.lock();
        let mut due = inner.waiting.iter_mut();
        let (account, line) = due.find(|(_, line)| !line.who.is_empty() && line.not_before <= now)?;
        let count = most(account).clamp(1, line.who.len());
        let (account, who) = (account.clone(), line.who.drain(..count).collect());
        inner.count -= count;
        Some((account, who))
    }

    fn next_due(&self) -> Option<Millis> {
        let inner = self.lock();
        let lines = inner.waiting.values().filter(|line| !line.who.is_empty());
        lines.map(|line| line.not_before).min()
    }

    /// They stand in line again, and the account waits.
    fn put_back(&self, account: &str, who: Vec<Who>, until: Millis) {
        let mut inner = self.lock();
        let again = who.into_iter().filter(|it| it.tries + 1 < TRIES);
        let again: Vec<_> = again
            .map(|it| Who {
                tries: it.tries + 1,
                ..it
            })
            .collect();
        inner.count += again.len();
        let line = inner.waiting.entry(account.to_owned()).or_default();
        line.who.extend(again);
        line.not_before = until;
    }

    /// Nobody of this account can be asked about for a while; after it, whoever is heard from.
    fn shut(&self, account: &str, who: Vec<Who>, until: Millis) {
        let mut inner = self.lock();
        let line = inner.waiting.entry(account.to_owned()).or_default();
        line.not_before = until;
        let left = std::mem::take(&mut line.who);
        inner.count -= left.len();
        for who in left.into_iter().chain(who) {
            inner.asked.remove(&who.key);
            inner.before.remove(&who.key);
        }
    }
}

impl Inner {
    fn saw(&mut self, account: &str, who: Who, now: Millis) -> bool {
        if self.asked.len() >= REMEMBERED || now - self.since > FRESH / 2 {
            self.before = std::mem::take(&mut self.asked);
            self.since = now;
        }
        let shut = self
            .waiting
            .get(account)
            .is_some_and(|line| line.not_before > now && line.who.is_empty());
        if shut || self.count >= WAITING || self.before.contains(&who.key) || !self.asked.insert(who.key.clone()) {
            return false;
        }
        self.waiting.entry(account.to_owned()).or_default().who.push_back(who);
        self.count += 1;
        true
    }
}

/// The customer of an event, where the platform may know them.
fn who(stored: &Stored, now: Millis) -> Option<Who> {
    let conversation = stored.event.conversation()?;
    let said = stored.event.head().platform.map_or(now, |at| at.millis());
    let scope = conversation.scope();
    let customer = conversation.customer?;
    (scope == Scope::Direct && now - said < KNOWN).then_some(Who {
        key: conversation.key,
        id: customer.native_id,
        tries: 0,
    })
}

impl Pull {
    /// Asks who they are, one call after the other, until `stop` says true.
    pub(super) async fn recognise(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let now = self.now();
            if let Some((account, who)) = self.faces.next(|account| self.at_once(account), now) {
                tokio::select! {
                    () = self.ask(&account, who) => {}
                    _ = stop.changed() => break,
                }
                continue;
            }
            let at = self.faces.next_due().unwrap_or(now + FRESH);
            tokio::select! {
                () = self.faces.woken.notified() => {}
                () = self.parts.clock.sleep_until(at.max(now + 1)) => {}
                changed = stop.changed() => if changed.is_err() { break },
            }
        }
    }

    fn at_once(&self, account: &str) -> usize {
        let opened = self.parts.registry.get(account);
        let faces = opened.as_ref().and_then(|opened| opened.account.faces());
        faces.map_or(usize::MAX, |faces| faces.at_once())
    }

    async fn ask(&self, account: &str, who: Vec<Who>) {
        let Some(told) = self.profiles(account, &who).await else {
            return;
        };
        let now = self.now();
        let until = match told {
            Ok(profiles) => match self.know(&who, profiles).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(account, %error, "who the customers are is not kept yet");
                    now + PAUSE
                }
            },
            Err(PullFault::Shut(error)) => {
                let (code, why) = (error.platform_code, error.platform_message);
                tracing::info!(account, code, why, "the platform does not tell who the customers are");
                return self.faces.shut(account, who, now + SHUT);
            }
            Err(_) => now + PAUSE,
        };
        self.faces.put_back(account, who, until);
    }

    /// `None`: the account is gone.
    async fn profiles(&self, account: &str, who: &[Who]) -> Option<Result<Vec<Profile>, PullFault>> {
        let opened = self.parts.registry.get(account)?;
        let faces = opened.account.faces()?;
        let ids: Vec<&str> = who.iter().map(|it| it.id.as_str()).collect();
        Some(match self.parts.keeper.call(&opened, &faces.who(&ids)).await {
            Ok((_, Verdict::RefreshToken(error))) => Err(PullFault::Later(error)),
            Ok((answer, _)) => faces.read_who(&answer),
            Err(fault) => Err(unanswered(fault)),
        })
    }

    async fn know(&self, who: &[Who], profiles: Vec<Profile>) -> Result<(), crate::ports::store::StoreError> {
        let mut page = Page::default();
        for Profile {
            id,
            aliases,
            display_name,
            avatar_url,
        } in profiles
        {
            let known = v1::Identity {
                native_id: id,
                aliases,
                display_name,
                avatar_url,
                ..Default::default()
            };
            let own = who.iter().filter(|it| it.id == known.native_id);
            page.steps.extend(own.map(|it| PageStep::Customer {
                key: it.key.clone(),
                known: Box::new(known.clone()),
            }));
        }
        if page.steps.is_empty() {
            return Ok(());
        }
        self.parts.store.accept_page(page).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(number: usize) -> Who {
        let id = format!("wm{number}");
        Who {
            key: format!("wechat_kf:ww1:wk1:u:{id}"),
            id,
            tries: 0,
        }
    }

    #[test]
    fn only_so_many_wait_and_are_remembered_and_who_found_no_place_finds_one_later() {
        let faces = Faces::default();
        let mut told = HashSet::new();
        for round in 1..=3 {
            for number in 0..3 * WAITING {
                faces.lock().saw("kf", who(number), 0);
            }
            assert_eq!(faces.lock().count, WAITING);
            let (_, drained) = faces.next(|_| usize::MAX, 0).expect("somebody waits");
            assert_eq!(drained.len(), WAITING);
            told.extend(drained.into_iter().map(|it| it.id));
            let inner = faces.lock();
            assert_eq!(inner.count, 0);
            assert!(
                inner.asked.len() + inner.before.len() <= 2 * REMEMBERED,
                "in round {round}"
            );
        }
        assert!(told.len() > WAITING, "nobody is left out for ever");
    }
}
