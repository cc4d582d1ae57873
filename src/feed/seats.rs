//! How many may ask at once with one token? A few: each of them may hold a page, and no core needs a thousand.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Requests for events that are open with one token at a time.
pub const SEATS: u32 = 32;

/// Who is here, by token.
#[derive(Clone, Default)]
pub struct Seats(Arc<Mutex<HashMap<String, u32>>>);

impl Seats {
    /// A seat until it is dropped; `None`: all of this token's are taken.
    pub fn take(&self, token: &str) -> Option<Seat> {
        let mut taken = self.lock();
        let count = taken.entry(token.to_owned()).or_default();
        if *count >= SEATS {
            return None;
        }
        *count += 1;
        Some(Seat {
            seats: self.clone(),
            token: token.to_owned(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub struct Seat {
    seats: Seats,
    token: String,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        if let Some(count) = taken.get_mut(&self.token) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_token_has_so_many_seats_and_gets_them_back() {
        let seats = Seats::default();
        let mut held: Vec<Seat> = (0..SEATS).map(|_| seats.take("a").expect("a seat")).collect();
        assert!(seats.take("a").is_none());
        assert!(seats.take("b").is_some(), "others have their own");
        held.pop();
        assert!(seats.take("a").is_some());
        held.clear();
        assert!(seats.lock().is_empty());
    }
}
