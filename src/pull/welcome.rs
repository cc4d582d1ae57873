//! Who greets a customer where the core does not? The account's `welcome`, by the code that lives 20 seconds.
//!
//! The core has twelve of them. What it sends in answer to the event uses the code up; a welcome of ours then stays unsaid. Words
//! of the core's that fail leave it to us again.

use std::sync::Arc;

use super::Pull;
use crate::{
    accounts::Opened,
    channels::contract::CodeOf,
    outbound::Caller,
    ports::{
        clock::Millis,
        store::{EventQuery, Stored},
    },
    schema::{
        Says, Timestamp,
        v1::{self, event::Body, part::Content, send_request::What, send_result::Status},
    },
};

/// After the customer came in.
const AFTER: Millis = 12_000;
/// Between looks whether the core's words went after all.
const LOOK_AGAIN: Millis = 1_000;
/// More events than come while a code lives.
const LATELY: usize = 2_000;

impl Pull {
    /// Greets those who came in with a code, unless the core does.
    pub(super) fn greet(self: &Arc<Self>, opened: &Arc<Opened>, new: &[Arc<Stored>]) {
        let Some(words) = opened.settings.welcome.as_ref().and_then(words) else {
            return;
        };
        for stored in new {
            // Few are signals, and the others need not be read to know it.
            if stored.event.head().says != Says::Signal {
                continue;
            }
            let Some(Body::Signal(signal)) = &stored.event.body else {
                continue;
            };
            if CodeOf::of(signal) != Some(CodeOf::Welcome) {
                continue;
            }
            let now = self.now();
            let came = stored.event.platform_time.map_or(now, |at| at.millis());
            let Some(ends) = signal.code_expires.map(|at| at.millis()).filter(|ends| *ends > now) else {
                continue;
            };
            let (pull, stored, words) = (self.clone(), stored.clone(), words.clone());
            tokio::spawn(async move {
                pull.parts.clock.sleep_until(came + AFTER).await;
                pull.welcome(&stored, words, ends).await;
            });
        }
    }

    /// A restart does not forget those who wait for a welcome.
    pub(super) async fn greet_again(self: &Arc<Self>) {
        let all = self.parts.registry.all();
        let greeting: Vec<_> = (all.into_iter())
            .filter(|opened| opened.account.pulls().is_some() && opened.settings.welcome.is_some())
            .collect();
        if greeting.is_empty() {
            return;
        }
        let lately = EventQuery {
            newest_first: true,
            limit: LATELY,
            ..EventQuery::default()
        };
        let lately = match self.parts.store.events(lately).await {
            Ok(lately) => lately,
            Err(error) => return tracing::warn!(%error, "who waits for a welcome is not known"),
        };
        for opened in greeting {
            let own = |stored: &&Arc<Stored>| stored.event.head().account == opened.settings.id;
            let own: Vec<_> = lately.iter().filter(own).cloned().collect();
            self.greet(&opened, &own);
        }
    }

    /// As long as the code lives: what the core sends may fail, and the store may refuse.
    async fn welcome(&self, stored: &Stored, words: v1::Message, ends: Millis) {
        while self.now() < ends {
            match self.greeted(stored).await {
                Greeted::Yes => return,
                Greeted::No if self.say(stored, words.clone(), ends).await => return,
                Greeted::No | Greeted::Perhaps => {}
            }
            self.parts.clock.sleep_until(self.now() + LOOK_AGAIN).await;
        }
    }

    /// Whether the core said something to this event that reached the customer, or may still do so.
    async fn greeted(&self, stored: &Stored) -> Greeted {
        let key = key_of(stored);
        let messages = match self.parts.store.recent_messages(Some(key), 20).await {
            Ok(messages) => messages,
            Err(error) => {
                tracing::warn!(%error, "whether the core greeted is not known yet");
                return Greeted::Perhaps;
            }
        };
        let words = messages
            .iter()
            .filter(|it| it.answers == Some(stored.row) && says(&it.request));
        let each = words.map(|it| match it.status() {
            _ if it.pieces_done > 0 || !it.result.platform_message_ids.is_empty() => Greeted::Yes,
            // One that is held goes when they write, and leaves the code unused.
            Status::Failed | Status::Expired | Status::Recalled | Status::Held => Greeted::No,
            Status::Accepted | Status::Sending => Greeted::Perhaps,
            Status::Sent | Status::HandedOver | Status::Unknown | Status::Unspecified => Greeted::Yes,
        });
        each.max().unwrap_or(Greeted::No)
    }

    /// `false`: it was not taken.
    async fn say(&self, stored: &Stored, words: v1::Message, ends: Millis) -> bool {
        let key = key_of(stored);
        let request = v1::SendRequest {
            client_message_id: format!("welcome/{}", stored.event.id),
            conversation_key: key.to_owned(),
            in_reply_to: stored.event.id.clone(),
            not_after: Some(Timestamp::from_millis(ends)),
            what: Some(What::Message(words)),
            ..Default::default()
        };
        let said = self.parts.outbound.submit(&Caller::default(), request, false).await;
        if let Err(fault) = &said {
            tracing::warn!(event = stored.event.id, %fault, "a welcome was not sent");
        }
        said.is_ok()
    }
}

/// Whether a customer was greeted, each saying more than those before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Greeted {
    No,
    Perhaps,
    Yes,
}

fn key_of(stored: &Stored) -> &str {
    stored.event.conversation.as_ref().map_or("", |it| it.key.as_str())
}

/// It has words: a typing sign greets nobody.
fn says(request: &v1::SendRequest) -> bool {
    match &request.what {
        Some(What::Text(_) | What::Message(_) | What::NativeJson(_)) => true,
        Some(What::Session(order)) => order.closing.is_some(),
        Some(What::Typing(_) | What::RecallMessageId(_)) | None => false,
    }
}

/// `welcome = "text"` or `{ text, menu = ["…"] }`.
fn words(welcome: &toml::Value) -> Option<v1::Message> {
    let content = match welcome {
        toml::Value::String(text) => Content::Text(plain(text)),
        toml::Value::Table(fields) => {
            let text = fields.get("text").and_then(toml::Value::as_str).unwrap_or_default();
            let items = fields
                .get("menu")
                .and_then(toml::Value::as_array)
                .map_or(&[][..], Vec::as_slice);
            let actions = items.iter().filter_map(toml::Value::as_str).map(|label| v1::Action {
                label: label.to_owned(),
                kind: Some(v1::action::Kind::ReplyText(label.to_owned())),
                ..Default::default()
            });
            match actions.collect::<Vec<_>>() {
                none if none.is_empty() => Content::Text(plain(text)),
                actions => Content::Menu(v1::Menu {
                    head: text.to_owned(),
                    actions,
                    tail: String::new(),
                }),
            }
        }
        _ => return None,
    };
    let empty = matches!(&content, Content::Text(text) if text.body.trim().is_empty());
    (!empty).then(|| v1::Message {
        parts: vec![v1::Part {
            content: Some(content),
            ..Default::default()
        }],
        ..Default::default()
    })
}

fn plain(text: &str) -> v1::Text {
    v1::Text {
        body: text.to_owned(),
        ..Default::default()
    }
}
