//! How do the parts of the house fit the doors? Each of [`super::needs`], answered by who does the work.

mod open;
mod replays;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::needs::{
    AccountDesk, Applied, ByteStream, Copies, CoreLinks, CoreState, Forwarding, Kept, Lag, Lending, NewFile, Notation,
    Reread, Sending, Shelf, Shelved, Unapplied,
};
use crate::{
    accounts::{
        Opened,
        service::{AccountsError, Service, faults_of},
    },
    api_tokens::ApiToken,
    channels::contract::{Learned, Verdict},
    config::{
        ConfigFault, ConfigFaults,
        accounts_file::{self, Form},
    },
    delivery,
    doctor::Lang,
    doctor::Probes,
    error::{Code, Fault},
    feed::Feeds,
    forward::{Forward, NewRecord, Published, book::Change, lane::Status, settings::Kind},
    inbound::Inbound,
    media::{self, Label, Library, Whereabouts},
    outbound::{self, Outbound},
    ports::{
        clock::Millis,
        fetch::Fetch,
        store::{Quarantined, StoreError},
    },
    schema::{
        Timestamp,
        v1::{self, Media, SendRequest, SendResult},
    },
    secret::Secret,
    settings::{AccountSettings, Passthrough},
    tokens::{CallFault, Keeper, Token},
};

pub use replays::Again;

#[async_trait]
impl AccountDesk for Service {
    async fn apply(&self, file: &[u8], notation: Notation, prune: bool) -> Result<Applied, Unapplied> {
        let text = std::str::from_utf8(file).map_err(|_| Unapplied::Faults(vec!["the file is not UTF-8".into()]))?;
        let form = match notation {
            Notation::Toml => Form::Toml,
            Notation::Json => Form::Json,
        };
        let accounts =
            accounts_file::parse("accounts", text, form, false, faults_of).map_err(|faults| told(&faults))?;
        let changes = Service::apply(self, accounts, prune).await.map_err(unapplied)?;
        Ok(Applied {
            created: changes.created,
            updated: changes.updated,
            unchanged: changes.unchanged,
            removed: changes.removed,
        })
    }

    async fn remove(&self, id: &str) -> Result<bool, Unapplied> {
        known(Service::remove(self, id).await)
    }

    async fn rotate(&self, id: &str, token: Secret, encoding_aes_key: Secret) -> Result<bool, Unapplied> {
        let given = |secret: &Secret| (!secret.is_empty()).then(|| secret.expose().to_owned());
        let (token, key) = (given(&token), given(&encoding_aes_key));
        known(Service::rotate(self, id, token.as_deref(), key.as_deref()).await)
    }

    async fn change(&self, id: &str, patch: &serde_json::Value) -> Result<Option<bool>, Unapplied> {
        let edit = |before: &AccountSettings| accounts_file::patched(before, patch, faults_of);
        match Service::change(self, id, edit).await {
            Ok(changes) => Ok(Some(!changes.is_empty())),
            Err(AccountsError::Unknown(_)) => Ok(None),
            Err(error) => Err(unapplied(error)),
        }
    }

    async fn pass(&self, id: &str, passthrough: Option<Passthrough>) -> Result<bool, Unapplied> {
        known(Service::pass(self, id, passthrough).await)
    }

    async fn pause(&self, id: &str, pause: bool) -> Result<Option<bool>, Unapplied> {
        match Service::pause(self, id, pause).await {
            Ok(changed) => Ok(Some(changed)),
            Err(AccountsError::Unknown(_)) => Ok(None),
            Err(error) => Err(unapplied(error)),
        }
    }
}

fn known<T>(outcome: Result<T, AccountsError>) -> Result<bool, Unapplied> {
    match outcome {
        Ok(_) => Ok(true),
        Err(AccountsError::Unknown(_)) => Ok(false),
        Err(error) => Err(unapplied(error)),
    }
}

/// In the caller's language.
fn told(faults: &ConfigFaults) -> Unapplied {
    let text = |fault: &ConfigFault| match super::lang::spoken() {
        Lang::En => fault.to_string(),
        Lang::Zh => fault.in_chinese(),
    };
    Unapplied::Faults(faults.0.iter().map(text).collect())
}

fn unapplied(error: AccountsError) -> Unapplied {
    match &error {
        AccountsError::Faults(faults) => told(faults),
        AccountsError::Unknown(id) => Unapplied::Failed(Fault::new(Code::NotFound, format!("no account {id}"))),
        other => {
            tracing::error!(error = %other, "accounts could not be changed");
            Unapplied::Failed(Fault::new(Code::Overloaded, other.to_string()))
        }
    }
}

