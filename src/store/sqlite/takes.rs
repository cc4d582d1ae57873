//! How do takes share a commit? One that nobody waits for waits a moment for others.
//!
//! A core that works through a backlog says "taken" thousands of times a second, and a disk that is quick would be asked to
//! commit each by itself.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};

use super::writer::{Fault, Job, Ran, Writer, outcome};
use crate::ports::store::{StoreError, Take, Took};

/// So long the first one waits for company: less than a disk that is slow takes for a commit.
pub const COMPANY: Duration = Duration::from_millis(1);

type Answer = Result<Took, StoreError>;

/// Takes that go into the next commit together.
#[derive(Clone)]
pub struct Takes {
    company: Duration,
    waiting: Arc<Mutex<Vec<Waiting>>>,
}

struct Waiting {
    take: Take,
    tell: oneshot::Sender<Answer>,
}

impl Takes {
    /// The first one waits for `company`, unless it hurries.
    pub fn new(company: Duration) -> Self {
        let waiting = Arc::default();
        Self { company, waiting }
    }

    /// Answered when its commit is on disk.
    pub fn add(&self, take: Take, jobs: &mpsc::Sender<Job>) -> oneshot::Receiver<Answer> {
        let (tell, told) = oneshot::channel();
        let hurries = take.hurries;
        let first = {
            let mut waiting = self.lock();
            waiting.push(Waiting { take, tell });
            waiting.len() == 1
        };
        if first || hurries {
            // Others wait for it too: it goes on when whoever was first does not.
            tokio::spawn(self.clone().bring(jobs.clone(), hurries));
        }
        told
    }

    /// Has the writer take all that have come until it gets to it.
    async fn bring(self, jobs: mpsc::Sender<Job>, hurries: bool) {
        if !hurries {
            tokio::time::sleep(self.company).await;
        }
        if self.lock().is_empty() {
            return;
        }
        let cart = Cart(Some(self));
        let runtime = Handle::current();
        // A writer that has ended drops the cart, and so does one that fails.
        let _ = jobs.send(Box::new(move |writer| cart.unload(writer, &runtime))).await;
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<Waiting> {
        std::mem::take(&mut self.lock())
    }

    fn run(&self, writer: &mut Writer, runtime: &Handle) -> Ran {
        let mut broken = false;
        let mut done = Vec::new();
        for Waiting { take, tell } in self.all() {
            let took = match broken {
                true => Err(Fault::Here(StoreError::Broken(
                    "another one failed before it".to_owned(),
                ))),
                false => writer.attempt(|writer| Ok(writer.take(take)?)),
            };
            broken |= matches!(took, Err(Fault::Database(_)));
            done.push((took, tell));
        }
        let runtime = runtime.clone();
        let after = move |committed: Result<(), StoreError>| {
            // Woken from within their runtime: from here each of them would cost a call to it.
            runtime.spawn(async move {
                for (took, tell) in done {
                    // Whoever asked may be gone; the event is offered again then.
                    let _ = tell.send(outcome(took, &committed));
                }
            });
        };
        Ran {
            broken,
            after: Box::new(after),
        }
    }
}

/// Brings what waits to the writer. Where it never gets there, nobody waits in vain.
struct Cart(Option<Takes>);

impl Cart {
    fn unload(mut self, writer: &mut Writer, runtime: &Handle) -> Ran {
        let takes = self.0.take();
        takes.map_or_else(Ran::nothing, |takes| takes.run(writer, runtime))
    }
}

impl Drop for Cart {
    fn drop(&mut self) {
        if let Some(takes) = &self.0 {
            drop(takes.all());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::store::ConversationId;

    fn take(row: i64) -> Take {
        Take {
            conversation: ConversationId(1),
            row,
            seq: 1,
            before: Vec::new(),
            replies: Vec::new(),
            hurries: false,
        }
    }

    #[tokio::test]
    async fn many_takes_are_one_job() {
        let (jobs, mut queue) = mpsc::channel(8);
        let takes = Takes::new(Duration::from_millis(1));
        let told: Vec<_> = (0..100).map(|row| takes.add(take(row), &jobs)).collect();
        let job = queue.recv().await.expect("a job");
        assert_eq!(
            takes.lock().len(),
            100,
            "whoever comes before the writer does goes with them"
        );
        // The writer never gets to it.
        drop(job);
        for told in told {
            assert!(told.await.is_err(), "nobody waits in vain");
        }
        assert!(queue.try_recv().is_err(), "one job");
    }

    #[tokio::test]
    async fn a_take_that_somebody_waits_for_waits_for_nobody_and_brings_the_others() {
        let (jobs, mut queue) = mpsc::channel(8);
        let takes = Takes::new(Duration::from_secs(3_600));
        let _first = takes.add(take(1), &jobs);
        let hurried = Take {
            hurries: true,
            ..take(2)
        };
        let _second = takes.add(hurried, &jobs);
        let limit = tokio::time::timeout(Duration::from_secs(20), queue.recv());
        let _job = limit.await.expect("it does not wait").expect("a job");
        assert_eq!(takes.lock().len(), 2);
    }
}
