//! How is an encoded message written as JSON without reading it? Field by field, as the schema's descriptors say.
//!
//! Reading an event makes some forty allocations, and all of them are only to be written down again. What comes out is
//! byte for byte what [`super::json`] makes of the message; what is not usual is left to that. What the schema says stands
//! in [`shapes`].

pub mod scalars;
mod shapes;

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use prost::{
    DecodeError, Message as _,
    encoding::{WireType, decode_varint},
};

use super::{
    Timestamp,
    fields::{Field, fields},
    json,
};
use shapes::{Member, SHAPES, Shape, Shapes, Value};

/// Deeper than any message that was written.
const DEPTH: usize = 64;

/// It must be read to be written, or cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unusual;

impl From<DecodeError> for Unusual {
    fn from(_: DecodeError) -> Self {
        Self
    }
}

type Done = Result<(), Unusual>;

/// Appends the JSON of an encoded message, without the fields of these tags, and with this field beside those it has.
/// What was appended before something unusual was met is of no use.
pub fn write(out: &mut Vec<u8>, message: &str, bytes: &[u8], without: &[u32], with: (u32, &[u8])) -> Done {
    let shapes = &*SHAPES;
    let shape = shapes.named.get(message).ok_or(Unusual)?;
    let mut found = Vec::with_capacity(32);
    let shape = &shapes.all[*shape];
    collect(&mut found, shape, bytes, without)?;
    let (tag, value) = with;
    let place = shape.place(tag).ok_or(Unusual)?;
    found.push(Found {
        place,
        kind: WireType::LengthDelimited,
        value,
    });
    object(out, shapes, shape, &mut found, 0, 0)
}

// ───────────── what a message says ─────────────

/// One field of a message.
#[derive(Clone, Copy)]
struct Found<'a> {
    place: u16,
    kind: WireType,
    value: &'a [u8],
}

/// What the schema does not know is passed over, as those do who read it.
fn collect<'a>(found: &mut Vec<Found<'a>>, shape: &Shape, bytes: &'a [u8], without: &[u32]) -> Done {
    for field in fields(bytes) {
        let Field { tag, kind, value, .. } = field?;
        if without.contains(&tag) {
            continue;
        }
        if let Some(place) = shape.place(tag) {
            let value = match kind {
                WireType::LengthDelimited => Field::content(value)?,
                _ => value,
            };
            found.push(Found { place, kind, value });
        }
    }
    Ok(())
}

/// The members found from `from` on, which are taken away.
fn object(
    out: &mut Vec<u8>,
    shapes: &Shapes,
    shape: &Shape,
    found: &mut Vec<Found<'_>>,
    from: usize,
    depth: usize,
) -> Done {
    if depth > DEPTH {
        return Err(Unusual);
    }
    out.push(b'{');
    // They are in order already, but for what stands in a choice.
    found[from..].sort_by_key(|field| field.place);
    let (mut at, end, mut first) = (from, found.len(), true);
    while at < end {
        let place = found[at].place;
        let mut next = at + 1;
        while next < end && found[next].place == place {
            next += 1;
        }
        let member = &shape.members[usize::from(place)];
        let before = out.len();
        if !first {
            out.push(b',');
        }
        out.extend_from_slice(member.name.as_bytes());
        if values(out, shapes, member, found, at..next, depth)? {
            first = false;
        } else {
            out.truncate(before);
        }
        at = next;
    }
    found.truncate(from);
    out.push(b'}');
    Ok(())
}

/// `false`: there is nothing to be said of it.
fn values(
    out: &mut Vec<u8>,
    shapes: &Shapes,
    member: &Member,
    found: &mut Vec<Found<'_>>,
    range: std::ops::Range<usize>,
    depth: usize,
) -> Result<bool, Unusual> {
    if matches!(member.value, Value::Texts) {
        texts(out, &found[range])?;
        return Ok(true);
    }
    if !member.many {
        // One that is said twice counts in a way that is not ours to know.
        if range.len() != 1 {
            return Err(Unusual);
        }
        return value(out, shapes, member, found, range.start, depth);
    }
    out.push(b'[');
    for at in range.clone() {
        if at > range.start {
            out.push(b',');
        }
        let plain = matches!(member.value, Value::Text | Value::Message(_));
        if !plain || !value(out, shapes, member, found, at, depth)? {
            // Numbers are packed; none are in what is usual.
            return Err(Unusual);
        }
    }
    out.push(b']');
    Ok(true)
}

