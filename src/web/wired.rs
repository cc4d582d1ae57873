//! How do the parts of the house fit the doors? Each of [`super::needs`], answered by who does the work.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
};

use async_trait::async_trait;

use super::needs::{
    AccountDesk, Applied, Backup, CoreLinks, CoreState, Lag, Notation, ReplayCount, ReplayRun, ReplayWish, Replays,
    Unapplied,
};
use crate::{
    accounts::service::{AccountsError, Service},
    backup::{self, BackupError},
    config::accounts_file::{self, Form},
    delivery::{self, Progress, ReplayError, Selection},
    error::{Code, Fault},
    ports::store::Store,
    secret::Secret,
};

#[async_trait]
impl AccountDesk for Service {
    async fn apply(&self, file: &[u8], notation: Notation, prune: bool) -> Result<Applied, Unapplied> {
        let text = std::str::from_utf8(file).map_err(|_| Unapplied::Faults(vec!["the file is not UTF-8".into()]))?;
        let form = match notation {
            Notation::Toml => Form::Toml,
            Notation::Json => Form::Json,
        };
        let accounts = accounts_file::parse("accounts", text, form, false)
            .map_err(|faults| Unapplied::Faults(faults.0.iter().map(ToString::to_string).collect()))?;
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
}

fn known<T>(outcome: Result<T, AccountsError>) -> Result<bool, Unapplied> {
    match outcome {
        Ok(_) => Ok(true),
        Err(AccountsError::Unknown(_)) => Ok(false),
        Err(error) => Err(unapplied(error)),
    }
}

fn unapplied(error: AccountsError) -> Unapplied {
    match &error {
        AccountsError::Faults(faults) => Unapplied::Faults(faults.0.iter().map(ToString::to_string).collect()),
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
            (true, None) => "up",
        };
        CoreState {
            state,
            last_error: found.last_error,
        }
    }
}

struct PushedReplay {
    replay: delivery::Replay,
    core: String,
    selection: Selection,
    progress: Progress,
}

impl Replays for delivery::Replay {
    fn prepare(&self, wish: ReplayWish) -> Result<Arc<dyn ReplayRun>, Fault> {
        Ok(Arc::new(PushedReplay {
            replay: self.clone(),
            core: wish.core,
            selection: Selection {
                key: wish.conversation,
                from: wish.from,
                to: wish.to,
                allow_replies: wish.allow_replies,
            },
            progress: Progress::default(),
        }))
    }
}

#[async_trait]
impl ReplayRun for PushedReplay {
    async fn run(&self, id: &str) -> Result<(), Fault> {
        let ended = self.replay.run(&self.core, id, &self.selection, &self.progress).await;
        ended.map_err(|error| {
            let code = match &error {
                ReplayError::NoCore(_) => Code::InvalidRequest,
                ReplayError::Store(_) => Code::Overloaded,
                ReplayError::NotTaken { .. } => Code::CoreUnreachable,
            };
            Fault::new(code, error.to_string())
        })
    }

    fn count(&self) -> ReplayCount {
        ReplayCount {
            taken: self.progress.taken.load(Ordering::Relaxed),
            passed_over: self.progress.passed_over.load(Ordering::Relaxed),
            replies_taken: self.progress.replies_taken.load(Ordering::Relaxed),
            replies_refused: self.progress.replies_refused.load(Ordering::Relaxed),
        }
    }
}

/// Makes backups of this installation.
pub struct BackupMaker {
    pub store: Arc<dyn Store>,
    /// The state folder.
    pub dir: PathBuf,
    /// See [`crate::vault::key_ring`].
    pub key_ring: PathBuf,
}

#[async_trait]
impl Backup for BackupMaker {
    async fn write(&self, passphrase: Option<Secret>) -> Result<std::fs::File, Fault> {
        let made = backup::create(self.store.clone(), self.dir.clone(), self.key_ring.clone(), passphrase).await;
        made.map_err(|error: BackupError| Fault::new(Code::Overloaded, error.to_string()))
    }
}