impl CoreLinks for delivery::Handle {
    fn lag(&self) -> BTreeMap<String, Lag> {
        let named = |waiting: delivery::Backlog| {
            let core = waiting.core.as_deref().unwrap_or_default().to_owned();
            let lag = Lag {
                events: waiting.count,
                oldest: waiting.oldest,
            };
            (core, lag)
        };
        self.backlog().into_iter().map(named).collect()
    }

    fn state(&self, core: &str) -> CoreState {
        let Some(found) = self.core_state(core) else {
            return CoreState {
                state: "unknown",
                ..CoreState::default()
            };
        };
        let state = match (found.up, found.slow_until) {
            (false, _) => "down",
            (true, Some(_)) => "slow",
            (true, None) if !found.tried => "unknown",
            (true, None) => "up",
        };
        CoreState {
            state,
            last_error: found.last_error,
            ..CoreState::default()
        }
    }
}

/// Every way to a core: pushed by delivery, or pulled out of a feed.
pub struct Ways {
    pub pushed: delivery::Handle,
    pub pulled: Arc<Feeds>,
}

impl CoreLinks for Ways {
    fn lag(&self) -> BTreeMap<String, Lag> {
        let mut lag = self.pushed.lag();
        for core in self.pulled.names() {
            if let Some(standing) = self.pulled.standing(core) {
                let of = Lag {
                    events: standing.waiting,
                    oldest: standing.oldest,
                };
                lag.insert(core.to_string(), of);
            }
        }
        lag
    }

    fn state(&self, core: &str) -> CoreState {
        let Some(standing) = self.pulled.standing(core) else {
            return self.pushed.state(core);
        };
        CoreState {
            state: match standing.here {
                Some(true) => "up",
                Some(false) => "down",
                None => "unknown",
            },
            last_error: String::new(),
            last_fetch: standing.last_fetch.map(Timestamp::from_millis),
            last_ack: standing.last_ack.map(Timestamp::from_millis),
        }
    }
}

/// The outbox, for the door.
pub struct Outbox {
    pub outbound: Arc<Outbound>,
    pub feeds: Arc<Feeds>,
    pub pushed: delivery::Replay,
}

impl Outbox {
    /// Whether this reply answers a replay that takes none, however the core came by the event.
    fn answers_replay(&self, core: &str, event_id: &str) -> bool {
        self.feeds.refuses_reply(core, event_id) || self.pushed.refuses_reply(core, event_id)
    }
}

#[async_trait]
impl Sending for Outbox {
    async fn submit(&self, caller: &ApiToken, request: SendRequest, preview: bool) -> Result<SendResult, Fault> {
        let who = outbound::Caller {
            core: caller.core.as_deref().map(Arc::from),
            accounts: caller.accounts.clone(),
        };
        if let Some(core) = &caller.core
            && self.answers_replay(core, &request.in_reply_to)
        {
            return Err(Fault::new(
                Code::Forbidden,
                "the event was handed out by a replay that takes no replies; start one with --allow-replies",
            ));
        }
        self.outbound.submit(&who, request, preview).await
    }

    async fn wait(&self, message_id: &str, at_most: Duration) -> Result<SendResult, Fault> {
        self.outbound.wait(message_id, at_most).await
    }
}

#[async_trait]
impl Reread for Inbound {
    async fn reread(&self, body: &Quarantined) -> Result<Option<String>, Fault> {
        Inbound::reread(self, body).await
    }
}

#[async_trait]
impl Forwarding for Forward {
    fn is_on(&self) -> bool {
        Forward::is_on(self)
    }

    fn shown(&self) -> Vec<(String, serde_json::Value)> {
        Forward::shown(self)
    }

    fn copies(&self) -> Vec<Copies> {
        let one = |(forwarder, kind, seen): (String, Kind, Status)| Copies {
            forwarder,
            kind: kind.name(),
            failures: seen.failures,
            last_error: seen.last_error,
            waiting_since: seen.waiting_since,
            lost: seen.expired + seen.lost,
        };
        self.lanes().into_iter().map(one).collect()
    }

    async fn switch(&self, on: bool) -> Result<Option<Change>, StoreError> {
        Forward::switch(self, on).await
    }

    async fn publish(&self, record: NewRecord) -> Result<Published, StoreError> {
        Forward::publish(self, record).await
    }
}

#[async_trait]
impl Shelf for Library {
    async fn put(&self, file: NewFile, bytes: ByteStream) -> Result<Media, Fault> {
        let label = Label {
            name: file.name,
            mime: file.mime,
            account: file.account,
            ..Label::default()
        };
        Library::put(self, label, bytes).await
    }

