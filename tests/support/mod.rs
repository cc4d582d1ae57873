//! What do the tests of the real binary share? The binary itself, a core that records, and the platform's hand: its own
//! sealing, written a second time and from nothing of `src`.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

pub mod bridge;
pub mod company;
pub mod core;
pub mod grpc;
pub mod papers;
pub mod peer;
pub mod raw;
pub mod world;

use std::time::{Duration, Instant};

/// Long enough for a loaded machine; a test that is right never waits it out.
pub const LIMIT: Duration = Duration::from_secs(20);

/// Asks until there is an answer.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    until_within(LIMIT, what, &mut ask).await
}

/// Asks until there is an answer, or time is up.
pub async fn until_within<T>(limit: Duration, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(started.elapsed() < limit, "after {limit:?} still waiting: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Talks to loopback alone, and gives up later than anything here may take.
pub fn client() -> reqwest::Client {
    // Another client of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        // Well below what any listener keeps an idle connection for.
        .pool_idle_timeout(Duration::from_secs(1))
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap()
}

pub fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

/// Numbers that look random and come again with the same seed.
pub struct Dice(u64);

impl Dice {
    /// The seed of `WXBRIDGE_SEED`, else of the clock. Printed, so that a failure can be thrown again.
    pub fn from_env() -> Self {
        let given = std::env::var("WXBRIDGE_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| chrono::Utc::now().timestamp_micros().unsigned_abs());
        println!("WXBRIDGE_SEED={seed}");
        Self(seed)
    }

    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// splitmix64 (public domain, Sebastiano Vigna).
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of `0..sides`.
    pub fn below(&mut self, sides: u64) -> u64 {
        self.roll() % sides
    }
}
