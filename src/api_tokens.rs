//! Who may come in at the internal doors? Bearer tokens: shown once, kept as SHA-256, bound to a scope.

use std::{
    io::Write as _,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::{
    cores::{Cores, glob},
    error::{Code, Fault},
    ports::{
        chance::{Chance, hex},
        clock::{Clock, Millis},
        store::{RecordWrite, Store, StoreError},
    },
    secret::Secret,
};

const SPACE: &str = "api_tokens";
/// The file of the first operator token, below the state folder.
pub const OPERATOR_FILE: &str = "operator.token";
const MAX_NAME: usize = 64;

/// What a token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// `/v1`, for one core and the accounts its globs fit.
    Core,
    /// Access tokens of the platform, for other systems of the company.
    Token,
    /// Everything.
    Operator,
    /// What an operator may read.
    Viewer,
}

/// One token, without its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiToken {
    pub id: String,
    pub name: String,
    pub scope: Scope,
    /// The core it speaks for (scope `core`).
    #[serde(default)]
    pub core: Option<String>,
    /// Globs of account ids; empty = all.
    #[serde(default)]
    pub accounts: Vec<String>,
    pub created: Millis,
    /// SHA-256 of the text, hex.
    hash: String,
}

impl ApiToken {
    /// Whether this token's globs fit the account.
    pub fn sees_account(&self, id: &str) -> bool {
        self.accounts.is_empty() || self.accounts.iter().any(|pattern| glob(pattern, id))
    }
}

/// Whom a proxy in front of the internal listener names is logged in at the console.
#[derive(Clone, Debug)]
pub struct ProxyLogin {
    /// The header that names a person.
    pub header: String,
    /// Only from there it is believed.
    pub proxies: Vec<IpNet>,
    /// Globs of those who are operators; everybody else is a viewer.
    pub operators: Vec<String>,
}

impl ProxyLogin {
    pub fn trusts(&self, peer: Option<SocketAddr>) -> bool {
        let peer = peer.map(|peer| peer.ip().to_canonical());
        peer.is_some_and(|peer| self.proxies.iter().any(|net| net.contains(&peer)))
    }

    /// What this person may do.
    pub fn token_of(&self, person: &str) -> ApiToken {
        let operator = self.operators.iter().any(|pattern| glob(pattern, person));
        ApiToken {
            id: String::new(),
            // The audit log tells a person from a token.
            name: format!("proxy:{person}"),
            scope: if operator { Scope::Operator } else { Scope::Viewer },
            core: None,
            accounts: Vec::new(),
            created: 0,
            // No text opens it.
            hash: String::new(),
        }
    }
}

/// What somebody asks for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    pub name: String,
    pub scope: Scope,
    #[serde(default)]
    pub core: Option<String>,
    #[serde(default)]
    pub accounts: Vec<String>,
}

/// All tokens: read on every request, changed rarely.
pub struct Tokens {
    store: Arc<dyn Store>,
    chance: Arc<dyn Chance>,
    clock: Arc<dyn Clock>,
    known: ArcSwap<Vec<Arc<ApiToken>>>,
    /// One change at a time, so that none is lost.
    changing: tokio::sync::Mutex<()>,
}

impl Tokens {
    pub async fn load(
        store: Arc<dyn Store>,
        chance: Arc<dyn Chance>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let mut known = Vec::new();
        for record in store.records(SPACE).await? {
            match serde_json::from_slice::<ApiToken>(&record.value) {
                Ok(token) => known.push(Arc::new(token)),
                Err(error) => {
                    tracing::warn!(token = %record.key, %error, "a stored API token cannot be read; it opens nothing")
                }
            }
        }
        Ok(Self {
            store,
            chance,
            clock,
            known: ArcSwap::from_pointee(known),
            changing: tokio::sync::Mutex::default(),
        })
    }

    /// The token behind a text. Every known one is compared, in constant time.
    pub fn check(&self, text: &str) -> Option<Arc<ApiToken>> {
        let hash = fingerprint(text);
        let mut found = None;
        for token in self.known.load().iter() {
            if bool::from(token.hash.as_bytes().ct_eq(hash.as_bytes())) {
                found = Some(token.clone());
            }
        }
        found
    }

