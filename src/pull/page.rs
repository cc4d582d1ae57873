//! What does each item of a page mean for its conversation?

use std::sync::Arc;

use super::Pull;
use crate::{
    accounts::Opened,
    channels::contract::{Dedupe, Item},
    conversation::{
        Arrival,
        key::{ACCOUNT_SELF, Key},
    },
    inbound::{arrival, entries},
    ports::{
        clock::Millis,
        store::{PageStep, StoreError},
    },
    schema::v1::{self, conversation::Scope, event::Body},
};

/// Older at acceptance: informative, not to be answered by a machine.
const HISTORY: Millis = 15 * 60_000;

impl Pull {
    /// One item as a step of the commit.
    pub(super) async fn step(&self, opened: &Arc<Opened>, mut item: Item) -> Result<PageStep, StoreError> {
        let now = self.now();
        let since = item.inbound.platform_time.unwrap_or(now);
        let account = opened.at(&item.sub_id);
        let entry = item.inbound.entry.take();
        let entry = entries::resolved(&*self.parts.store, &opened.settings.id, entry, now).await?;
        let place = arrival::Place {
            opened,
            account: &account,
            core: self.parts.cores.for_account(&account),
            chance: &*self.parts.chance,
            rules: self.parts.rules,
        };
        let traceparent = self.traces.parent(None, &*self.parts.chance);
        let mut arrival = arrival::arrival(&place, item.inbound, entry, item.raw, traceparent, since);
        arrival.history = since < now - HISTORY;
        // Whether a tap counts like a message is not documented: the platform's answer tells.
        if let Some(tap) = arrival.grant.take_if(|opening| opening.trigger() == "menu") {
            arrival.grant = Some(tap.estimated());
        }
        Ok(match item.failed {
            None => PageStep::Event(Box::new(arrival)),
            Some(failed) => PageStep::NotDelivered {
                account: opened.settings.id.clone(),
                message_id: failed.message_id,
                error: failed.error,
                otherwise: Box::new(arrival),
            },
        })
    }

    /// An event of our own in the conversation of a place itself.
    pub(super) fn own_event(&self, opened: &Opened, sub_id: &str, body: Body, identity: String) -> Arrival {
        let account = opened.at(sub_id);
        let key = Key {
            channel: account.channel.clone(),
            platform_id: account.platform_id.clone(),
            sub_id: sub_id.to_owned(),
            scope: Scope::Account,
            native_id: ACCOUNT_SELF.to_owned(),
        };
        let core = self.parts.cores.for_account(&account).map(|core| core.name.clone());
        let conversation = v1::Conversation {
            account: Some(Arc::unwrap_or_clone(account)),
            key: key.render(),
            customer: Some(v1::Identity {
                native_id: ACCOUNT_SELF.to_owned(),
                kind: v1::identity::Kind::System as i32,
                ..Default::default()
            }),
            scope: Scope::Account as i32,
            ..Default::default()
        };
        Arrival {
            dedupe: Some(Dedupe {
                text: format!("{}:{identity}", opened.settings.id),
                order: self.now().unsigned_abs() / 1_000,
                rest: identity,
            }),
            rules: self.parts.rules,
            ..Arrival::of_ours(conversation, core, body)
        }
    }
}
