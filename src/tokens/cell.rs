//! When is a token of one account fetched, and what if that fails?

use std::sync::{Arc, Mutex, PoisonError};

use super::{CallFault, Keeper, Kept, sha256_hex, vault::SPACE};
use crate::{
    accounts::{Condition, Opened},
    channels::contract::{AccessToken, Verdict},
    error::{Code, pages},
    ports::{clock::Millis, store::RecordWrite},
    schema::v1,
    secret::Secret,
    settings::{AccountSettings, TokenMode},
};

/// A token that ends within this time is replaced beside its users: stable tokens are renewed in their last five minutes.
pub(super) const AHEAD: Millis = 5 * 60_000;
/// A try ahead of the end that brought nothing new is repeated after this long.
const AHEAD_PAUSE: Millis = 30_000;
/// A refused token that the platform gives again is not asked for again within this time.
const SAME_PAUSE: Millis = 30_000;
/// How long the warning of a token taken elsewhere stands after it was last seen.
const TAKEN_STANDS: Millis = 24 * 3_600_000;

/// How a warning begins that the platform gives an account no token, and will not until somebody mends something.
pub const NO_TOKEN: &str = "no access token";

/// A token and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub value: Secret,
    pub expires: Millis,
}

/// Why a token is asked for.
pub(super) enum Rejected {
    /// None is there.
    None,
    /// The present one ends soon.
    Ahead,
    /// The platform refused this one.
    This(Secret),
}

/// What is known of one account's token.
pub(super) struct Cell {
    /// Of the credentials it was fetched with.
    pub fingerprint: String,
    /// How long before its end the token is replaced.
    ahead: Millis,
    known: Mutex<Known>,
    /// Held while a fetch is under way: whoever waits here finds its result.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    token: Option<Token>,
    loaded: bool,
    failure: Option<Failure>,
    /// When the present one was fetched, by this run.
    fetched: Option<Millis>,
    /// The one that a borrower's word brought, and when.
    renewed: Option<(Secret, Millis)>,
    /// No try ahead of the end before this moment.
    ahead_from: Millis,
    taken_at: Option<Millis>,
    /// The platform refused the token and gave the same one again: asking before this moment brings nothing.
    same_until: Millis,
}

#[derive(Clone)]
struct Failure {
    error: v1::Error,
    times: u32,
    again: Millis,
}

