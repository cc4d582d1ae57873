//! What are open requests that a test opens and closes?

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use crate::{
    channels::contract::PassiveTo,
    ports::{
        clock::Millis,
        turn::{Claim, Windows},
    },
    schema::v1,
};

/// Requests of the platform that are still open.
#[derive(Default)]
pub struct FakeWindows(Arc<Mutex<HashMap<String, Window>>>);

#[derive(Clone)]
struct Window {
    deadline: Millis,
    claimed: bool,
    /// The connection is still there.
    connected: bool,
    /// When the platform left.
    left_at: Option<Millis>,
    handed: Vec<Vec<u8>>,
}

impl FakeWindows {
    pub fn open(&self, event: &str, deadline: Millis, connected: bool) {
        let window = Window {
            deadline,
            claimed: false,
            connected,
            left_at: None,
            handed: Vec::new(),
        };
        self.0
            .lock()
            .expect("no panic under the lock")
            .insert(event.to_owned(), window);
    }

    /// The platform hung up at this moment.
    pub fn left(&self, event: &str, at: Millis) {
        let mut windows = self.0.lock().expect("no panic under the lock");
        if let Some(window) = windows.get_mut(event) {
            (window.connected, window.left_at) = (false, Some(at));
        }
    }

    pub fn handed(&self, event: &str) -> Vec<String> {
        let windows = self.0.lock().expect("no panic under the lock");
        let handed = windows.get(event).map(|it| it.handed.clone()).unwrap_or_default();
        handed
            .into_iter()
            .map(|it| String::from_utf8(it).expect("UTF-8"))
            .collect()
    }
}

impl Windows for FakeWindows {
    fn look(&self, _: &str) -> Option<v1::PassiveWindow> {
        None
    }
    fn claim(&self, event_id: &str) -> Option<Box<dyn Claim>> {
        let mut windows = self.0.lock().expect("no panic under the lock");
        let window = windows.get_mut(event_id).filter(|it| !it.claimed)?;
        window.claimed = true;
        Some(Box::new(FakeClaim {
            windows: self.0.clone(),
            event: event_id.to_owned(),
            deadline: window.deadline,
            left_at: window.left_at,
            to: PassiveTo {
                to: "o1".into(),
                from: "gh_1".into(),
                part_types: &["text", "image", "transfer"],
                to_message: true,
                json: false,
            },
        }))
    }
    fn close(&self, event_id: &str) {
        self.0.lock().expect("no panic under the lock").remove(event_id);
    }
}

struct FakeClaim {
    windows: Arc<Mutex<HashMap<String, Window>>>,
    event: String,
    deadline: Millis,
    left_at: Option<Millis>,
    to: PassiveTo,
}

impl Claim for FakeClaim {
    fn to(&self) -> &PassiveTo {
        &self.to
    }
    fn deadline(&self) -> Millis {
        self.deadline
    }
    fn left_at(&self) -> Option<Millis> {
        self.left_at
    }
    fn hand_over(self: Box<Self>, plain: Vec<u8>) -> bool {
        let mut windows = self.windows.lock().expect("no panic under the lock");
        match windows.get_mut(&self.event) {
            Some(window) if window.connected => {
                window.handed.push(plain);
                true
            }
            _ => false,
        }
    }
    fn keep(self: Box<Self>) {
        self.windows
            .lock()
            .expect("no panic under the lock")
            .remove(&self.event);
    }
    fn release(self: Box<Self>) {
        if let Some(window) = self
            .windows
            .lock()
            .expect("no panic under the lock")
            .get_mut(&self.event)
        {
            window.claimed = false;
        }
    }
}
