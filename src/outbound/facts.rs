//! How do things stand for one conversation and account, right now?

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use prost::Message as _;
use serde_json::Value;

use super::{card_info, check, plan::Facts};
use crate::{
    accounts::Opened,
    channels::contract::{Pieces, Say, What as SayWhat},
    conversation::ledger::Standing,
    error::{Code, Fault},
    ports::{clock::Millis, store::View},
    schema::{
        Says, Written,
        v1::{
            self, conversation::SessionState, part_capability::Support, send_request::What, send_result::Road,
            session_control::Verb,
        },
    },
};

/// An account whose API was found shut is tried again after this long: operators mend such things, and nobody tells us.
const PROBE: Millis = 10 * 60_000;

/// When accounts whose API is shut were last tried.
#[derive(Default)]
pub struct Probes(Mutex<HashMap<String, Millis>>);

impl Probes {
    /// Why the API is shut; `None` when it is open, or when it is time to try again.
    pub fn shut(&self, opened: &Opened, now: Millis) -> Option<Code> {
        let capable = opened.account.capabilities().api;
        let code = opened.observe(|condition| condition.api_shut);
        match code {
            Some(code) => {
                let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                let last = tried.entry(opened.settings.id.clone()).or_insert(now);
                (now - *last < PROBE).then_some(code)
            }
            None if capable => None,
            None => Some(Code::NotEntitled),
        }
    }

    /// The platform refused the account (again) at `now`.
    pub fn refused(&self, opened: &Opened, now: Millis) {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tried.insert(opened.settings.id.clone(), now);
    }
}

/// What the planner wants to know, without a passive window.
///
/// Where the platform keeps sessions, only it knows whose this one is: one that ends by itself, or by somebody else's order,
/// tells nobody (`wechat_kf`: <https://developer.work.weixin.qq.com/document/path/94669>). There a message is tried, and what
/// refuses it is read back.
pub fn facts(opened: Option<&Opened>, view: Option<&View>, api_shut: Option<Code>, now: Millis) -> Facts {
    let asks_platform = opened.is_some_and(|opened| opened.account.sessions().is_some());
    let ledger = view.and_then(|view| view.state.ledger.as_ref());
    Facts {
        standing: ledger.map_or(Standing::Unknown, |ledger| ledger.standing(now)),
        human: !asks_platform && session_state(view) == SessionState::Human,
        api_shut,
        passive: false,
        after_event: false,
        earlier: false,
        behind_held: None,
        acted: view.map_or(0, |view| view.state.last_act),
        most: opened.and_then(|opened| opened.account.most_allowed()),
    }
}

/// Whether the platform told of a deed, and no words: what is tapped in a message comes as words.
pub fn is_event(event: &Written) -> bool {
    use v1::{event::Body, interaction::Kind};
    match event.head().says {
        Says::Message => false,
        // Only of a tap more has to be read than what it is.
        Says::Interaction => !matches!(&event.body, Some(Body::Interaction(tap)) if tap.kind() == Kind::Choice),
        _ => true,
    }
}

pub fn session_state(view: Option<&View>) -> SessionState {
    view.and_then(|view| view.state.conversation.as_ref())
        .map_or(SessionState::Unspecified, v1::Conversation::session_state)
}

/// What an account can do now: what it is made for, less what the platform refused and what its format leaves no room for.
pub fn capabilities(opened: &Opened) -> v1::Capabilities {
    let (api_shut, json) = opened.observe(|condition| (condition.api_shut, condition.json));
    able(opened, api_shut, json)
}

/// What it can do while the platform's API is shut like this, and its callbacks come in this format.
pub fn able(opened: &Opened, api_shut: Option<Code>, json: bool) -> v1::Capabilities {
    let mut capabilities = opened.account.capabilities();
    if json && capabilities.passive {
        capabilities.passive = false;
        // It goes by no other road.
        for part in capabilities
            .outbound
            .iter_mut()
            .filter(|part| part.r#type == "transfer")
        {
            *part = v1::PartCapability {
                r#type: std::mem::take(&mut part.r#type),
                support: Support::No as i32,
                ..Default::default()
            };
        }
    }
    if let Some(code) = api_shut {
        capabilities.api = false;
        code.name().clone_into(&mut capabilities.api_reason);
    }
    capabilities.revision = revision(&capabilities);
    capabilities
}

/// Equal for equal records, whenever and wherever they are made.
fn revision(capabilities: &v1::Capabilities) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, &capabilities.encode_to_vec());
    digest
        .as_ref()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The road of these pieces, where they go by the API.
