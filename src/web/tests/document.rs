//! Does the document say what the doors do? Every answer of every test here is held to it ([`hold`]), besides what is
//! asked on purpose.

use std::{collections::BTreeSet, sync::OnceLock};

use actix_web::{
    App,
    http::{Method, header},
    test::{TestRequest, init_service},
};
use serde_json::{Value, json};

use super::{Told, ask, get, told};
use crate::web::{
    document::{openapi, text},
    internal,
    table::{self, Call, Kind, Query, Takes},
    testing::House,
};

fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(openapi)
}

/// Whether a path is one of this template.
fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    let rest = template.last().is_some_and(|last| last.ends_with(":.*}"));
    let enough = template.len() == path.len() || rest && path.len() >= template.len();
    enough
        && template
            .iter()
            .zip(&path)
            .all(|(known, found)| known == found || known.starts_with('{') && !found.is_empty())
}

/// Panics where an answer is none that the document names, or its body looks otherwise.
pub fn hold(method: &Method, path: &str, told: &Told) {
    let call = table::all().find(|call| call.method == method.as_str() && fits(call.path, path));
    let Some(call) = call else {
        let known =
            table::all().any(|call| fits(call.path, path)) || path.starts_with("/docs") || path == "/openapi.json";
        assert!(
            known || [401, 403, 404, 429].contains(&told.status),
            "{path}: {}",
            told.status
        );
        return;
    };
    let place = format!("{method} {}: {}", call.path, told.status);
    let listed = &document()["paths"][call.path.replace(":.*}", "}")][method.as_str().to_lowercase()]["responses"];
    let mut answer = &listed[told.status.to_string()];
    assert!(!answer.is_null(), "{place} is not in the document");
    if let Some(reference) = answer["$ref"].as_str() {
        answer = document().pointer(&reference[1..]).unwrap_or(&Value::Null);
    }
    let content = answer["content"].as_object();
    let mime = told.header("content-type");
    match content {
        None => assert!(told.bytes.is_empty(), "{place} has a body"),
        Some(content) if content.contains_key("*/*") => {}
        Some(_) if method == Method::HEAD => {}
        Some(content) => {
            let shape = content.get(mime).map(|body| &body["schema"]);
            let shape = shape.unwrap_or_else(|| panic!("{place}: {mime:?}, not {content:?}"));
            if let Err(fault) = looks(shape, &told.json()) {
                panic!("{place}: {fault}");
            }
        }
    }
}

/// Whether `value` is of this shape; stricter than JSON Schema: a field that is not listed is a fault.
fn looks(shape: &Value, value: &Value) -> Result<(), String> {
    if let Some(reference) = shape["$ref"].as_str() {
        let target = document().pointer(&reference[1..]);
        return looks(target.ok_or_else(|| format!("{reference} leads nowhere"))?, value);
    }
    if let Some(shapes) = shape["anyOf"].as_array() {
        let faults: Vec<String> = shapes.iter().filter_map(|shape| looks(shape, value).err()).collect();
        return if faults.len() < shapes.len() {
            Ok(())
        } else {
            Err(faults.join(" or "))
        };
    }
    if let Some(texts) = shape["enum"].as_array() {
        return if texts.contains(value) {
            Ok(())
        } else {
            Err(format!("{value} is none of {texts:?}"))
        };
    }
    let right = match shape["type"].as_str() {
        Some("object") => return fields(shape, value),
        Some("array") => {
            let items = value.as_array().ok_or_else(|| format!("{value} is no list"))?;
            return items.iter().try_for_each(|item| looks(&shape["items"], item));
        }
        Some("string") if shape["format"] == "date-time" => value
            .as_str()
            .is_some_and(|text| chrono::DateTime::parse_from_rfc3339(text).is_ok()),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("null") => value.is_null(),
        _ => true,
    };
    if right {
        Ok(())
    } else {
        Err(format!("{value} is no {shape}"))
    }
}

