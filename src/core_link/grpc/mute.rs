//! Did the other side ever say a word on a connection? Over HTTP/2 a server speaks first of itself, before it has looked at
//! any call. Where a connection ends before that, nobody was there for us: with TLS 1.3 a server looks at our certificate
//! last, and if it will not have it we hear so, or only that the connection is gone, when the first call is under way.

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};

/// More than a first word needs.
const FIRST: usize = 1 << 10;

/// Which connections to one core ended without a word.
#[derive(Clone, Debug, Default)]
pub struct Mutes(Arc<Mutex<Ended>>);

#[derive(Debug, Default)]
struct Ended {
    count: u64,
    /// How the last of them did.
    why: String,
}

impl Mutes {
    pub fn count(&self) -> u64 {
        self.ended().count
    }

    /// How one ended since there were so many of them.
    pub fn since(&self, count: u64) -> Option<String> {
        let ended = self.ended();
        (ended.count > count).then(|| ended.why.clone())
    }

    fn note(&self, why: String) {
        let mut ended = self.ended();
        ended.count += 1;
        ended.why = why;
    }

    fn ended(&self) -> MutexGuard<'_, Ended> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that notes it when it ends without a word.
#[derive(Debug)]
pub struct Listened<S> {
    inner: S,
    /// `None`: something was heard, or the end is noted.
    mutes: Option<Mutes>,
    /// Heard, and not read yet.
    word: Vec<u8>,
}

impl<S: Read + Write + Unpin> Listened<S> {
    pub fn new(inner: S, mutes: Mutes) -> Self {
        Self {
            inner,
            mutes: Some(mutes),
            word: Vec::new(),
        }
    }

    /// Waits for the first word, or for the end.
    fn hear(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(mutes) = &self.mutes else {
            return Poll::Ready(Ok(()));
        };
        let mut bytes = [MaybeUninit::uninit(); FIRST];
        let mut word = ReadBuf::uninit(&mut bytes);
        let heard = ready!(Pin::new(&mut self.inner).poll_read(context, word.unfilled()));
        match &heard {
            Err(error) => mutes.note(error.to_string()),
            Ok(()) if word.filled().is_empty() => mutes.note("the core closed the connection without a word".into()),
            Ok(()) => {}
        }
        self.mutes = None;
        self.word.extend_from_slice(word.filled());
        Poll::Ready(heard)
    }

    /// Where nothing can be written any more, the reason may have come and not been read. It says more than that the line
    /// is gone, and nobody waits for it in vain: a line that is gone can be read to its end.
    fn wrote<T>(&mut self, context: &mut Context<'_>, wrote: io::Result<T>) -> Poll<io::Result<T>> {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
        let gone = |error: &io::Error| matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset);
        if wrote.as_ref().is_err_and(gone) {
            // Noted there; what is told of this call is that it could not be written.
            let _ = ready!(self.hear(context));
        }
        Poll::Ready(wrote)
    }
}

impl<S: Read + Write + Unpin> Read for Listened<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut room: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.mutes.is_some() {
            ready!(self.hear(context))?;
        } else if self.word.is_empty() {
            return Pin::new(&mut self.inner).poll_read(context, room);
        }
        let fits = self.word.len().min(room.remaining());
        room.put_slice(&self.word[..fits]);
        self.word.drain(..fits);
        Poll::Ready(Ok(()))
    }
}

impl<S: Read + Write + Unpin> Write for Listened<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = ready!(Pin::new(&mut self.inner).poll_write(context, bytes));
        self.wrote(context, wrote)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wrote = ready!(Pin::new(&mut self.inner).poll_flush(context));
        self.wrote(context, wrote)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = ready!(Pin::new(&mut self.inner).poll_write_vectored(context, pieces));
        self.wrote(context, wrote)
    }
}

impl<S: Connection> Connection for Listened<S> {
    fn connected(&self) -> Connected {
        self.inner.connected()
    }
}
