//! What must be looked at from time to time? Tickets that stay away, what the platform and we know differently, work left over.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use super::{
    Component,
    book::{Authorizer, Standing},
    notices::unstored,
    source,
};
use crate::{
    accounts::Opened,
    error::{Code, Fault},
    ports::clock::Millis,
    schema::Timestamp,
};

const SECOND: Millis = 1_000;
const MINUTE: Millis = 60 * SECOND;
const HOUR: Millis = 60 * MINUTE;
/// A ticket lives this long; one comes every ten minutes.
const TICKET_LIFE: Millis = 12 * HOUR;
/// So long without one, and the platform is asked to push again.
const QUIET: Millis = HOUR;
/// Who authorised is compared with the platform's list this often.
const COMPARE: Millis = 6 * HOUR;
/// A bind link that is over is explained for so long.
const LINK_KEPT: Millis = 24 * HOUR;
const LOOK: Duration = Duration::from_secs(2);

/// When what is due for one open platform, by our clock.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    ticket_wish: Millis,
    compare: Millis,
    compared: Millis,
    leftover: Millis,
    failures: u32,
}

impl Component {
    /// Looks after everything until `stop` says true.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut sweep = Millis::MIN;
        while !*stop.borrow() {
            for opened in self.parts.registry.all() {
                if opened.account.authority().is_some() {
                    self.look(&opened).await;
                }
            }
            let now = self.parts.clock.now();
            if now >= sweep {
                sweep = now + HOUR;
                if let Err(error) = self.parts.book.sweep_links(now - LINK_KEPT).await {
                    tracing::warn!(%error, "old bind links stay for now");
                }
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => {}
                () = self.woken.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn look(&self, platform: &Arc<Opened>) {
        let waiting = self.ticket_watch(platform);
        if waiting {
            self.wish_for_tickets(platform).await;
        }
        let id = &platform.settings.id;
        if self.parts.book.ticket(id).is_some() && self.due(id, |agenda| agenda.leftover) {
            let outcome = self.leftovers(platform).await;
            self.plan(id, |agenda, now| match outcome {
                Ok(()) => agenda.failures = 0,
                Err(_) => {
                    agenda.failures = (agenda.failures + 1).min(7);
                    agenda.leftover = now + (SECOND << agenda.failures).min(MINUTE);
                }
            });
            if let Err(fault) = outcome {
                tracing::warn!(platform = id, %fault, "something about who authorised is still to be done");
            }
        }
        self.tell_all(platform).await;
    }

    /// Warns when no ticket came within the life of one; true while the platform should be asked for one.
    fn ticket_watch(&self, platform: &Opened) -> bool {
        let ticket = self.parts.book.ticket(&platform.settings.id);
        let bound = platform.observe(|condition| condition.bound_at).unwrap_or_default();
        // Before the first one, what counts is how long we have waited for it.
        let last = ticket.as_ref().map_or(bound, |ticket| ticket.created);
        let quiet = self.now().saturating_sub(last);
        platform.observe(|condition| match quiet > TICKET_LIFE {
            true => {
                let at = Timestamp::from_millis(last).to_rfc3339_millis();
                let said = match ticket {
                    Some(_) => format!("the last component_verify_ticket came at {at} / 最近一次ticket推送：{at}"),
                    None => format!("no component_verify_ticket has come since {at} / 自{at}以来未收到ticket"),
                };
                condition.warnings.insert(Code::TicketMissing, said);
            }
            false => {
                condition.warnings.remove(&Code::TicketMissing);
            }
        });
        ticket.is_none() || quiet > QUIET
    }

    async fn wish_for_tickets(&self, platform: &Arc<Opened>) {
        let id = &platform.settings.id;
        let Some(call) = platform.account.authority().map(|it| it.start_tickets()) else {
            return;
        };
        // By the platform's clock, as the tickets' own times are.
        let now = self.now();
        let mut wished = false;
        self.plan(id, |agenda, _| {
            wished = (agenda.ticket_wish..agenda.ticket_wish + QUIET).contains(&now);
            if !wished {
                agenda.ticket_wish = now;
            }
        });
        if wished {
            return;
        }
        match self.parts.keeper.ask_with(platform, &call, None).await {
            Ok(answer) => {
                let verdict = platform.account.judge(&call, &answer);
                tracing::info!(platform = id, ?verdict, "asked the platform to push tickets");
            }
            Err(fault) => tracing::warn!(platform = id, ?fault, "the platform could not be asked to push tickets"),
        }
    }

    /// Codes not yet spent, authorizers not yet known, and from time to time the platform's own list.
    async fn leftovers(&self, platform: &Arc<Opened>) -> Result<(), Fault> {
        let id = &platform.settings.id;
        for code in self.parts.book.codes(id) {
            self.spend(platform, &code).await?;
        }
        if self.due(id, |agenda| agenda.compare) {
            self.compare(platform).await?;
            self.plan(id, |agenda, now| {
                (agenda.compare, agenda.compared) = (now + COMPARE, now)
            });
        }
        for (app_id, known) in self.parts.book.authorizers(id) {
            let unbound = !known.wanted.is_empty() && self.account(id, &app_id).is_none();
            let free = unbound && self.parts.registry.get(&known.wanted).is_none();
            if known.standing == Standing::Authorized && known.about.is_none() {
                let _turn = self.turn.lock().await;
                self.finish(platform, &app_id).await?;
            } else if known.standing == Standing::Authorized && free && known.told.is_none() {
                let _turn = self.turn.lock().await;
                // Whatever stands against it stands in the log; it waits unclaimed.
                if let Err(fault) = self.finish(platform, &app_id).await {
                    tracing::warn!(platform = id, app_id, %fault, "an authorisation waits without an account");
                    self.unwant(platform, &app_id).await?;
                }
            }
        }
        Ok(())
    }

    async fn unwant(&self, platform: &Opened, app_id: &str) -> Result<(), Fault> {
        let kept = self.parts.book.change(&platform.settings.id, app_id, |before| {
            before.map(|before| Authorizer {
                wanted: String::new(),
                ..before.clone()
            })
        });
        kept.await.map(|_| ()).map_err(unstored)
    }

    /// What the platform's list says: who is new there waits to be claimed; who is missing is asked after, and withdrew.
    async fn compare(&self, platform: &Arc<Opened>) -> Result<(), Fault> {
        let id = &platform.settings.id;
        let asked_at = self.second();
        let listed = source::all(&self.parts.keeper, platform)
            .await
            .map_err(|error| super::fault(&error))?;
        let authority = platform.account.authority();
        let is_test = |app_id: &str| authority.is_some_and(|it| it.test_account(app_id).is_some());
        let whole = listed.whole;
        let listed = listed.items.into_iter().filter(|(app_id, _)| !is_test(app_id));
        let listed: Vec<_> = listed.collect();
        let there: BTreeSet<&str> = listed.iter().map(|(app_id, _)| app_id.as_str()).collect();
        for (app_id, refresh) in &listed {
            let kept = self.parts.book.change(id, app_id, |before| {
                let before = before.cloned().unwrap_or_default();
                let lost = before.refresh.is_empty() || before.standing != Standing::Authorized;
                (lost && before.since <= asked_at).then(|| Authorizer {
                    standing: match refresh.is_empty() {
                        true => Standing::NeedsReauth,
                        false => Standing::Authorized,
                    },
                    refresh: refresh.clone(),
                    ..before
                })
            });
            kept.await.map_err(unstored)?;
        }
        if !whole {
            tracing::warn!(
                platform = id,
                "the platform's list ends before its total_count: nobody is missed by it"
            );
            return Ok(());
        }
        for (app_id, known) in self.parts.book.authorizers(id) {
            if there.contains(app_id.as_str()) || known.since >= asked_at || known.standing == Standing::Revoked {
                continue;
            }
            if !self.withdrew(platform, &app_id).await {
                continue;
            }
            tracing::warn!(
                platform = id,
                app_id,
                "an account is not in the platform's list any more: it withdrew"
            );
            self.missing(platform, &app_id, asked_at).await?;
        }
        Ok(())
    }

    /// Asked by name: between two pages of the list others move up, and one of them is on neither.
    async fn withdrew(&self, platform: &Arc<Opened>, app_id: &str) -> bool {
        let Some(call) = platform.account.authority().map(|it| it.about(app_id)) else {
            return false;
        };
        match self.ask(platform, &call, |it, answer| it.read_about(answer)).await {
            Ok(_) => false,
            // Not known for now: the next comparison asks again.
            Err(error) => !error.retryable,
        }
    }

    async fn missing(&self, platform: &Opened, app_id: &str, asked_at: Millis) -> Result<(), Fault> {
        let id = &platform.settings.id;
        let kept = self.parts.book.change(id, app_id, |before| {
            before.filter(|it| it.since < asked_at).map(|before| Authorizer {
                standing: Standing::Revoked,
                refresh: crate::secret::Secret::default(),
                ..before.clone()
            })
        });
        let revoked = kept.await.map_err(unstored)?;
        if revoked.is_some_and(|it| it.standing == Standing::Revoked)
            && let Some(opened) = self.account(id, app_id)
        {
            self.cut_off(&opened);
        }
        Ok(())
    }

    /// A message came for somebody we do not know: the list is looked at soon, and not for each of them.
    pub(super) fn compare_soon(&self, platform: &str) {
        self.plan(platform, |agenda, now| {
            let soonest = now.max(agenda.compared + MINUTE);
            agenda.compare = agenda.compare.min(soonest);
        });
        self.woken.notify_one();
    }

    fn due(&self, platform: &str, what: impl FnOnce(&Agenda) -> Millis) -> bool {
        let mut agenda = self.agenda.lock().unwrap_or_else(PoisonError::into_inner);
        let at = what(agenda.entry(platform.to_owned()).or_default());
        self.parts.clock.now() >= at
    }

    fn plan(&self, platform: &str, change: impl FnOnce(&mut Agenda, Millis)) {
        let mut agenda = self.agenda.lock().unwrap_or_else(PoisonError::into_inner);
        change(agenda.entry(platform.to_owned()).or_default(), self.parts.clock.now());
    }
}
