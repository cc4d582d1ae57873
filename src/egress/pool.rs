//! Which connection takes the next request? The one that became idle last, else a new one.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hyper::Uri;
use tokio::time::Instant;

use super::{
    dial::Dialer,
    line::{Answer, Ask, Fault, Line},
};

/// Connections that are kept for the next request.
pub struct Pool {
    dialer: Dialer,
    /// A connection idle for longer is not used again.
    idle: Duration,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// Oldest first.
    lines: Vec<Idle>,
    /// Somebody closes those that nobody needs.
    swept: bool,
}

struct Idle {
    peer: Uri,
    line: Line,
    since: Instant,
}

/// Where a connection goes when its answer is whole.
pub(super) struct Home {
    pool: Arc<Pool>,
    peer: Uri,
}

impl Home {
    pub(super) fn take(self, line: Line) {
        self.pool.keep(self.peer, line);
    }
}

impl Pool {
    pub fn new(dialer: Dialer, idle: Duration) -> Arc<Self> {
        Arc::new(Self {
            dialer,
            idle,
            kept: Mutex::default(),
        })
    }

    /// One request, and the head of its answer. Dropped before its end, the connection is closed.
    pub async fn ask(self: &Arc<Self>, peer: &Uri, mut request: Ask) -> Result<Answer, Fault> {
        let home = || {
            Some(Home {
                pool: self.clone(),
                peer: peer.clone(),
            })
        };
        while let Some(line) = self.take(peer) {
            match line.ask_from(home(), request).await {
                Ok(answer) => return Ok(answer),
                Err(unsent) => match unsent.request {
                    // It was closed while we looked, and nothing has left us.
                    Some(back) => request = *back,
                    None => return Err(unsent.fault),
                },
            }
        }
        let line = Line::over(self.dialer.open(peer).await?).await?;
        line.ask_from(home(), request).await.map_err(|unsent| unsent.fault)
    }

    /// An idle connection that the other side has not closed, as far as one can see.
    fn take(&self, peer: &Uri) -> Option<Line> {
        loop {
            let mut idle = self.newest(peer)?;
            if idle.since.elapsed() < self.idle && idle.line.is_free() {
                return Some(idle.line);
            }
        }
    }

    fn newest(&self, peer: &Uri) -> Option<Idle> {
        let mut kept = self.kept();
        let at = kept.lines.iter().rposition(|idle| idle.peer == *peer)?;
        Some(kept.lines.remove(at))
    }

    fn keep(self: Arc<Self>, peer: Uri, line: Line) {
        let mut kept = self.kept();
        let since = Instant::now();
        kept.lines.push(Idle { peer, line, since });
        if !std::mem::replace(&mut kept.swept, true) {
            drop(kept);
            tokio::spawn(self.sweep());
        }
    }

    /// Closes what is idle for too long, until nothing is left.
    async fn sweep(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.idle).await;
            let mut kept = self.kept();
            kept.lines.retain(|it| it.since.elapsed() < self.idle);
            if kept.lines.is_empty() {
                kept.swept = false;
                return;
            }
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