fn fields(shape: &Value, value: &Value) -> Result<(), String> {
    let object = value.as_object().ok_or_else(|| format!("{value} is no object"))?;
    for name in shape["required"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap_or_default();
        object
            .get(name)
            .ok_or_else(|| format!("{name} is missing in {value}"))?;
    }
    for (name, field) in object {
        let known = match shape["properties"].get(name) {
            Some(known) => known,
            None if shape["additionalProperties"].is_object() => &shape["additionalProperties"],
            None if shape["properties"].is_null() => return Ok(()),
            None => return Err(format!("{name} is not in the document")),
        };
        looks(known, field).map_err(|fault| format!("{name}: {fault}"))?;
    }
    Ok(())
}

/// A path of this call, with something in each place.
fn example(call: &Call) -> String {
    call.path
        .split('/')
        .map(|segment| if segment.starts_with('{') { "1" } else { segment })
        .collect::<Vec<_>>()
        .join("/")
}

fn request(method: &str, uri: &str) -> TestRequest {
    TestRequest::default()
        .method(Method::from_bytes(method.as_bytes()).expect("a method"))
        .uri(uri)
}

fn value(query: &Query) -> &'static str {
    match query.kind {
        Kind::Text | Kind::Pattern(_) | Kind::Limit(_) => "1",
        Kind::Flag => "false",
        Kind::Wait => "1ms",
        Kind::Moment => "2099-01-31T08:00:00Z",
        Kind::OneOf(texts) => texts[0],
    }
}

#[actix_web::test]
async fn every_listed_call_answers_and_no_other_method_does() {
    let house = House::new().await;
    for call in table::all() {
        let here = || table::all().filter(|other| fits(other.path, &example(call)));
        let answer = ask(&house, &house.operator, request(call.method, &example(call))).await;
        let detail = answer.json()["detail"].to_string();
        assert!(!detail.contains("there is nothing at"), "{} {}", call.method, call.path);
        assert_ne!(answer.status, 405, "{} {}", call.method, call.path);
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
            if here().any(|other| other.method == method) {
                continue;
            }
            let answer = ask(&house, &house.operator, request(method, &example(call))).await;
            assert_eq!(answer.status, 405, "{method} {}", call.path);
            let mut allowed: Vec<&str> = here().filter(|it| it.path == call.path).map(|it| it.method).collect();
            allowed.sort_unstable();
            assert_eq!(answer.header("allow"), allowed.join(", "), "{method} {}", call.path);
        }
        let beyond = ask(
            &house,
            &house.operator,
            request(call.method, &format!("{}/beyond", example(call))),
        )
        .await;
        let listed = table::all().any(|other| fits(other.path, &format!("{}/beyond", example(call))));
        assert!(
            listed || beyond.status == 404,
            "{}/beyond: {}",
            call.path,
            beyond.status
        );
    }
}

/// The table is the only place where doors are made: nothing answers that is not listed.
#[test]
fn no_door_is_made_beside_the_table() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web");
    for folder in ["v1", "admin"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let text = std::fs::read_to_string(&path).expect("text");
            for door in ["web::resource(", "web::scope(", ".service(", "ServiceConfig"] {
                assert!(!text.contains(door), "{} has {door}", path.display());
            }
        }
    }
}

#[actix_web::test]
async fn exactly_the_listed_query_parameters_are_known() {
    let house = House::new().await;
    let names: BTreeSet<&str> = table::all()
        .flat_map(|call| call.query.iter().map(|query| query.name))
        .collect();
    for call in table::all() {
        let unknown = async |query: &str| {
            let uri = format!("{}?{query}", example(call));
            let answer = ask(&house, &house.operator, request(call.method, &uri)).await;
            answer.json()["detail"].to_string().contains("unknown query parameter")
        };
        let needed = call.query.iter().filter(|query| query.required);
        let needed: String = needed
            .map(|query| format!("{}={}&", query.name, value(query)))
            .collect();
        for query in call.query.iter().filter(|query| !query.required) {
            let asked = format!("{needed}{}={}", query.name, value(query));
            assert!(
                !unknown(&asked).await,
                "{} {} knows {}",
                call.method,
                call.path,
                query.name
            );
        }
        // HEAD has no body to tell it in.
        for name in names.iter().filter(|_| call.method != "HEAD") {
            if call.query.iter().all(|query| query.name != *name) {
                let asked = format!("{needed}{name}=1");
                assert!(unknown(&asked).await, "{} {} knows no {name}", call.method, call.path);
            }
        }
    }
}

