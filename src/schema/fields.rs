//! Which fields does an encoded message have? Walked over in the order written, nothing copied, and the numbers by which they
//! are known.

use prost::{
    DecodeError,
    encoding::{self, DecodeContext, WireType},
};

/// Numbers of the fields that are looked for or written one by one; a test holds them to the schema.
pub mod tag {
    pub const ID: u32 = 1;
    pub const CONVERSATION: u32 = 2;
    pub const EPOCH: u32 = 3;
    pub const SEQ: u32 = 4;
    pub const PLATFORM_TIME: u32 = 5;
    pub const ACCEPTED_TIME: u32 = 6;
    pub const LATE: u32 = 7;
    pub const HISTORY: u32 = 8;
    pub const DEDUPE_KEY: u32 = 9;
    pub const REDELIVERY_OF: u32 = 10;
    pub const ENTRY: u32 = 11;
    pub const ALLOWANCES: u32 = 12;
    pub const TRACEPARENT: u32 = 13;
    pub const MESSAGE: u32 = 20;
    pub const INTERACTION: u32 = 21;
    pub const SIGNAL: u32 = 22;
    pub const DELIVERY: u32 = 23;
    pub const GAP: u32 = 24;
    pub const OFFER: u32 = 80;
    pub const RAW: u32 = 90;

    pub mod conversation {
        pub const KEY: u32 = 1;
        pub const ACCOUNT: u32 = 2;
        pub const CUSTOMER: u32 = 3;
        pub const SCOPE: u32 = 4;
        pub const SESSION_ID: u32 = 5;
        pub const SESSION_STATE: u32 = 6;
        pub const SERVICER: u32 = 7;
        pub const LAST_CUSTOMER_MESSAGE_TIME: u32 = 8;
        pub const FIRST_SEQ: u32 = 9;
        pub const PREVIOUS_KEYS: u32 = 10;
    }

    pub mod account {
        pub const ID: u32 = 1;
    }

    pub mod message {
        pub const PARTS: u32 = 4;
    }

    pub mod signal {
        pub const TYPE: u32 = 1;
        pub const CODE_EXPIRES: u32 = 6;
    }

    pub mod forwarded_chat {
        pub const ITEMS: u32 = 2;
    }

    pub mod part {
        pub const TEXT: u32 = 1;
        pub const LOCATION: u32 = 6;
        pub const FORWARDED: u32 = 14;
        pub const EXT_JSON: u32 = 90;
        pub const UNSUPPORTED: u32 = 99;
    }
}

/// One field of an encoded message.
pub struct Field<'a> {
    pub tag: u32,
    pub kind: WireType,
    /// Its number or length, and what follows it.
    pub value: &'a [u8],
    /// All of it, key included.
    pub whole: &'a [u8],
}

impl<'a> Field<'a> {
    pub fn number(&self) -> Result<u64, DecodeError> {
        encoding::check_wire_type(WireType::Varint, self.kind)?;
        encoding::decode_varint(&mut { self.value })
    }

    pub fn bytes(&self) -> Result<&'a [u8], DecodeError> {
        encoding::check_wire_type(WireType::LengthDelimited, self.kind)?;
        Self::content(self.value)
    }

    /// Without the length before it.
    pub fn content(mut value: &'a [u8]) -> Result<&'a [u8], DecodeError> {
        encoding::decode_varint(&mut value)?;
        Ok(value)
    }
}

/// The fields of an encoded message, in the order written; ends after the first that cannot be read.
pub fn fields(mut rest: &[u8]) -> impl Iterator<Item = Result<Field<'_>, DecodeError>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let field = next(&mut rest);
        if field.is_err() {
            rest = &[];
        }
        Some(field)
    })
}

fn next<'a>(rest: &mut &'a [u8]) -> Result<Field<'a>, DecodeError> {
    let from = *rest;
    let (tag, kind) = encoding::decode_key(rest)?;
    let value = *rest;
    if !skip_text(kind, rest) {
        encoding::skip_field(kind, tag, rest, DecodeContext::default())?;
    }
    let cut = |all: &'a [u8]| all.get(..all.len() - rest.len()).unwrap_or_default();
    Ok(Field {
        tag,
        kind,
        value: cut(value),
        whole: cut(from),
    })
}

/// The usual field: so short that its length is one byte. `false`: it is another, and nothing was passed over.
fn skip_text(kind: WireType, rest: &mut &[u8]) -> bool {
    let (WireType::LengthDelimited, Some((length @ 0..0x80, behind))) = (kind, rest.split_first()) else {
        return false;
    };
    let behind = behind.get(usize::from(*length)..);
    behind.is_some_and(|behind| {
        *rest = behind;
        true
    })
}
