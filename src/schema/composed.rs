//! How is an event written down whose parts are in different hands? Field by field, without putting it together first.
//!
//! What comes out is byte for byte what the whole event is encoded to: whoever reads it finds its fields in their order. The
//! store's one writer has every event of the house on its hands, and a copy of each part of each would be its work.

use bytes::Bytes;
use prost::{
    Message,
    encoding::{self, WireType},
};

use super::{Timestamp, fields::tag, v1};

/// As long as an ordinary event is without its body: room that is too small costs a copy, and no more.
const ROOM: usize = 640;

/// One field of an event, encoded with its key.
#[derive(Clone, Debug, Default)]
pub struct Encoded(Vec<u8>);

impl Encoded {
    /// As a field of an event without any other.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&v1::event::Body> for Encoded {
    fn from(body: &v1::event::Body) -> Self {
        let mut field = Vec::with_capacity(body.encoded_len());
        body.encode(&mut field);
        Self(field)
    }
}

impl From<v1::Raw> for Encoded {
    fn from(raw: v1::Raw) -> Self {
        let mut field = Vec::with_capacity(encoding::message::encoded_len(tag::RAW, &raw));
        encoding::message::encode(tag::RAW, &raw, &mut field);
        Self(field)
    }
}

/// What an event is composed of; its offer is no part of what is written down.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    pub id: &'a str,
    pub conversation: Shown<'a>,
    pub epoch: u32,
    pub seq: u32,
    pub platform_time: Option<Timestamp>,
    pub accepted_time: Option<Timestamp>,
    pub late: bool,
    pub history: bool,
    pub dedupe_key: &'a str,
    pub redelivery_of: &'a str,
    pub entry: Option<&'a v1::Entry>,
    pub allowances: &'a [v1::Allowance],
    pub traceparent: &'a str,
    pub body: &'a Encoded,
    pub raw: Option<&'a Encoded>,
}

/// A conversation as an event of it shows it.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    pub key: &'a str,
    pub account: &'a v1::Account,
    /// All but key and account.
    pub rest: &'a v1::Conversation,
}

impl Parts<'_> {
    /// The event, encoded.
    pub fn compose(&self) -> Bytes {
        let raw = self.raw.map_or(&[][..], Encoded::bytes);
        let mut out = Vec::with_capacity(ROOM + self.body.0.len() + raw.len());
        text(&mut out, tag::ID, self.id);
        nested(&mut out, tag::CONVERSATION, |out| self.conversation.write(out));
        count(&mut out, tag::EPOCH, self.epoch);
        count(&mut out, tag::SEQ, self.seq);
        message(&mut out, tag::PLATFORM_TIME, self.platform_time.as_ref());
        message(&mut out, tag::ACCEPTED_TIME, self.accepted_time.as_ref());
        flag(&mut out, tag::LATE, self.late);
        flag(&mut out, tag::HISTORY, self.history);
        text(&mut out, tag::DEDUPE_KEY, self.dedupe_key);
        text(&mut out, tag::REDELIVERY_OF, self.redelivery_of);
        message(&mut out, tag::ENTRY, self.entry);
        for allowance in self.allowances {
            message(&mut out, tag::ALLOWANCES, Some(allowance));
        }
        text(&mut out, tag::TRACEPARENT, self.traceparent);
        out.extend_from_slice(&self.body.0);
        out.extend_from_slice(raw);
        out.into_boxed_slice().into()
    }
}

impl Shown<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        use tag::conversation as tag;
        let rest = self.rest;
        text(out, tag::KEY, self.key);
        message(out, tag::ACCOUNT, Some(self.account));
        message(out, tag::CUSTOMER, rest.customer.as_ref());
        choice(out, tag::SCOPE, rest.scope);
        text(out, tag::SESSION_ID, &rest.session_id);
        choice(out, tag::SESSION_STATE, rest.session_state);
        message(out, tag::SERVICER, rest.servicer.as_ref());
        let last = rest.last_customer_message_time.as_ref();
        message(out, tag::LAST_CUSTOMER_MESSAGE_TIME, last);
        count(out, tag::FIRST_SEQ, rest.first_seq);
        encoding::string::encode_repeated(tag::PREVIOUS_KEYS, &rest.previous_keys, out);
    }
}

// ───────────── fields: what is not set is not written ─────────────

fn text(out: &mut Vec<u8>, tag: u32, text: &str) {
    if !text.is_empty() {
        encoding::encode_key(tag, WireType::LengthDelimited, out);
        encoding::encode_varint(text.len() as u64, out);
        out.extend_from_slice(text.as_bytes());
    }
}

fn count(out: &mut Vec<u8>, tag: u32, count: u32) {
    if count != 0 {
        encoding::uint32::encode(tag, &count, out);
    }
}

fn choice(out: &mut Vec<u8>, tag: u32, choice: i32) {
    if choice != 0 {
        encoding::int32::encode(tag, &choice, out);
    }
}

fn flag(out: &mut Vec<u8>, tag: u32, flag: bool) {
    if flag {
        encoding::bool::encode(tag, &flag, out);
    }
}

fn message(out: &mut Vec<u8>, tag: u32, message: Option<&impl Message>) {
    if let Some(message) = message {
        encoding::message::encode(tag, message, out);
    }
}

/// A message whose length is known once it is written: most are as long as two bytes can tell, and only others are moved.
fn nested(out: &mut Vec<u8>, tag: u32, write: impl FnOnce(&mut Vec<u8>)) {
    encoding::encode_key(tag, WireType::LengthDelimited, out);
    let place = out.len()..out.len() + 2;
    out.extend_from_slice(&[0; 2]);
    write(out);
    let length = (out.len() - place.end) as u64;
    let mut digits = [0; 10];
    encoding::encode_varint(length, &mut &mut digits[..]);
    let digits = digits.into_iter().take(encoding::encoded_len_varint(length));
    out.splice(place, digits);
}

#[cfg(test)]
#[path = "composed_tests.rs"]
mod tests;