    async fn get(&self, handle: &str) -> Result<Kept, Fault> {
        let found = self.whereabouts(handle).await;
        Ok(
            match found.map_err(|error| Fault::new(Code::Overloaded, error.to_string()))? {
                Whereabouts::Here(found) => Kept::Here(Box::new(Shelved {
                    account: found.meta.account.clone(),
                    path: found.path,
                    media: media::describe(found.handle, found.meta),
                })),
                Whereabouts::Coming(_) => Kept::Coming,
                Whereabouts::Unknown => Kept::Nothing,
            },
        )
    }
}

/// The keeper of access tokens, for the door.
pub struct Lender(pub Arc<Keeper>);

#[async_trait]
impl Lending for Lender {
    async fn lend(&self, opened: &Arc<Opened>, rejected: Option<&str>) -> Result<Token, v1::Error> {
        self.0.lend(opened, rejected).await
    }
}

/// What the doctor asks of the platform's side; what it shows of an account's rights is learned at once.
pub struct PlatformProbes {
    pub keeper: Arc<Keeper>,
    pub outbound: Arc<Outbound>,
    pub fetch: Arc<dyn Fetch>,
}

impl PlatformProbes {
    /// A refusal that is about the account, or that there is none.
    async fn learn(&self, opened: &Opened, verdict: &Verdict) {
        match verdict {
            Verdict::Done { .. } => self.outbound.probed(opened, None).await,
            Verdict::Failed {
                learned: Some(Learned::NoApi(code)),
                ..
            } => self.outbound.probed(opened, Some(*code)).await,
            _ => {}
        }
    }
}

/// The check of the console waits no longer; and no echo is longer.
const CHECK_WITHIN: Duration = Duration::from_secs(5);
const CHECK_BYTES: usize = 4_096;

#[async_trait]
impl Probes for PlatformProbes {
    async fn token(&self, opened: &Arc<Opened>) -> Result<(), v1::Error> {
        self.keeper.token_now(opened).await?;
        // A cached token says nothing of today: one that died, and our address, show in a call.
        let Some(call) = opened.account.probe().or_else(|| opened.account.agents()) else {
            return Ok(());
        };
        match self.keeper.call(opened, &call).await {
            Ok((_, verdict)) => {
                let proves = opened.account.probe().is_some() || opened.account.agents_prove_api();
                // Where no harmless call proves it, one that is answered says at least that we may ask again: the next
                // message shows the rest.
                if proves || matches!(verdict, Verdict::Done { .. }) {
                    self.learn(opened, &verdict).await;
                }
                match verdict {
                    Verdict::Failed { error, .. } if about_credentials(&error) => Err(error),
                    // Whatever else it may be says nothing about token and address.
                    _ => Ok(()),
                }
            }
            Err(CallFault::NotSent(_) | CallFault::Lost(_)) => Ok(()),
            Err(CallFault::NoToken(error)) => Err(error),
        }
    }

    async fn agents(&self, opened: &Arc<Opened>) -> Result<Option<String>, v1::Error> {
        let Some(call) = opened.account.agents() else {
            return Ok(None);
        };
        let told = self.keeper.call(opened, &call).await;
        if let (Ok((_, verdict)), true) = (&told, opened.account.agents_prove_api()) {
            self.learn(opened, verdict).await;
        }
        match told {
            Ok((answer, Verdict::Done { .. })) => Ok(opened.account.agents_at_work(&answer)),
            // The platform does not let this account ask, or has nothing to tell: then nobody is there.
            Ok((_, Verdict::Failed { .. })) => Ok(None),
            Ok((_, Verdict::RetryLater(error) | Verdict::RefreshToken(error))) => Err(error),
            Ok((_, Verdict::UploadAgain(error) | Verdict::Unknown(error))) | Err(CallFault::NoToken(error)) => {
                Err(error)
            }
            Err(CallFault::NotSent(why) | CallFault::Lost(why)) => Err(v1::Error {
                code: Code::PlatformDown.name().into(),
                platform_message: why,
                ..Default::default()
            }),
        }
    }

    async fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        let fetched = self.fetch.fetch(url, CHECK_BYTES, CHECK_WITHIN).await;
        fetched.map(|file| file.bytes).map_err(|fault| fault.to_string())
    }

    fn skew(&self) -> Option<Millis> {
        self.keeper.skew()
    }
}

/// The secret or our address is refused, whatever was asked.
fn about_credentials(error: &v1::Error) -> bool {
    [Code::IpNotAllowed, Code::BadSecret, Code::BadAppId]
        .iter()
        .any(|code| code.name() == error.code)
}
