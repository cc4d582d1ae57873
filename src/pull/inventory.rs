//! Which places does an account have? Those that the operator named, or those that the platform lists; and those that rang.

use std::sync::Arc;

use super::{
    Pull,
    desk::{After, SHUT},
    record::{self, ACCOUNTS, BELLS, Known, Mark, PLACES, Place, PlaceKey, put},
};
use crate::{
    accounts::Opened,
    channels::contract::{PullFault, Pulls, Verdict},
    ports::{
        clock::Millis,
        store::{Page, Record, StoreError},
    },
    schema::v1,
    tokens::CallFault,
};

/// The list is asked for again after this.
const EVERY: Millis = 3_600_000;
/// No account has more places than that many pages hold: 5000.
const PAGES: usize = 64;

impl Pull {
    /// What an earlier run left of these accounts: every place with its cursor and its bell. All of them are pulled once.
    pub(super) async fn remember(&self, accounts: &[Arc<Opened>]) {
        match self.recall().await {
            Ok(kept) => {
                for opened in accounts {
                    let key = record::account_key(opened);
                    let known = kept
                        .accounts
                        .iter()
                        .find(|it| it.key == key)
                        .map(|it| record::read(&it.value));
                    let places = kept.places(opened, &key);
                    self.desk
                        .remembered(&key, &opened.settings.id, known.unwrap_or_default(), places, self.now());
                }
            }
            Err(error) => tracing::warn!(%error, "the cursors are not readable yet"),
        }
    }

    async fn recall(&self) -> Result<Kept, StoreError> {
        let store = &self.parts.store;
        Ok(Kept {
            accounts: store.records(ACCOUNTS).await?,
            places: store.records(PLACES).await?,
            bells: store.records(BELLS).await?,
        })
    }

    /// Where a place begins that was not known before. One that is there from the start is read from the moment the account
    /// was bound, if the operator wants that; one that appears later from its beginning.
    fn new_place(&self, opened: &Opened, listed: bool) -> Place {
        let latest = opened.account.pulls().is_some_and(Pulls::only_latest);
        let bound = opened.observe(|condition| condition.bound_at);
        Place {
            since: bound.filter(|_| latest && !listed),
            ..Place::default()
        }
    }

    /// Where places stand that the desk does not know: as they were left, where they were ours before.
    pub(super) async fn places(
        &self,
        opened: &Opened,
        keys: Vec<PlaceKey>,
        listed: bool,
    ) -> Result<Vec<(PlaceKey, Place)>, StoreError> {
        let unknown: Vec<_> = keys.into_iter().filter(|key| !self.desk.knows(key)).collect();
        if unknown.is_empty() {
            return Ok(Vec::new());
        }
        let kept = self.parts.store.records(PLACES).await?;
        let left = |key: &PlaceKey| {
            let text = key.text();
            let record = kept.iter().find(|record| record.key == text);
            record.map_or_else(|| self.new_place(opened, listed), |record| record::read(&record.value))
        };
        let stand = |key: PlaceKey| (left(&key), key);
        Ok(unknown
            .into_iter()
            .map(stand)
            .map(|(place, key)| (key, place))
            .collect())
    }

    /// Finds the places of an account and commits those that are new.
    pub(super) async fn list(&self, account: &str) -> After {
        let Some(opened) = self.parts.registry.get(account) else {
            return After::Gone;
        };
        let Some(pulls) = opened.account.pulls() else {
            return After::Gone;
        };
        let found = match pulls.named() {
            [] => self.listed(&opened, pulls).await,
            named => Ok(named.to_vec()),
        };
        if found.is_ok() {
            self.pulled(&opened, "");
        }
        match found {
            Ok(found) => match self.commit_places(&opened, &found).await {
                Ok(()) => {
                    self.desk.lists(&record::account_key(&opened), &found, self.now());
                    After::At(self.now() + EVERY)
                }
                Err(error) => {
                    tracing::warn!(account, %error, "the places of an account are not committed yet");
                    After::Fault
                }
            },
            Err(fault) => {
                self.warn(&opened, "", &fault);
                match fault {
                    PullFault::Shut(_) => After::At(self.now() + SHUT),
                    _ => After::Fault,
                }
            }
        }
    }

    async fn listed(&self, opened: &Arc<Opened>, pulls: &dyn Pulls) -> Result<Vec<String>, PullFault> {
        let (mut found, mut from) = (Vec::new(), 0);
        for _ in 0..PAGES {
            let answer = match self.parts.keeper.call(opened, &pulls.list(from)).await {
                Ok((_, Verdict::RefreshToken(error))) => return Err(PullFault::Later(error)),
                Ok((answer, _)) => answer,
                Err(fault) => return Err(unanswered(fault)),
            };
            let mut page = pulls.listed(from, &answer)?;
            found.append(&mut page.sub_ids);
            match page.next {
                Some(next) if next > from => from = next,
                _ => break,
            }
        }
        Ok(found)
    }

    async fn commit_places(&self, opened: &Opened, found: &[String]) -> Result<(), StoreError> {
        let key = record::account_key(opened);
        let listed = self.desk.listed(&key);
        let keys = found.iter().map(|sub_id| PlaceKey::of(opened, sub_id)).collect();
        let new = self.places(opened, keys, listed).await?;
        let mut page = Page::default();
        for (key, place) in &new {
            page.writes.push(put(PLACES, key.text(), place));
        }
        if !listed {
            let known = Known {
                listed: Some(self.now()),
            };
            page.writes.push(put(ACCOUNTS, key.clone(), &known));
        }
        if page.writes.is_empty() {
            return Ok(());
        }
        self.parts.store.accept_page(page).await?;
        self.desk.note_listed(&key);
        for (place_key, place) in new {
            self.desk.found(place_key, place, self.now());
        }
        Ok(())
    }
}

/// What the store holds of all accounts.
struct Kept {
    accounts: Vec<Record>,
    places: Vec<Record>,
    bells: Vec<Record>,
}

impl Kept {
    /// The places of one account that the operator wants served.
    fn places(&self, opened: &Opened, key: &str) -> Vec<(PlaceKey, Place, Mark)> {
        let served = opened.account.pulls().map_or(&[][..], Pulls::named);
        let bell = |sub_id: &str| {
            let found = record::below(&self.bells, key).find(|(id, _)| *id == sub_id);
            found.map(|(_, value)| record::read(value)).unwrap_or_default()
        };
        record::below(&self.places, key)
            .filter(|(sub_id, _)| served.is_empty() || served.iter().any(|id| id == sub_id))
            .map(|(sub_id, value)| (PlaceKey::of(opened, sub_id), record::read(value), bell(sub_id)))
            .collect()
    }
}

/// A call without an answer, as a pull sees it: it may always be made again.
pub fn unanswered(fault: CallFault) -> PullFault {
    match fault {
        CallFault::NoToken(error) if error.retryable => PullFault::Later(error),
        CallFault::NoToken(error) => PullFault::Shut(error),
        CallFault::NotSent(why) | CallFault::Lost(why) => PullFault::Later(v1::Error {
            code: crate::error::Code::PlatformDown.name().to_owned(),
            platform_message: why,
            retryable: true,
            ..Default::default()
        }),
    }
}
