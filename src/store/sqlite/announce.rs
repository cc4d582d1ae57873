//! Who tells what a commit did? The writer where nothing else waits for it, and otherwise a thread beside it, so that the
//! next batch need not wait until a hundred requests of the last one have been woken.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread::JoinHandle,
};

use super::writer::{After, Publish};
use crate::ports::store::{Listener, StoreError};

/// What is to be said of one batch.
pub struct News {
    pub committed: Result<(), StoreError>,
    pub published: Vec<Publish>,
    pub afters: Vec<After>,
}

/// Says the news of every batch, in the order of the batches.
pub struct Announcer {
    listener: Arc<dyn Listener>,
    /// `None`: everything is said by the writer.
    helper: Option<Helper>,
}

struct Helper {
    news: mpsc::Sender<News>,
    /// Batches it has not said to the end.
    behind: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

impl Announcer {
    pub fn new(listener: Arc<dyn Listener>) -> Self {
        // Without a thread of its own it works all the same.
        let helper = Helper::start(listener.clone()).ok();
        Self { listener, helper }
    }

    /// `busy`: another batch waits for the writer.
    pub fn say(&self, news: News, busy: bool) {
        let Some(helper) = &self.helper else {
            return say(self.listener.as_ref(), news);
        };
        if !busy && helper.behind.load(Ordering::Acquire) == 0 {
            return say(self.listener.as_ref(), news);
        }
        helper.behind.fetch_add(1, Ordering::AcqRel);
        if let Err(mpsc::SendError(news)) = helper.news.send(news) {
            say(self.listener.as_ref(), news);
        }
    }

    /// Returns when everything has been said.
    pub fn end(&mut self) {
        if let Some(Helper { news, thread, .. }) = self.helper.take() {
            drop(news);
            let _ = thread.join();
        }
    }
}

impl Helper {
    fn start(listener: Arc<dyn Listener>) -> std::io::Result<Self> {
        let (news, queue) = mpsc::channel();
        let behind = Arc::new(AtomicUsize::new(0));
        let left = behind.clone();
        let thread = std::thread::Builder::new()
            .name("store-announcer".to_owned())
            .spawn(move || {
                for news in queue {
                    say(listener.as_ref(), news);
                    left.fetch_sub(1, Ordering::AcqRel);
                }
            })?;
        Ok(Self { news, behind, thread })
    }
}

fn say(listener: &dyn Listener, news: News) {
    // Whoever holds a request open is bound to its event before anybody can answer it.
    for publish in &news.published {
        match publish {
            Publish::Event(event) => listener.event(event),
            Publish::Gap(gap) => listener.gap(gap),
            Publish::Outbox(conversation) => listener.message(*conversation),
            Publish::Moved(waiting) => listener.moved(waiting),
            Publish::Undelivered(message) => listener.undelivered(message),
        }
    }
    for after in news.afters {
        after(news.committed.clone());
    }
}
