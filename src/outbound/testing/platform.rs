//! What is a platform that answers by a script?

use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
};

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::ports::{
    clock::Millis,
    platform::{Answer, Call, CallBody, NoAnswer, Platform},
};

/// What the platform does with the next call on a path.
#[derive(Clone, Debug)]
pub enum Does {
    Says(Value),
    /// The same, and what time it is there.
    SaysAt(Value, Millis),
    Status(u16),
    /// This very answer.
    Answers(Answer),
    NotSent,
    Lost,
    /// A fault of our own in the middle of a call.
    Panics,
}

/// A platform that does what it was told, then says yes.
#[derive(Default)]
pub struct FakePlatform {
    inner: Mutex<Script>,
    /// Held while a test wants calls to wait.
    pub gate: tokio::sync::RwLock<()>,
}

#[derive(Default)]
struct Script {
    next: HashMap<&'static str, VecDeque<Does>>,
    asked: Vec<(&'static str, String, Option<String>)>,
    tokens: u32,
    in_flight: HashMap<String, u32>,
    overlapped: bool,
}

impl FakePlatform {
    pub fn will(&self, path: &'static str, does: impl IntoIterator<Item = Does>) {
        self.with(|script| script.next.entry(path).or_default().extend(does));
    }

    /// What was said on `/send`, in order.
    pub fn sent(&self) -> Vec<String> {
        self.asked("/send")
            .iter()
            .map(|body| {
                serde_json::from_str::<Value>(body).expect("JSON")["say"]
                    .as_str()
                    .expect("a text")
                    .to_owned()
            })
            .collect()
    }

    pub fn asked(&self, path: &str) -> Vec<String> {
        self.with(|script| {
            let on_path = script.asked.iter().filter(|(it, ..)| *it == path);
            on_path.map(|(_, body, _)| body.clone()).collect()
        })
    }

    pub fn tokens_used(&self, path: &str) -> Vec<String> {
        self.with(|script| {
            let on_path = script.asked.iter().filter(|(it, ..)| *it == path);
            on_path.filter_map(|(.., token)| token.clone()).collect()
        })
    }

    /// Two messages to one customer were under way at the same time.
    pub fn overlapped(&self) -> bool {
        self.with(|script| script.overlapped)
    }

    fn with<T>(&self, look: impl FnOnce(&mut Script) -> T) -> T {
        look(&mut self.inner.lock().expect("no panic under the lock"))
    }
}

#[async_trait]
impl Platform for FakePlatform {
    async fn ask(&self, _: &str, call: &Call, token: Option<&str>) -> Result<Answer, NoAnswer> {
        let body = match &call.body {
            CallBody::Json(json) => String::from_utf8_lossy(json).into_owned(),
            CallBody::File { bytes, .. } => String::from_utf8_lossy(bytes).into_owned(),
            CallBody::Empty => String::new(),
        };
        let to = serde_json::from_str::<Value>(&body)
            .ok()
            .and_then(|it| it["touser"].as_str().map(str::to_owned));
        self.with(|script| {
            script.asked.push((call.path, body, token.map(str::to_owned)));
            if let Some(to) = &to {
                let under_way = script.in_flight.entry(to.clone()).or_default();
                *under_way += 1;
                script.overlapped |= *under_way > 1;
            }
        });
        drop(self.gate.read().await);
        tokio::task::yield_now().await;
        let does = self.with(|script| {
            if let Some(to) = to {
                *script.in_flight.entry(to).or_default() -= 1;
            }
            let next = script.next.get_mut(call.path).and_then(VecDeque::pop_front);
            next.unwrap_or_else(|| match call.path {
                "/token" => {
                    script.tokens += 1;
                    Does::Says(json!({"access_token": format!("T{}", script.tokens), "expires_in": 7200}))
                }
                "/upload" => Does::Says(json!({"media_id": "M1"})),
                _ => Does::Says(json!({"errcode": 0})),
            })
        });
        let answer = |status, body: Vec<u8>| Answer {
            status,
            date: None,
            content_type: "application/json".into(),
            body,
        };
        match does {
            Does::Says(value) => Ok(answer(200, value.to_string().into_bytes())),
            Does::SaysAt(value, date) => Ok(Answer {
                date: Some(date),
                ..answer(200, value.to_string().into_bytes())
            }),
            Does::Answers(answer) => Ok(answer),
            Does::Status(status) => Ok(answer(status, Vec::new())),
            Does::NotSent => Err(NoAnswer::NotSent("refused".into())),
            Does::Lost => Err(NoAnswer::Lost("cut".into())),
            Does::Panics => panic!("as the test wants"),
        }
    }
}
