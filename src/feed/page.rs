//! What does a core get when it asks? Stored events, each with this offer of it: as a message, or as JSON that is written from
//! the stored bytes.

use serde::Serialize;

use crate::{
    ports::{core::shown, store::StoreError},
    schema::{
        Written,
        json::{self, JsonError},
        v1::{FetchEventsResponse, Offer},
    },
};

/// Room for an ordinary event in JSON.
const USUAL: usize = 1_536;

/// A [`FetchEventsResponse`] whose events are as they are stored.
#[derive(Clone, Debug)]
pub struct Page {
    pub events: Vec<(Written, Offer)>,
    pub raw_inline: bool,
    pub next: String,
    pub more: bool,
    pub oldest_available: String,
}

/// What stands behind the events.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rest<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    next: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    more: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    oldest_available: &'a str,
}

impl Page {
    /// All of it read.
    pub fn message(self) -> Result<FetchEventsResponse, StoreError> {
        let raw_inline = self.raw_inline;
        let read = self.events.into_iter().map(|(written, offer)| {
            let event = written.event().map_err(|error| StoreError::Broken(error.to_string()))?;
            Ok(shown(event.clone(), offer, raw_inline))
        });
        Ok(FetchEventsResponse {
            events: read.collect::<Result<_, StoreError>>()?,
            next: self.next,
            more: self.more,
            oldest_available: self.oldest_available,
        })
    }

    /// The canonical JSON of that message.
    pub fn json(&self) -> Result<Vec<u8>, JsonError> {
        let rest = json::to_vec(&Rest {
            next: &self.next,
            more: self.more,
            oldest_available: &self.oldest_available,
        })?;
        if self.events.is_empty() {
            return Ok(rest);
        }
        let mut out = Vec::with_capacity(self.events.len() * USUAL + rest.len() + 16);
        out.extend_from_slice(b"{\"events\":[");
        for (index, (written, offer)) in self.events.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            written.write_shown(&mut out, offer, self.raw_inline)?;
        }
        out.push(b']');
        match &rest[1..] {
            b"}" => out.push(b'}'),
            members => {
                out.push(b',');
                out.extend_from_slice(members);
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::v1;

    #[test]
    fn the_json_of_a_page_is_that_of_the_message() {
        let event = |id: &str| {
            let event = v1::Event {
                id: id.to_owned(),
                raw: Some(v1::Raw::default()),
                ..Default::default()
            };
            let offer = Offer {
                attempt: 2,
                ..Default::default()
            };
            (Written::from(event), offer)
        };
        for events in [vec![], vec![event("a")], vec![event("a"), event("b")]] {
            for (next, more, oldest) in [("", false, ""), ("n", false, ""), ("n", true, "o"), ("", true, "")] {
                for raw_inline in [false, true] {
                    let page = Page {
                        events: events.clone(),
                        raw_inline,
                        next: next.to_owned(),
                        more,
                        oldest_available: oldest.to_owned(),
                    };
                    let found = page.json().expect("JSON");
                    let wanted = json::to_vec(&page.message().expect("read")).expect("JSON");
                    assert_eq!(String::from_utf8(found), String::from_utf8(wanted));
                }
            }
        }
    }
}
