//! Who is logged in at the console? Sessions behind a cookie, in memory alone: a restart ends them all.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lru::LruCache;
use subtle::ConstantTimeEq as _;

use crate::{
    ports::{chance::Chance, clock::Millis},
    secret::Secret,
};

/// Nobody asked for so long: the session is over.
pub const IDLE: Millis = 2 * 3_600_000;
/// No session lives longer.
pub const LONGEST: Millis = 12 * 3_600_000;
/// With more open ones, the one that was silent longest ends.
const MOST: NonZeroUsize = NonZeroUsize::MIN.saturating_add(499);

/// Who logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// By an API token, of this id: whoever revokes the token ends the session.
    Token(String),
    /// Named by a trusted proxy, which names the same person in every request.
    Person(String),
}

/// One open session.
#[derive(Clone, Debug)]
pub struct Session {
    pub who: Who,
    /// What a change must carry besides the cookie: other sites cannot read it.
    pub csrf: Secret,
    began: Millis,
    seen: Millis,
}

impl Session {
    /// Whether `text` is this session's CSRF token.
    pub fn knows(&self, text: &str) -> bool {
        bool::from(self.csrf.expose().as_bytes().ct_eq(text.as_bytes()))
    }

    fn is_over(&self, now: Millis) -> bool {
        now - self.seen >= IDLE || now - self.began >= LONGEST
    }
}

/// Of a cookie only this is kept: what looks one up tells nothing about another by its time.
type Fingerprint = [u8; 32];

/// All open sessions.
pub struct Sessions {
    open: Mutex<LruCache<Fingerprint, Session>>,
    chance: Arc<dyn Chance>,
}

impl Sessions {
    pub fn new(chance: Arc<dyn Chance>) -> Self {
        Self {
            open: Mutex::new(LruCache::new(MOST)),
            chance,
        }
    }

    /// Opens one; its cookie's value is returned this once.
    pub fn begin(&self, who: Who, now: Millis) -> (Secret, Session) {
        let (cookie, csrf) = (self.fresh(), self.fresh());
        let session = Session {
            who,
            csrf,
            began: now,
            seen: now,
        };
        self.lock().put(fingerprint(cookie.expose()), session.clone());
        (cookie, session)
    }

    /// The open session behind a cookie; it is seen now.
    pub fn find(&self, cookie: &str, now: Millis) -> Option<Session> {
        let key = fingerprint(cookie);
        let mut open = self.lock();
        let session = open.get_mut(&key)?;
        if session.is_over(now) {
            open.pop(&key);
            return None;
        }
        session.seen = now;
        Some(session.clone())
    }

    pub fn end(&self, cookie: &str) {
        self.lock().pop(&fingerprint(cookie));
    }

    fn fresh(&self) -> Secret {
        let mut bytes = zeroize::Zeroizing::new([0; 32]);
        self.chance.fill(bytes.as_mut());
        Secret::new(URL_SAFE_NO_PAD.encode(bytes.as_ref()))
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Fingerprint, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fingerprint(cookie: &str) -> Fingerprint {
    let digest = ring::digest::digest(&ring::digest::SHA256, cookie.as_bytes());
    let mut key = [0; 32];
    key.copy_from_slice(digest.as_ref());
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::chance::SystemChance;

    fn sessions() -> Sessions {
        Sessions::new(Arc::new(SystemChance::default()))
    }

    #[test]
    fn a_session_ends_by_silence_by_age_and_by_order() {
        let sessions = sessions();
        let (cookie, _) = sessions.begin(Who::Token("t".into()), 0);
        assert!(sessions.find(cookie.expose(), IDLE - 1).is_some());
        assert!(sessions.find(cookie.expose(), 2 * IDLE - 1).is_none(), "silent");
        let (cookie, _) = sessions.begin(Who::Token("t".into()), 0);
        let hours = (1..12).map(|hour| hour * 3_600_000);
        for now in hours {
            assert!(sessions.find(cookie.expose(), now).is_some(), "{now}");
        }
        assert!(sessions.find(cookie.expose(), LONGEST).is_none(), "old");
        let (cookie, _) = sessions.begin(Who::Token("t".into()), 0);
        sessions.end(cookie.expose());
        assert!(sessions.find(cookie.expose(), 1).is_none(), "ended");
    }

    #[test]
    fn there_are_never_more_than_so_many_and_the_most_silent_one_goes() {
        let sessions = sessions();
        let cookies: Vec<Secret> = (0..=MOST.get())
            .map(|at| sessions.begin(Who::Person(at.to_string()), 0).0)
            .collect();
        assert_eq!(sessions.lock().len(), MOST.get());
        assert!(sessions.find(cookies[0].expose(), 1).is_none());
        assert!(sessions.find(cookies[1].expose(), 1).is_some());
    }

    #[test]
    fn no_two_sessions_share_a_cookie_or_a_csrf_token() {
        let sessions = sessions();
        let (one, first) = sessions.begin(Who::Token("t".into()), 0);
        let (other, second) = sessions.begin(Who::Token("t".into()), 0);
        assert!(one.expose() != other.expose() && !first.knows(second.csrf.expose()));
        assert!(first.knows(first.csrf.expose()) && !first.knows(""));
    }
}
