//! What does the core hear? The smallest one there is: it takes every event and checks that no conversation has a hole.

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Notify,
};

use crate::{Outcome, grpc_core, http};

/// Takes the event and says nothing.
pub const SILENT: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";
/// Takes the event and answers the customer.
pub const REPLYING: &[u8] = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 46\r\n\r\n\
    {\"replies\":[{\"text\":\"您好，已收到。\"}]}"
    .as_bytes();

/// Takes nothing.
const REFUSED: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";
/// Bodies kept: one for each customer of an ordinary load.
const KEPT: usize = 10_000;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1_024;

/// A port of a core that may come later. It is held and nobody listens: who connects is refused, and nobody else gets it,
/// as one that was only free a moment ago is got now and then by a connection of the load.
pub struct Place {
    pub address: SocketAddr,
    socket: TcpSocket,
}

impl Place {
    pub fn hold() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        Ok(Self {
            address: socket.local_addr()?,
            socket,
        })
    }
}

/// What it says.
#[derive(Clone, Copy)]
struct Manner {
    answer: &'static [u8],
    /// The conversation whose events it does not take.
    refused: Option<&'static [u8]>,
    /// How long it takes for each.
    pause: Duration,
}

/// A core on a thread of its own.
pub struct Core {
    pub address: SocketAddr,
    heard: Arc<Heard>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
pub struct Heard {
    /// Events heard for the first time, each directly behind the one before it.
    taken: AtomicU64,
    repeated: AtomicU64,
    /// The last seq of each conversation.
    last: Mutex<HashMap<Box<[u8]>, u32>>,
    faults: Mutex<Vec<String>>,
    /// The first bodies, for those who send them again.
    kept: Mutex<Vec<Vec<u8>>>,
    /// From a complete request to the end of its answer, for those who ask.
    spent: Mutex<Vec<Duration>>,
    stop: Notify,
}

impl Core {
    pub fn start(place: Place, answer: &'static [u8]) -> Outcome<Self> {
        let manner = Manner {
            answer,
            refused: None,
            pause: Duration::ZERO,
        };
        Self::serve(place, move |listener, heard| async move {
            listen(listener, &heard, manner).await
        })
    }

    /// The same, but one conversation's events are refused, and all that come after the first.
    pub fn start_refusing(place: Place, key: &'static [u8]) -> Outcome<Self> {
        let manner = Manner {
            answer: SILENT,
            refused: Some(key),
            pause: Duration::ZERO,
        };
        Self::serve(place, move |listener, heard| async move {
            listen(listener, &heard, manner).await
        })
    }

    /// Takes its time for each event.
    pub fn start_slow(place: Place, pause: Duration) -> Outcome<Self> {
        let manner = Manner {
            answer: SILENT,
            refused: None,
            pause,
        };
        Self::serve(place, move |listener, heard| async move {
            listen(listener, &heard, manner).await
        })
    }

    /// Speaks gRPC.
    pub fn start_grpc(place: Place) -> Outcome<Self> {
        Self::start_slow_grpc(place, Duration::ZERO)
    }

    /// Speaks gRPC, and takes its time for each request.
    pub fn start_slow_grpc(place: Place, pause: Duration) -> Outcome<Self> {
        Self::serve(place, move |listener, heard| grpc_core::listen(listener, heard, pause))
    }

    fn serve<F: Future<Output = io::Result<()>>>(
        place: Place,
        work: impl FnOnce(TcpListener, Arc<Heard>) -> F + Send + 'static,
    ) -> Outcome<Self> {
        let Place { address, socket } = place;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _entered = runtime.enter();
            socket.listen(BACKLOG)?
        };
        let heard = Arc::new(Heard::default());
        let shared = heard.clone();
        let thread = thread::spawn(move || {
            let served = runtime.block_on(work(listener, shared.clone()));
            if let Err(error) = served {
                shared.fault(format!("the core: {error}"));
            }
        });
        Ok(Self {
            address,
            heard,
            thread: Some(thread),
        })
    }

