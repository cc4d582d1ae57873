//! Which calls has the internal listener? One table, its lines beside the handlers: the router is made from it, and so are
//! the OpenAPI document and the tests that hold both together.

use std::collections::BTreeSet;

use actix_web::{Resource, Route};
use serde_json::Value;

use super::{admin, internal::taking, v1};

/// One method at one path: where it answers, and what the document says of it.
///
/// Every call may also be refused with what every call is refused with: 400, 401, 403, 405, 429 and 503.
pub struct Call {
    pub method: &'static str,
    /// As in the document; `{name:.*}` takes the rest of the path.
    pub path: &'static str,
    /// One line.
    pub about: &'static str,
    /// What a reader of the document must know besides, in Markdown.
    pub more: &'static str,
    pub route: fn() -> Route,
    pub query: &'static [Query],
    pub takes: Takes,
    pub gives: &'static [(u16, Gives)],
    pub refuses: &'static [u16],
}

/// A query parameter.
#[derive(Clone, Copy)]
pub struct Query {
    pub name: &'static str,
    pub about: &'static str,
    pub kind: Kind,
    pub required: bool,
}

/// What a query parameter looks like.
#[derive(Clone, Copy)]
pub enum Kind {
    Text,
    /// `true` or `false`.
    Flag,
    /// A page size: the usual one.
    Limit(u32),
    /// Such as `5s`, at most 30 s.
    Wait,
    /// RFC 3339.
    Moment,
    OneOf(&'static [&'static str]),
    /// Text of this pattern.
    Pattern(&'static str),
}

/// What a request's body is.
#[derive(Clone, Copy)]
pub enum Takes {
    Nothing,
    Json(Shape),
    /// JSON, or nothing at all.
    MaybeJson(Shape),
    /// A file, raw or as a form.
    File,
    /// The accounts file, TOML or JSON.
    Accounts(Shape),
}

/// What an answer's body is.
#[derive(Clone, Copy)]
pub enum Gives {
    Nothing,
    Json(Shape),
    /// Bytes of whatever media type.
    Bytes,
}

/// What a JSON document looks like.
#[derive(Clone, Copy)]
pub enum Shape {
    /// A message of the schema, by its name without the package.
    Message(&'static str),
    /// One of ours, with its name in the document.
    Own(&'static str, fn() -> Value),
    /// One page of a list: `{"items":[…],"next":""}`.
    Page(&'static Shape),
}

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// `/v1`: scope core and operators; a viewer reads.
    Cores,
    /// Scope token, and operators.
    Tokens,
    /// `/admin/v1`: operators; a viewer reads.
    Operators,
}

impl Call {
    const fn new(method: &'static str, path: &'static str, about: &'static str, route: fn() -> Route) -> Self {
        Self {
            method,
            path,
            about,
            more: "",
            route,
            query: &[],
            takes: Takes::Nothing,
            gives: &[],
            refuses: &[],
        }
    }

    pub const fn get(path: &'static str, about: &'static str, route: fn() -> Route) -> Self {
        Self::new("GET", path, about, route)
    }

    pub const fn head(path: &'static str, about: &'static str, route: fn() -> Route) -> Self {
        Self::new("HEAD", path, about, route)
    }

    pub const fn post(path: &'static str, about: &'static str, route: fn() -> Route) -> Self {
        Self::new("POST", path, about, route)
    }

    pub const fn patch(path: &'static str, about: &'static str, route: fn() -> Route) -> Self {
        Self::new("PATCH", path, about, route)
    }

    pub const fn delete(path: &'static str, about: &'static str, route: fn() -> Route) -> Self {
        Self::new("DELETE", path, about, route)
    }

    pub const fn more(self, more: &'static str) -> Self {
        Self { more, ..self }
    }

    pub const fn query(self, query: &'static [Query]) -> Self {
        Self { query, ..self }
    }

    pub const fn takes(self, takes: Takes) -> Self {
        Self { takes, ..self }
    }

    pub const fn gives(self, gives: &'static [(u16, Gives)]) -> Self {
        Self { gives, ..self }
    }

    /// Refusals beyond those of every call.
    pub const fn refuses(self, refuses: &'static [u16]) -> Self {
        Self { refuses, ..self }
    }

    pub fn reach(&self) -> Reach {
        if self.path.starts_with("/admin/") {
            Reach::Operators
        } else if self.path.ends_with("/access-token") {
            Reach::Tokens
        } else {
            Reach::Cores
        }
    }
}

impl Query {
    pub const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self {
            name,
            about,
            kind,
            required: false,
        }
    }

    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// `limit` of a list.
    pub const fn limit(usual: u32) -> Self {
        Self::new("limit", Kind::Limit(usual), "How many items at most")
    }

    /// `after` of a list.
    pub const fn after() -> Self {
        Self::new("after", Kind::Text, "The `next` of the page before")
    }
}

/// Every call there is.
pub fn all() -> impl Iterator<Item = &'static Call> {
    v1::calls().chain(admin::calls())
}

/// What answers the calls of this reach, by path below `under`; other methods are told what is taken there.
pub fn resources(reach: Reach, under: &str) -> Vec<Resource> {
    let calls: Vec<&Call> = all().filter(|call| call.reach() == reach).collect();
    let mut known = BTreeSet::new();
    let paths = calls.iter().map(|call| call.path).filter(|path| known.insert(*path));
    let resource = |path: &str| {
        let here = || calls.iter().filter(move |call| call.path == path);
        let mut methods: Vec<&str> = here().map(|call| call.method).collect();
        methods.sort_unstable();
        let below = path.strip_prefix(under).unwrap_or(path);
        here().fold(taking(below, &methods.join(", ")), |resource, call| {
            resource.route((call.route)())
        })
    };
    paths.map(resource).collect()
}
