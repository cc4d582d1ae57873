//! How are the callers of a batch woken? All of one thread by one call to it.
//!
//! A worker of a listener has a reactor of its own, and waking a task on it from another thread is a system call each time;
//! a commit answers dozens of tasks on the same few threads. So whoever waits there is put on a list of its thread, the
//! first on the list calls a task of that thread, and that task wakes the others, from where it costs nothing.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

use tokio::{
    runtime::{Handle, Id, RuntimeFlavor},
    sync::Notify,
};

thread_local! {
    /// The desk of the runtime that last waited on this thread.
    static DESK: RefCell<Option<(Id, Arc<Desk>)>> = const { RefCell::new(None) };
}

/// Waits for `inner`, and is woken together with its neighbours where that saves anything.
pub fn gathered<F: Future + Unpin>(inner: F) -> Gathered<F> {
    Gathered { inner, bell: None }
}

pub struct Gathered<F> {
    inner: F,
    /// Made with the first wait.
    bell: Option<Arc<Bell>>,
}

impl<F: Future + Unpin> Future for Gathered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let same = this.bell.as_ref().filter(|bell| bell.waker.will_wake(context.waker()));
        let bell = match same {
            Some(bell) => bell.clone(),
            None => match Desk::here() {
                Some(desk) => this.bell.insert(Arc::new(Bell::new(desk, context.waker()))).clone(),
                None => return Pin::new(&mut this.inner).poll(context),
            },
        };
        Pin::new(&mut this.inner).poll(&mut Context::from_waker(&Waker::from(bell)))
    }
}

/// One caller's place.
struct Bell {
    desk: Arc<Desk>,
    waker: Waker,
}

impl Bell {
    fn new(desk: Arc<Desk>, waker: &Waker) -> Self {
        let waker = waker.clone();
        Self { desk, waker }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.desk.ring(&self.waker);
    }
}

/// Those of one thread that are to be woken.
struct Desk {
    /// `None`: its runtime has ended.
    rung: Mutex<Option<Vec<Waker>>>,
    called: Notify,
}

impl Desk {
    /// The desk of this thread, where a runtime has the thread for itself.
    fn here() -> Option<Arc<Desk>> {
        let handle = Handle::try_current().ok()?;
        if handle.runtime_flavor() != RuntimeFlavor::CurrentThread {
            return None;
        }
        DESK.with_borrow_mut(|known| match known {
            Some((id, desk)) if *id == handle.id() => Some(desk.clone()),
            _ => {
                let desk = Arc::new(Desk {
                    rung: Mutex::new(Some(Vec::new())),
                    called: Notify::new(),
                });
                handle.spawn(attend(Closes(desk.clone())));
                *known = Some((handle.id(), desk.clone()));
                Some(desk)
            }
        })
    }

    fn ring(&self, waker: &Waker) {
        let mut rung = self.rung();
        let Some(list) = rung.as_mut() else {
            drop(rung);
            return waker.wake_by_ref();
        };
        let first = list.is_empty();
        list.push(waker.clone());
        drop(rung);
        if first {
            self.called.notify_one();
        }
    }

    fn rung(&self) -> MutexGuard<'_, Option<Vec<Waker>>> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn attend(desk: Closes) {
    loop {
        desk.0.called.notified().await;
        let list = desk.0.rung().as_mut().map(std::mem::take);
        list.into_iter().flatten().for_each(Waker::wake);
    }
}

/// Closes the desk with its runtime: whoever is not woken by it is woken directly.
struct Closes(Arc<Desk>);

impl Drop for Closes {
    fn drop(&mut self) {
        let left = self.0.rung().take();
        left.into_iter().flatten().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use tokio::{runtime, sync::oneshot, task::JoinSet, time::timeout};

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn alone() -> runtime::Runtime {
        runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
    }

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn everybody_hears_whatever_runtime_they_wait_on() {
        let many = runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        for runtime in [&alone(), &many, &alone()] {
            runtime.block_on(async {
                let (mut tellers, mut waiting) = (Vec::new(), JoinSet::new());
                for number in 0..200 {
                    let (tell, told) = oneshot::channel();
                    tellers.push((number, tell));
                    waiting.spawn(gathered(told));
                }
                tokio::task::yield_now().await;
                let teller = std::thread::spawn(move || {
                    for (number, tell) in tellers {
                        let _ = tell.send(number);
                    }
                });
                let mut heard: Vec<i32> = Vec::new();
                while let Some(one) = timeout(LONG, waiting.join_next()).await.expect("in time") {
                    heard.push(one.expect("ran").expect("told"));
                }
                heard.sort_unstable();
                assert_eq!(heard, (0..200).collect::<Vec<_>>());
                teller.join().expect("told all");
            });
        }
    }

    #[test]
    fn who_left_keeps_nobody_from_being_woken() {
        alone().block_on(async {
            let (first, told_first) = oneshot::channel::<()>();
            let (second, told_second) = oneshot::channel::<()>();
            let leaves = tokio::spawn(gathered(told_first));
            let stays = tokio::spawn(gathered(told_second));
            tokio::task::yield_now().await;
            // Both are on the list when the first one goes.
            let _ = (first.send(()), second.send(()));
            leaves.abort();
            let heard = timeout(LONG, stays).await.expect("in time");
            assert_eq!(heard.expect("ran"), Ok(()));
        });
    }

    #[test]
    fn a_whole_batch_calls_its_thread_once() {
        let runtime = alone();
        let _guard = runtime.enter();
        let desk = Desk::here().expect("a thread of its own");
        let calls: Vec<Arc<Count>> = (0..50).map(|_| Arc::default()).collect();
        for count in &calls {
            desk.ring(&Waker::from(count.clone()));
        }
        let woken = || {
            calls
                .iter()
                .map(|count| count.0.load(Ordering::SeqCst))
                .collect::<Vec<_>>()
        };
        assert_eq!(woken(), [0; 50], "nobody is woken from afar");
        // One permit is all that the fifty left behind.
        runtime.block_on(async {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        });
        assert_eq!(woken(), [1; 50]);
    }

    #[test]
    fn where_the_runtime_has_ended_everybody_is_woken_directly() {
        let runtime = alone();
        let desk = {
            let _guard = runtime.enter();
            Desk::here().expect("a thread of its own")
        };
        let (before, after) = (Arc::new(Count::default()), Arc::new(Count::default()));
        desk.ring(&Waker::from(before.clone()));
        drop(runtime);
        desk.ring(&Waker::from(after.clone()));
        let counts = [&before, &after].map(|count| count.0.load(Ordering::SeqCst));
        assert_eq!(counts, [1, 1]);
    }
}
