//! How is a message of the schema written and read as JSON?
//!
//! Canonical proto3 JSON. Equal messages give equal bytes (fields in the schema's order, maps sorted). Reading is
//! lenient or strict, chosen per call: a core's *answers* may carry fields of a later schema, a core's *requests* may not,
//! because a misspelt field that is silently dropped is a message that says something else; so is one of two values of a name.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Timestamp, distinct::Distinct, rendered::scalars};

/// What to do with a field the schema does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Skip it: for answers.
    Ignore,
    /// Refuse the whole document and name the field: for requests.
    Refuse,
}

/// Why a document is not the message it should be; the text names the place.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    #[error("not valid JSON: {0}")]
    Syntax(serde_json::Error),
    #[error("not the expected message: {0}")]
    Shape(serde_json::Error),
    #[error("not the expected message: {path}: {error}")]
    ShapeAt { path: String, error: serde_json::Error },
    /// A list would be read as the fields in their order, which nobody wrote down.
    #[error("not the expected message: found {0}, expected a JSON object")]
    NoObject(&'static str),
    #[error("unknown field {0}")]
    UnknownField(String),
    #[error("not readable as it is stored: {0}")]
    Stored(prost::DecodeError),
}

/// Canonical JSON bytes. Fails only for values JSON cannot hold (a timestamp out of range).
pub fn to_vec<T: Serialize>(message: &T) -> Result<Vec<u8>, JsonError> {
    serde_json::to_vec(message).map_err(JsonError::Shape)
}

/// The same, appended to `bytes`.
pub fn write<T: Serialize>(bytes: &mut Vec<u8>, message: &T) -> Result<(), JsonError> {
    serde_json::to_writer(bytes, message).map_err(JsonError::Shape)
}

/// Appends a text as it stands between its quotes.
pub fn write_escaped(bytes: &mut Vec<u8>, text: &str) {
    scalars::escaped(bytes, text);
}

/// Appends a moment with its quotes.
pub fn write_time(bytes: &mut Vec<u8>, at: Timestamp) -> Result<(), JsonError> {
    match scalars::time(bytes, at) {
        true => Ok(()),
        // It says what is wrong with it.
        false => write(bytes, &at),
    }
}

/// Appends a number with so many digits; ten hold any.
pub fn write_digits(bytes: &mut Vec<u8>, number: u32, width: usize) {
    scalars::digits(bytes, i64::from(number), width);
}

/// Reads one message from JSON bytes.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8], unknown: Unknown) -> Result<T, JsonError> {
    let value = parsed(bytes, unknown)?;
    match from_value(value, unknown) {
        // Only who was wrong pays for knowing where.
        Err(JsonError::Shape(error)) => Err(placed::<T>(parsed(bytes, unknown)?, error)),
        read => read,
    }
}

/// Any JSON, as it is; one of two values of a name is as strange as a field that nobody knows.
pub fn parsed(bytes: &[u8], unknown: Unknown) -> Result<Value, JsonError> {
    let value = match unknown {
        Unknown::Ignore => serde_json::from_slice(bytes),
        Unknown::Refuse => serde_json::from_slice(bytes).map(|Distinct(value)| value),
    };
    value.map_err(|error: serde_json::Error| match error.is_data() {
        true => JsonError::Shape(error),
        false => JsonError::Syntax(error),
    })
}

/// The fault with its place. A fault of the whole document has none.
fn placed<T: DeserializeOwned>(mut value: Value, error: serde_json::Error) -> JsonError {
    drop_nulls(&mut value);
    match serde_path_to_error::deserialize::<_, T>(value) {
        Err(fault) if fault.path().iter().next().is_some() => JsonError::ShapeAt {
            path: fault.path().to_string(),
            error: fault.into_inner(),
        },
        _ => JsonError::Shape(error),
    }
}

/// Refuses what is none of the objects that all messages are.
fn object(value: &Value) -> Result<(), JsonError> {
    Err(JsonError::NoObject(match value {
        Value::Object(_) => return Ok(()),
        Value::Array(_) => "a list",
        Value::String(_) => "a text",
        Value::Number(_) => "a number",
        Value::Bool(_) => "true or false",
        Value::Null => "null",
    }))
}

/// Reads one message from parsed JSON.
pub fn from_value<T: DeserializeOwned>(mut value: Value, unknown: Unknown) -> Result<T, JsonError> {
    object(&value)?;
    drop_nulls(&mut value);
    let mut stranger = None;
    let message = serde_ignored::deserialize(value, |path| {
        stranger.get_or_insert_with(|| path.to_string());
    })
    .map_err(JsonError::Shape)?;
    match (stranger, unknown) {
        (Some(field), Unknown::Refuse) => Err(JsonError::UnknownField(field)),
        _ => Ok(message),
    }
}

