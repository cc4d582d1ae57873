//! How does a list of anything look on the wire? `google.protobuf.ListValue`, in canonical JSON: whole numbers without a
//! fraction, and fields sorted, so that equal lists have equal bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use serde_json::{Number, Value};

/// From here on not every whole number has a double of its own: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// Whole numbers below are written with all their digits: 2^63.
const DIGITS: f64 = 9_223_372_036_854_775_808.0;

/// Same bytes as `google.protobuf.ListValue`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ListValue {
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<Item>,
}

/// Same bytes as `google.protobuf.Value`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Item {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6")]
    pub kind: Option<Kind>,
}

/// Same bytes as `google.protobuf.Struct`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Fields {
    #[prost(btree_map = "string, message", tag = "1")]
    pub fields: BTreeMap<String, Item>,
}

#[derive(Clone, PartialEq, ::prost::Oneof)]
pub enum Kind {
    /// Always 0.
    #[prost(int32, tag = "1")]
    Null(i32),
    #[prost(double, tag = "2")]
    Number(f64),
    #[prost(string, tag = "3")]
    Text(String),
    #[prost(bool, tag = "4")]
    Bool(bool),
    #[prost(message, tag = "5")]
    Fields(Fields),
    #[prost(message, tag = "6")]
    List(ListValue),
}

impl ListValue {
    /// Whether it holds a number that may be another than the one that was written.
    pub fn is_rounded(&self) -> bool {
        self.values.iter().any(Item::is_rounded)
    }

    /// Lists and objects inside each other, this one among them.
    pub fn depth(&self) -> usize {
        1 + self.values.iter().map(Item::depth).max().unwrap_or_default()
    }
}

impl Item {
    fn is_rounded(&self) -> bool {
        match &self.kind {
            Some(Kind::Number(number)) => !number.is_finite() || number.abs() >= EXACT,
            Some(Kind::Fields(inner)) => inner.fields.values().any(Self::is_rounded),
            Some(Kind::List(inner)) => inner.is_rounded(),
            _ => false,
        }
    }

    fn depth(&self) -> usize {
        match &self.kind {
            Some(Kind::Fields(inner)) => 1 + inner.fields.values().map(Self::depth).max().unwrap_or_default(),
            Some(Kind::List(inner)) => inner.depth(),
            _ => 0,
        }
    }
}

impl From<Vec<Value>> for ListValue {
    fn from(values: Vec<Value>) -> Self {
        Self {
            values: values.into_iter().map(Item::from).collect(),
        }
    }
}

impl From<Value> for Item {
    fn from(value: Value) -> Self {
        let kind = match value {
            Value::Null => Kind::Null(0),
            Value::Bool(it) => Kind::Bool(it),
            // Of a number that no double is, the nearest.
            Value::Number(it) => Kind::Number(it.as_f64().unwrap_or_default()),
            Value::String(it) => Kind::Text(it),
            Value::Array(it) => Kind::List(it.into()),
            Value::Object(it) => Kind::Fields(Fields {
                fields: it.into_iter().map(|(name, value)| (name, value.into())).collect(),
            }),
        };
        Self { kind: Some(kind) }
    }
}

/// `None`: JSON has no number for it.
fn list(list: &ListValue) -> Option<Value> {
    list.values.iter().map(value).collect::<Option<_>>().map(Value::Array)
}

fn value(item: &Item) -> Option<Value> {
    Some(match &item.kind {
        None | Some(Kind::Null(_)) => Value::Null,
        Some(Kind::Number(it)) => Value::Number(number(*it)?),
        Some(Kind::Text(it)) => it.as_str().into(),
        Some(Kind::Bool(it)) => (*it).into(),
        Some(Kind::List(it)) => list(it)?,
        Some(Kind::Fields(it)) => {
            let fields = it.fields.iter().map(|(name, item)| Some((name.clone(), value(item)?)));
            Value::Object(fields.collect::<Option<_>>()?)
        }
    })
}

fn number(number: f64) -> Option<Number> {
    match number.fract() == 0.0 && number.abs() < DIGITS {
        true => Some((number as i64).into()),
        false => Number::from_f64(number),
    }
}

impl Serialize for ListValue {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let written = list(self).ok_or_else(|| ser::Error::custom("a number of a list is not finite"))?;
        written.serialize(to)
    }
}

impl<'de> Deserialize<'de> for ListValue {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Vec::<Value>::deserialize(from).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    fn read(text: &str) -> ListValue {
        serde_json::from_str(text).expect("a list")
    }

    #[test]
    fn a_list_reads_back_as_it_was_written_its_fields_sorted() {
        let text = r#"[{"z":3,"a":[null,true,"x",1.5,-7,0],"m":{}},[],9007199254740991]"#;
        let sorted = r#"[{"a":[null,true,"x",1.5,-7,0],"m":{},"z":3},[],9007199254740991]"#;
        let list = read(text);
        assert_eq!(serde_json::to_string(&list).expect("JSON"), sorted);
        let again = ListValue::decode(&*list.encode_to_vec()).expect("decodes");
        assert_eq!((&again, again.is_rounded(), again.depth()), (&list, false, 3));
        let theirs = pbjson_types::ListValue::decode(&*list.encode_to_vec()).expect("the same on the wire");
        assert_eq!(ListValue::decode(&*theirs.encode_to_vec()).expect("decodes"), list);
    }

    #[test]
    fn a_number_that_is_no_double_is_the_nearest_one_and_that_is_told() {
        for (text, written) in [
            ("[12345678901234567]", "[12345678901234568]"),
            (
                r#"[{"a":[-18446744073709551615]}]"#,
                r#"[{"a":[-1.8446744073709552e+19]}]"#,
            ),
            ("[9007199254740993]", "[9007199254740992]"),
        ] {
            let list = read(text);
            assert!(list.is_rounded(), "{text}");
            assert_eq!(serde_json::to_string(&list).expect("JSON"), written);
        }
    }

    #[test]
    fn what_is_no_number_is_no_json() {
        let values = vec![Item {
            kind: Some(Kind::Number(f64::NAN)),
        }];
        let list = ListValue { values };
        assert!(list.is_rounded(), "refused where it comes in");
        assert!(serde_json::to_string(&list).is_err());
    }
}
