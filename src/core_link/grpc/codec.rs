//! How is a call written, and its answer read? As prost does both; an answer that cannot be read is told apart from a status
//! that the core gave.

use std::sync::Arc;

use prost::Message as _;
use tonic::{
    Code, Status,
    codec::{Codec, DecodeBuf, Decoder},
};
use tonic_prost::{ProstCodec, ProstEncoder};

use super::{ANSWER_BYTES_MAX, Carried, connection::Silence};
use crate::schema::v1::DeliverResponse;

pub(super) struct Deliver;

/// Reads an answer.
pub(super) struct Reads;

impl Codec for Deliver {
    type Encode = Carried;
    type Decode = DeliverResponse;
    type Encoder = ProstEncoder<Carried>;
    type Decoder = Reads;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<Carried, DeliverResponse>::default().encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        Reads
    }
}

impl Decoder for Reads {
    type Item = DeliverResponse;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<DeliverResponse>, Status> {
        let read = DeliverResponse::decode(bytes);
        read.map(Some).map_err(|error| ours(Code::Internal, error.to_string()))
    }
}

/// How tonic begins when it makes a status of an answer that it cannot read. None of them tells of a source.
const UNREAD: &[&str] = &[
    "protocol error: received message with ",
    "protocol error: missing grpc-status trailer",
    "Unexpected EOF decoding stream.",
    "Content is compressed with ",
];

/// What tonic refused to read carries no mark of its own: its very words are all that tells it from what a core said.
pub(super) fn marked(status: Status) -> Status {
    let (said, limit) = (status.message(), format!("limit is: {ANSWER_BYTES_MAX} bytes"));
    match status.code() {
        Code::OutOfRange if said.contains(&limit) => {
            let why = format!("it is longer than {} MiB", ANSWER_BYTES_MAX >> 20);
            ours(Code::OutOfRange, why)
        }
        code if UNREAD.iter().any(|begin| said.starts_with(begin)) => ours(code, said.to_owned()),
        _ => status,
    }
}

/// A status that nobody sent.
fn ours(code: Code, why: String) -> Status {
    let mut status = Status::new(code, why.clone());
    status.set_source(Arc::new(Silence::Unreadable(why)));
    status
}
