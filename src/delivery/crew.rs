//! Who is at work? The workers of a deliverer, begun by it or by one another, and gone with it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::JoinSet;

/// The workers, until they are dismissed.
pub struct Crew(Mutex<Option<JoinSet<()>>>);

impl Default for Crew {
    fn default() -> Self {
        Self(Mutex::new(Some(JoinSet::new())))
    }
}

impl Crew {
    /// Another one begins. After [`dismiss`](Self::dismiss) nobody does.
    pub fn begin(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(workers) = self.lock().as_mut() {
            // Who has ended is forgotten with who begins: nobody needs to be woken for it.
            while workers.try_join_next().is_some() {}
            workers.spawn(work);
        }
    }

    /// All that are at work; they are cut off when this is dropped.
    pub fn dismiss(&self) -> JoinSet<()> {
        self.lock().take().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Option<JoinSet<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cuts them off, however the deliverer ends: each holds what holds them all.
pub struct Leader<'a>(pub &'a Crew);

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        drop(self.0.dismiss());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn who_is_dismissed_may_end_and_nobody_begins_any_more() {
        let crew = Crew::default();
        let permits = Arc::new(Semaphore::new(0));
        let work = |permits: Arc<Semaphore>| async move { permits.acquire().await.expect("open").forget() };
        crew.begin(work(permits.clone()));
        let mut workers = crew.dismiss();
        crew.begin(work(permits.clone()));
        permits.add_permits(2);
        assert!(workers.join_next().await.is_some_and(|ended| ended.is_ok()));
        assert!(workers.join_next().await.is_none());
        tokio::task::yield_now().await;
        assert_eq!(permits.available_permits(), 1, "the second one never began");
    }

    #[tokio::test]
    async fn who_has_ended_is_forgotten() {
        let crew = Crew::default();
        for _ in 0..100 {
            crew.begin(async {});
            tokio::task::yield_now().await;
        }
        assert!(crew.dismiss().len() < 10);
    }

    #[tokio::test]
    async fn without_their_leader_all_are_cut_off() {
        let crew = Crew::default();
        let held = Arc::new(());
        let holds = held.clone();
        crew.begin(async move {
            let _holds = holds;
            std::future::pending::<()>().await;
        });
        tokio::task::yield_now().await;
        drop(Leader(&crew));
        tokio::time::timeout(std::time::Duration::from_secs(20), async {
            while Arc::strong_count(&held) > 1 {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("it is gone");
    }
}
