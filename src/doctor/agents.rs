//! Do the platform's own agents take customers away from us, and may the account use the API? Asked when an account is bound,
//! daily, and by the doctor.

use std::{collections::HashMap, sync::Arc};

use super::Probes;
use crate::{
    accounts::{Opened, Registry},
    error::Code,
    ports::clock::{Clock, Millis},
    settings::PlatformAgents,
};

const MINUTE: Millis = 60_000;
const DAY: Millis = 24 * 60 * MINUTE;
/// So many accounts a minute: each may need a token first.
const A_MINUTE: usize = 20;

/// Asks for one account, and warns in its view. Where the operator wants these agents there is nothing to warn of; where the
/// platform does not answer, what was known stays.
pub async fn look(probes: &dyn Probes, opened: &Arc<Opened>) {
    let told = match opened.settings.platform_agents {
        PlatformAgents::Allow => Ok(None),
        PlatformAgents::Forbid => probes.agents(opened).await,
    };
    let Ok(told) = told else { return };
    opened.observe(|condition| match told {
        Some(said) => condition.warnings.insert(Code::PlatformAgentsOnline, said),
        None => condition.warnings.remove(&Code::PlatformAgentsOnline),
    });
}

/// Asks for every account, soon after it was bound or changed and then daily; never ends.
pub async fn watch(probes: Arc<dyn Probes>, registry: Arc<Registry>, clock: Arc<dyn Clock>) {
    let mut asked = Asked::default();
    loop {
        clock.sleep_until(clock.now() + MINUTE).await;
        for opened in registry.all() {
            super::warned::look(&opened, clock.now());
        }
        for opened in asked.due(registry.all(), clock.now()) {
            // What token and rights are like is learned by asking; the doctor tells it when he is asked.
            if probes.token(&opened).await.is_ok() {
                look(&*probes, &opened).await;
            }
        }
    }
}

/// When each account was asked for the last time, and as what it was then open.
#[derive(Default)]
struct Asked(HashMap<String, (usize, Millis)>);

impl Asked {
    /// The accounts whose turn it is, noted as asked; those that went are forgotten.
    fn due(&mut self, accounts: Vec<Arc<Opened>>, now: Millis) -> Vec<Arc<Opened>> {
        let before = std::mem::take(&mut self.0);
        let mut due = Vec::new();
        for opened in accounts {
            let this = Arc::as_ptr(&opened).addr();
            let id = opened.settings.id.clone();
            let known = before.get(&id).filter(|(was, at)| *was == this && now - at < DAY);
            match known {
                Some(known) => drop(self.0.insert(id, *known)),
                None if due.len() < A_MINUTE => {
                    self.0.insert(id, (this, now));
                    due.push(opened);
                }
                None => {}
            }
        }
        due
    }
}