    /// A token that was not revoked.
    pub fn by_id(&self, id: &str) -> Option<Arc<ApiToken>> {
        self.known.load().iter().find(|token| token.id == id).cloned()
    }

    /// All tokens, by name.
    pub fn list(&self) -> Vec<Arc<ApiToken>> {
        let mut all: Vec<_> = self.known.load().iter().cloned().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Makes a token; its text is returned this once. `cores` decides which core a token without one speaks for.
    pub async fn create(&self, wish: NewToken, cores: &Cores) -> Result<(Arc<ApiToken>, Secret), TokenError> {
        let wish = checked(wish, cores)?;
        let _one = self.changing.lock().await;
        if self.known.load().iter().any(|token| token.name == wish.name) {
            return Err(refused(
                Code::IdempotencyConflict,
                format!(
                    "a token named {:?} exists; revoke it first or take another name",
                    wish.name
                ),
            ));
        }
        let text = self.fresh_text();
        let token = self.remember(wish, &text).await?;
        Ok((token, text))
    }

    /// Forgets a token, named by id or name.
    pub async fn revoke(&self, which: &str) -> Result<Option<Arc<ApiToken>>, StoreError> {
        let _one = self.changing.lock().await;
        let known = self.known.load_full();
        let Some(token) = known
            .iter()
            .find(|token| token.id == which || token.name == which)
            .cloned()
        else {
            return Ok(None);
        };
        self.store
            .write_records(vec![RecordWrite::Delete {
                space: SPACE,
                key: token.id.clone(),
            }])
            .await?;
        self.known.store(Arc::new(
            known.iter().filter(|other| other.id != token.id).cloned().collect(),
        ));
        Ok(Some(token))
    }

    /// The first start: where no operator token exists, one is made and written into the state folder, readable by
    /// its owner alone. Returns the file if it was written now.
    pub async fn first_start(&self, state_folder: &Path) -> Result<Option<PathBuf>, TokenError> {
        let _one = self.changing.lock().await;
        if self.known.load().iter().any(|token| token.scope == Scope::Operator) {
            return Ok(None);
        }
        let text = self.fresh_text();
        let file = state_folder.join(OPERATOR_FILE);
        // The file first: a crash between the two leaves a file without a record, and the next start writes both anew.
        write_private(&file, &text).map_err(|error| TokenError::File(file.clone(), error))?;
        let wish = NewToken {
            name: "operator".into(),
            scope: Scope::Operator,
            core: None,
            accounts: Vec::new(),
        };
        self.remember(wish, &text).await?;
        Ok(Some(file))
    }

    fn fresh_text(&self) -> Secret {
        let mut bytes = zeroize::Zeroizing::new([0; 32]);
        self.chance.fill(bytes.as_mut());
        Secret::new(format!("wxb_{}", URL_SAFE_NO_PAD.encode(bytes.as_ref())))
    }

    async fn remember(&self, wish: NewToken, text: &Secret) -> Result<Arc<ApiToken>, StoreError> {
        let mut id = [0; 6];
        self.chance.fill(&mut id);
        let token = ApiToken {
            id: hex(&id),
            name: wish.name,
            scope: wish.scope,
            core: wish.core,
            accounts: wish.accounts,
            created: self.clock.now(),
            hash: fingerprint(text.expose()),
        };
        let value = serde_json::to_vec(&token).map_err(|error| StoreError::Broken(error.to_string()))?;
        self.store
            .write_records(vec![RecordWrite::Put {
                space: SPACE,
                key: token.id.clone(),
                value,
            }])
            .await?;
        let token = Arc::new(token);
        let mut known = self.known.load().as_ref().clone();
        known.push(token.clone());
        self.known.store(Arc::new(known));
        Ok(token)
    }
}

/// Why a token was not made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error(transparent)]
    Refused(Fault),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot write {}: {}", .0.display(), .1)]
    File(PathBuf, std::io::Error),
}

fn refused(code: Code, detail: impl Into<String>) -> TokenError {
    TokenError::Refused(Fault::new(code, detail))
}

