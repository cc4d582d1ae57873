//! Which row is this event? UUIDv7 ids whose low bits carry the row, so that an event is found by its id without a second
//! index to keep on every append.
//!
//! Layout: 48 bits of time and 4 of version as RFC 9562 has it, 12 random bits, 2 of variant, 22 random bits, 40 bits of row.

use uuid::Uuid;

use crate::ports::{chance::Chance, clock::Millis, store::Row};

const ROW_BITS: u32 = 40;
const ROW_MASK: u128 = (1 << ROW_BITS) - 1;

/// The id of the event in `row`, accepted at `now`.
pub fn event_id(now: Millis, row: Row, chance: u64) -> String {
    let random = u128::from(chance);
    let bits = (now.max(0) as u128 & 0xffff_ffff_ffff) << 80
        | 0x7 << 76
        | (random & 0xfff) << 64
        | 0b10 << 62
        | ((random >> 12) & 0x3f_ffff) << ROW_BITS
        | (row as u128 & ROW_MASK);
    Uuid::from_u128(bits).to_string()
}

/// The row that an id names; `None` where it is no id of ours. The caller compares the event's whole id.
pub fn row_of(id: &str) -> Option<Row> {
    let bits = Uuid::parse_str(id).ok()?.as_u128();
    i64::try_from(bits & ROW_MASK).ok()
}

/// A fresh id for a message.
pub fn message_id(now: Millis, chance: &dyn Chance) -> String {
    let mut random = [0; 10];
    chance.fill(&mut random);
    uuid::Builder::from_unix_timestamp_millis(now.max(0).unsigned_abs(), &random)
        .into_uuid()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid_of_version_7_and_tells_its_row() {
        let id = event_id(1_752_000_000_123, 1_234_567, u64::MAX);
        let uuid = Uuid::parse_str(&id).expect("a UUID");
        assert_eq!(uuid.get_version_num(), 7);
        assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(row_of(&id), Some(1_234_567));
        assert_eq!(uuid.as_u128() >> 80, 1_752_000_000_123);
    }

    #[test]
    fn what_is_no_uuid_has_no_row() {
        assert_eq!(row_of("main:1"), None);
    }
}
