//! The platform rings: what is durable before it is answered, and who is woken?

use async_trait::async_trait;

use super::{
    Pull,
    record::{BELLS, Mark, PLACES, PlaceKey, put},
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
        let mut page = Page::default();
        let mut rung = Vec::with_capacity(sub_ids.len());
        for sub_id in sub_ids {
            let key = PlaceKey::of(&opened, &sub_id);
            if !self.desk.knows(&key) {
                let place = self.new_place(&opened, self.desk.listed(&key.account_key));
                page.writes.push(put(PLACES, key.text(), &place));
                rung.push((key.clone(), Some(place)));
            } else {
                rung.push((key.clone(), None));
            }
            page.writes.push(put(BELLS, key.text(), &mark));
        }
        self.parts.store.accept_page(page).await?;
        for (key, place) in rung {
            if let Some(place) = place {
                self.desk.found(key.clone(), place, self.now());
            }
            self.desk.rang(&key, mark.clone(), self.now());
        }
        self.woken.notify_one();
        Ok(())
    }
}
