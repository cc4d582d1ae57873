//! Which changes of an account does its core hear of? What the account can do, and whether we may act for it at all: whatever
//! differs from what was told last, also where a restart lies between. Why the API is shut, and how callbacks are written,
//! outlives a restart here and nowhere else.

use std::{
    collections::HashSet,
    sync::{MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::{Outbound, facts::able};
use crate::{
    accounts::Opened,
    conversation::key::{ACCOUNT_SELF, Key},
    error::Code,
    ports::{
        clock::Millis,
        store::{Arrival, RecordWrite, StoreError},
    },
    schema::v1::{self, account_state::State, conversation::Scope, signal::Type},
};

/// What was told last, by account.
const SPACE: &str = "account_told";
/// Pause before news that the store refused are told again.
const TELL_AGAIN: Millis = 10_000;

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    revision: String,
    /// Why the platform's API was shut, if it was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    shut: String,
    /// The callbacks came as JSON.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    json: bool,
}

impl Told {
    fn now(capabilities: &v1::Capabilities, shut: Option<Code>, json: bool) -> Self {
        Self {
            revision: capabilities.revision.clone(),
            shut: shut.map(|code| code.name().to_owned()).unwrap_or_default(),
            json,
        }
    }

    fn shut(&self) -> Option<Code> {
        Code::parse(&self.shut)
    }
}

impl Outbound {
    /// At start: what the platform refused before still stands, and what changed while nobody looked is told.
    pub async fn remember_accounts(&self) -> Result<(), StoreError> {
        for record in self.parts.store.records(SPACE).await? {
            let told: Told = serde_json::from_slice(&record.value).unwrap_or_default();
            if let Some(opened) = self.parts.registry.get(&record.key) {
                opened.observe(|condition| {
                    condition.api_shut = told.shut().or(condition.api_shut);
                    condition.json = told.json;
                });
            }
        }
        for opened in self.parts.registry.all() {
            self.account_changed(&opened).await;
        }
        Ok(())
    }

    /// Something about the account may be other than before. A core hears of an account first by asking for it.
    pub async fn account_changed(&self, opened: &Opened) {
        // The account's condition is known all the same; only the news are missing.
        if let Err(error) = self.tell_news(opened, None).await {
            tracing::warn!(account = opened.settings.id, %error, "a change of the account was not told yet");
            self.tell_later(&opened.settings.id);
        }
    }

    /// Once for each account: what is told then is what stands then.
    fn tell_later(&self, id: &str) {
        if !self.untold().insert(id.to_owned()) {
            return;
        }
        let (this, clock, id) = (self.this.clone(), self.parts.clock.clone(), id.to_owned());
        tokio::spawn(async move {
            clock.sleep_until(clock.now() + TELL_AGAIN).await;
            let Some(this) = this.upgrade() else { return };
            this.untold().remove(&id);
            if let Some(opened) = this.parts.registry.get(&id) {
                this.account_changed(&opened).await;
            }
        });
    }

    pub(super) fn untold(&self) -> MutexGuard<'_, HashSet<String>> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody authorised, or changed what is authorised: `said` tells it, and stands for the news that we may act again.
    pub async fn account_authorised(&self, opened: &Opened, said: Arrival) -> Result<(), StoreError> {
        self.tell_news(opened, Some(said)).await
    }

    /// The account is no more.
    pub async fn account_gone(&self, id: &str) {
        let forget = RecordWrite::Delete {
            space: SPACE,
            key: id.to_owned(),
        };
        if let Err(error) = self.parts.store.write_records(vec![forget]).await {
            tracing::warn!(account = id, %error, "what was told of the account was not forgotten");
        }
    }

    async fn tell_news(&self, opened: &Opened, said: Option<Arrival>) -> Result<(), StoreError> {
        // One at a time: what is told last is how things stand.
        let _telling = self.telling.lock().await;
        let id = &opened.settings.id;
        let (shut, json) = opened.observe(|condition| (condition.api_shut, condition.json));
        let capabilities = able(opened, shut, json);
        let now = Told::now(&capabilities, shut, json);
        let told = self.parts.store.record(SPACE, id).await?;
        if let (Some(value), None) = (&told, &said)
            && serde_json::from_slice::<Told>(value).is_ok_and(|told| told == now)
        {
            return Ok(());
        }
        // Who was never told has asked, and was shown an account that nothing is wrong with.
        let before = told.and_then(|value| serde_json::from_slice(&value).ok());
        let before = before.unwrap_or_else(|| Told::now(&able(opened, None, false), None, false));
        match said {
            Some(said) => self.parts.store.accept(said.into()).await.map(|_| ())?,
            None if standing(before.shut()) != standing(shut) => self.signal(opened, state_changed(shut)).await?,
            None => {}
        }
        if before.revision != now.revision {
            self.signal(opened, capabilities_changed(capabilities)).await?;
        }
        // Told first, noted after: after a crash in between it is told twice rather than never.
        let note = RecordWrite::Put {
            space: SPACE,
            key: id.clone(),
            value: serde_json::to_vec(&now).unwrap_or_default(),
        };
        self.parts.store.write_records(vec![note]).await.map(|_| ())
    }

    async fn signal(&self, opened: &Opened, signal: v1::Signal) -> Result<(), StoreError> {
        let account = opened.describe.clone();
        let key = Key {
            channel: account.channel.clone(),
            platform_id: account.platform_id.clone(),
            sub_id: account.sub_id.clone(),
            scope: Scope::Account,
            native_id: ACCOUNT_SELF.to_owned(),
        };
        let itself = v1::Identity {
            native_id: ACCOUNT_SELF.to_owned(),
            kind: v1::identity::Kind::System as i32,
            ..Default::default()
        };
        let arrival = self.own_event(account, key.render(), itself, Scope::Account, signal);
        self.parts.store.accept(arrival.into()).await.map(|_| ())
    }
}

fn capabilities_changed(capabilities: v1::Capabilities) -> v1::Signal {
    v1::Signal {
        r#type: Type::CapabilitiesChanged as i32,
        capabilities: Some(capabilities),
        ..Default::default()
    }
}

/// Whether we may act for the account; what it can do is another matter.
fn standing(shut: Option<Code>) -> State {
    match shut {
        Some(Code::AccountRevoked) => State::Revoked,
        Some(Code::NeedsReauth) => State::NeedsReauth,
        _ => State::Active,
    }
}

fn state_changed(shut: Option<Code>) -> v1::Signal {
    v1::Signal {
        r#type: Type::AccountStateChanged as i32,
        account_state: Some(v1::AccountState {
            state: standing(shut) as i32,
            reasons: shut.iter().map(|code| code.name().to_owned()).collect(),
            permission_sets: Vec::new(),
        }),
        ..Default::default()
    }
}
