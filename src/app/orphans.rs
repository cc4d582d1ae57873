//! May a core vanish from the configuration? Not while something waits for it, unless the operator sets that aside.

use std::{collections::BTreeMap, sync::Arc};

use super::StartFault;
use crate::{
    config::{ConfigFault, ConfigFaults},
    cores::Cores,
    ports::store::{ConversationId, Store, StoreError, Stored, Waiting},
    schema::v1::event::Body,
};

/// What becomes of events whose core is configured no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Orphans {
    /// Nothing starts.
    #[default]
    Refuse,
    /// They are parked; their conversations go to whichever core's rule fits.
    Park,
}

/// Events read in one go.
const BATCH: usize = 200;

/// Conversations that wait for a core that is configured no more, by its name.
fn found<'a>(backlog: &'a [Waiting], cores: &Cores) -> BTreeMap<Arc<str>, Vec<&'a Waiting>> {
    let mut orphans = BTreeMap::<_, Vec<_>>::new();
    for waiting in backlog {
        if let Some(core) = &waiting.core
            && cores.named(core).is_none()
        {
            orphans.entry(core.clone()).or_default().push(waiting);
        }
    }
    orphans
}

/// Looks before anything is given to a core.
pub async fn settle(store: &dyn Store, cores: &Cores, orphans: Orphans) -> Result<(), StartFault> {
    let backlog = store.backlog().await?;
    let vanished = found(&backlog, cores);
    if vanished.is_empty() {
        return Ok(());
    }
    if orphans == Orphans::Refuse {
        return Err(StartFault::Config(ConfigFaults(
            vanished.iter().map(|(core, waiting)| refusal(core, waiting)).collect(),
        )));
    }
    for (core, waiting) in vanished {
        let mut parked = 0;
        for conversation in &waiting {
            parked += park(store, &core, conversation.conversation).await?;
        }
        // Nobody's from now on, so that the Gaps reach whoever takes the conversation next.
        let conversations = waiting.iter().map(|waiting| waiting.conversation).collect();
        store.reassign(conversations, Arc::from("")).await?;
        tracing::warn!(%core, events = parked, "the core is configured no more: what waited for it was parked");
    }
    Ok(())
}

fn refusal(core: &str, waiting: &[&Waiting]) -> ConfigFault {
    let events: u64 = waiting.iter().map(|waiting| u64::from(waiting.count)).sum();
    let conversations = waiting.len();
    ConfigFault {
        origin: "state folder".into(),
        key: "core".into(),
        found: format!(
            "{events} events of {conversations} conversations that wait for core {core:?}, which is configured no more"
        ),
        expected: format!(
            "a [[core]] named {core:?} until it has taken them, or `wxbridge serve --orphan=park`, which sets them aside"
        ),
    }
}

/// Parks what waits in one conversation. Gaps stand for what was lost or parked before: they stay.
async fn park(store: &dyn Store, core: &str, conversation: ConversationId) -> Result<u64, StoreError> {
    let mut from = 0;
    let mut parked = 0;
    loop {
        let events = store.pending(conversation, from, BATCH).await?.events;
        let Some(last) = events.last() else { return Ok(parked) };
        from = last.event.seq.saturating_add(1);
        for stored in events.iter().filter(|stored| !is_gap(stored)) {
            store.park(stored, format!("core {core} is configured no more")).await?;
            parked += 1;
        }
    }
}

fn is_gap(stored: &Stored) -> bool {
    matches!(stored.event.body, Some(Body::Gap(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::testing::core;

    fn waiting(id: i64, core: Option<&str>) -> Waiting {
        Waiting {
            conversation: ConversationId(id),
            key: format!("official_account:wx1:u:{id}"),
            core: core.map(Arc::from),
            core_before_pause: None,
            first_seq: 1,
            count: 2,
            oldest: 0,
        }
    }

    #[test]
    fn only_what_waits_for_a_vanished_core_is_an_orphan() {
        let cores = Cores([core("main")].into());
        let backlog = [waiting(1, Some("main")), waiting(2, None), waiting(3, Some("old"))];
        let orphans = found(&backlog, &cores);
        assert_eq!(orphans.keys().map(|core| &**core).collect::<Vec<_>>(), ["old"]);
        assert_eq!(orphans["old"].len(), 1);
    }

    #[test]
    fn the_refusal_names_the_core_what_waits_and_the_way_out() {
        let (one, two) = (waiting(1, Some("old")), waiting(2, Some("old")));
        let told = refusal("old", &[&one, &two]).to_string();
        for part in ["4 events of 2 conversations", "\"old\"", "--orphan=park"] {
            assert!(told.contains(part), "{part} in {told}");
        }
    }
}