fn value(
    out: &mut Vec<u8>,
    shapes: &Shapes,
    member: &Member,
    found: &mut Vec<Found<'_>>,
    at: usize,
    depth: usize,
) -> Result<bool, Unusual> {
    let Found { kind, value, .. } = found[at];
    let always = member.always || member.many;
    match &member.value {
        Value::Message(index) => {
            let (shape, from) = (&shapes.all[*index], found.len());
            check(kind, WireType::LengthDelimited)?;
            collect(found, shape, value, &[])?;
            object(out, shapes, shape, found, from, depth + 1)?;
            return Ok(true);
        }
        Value::Time => {
            check(kind, WireType::LengthDelimited)?;
            time(out, value)?;
            return Ok(true);
        }
        Value::Text => {
            check(kind, WireType::LengthDelimited)?;
            text(out, value)?;
            return Ok(always || !value.is_empty());
        }
        Value::Bytes => {
            check(kind, WireType::LengthDelimited)?;
            json::write(out, &STANDARD.encode(value)).map_err(|_| Unusual)?;
            return Ok(always || !value.is_empty());
        }
        Value::Double => {
            check(kind, WireType::SixtyFourBit)?;
            let number = f64::from_le_bytes(value.try_into().map_err(|_| Unusual)?);
            if !number.is_finite() {
                return Err(Unusual);
            }
            json::write(out, &number).map_err(|_| Unusual)?;
            return Ok(always || number != 0.0);
        }
        Value::Texts | Value::Unusual => return Err(Unusual),
        Value::Bool | Value::Small | Value::Large(_) | Value::Enum(_) => {}
    }
    check(kind, WireType::Varint)?;
    let number = decode_varint(&mut { value })?;
    number_as(out, &member.value, number)?;
    Ok(always || number != 0)
}

fn number_as(out: &mut Vec<u8>, value: &Value, number: u64) -> Done {
    let written = match value {
        Value::Bool => json::write(out, &(number != 0)),
        // A negative one has all its 64 bits set: no field that is usual has one.
        Value::Small => json::write(out, &u32::try_from(number).map_err(|_| Unusual)?),
        Value::Large(true) => json::write(out, &(number as i64).to_string()),
        Value::Large(false) => json::write(out, &number.to_string()),
        Value::Enum(names) => {
            let name = names.iter().find(|(known, _)| u64::try_from(*known) == Ok(number));
            json::write(out, &name.ok_or(Unusual)?.1)
        }
        _ => return Err(Unusual),
    };
    written.map_err(|_| Unusual)
}

fn check(found: WireType, wanted: WireType) -> Done {
    if found == wanted { Ok(()) } else { Err(Unusual) }
}

fn text(out: &mut Vec<u8>, bytes: &[u8]) -> Done {
    let text = std::str::from_utf8(bytes).map_err(|_| Unusual)?;
    out.push(b'"');
    scalars::escaped(out, text);
    out.push(b'"');
    Ok(())
}

/// A map of texts, sorted.
fn texts(out: &mut Vec<u8>, entries: &[Found<'_>]) -> Done {
    let mut sorted = BTreeMap::new();
    for entry in entries {
        check(entry.kind, WireType::LengthDelimited)?;
        let mut both = ["", ""];
        for field in fields(entry.value) {
            let field = field?;
            let place = usize::try_from(field.tag).map_err(|_| Unusual)?.wrapping_sub(1);
            *both.get_mut(place).ok_or(Unusual)? = std::str::from_utf8(field.bytes()?).map_err(|_| Unusual)?;
        }
        sorted.insert(both[0], both[1]);
    }
    json::write(out, &sorted).map_err(|_| Unusual)
}

fn time(out: &mut Vec<u8>, bytes: &[u8]) -> Done {
    match scalars::time(out, Timestamp::decode(bytes)?) {
        true => Ok(()),
        false => Err(Unusual),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::v1;

    #[test]
    fn what_cannot_be_written_is_left_to_those_who_read() {
        let written = |event: &v1::Event, more: &[u8]| {
            let mut bytes = event.encode_to_vec();
            bytes.extend_from_slice(more);
            write(&mut Vec::new(), ".wxbridge.v1.Event", &bytes, &[], (80, &[]))
        };
        let event = v1::Event {
            id: "e".into(),
            ..Default::default()
        };
        assert_eq!(written(&event, &[]), Ok(()));
        assert_eq!(written(&event, b"\x0a\x01f"), Err(Unusual), "said twice");
        assert_eq!(written(&v1::Event::default(), b"\x0a\x01\xff"), Err(Unusual), "no text");
        assert_eq!(
            written(&v1::Event::default(), b"\x08\x01"),
            Err(Unusual),
            "of another kind"
        );
        assert_eq!(written(&v1::Event::default(), b"\x0a\x05f"), Err(Unusual), "cut off");
        assert_eq!(written(&event, b"\xfa\x3f\x01x"), Ok(()), "not known");
    }
}
