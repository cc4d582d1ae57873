//! How much may one token ask for, and all of them together? So many calls a second, so many at once, and so many bytes of
//! bodies at once; over HTTP and gRPC alike. What is over is refused with `Retry-After`: nothing queues.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering},
    },
};

use futures_util::{Stream, StreamExt as _};
use lru::LruCache;

use super::{Answer, Problem};
use crate::{error::Code, ports::clock::Millis};

/// Calls of one token under way at once; those that wait (`?wait=`, long polls) are among them.
pub const AT_ONCE: u32 = 256;
/// Calls of all tokens under way at once.
const ALL_AT_ONCE: u32 = 2_048;
/// Bytes of bodies of one token in memory at once.
pub const BODIES: u64 = 64 << 20;
/// So much of a second's calls may come in one moment.
const BURST: i64 = SECOND;
/// In microseconds.
const SECOND: i64 = 1_000_000;

/// Who is using how much.
pub struct Quotas {
    /// Microseconds between two calls of one token; 0 = no limit.
    apart: i64,
    tokens: Mutex<LruCache<String, Arc<Use>>>,
    all: Arc<AtomicU32>,
}

/// One token's.
#[derive(Default)]
struct Use {
    /// When its calls so far are paid for, in microseconds.
    paid_until: AtomicI64,
    calls: Arc<AtomicU32>,
    bytes: AtomicU64,
}

impl Quotas {
    /// 0 = any number of calls.
    pub fn new(calls_per_second: u64) -> Self {
        const KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4_095);
        let calls = i64::try_from(calls_per_second).unwrap_or(SECOND);
        Self {
            apart: if calls == 0 { 0 } else { (SECOND / calls).max(1) },
            tokens: Mutex::new(LruCache::new(KEPT)),
            all: Arc::default(),
        }
    }

    /// Lets one call of this token in, or says when to come again. The call is under way until the ticket is dropped.
    pub fn admit(&self, token: &str, now: Millis) -> Answer<Ticket> {
        let one = self.of(token);
        if let Some(seconds) = one.pay(self.apart, now.saturating_mul(1_000)) {
            return Err(Problem::slow_down("this token calls more often than it may", seconds));
        }
        let own = Seat::take(&one.calls, AT_ONCE).ok_or_else(|| {
            let told = format!("{AT_ONCE} calls of this token are under way, as many as it may have");
            Problem::slow_down(told, 1)
        })?;
        let any = Seat::take(&self.all, ALL_AT_ONCE)
            .ok_or_else(|| Problem::new(Code::Overloaded, "too many calls are under way"))?;
        Ok(Ticket(Arc::new(Held {
            one,
            bytes: AtomicU64::new(0),
            _seats: [own, any],
        })))
    }

    fn of(&self, token: &str) -> Arc<Use> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = tokens.get(token) {
            return known.clone();
        }
        let new = Arc::<Use>::default();
        tokens.put(token.to_owned(), new.clone());
        new
    }
}

impl Use {
    /// Pays for one call; the seconds to wait where there is no credit.
    fn pay(&self, apart: i64, now: i64) -> Option<u32> {
        if apart == 0 {
            return None;
        }
        let burst = BURST.max(apart);
        let paid = self
            .paid_until
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |until| {
                // A clock that went back shuts nobody out.
                let until = if until > now + burst { now } else { until.max(now) };
                (until + apart <= now + burst).then_some(until + apart)
            });
        match paid {
            Ok(_) => None,
            Err(until) => {
                let wait = (until + apart - burst - now).clamp(1, 60 * SECOND);
                u32::try_from((wait + SECOND - 1) / SECOND).ok()
            }
        }
    }
}

/// One call that is under way. Copies of it are the same call.
#[derive(Clone)]
pub struct Ticket(Arc<Held>);

struct Held {
    one: Arc<Use>,
    bytes: AtomicU64,
    _seats: [Seat; 2],
}

impl Ticket {
    /// So many bytes more of its body are in memory, until the call ends.
    pub fn holds(&self, bytes: u64) -> Answer<()> {
        self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
        let before = self.0.one.bytes.fetch_add(bytes, Ordering::Relaxed);
        match before + bytes > BODIES {
            true => Err(Problem::slow_down(
                "the bodies of this token take more memory than they may",
                1,
            )),
            false => Ok(()),
        }
    }
}