pub fn road_of(opened: &Opened, pieces: &Pieces) -> Road {
    let account = &opened.account;
    let first = pieces.pieces.first();
    first.map_or_else(|| account.usual_road(), |first| account.road(first))
}

/// What a request wants said; `None` where it says nothing (session orders without words, recalls).
pub fn said(request: &v1::SendRequest) -> Result<Option<Say>, Fault> {
    let parts = |parts: Vec<v1::Part>, quote: Option<v1::Quote>| SayWhat::Parts {
        parts: parts.into_iter().map(card_info::filled).collect(),
        quote,
    };
    let what = match &request.what {
        Some(What::Text(text)) => parts(vec![text_part(text)], None),
        Some(What::Message(message)) => parts(message.parts.clone(), message.quote.clone()),
        Some(What::NativeJson(json)) => SayWhat::Native(
            serde_json::from_str::<Value>(json).map_err(|error| check::invalid(format!("nativeJson: {error}")))?,
        ),
        Some(What::Typing(_)) => SayWhat::Typing,
        Some(What::Session(order)) => match &order.closing {
            Some(closing) if order.verb() == Verb::End => parts(closing.parts.clone(), closing.quote.clone()),
            _ => return Ok(None),
        },
        Some(What::RecallMessageId(_)) | None => return Ok(None),
    };
    Ok(Some(Say {
        what,
        degrade: request.degrade(),
        ai_generated: request.ai_generated,
        speaker: request.speaker.clone(),
        ..Default::default()
    }))
}

fn text_part(text: &str) -> v1::Part {
    v1::Part {
        content: Some(v1::part::Content::Text(v1::Text {
            body: text.to_owned(),
            ..Default::default()
        })),
        ..Default::default()
    }
}

/// A session order that ends the session once its words are said.
pub fn ends_session(request: &v1::SendRequest) -> bool {
    matches!(&request.what, Some(What::Session(order)) if order.verb() == Verb::End)
}

/// The customer's id on the platform.
pub fn recipient(key: &str) -> Option<String> {
    crate::conversation::key::Key::parse(key).map(|key| key.native_id)
}

/// The account that a conversation key belongs to.
pub fn account_of(registry: &crate::accounts::Registry, key: &crate::conversation::key::Key) -> Option<Arc<Opened>> {
    registry.by_platform(&key.channel, &key.platform_id, &key.sub_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::v1::{event::Body, interaction::Kind};

    #[test]
    fn words_and_what_is_tapped_in_them_are_no_deed() {
        let tap = |kind: Kind| {
            Body::Interaction(v1::Interaction {
                kind: kind as i32,
                ..Default::default()
            })
        };
        for (body, deed) in [
            (Body::Message(v1::Message::default()), false),
            (tap(Kind::Choice), false),
            (tap(Kind::MenuClick), true),
            (Body::Signal(v1::Signal::default()), true),
        ] {
            let event = v1::Event {
                body: Some(body),
                ..Default::default()
            };
            let unread = Written::unread(event.encode_to_vec().into()).expect("a head");
            assert_eq!(is_event(&unread), deed, "{event:?}");
            assert_eq!(is_event(&event.into()), deed);
        }
    }

    #[test]
    fn an_account_whose_api_is_shut_says_so_and_why() {
        let opened = crate::outbound::testing::opened();
        let open = able(&opened, None, false);
        assert_eq!((open.api, open.api_reason.as_str()), (true, ""));
        let shut = able(&opened, Some(Code::NotEntitled), false);
        assert_eq!((shut.api, shut.api_reason.as_str()), (false, "NOT_ENTITLED"));
        assert_ne!(open.revision, shut.revision);
        assert_eq!(shut.revision, able(&opened, Some(Code::NotEntitled), false).revision);
        assert!(
            open.passive && !able(&opened, None, true).passive,
            "JSON has no passive road"
        );
    }

    #[test]
    fn a_key_names_its_customer() {
        assert_eq!(recipient("official_account:wx1:u:o%3A1").as_deref(), Some("o:1"));
        assert_eq!(recipient("nonsense"), None);
    }
}
