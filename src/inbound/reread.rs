//! Can a body that was set aside be read now? With today's keys, as of the moment it came.

use std::sync::Arc;

use super::{Inbound, addressed::Untaken, cloud, entries, query};
use crate::{
    accounts::Opened,
    channels::contract::{Admitted, Refusal},
    error::{Code, Fault},
    ports::store::{Accepted, Arrival, Quarantined, StoreError},
};

impl Inbound {
    /// `Ok`: it became an event, whose id is returned, or was told before (`None`).
    pub async fn reread(&self, body: &Quarantined) -> Result<Option<String>, Fault> {
        let unknown = || Fault::new(Code::AccountUnknown, format!("no account {}", body.account));
        let opened = self.parts.registry.get(&body.account).ok_or_else(unknown)?;
        let query = query::read(&body.query);
        let fault = |refusal: Refusal| refusal.fault().clone();
        let admitted = match body.key_ids == cloud::UNSIGNED {
            true => cloud::admit(&opened, &body.body, body.received),
            false => opened.account.admit(&query, &body.body, body.received),
        };
        let admitted = admitted.map_err(fault)?;
        let opened = match opened.account.authority() {
            None => self.parts.registry.via(&opened, &admitted),
            Some(_) => match self.parts.authorizers.again(&opened, &admitted) {
                Some(reader) => reader,
                None if body.code == Code::AccountUnknown.name() => {
                    return Err(Fault::new(Code::AccountUnknown, body.detail.clone()));
                }
                None => return self.notice_again(&opened, &admitted).await,
            },
        };
        if let Some(bell) = opened.account.bell(&admitted) {
            self.parts
                .bells
                .ring(&opened.settings.id, bell)
                .await
                .map_err(unstored)?;
            return Ok(None);
        }
        let mut inbound = opened.account.read(&admitted, body.received).map_err(fault)?;
        let entry = entries::resolved(
            self.parts.store.as_ref(),
            &body.account,
            inbound.entry.take(),
            body.received,
        )
        .await
        .map_err(unstored)?;
        let traceparent = self.traces.parent(None, self.parts.chance.as_ref());
        let mut arrival = self.arrival(&opened, inbound, entry, admitted.plain, traceparent, body.received);
        // Who left and came back while it was set aside is here.
        if arrival.unfollowed && self.heard_since(&arrival).await.map_err(unstored)? {
            arrival.unfollowed = false;
        }
        match self.parts.store.accept(arrival.into()).await.map_err(unstored)? {
            Accepted::New(stored) => Ok(Some(stored.event.id().to_owned())),
            Accepted::Again { .. } => Ok(None),
        }
    }
}

impl Inbound {
    /// Whether the platform has told of something in this conversation that happened later.
    async fn heard_since(&self, arrival: &Arrival) -> Result<bool, StoreError> {
        let known = self.parts.store.conversation(&arrival.key).await?;
        let last = known.map_or(0, |view| view.state.last_platform_time);
        Ok(arrival.platform_time.is_some_and(|at| at < last))
    }

    /// What is no message of an account that authorised may be a notice to the platform.
    async fn notice_again(&self, platform: &Arc<Opened>, admitted: &Admitted) -> Result<Option<String>, Fault> {
        match self.parts.authorizers.notice(platform, admitted).await {
            Ok(()) => Ok(None),
            Err(Untaken::Quarantine(fault)) => Err(fault),
            Err(Untaken::Store(error)) => Err(unstored(error)),
        }
    }
}

fn unstored(error: StoreError) -> Fault {
    Fault::new(Code::Overloaded, error.to_string())
}
