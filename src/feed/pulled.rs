//! How does a page come about? What was read is offered, and written as whoever asks wants it; what cannot be written that
//! way is set aside, so that others can pass.

use std::{collections::HashSet, sync::atomic::Ordering};

use super::{
    Feed, Feeds, Polling, Refusal, WAIT_MOST,
    handed::Handed,
    page::{Page, Unwritten},
};
use crate::{
    api_tokens::ApiToken,
    ports::{
        clock::Millis,
        feed::{Ask, FeedPage, Item, Position},
        store::StoreError,
    },
    schema::{
        Says,
        v1::{FetchEventsRequest, FetchEventsResponse, Offer},
    },
};

/// Events in a page that asks for no number, and in any page.
pub const PAGE: u32 = 100;
const PAGE_MOST: usize = 1_000;
/// Encoded bytes in a page: gRPC clients take no message over 4 MiB unless told to.
pub(super) const BYTES: usize = 1 << 20;

impl Feeds {
    /// The next page; where there is nothing, the first one within `wait`, else an empty one.
    pub async fn fetch(&self, caller: &ApiToken, request: FetchEventsRequest) -> Result<FetchEventsResponse, Refusal> {
        self.pulled(caller, request, Page::message).await
    }

    /// The same as canonical JSON.
    pub async fn fetch_json(&self, caller: &ApiToken, request: FetchEventsRequest) -> Result<Vec<u8>, Refusal> {
        self.pulled(caller, request, Page::json).await
    }

    /// Reads until all that was read can be written.
    async fn pulled<T: Send>(
        &self,
        caller: &ApiToken,
        request: FetchEventsRequest,
        write: impl Fn(&Page) -> Result<T, Unwritten> + Send,
    ) -> Result<T, Refusal> {
        let feed = self.feed_of(caller, &request.core)?;
        let Some(_seat) = self.seats.take(&caller.id) else {
            return Err(Refusal::TooMany { retry_after_seconds: 1 });
        };
        feed.polling.fetch_add(1, Ordering::Relaxed);
        let _polling = Polling(feed);
        let after = match request.after.as_str() {
            "" => None,
            cursor => Some(self.position(feed, cursor).await?),
        };
        let ask = ask(feed, after, request.limit);
        let wait = wait(request.wait)?;
        let mut passed = HashSet::new();
        loop {
            let mut read = self.page_within(feed, &ask, wait).await?;
            if after.is_some_and(|after| after < read.place.oldest) {
                return Err(self.too_old(feed, read.place.oldest));
            }
            read.items.retain(|item| !passed.contains(&item.position));
            let (page, places) = self.hand_out(feed, read);
            let faults = match write(&page) {
                Ok(written) => return Ok(written),
                Err(Unwritten::Page(why)) => return Err(StoreError::Broken(why).into()),
                Err(Unwritten::Events(faults)) => faults,
            };
            // Nobody has got any of it: the next page is the same attempt.
            feed.handed().take_back(places.iter().map(|place| place.position));
            for (index, why) in faults {
                let Some(place) = places.get(index) else { continue };
                passed.insert(place.position);
                self.pass_over(feed, place, page.events[index].0.id(), why).await?;
            }
        }
    }

    /// One that cannot be shown is parked where it waits, and a Gap takes its place. Where nothing waits for it, a Gap would
    /// stand for what the core has had: it is left out.
    async fn pass_over(&self, feed: &Feed, place: &Entry, event_id: &str, why: String) -> Result<(), Refusal> {
        let core = &feed.core.name;
        tracing::error!(%core, event_id, why, parked = place.waits, "an event cannot be shown to the core that pulls it");
        if place.waits {
            let (store, reason) = (&self.parts.store, format!("it cannot be shown: {why}"));
            store.feed_park(core.clone(), place.position, reason).await?;
            self.parts.windows.close(event_id);
            self.parts.observer.offered(core, event_id, 1, "parked", 0.0);
        }
        Ok(())
    }

