//! How does a message look to tools that read JSON Schema? Made from the compiled schema itself: canonical proto3 JSON, with
//! the schema's own comments as descriptions.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};
use serde_json::{Map, Value, json};

use super::DESCRIPTORS;

const PACKAGE: &str = ".wxbridge.v1.";

/// JSON Schema (2020-12) of an Event, whole in itself.
pub fn event() -> Value {
    let book = Book::read();
    let mut definitions = book.reachable(&["Event"], "#/$defs/", OneOf::Enforced);
    let mut root = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:wxbridge:schema:event:v1",
        "title": "Event",
    });
    if let (Some(root), Some(Value::Object(event))) = (root.as_object_mut(), definitions.remove("Event")) {
        root.extend(event);
        root.insert("$defs".into(), json!(definitions));
    }
    root
}

/// These messages and all that they are made of, as the components of a document.
pub fn components(names: &BTreeSet<String>) -> BTreeMap<String, Value> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Book::read().reachable(&names, "#/components/schemas/", OneOf::Told)
}

/// What is said of fields that exclude each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OneOf {
    /// A document with two of them is refused.
    Enforced,
    /// In words, because programs that write code from a document make a type of every alternative.
    Told,
}

/// Messages and enums of the package by name, with where their comments stand.
struct Book {
    messages: BTreeMap<String, (DescriptorProto, Vec<i32>)>,
    enums: BTreeMap<String, EnumDescriptorProto>,
    comments: BTreeMap<Vec<i32>, String>,
}

/// Field numbers of descriptor.proto, of which paths to comments are made.
mod place {
    pub const MESSAGE: i32 = 4;
    pub const FIELD: i32 = 2;
    pub const NESTED: i32 = 3;
}

impl Book {
    fn read() -> Self {
        let mut book = Self {
            messages: BTreeMap::new(),
            enums: BTreeMap::new(),
            comments: BTreeMap::new(),
        };
        // They were compiled into the program together with it.
        let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap_or_default().file;
        for file in files.iter().filter(|file| format!(".{}.", file.package()) == PACKAGE) {
            book.add(file);
        }
        book
    }

    fn add(&mut self, file: &FileDescriptorProto) {
        for (at, message) in (0..).zip(&file.message_type) {
            self.add_message("", message, vec![place::MESSAGE, at]);
        }
        for one in &file.enum_type {
            self.enums.insert(one.name().to_owned(), one.clone());
        }
        let locations = file.source_code_info.iter().flat_map(|info| &info.location);
        for location in locations {
            let said = match (location.leading_comments(), location.trailing_comments()) {
                ("", trailing) => trailing,
                (leading, _) => leading,
            };
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
            // A heading of a section is no comment on what follows it.
            if !said.is_empty() && !said.contains('─') {
                self.comments.insert(location.path.clone(), said);
            }
        }
    }

    fn add_message(&mut self, under: &str, message: &DescriptorProto, place: Vec<i32>) {
        let name = format!("{under}{}", message.name());
        for one in &message.enum_type {
            self.enums.insert(format!("{name}.{}", one.name()), one.clone());
        }
        for (at, nested) in (0..).zip(&message.nested_type) {
            let inside = [place.as_slice(), &[place::NESTED, at]].concat();
            self.add_message(&format!("{name}."), nested, inside);
        }
        self.messages.insert(name, (message.clone(), place));
    }

    fn reachable(&self, roots: &[&str], prefix: &str, one_of: OneOf) -> BTreeMap<String, Value> {
        let mut found = BTreeMap::new();
        let mut waiting: Vec<String> = roots.iter().map(ToString::to_string).collect();
        while let Some(name) = waiting.pop() {
            let Some((message, place)) = self.messages.get(&name) else {
                continue;
            };
            if found.contains_key(&name) {
                continue;
            }
            let page = Page {
                book: self,
                prefix,
                place,
            };
            found.insert(name, page.message(message, one_of));
            waiting.extend(message.field.iter().flat_map(|field| self.used(field)));
        }
        found
    }

    /// The messages of the package that a field is made of; a map's are those of its values.
    fn used(&self, field: &FieldDescriptorProto) -> Vec<String> {
        let Some(name) = field.type_name().strip_prefix(PACKAGE) else {
            return Vec::new();
        };
        match self.entry(name) {
            Some(entry) => entry.field.iter().flat_map(|field| self.used(field)).collect(),
            None => vec![name.to_owned()],
        }
    }

    /// The pairs of a map field.
    fn entry(&self, name: &str) -> Option<&DescriptorProto> {
        let (message, _) = self.messages.get(name)?;
        message
            .options
            .as_ref()
            .is_some_and(|it| it.map_entry())
            .then_some(message)
    }
}

/// One message being described.
struct Page<'a> {
    book: &'a Book,
    prefix: &'a str,
    place: &'a [i32],
}

