//! Who hears of an authorisation? Whoever looks at the account, and its core.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::json;

use super::{
    Component,
    book::{Authorizer, Standing},
};
use crate::{
    accounts::Opened,
    audit::Deed,
    channels::contract::{Authority, Dedupe, Effects, Inbound, Who},
    error::Code,
    inbound::arrival::{Place, arrival},
    ports::store::{Arrival, StoreError},
    schema::v1::{self, account_state::State, event::Body, signal},
};

impl Component {
    /// What the account shows of its authorisation. What an older one was refused says nothing of a new one.
    pub(super) fn show(&self, platform: &Opened, opened: &Opened, known: &Authorizer) {
        let missing = match (known.standing, platform.account.authority()) {
            (Standing::Authorized, Some(authority)) => missing(authority, opened, known),
            _ => Vec::new(),
        };
        let fresh = known.told != Some((known.standing, known.since));
        let doubted = opened.observe(|condition| {
            condition.permission_sets.clone_from(&known.sets);
            let by_us = matches!(condition.api_shut, Some(Code::AccountRevoked | Code::NeedsReauth));
            condition.api_shut = match known.standing {
                Standing::Revoked => Some(Code::AccountRevoked),
                Standing::NeedsReauth => Some(Code::NeedsReauth),
                // What the platform did not say at all stands for nothing.
                Standing::Authorized if !missing.is_empty() && !known.sets.is_empty() => Some(Code::ScopeNotGranted),
                Standing::Authorized if fresh || by_us => None,
                Standing::Authorized => condition.api_shut,
            };
            match missing.first() {
                Some(_) => condition.warnings.insert(Code::ScopeNotGranted, unticked(&missing)),
                None => condition.warnings.remove(&Code::ScopeNotGranted),
            };
            by_us && !fresh && known.standing == Standing::Authorized
        });
        // A call was refused as if nobody had authorised: the platform's list tells.
        if doubted {
            self.compare_soon(&platform.settings.id);
        }
    }

    /// Tells the core once of each change; where that fails it is told later.
    pub(super) async fn tell(&self, platform: &Opened, opened: &Opened, known: &Authorizer) -> Result<(), StoreError> {
        let now = (known.standing, known.since);
        if known.told == Some(now) {
            return Ok(());
        }
        // What ends is told with what the account can do now, and so is that it comes back.
        match known.standing {
            Standing::Authorized => {
                let said = self.authorised(opened, known);
                self.parts.outbound.account_authorised(opened, said).await?;
            }
            _ => self.parts.outbound.account_changed(opened).await,
        }
        let app_id = &opened.settings.app_id;
        let told = self.parts.book.change(&platform.settings.id, app_id, |before| {
            before.map(|before| Authorizer {
                told: Some(now),
                ..before.clone()
            })
        });
        told.await?;
        // Who comes for the first time is written down where it is bound.
        if known.told.is_some() || known.standing != Standing::Authorized {
            self.note_turn(platform, opened, known).await;
        }
        Ok(())
    }

    /// Whoever it was, it came by the platform: its notice, its list, or the scan that it sent back.
    async fn note_turn(&self, platform: &Opened, opened: &Opened, known: &Authorizer) {
        let deed = Deed {
            who: platform.settings.id.clone(),
            what: "account.authorisation".to_owned(),
            target: opened.settings.id.clone(),
            before: json!({ "state": known.told.map(|(standing, _)| said_of(standing)) }),
            after: json!({ "state": said_of(known.standing), "permissionSets": known.sets }),
        };
        self.parts.audit.note(vec![deed]).await;
    }

    /// Somebody authorised, or changed what is authorised: with every permission set.
    fn authorised(&self, opened: &Opened, known: &Authorizer) -> Arrival {
        let name = if known.told.is_some() {
            "updateauthorized"
        } else {
            "authorized"
        };
        let place = Place {
            opened,
            account: &opened.describe,
            core: self.parts.cores.for_account(&opened.describe),
            chance: &*self.parts.chance,
            rules: self.parts.rules,
        };
        let traceparent = self.traces.parent(None, &*self.parts.chance);
        let said = said(opened, known, name);
        let mut arrival = arrival(&place, said, None, Vec::new(), traceparent, self.parts.clock.now());
        // It is ours to say, and the platform never says it again.
        arrival.dedupe = None;
        arrival
    }
}

fn said_of(standing: Standing) -> &'static str {
    match standing {
        Standing::Authorized => "AUTHORISED",
        Standing::NeedsReauth => "NEEDS_REAUTH",
        Standing::Revoked => "REVOKED",
    }
}

fn said(opened: &Opened, known: &Authorizer, name: &str) -> Inbound {
    let reasons: Vec<String> = opened.observe(|condition| {
        let warnings = condition.warnings.keys().copied();
        let codes: BTreeSet<&str> = warnings.chain(condition.api_shut).map(Code::name).collect();
        codes.into_iter().map(str::to_owned).collect()
    });
    let fields = [("AuthorizerAppid", opened.settings.app_id.clone())];
    Inbound {
        who: Who::Account,
        aliases: Default::default(),
        platform_time: (known.since > 0).then_some(known.since),
        dedupe: Dedupe {
            text: format!("{}:{name}:{}", opened.settings.app_id, known.since),
            order: 0,
            rest: String::new(),
        },
        body: Body::Signal(v1::Signal {
            r#type: signal::Type::AccountStateChanged as i32,
            platform_type: name.to_owned(),
            fields: fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            account_state: Some(v1::AccountState {
                state: match reasons.iter().any(|code| code == Code::ScopeNotGranted.name()) {
                    true => State::Degraded,
                    false => State::Active,
                } as i32,
                reasons,
                permission_sets: known.sets.clone(),
            }),
            ..v1::Signal::default()
        }),
        entry: None,
        effects: Effects::default(),
        passive: None,
        raw_always: false,
    }
}

/// The sets without which the account neither hears nor answers, by name.
pub fn missing(authority: &dyn Authority, opened: &Opened, known: &Authorizer) -> Vec<String> {
    let needed = authority.needs(&opened.describe.channel).iter();
    let missing = needed.filter(|id| !known.sets.contains(id));
    missing
        .map(|id| format!("{} ({id})", authority.set(*id).name_zh))
        .collect()
}

fn unticked(missing: &[String]) -> String {
    let sets = missing.join(", ");
    format!(
        "the account's admin did not tick {sets}: scan a new bind link and tick it / 授权时未勾选 {sets}，请重新扫码并勾选"
    )
}

impl Component {
    /// Everything an operator and the core should see of who authorised this platform.
    pub(super) async fn tell_all(&self, platform: &Arc<Opened>) {
        for (app_id, known) in self.parts.book.authorizers(&platform.settings.id) {
            let Some(opened) = self.account(&platform.settings.id, &app_id) else {
                continue;
            };
            self.show(platform, &opened, &known);
            if let Err(error) = self.tell(platform, &opened, &known).await {
                tracing::warn!(account = opened.settings.id, %error, "the core does not hear of an authorisation yet");
            }
        }
    }
}
