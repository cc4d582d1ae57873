//! How do the parts of the house fit the doors? Each of [`super::needs`], answered by who does the work.

use async_trait::async_trait;

use super::needs::{AccountDesk, Applied, Notation, Unapplied};
use crate::{
    accounts::service::{AccountsError, Service},
    config::accounts_file::{self, Form},
    error::{Code, Fault},
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