impl Page<'_> {
    fn message(&self, message: &DescriptorProto, one_of: OneOf) -> Value {
        let mut properties = Map::new();
        for (at, field) in (0..).zip(&message.field) {
            let mut shape = self.field(field);
            let place = [self.place, &[place::FIELD, at]].concat();
            if let Some(said) = self.book.comments.get(&place) {
                describe(&mut shape, said);
            }
            properties.insert(field.json_name().to_owned(), shape);
        }
        let mut object = json!({ "type": "object" });
        if let Some(said) = self.book.comments.get(self.place) {
            object["description"] = said.as_str().into();
        }
        if !properties.is_empty() {
            object["properties"] = properties.into();
        }
        exclude(&mut object, message, one_of);
        object
    }

    fn field(&self, field: &FieldDescriptorProto) -> Value {
        let name = field.type_name().strip_prefix(PACKAGE);
        if let Some(entry) = name.and_then(|name| self.book.entry(name)) {
            let values = entry.field.iter().find(|field| field.number() == 2);
            let values = values.map_or(json!({}), |field| self.single(field));
            return json!({ "type": "object", "additionalProperties": values });
        }
        let one = self.single(field);
        match field.label() {
            Label::Repeated => json!({ "type": "array", "items": one }),
            Label::Optional | Label::Required => one,
        }
    }

    fn single(&self, field: &FieldDescriptorProto) -> Value {
        match field.r#type() {
            Type::Bool => json!({ "type": "boolean" }),
            Type::Double | Type::Float => json!({ "type": "number" }),
            Type::Int32 | Type::Sint32 | Type::Sfixed32 => json!({ "type": "integer", "format": "int32" }),
            Type::Uint32 | Type::Fixed32 => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
            Type::Int64 | Type::Sint64 | Type::Sfixed64 => json!({ "type": "string", "pattern": "^-?[0-9]+$" }),
            Type::Uint64 | Type::Fixed64 => json!({ "type": "string", "pattern": "^[0-9]+$" }),
            Type::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
            Type::Enum => self.names(field.type_name()),
            Type::Message | Type::Group => self.reference(field.type_name()),
            Type::String => json!({ "type": "string" }),
        }
    }

    fn names(&self, name: &str) -> Value {
        let found = name.strip_prefix(PACKAGE).and_then(|name| self.book.enums.get(name));
        let names: Vec<&str> = found
            .into_iter()
            .flat_map(|one| &one.value)
            .map(|it| it.name())
            .collect();
        json!({ "type": "string", "enum": names })
    }

    fn reference(&self, name: &str) -> Value {
        match (name, name.strip_prefix(PACKAGE)) {
            (_, Some(ours)) => json!({ "$ref": format!("{}{ours}", self.prefix) }),
            (".google.protobuf.Timestamp", _) => json!({ "type": "string", "format": "date-time" }),
            (".google.protobuf.Duration", _) => {
                json!({ "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]{1,9})?s$", "examples": ["1.5s"] })
            }
            (".google.protobuf.ListValue", _) => json!({ "type": "array" }),
            (".google.protobuf.Struct", _) => json!({ "type": "object" }),
            _ => json!({}),
        }
    }
}

fn describe(shape: &mut Value, said: &str) {
    shape["description"] = said.into();
}

/// Says that of the fields of a `oneof` at most one is there.
fn exclude(object: &mut Value, message: &DescriptorProto, one_of: OneOf) {
    let groups = (0..).zip(&message.oneof_decl).filter_map(|(at, group)| {
        let inside = message
            .field
            .iter()
            .filter(|field| field.oneof_index == Some(at) && !field.proto3_optional());
        let names: Vec<&str> = inside.map(|field| field.json_name()).collect();
        (!names.is_empty()).then(|| (group.name(), names))
    });
    let mut told = Map::new();
    let mut enforced = Vec::new();
    for (group, names) in groups {
        let each: Vec<Value> = names.iter().map(|name| json!({ "required": [name] })).collect();
        let mut alternatives = each.clone();
        alternatives.push(json!({ "not": { "anyOf": each } }));
        enforced.push(json!({ "oneOf": alternatives }));
        told.insert(group.to_owned(), json!(names));
    }
    if told.is_empty() {
        return;
    }
    match one_of {
        OneOf::Enforced => object["allOf"] = enforced.into(),
        OneOf::Told => object["x-at-most-one-of"] = told.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_described_as_it_is_written() {
        let schema = event();
        let event = &schema["properties"];
        assert_eq!(event["seq"]["maximum"], u32::MAX);
        assert_eq!(event["acceptedTime"]["format"], "date-time");
        assert_eq!(event["message"]["$ref"], "#/$defs/Message");
        assert!(
            event["traceparent"]["description"]
                .as_str()
                .is_some_and(|it| it.contains("W3C"))
        );
        let media = &schema["$defs"]["Media"]["properties"];
        assert_eq!(media["size"]["type"], "string", "64 bits are a text");
        assert_eq!(media["state"]["enum"][1], "PENDING");
        let part = &schema["$defs"]["Part"];
        assert_eq!(part["properties"]["extJson"]["additionalProperties"]["type"], "string");
        assert_eq!(part["allOf"][0]["oneOf"].as_array().map(Vec::len), Some(20));
        assert_eq!(
            schema["$defs"]["Allowance"]["allOf"],
            Value::Null,
            "an optional field excludes nothing"
        );
        assert!(
            !schema["$defs"]
                .as_object()
                .is_some_and(|it| it.keys().any(|name| name.contains("Entry") && name != "Entry"))
        );
    }

    #[test]
    fn components_hold_what_they_refer_to() {
        let found = components(&BTreeSet::from(["SendRequest".to_owned()]));
        let text = serde_json::to_string(&found).expect("JSON");
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap_or_default();
            assert!(found.contains_key(name), "{name}");
        }
        assert!(found.contains_key("Part") && !found.contains_key("Event"));
    }
}
