//! How does the table of calls look as OpenAPI 3.1?

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::{
    error::Code,
    schema::json_schema,
    web::{
        shapes,
        table::{self, Call, Gives, Kind, Query, Reach, Shape, Takes},
    },
};

const ABOUT: &str = "What a core and an operator may ask of the bridge, and what a core hears from it (under webhooks).\n\n\
    JSON is canonical proto3 JSON: lowerCamelCase names, 64-bit integers as strings, RFC 3339 times, unset fields left out. \
    Unknown fields and query parameters of a request are refused with 400; what is read from the bridge may grow fields. \
    Every refusal is RFC 9457 problem details: branch on `code`. Not every name of a Host header is answered: see \
    `[internal] hosts`.";

/// Refusals of every call: what was asked, who asks, what they may, how often, and the state of the house.
const ALWAYS: [u16; 5] = [400, 401, 403, 429, 503];

/// The whole document.
pub fn openapi() -> Value {
    let mut book = Book::default();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for call in table::all() {
        let path = call.path.replace(":.*}", "}");
        let operation = book.operation(call);
        paths
            .entry(path)
            .or_default()
            .insert(call.method.to_lowercase(), operation);
    }
    let deliver = book.deliver();
    book.own.insert("Problem", problem());
    let mut schemas = json_schema::components(&book.messages);
    schemas.extend(book.own.into_iter().map(|(name, shape)| (name.to_owned(), shape)));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "wxbridge",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "http://127.0.0.1:8081", "description": "[internal] listen" }],
        "security": [{ "token": [] }],
        "tags": [
            { "name": "core", "description": "For cores: scope `core` or `operator`; `viewer` reads" },
            { "name": "token", "description": "For other systems of the company: scope `token` or `operator`" },
            { "name": "admin", "description": "For operators: scope `operator`; `viewer` reads" },
        ],
        "paths": paths,
        "webhooks": { "event": { "post": deliver } },
        "components": {
            "schemas": schemas,
            "responses": responses(),
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "`wxbridge token create` makes one" },
            },
        },
    })
}

/// What the calls speak of: messages of the schema, and shapes of our own.
#[derive(Default)]
struct Book {
    messages: BTreeSet<String>,
    own: BTreeMap<&'static str, Value>,
}

impl Book {
    fn operation(&mut self, call: &Call) -> Value {
        let tag = match call.reach() {
            Reach::Cores => "core",
            Reach::Tokens => "token",
            Reach::Operators => "admin",
        };
        let mut parameters: Vec<Value> = names(call.path).map(in_path).collect();
        parameters.extend(call.query.iter().map(in_query));
        let mut operation = json!({
            "operationId": operation_id(call),
            "tags": [tag],
            "summary": call.about,
            "responses": self.answers(call),
        });
        if !call.more.is_empty() {
            operation["description"] = call.more.into();
        }
        if !parameters.is_empty() {
            operation["parameters"] = parameters.into();
        }
        if let Some(body) = self.body(call.takes) {
            operation["requestBody"] = body;
        }
        operation
    }

    fn answers(&mut self, call: &Call) -> Value {
        let mut answers = Map::new();
        for (status, gives) in call.gives {
            let mut answer = json!({ "description": reason(*status) });
            match gives {
                Gives::Nothing => {}
                Gives::Json(shape) => {
                    answer["content"] = json!({ "application/json": { "schema": self.shape(*shape) } });
                }
                Gives::Bytes => answer["content"] = json!({ "*/*": {} }),
            }
            answers.insert(status.to_string(), answer);
        }
        let body: &[u16] = match call.takes {
            Takes::Nothing => &[],
            _ => &[413, 415],
        };
        for status in ALWAYS.iter().chain(body).chain(call.refuses) {
            let response = json!({ "$ref": format!("#/components/responses/{status}") });
            answers.insert(status.to_string(), response);
        }
        answers.into()
    }

    fn body(&mut self, takes: Takes) -> Option<Value> {
        let json = |schema: Value| json!({ "application/json": { "schema": schema } });
        Some(match takes {
            Takes::Nothing => return None,
            Takes::Json(shape) => json!({ "required": true, "content": json(self.shape(shape)) }),
            Takes::MaybeJson(shape) => json!({ "required": false, "content": json(self.shape(shape)) }),
            Takes::File => json!({ "required": true, "content": {
                "application/octet-stream": {},
                "multipart/form-data": { "schema": {
                    "type": "object",
                    "properties": {
                        "account": { "type": "string" },
                        "file": { "type": "string", "contentMediaType": "application/octet-stream" },
                    },
                    "required": ["file"],
                } },
            } }),
            Takes::Accounts(shape) => json!({ "required": true, "content": {
                "application/toml": { "schema": { "type": "string" } },
                "application/json": { "schema": self.shape(shape) },
            } }),
        })
    }

    fn shape(&mut self, shape: Shape) -> Value {
        match shape {
            Shape::Message(name) => {
                self.messages.insert(name.to_owned());
                shapes::message(name)
            }
            Shape::Own(name, described) => {
                let described = described();
                self.note(&described);
                self.own.insert(name, described);
                shapes::message(name)
            }
            Shape::Page(items) => {
                let items = self.shape(*items);
                shapes::object([("items", shapes::list(items)), ("next", next())], [])
            }
        }
    }

    /// Messages of the schema inside a shape of our own.
    fn note(&mut self, described: &Value) {
        match described {
            Value::Object(fields) => {
                let name = fields
                    .get("$ref")
                    .and_then(Value::as_str)
                    .and_then(|it| it.rsplit('/').next());
                self.messages.extend(name.map(str::to_owned));
                fields.values().for_each(|value| self.note(value));
            }
            Value::Array(items) => items.iter().for_each(|value| self.note(value)),
            _ => {}
        }
    }

