//! Is this plain body the first with its (timestamp, nonce)? A plain signature covers no body, so the first one binds it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use ring::digest::{Context, SHA256};

use crate::{channels::contract::CallbackQuery, ports::clock::Millis};

/// A plain signature is honoured this long, before and after its timestamp, so the binding holds for both.
const KEPT: Millis = 10 * 60 * 1000;
/// Only who knows the token can add to these, so a flood of them is the platform's own.
const MOST: usize = 100_000;

type Digest = [u8; 16];

/// Which body each (account, timestamp, nonce) stands for. Two generations: the elder goes as a whole.
#[derive(Default)]
pub struct Nonces(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<Digest, Digest>,
    elder: HashMap<Digest, Digest>,
    turned: Millis,
}

impl Nonces {
    /// `false`: another body came with this pair before. `apart`: as far as the two clocks are from each other by which a
    /// signature may be honoured, which lives that much longer.
    pub fn bind(&self, account: &str, query: &CallbackQuery, body: &[u8], now: Millis, apart: u64) -> bool {
        let pair = digest(&[account.as_bytes(), query.timestamp.as_bytes(), query.nonce.as_bytes()]);
        let body = digest(&[body]);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.turn(now, KEPT.unsigned_abs().saturating_add(apart));
        if let Some(first) = kept.young.get(&pair).or_else(|| kept.elder.get(&pair)) {
            return *first == body;
        }
        kept.young.insert(pair, body);
        true
    }
}

impl Generations {
    fn turn(&mut self, now: Millis, life: u64) {
        let aged = now.abs_diff(self.turned) >= life;
        if aged || self.young.len() >= MOST {
            self.turned = now;
            self.elder = std::mem::take(&mut self.young);
        }
    }
}

fn digest(parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    let mut short = [0; 16];
    short.copy_from_slice(&context.finish().as_ref()[..16]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(timestamp: &str, nonce: &str) -> CallbackQuery {
        CallbackQuery {
            timestamp: timestamp.into(),
            nonce: nonce.into(),
            ..CallbackQuery::default()
        }
    }

    #[test]
    fn the_first_body_binds_its_pair_for_as_long_as_the_signature_lives() {
        let nonces = Nonces::default();
        let start = 1_752_000_000_000;
        let bind = |account: &str, timestamp: &str, nonce: &str, body: &[u8], now| {
            nonces.bind(account, &query(timestamp, nonce), body, now, 0)
        };
        assert!(bind("shop", "1", "2", b"first", start));
        assert!(bind("shop", "1", "2", b"first", start + 1), "the platform's retry");
        assert!(!bind("shop", "1", "2", b"other", start + 2));
        assert!(bind("other", "1", "2", b"other", start + 2));
        assert!(bind("shop", "12", "", b"other", start + 2));
        assert!(!bind("shop", "1", "2", b"other", start + KEPT));
        assert!(bind("shop", "1", "2", b"other", start + 3 * KEPT), "forgotten at last");
    }

    #[test]
    fn where_two_clocks_are_apart_it_binds_for_as_long_as_either_honours_it() {
        let nonces = Nonces::default();
        let (start, apart) = (1_752_000_000_000, 3_600_000);
        assert!(nonces.bind("shop", &query("1", "2"), b"first", start, apart));
        let later = start + 3_600_000 + KEPT / 2;
        for now in [start + KEPT, start + 3 * KEPT, later] {
            assert!(!nonces.bind("shop", &query("1", "2"), b"other", now, apart));
        }
    }

    #[test]
    fn memory_is_bounded() {
        let nonces = Nonces::default();
        for number in 0..MOST + MOST / 2 {
            nonces.bind("shop", &query("1", &number.to_string()), b"", 1, 0);
        }
        let kept = nonces.0.lock().expect("no panic under the lock");
        assert!(kept.young.len() + kept.elder.len() <= 2 * MOST);
    }
}
