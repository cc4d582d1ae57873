//! Which JSON says everything once? A name that stands twice in an object is two answers to one question: the usual reader
//! takes the last without a word.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value, map::Entry};

/// A value in which no object has a name twice.
#[derive(Debug)]
pub struct Distinct(pub Value);

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Distinct(item)) = list.next_element()? {
            items.push(item);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            match fields.entry(name) {
                Entry::Vacant(free) => free.insert(object.next_value::<Distinct>()?.0),
                Entry::Occupied(taken) => {
                    return Err(de::Error::custom(format_args!(
                        "the name {:?} stands twice",
                        taken.key()
                    )));
                }
            };
        }
        Ok(fields.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Value, String> {
        let read = serde_json::from_str::<Distinct>(text);
        read.map(|read| read.0).map_err(|error| error.to_string())
    }

    #[test]
    fn what_stands_once_reads_as_ever() {
        for text in [
            r#"{"a":[1,-2,0.5,1e300,18446744073709551615],"b":{"a":null,"c":true},"":"\u00e9\n","d":[{"a":1},{"a":2}]}"#,
            "[]",
            "null",
            "\"x\"",
        ] {
            let usual: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(read(text), Ok(usual), "{text}");
        }
        assert!(read("{\"a\":1").is_err() && read("{} {}").is_err());
    }

    #[test]
    fn a_name_twice_is_told_wherever_it_stands() {
        for text in [
            r#"{"token":"a","token":"b"}"#,
            r#"{"x":[{"token":1,"y":2,"to\u006ben":null}]}"#,
        ] {
            let why = read(text).expect_err(text);
            assert!(why.starts_with("the name \"token\" stands twice at line 1"), "{why}");
        }
    }
}
