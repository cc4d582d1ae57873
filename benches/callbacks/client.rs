//! How many callbacks are answered while so many connections ask one after the other? A closed loop, one request in flight
//! on each connection.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::{Outcome, http, machine, sealing::Batch};

/// What to send, and until when.
pub struct Load {
    pub connections: usize,
    /// `None`: until everything was sent once.
    pub lasts: Option<Duration>,
    /// Begin again when everything was sent. For servers that cannot tell.
    pub again: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub acknowledged: u64,
    /// From the first request to the last answer.
    pub took: Duration,
}

impl Sent {
    pub fn rate(&self) -> f64 {
        self.acknowledged as f64 / self.took.as_secs_f64()
    }
}

/// Sends, and fails unless every single answer was `200 success`.
pub fn run(address: SocketAddr, batch: &Arc<Batch>, load: &Load) -> Outcome<Sent> {
    let threads = machine::cores().min(load.connections).max(1);
    let shared = Arc::new(Shared {
        batch: batch.clone(),
        again: load.again,
        next: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
        ready: Barrier::new(threads + 1),
    });
    let (ended, ends) = mpsc::channel();
    let generators: Vec<_> = (0..threads)
        .map(|at| {
            let connections = (load.connections + threads - 1 - at) / threads;
            let (shared, ended) = (shared.clone(), ended.clone());
            thread::spawn(move || {
                let counted = generate(address, connections, &shared);
                // Nobody listens any more once the time is up.
                let _ = ended.send(());
                counted
            })
        })
        .collect();
    shared.ready.wait();
    let began = Instant::now();
    if let Some(lasts) = load.lasts {
        // The first to end has met the end of the batch, or a fault.
        let _ = ends.recv_timeout(lasts);
        shared.stop.store(true, Ordering::Relaxed);
    }
    let mut acknowledged = 0;
    for generator in generators {
        acknowledged += generator.join().map_err(|_| "a generator panicked")??;
    }
    Ok(Sent {
        acknowledged,
        took: began.elapsed(),
    })
}

struct Shared {
    batch: Arc<Batch>,
    again: bool,
    next: AtomicUsize,
    stop: AtomicBool,
    ready: Barrier,
}

impl Shared {
    fn next(&self) -> Option<&[u8]> {
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        let all = self.batch.len();
        if at >= all && !self.again {
            return None;
        }
        Some(self.batch.request(at % all))
    }
}

/// One thread of the generator, with its share of the connections.
fn generate(address: SocketAddr, connections: usize, shared: &Arc<Shared>) -> Outcome<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let connected = runtime.and_then(|runtime| {
        let streams = runtime.block_on(connect(address, connections))?;
        Ok((runtime, streams))
    });
    // Whatever happened: the others wait for this thread.
    shared.ready.wait();
    let (runtime, streams) = connected?;
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for stream in streams {
            tasks.spawn(ask_on(stream, shared.clone()));
        }
        let mut acknowledged = 0;
        while let Some(counted) = tasks.join_next().await {
            acknowledged += counted??;
        }
        Ok(acknowledged)
    })
}

async fn connect(address: SocketAddr, connections: usize) -> io::Result<Vec<TcpStream>> {
    let mut streams = Vec::with_capacity(connections);
    for _ in 0..connections {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    Ok(streams)
}

async fn ask_on(mut stream: TcpStream, shared: Arc<Shared>) -> Outcome<u64> {
    let mut acknowledged = 0;
    let mut answer = Vec::with_capacity(1024);
    while let Some(request) = shared.next() {
        stream.write_all(request).await?;
        answer.clear();
        let body = loop {
            if stream.read_buf(&mut answer).await? == 0 {
                return Err("a connection was closed without an answer".into());
            }
            if let Some(body) = http::body(&answer)? {
                break body;
            }
        };
        if http::status(&answer) != 200 || &answer[body] != b"success" {
            let text = String::from_utf8_lossy(&answer);
            return Err(format!("after {acknowledged} good answers: {text}").into());
        }
        acknowledged += 1;
    }
    Ok(acknowledged)
}