    pub fn taken(&self) -> u64 {
        self.heard.taken.load(Ordering::Relaxed)
    }

    pub fn repeated(&self) -> u64 {
        self.heard.repeated.load(Ordering::Relaxed)
    }

    /// The first bodies that came, forgotten with the asking.
    pub fn kept(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut locked(&self.heard.kept))
    }

    /// How long each event kept the core busy, so far; forgotten with the asking.
    pub fn spent(&self) -> Vec<Duration> {
        std::mem::take(&mut locked(&self.heard.spent))
    }

    /// Waits until this many events were heard; fails at a hole, or when nothing comes for `patience`.
    pub fn heard(&self, events: u64, patience: Duration) -> Outcome<()> {
        let mut before = (self.taken(), Instant::now());
        loop {
            if let Some(fault) = locked(&self.heard.faults).first() {
                return Err(fault.clone().into());
            }
            let taken = self.taken();
            if taken >= events {
                return Ok(());
            }
            if taken != before.0 {
                before = (taken, Instant::now());
            }
            if before.1.elapsed() > patience {
                return Err(format!("the core heard {taken} of {events} events, and no more for {patience:?}").into());
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.heard.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            // Its faults are told by `heard`.
            let _ = thread.join();
        }
    }
}

impl Heard {
    fn fault(&self, fault: String) {
        locked(&self.faults).push(fault);
    }

    pub async fn stopped(&self) {
        self.stop.notified().await;
    }

    fn body(&self, body: &[u8], manner: Manner) -> &'static [u8] {
        let Some((key, seq)) = position(body) else {
            self.fault(format!("not an event: {}", String::from_utf8_lossy(body)));
            return manner.answer;
        };
        if manner.refused == Some(key) {
            return REFUSED;
        }
        let mut kept = locked(&self.kept);
        if seq == 1 && kept.len() < KEPT {
            kept.push(body.to_vec());
        }
        drop(kept);
        self.event(key, seq);
        manner.answer
    }

    /// One event of that conversation.
    pub fn event(&self, key: &[u8], seq: u32) {
        let mut last = locked(&self.last);
        let known = last.get(key).copied().unwrap_or_default();
        if seq <= known {
            self.repeated.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if seq != known + 1 {
            let key = String::from_utf8_lossy(key);
            return self.fault(format!("{key}: event {seq} came after {known}"));
        }
        match last.get_mut(key) {
            Some(known) => *known = seq,
            None => {
                last.insert(key.into(), seq);
            }
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
    }
}

/// The conversation and its seq, out of the attributes that stand before the data.
pub fn position(body: &[u8]) -> Option<(&[u8], u32)> {
    let key = attribute(body, b"\"subject\":\"")?;
    let sequence = std::str::from_utf8(attribute(body, b"\"sequence\":\"")?).ok()?;
    Some((key, sequence.rsplit_once('.')?.1.parse().ok()?))
}

fn attribute<'a>(body: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let start = http::find(body, name)? + name.len();
    let length = body[start..].iter().position(|&byte| byte == b'"')?;
    Some(&body[start..start + length])
}

async fn listen(listener: TcpListener, heard: &Arc<Heard>, manner: Manner) -> io::Result<()> {
    loop {
        tokio::select! {
            () = heard.stopped() => return Ok(()),
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                // A connection that breaks is the bridge's to open again.
                tokio::spawn(talk(stream, heard.clone(), manner));
            }
        }
    }
}

async fn talk(mut stream: TcpStream, heard: Arc<Heard>, manner: Manner) -> io::Result<()> {
    let mut request = Vec::with_capacity(4096);
    while stream.read_buf(&mut request).await? > 0 {
        let Some(body) = http::body(&request)? else { continue };
        let whole = Instant::now();
        let answer = heard.body(&request[body], manner);
        request.clear();
        if !manner.pause.is_zero() {
            tokio::time::sleep(manner.pause).await;
        }
        stream.write_all(answer).await?;
        if answer == REPLYING {
            locked(&heard.spent).push(whole.elapsed());
        }
    }
    Ok(())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
