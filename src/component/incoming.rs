//! Whose is a message that came to the platform's address? Of the account in the path, if the message says so too: nothing
//! signs the path.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Component, book::Standing, notices::Unnoted};
use crate::{
    accounts::Opened,
    channels::contract::{Admitted, Authority, Played, Verdict},
    envelope,
    error::{Code, Fault},
    inbound::addressed::{Addressed, Authorizers, Untaken},
    ports::clock::Millis,
    secret::Secret,
};

#[async_trait]
impl Authorizers for Component {
    fn whose(&self, platform: &Arc<Opened>, app_id: &str, admitted: &Admitted, now: Millis) -> Addressed {
        let Some(authority) = platform.account.authority() else {
            return Addressed::Nobodys;
        };
        let to = receiver(admitted);
        // Before any lookup: the platform's own accounts authorise nobody in time.
        if let Some(test) = authority.test_account(app_id) {
            return match to == test {
                true => self.tested(platform, authority, app_id, admitted, now),
                false => mismatch(app_id, &to),
            };
        }
        let id = &platform.settings.id;
        let known = self.parts.book.authorizer(id, app_id);
        let opened = self.account(id, app_id);
        let own = opened
            .as_ref()
            .map(|it| it.settings.original_id.clone())
            .filter(|it| !it.is_empty());
        let about = known.as_ref().and_then(|known| known.about.as_ref());
        let original_id = own
            .or_else(|| about.map(|about| about.original_id.clone()))
            .unwrap_or_default();
        if !original_id.is_empty() && to != original_id {
            return mismatch(app_id, &to);
        }
        match (opened, known.map(|known| known.standing)) {
            (_, Some(Standing::Revoked)) => Addressed::Revoked,
            (Some(opened), _) => Addressed::Reader(opened),
            (None, known) => {
                if known.is_none() {
                    self.compare_soon(id);
                }
                Addressed::Nobodys
            }
        }
    }

    fn again(&self, platform: &Arc<Opened>, admitted: &Admitted) -> Option<Arc<Opened>> {
        let to = receiver(admitted);
        let bound = self.parts.registry.bound_via(&platform.settings.id);
        let named = |opened: &Arc<Opened>| {
            let known = self
                .parts
                .book
                .authorizer(&platform.settings.id, &opened.settings.app_id);
            let about = known.and_then(|known| known.about);
            opened.settings.original_id == to || about.is_some_and(|about| about.original_id == to)
        };
        bound.into_iter().filter(|_| !to.is_empty()).find(named)
    }

    async fn notice(&self, platform: &Arc<Opened>, admitted: &Admitted) -> Result<(), Untaken> {
        match self.note(platform, admitted).await {
            Ok(()) => Ok(()),
            Err(Unnoted::Quarantine(fault)) => Err(Untaken::Quarantine(fault)),
            Err(Unnoted::Store(error)) => Err(Untaken::Store(error)),
        }
    }
}

impl Component {
    fn tested(
        &self,
        platform: &Arc<Opened>,
        authority: &dyn Authority,
        app_id: &str,
        admitted: &Admitted,
        now: Millis,
    ) -> Addressed {
        match authority.played(app_id, admitted, now) {
            Some(Played::Passive(document)) => Addressed::Answered(document),
            Some(Played::Api { code, to }) => {
                if let Some(component) = self.me.upgrade() {
                    let (platform, app_id) = (platform.clone(), app_id.to_owned());
                    tokio::spawn(async move { component.play(&platform, &app_id, &code, &to).await });
                }
                Addressed::Answered(Vec::new())
            }
            Some(Played::Nothing) | None => Addressed::Revoked,
        }
    }

    /// The code of the test's message gives the token that its answer is sent with. Nothing of it is kept.
    async fn play(&self, platform: &Arc<Opened>, app_id: &str, code: &Secret, to: &str) {
        let Some(authority) = platform.account.authority() else {
            return;
        };
        let call = authority.exchange(code);
        let token = match self.ask(platform, &call, |it, answer| it.read_exchange(answer)).await {
            Ok(grant) => grant.token,
            Err(error) => {
                tracing::warn!(
                    platform = platform.settings.id,
                    app_id,
                    code = error.platform_code,
                    "the release test's code was not taken"
                );
                return;
            }
        };
        let Some(token) = token else {
            tracing::warn!(
                platform = platform.settings.id,
                app_id,
                "the release test's code gave no token"
            );
            return;
        };
        let call = authority.play(code, to);
        match self.parts.keeper.ask_with(platform, &call, Some(&token.value)).await {
            Ok(answer) => match platform.account.judge(&call, &answer) {
                Verdict::Done { .. } => tracing::info!(
                    platform = platform.settings.id,
                    app_id,
                    "answered the release test by the API"
                ),
                verdict => tracing::warn!(
                    platform = platform.settings.id,
                    app_id,
                    ?verdict,
                    "the release test's answer was not taken"
                ),
            },
            Err(fault) => tracing::warn!(
                platform = platform.settings.id,
                app_id,
                ?fault,
                "the release test's answer was not sent"
            ),
        }
    }
}

/// To whom a message says that it is.
fn receiver(admitted: &Admitted) -> String {
    let fields = envelope::parse(&admitted.plain);
    fields
        .map(|fields| fields.value("ToUserName").to_owned())
        .unwrap_or_default()
}

fn mismatch(app_id: &str, to: &str) -> Addressed {
    let to: String = to.chars().take(40).collect();
    let detail = format!("a message to {to:?} came to the address of {app_id}");
    Addressed::Forged(Fault::new(Code::WrongReceiver, detail))
}
