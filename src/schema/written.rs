//! What does an event say, without reading all of it? Its bytes as they are written down, and what they say, read when
//! somebody asks.
//!
//! Most of those who carry an event want its bytes and a handful of its fields. Reading it whole makes some forty
//! allocations; walking over its fields makes none.

use std::{
    fmt,
    ops::{Deref, Range},
    sync::{LazyLock, OnceLock},
};

use bytes::{Bytes, BytesMut};
use prost::{DecodeError, Message as _, encoding};

use super::{
    Timestamp,
    fields::{fields, tag},
    json::{self, JsonError},
    rendered, v1,
};

/// An event as it is written down.
#[derive(Clone)]
pub struct Written {
    bytes: Bytes,
    read: OnceLock<Box<v1::Event>>,
    /// That it cannot be read has been said.
    lamented: OnceLock<()>,
    /// Of no meaning where it was read before it was asked for.
    marks: Marks,
}

/// What [`Head`] tells, and where in the bytes its texts stand.
#[derive(Clone, Debug, Default)]
struct Marks {
    id: Range<usize>,
    key: Range<usize>,
    account: Range<usize>,
    epoch: u32,
    seq: u32,
    platform: Option<Timestamp>,
    accepted: Option<Timestamp>,
    dedupe_key: Range<usize>,
    is_redelivery: bool,
    traceparent: Range<usize>,
    says: Says,
}

/// Which of its bodies an event has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Says {
    Message,
    Interaction,
    Signal,
    Delivery,
    Gap,
    #[default]
    Nothing,
}

/// What whoever carries an event must know of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Head<'a> {
    pub id: &'a str,
    /// Of its conversation.
    pub key: &'a str,
    /// The id of the account.
    pub account: &'a str,
    pub epoch: u32,
    pub seq: u32,
    pub platform: Option<Timestamp>,
    pub accepted: Option<Timestamp>,
    pub dedupe_key: &'a str,
    /// It brings a parked event back.
    pub is_redelivery: bool,
    pub traceparent: &'a str,
    pub says: Says,
}

impl Written {
    /// An event, and its bytes, which are already made.
    pub fn with(event: v1::Event, bytes: Bytes) -> Self {
        let read = OnceLock::from(Box::new(event));
        Self {
            bytes,
            read,
            lamented: OnceLock::new(),
            marks: Marks::default(),
        }
    }

    /// Bytes whose head can be read; whether the rest can is asked with [`event`](Self::event).
    pub fn unread(bytes: Bytes) -> Result<Self, DecodeError> {
        let marks = Marks::of(&bytes)?;
        Ok(Self {
            bytes,
            read: OnceLock::new(),
            lamented: OnceLock::new(),
            marks,
        })
    }

    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// All of it.
    pub fn event(&self) -> Result<&v1::Event, DecodeError> {
        if let Some(event) = self.read.get() {
            return Ok(event);
        }
        let event = Box::new(v1::Event::decode(self.bytes.clone())?);
        Ok(self.read.get_or_init(|| event))
    }

    /// Somebody asked for more than can be told without reading it.
    #[cfg(test)]
    pub fn is_read(&self) -> bool {
        self.read.get().is_some()
    }