/// An answer that is read as it is taken: its call ends with it.
pub fn during<S: Stream>(ticket: Option<Ticket>, answer: S) -> impl Stream<Item = S::Item> {
    answer.inspect(move |_| {
        let _held = &ticket;
    })
}

impl Drop for Held {
    fn drop(&mut self) {
        let bytes = self.bytes.load(Ordering::Relaxed);
        self.one.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// One of so many places.
struct Seat(Arc<AtomicU32>);

impl Seat {
    fn take(seats: &Arc<AtomicU32>, most: u32) -> Option<Self> {
        let more = |taken: u32| (taken < most).then_some(taken + 1);
        let taken = seats.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.ok().map(|_| Self(seats.clone()))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_752_000_000_000;

    fn refused(quotas: &Quotas, now: Millis) -> Option<(u16, Option<u32>)> {
        let problem = quotas.admit("a", now).err()?;
        assert_eq!(problem.code, Code::Overloaded);
        Some((problem.status.as_u16(), problem.retry_after))
    }

    #[test]
    fn a_token_calls_so_often_and_is_told_when_to_come_again() {
        let quotas = Quotas::new(10);
        for _ in 0..10 {
            assert_eq!(refused(&quotas, NOW), None, "a second's calls at once");
        }
        assert_eq!(refused(&quotas, NOW), Some((429, Some(1))));
        assert!(quotas.admit("b", NOW).is_ok(), "others have their own");
        assert_eq!(refused(&quotas, NOW + 99), Some((429, Some(1))));
        assert_eq!(refused(&quotas, NOW + 100), None, "one call is paid for");
        assert_eq!(refused(&quotas, NOW + 100), Some((429, Some(1))));
        for _ in 0..10 {
            assert_eq!(refused(&quotas, NOW - 3_600_000), None, "the clock went back");
        }
        assert_eq!(refused(&quotas, NOW - 3_600_000), Some((429, Some(1))));
    }

    #[test]
    fn no_limit_is_no_limit() {
        let quotas = Quotas::new(0);
        assert!((0..100_000).all(|_| refused(&quotas, NOW).is_none()));
    }

    #[test]
    fn so_many_calls_are_under_way_at_once() {
        let quotas = Quotas::new(0);
        let mut held: Vec<Ticket> = (0..AT_ONCE).map(|_| quotas.admit("a", NOW).expect("let in")).collect();
        assert_eq!(refused(&quotas, NOW), Some((429, Some(1))));
        held.pop();
        assert_eq!(refused(&quotas, NOW), None);
        held.extend(
            (1..8)
                .flat_map(|token| (0..AT_ONCE).map(move |_| token.to_string()))
                .map(|token| quotas.admit(&token, NOW).expect("let in")),
        );
        held.push(quotas.admit("a", NOW).expect("the last place"));
        let whole = quotas.admit("z", NOW).err().expect("full");
        assert_eq!((whole.status.as_u16(), whole.retry_after), (503, Some(1)));
        held.clear();
        assert_eq!(refused(&quotas, NOW), None);
    }

    #[test]
    fn an_answer_that_nobody_reads_to_its_end_is_under_way() {
        let quotas = Quotas::new(0);
        let answer = || during(quotas.admit("a", NOW).ok(), futures_util::stream::pending::<()>());
        let mut unread: Vec<_> = (0..AT_ONCE).map(|_| answer()).collect();
        assert_eq!(refused(&quotas, NOW), Some((429, Some(1))));
        unread.pop();
        assert_eq!(refused(&quotas, NOW), None);
    }

    #[test]
    fn bodies_are_counted_until_their_call_ends() {
        let quotas = Quotas::new(0);
        let (one, two) = (quotas.admit("a", NOW).expect("in"), quotas.admit("a", NOW).expect("in"));
        assert!(one.holds(BODIES - 10).is_ok() && two.holds(10).is_ok());
        assert_eq!(two.clone().holds(1).err().map(|it| it.status.as_u16()), Some(429));
        drop(one);
        // All of it came back, and what was refused is counted like the rest.
        assert!(two.holds(BODIES - 11).is_ok());
        assert!(two.holds(1).is_err());
        assert!(
            quotas.admit("b", NOW).expect("in").holds(BODIES).is_ok(),
            "others have their own"
        );
    }
}
