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

/// Used so lately that a look whether it is still open is not worth while: what meets its end unsent comes back.
const LATELY: Duration = Duration::from_millis(10);

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
            let rested = idle.since.elapsed();
            if rested < self.idle && (rested < LATELY || idle.line.is_free()) {
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

#[cfg(test)]
mod tests {
    use hyper::Request;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
        sync::mpsc,
    };

    use super::*;
    use crate::egress::dial;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

    /// Answers every request; tells of each connection that its other side closed, and how many requests it carried.
    async fn server() -> (Uri, mpsc::UnboundedReceiver<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let at = listener.local_addr().expect("bound");
        let (tell, told) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let tell = tell.clone();
                tokio::spawn(async move {
                    let (mut some, mut requests) = ([0; 4_096], 0);
                    while let Ok(1..) = socket.read(&mut some).await {
                        requests += 1;
                        let _ = socket.write_all(ANSWER).await;
                    }
                    let _ = tell.send(requests);
                });
            }
        });
        (format!("http://{at}/").parse().expect("an address"), told)
    }

    fn pool(idle: Duration) -> Arc<Pool> {
        let trust = Arc::new(dial::distrust().expect("a provider"));
        Pool::new(Dialer::new(trust, Duration::from_secs(20)), idle)
    }

    async fn asked(pool: &Arc<Pool>, peer: &Uri) -> Answer {
        let mut request = Request::default();
        request.headers_mut().insert("host", "x".parse().expect("a header"));
        pool.ask(peer, request).await.expect("an answer")
    }

    async fn read(mut answer: Answer) {
        while let Some(piece) = answer.piece().await {
            assert_eq!(piece.expect("a piece"), "hi");
        }
        answer.done();
    }

    #[tokio::test]
    async fn a_connection_serves_its_own_peer_and_is_closed_when_nobody_needs_it() {
        let (one, told_one) = server().await;
        let (two, told_two) = server().await;
        let pool = pool(Duration::from_millis(50));
        for peer in [&one, &two, &one, &two, &two] {
            read(asked(&pool, peer).await).await;
        }
        let limit = Duration::from_secs(20);
        for (mut told, all) in [(told_one, 2), (told_two, 3)] {
            let mut sum = 0;
            while sum < all {
                let closed = tokio::time::timeout(limit, told.recv()).await.expect("it is closed");
                sum += closed.expect("told");
            }
            assert_eq!(sum, all);
        }
        assert!(pool.kept().lines.is_empty());
    }

    #[tokio::test]
    async fn an_answer_that_is_not_read_to_its_end_closes_the_connection() {
        let (peer, mut told) = server().await;
        let pool = pool(Duration::from_secs(60));
        let answer = asked(&pool, &peer).await;
        assert_eq!(answer.length(), Some(2));
        answer.done();
        let limit = tokio::time::timeout(Duration::from_secs(20), told.recv()).await;
        assert_eq!(limit.expect("it is closed"), Some(1));
        drop(asked(&pool, &peer).await);
        let limit = tokio::time::timeout(Duration::from_secs(20), told.recv()).await;
        assert_eq!(limit.expect("it is closed"), Some(1));
        read(asked(&pool, &peer).await).await;
        assert_eq!(pool.kept().lines.len(), 1);
    }
}