    pub fn head(&self) -> Head<'_> {
        match self.read.get() {
            Some(event) => Head::of(event),
            None => self.marks.head(&self.bytes),
        }
    }

    /// Its id; of the head, no more than that is looked at.
    pub fn id(&self) -> &str {
        match self.read.get() {
            Some(event) => &event.id,
            None => self.marks.text(&self.bytes, &self.marks.id),
        }
    }

    /// Its number in its conversation.
    pub fn number(&self) -> u32 {
        self.place().1
    }

    /// Its place in its conversation, across epochs: epoch and number.
    pub fn place(&self) -> (u32, u32) {
        match self.read.get() {
            Some(event) => (event.epoch, event.seq),
            None => (self.marks.epoch, self.marks.seq),
        }
    }

    /// When we accepted it.
    pub fn accepted(&self) -> Option<Timestamp> {
        match self.read.get() {
            Some(event) => event.accepted_time,
            None => self.marks.accepted,
        }
    }

    /// Its conversation; nothing else is read.
    pub fn conversation(&self) -> Option<v1::Conversation> {
        let found = fields(&self.bytes)
            .map_while(Result::ok)
            .find(|field| field.tag == tag::CONVERSATION)?;
        v1::Conversation::decode(found.bytes().ok()?).ok()
    }

    /// It is a message that says more than words and places, or says it in a way that this program has a name for and this
    /// place has not.
    pub fn is_more_than_words(&self) -> bool {
        self.says_it(tag::MESSAGE, has_more_than_words)
    }

    /// It brings a code that is good until some moment.
    pub fn has_code(&self) -> bool {
        self.says_it(tag::SIGNAL, has_code)
    }

    /// What cannot be read says nothing.
    fn says_it(&self, body: u32, it: impl Fn(&[u8]) -> Result<bool, DecodeError>) -> bool {
        let mut bodies = fields(&self.bytes)
            .map_while(Result::ok)
            .filter(|field| field.tag == body);
        bodies.any(|field| field.bytes().and_then(&it).unwrap_or_default())
    }

    /// The same in canonical JSON, appended to `out`.
    pub fn write_shown(&self, out: &mut Vec<u8>, offer: &v1::Offer, raw_inline: bool) -> Result<(), JsonError> {
        let raw = raw_inline || always_raw(&self.bytes).map_err(JsonError::Stored)?;
        let without = if raw {
            &[tag::OFFER][..]
        } else {
            &[tag::OFFER, tag::RAW]
        };
        let (before, offered) = (out.len(), offer.encode_to_vec());
        let written = rendered::write(out, ".wxbridge.v1.Event", &self.bytes, without, (tag::OFFER, &offered));
        written.or_else(|_| {
            out.truncate(before);
            let mut event = self.event().map_err(JsonError::Stored)?.clone();
            event.offer = Some(offer.clone());
            event.raw = event.raw.filter(|_| raw);
            json::write(out, &event)
        })
    }

    /// The event as a core sees it at one attempt, encoded; what [`shown`](crate::ports::core::shown) makes of it.
    pub fn shown(&self, offer: &v1::Offer, raw_inline: bool) -> Result<Bytes, DecodeError> {
        let raw = raw_inline || always_raw(&self.bytes)?;
        let mut shown = BytesMut::with_capacity(self.bytes.len() + offer.encoded_len() + 8);
        for field in fields(&self.bytes) {
            let field = field?;
            if field.tag != tag::OFFER && (raw || field.tag != tag::RAW) {
                shown.extend_from_slice(field.whole);
            }
        }
        encoding::message::encode(tag::OFFER, offer, &mut shown);
        Ok(shown.freeze())
    }
}

impl From<v1::Event> for Written {
    fn from(event: v1::Event) -> Self {
        let bytes = event.encode_to_vec().into();
        Self::with(event, bytes)
    }
}

/// What an event says that cannot be read.
static NOTHING: LazyLock<v1::Event> = LazyLock::new(v1::Event::default);

/// As [`event`](Self::event) has it. Where that would fail, an event that says nothing: whoever must know asks first. What
/// its head says stands all the same.
impl Deref for Written {
    type Target = v1::Event;

    fn deref(&self) -> &v1::Event {
        self.event().unwrap_or_else(|error| {
            if self.lamented.set(()).is_ok() {
                tracing::error!(%error, id = self.head().id, "an event cannot be read");
            }
            &NOTHING
        })
    }
}

impl PartialEq for Written {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Written").field(&**self).finish()
    }
}

impl<'a> Head<'a> {
    fn of(event: &'a v1::Event) -> Self {
        use v1::event::Body;
        let conversation = event.conversation.as_ref();
        let account = conversation.and_then(|conversation| conversation.account.as_ref());
        Self {
            id: &event.id,
            key: conversation.map_or("", |conversation| &conversation.key),
            account: account.map_or("", |account| &account.id),
            epoch: event.epoch,
            seq: event.seq,
            platform: event.platform_time,
            accepted: event.accepted_time,
            dedupe_key: &event.dedupe_key,
            is_redelivery: !event.redelivery_of.is_empty(),
            traceparent: &event.traceparent,
            says: match event.body {
                Some(Body::Message(_)) => Says::Message,
                Some(Body::Interaction(_)) => Says::Interaction,
                Some(Body::Signal(_)) => Says::Signal,
                Some(Body::Delivery(_)) => Says::Delivery,
                Some(Body::Gap(_)) => Says::Gap,
                None => Says::Nothing,
            },
        }
    }
}

