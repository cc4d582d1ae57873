//! What do all doors share? One world behind one lock, the way to wake who waits, and the client that pushes.

use std::{
    io,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::sync::watch;

use super::world::World;

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[derive(Debug)]
pub struct Platform {
    world: Mutex<World>,
    changed: watch::Sender<u64>,
    base: OnceLock<String>,
    pub http: reqwest::Client,
    chance: SystemRandom,
}

impl Platform {
    pub fn new() -> io::Result<Self> {
        // The client wants one for https callbacks; whoever installed one before keeps it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(0)
            .user_agent("Mozilla/4.0")
            .build()
            .map_err(io::Error::other)?;
        Ok(Self {
            world: Mutex::default(),
            changed: watch::Sender::new(0),
            base: OnceLock::new(),
            http,
            chance: SystemRandom::new(),
        })
    }

    /// What exists. Held for a moment only, never over an await.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_base(&self, url: String) {
        // Set once, at the start.
        let _ = self.base.set(url);
    }

    pub fn base(&self) -> &str {
        self.base.get().map_or("", String::as_str)
    }

    /// Wakes the long polls.
    pub fn touch(&self) {
        self.changed.send_modify(|turn| *turn += 1);
    }

    /// `look` until it finds something or the time is over; the last look either way.
    pub async fn poll<T>(&self, wait: Duration, look: impl Fn(&World) -> (bool, T)) -> T {
        let deadline = tokio::time::Instant::now() + wait.min(Duration::from_secs(60));
        let mut changes = self.changed.subscribe();
        loop {
            let (found, seen) = look(&self.world());
            if found || tokio::time::timeout_at(deadline, changes.changed()).await.is_err() {
                return seen;
            }
        }
    }

    /// Random characters of `[A-Za-z0-9_-]`.
    pub fn letters(&self, count: usize) -> String {
        self.bytes(count)
            .into_iter()
            .filter_map(|byte| LETTERS.get(usize::from(byte & 63)))
            .map(|letter| char::from(*letter))
            .collect()
    }

    /// Random decimal digits, the first not a zero.
    pub fn digits(&self, count: usize) -> String {
        let bytes = self.bytes(count).into_iter().enumerate();
        bytes
            .map(|(at, byte)| if at == 0 { byte % 9 + 1 } else { byte % 10 })
            .map(|digit| char::from(b'0' + digit))
            .collect()
    }

    /// 43 letters and digits, as the console makes an EncodingAESKey.
    pub fn aes_key(&self) -> String {
        self.letters(43).replace(['-', '_'], "k")
    }

    pub fn random16(&self) -> [u8; 16] {
        // Printable by convention.
        let mut random = [b'0'; 16];
        for (to, from) in random.iter_mut().zip(self.letters(16).bytes()) {
            *to = from;
        }
        random
    }

    fn bytes(&self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        if self.chance.fill(&mut bytes).is_err() {
            // A simulator without the system's randomness still simulates.
            for (at, byte) in bytes.iter_mut().enumerate() {
                *byte = u8::try_from(at % 251).unwrap_or(0);
            }
        }
        bytes
    }
}
