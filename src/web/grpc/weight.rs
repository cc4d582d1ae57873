//! What does a call's body take in memory? As it comes, it counts for its token, like one over HTTP.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tonic::{Status, body::Body};

use super::gate::status;
use crate::web::quota::Ticket;

/// A body whose bytes are held until the call ends.
pub struct Weighed {
    body: Body,
    ticket: Ticket,
}

impl Weighed {
    pub fn new(body: Body, ticket: Ticket) -> Self {
        Self { body, ticket }
    }
}

impl HttpBody for Weighed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let held = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
            _ => 0,
        };
        // A usize is no larger than 64 bits.
        Poll::Ready(match self.ticket.holds(held as u64) {
            Ok(()) => frame,
            Err(problem) => Some(Err(status(&problem))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::{BodyExt as _, StreamBody};
    use tonic::Code;

    use super::*;
    use crate::web::quota::{BODIES, Quotas};

    const PIECE: usize = 1 << 20;

    fn body(pieces: u64) -> Body {
        let piece = Bytes::from(vec![0; PIECE]);
        let frames = (0..pieces).map(move |_| Ok::<_, Status>(Frame::data(piece.clone())));
        Body::new(StreamBody::new(stream::iter(frames)))
    }

    #[tokio::test]
    async fn bodies_of_one_token_take_so_much_and_no_more_until_their_calls_end() {
        let quotas = Quotas::new(0);
        let admit = || quotas.admit("t", 0).expect("admitted");
        let most = BODIES / PIECE as u64;
        let first = admit();
        let whole = Weighed::new(body(most), first.clone()).collect().await;
        assert_eq!(whole.expect("read").to_bytes().len() as u64, BODIES);
        let over = Weighed::new(body(1), admit()).collect().await.expect_err("too much");
        assert_eq!(over.code(), Code::ResourceExhausted);
        drop(first);
        assert!(
            Weighed::new(body(1), admit()).collect().await.is_ok(),
            "as soon as it ended"
        );
        let other = quotas.admit("u", 0).expect("admitted");
        assert!(Weighed::new(body(most), other).collect().await.is_ok());
    }
}
