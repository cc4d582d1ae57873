//! What does an authorisation change? First what is kept, then who it is, then the account that serves it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Component,
    book::{Authorizer, Standing},
    fault,
    notices::unstored,
};
use crate::{
    accounts::Opened,
    audit::Deed,
    channels::contract::{About, Grant},
    error::{Code, Fault},
    ports::clock::Millis,
    settings::AccountSettings,
};

/// Who acted when a scan did.
const SCAN: &str = "bind link";
/// Information about an authorizer is asked for so often before its code is given up on for now.
const TRIES: usize = 3;

impl Component {
    /// Keeps what a code gave, and binds the account; with `wanted` as its id where it has none yet. An error comes after the
    /// authorisation is durable: the rest is tried again. The caller holds the turn.
    pub(super) async fn settle(
        &self,
        platform: &Arc<Opened>,
        grant: Grant,
        since: Millis,
        wanted: &str,
    ) -> Result<Option<Arc<Opened>>, Fault> {
        let id = &platform.settings.id;
        let kept = self.parts.book.change(id, &grant.app_id, |before| {
            let before = before.cloned().unwrap_or_default();
            let told = before.told_but_for(&grant.sets);
            Some(Authorizer {
                told,
                standing: match grant.refresh.is_empty() {
                    true => Standing::NeedsReauth,
                    false => Standing::Authorized,
                },
                since: since.max(before.since),
                refresh: grant.refresh.clone(),
                sets: grant.sets.clone(),
                wanted: if wanted.is_empty() {
                    before.wanted
                } else {
                    wanted.to_owned()
                },
                about: before.about,
            })
        });
        kept.await.map_err(unstored)?;
        if let (Some(opened), Some(token)) = (self.account(id, &grant.app_id), grant.token.clone()) {
            self.parts.keeper.adopt(&opened, token).await;
        }
        let had = self.account(id, &grant.app_id).is_some();
        let bound = self.finish(platform, &grant.app_id).await?;
        if let (Some(opened), Some(token), false) = (&bound, grant.token, had) {
            self.parts.keeper.adopt(opened, token).await;
        }
        self.woken.notify_one();
        Ok(bound)
    }

    /// Learns who an authorizer is, and makes or updates the account that serves it; `None`: nobody said which one.
    pub(super) async fn finish(&self, platform: &Arc<Opened>, app_id: &str) -> Result<Option<Arc<Opened>>, Fault> {
        let id = &platform.settings.id;
        let about = self.learn(platform, app_id).await?;
        let kept = self.parts.book.change(id, app_id, |before| {
            let before = before.cloned().unwrap_or_default();
            let sets = match about.sets.is_empty() {
                true => before.sets.clone(),
                false => about.sets.clone(),
            };
            Some(Authorizer {
                told: before.told_but_for(&sets),
                sets,
                about: Some(about.clone()),
                ..before
            })
        });
        let known = kept.await.map_err(unstored)?.unwrap_or_default();
        let served = self.account(id, app_id);
        let named = served
            .as_ref()
            .map_or(known.wanted.as_str(), |opened| &opened.settings.id);
        if named.is_empty() {
            return Ok(None);
        }
        self.bind(platform, app_id, named, &about).await?;
        if served.is_none() {
            self.note_bound(id, app_id, named, &known).await;
        }
        self.granted(id, app_id).await?;
        let opened = self.account(id, app_id);
        if let Some(opened) = &opened {
            self.show(platform, opened, &known);
        }
        Ok(opened)
    }

    /// Whoever brought it: the browser that came back, or the platform's notice.
    async fn note_bound(&self, platform: &str, app_id: &str, named: &str, known: &Authorizer) {
        let deed = Deed {
            who: SCAN.to_owned(),
            what: "account.bind".to_owned(),
            target: named.to_owned(),
            before: Value::Null,
            after: json!({ "appId": app_id, "via": platform, "permissionSets": known.sets }),
        };
        self.parts.audit.note(vec![deed]).await;
    }

    /// The account has the id that was wished for. Who removes it later is not to find it again after the next notice.
    async fn granted(&self, platform: &str, app_id: &str) -> Result<(), Fault> {
        let kept = self.parts.book.change(platform, app_id, |before| {
            let before = before.filter(|it| !it.wanted.is_empty())?;
            Some(Authorizer {
                wanted: String::new(),
                ..before.clone()
            })
        });
        kept.await.map(|_| ()).map_err(unstored)
    }

    async fn learn(&self, platform: &Arc<Opened>, app_id: &str) -> Result<About, Fault> {
        let mut tries = 1;
        loop {
            let Some(call) = platform.account.authority().map(|it| it.about(app_id)) else {
                return Err(Fault::new(
                    Code::AccountUnknown,
                    "the open platform is not bound any more",
                ));
            };
            match self.ask(platform, &call, |it, answer| it.read_about(answer)).await {
                Ok(about) => return Ok(about),
                Err(error) if error.retryable && tries < TRIES => tries += 1,
                Err(error) => return Err(fault(&error)),
            }
        }
    }

    /// The id is its own, or free, or of the same account.
    async fn bind(&self, platform: &Opened, app_id: &str, named: &str, about: &About) -> Result<(), Fault> {
        let holder = self.parts.registry.get(named);
        if let Some(other) = holder.filter(|it| it.settings.app_id != app_id || it.settings.via != platform.settings.id)
        {
            let detail = format!(
                "the id {named} belongs to {} now: ask for a bind link with another id",
                other.settings.app_id
            );
            return Err(Fault::new(Code::InvalidRequest, detail));
        }
        let scanned = AccountSettings {
            id: named.to_owned(),
            channel: about.channel.clone(),
            app_id: app_id.to_owned(),
            original_id: about.original_id.clone(),
            via: platform.settings.id.clone(),
            ..AccountSettings::default()
        };
        let bound = self.parts.service.bind(scanned).await;
        bound.map(|_| ()).map_err(|error| {
            let faults: Vec<_> = error.faults().iter().map(ToString::to_string).collect();
            match faults.is_empty() {
                true => Fault::new(Code::Overloaded, error.to_string()),
                false => Fault::new(Code::InvalidRequest, faults.join("; ")),
            }
        })
    }
}
