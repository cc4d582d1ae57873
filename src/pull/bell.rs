//! The platform rings: what is durable before it is answered, and who is woken?

use async_trait::async_trait;

use super::{
    Pull,
    record::{BELLS, Mark, PLACES, PlaceKey, account_key, put},
};
use crate::{
    channels::contract::Bell,
    ports::{
        pull::Bells,
        store::{Page, StoreError},
    },
};

#[async_trait]
impl Bells for Pull {
    async fn ring(&self, account: &str, bell: Bell) -> Result<(), StoreError> {
        let Some(opened) = self.parts.registry.get(account) else {
            return Ok(());
        };
        let Some(pulls) = opened.account.pulls() else {
            return Ok(());
        };
        let sub_ids = match bell.sub_id {
            // Not one of those that the operator wants served here: whoever serves it hears its own bell.
            Some(id) if !pulls.named().is_empty() && !pulls.named().contains(&id) => return Ok(()),
            Some(id) => vec![id],
            None => self.desk.places_of(account),
        };
        let mark = Mark {
            token: bell.token,
            at: self.now(),
        };
        let keys: Vec<_> = sub_ids.iter().map(|sub_id| PlaceKey::of(&opened, sub_id)).collect();
        let listed = self.desk.listed(&account_key(&opened));
        let new = self.places(&opened, keys.clone(), listed).await?;
        let mut page = Page::default();
        for (key, place) in &new {
            page.writes.push(put(PLACES, key.text(), place));
        }
        for key in &keys {
            page.writes.push(put(BELLS, key.text(), &mark));
        }
        self.parts.store.accept_page(page).await?;
        for (key, place) in new {
            self.desk.found(key, place, self.now());
        }
        for key in &keys {
            self.desk.rang(key, mark.clone(), self.now());
        }
        self.woken.notify_one();
        Ok(())
    }

    fn changed(&self, account: &str) {
        if self.desk.list_soon(account, self.now()) {
            self.woken.notify_one();
        }
    }
}
