//! What does the query of a request ask for? Each parameter is read once; one that nobody reads is refused, because a
//! misspelt `?preview` would send.

use std::time::Duration;

use super::{Answer, Problem};

const MAX_WAIT: Duration = Duration::from_secs(30);

/// The query, being read.
pub struct Params(Vec<(String, String)>);

impl Params {
    pub fn of(request: &actix_web::HttpRequest) -> Self {
        let pairs = url::form_urlencoded::parse(request.query_string().as_bytes());
        Self(pairs.into_owned().collect())
    }

    /// The parameter's value, empty ones included.
    pub fn text(&mut self, name: &str) -> Answer<Option<String>> {
        let mut found = None;
        let mut again = false;
        self.0.retain_mut(|(key, value)| {
            if key != name {
                return true;
            }
            again |= found.replace(std::mem::take(value)).is_some();
            false
        });
        if again {
            return Err(Problem::invalid(format!("{name} is given twice")));
        }
        Ok(found)
    }

    pub fn filled(&mut self, name: &str) -> Answer<Option<String>> {
        Ok(self.text(name)?.filter(|text| !text.is_empty()))
    }

    pub fn flag(&mut self, name: &str) -> Answer<bool> {
        match self.text(name)?.as_deref() {
            None | Some("false" | "0") => Ok(false),
            Some("" | "true" | "1") => Ok(true),
            Some(other) => Err(Problem::invalid(format!("{name} is {other:?}, expected true or false"))),
        }
    }

    /// A page size, at most `most`.
    pub fn limit(&mut self, usual: usize, most: usize) -> Answer<usize> {
        let Some(text) = self.text("limit")? else {
            return Ok(usual);
        };
        match text.parse::<usize>() {
            Ok(limit) if limit > 0 => Ok(limit.min(most)),
            _ => Err(Problem::invalid(format!("limit is {text:?}, expected a number from 1"))),
        }
    }

    /// How long to wait, such as `5s`; at most 30 s.
    pub fn wait(&mut self) -> Answer<Option<Duration>> {
        let Some(text) = self.filled("wait")? else {
            return Ok(None);
        };
        match humantime::parse_duration(&text) {
            Ok(wait) => Ok(Some(wait.min(MAX_WAIT))),
            Err(_) => Err(Problem::invalid(format!(
                "wait is {text:?}, expected a duration such as 5s"
            ))),
        }
    }

    /// A moment in RFC 3339, in milliseconds.
    pub fn moment(&mut self, name: &str) -> Answer<Option<i64>> {
        let Some(text) = self.filled(name)? else {
            return Ok(None);
        };
        moment(name, &text).map(Some)
    }

    /// Every parameter was read.
    pub fn done(self) -> Answer<()> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(Problem::invalid(format!("unknown query parameter {name}"))),
        }
    }
}

/// Reads an RFC 3339 time.
pub fn moment(name: &str, text: &str) -> Answer<i64> {
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|at| at.timestamp_millis())
        .map_err(|_| {
            Problem::invalid(format!(
                "{name} is {text:?}, expected an RFC 3339 time such as 2026-01-31T08:00:00Z"
            ))
        })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn params(query: &str) -> Params {
        Params::of(&TestRequest::with_uri(&format!("/x?{query}")).to_http_request())
    }

    #[test]
    fn what_nobody_read_and_what_comes_twice_is_refused() {
        let mut query = params("preview=true&previw=true");
        assert!(query.flag("preview").expect("a flag"));
        assert!(query.done().is_err());
        assert!(params("a=1&a=2").text("a").is_err());
    }

    #[test]
    fn waits_are_durations_and_have_an_end() {
        assert_eq!(params("wait=5s").wait().expect("a wait"), Some(Duration::from_secs(5)));
        assert_eq!(params("wait=5h").wait().expect("a wait"), Some(MAX_WAIT));
        assert!(params("wait=soon").wait().is_err());
        for limit in ["limit=0", "limit="] {
            assert!(params(limit).limit(10, 100).is_err(), "{limit}");
        }
    }
}
