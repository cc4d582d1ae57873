//! Which accounts and places have a seat at the desk?

use std::collections::BTreeSet;

use super::{Desk, Lane, NEVER, Seat, Standing};
use crate::{
    ports::clock::Millis,
    pull::record::{Known, Mark, Place, PlaceKey},
};

impl Desk {
    /// Whether the account has a seat.
    pub fn seats(&self, key: &str) -> bool {
        self.lock().accounts.contains_key(key)
    }

    /// What was remembered of an account; everything of it is due.
    pub fn remembered(
        &self,
        key: &str,
        account: &str,
        known: Known,
        places: Vec<(PlaceKey, Place, Mark)>,
        now: Millis,
    ) {
        let mut inner = self.lock();
        let seat = Seat {
            account: account.to_owned(),
            listed: known.listed.is_some(),
            asked: false,
            named: None,
            state: Standing {
                due: now,
                ..Standing::default()
            },
        };
        inner.accounts.insert(key.to_owned(), seat);
        for (place_key, place, mark) in places {
            let lane = inner.places.entry(place_key).or_insert_with(|| Lane {
                place,
                ..Lane::default()
            });
            if lane.mark.at <= mark.at {
                lane.mark = mark;
            }
            lane.state.due = now;
        }
    }

    /// Only these accounts have anything to do here.
    pub fn leave_only(&self, keys: &BTreeSet<String>) {
        let mut inner = self.lock();
        if inner.accounts.keys().all(|key| keys.contains(key)) {
            return;
        }
        inner.accounts.retain(|key, _| keys.contains(key));
        // One whose turn is under way goes when that has ended.
        inner
            .places
            .retain(|key, lane| lane.state.running || keys.contains(&key.account_key));
    }

    pub fn knows(&self, key: &PlaceKey) -> bool {
        self.lock().places.contains_key(key)
    }

    pub fn listed(&self, account_key: &str) -> bool {
        self.lock().accounts.get(account_key).is_some_and(|seat| seat.listed)
    }

    pub fn note_listed(&self, account_key: &str) {
        if let Some(seat) = self.lock().accounts.get_mut(account_key) {
            seat.listed = true;
        }
    }

    /// The places of this account are asked for at once. `false` where it has no seat.
    pub fn list_soon(&self, account: &str, now: Millis) -> bool {
        let mut inner = self.lock();
        let Some(seat) = inner.accounts.values_mut().find(|seat| seat.account == account) else {
            return false;
        };
        seat.asked = true;
        seat.state.due = now;
        true
    }

    /// The places that the operator names now; where that is news, the account's places are looked at anew.
    pub fn names(&self, account_key: &str, named: &[String], now: Millis) {
        let mut inner = self.lock();
        let Some(seat) = inner.accounts.get_mut(account_key) else {
            return;
        };
        if seat.named.as_deref() == Some(named) {
            return;
        }
        if seat.named.replace(named.to_vec()).is_some() {
            seat.asked = true;
            seat.state.due = now;
        }
    }

    /// What the platform lists of an account: a place that is listed again is due, and one that is not has no turn before a
    /// bell rings there. It keeps its cursor.
    pub fn lists(&self, account_key: &str, sub_ids: &[String], now: Millis) {
        let mut inner = self.lock();
        let own = inner
            .places
            .iter_mut()
            .filter(|(key, _)| key.account_key == account_key);
        for (key, lane) in own {
            match (sub_ids.contains(&key.sub_id), lane.state.due == NEVER) {
                (true, true) => lane.state.due = now,
                (false, false) if !lane.state.running && !lane.state.in_line => {
                    lane.state.due = NEVER;
                    lane.state.faults = 0;
                }
                _ => {}
            }
        }
    }

    pub fn places_of(&self, account: &str) -> Vec<String> {
        let inner = self.lock();
        let own = inner.places.keys().filter(|key| key.account == account);
        own.map(|key| key.sub_id.clone()).collect()
    }

    /// A place that is new, and due. One that somebody else found meanwhile stays as it is.
    pub fn found(&self, key: PlaceKey, place: Place, now: Millis) {
        let mut inner = self.lock();
        inner.places.entry(key).or_insert_with(|| Lane {
            place,
            state: Standing {
                due: now,
                ..Standing::default()
            },
            ..Lane::default()
        });
    }
}