#[actix_web::test]
async fn a_body_is_read_where_one_is_listed() {
    let house = House::new().await;
    let posts = table::all().filter(|call| call.method == "POST" && !matches!(call.takes, Takes::Accounts(_)));
    for call in posts {
        let sent = request("POST", &example(call)).insert_header((header::CONTENT_TYPE, "application/json"));
        let answer = ask(&house, &house.operator, sent.set_payload("{\"coreCheck\":1}")).await;
        let detail = answer.json()["detail"].to_string();
        let read = detail.contains("coreCheck") || detail.contains("missing field");
        let listed = matches!(call.takes, Takes::Json(_) | Takes::MaybeJson(_));
        // An account that does not exist is told first.
        assert!(
            read == listed || answer.status == 404,
            "{}: {}",
            call.path,
            answer.json()
        );
    }
}

#[actix_web::test]
async fn the_documents_are_served_without_a_token_and_load_nothing_from_elsewhere() {
    let house = House::new().await;
    for (path, mime) in [
        ("/openapi.json", "application/json"),
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/style.css", "text/css; charset=utf-8"),
    ] {
        let answer = ask(&house, "", get(path)).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, mime), "{path}");
        assert!(
            answer
                .header("content-security-policy")
                .starts_with("default-src 'none'; style-src 'self'")
        );
        let text = String::from_utf8_lossy(&answer.bytes).to_lowercase();
        for inline in [
            "<script",
            "style=\"",
            "<style",
            "onclick",
            "src=\"http",
            "href=\"http",
            "@import",
            "url(",
        ] {
            assert!(mime.contains("json") || !text.contains(inline), "{path} has {inline}");
        }
        assert_eq!(ask(&house, "", request("HEAD", path)).await.status, 200, "{path}");
        assert_eq!(
            ask(&house, "", request("POST", path)).await.header("allow"),
            "GET, HEAD",
            "{path}"
        );
    }
    let page = ask(&house, "", get("/docs")).await;
    let page = String::from_utf8_lossy(&page.bytes).into_owned();
    for call in table::all() {
        assert!(
            page.contains(&call.path.replace(":.*}", "}")),
            "{} is on the page",
            call.path
        );
    }
    let app = init_service(App::new().configure(internal(house.state.clone()))).await;
    let strange = get("/openapi.json").insert_header((header::HOST, "evil.example"));
    assert_eq!(told(&app, strange.to_request()).await.status, 403);
}

#[test]
fn the_document_is_whole() {
    let document = document();
    let said = text();
    for reference in said.split("\"$ref\": \"#").skip(1) {
        let place = reference.split('"').next().unwrap_or_default();
        assert!(document.pointer(place).is_some(), "{place} leads nowhere");
    }
    let mut ids = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            assert!(ids.insert(operation["operationId"].to_string()), "{method} {path}");
            let answers = operation["responses"].as_object().expect("answers");
            assert!(answers.keys().any(|status| status.starts_with('2')), "{method} {path}");
        }
    }
    let answers = json!(document["components"]["schemas"]["SendResult"]["properties"]["status"]["enum"]);
    assert!(
        answers
            .as_array()
            .is_some_and(|names| names.contains(&json!("HANDED_OVER")))
    );
}

#[test]
fn the_committed_files_are_what_the_code_says() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let event = format!("{:#}\n", crate::schema::json_schema::event());
    for (name, text) in [("openapi.json", text()), ("event.schema.json", &event)] {
        let path = root.join(name);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, text).expect("written");
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == *text,
            "docs/{name} is old: UPDATE=1 cargo test --lib web::tests::document makes it anew"
        );
    }
}

#[test]
fn the_usual_page_of_events_is_the_one_that_is_published() {
    let document: Value = serde_json::from_str(text()).expect("JSON");
    let parameters = document["paths"]["/v1/events"]["get"]["parameters"].as_array();
    let limit = parameters.and_then(|all| all.iter().find(|one| one["name"] == "limit"));
    let usual = limit.expect("a limit")["schema"]["default"].as_u64();
    assert_eq!(usual, Some(u64::from(crate::feed::PAGE)));
    assert_eq!(usual, Some(100), "as docs/core-pull.md says");
}
