//! What is known of each account?

use serde::Serialize;

use crate::{
    accounts::{Broken, Opened},
    channels::{self, contract::SettingFault},
    error::Code,
    observe::Observer,
    outbound,
    schema::{
        Timestamp,
        v1::{self, AccountState, AccountView, account_state},
    },
    web::{Answer, Problem, State, auth::Caller},
};

/// One page of a list.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// `after` of the next page; empty at the end.
    pub next: String,
}

/// The accounts that the caller may see.
pub fn list(state: &State, caller: &Caller, limit: usize, after: &str) -> Page<AccountView> {
    page(state, limit, after, |id| caller.0.sees_account(id))
}

/// Accounts behind `after`, by id, that `sees` lets through; those that cannot be opened stand among them.
pub fn page(state: &State, limit: usize, after: &str, sees: impl Fn(&str) -> bool) -> Page<AccountView> {
    let opened = state.registry.all();
    let broken = state.registry.broken();
    let mut all: Vec<(&str, Option<&Opened>)> = opened
        .iter()
        .map(|opened| (opened.settings.id.as_str(), Some(opened.as_ref())))
        .collect();
    all.extend(broken.iter().map(|broken| (broken.settings.id.as_str(), None)));
    all.sort_unstable_by_key(|(id, _)| *id);
    let mut rest = all.into_iter().filter(|(id, _)| *id > after && sees(id)).peekable();
    let mut items = Vec::new();
    let mut last = "";
    for (id, opened) in rest.by_ref().take(limit) {
        last = id;
        items.push(match opened {
            Some(opened) => seen(state, opened),
            None => broken
                .iter()
                .find(|broken| broken.settings.id == id)
                .map(|broken| broken_view(state, broken))
                .unwrap_or_default(),
        });
    }
    let next = if rest.peek().is_some() {
        last.to_owned()
    } else {
        String::new()
    };
    Page { items, next }
}

/// An account that this version cannot open, with every fault of its settings.
fn broken_view(state: &State, broken: &Broken) -> AccountView {
    let fault = |fault: &SettingFault| {
        format!(
            "{}: {} is {}, expected {}",
            Code::InvalidRequest,
            fault.key,
            fault.found,
            fault.expected
        )
    };
    AccountView {
        account: Some(v1::Account {
            id: broken.settings.id.clone(),
            channel: broken.settings.channel.clone(),
            platform_id: match broken.settings.app_id.as_str() {
                "" => broken.settings.corp_id.clone(),
                app_id => app_id.to_owned(),
            },
            sub_id: broken.settings.agent_id.clone(),
            ..Default::default()
        }),
        state: Some(AccountState {
            state: account_state::State::Degraded as i32,
            reasons: vec![Code::InvalidRequest.name().to_owned()],
            permission_sets: Vec::new(),
        }),
        bound_at: Some(Timestamp::from_millis(broken.bound_at)),
        warnings: broken.faults.iter().map(fault).collect(),
        paused_since: paused_since(state, &broken.settings.id),
        ..Default::default()
    }
}

/// One account, also one that cannot be opened.
pub fn one(state: &State, caller: &Caller, id: &str) -> Answer<AccountView> {
    caller.must_see(id)?;
    let broken = state.registry.broken();
    let view = match state.registry.get(id) {
        Some(opened) => Some(seen(state, &opened)),
        None => broken
            .iter()
            .find(|broken| broken.settings.id == id)
            .map(|broken| broken_view(state, broken)),
    };
    view.ok_or_else(|| Problem::not_found(format!("no account {id}")))
}

fn seen(state: &State, opened: &Opened) -> AccountView {
    AccountView {
        paused_since: paused_since(state, &opened.settings.id),
        ..view(opened, &state.observer, &state.public_urls)
    }
}

fn paused_since(state: &State, id: &str) -> Option<Timestamp> {
    state.registry.paused(id).map(Timestamp::from_millis)
}

/// An account as core and operators see it, but for a pause.
pub fn view(opened: &Opened, observer: &Observer, public_urls: &[String]) -> AccountView {
    let condition = opened.observe(|condition| condition.clone());
    let id = &opened.settings.id;
    let refused = observer.refusals.of(id).into_iter().map(|refusal| {
        let last = Timestamp::from_millis(refusal.last).to_rfc3339_millis();
        format!(
            "{}: {} refused, the last at {last}: {}",
            refusal.code, refusal.count, refusal.detail
        )
    });
    let state = match condition.api_shut {
        Some(Code::AccountRevoked) => account_state::State::Revoked,
        Some(Code::NeedsReauth) => account_state::State::NeedsReauth,
        _ if condition.warnings.keys().any(|code| spoils(*code)) => account_state::State::Degraded,
        _ if condition.last_callback.is_none() => account_state::State::Waiting,
        _ => account_state::State::Active,
    };
    AccountView {
        account: Some(opened.describe.as_ref().clone()),
        state: Some(AccountState {
            state: state as i32,
            reasons: condition.warnings.keys().map(|code| code.name().to_owned()).collect(),
            permission_sets: condition.permission_sets.clone(),
        }),
        capabilities: Some(outbound::capabilities(opened)),
        bound: match !opened.settings.via.is_empty() && channels::is_authorised(&opened.settings.channel) {
            true => "authorised",
            false => "direct",
        }
        .into(),
        bound_at: condition.bound_at.map(Timestamp::from_millis),
        last_callback: condition.last_callback.map(Timestamp::from_millis),
        callback_urls: callback_urls(opened, public_urls),
        warnings: condition
            .warnings
            .iter()
            .map(|(code, said)| format!("{code}: {said}"))
            .chain(refused)
            .collect(),
        paused_since: None,
    }
}

/// What is entered in the platform's console.
fn callback_urls(opened: &Opened, public_urls: &[String]) -> Vec<String> {
    let (id, via) = (&opened.settings.id, &opened.settings.via);
    let of = |url: &String| {
        let url = url.trim_end_matches('/');
        match opened.account.authority() {
            Some(_) => vec![
                format!("{url}/open/{id}/events"),
                format!("{url}/open/{id}/message/$APPID$"),
            ],
            None if via.is_empty() => vec![format!("{url}/callback/{id}")],
            // It has none of its own: its callbacks come in at the account that via names.
            None => Vec::new(),
        }
    };
    public_urls.iter().flat_map(of).collect()
}

/// A warning that says that something does not work now.
fn spoils(code: Code) -> bool {
    code != Code::OldKeyStillUsed && code != Code::ClockSkew
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{secret::Secret, settings::AccountSettings, web::testing::House};

    #[tokio::test]
    async fn only_what_is_bound_by_an_authorisation_is_called_authorised() {
        let house = House::new().await;
        let scanned = AccountSettings {
            id: "shop".into(),
            channel: "official_account".into(),
            app_id: "wx0123456789abcdef".into(),
            via: "op".into(),
            ..AccountSettings::default()
        };
        let service = AccountSettings {
            id: "kf".into(),
            channel: "wechat_kf".into(),
            corp_id: "ww0123456789abcdef".into(),
            via: "app".into(),
            ..AccountSettings::default()
        };
        let own = AccountSettings {
            secret: Secret::new("s3cret"),
            token: Secret::new("token123"),
            encoding_aes_key: Secret::new("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"),
            via: String::new(),
            ..service.clone()
        };
        for (settings, bound) in [(scanned, "authorised"), (service, "direct"), (own, "direct")] {
            let opened = house.bind_as(&settings);
            let view = view(&opened, &house.state.observer, &[]);
            assert_eq!(view.bound, bound, "{} via {:?}", settings.channel, settings.via);
        }
    }
}
