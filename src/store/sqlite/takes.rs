//! How do takes share a commit? One that nobody waits for waits a moment for others.
//!
//! A core that works through a backlog says "taken" thousands of times a second, and a disk that is quick would be asked to
//! commit each by itself.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{runtime::Handle, sync::mpsc};

use super::writer::{Fault, Job, Ran, Writer, outcome};
use crate::ports::store::{StoreError, Take, Told};

/// So long the first one waits for company: less than a disk that is slow takes for a commit.
pub const COMPANY: Duration = Duration::from_millis(1);
/// Where so many came in that time it is worth as long again: a commit costs as much for few as for many.
const MANY: usize = 16;
/// Waits before one commit.
const ROUNDS: usize = 3;

/// Takes that go into the next commit together.
#[derive(Clone)]
pub struct Takes {
    company: Duration,
    waiting: Arc<Mutex<Vec<Waiting>>>,
}

struct Waiting {
    take: Take,
    tell: Told,
}

impl Takes {
    /// The first one waits for `company`, unless it hurries.
    pub fn new(company: Duration) -> Self {
        let waiting = Arc::default();
        Self { company, waiting }
    }

    /// `tell` hears it when the commit is on disk.
    pub fn add(&self, take: Take, tell: Told, jobs: &mpsc::Sender<Job>) {
        let hurries = take.hurries;
        let first = {
            let mut waiting = self.lock();
            waiting.push(Waiting { take, tell });
            waiting.len() == 1
        };
        if first || hurries {
            // Others wait for it too: it goes on when whoever was first does not.
            tokio::spawn(bring(Cart(Some(self.clone())), jobs.clone(), hurries));
        }
    }

    /// Waits for company, and longer where much of it comes.
    async fn gather(&self) {
        let mut before = 0;
        for _ in 0..ROUNDS {
            tokio::time::sleep(self.company).await;
            let come = self.lock().len();
            if come < before + MANY {
                return;
            }
            before = come;
        }
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
                    tell(outcome(took, &committed));
                }
            });
        };
        Ran {
            broken,
            after: Box::new(after),
        }
    }
}

/// Has the writer take all that have come until it gets to it.
async fn bring(mut cart: Cart, jobs: mpsc::Sender<Job>, hurries: bool) {
    let Some(takes) = &cart.0 else { return };
    if !hurries {
        takes.gather().await;
    }
    if takes.lock().is_empty() {
        // Whoever comes from now on brings a cart along.
        cart.0 = None;
        return;
    }
    let runtime = Handle::current();
    // A writer that has ended drops the cart, and so does one that fails.
    let _ = jobs.send(Box::new(move |writer| cart.unload(writer, &runtime))).await;
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
    use tokio::sync::oneshot;

    use super::*;
    use crate::ports::store::{ConversationId, Took};

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

    /// Waits for what becomes of a take; an error where nobody will say.
    fn add(takes: &Takes, take: Take, jobs: &mpsc::Sender<Job>) -> oneshot::Receiver<Result<Took, StoreError>> {
        let (tell, told) = oneshot::channel();
        let tell = Box::new(move |took| drop(tell.send(took)));
        takes.add(take, tell, jobs);
        told
    }

    #[tokio::test]
    async fn many_takes_are_one_job() {
        let (jobs, mut queue) = mpsc::channel(8);
        let takes = Takes::new(Duration::from_millis(1));
        let told: Vec<_> = (0..100).map(|row| add(&takes, take(row), &jobs)).collect();
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
        let _first = add(&takes, take(1), &jobs);
        let hurried = Take {
            hurries: true,
            ..take(2)
        };
        let _second = add(&takes, hurried, &jobs);
        let limit = tokio::time::timeout(Duration::from_secs(20), queue.recv());
        let _job = limit.await.expect("it does not wait").expect("a job");
        assert_eq!(takes.lock().len(), 2);
    }

    #[tokio::test]
    async fn where_many_come_it_waits_for_more_of_them_but_not_for_ever() {
        let (jobs, mut queue) = mpsc::channel(8);
        let company = Duration::from_millis(20);
        let takes = Takes::new(company);
        let began = std::time::Instant::now();
        let _told: Vec<_> = (0..100).map(|row| add(&takes, take(row), &jobs)).collect();
        let limit = Duration::from_secs(20);
        let job = tokio::time::timeout(limit, queue.recv()).await.expect("in time");
        assert!(began.elapsed() >= company * 2, "{:?}", began.elapsed());
        drop(job);
        let comes = async {
            loop {
                let _told: Vec<_> = (0..100).map(|row| add(&takes, take(row), &jobs)).collect();
                tokio::time::sleep(company / 20).await;
            }
        };
        tokio::select! {
            job = tokio::time::timeout(limit, queue.recv()) => drop(job.expect("in time").expect("a job")),
            () = comes => {}
        }
    }

    #[test]
    fn a_runtime_that_ends_before_the_writer_is_asked_lets_nobody_wait() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let (jobs, _queue) = mpsc::channel(8);
        let takes = Takes::new(Duration::from_secs(3_600));
        let mut told = {
            let _guard = runtime.enter();
            add(&takes, take(1), &jobs)
        };
        runtime.block_on(tokio::task::yield_now());
        assert!(
            told.try_recv()
                .is_err_and(|error| error == oneshot::error::TryRecvError::Empty)
        );
        drop(runtime);
        assert!(
            told.try_recv()
                .is_err_and(|error| error == oneshot::error::TryRecvError::Closed)
        );
    }
}
