//! What does a core get when it asks? Stored events, each with this offer of it: as a message, or as JSON that is written from
//! the stored bytes.

use serde::Serialize;

use crate::{
    ports::core::shown,
    schema::{
        Written, json,
        v1::{FetchEventsResponse, Offer},
    },
};

/// Room for an ordinary event in JSON.
const USUAL: usize = 1_536;

/// Why there is no page.
#[derive(Debug)]
pub enum Unwritten {
    /// These of its events have no such form, and why; the others have.
    Events(Vec<(usize, String)>),
    Page(String),
}

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
    pub fn message(&self) -> Result<FetchEventsResponse, Unwritten> {
        let mut events = Vec::with_capacity(self.events.len());
        self.each(|written, offer| {
            let event = written.event().map_err(|error| error.to_string())?;
            events.push(shown(event.clone(), offer.clone(), self.raw_inline));
            Ok(())
        })?;
        Ok(FetchEventsResponse {
            events,
            next: self.next.clone(),
            more: self.more,
            oldest_available: self.oldest_available.clone(),
        })
    }

    /// All that cannot be written is found at once: whoever sets it aside reads the page once more, and not once for each.
    fn each(&self, mut write: impl FnMut(&Written, &Offer) -> Result<(), String>) -> Result<(), Unwritten> {
        let mut faults = Vec::new();
        for (index, (written, offer)) in self.events.iter().enumerate() {
            if let Err(why) = write(written, offer) {
                faults.push((index, why));
            }
        }
        match faults.is_empty() {
            true => Ok(()),
            false => Err(Unwritten::Events(faults)),
        }
    }

    /// The canonical JSON of that message.
    pub fn json(&self) -> Result<Vec<u8>, Unwritten> {
        let rest = Rest {
            next: &self.next,
            more: self.more,
            oldest_available: &self.oldest_available,
        };
        let rest = json::to_vec(&rest).map_err(|error| Unwritten::Page(error.to_string()))?;
        if self.events.is_empty() {
            return Ok(rest);
        }
        let mut out = Vec::with_capacity(self.events.len() * USUAL + rest.len() + 16);
        out.extend_from_slice(b"{\"events\":[");
        self.each(|written, offer| {
            if !out.ends_with(b"[") {
                out.push(b',');
            }
            let written = written.write_shown(&mut out, offer, self.raw_inline);
            written.map_err(|error| error.to_string())
        })?;
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
