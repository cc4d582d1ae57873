//! When does a connection over gRPC end that nobody uses? When its peer has said nothing for too long: one that is there
//! answers the listener's pings.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};
use tonic::transport::server::Connected;

use super::seats::Seat;
use crate::web::grpc::Peer;

/// How long a peer may be silent.
#[derive(Clone, Copy)]
pub struct Patience {
    /// Until it says its first byte.
    pub first: Duration,
    /// From then on.
    pub silence: Duration,
}

trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// One connection, TCP or TLS.
pub struct Wire {
    socket: Box<dyn Socket>,
    peer: SocketAddr,
    heard: Instant,
    patience: Patience,
    spoke: bool,
    /// Looks at `heard` when it rings: moving it with every byte would cost more than the byte.
    alarm: Pin<Box<Sleep>>,
    seat: Seat,
}

impl Wire {
    pub fn new(
        socket: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        peer: SocketAddr,
        patience: Patience,
        seat: Seat,
    ) -> Self {
        let heard = Instant::now();
        Self {
            socket: Box::new(socket),
            peer,
            heard,
            patience,
            spoke: false,
            alarm: Box::pin(sleep_until(heard + patience.first)),
            seat,
        }
    }

    /// Ready when the peer was silent for too long.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.alarm.as_mut().poll(context));
            let patience = match self.spoke {
                true => self.patience.silence,
                false => self.patience.first,
            };
            let end = self.heard + patience;
            if Instant::now() >= end {
                return Poll::Ready(());
            }
            self.alarm.as_mut().reset(end);
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut self.socket).poll_read(context, buffer) {
            if buffer.filled().len() > before {
                self.heard = Instant::now();
                self.spoke = true;
            }
            return Poll::Ready(read);
        }
        if self.seat.poll_leave(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        ready!(self.poll_silence(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

impl Connected for Wire {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        Peer {
            address: self.peer,
            known: self.seat.known.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::{super::seats::Seats, *};

    const PATIENCE: Patience = Patience {
        first: Duration::from_millis(50),
        silence: Duration::from_millis(150),
    };

    fn wire(seats: &mut Seats) -> (Wire, tokio::io::DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(64);
        let seat = seats.take().expect("room");
        (Wire::new(ours, ([127, 0, 0, 1], 1).into(), PATIENCE, seat), theirs)
    }

    #[tokio::test]
    async fn who_never_speaks_who_falls_silent_and_who_is_in_the_way_is_let_go() {
        let mut seats = Seats::new(1);
        let (mut wire, mut peer) = self::wire(&mut seats);
        peer.write_all(b"x").await.expect("written");
        let started = Instant::now();
        assert_eq!(wire.read_u8().await.expect("read"), b'x');
        let silent = wire.read_u8().await.expect_err("too long");
        assert_eq!(silent.kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() >= PATIENCE.silence);
        drop(wire);

        let (mut wire, _peer) = self::wire(&mut seats);
        let started = Instant::now();
        assert!(wire.read_u8().await.is_err());
        assert!(started.elapsed() >= PATIENCE.first);
        drop(wire);

        let (mut first, _first) = self::wire(&mut seats);
        let (_second, _peer) = self::wire(&mut seats);
        let gone = first.read_u8().await.expect_err("somebody else sits there");
        assert_eq!(gone.kind(), io::ErrorKind::ConnectionAborted);
    }
}
