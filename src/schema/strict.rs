//! What does a request over gRPC hold that the schema does not know? It is refused, as over HTTP: a field that is
//! silently dropped is a message that says something else.

use std::{collections::HashMap, marker::PhantomData, sync::LazyLock};

use prost::{
    Message, Name,
    bytes::Buf as _,
    encoding::{self, WireType},
};
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorSet, field_descriptor_proto::Type};
use tonic::{
    Status,
    codec::{BufferSettings, Codec, DecodeBuf, Decoder},
};
use tonic_prost::{ProstCodec, ProstEncoder};

use super::{DESCRIPTORS, rpc};
use crate::error::{Code, Fault};

/// Writes answers as they are, and reads requests to the last field.
pub struct Strict<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Strict<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for Strict<T, U>
where
    T: Message + Send + 'static,
    U: Message + Name + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = StrictDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::raw_encoder(BufferSettings::default())
    }

    fn decoder(&mut self) -> Self::Decoder {
        StrictDecoder(PhantomData)
    }
}

/// Reads one request.
pub struct StrictDecoder<U>(PhantomData<U>);

impl<U: Message + Name + Default> Decoder for StrictDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let bytes = buf.copy_to_bytes(buf.remaining());
        let read = U::decode(bytes.clone()).map_err(|error| format!("not the expected message: {error}"));
        let checked = read.and_then(|message| match stranger(&U::full_name(), &bytes) {
            Some(stranger) => Err(stranger),
            None => Ok(Some(message)),
        });
        checked.map_err(|why| rpc::refusal(&Fault::new(Code::InvalidRequest, why)))
    }
}

/// What in these bytes the schema does not know, in words that name the place. The bytes are a message that was read.
pub fn stranger(message: &str, bytes: &[u8]) -> Option<String> {
    let known = SCHEMA.messages.get(message)?;
    walk(known, bytes, "")
}

struct Schema {
    messages: HashMap<String, Known>,
    enums: HashMap<String, Vec<i32>>,
}

/// The fields of one message, by number.
type Known = HashMap<u32, Field>;

struct Field {
    name: String,
    kind: Kind,
}

enum Kind {
    Message(String),
    Enum(String),
    Plain,
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let mut schema = Schema {
        messages: HashMap::new(),
        enums: HashMap::new(),
    };
    // Made by the compiler that made the types: it can be read.
    let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap_or_default();
    for file in &files.file {
        schema.learn(file.package(), &file.message_type, &file.enum_type);
    }
    schema
});

impl Schema {
    fn learn(&mut self, within: &str, messages: &[DescriptorProto], enums: &[EnumDescriptorProto]) {
        for each in enums {
            let values = each.value.iter().map(prost_types::EnumValueDescriptorProto::number);
            self.enums.insert(format!("{within}.{}", each.name()), values.collect());
        }
        for each in messages {
            let name = format!("{within}.{}", each.name());
            let fields = each.field.iter().filter_map(|field| {
                let below = field.type_name().trim_start_matches('.').to_owned();
                let kind = match field.r#type() {
                    Type::Message => Kind::Message(below),
                    Type::Enum => Kind::Enum(below),
                    _ => Kind::Plain,
                };
                let name = field.name().to_owned();
                Some((u32::try_from(field.number()).ok()?, Field { name, kind }))
            });
            let fields = fields.collect();
            self.learn(&name, &each.nested_type, &each.enum_type);
            self.messages.insert(name, fields);
        }
    }
}

fn walk(known: &Known, mut bytes: &[u8], at: &str) -> Option<String> {
    while !bytes.is_empty() {
        let (number, wire) = encoding::decode_key(&mut bytes).ok()?;
        let Some(field) = known.get(&number) else {
            let place = if at.is_empty() { "the request" } else { at };
            return Some(format!("unknown field number {number} in {place}"));
        };
        let place = || match at {
            "" => field.name.clone(),
            at => format!("{at}.{}", field.name),
        };
        match (wire, &field.kind) {
            (WireType::LengthDelimited, kind) => {
                let length = usize::try_from(encoding::decode_varint(&mut bytes).ok()?).ok()?;
                let (inner, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                if let Kind::Message(name) = kind
                    && let Some(below) = SCHEMA.messages.get(name)
                    && let Some(found) = walk(below, inner, &place())
                {
                    return Some(found);
                }
            }
            (WireType::Varint, kind) => {
                let value = encoding::decode_varint(&mut bytes).ok()?;
                if let Kind::Enum(name) = kind
                    && let Some(values) = SCHEMA.enums.get(name)
                    // An enum is an int32, however many bits came.
                    && !values.contains(&(value as i32))
                {
                    return Some(format!("{} is {value}, which has no name", place()));
                }
            }
            (WireType::SixtyFourBit, _) => bytes = bytes.get(8..)?,
            (WireType::ThirtyTwoBit, _) => bytes = bytes.get(4..)?,
            (WireType::StartGroup | WireType::EndGroup, _) => return Some(format!("{} is a group", place())),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::v1::{self, send_request::What};

    fn request() -> v1::SendRequest {
        v1::SendRequest {
            conversation_key: "k".into(),
            what: Some(What::Message(v1::Message {
                parts: vec![v1::Part {
                    content: Some(v1::part::Content::Location(v1::Location {
                        latitude: 1.5,
                        ..Default::default()
                    })),
                    ext_json: [("a.b".to_owned(), "{}".to_owned())].into(),
                }],
                ..Default::default()
            })),
            route: v1::send_request::Route::ApiOnly as i32,
            not_after: Some(crate::schema::Timestamp::from_millis(1_700_000_000_123)),
            ..Default::default()
        }
    }

    fn found(bytes: &[u8]) -> Option<String> {
        stranger("wxbridge.v1.SendRequest", bytes)
    }

    #[test]
    fn what_the_schema_knows_passes() {
        assert_eq!(found(&request().encode_to_vec()), None);
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn a_field_or_a_value_without_a_name_is_told_with_its_place() {
        let mut bytes = request().encode_to_vec();
        encoding::uint32::encode(777, &1, &mut bytes);
        assert_eq!(
            found(&bytes).as_deref(),
            Some("unknown field number 777 in the request")
        );

        let mut inside = Vec::new();
        encoding::string::encode(78, &"x".to_owned(), &mut inside);
        let mut bytes = Vec::new();
        encoding::bytes::encode(4, &inside, &mut bytes);
        assert_eq!(found(&bytes).as_deref(), Some("unknown field number 78 in message"));

        let odd = v1::SendRequest { route: 17, ..request() };
        assert_eq!(
            found(&odd.encode_to_vec()).as_deref(),
            Some("route is 17, which has no name")
        );
    }
}