/// Fills in the only core, and refuses what would open nothing or too much.
fn checked(mut wish: NewToken, cores: &Cores) -> Result<NewToken, TokenError> {
    let invalid = |detail: String| Err(refused(Code::InvalidRequest, detail));
    wish.name = wish.name.trim().to_owned();
    if wish.name.is_empty() || wish.name.chars().count() > MAX_NAME || wish.name.chars().any(char::is_control) {
        return invalid(format!("name is {:?}, expected 1 to {MAX_NAME} characters", wish.name));
    }
    if wish.accounts.iter().any(String::is_empty) {
        return invalid("accounts holds an empty pattern".into());
    }
    match (wish.scope, &wish.core) {
        (Scope::Core, Some(core)) if cores.named(core).is_none() => {
            return invalid(format!("core is {core:?}, expected one of {}", names(cores)));
        }
        (Scope::Core, None) => match &*cores.0 {
            [only] => wish.core = Some(only.name.to_string()),
            [] => return invalid("no [[core]] is configured that the token could speak for".into()),
            _ => return invalid(format!("core is missing, expected one of {}", names(cores))),
        },
        (Scope::Core, Some(_)) | (_, None) => {}
        (_, Some(_)) => return invalid("only a token of scope core names a core".into()),
    }
    if matches!(wish.scope, Scope::Operator | Scope::Viewer) && !wish.accounts.is_empty() {
        return invalid("a token of scope operator or viewer sees every account; leave accounts out".into());
    }
    Ok(wish)
}

fn names(cores: &Cores) -> String {
    let names: Vec<&str> = cores.0.iter().map(|core| &*core.name).collect();
    names.join(", ")
}

fn fingerprint(text: &str) -> String {
    hex(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref())
}

/// Readable by its owner from the first byte on; whole or not at all.
fn write_private(file: &Path, text: &Secret) -> std::io::Result<()> {
    let beside = file.with_extension("token.new");
    let _ = std::fs::remove_file(&beside);
    let mut out = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?;
    out.write_all(text.expose().as_bytes())?;
    out.write_all(b"\n")?;
    out.sync_all()?;
    std::fs::rename(&beside, file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::{
        cores::Core,
        ports::{chance::SystemChance, clock::ManualClock},
        web::testing::{FakeStore, core},
    };

    async fn tokens(store: &Arc<FakeStore>) -> Tokens {
        let clock = Arc::new(ManualClock::at(1));
        Tokens::load(store.clone(), Arc::new(SystemChance::default()), clock)
            .await
            .expect("loads")
    }

    fn wish(scope: Scope) -> NewToken {
        NewToken {
            name: "n".into(),
            scope,
            core: None,
            accounts: Vec::new(),
        }
    }

    #[tokio::test]
    async fn the_first_start_writes_the_operators_token_for_its_owner_alone_and_only_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Arc::new(FakeStore::default());
        let file = tokens(&store)
            .await
            .first_start(folder.path())
            .await
            .expect("made")
            .expect("written now");
        let mode = std::fs::metadata(&file).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = std::fs::read_to_string(&file).expect("read");
        // Another run of the daemon knows it too.
        let again = tokens(&store).await;
        assert_eq!(again.check(text.trim()).map(|token| token.scope), Some(Scope::Operator));
        assert_eq!(again.first_start(folder.path()).await.expect("looked"), None);
        assert_eq!(again.check("wxb_other").map(|token| token.scope), None);
    }

    #[tokio::test]
    async fn a_core_token_without_a_core_is_for_the_only_one_or_refused() {
        let of = |cores: &[Core]| Cores(cores.into());
        let store = Arc::new(FakeStore::default());
        let tokens = tokens(&store).await;
        assert!(tokens.create(wish(Scope::Core), &of(&[])).await.is_err());
        assert!(
            tokens
                .create(wish(Scope::Core), &of(&[core("a"), core("b")]))
                .await
                .is_err()
        );
        let (token, _) = tokens.create(wish(Scope::Core), &of(&[core("a")])).await.expect("made");
        assert_eq!(token.core.as_deref(), Some("a"));
    }

    #[tokio::test]
    async fn the_text_is_kept_nowhere() {
        let store = Arc::new(FakeStore::default());
        let (_, text) = tokens(&store)
            .await
            .create(wish(Scope::Viewer), &Cores::default())
            .await
            .expect("made");
        let kept = store.records(SPACE).await.expect("read");
        let secret = text.expose().trim_start_matches("wxb_");
        assert!(
            kept.iter()
                .all(|record| !String::from_utf8_lossy(&record.value).contains(secret))
        );
    }
}
