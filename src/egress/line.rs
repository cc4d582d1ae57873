//! How does one HTTP/1.1 connection work? Whoever uses it drives it: no task of its own, no byte read ahead of its reader, and
//! dropping it closes it, at once.

use std::{
    error::Error,
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request,
    body::{Body as _, Incoming},
    client::conn::http1::{Builder, Connection, SendRequest},
    http::response::Parts,
};

use super::{
    dial::{Socket, ended_handshake},
    pool::Home,
};

/// The most of an answer that is held at once: heads must fit, bodies come in pieces no larger than this. Small, because
/// pieces are made on one thread and freed on another.
const BUFFER: usize = 64 << 10;

/// A request whose body is there.
pub type Ask = Request<Full<Bytes>>;

/// Why there is no whole answer. The texts never carry a URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There was no connection: nothing was sent.
    #[error("{0}")]
    Connect(String),
    /// It broke; what was sent may have arrived.
    #[error("{0}")]
    Broken(String),
}

impl Fault {
    pub(super) fn connect(error: &dyn Error) -> Self {
        Fault::Connect(chain(error))
    }

    /// There was a connection; where it ended before it was one for both sides, nothing was read of what was sent.
    fn broken(error: &hyper::Error) -> Self {
        match ended_handshake(error) {
            true => Fault::connect(error),
            false => Fault::Broken(chain(error)),
        }
    }
}

/// The error with its causes: outer ones only say that something went wrong.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

/// One connection.
pub struct Line {
    sender: SendRequest<Full<Bytes>>,
    /// `None` once it is closed.
    driver: Driver,
}

type Driver = Option<Pin<Box<Connection<Socket, Full<Bytes>>>>>;

/// A request that did not leave comes back with why.
pub(super) struct Unsent {
    pub request: Option<Box<Ask>>,
    pub fault: Fault,
}

impl Line {
    pub async fn over(socket: Socket) -> Result<Self, Fault> {
        let (sender, driver) = Builder::new()
            .max_buf_size(BUFFER)
            .handshake(socket)
            .await
            .map_err(|error| Fault::connect(&error))?;
        Ok(Self {
            sender,
            driver: Some(Box::pin(driver)),
        })
    }

    /// Sends a request, waits for the head of its answer. The connection ends with the answer.
    pub async fn ask(self, request: Ask) -> Result<Answer, Fault> {
        self.ask_from(None, request).await.map_err(|unsent| unsent.fault)
    }

    /// The same; when the answer is whole the connection goes home.
    pub(super) async fn ask_from(mut self, home: Option<Home>, request: Ask) -> Result<Answer, Unsent> {
        let sent = self.sender.try_send_request(request);
        match driven(&mut self.driver, sent).await {
            Ok(response) => {
                let (head, body) = response.into_parts();
                Ok(Answer {
                    head,
                    ended: body.is_end_stream(),
                    body,
                    line: self,
                    home,
                })
            }
            Err(mut unsent) => Err(Unsent {
                request: unsent.take_message().map(Box::new),
                fault: Fault::broken(unsent.error()),
            }),
        }
    }

    /// Whether it takes another request: looks whether the other side has closed it, or said what nobody asked for.
    pub(super) fn is_free(&mut self) -> bool {
        // Nobody waits here: whoever uses it next looks again.
        look(&mut self.driver, &mut Context::from_waker(Waker::noop()));
        self.driver.is_some() && self.sender.is_ready()
    }
}

/// Lets the connection do what it can.
fn look(driver: &mut Driver, context: &mut Context<'_>) {
    // What it says of its end is told to whoever waits for an answer.
    if driver.as_mut().is_some_and(|it| it.as_mut().poll(context).is_ready()) {
        *driver = None;
    }
}

/// Drives the connection until this is done.
async fn driven<F: Future>(driver: &mut Driver, work: F) -> F::Output {
    let mut work = pin!(work);
    poll_fn(|context| {
        look(driver, context);
        match work.as_mut().poll(context) {
            Poll::Pending => {
                // It may have asked for what the connection has already.
                look(driver, context);
                work.as_mut().poll(context)
            }
            done => done,
        }
    })
    .await
}

/// The head of an answer; its body to come.
pub struct Answer {
    pub head: Parts,
    body: Incoming,
    /// Its last byte was read.
    ended: bool,
    line: Line,
    home: Option<Home>,
}

impl Answer {
    /// What its head promises.
    pub fn length(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// The next piece; `None` at the end.
    pub async fn piece(&mut self) -> Option<Result<Bytes, Fault>> {
        while !self.ended {
            match driven(&mut self.line.driver, self.body.frame()).await {
                // Trailers say nothing to us.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => return Some(Ok(data)),
                    Err(_) => continue,
                },
                Some(Err(error)) => return Some(Err(Fault::broken(&error))),
                None => self.ended = true,
            }
        }
        None
    }

    /// Nothing more is wanted of it: read to its end, the connection is used again, else it is closed.
    pub fn done(self) {
        if let (true, true, Some(home)) = (self.ended, self.line.driver.is_some(), self.home) {
            home.take(self.line);
        }
    }
}