impl Cell {
    pub fn new(fingerprint: String, ahead: Millis) -> Self {
        Self {
            fingerprint,
            ahead,
            known: Mutex::default(),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    pub fn current(&self) -> Option<Token> {
        self.with(|known| known.token.clone())
    }

    /// Waits for a fetch under way, and keeps others from beginning one.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    pub fn encourage(&self) {
        self.with(|known| {
            known.failure = None;
            known.ahead_from = 0;
        });
    }

    pub fn forget(&self) {
        self.with(|known| {
            known.token = None;
            known.failure = None;
            known.loaded = true;
        });
    }

    /// It is time to fetch the next one beside the callers, and nobody does yet.
    pub fn due(&self, token: &Token, now: Millis) -> bool {
        self.with(|known| {
            let due = now >= token.expires - self.ahead && now >= known.ahead_from;
            if due {
                known.ahead_from = now + AHEAD_PAUSE;
            }
            due
        })
    }

    /// The next one who asks tries at once.
    pub fn forgive(&self) {
        self.with(|known| known.failure = None);
    }

    /// A borrower had it fetched in place of another one a moment ago: whatever fails with it too, one more would not cure it.
    pub fn was_renewed(&self, token: &Token, now: Millis) -> bool {
        self.with(|known| {
            let renewed = known.renewed.as_ref();
            renewed.is_some_and(|(value, at)| *value == token.value && now - at < SAME_PAUSE)
        })
    }

    /// A borrower's word was why `token` is there.
    pub fn renewed(&self, token: &Token, now: Millis) {
        self.with(|known| known.renewed = Some((token.value.clone(), now)));
    }

    fn with<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Tells one set of credentials from another without holding them.
pub(super) fn fingerprint(settings: &AccountSettings) -> String {
    let secrets = [settings.app_secret.expose(), settings.secret.expose()].join("\n");
    sha256_hex(&format!(
        "{}\n{}\n{}\n{}\n{secrets}",
        settings.app_id, settings.corp_id, settings.agent_id, settings.api_base
    ))
}

impl Keeper {
    /// The token that holds after this call: from a fetch under way, from the store, or from the platform.
    pub(super) async fn obtain(&self, opened: &Arc<Opened>, cell: &Cell, why: Rejected) -> Result<Token, v1::Error> {
        let _turn = cell.turn.lock().await;
        let now = self.parts.clock.now();
        self.load(opened, cell).await;
        let current = cell.current().filter(|token| token.expires > now);
        match (&why, current) {
            (Rejected::None, Some(token)) => return Ok(token),
            (Rejected::Ahead, Some(token)) if now < token.expires - cell.ahead => return Ok(token),
            (Rejected::This(refused), Some(token)) if token.value != *refused => return Ok(token),
            _ => {}
        }
        if let (Rejected::This(_), Some(token)) = (&why, cell.current())
            && now < cell.with(|known| known.same_until)
        {
            return Ok(token);
        }
        if let Some(failure) = cell.with(|known| known.failure.clone())
            && now < failure.again
        {
            return Err(failure.error);
        }
        let refused = match &why {
            Rejected::This(_) => cell.current().filter(|token| token.expires > now),
            _ => None,
        };
        let before = cell.with(|known| known.fetched);
        match self.fetch(opened).await {
            Ok(fetched) => {
                let token = self.store_fetched(opened, cell, fetched).await;
                self.notice_thief(opened, cell, refused.as_ref(), &token, before);
                Ok(token)
            }
            Err(error) => {
                cell.with(|known| known.fail(&error, now));
                warn(opened, &error);
                // A token that still works outlives a failed renewal; one that was refused does not.
                if matches!(why, Rejected::This(_)) {
                    cell.with(|known| known.token = None);
                }
                Err(error)
            }
        }
    }

    async fn fetch(&self, opened: &Arc<Opened>) -> Result<AccessToken, v1::Error> {
        let result = match self.granted(opened).await {
            Some(granted) => granted,
            None => {
                let asked = self.ask_with(opened, &opened.account.token_call(), None).await;
                asked
                    .map_err(unanswered)
                    .and_then(|answer| opened.account.read_token(&answer).map_err(reason))
            }
        };
        let outcome = match &result {
            Ok(_) => "ok",
            Err(error) if error.retryable => "unavailable",
            Err(_) => "refused",
        };
        self.parts.observer.token_refreshed(outcome);
        result
    }

    pub(super) async fn store_fetched(&self, opened: &Opened, cell: &Cell, fetched: AccessToken) -> Token {
        let token = Token {
            value: Secret::new(fetched.value),
            expires: self.parts.clock.now() + fetched.lives_for,
        };
        cell.with(|known| {
            known.token = Some(token.clone());
            known.fetched = Some(self.parts.clock.now());
            known.loaded = true;
            known.failure = None;
        });
        opened.observe(unwarn);
        if let Some((store, vault)) = &self.parts.keep {
            let kept = Kept {
                value: token.value.clone(),
                expires: token.expires,
                fingerprint: cell.fingerprint.clone(),
            };
            let key = &opened.settings.id;
            let sealed = serde_json::to_vec(&kept)
                .ok()
                .and_then(|plain| (vault.seal)(key, &plain));
            if let Some(value) = sealed {
                let write = RecordWrite::Put {
                    space: SPACE,
                    key: key.clone(),
                    value,
                };
                // The token works all the same; only a restart fetches again.
                if let Err(error) = store.write_records(vec![write]).await {
                    tracing::warn!(account = key, %error, "access token not kept");
                }
            }
        }
        token
    }

    /// Reads what an earlier run left, once.
    async fn load(&self, opened: &Opened, cell: &Cell) {
        let Some((store, vault)) = &self.parts.keep else { return };
        if cell.with(|known| std::mem::replace(&mut known.loaded, true)) {
            return;
        }
        let key = &opened.settings.id;
        let kept = match store.record(SPACE, key).await {
            Ok(sealed) => sealed
                .and_then(|sealed| (vault.open)(key, &sealed))
                .and_then(|plain| serde_json::from_slice::<Kept>(&plain).ok()),
            Err(error) => {
                tracing::warn!(account = key, %error, "kept access token not readable");
                None
            }
        };
        if let Some(kept) = kept.filter(|kept| kept.fingerprint == cell.fingerprint) {
            let token = Token {
                value: kept.value,
                expires: kept.expires,
            };
            cell.with(|known| known.token = Some(token));
        }
    }

    /// A token in its time was refused, and the platform has another one: somebody else fetched it.
    fn notice_thief(
        &self,
        opened: &Opened,
        cell: &Cell,
        refused: Option<&Token>,
        fresh: &Token,
        fetched: Option<Millis>,
    ) {
        let now = self.parts.clock.now();
        let stolen = refused.is_some_and(|refused| refused.value != fresh.value);
        if refused.is_some() && !stolen {
            cell.with(|known| known.same_until = now + SAME_PAUSE);
        }
        let before = cell.with(|known| {
            if stolen {
                known.taken_at = Some(now);
            }
            known.taken_at
        });
        if stolen {
            let at = |at| crate::schema::Timestamp::from_millis(at).to_rfc3339_millis();
            let ours = fetched.map_or_else(|| "ours".to_owned(), |fetched| format!("ours of {}", at(fetched)));
            let since = fetched.map_or_else(String::new, |fetched| format!("于 {} 获取的", at(fetched)));
            let (when, (how, how_zh)) = (at(now), by_what(opened));
            tracing::warn!(
                account = opened.settings.id,
                "access token was replaced by somebody else"
            );
            opened.observe(|condition| {
                condition.warnings.insert(
                    Code::TokenTakenElsewhere,
                    format!(
                        "somebody else replaced the access token {how}; {ours} was refused at {when} / 他人{how_zh}替换了access_token；我方{since}令牌于 {when} 被拒绝"
                    ),
                )
            });
            return;
        }
        let warned = opened.observe(|condition| condition.warnings.contains_key(&Code::TokenTakenElsewhere));
        match before {
            Some(at) if now - at > TAKEN_STANDS => {
                cell.with(|known| known.taken_at = None);
                opened.observe(|condition| condition.warnings.remove(&Code::TokenTakenElsewhere));
            }
            // An earlier run noticed it, and when is not known any more.
            None if warned => cell.with(|known| known.taken_at = Some(now)),
            _ => {}
        }
    }
}

/// What will not pass by itself stands among the account's warnings until a token comes. What somebody else says there under
/// the same code is theirs to take back, and stays.
fn warn(opened: &Opened, error: &v1::Error) {
    if let (false, Some(code)) = (error.retryable, Code::parse(&error.code)) {
        let words = format_args!("{} {}", error.platform_code, error.platform_message);
        let said = pages::refused(("no access token: ", "无法获取access_token："), words, &error.remedy);
        opened.observe(|condition| {
            unwarn(condition);
            condition.warnings.entry(code).or_insert(said);
        });
    }
}

fn unwarn(condition: &mut Condition) {
    condition.warnings.retain(|_, said| !said.starts_with(NO_TOKEN));
}

/// With what, and by which calls of the platform, a token like ours is ended; in English and Chinese.
fn by_what(opened: &Opened) -> (&'static str, &'static str) {
    let settings = &opened.settings;
    if opened.account.authority().is_some() {
        return (
            "with this platform's AppSecret and ticket, by POST /cgi-bin/component/api_component_token",
            "使用该第三方平台的AppSecret和ticket（POST /cgi-bin/component/api_component_token）",
        );
    }
    if !settings.via.is_empty() {
        return (
            "with the open platform's token, by POST /cgi-bin/component/api_authorizer_token",
            "使用开放平台的令牌（POST /cgi-bin/component/api_authorizer_token）",
        );
    }
    match (settings.app_id.is_empty(), settings.token_mode) {
        (true, _) => (
            "with this account's secret, by a reset of the Secret in the console",
            "使用该账号的Secret（在后台重置了Secret）",
        ),
        (false, TokenMode::Stable) => (
            "with this account's secret, by POST /cgi-bin/stable_token with force_refresh, or a reset of the AppSecret",
            "使用该账号的AppSecret（以force_refresh调用POST /cgi-bin/stable_token，或重置了AppSecret）",
        ),
        (false, TokenMode::Classic) => (
            "with this account's secret, by GET /cgi-bin/token",
            "使用该账号的AppSecret（GET /cgi-bin/token）",
        ),
    }
}

impl Known {
    /// A transient fault is tried again after 1 s, doubling to a minute; a final one (a wrong secret) after 30 s to 5 min.
    fn fail(&mut self, error: &v1::Error, now: Millis) {
        let times = self.failure.as_ref().map_or(0, |before| before.times) + 1;
        let (first, most) = if error.retryable {
            (1_000, 60_000)
        } else {
            (30_000, 300_000)
        };
        let pause = (first << (times - 1).min(10)).min(most);
        self.failure = Some(Failure {
            error: error.clone(),
            times,
            again: now + pause,
        });
    }
}

/// What a source of tokens gave, where there is one.
pub(super) type Given = Option<Result<AccessToken, v1::Error>>;

/// The platform did not answer a token call.
pub fn unanswered(fault: CallFault) -> v1::Error {
    match fault {
        CallFault::NoToken(error) => error,
        CallFault::NotSent(why) | CallFault::Lost(why) => v1::Error {
            code: Code::PlatformDown.name().into(),
            platform_message: format!("no access token: {why}"),
            retryable: true,
            ..Default::default()
        },
    }
}

/// The error inside a verdict on a token call.
pub fn reason(verdict: Verdict) -> v1::Error {
    match verdict {
        Verdict::RetryLater(error) => v1::Error {
            retryable: true,
            ..error
        },
        Verdict::RefreshToken(error)
        | Verdict::UploadAgain(error)
        | Verdict::Failed { error, .. }
        | Verdict::Unknown(error) => error,
        Verdict::Done { .. } => v1::Error {
            code: Code::PlatformDown.name().into(),
            platform_message: "the answer to a token call holds no token".into(),
            retryable: true,
            ..Default::default()
        },
    }
}