    /// A page with something in it, or one that says why there is none, or the empty one when the time is over.
    async fn page_within(&self, feed: &Feed, ask: &Ask, wait: Millis) -> Result<FeedPage, Refusal> {
        // One sleep for all of it: a clock that is set back makes nobody wait longer.
        let over = self
            .parts
            .clock
            .sleep_until(self.parts.clock.now().saturating_add(wait));
        tokio::pin!(over);
        let mut is_over = wait <= 0;
        loop {
            // Listened for before it is looked at: a commit in between rings.
            let (rings, closed) = (feed.bell.rings(), self.closed.notified());
            tokio::pin!(rings, closed);
            rings.as_mut().enable();
            closed.as_mut().enable();
            let page = self.parts.store.feed_page(ask.clone()).await?;
            let now = self.parts.clock.now();
            feed.last_fetch.store(now, Ordering::Relaxed);
            let lost = ask.after.is_some_and(|after| after < page.place.oldest);
            let ends = is_over || self.closing.load(Ordering::Acquire);
            if ends || lost || page.more || !page.items.is_empty() {
                return Ok(page);
            }
            tokio::select! {
                () = rings => {}
                () = closed => {}
                () = &mut over => is_over = true,
            }
        }
    }

    /// The page as it is offered, and where each of its events stands.
    fn hand_out(&self, feed: &Feed, page: FeedPage) -> (Page, Vec<Entry>) {
        let now = self.parts.clock.now();
        let name = &feed.core.name;
        let taken = page.place.taken;
        let mut handed = feed.handed();
        let items = page.items.into_iter();
        let (events, places) = items
            .map(|item| {
                if item.position > taken {
                    feed.quiet
                        .handed(item.event.id(), item.replay.as_deref(), item.position);
                }
                let offer = self.offer(&mut handed, &item, taken, now);
                let place = Entry::of(&item, taken);
                ((item.event, offer), place)
            })
            .unzip();
        let page = Page {
            events,
            raw_inline: feed.core.raw_inline,
            next: self.parts.cursors.write(name, page.next),
            more: page.more,
            oldest_available: self.parts.cursors.write(name, page.place.oldest),
        };
        (page, places)
    }

    fn offer(&self, handed: &mut Handed, item: &Item, taken: Position, now: Millis) -> Offer {
        let mut offer = Offer {
            attempt: 2,
            passive: None,
            replay_id: String::new(),
        };
        // What was taken before is read again by a core that lost its place: nothing waits for it.
        if item.position > taken {
            let id = item.event.id();
            offer.attempt = handed.attempt(item.position, id, now);
            match &item.replay {
                Some(replay) => replay.clone_into(&mut offer.replay_id),
                None => offer.passive = self.parts.windows.look(id),
            }
            if offer.passive.is_some() {
                handed.has_window(item.position);
            }
        }
        offer
    }
}

/// An entry that went into a page.
struct Entry {
    position: Position,
    /// It waits there for the first time. A Gap has no second one behind it.
    waits: bool,
}

impl Entry {
    fn of(item: &Item, taken: Position) -> Self {
        let first = item.position > taken && item.replay.is_none();
        Self {
            position: item.position,
            waits: first && item.event.head().says != Says::Gap,
        }
    }
}

/// What to read for one page.
fn ask(feed: &Feed, after: Option<Position>, limit: u32) -> Ask {
    Ask {
        core: feed.core.name.clone(),
        after,
        limit: match usize::try_from(limit).unwrap_or(PAGE_MOST) {
            0 => PAGE as usize,
            limit => limit.min(PAGE_MOST),
        },
        bytes: BYTES,
    }
}

/// How long to wait, bounded.
fn wait(asked: Option<pbjson_types::Duration>) -> Result<Millis, Refusal> {
    let Some(asked) = asked else { return Ok(0) };
    if asked.seconds < 0 || asked.nanos < 0 {
        return Err(Refusal::Invalid("wait is negative".to_owned()));
    }
    let millis = asked
        .seconds
        .saturating_mul(1_000)
        .saturating_add(i64::from(asked.nanos) / 1_000_000);
    Ok(millis.min(WAIT_MOST))
}