    /// The core's side: the push.
    fn deliver(&mut self) -> Value {
        self.messages.extend(["Event", "DeliverResponse"].map(str::to_owned));
        let header = |name: &str, about: &str| json!({ "name": name, "in": "header", "description": about, "schema": { "type": "string" } });
        json!({
            "operationId": "deliver",
            "summary": "The bridge hands over an event",
            "description": "CloudEvents 1.0 in structured mode, signed by Standard Webhooks. Any 2xx takes the event, with \
                or without a body; a body may reply. Keep (epoch, seq) per conversation and ignore what is not above it.",
            "security": [],
            "parameters": [
                header("webhook-id", "The event's id"),
                header("webhook-timestamp", "Unix seconds of this attempt"),
                header("webhook-signature", "v1,base64(HMAC-SHA256(key, id.timestamp.body)); several, separated by spaces"),
                header("wxbridge-attempt", "From 1"),
                header("wxbridge-reply-deadline", "Until when a reply may be passive, RFC 3339"),
                header("wxbridge-replay", "The replay that it belongs to"),
            ],
            "requestBody": {
                "required": true,
                "content": { "application/cloudevents+json": { "schema": cloud_event() } },
            },
            "responses": {
                "200": {
                    "description": "Taken",
                    "content": { "application/json": { "schema": shapes::message("DeliverResponse") } },
                },
                "204": { "description": "Taken" },
                "409": { "description": "Taken: it was known" },
                "401": { "description": "The signature is not right: the core counts as down, and nothing is lost" },
                "429": { "description": "Later: Retry-After is honoured" },
            },
        })
    }
}

fn cloud_event() -> Value {
    let kinds = ["message", "interaction", "signal", "delivery", "gap"].map(|kind| format!("wxbridge.{kind}.v1"));
    shapes::object(
        [
            ("specversion", json!({ "const": "1.0" })),
            ("id", shapes::told("The event's id")),
            ("type", json!({ "type": "string", "examples": kinds })),
            ("source", shapes::told("/accounts/{account id}/conversations/{key}")),
            ("subject", shapes::told("The conversation's key")),
            ("partitionkey", shapes::told("The conversation's key")),
            (
                "sequence",
                json!({ "type": "string", "pattern": "^[0-9]{10}\\.[0-9]{10}$" }),
            ),
            ("datacontenttype", json!({ "const": "application/json" })),
            ("data", shapes::message("Event")),
        ],
        [
            ("time", shapes::moment()),
            ("recordedtime", shapes::moment()),
            ("traceparent", shapes::text()),
        ],
    )
}

fn next() -> Value {
    shapes::told("`after` of the next page; empty at the end")
}

fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split(['}', ':']).next())
}

fn in_path(name: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } })
}

fn in_query(query: &Query) -> Value {
    let schema = match query.kind {
        Kind::Text => shapes::text(),
        Kind::Flag => shapes::flag(),
        Kind::Limit(usual) => json!({ "type": "integer", "minimum": 1, "default": usual }),
        Kind::Wait => json!({ "type": "string", "examples": ["5s"] }),
        Kind::Moment => json!({ "type": "string", "examples": ["2026-01-31T08:00:00Z"] }),
        Kind::OneOf(texts) => shapes::one_of(texts),
        Kind::Pattern(pattern) => json!({ "type": "string", "pattern": pattern }),
    };
    json!({ "name": query.name, "in": "query", "required": query.required, "description": query.about, "schema": schema })
}

/// `getAdminAccountsById`: told from the path, so that nobody has to think of names.
fn operation_id(call: &Call) -> String {
    let mut id = call.method.to_lowercase();
    let path = call.path.replace(":.*}", "}");
    for segment in path
        .split('/')
        .filter(|segment| !segment.is_empty() && *segment != "v1")
    {
        let words = match segment.strip_prefix('{') {
            Some(name) => format!("by-{}", name.trim_end_matches('}')),
            None => segment.to_owned(),
        };
        for word in words.split('-') {
            let mut letters = word.chars();
            id.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            id.push_str(letters.as_str());
        }
    }
    id
}

fn reason(status: u16) -> &'static str {
    match actix_web::http::StatusCode::from_u16(status) {
        Ok(status) => status.canonical_reason().unwrap_or("Answered"),
        Err(_) => "Answered",
    }
}

/// Every refusal that any call may give.
fn responses() -> Value {
    let mut statuses: BTreeSet<u16> = table::all().flat_map(|call| call.refuses.iter().copied()).collect();
    statuses.extend(ALWAYS);
    statuses.extend([413, 415]);
    let response = |status: u16| {
        let mut response = json!({
            "description": reason(status),
            "content": { "application/problem+json": { "schema": shapes::message("Problem") } },
        });
        if matches!(status, 429 | 503) {
            let about = "Seconds until it is worth coming back";
            response["headers"] =
                json!({ "Retry-After": { "description": about, "schema": { "type": "integer", "minimum": 0 } } });
        }
        (status.to_string(), response)
    };
    Value::Object(statuses.into_iter().map(response).collect())
}

fn problem() -> Value {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    shapes::object(
        [
            ("type", shapes::told("urn:wxbridge:error:CODE")),
            ("title", shapes::text()),
            ("status", json!({ "type": "integer" })),
            ("detail", shapes::told("What was wrong, for whoever reads it")),
            ("code", shapes::one_of(&codes)),
        ],
        [
            (
                "remedy",
                shapes::told("English, or Chinese where Accept-Language prefers it"),
            ),
            (
                "oldestAvailable",
                shapes::told("Where a core whose cursor is too old may go on"),
            ),
        ],
    )
}
