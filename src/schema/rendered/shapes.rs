//! Which members has a message, in which order are they written, and as what? As the schema's descriptors say, read once.

use std::{collections::HashMap, sync::LazyLock};

use prost::Message as _;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

use crate::schema::DESCRIPTORS;

pub static SHAPES: LazyLock<Shapes> = LazyLock::new(Shapes::read);

/// The messages of the schema.
#[derive(Default)]
pub struct Shapes {
    pub all: Vec<Shape>,
    /// Where in `all` it is, by its full name.
    pub named: HashMap<String, usize>,
    enums: HashMap<String, Vec<(i32, String)>>,
}

/// One message: its members in the order in which they are written.
#[derive(Default)]
pub struct Shape {
    pub members: Vec<Member>,
    /// Tags and where in `members` they are, by tag.
    places: Vec<(u32, u16)>,
}

pub struct Member {
    /// With quotes and colon.
    pub name: String,
    pub value: Value,
    pub many: bool,
    /// Written also where it is zero or empty.
    pub always: bool,
}

pub enum Value {
    Bool,
    /// A number of up to 32 bits.
    Small,
    /// Whether it has a sign.
    Large(bool),
    Double,
    Text,
    Bytes,
    Enum(Vec<(i32, String)>),
    Message(usize),
    Time,
    Texts,
    /// Left to those who read it.
    Unusual,
}

impl Shape {
    pub fn place(&self, tag: u32) -> Option<u16> {
        let at = self.places.binary_search_by_key(&tag, |place| place.0).ok()?;
        Some(self.places[at].1)
    }
}

impl Shapes {
    fn read() -> Self {
        let set = FileDescriptorSet::decode(DESCRIPTORS).unwrap_or_default();
        let mut shapes = Self::default();
        let mut messages = Vec::new();
        let mut maps = HashMap::new();
        for file in &set.file {
            let package = format!(".{}", file.package());
            shapes.name_enums(&package, &file.enum_type);
            for message in &file.message_type {
                shapes.name(&package, message, &mut messages, &mut maps);
            }
        }
        shapes.all = messages.iter().map(|message| shapes.shape(message, &maps)).collect();
        shapes
    }

    fn name_enums(&mut self, within: &str, enums: &[EnumDescriptorProto]) {
        for it in enums {
            let values = it.value.iter().map(|value| (value.number(), value.name().to_owned()));
            self.enums.insert(format!("{within}.{}", it.name()), values.collect());
        }
    }

    fn name<'a>(
        &mut self,
        within: &str,
        message: &'a DescriptorProto,
        messages: &mut Vec<&'a DescriptorProto>,
        maps: &mut HashMap<String, &'a DescriptorProto>,
    ) {
        let name = format!("{within}.{}", message.name());
        if message.options.as_ref().is_some_and(|options| options.map_entry()) {
            maps.insert(name, message);
            return;
        }
        self.named.insert(name.clone(), messages.len());
        messages.push(message);
        self.name_enums(&name, &message.enum_type);
        for nested in &message.nested_type {
            self.name(&name, nested, messages, maps);
        }
    }

    /// What stands in a choice is written after everything that does not.
    fn shape(&self, message: &DescriptorProto, maps: &HashMap<String, &DescriptorProto>) -> Shape {
        let choice = |field: &&FieldDescriptorProto| field.oneof_index.filter(|_| !field.proto3_optional());
        let mut ordered: Vec<&FieldDescriptorProto> = message.field.iter().collect();
        ordered.sort_by_key(|field| choice(field).map_or(-1, |index| index));
        let mut shape = Shape::default();
        for (place, field) in ordered.iter().enumerate() {
            let many = field.label() == Label::Repeated;
            let value = self.value(field, maps);
            shape.places.push((field.number().unsigned_abs(), place as u16));
            shape.members.push(Member {
                name: format!("\"{}\":", field.json_name()),
                many: many && !matches!(value, Value::Texts),
                always: field.oneof_index.is_some(),
                value,
            });
        }
        shape.places.sort_unstable();
        shape
    }

    fn value(&self, field: &FieldDescriptorProto, maps: &HashMap<String, &DescriptorProto>) -> Value {
        match field.r#type() {
            Type::Bool => Value::Bool,
            Type::Int32 | Type::Uint32 => Value::Small,
            Type::Int64 => Value::Large(true),
            Type::Uint64 => Value::Large(false),
            Type::Double => Value::Double,
            Type::String => Value::Text,
            Type::Bytes => Value::Bytes,
            Type::Enum => match self.enums.get(field.type_name()) {
                Some(names) => Value::Enum(names.clone()),
                None => Value::Unusual,
            },
            Type::Message => self.message(field.type_name(), maps),
            _ => Value::Unusual,
        }
    }

    fn message(&self, name: &str, maps: &HashMap<String, &DescriptorProto>) -> Value {
        if let Some(entry) = maps.get(name) {
            let texts = entry.field.iter().all(|field| field.r#type() == Type::String);
            return if texts { Value::Texts } else { Value::Unusual };
        }
        match (name, self.named.get(name)) {
            (".google.protobuf.Timestamp", _) => Value::Time,
            (name, Some(shape)) if !name.starts_with(".google.") => Value::Message(*shape),
            _ => Value::Unusual,
        }
    }
}