impl Marks {
    fn of(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut marks = Self::default();
        for field in fields(bytes) {
            let field = field?;
            match field.tag {
                tag::ID => marks.id = place(field.bytes()?, bytes),
                tag::CONVERSATION => marks.conversation(field.bytes()?, bytes)?,
                tag::EPOCH => marks.epoch = field.number()? as u32,
                tag::SEQ => marks.seq = field.number()? as u32,
                tag::PLATFORM_TIME => marks.platform = Some(Timestamp::decode(field.bytes()?)?),
                tag::ACCEPTED_TIME => marks.accepted = Some(Timestamp::decode(field.bytes()?)?),
                tag::DEDUPE_KEY => marks.dedupe_key = place(field.bytes()?, bytes),
                tag::REDELIVERY_OF => marks.is_redelivery = !field.bytes()?.is_empty(),
                tag::TRACEPARENT => marks.traceparent = place(field.bytes()?, bytes),
                tag::MESSAGE => marks.says = Says::Message,
                tag::INTERACTION => marks.says = Says::Interaction,
                tag::SIGNAL => marks.says = Says::Signal,
                tag::DELIVERY => marks.says = Says::Delivery,
                tag::GAP => marks.says = Says::Gap,
                _ => {}
            }
        }
        Ok(marks)
    }

    fn conversation(&mut self, conversation: &[u8], bytes: &[u8]) -> Result<(), DecodeError> {
        for field in fields(conversation) {
            let field = field?;
            match field.tag {
                tag::conversation::KEY => self.key = place(field.bytes()?, bytes),
                tag::conversation::ACCOUNT => {
                    for field in fields(field.bytes()?) {
                        let field = field?;
                        if field.tag == tag::account::ID {
                            self.account = place(field.bytes()?, bytes);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What is no text has never been written: an empty one serves whoever looks at it.
    fn text<'a>(&self, bytes: &'a [u8], place: &Range<usize>) -> &'a str {
        let text = bytes.get(place.clone()).and_then(|text| std::str::from_utf8(text).ok());
        text.unwrap_or_default()
    }

    fn head<'a>(&self, bytes: &'a [u8]) -> Head<'a> {
        let text = |place| self.text(bytes, place);
        Head {
            id: text(&self.id),
            key: text(&self.key),
            account: text(&self.account),
            epoch: self.epoch,
            seq: self.seq,
            platform: self.platform,
            accepted: self.accepted,
            dedupe_key: text(&self.dedupe_key),
            is_redelivery: self.is_redelivery,
            traceparent: text(&self.traceparent),
            says: self.says,
        }
    }
}

/// Where a part stands in the whole that it is a part of.
fn place(part: &[u8], whole: &[u8]) -> Range<usize> {
    let from = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    from..from + part.len()
}

/// What [`always_raw`](crate::ports::core::always_raw) says of the event.
fn always_raw(bytes: &[u8]) -> Result<bool, DecodeError> {
    let mut always = false;
    for field in fields(bytes) {
        let field = field?;
        match field.tag {
            tag::MESSAGE => always |= has_nameless_part(field.bytes()?)?,
            tag::SIGNAL => always |= is_other(field.bytes()?)?,
            _ => {}
        }
    }
    Ok(always)
}

fn has_nameless_part(message: &[u8]) -> Result<bool, DecodeError> {
    for field in fields(message) {
        let part = field?;
        if part.tag != tag::message::PARTS {
            continue;
        }
        if is_nameless(part.bytes()?)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_nameless(part: &[u8]) -> Result<bool, DecodeError> {
    let mut named = false;
    for field in fields(part) {
        let field = field?;
        named |= !matches!(field.tag, tag::part::EXT_JSON | tag::part::UNSUPPORTED);
        if field.tag == tag::part::FORWARDED && holds_nameless_part(field.bytes()?)? {
            return Ok(true);
        }
    }
    Ok(!named)
}

/// Of a chat that was passed on.
fn holds_nameless_part(chat: &[u8]) -> Result<bool, DecodeError> {
    for field in fields(chat) {
        let item = field?;
        if item.tag == tag::forwarded_chat::ITEMS && has_nameless_part(item.bytes()?)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn has_more_than_words(message: &[u8]) -> Result<bool, DecodeError> {
    const WORDS: &[u32] = &[
        tag::part::TEXT,
        tag::part::LOCATION,
        tag::part::EXT_JSON,
        tag::part::UNSUPPORTED,
    ];
    for field in fields(message) {
        let part = field?;
        if part.tag != tag::message::PARTS {
            continue;
        }
        for field in fields(part.bytes()?) {
            if !WORDS.contains(&field?.tag) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn has_code(signal: &[u8]) -> Result<bool, DecodeError> {
    for field in fields(signal) {
        if field?.tag == tag::signal::CODE_EXPIRES {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_other(signal: &[u8]) -> Result<bool, DecodeError> {
    let mut kind = 0;
    for field in fields(signal) {
        let field = field?;
        if field.tag == tag::signal::TYPE {
            kind = field.number()?;
        }
    }
    Ok(kind == v1::signal::Type::Other as u64)
}

#[cfg(test)]
#[path = "written_tests.rs"]
mod tests;