/// proto3 JSON reads `null` as "not set"; only inside a list is it a value.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::v1;

    #[test]
    fn a_place_reads_back_as_the_very_number_that_was_written() {
        // Two neighbours of a double that a reader in a hurry takes for one.
        for latitude in [43.106_021_881_103_516, 43.106_021_881_103_52, 113.320_503_234_863_28] {
            let place = v1::Location {
                latitude,
                ..Default::default()
            };
            let json = to_vec(&place).expect("a place is JSON");
            let again: v1::Location = from_slice(&json, Unknown::Refuse).expect("and reads back");
            assert_eq!(again.latitude.to_bits(), latitude.to_bits());
        }
    }

    #[test]
    fn times_end_in_z_and_carry_no_needless_digits() {
        let event = v1::Event {
            accepted_time: Some(Timestamp::from_millis(1_752_000_000_120)),
            platform_time: Some(Timestamp::from_millis(1_752_000_000_000)),
            ..Default::default()
        };
        assert_eq!(
            String::from_utf8(to_vec(&event).expect("an event is JSON")).expect("JSON is UTF-8"),
            r#"{"platformTime":"2025-07-08T18:40:00Z","acceptedTime":"2025-07-08T18:40:00.120Z"}"#
        );
    }

    #[test]
    fn an_unknown_field_is_ignored_or_refused_as_the_caller_says() {
        let text = br#"{"text":"hi","colour":"red","clientMessageId":null}"#;
        let lenient: v1::SendRequest = from_slice(text, Unknown::Ignore).expect("lenient");
        assert_eq!(lenient.what, Some(v1::send_request::What::Text("hi".into())));
        let strict = from_slice::<v1::SendRequest>(text, Unknown::Refuse);
        assert!(matches!(strict, Err(JsonError::UnknownField(f)) if f == "colour"));
    }

    #[derive(Debug, serde::Deserialize)]
    struct Wish {
        token: String,
    }

    #[test]
    fn the_fields_in_their_order_are_no_object() {
        for text in ["[\"new\"]", "[[\"new\"]]", "\"new\"", "7", "true", "null"] {
            for unknown in [Unknown::Refuse, Unknown::Ignore] {
                let read = from_slice::<Wish>(text.as_bytes(), unknown);
                assert!(matches!(read, Err(JsonError::NoObject(_))), "{text}: {read:?}");
            }
        }
        // Below the top the messages of the schema say the same for themselves.
        let inside = from_slice::<v1::SendRequest>(br#"{"message":[[{"text":"x"}]]}"#, Unknown::Refuse);
        assert!(matches!(inside, Err(JsonError::ShapeAt { .. })), "{inside:?}");
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_named_with_its_place() {
        for (text, place) in [
            (r#"{"conversationKey":5}"#, "conversationKey: invalid type: integer `5`"),
            (
                r#"{"message":{"parts":[{"text":{"body":"x"}},{"text":"x"}]}}"#,
                "message.parts[1].text: ",
            ),
            (
                r#"{"message":{"parts":"x"}}"#,
                "message.parts: invalid type: string \"x\"",
            ),
        ] {
            for unknown in [Unknown::Refuse, Unknown::Ignore] {
                let fault = from_slice::<v1::SendRequest>(text.as_bytes(), unknown).expect_err("no such message");
                assert!(fault.to_string().contains(place), "{fault}");
            }
        }
    }

    #[test]
    fn a_field_of_a_request_stands_once() {
        let twice = br#"{"token":"a","token":"b"}"#;
        let strict = from_slice::<Wish>(twice, Unknown::Refuse).expect_err("two answers");
        assert!(
            strict.to_string().contains("the name \"token\" stands twice"),
            "{strict}"
        );
        // What a core answers is taken as far as it can be understood.
        let lenient = from_slice::<Wish>(twice, Unknown::Ignore).expect("lenient");
        assert_eq!(lenient.token, "b");
    }

    #[test]
    fn a_nested_unknown_field_is_named_with_its_path() {
        let text = br#"{"message":{"parts":[{"text":{"body":"x","bold":true}}]}}"#;
        let strict = from_slice::<v1::SendRequest>(text, Unknown::Refuse);
        assert!(
            matches!(strict, Err(JsonError::UnknownField(f)) if f.contains("bold")),
            "names the field"
        );
    }

    #[test]
    fn snake_case_names_and_enum_numbers_are_read_too() {
        let text = br#"{"client_message_id":"a","route":3}"#;
        let request: v1::SendRequest = from_slice(text, Unknown::Refuse).expect("proto3 JSON accepts both");
        assert_eq!(request.client_message_id, "a");
        assert_eq!(request.route(), v1::send_request::Route::ApiOnly);
    }
}
