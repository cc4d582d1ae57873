//! How is a JSON document described that is no message of the schema? Words for JSON Schema, so that a description reads
//! like the document.

use serde_json::{Value, json};

/// An object: the fields that are always there, and those that may be left out.
pub fn object<const A: usize, const B: usize>(always: [(&str, Value); A], maybe: [(&str, Value); B]) -> Value {
    let required: Vec<&str> = always.iter().map(|(name, _)| *name).collect();
    let fields = always.into_iter().chain(maybe);
    let properties: serde_json::Map<String, Value> = fields.map(|(name, shape)| (name.to_owned(), shape)).collect();
    let mut object = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

/// An object of a request: a field that nobody knows is refused, null is as good as left out.
pub fn request<const A: usize, const B: usize>(always: [(&str, Value); A], maybe: [(&str, Value); B]) -> Value {
    let mut object = object(always, maybe.map(|(name, shape)| (name, or_null(shape))));
    object["additionalProperties"] = json!(false);
    object
}

pub fn text() -> Value {
    json!({ "type": "string" })
}

/// A text, with what it is.
pub fn told(about: &str) -> Value {
    json!({ "type": "string", "description": about })
}

pub fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

pub fn number() -> Value {
    json!({ "type": "number" })
}

pub fn flag() -> Value {
    json!({ "type": "boolean" })
}

/// RFC 3339.
pub fn moment() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

pub fn one_of(texts: &[&str]) -> Value {
    json!({ "type": "string", "enum": texts })
}

pub fn list(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

/// A map from names to `values`.
pub fn map(values: Value) -> Value {
    json!({ "type": "object", "additionalProperties": values })
}

/// This, or null.
pub fn or_null(shape: Value) -> Value {
    json!({ "anyOf": [shape, { "type": "null" }] })
}

/// Any JSON.
pub fn anything() -> Value {
    json!({})
}

/// A message of the schema.
pub fn message(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}
