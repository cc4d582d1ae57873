//! How does the document look to a reader? One page without a script: what is asked and answered at each path.

use serde_json::{Map, Value};

/// The page's looks; a file of its own, so that nothing inline need be allowed.
pub const STYLE: &str = "\
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 62rem; padding: 1rem 1.5rem 4rem; }
h2 { border-bottom: 1px solid var(--line); margin-top: 2.5rem; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; }
code, pre, .path { font-family: ui-monospace, monospace; font-size: .92em; }
.method { display: inline-block; font-weight: 600; min-width: 4.2rem; }
table { border-collapse: collapse; margin: .4rem 0 .8rem; width: 100%; }
td { border-top: 1px solid var(--line); padding: .25rem .8rem .25rem 0; vertical-align: top; }
td:first-child { white-space: nowrap; width: 1%; }
h4 { margin: .8rem 0 .2rem; }
nav a { margin-right: 1rem; }
.type { background: var(--soft); border-radius: 4px; padding: 0 .3rem; }
";

/// The whole page.
pub fn page(document: &Value) -> String {
    let mut html = String::from(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>wxbridge API</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" href=\"/docs/style.css\"></head><body>\n",
    );
    let info = &document["info"];
    html.push_str(&format!(
        "<h1>{} {}</h1>\n",
        text(&info["title"]),
        text(&info["version"])
    ));
    for paragraph in info["description"].as_str().unwrap_or_default().split("\n\n") {
        html.push_str(&format!("<p>{}</p>\n", prose(paragraph)));
    }
    html.push_str(
        "<nav><a href=\"#core\">core</a><a href=\"#token\">token</a><a href=\"#admin\">admin</a>\
         <a href=\"#hears\">what a core hears</a><a href=\"#schemas\">schemas</a><a href=\"/openapi.json\">openapi.json</a></nav>\n",
    );
    for tag in list(&document["tags"]) {
        let name = text(&tag["name"]);
        let about = prose(tag["description"].as_str().unwrap_or_default());
        html.push_str(&format!("<h2 id=\"{name}\">{name}</h2>\n<p>{about}</p>\n"));
        for (path, method, operation) in operations(document, &tag["name"]) {
            html.push_str(&call(path, method, operation, document));
        }
    }
    html.push_str("<h2 id=\"hears\">What a core hears</h2>\n");
    let event = &document["webhooks"]["event"]["post"];
    html.push_str(&call("the core's own address", "post", event, document));
    html.push_str("<h2 id=\"schemas\">Schemas</h2>\n");
    for (name, shape) in fields(&document["components"]["schemas"]) {
        html.push_str(&schema(name, shape));
    }
    html.push_str("</body></html>\n");
    html
}

fn operations<'a>(document: &'a Value, tag: &'a Value) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> {
    let all = fields(&document["paths"])
        .flat_map(|(path, methods)| fields(methods).map(move |(method, operation)| (path, method, operation)));
    all.filter(move |(_, _, operation)| operation["tags"][0] == *tag)
}

fn call(path: &str, method: &str, operation: &Value, document: &Value) -> String {
    let mut html = format!(
        "<details><summary><span class=\"method\">{}</span> <span class=\"path\">{}</span> {}</summary>\n",
        escape(&method.to_uppercase()),
        escape(path),
        text(&operation["summary"]),
    );
    if let Some(about) = operation["description"].as_str() {
        html.push_str(&format!("<p>{}</p>\n", prose(about)));
    }
    let parameters = list(&operation["parameters"]).iter().map(|one| {
        let required = if one["required"] == true { ", required" } else { "" };
        let about = format!(
            "{} <span class=\"type\">{}</span> {}{required}",
            text(&one["description"]),
            kind(&one["schema"]),
            text(&one["in"])
        );
        (text(&one["name"]), about)
    });
    html.push_str(&table("Parameters", parameters.collect()));
    let bodies = fields(&operation["requestBody"]["content"]).map(|(mime, body)| (escape(mime), kind(&body["schema"])));
    html.push_str(&table("Body", bodies.collect()));
    let answers = fields(&operation["responses"]).map(|(status, answer)| {
        let answer = match answer["$ref"].as_str().and_then(|place| place.strip_prefix('#')) {
            Some(place) => document.pointer(place).unwrap_or(&Value::Null),
            None => answer,
        };
        let mut about = text(&answer["description"]);
        for (mime, body) in fields(&answer["content"]) {
            about.push_str(&format!(": {} {}", escape(mime), kind(&body["schema"])));
        }
        (escape(status), about)
    });
    html.push_str(&table("Answers", answers.collect()));
    html.push_str("</details>\n");
    html
}

fn schema(name: &str, shape: &Value) -> String {
    let mut html = format!(
        "<details id=\"schema-{0}\"><summary><code>{0}</code></summary>\n",
        escape(name)
    );
    if let Some(about) = shape["description"].as_str() {
        html.push_str(&format!("<p>{}</p>\n", prose(about)));
    }
    let rows = fields(&shape["properties"]).map(|(name, field)| {
        let about = format!(
            "<span class=\"type\">{}</span> {}",
            kind(field),
            text(&field["description"])
        );
        (escape(name), about)
    });
    html.push_str(&table("", rows.collect()));
    for (_, names) in fields(&shape["x-at-most-one-of"]) {
        let names: Vec<String> = list(names).iter().map(text).collect();
        html.push_str(&format!("<p>At most one of: {}.</p>\n", names.join(", ")));
    }
    html.push_str("</details>\n");
    html
}

/// A schema in a few words, with links to those that have a name.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|it| it.rsplit('/').next()) {
        return format!("<a href=\"#schema-{0}\">{0}</a>", escape(name));
    }
    if let Some(names) = schema["enum"].as_array() {
        return names.iter().map(text).collect::<Vec<_>>().join(" | ");
    }
    if let Some(shapes) = schema["anyOf"].as_array() {
        return shapes.iter().map(kind).collect::<Vec<_>>().join(" | ");
    }
    let plain = text(&schema["type"]);
    match plain.as_str() {
        "array" => format!("list of {}", kind(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => {
            format!("map to {}", kind(&schema["additionalProperties"]))
        }
        "object" => {
            let inside =
                fields(&schema["properties"]).map(|(name, field)| format!("{}: {}", escape(name), kind(field)));
            match inside.collect::<Vec<_>>() {
                inside if inside.is_empty() => "object".to_owned(),
                inside => format!("{{ {} }}", inside.join(", ")),
            }
        }
        "" => "any".to_owned(),
        _ => match schema["format"].as_str() {
            Some(format) => format!("{plain} ({})", escape(format)),
            None => plain,
        },
    }
}

fn table(title: &str, rows: Vec<(String, String)>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let head = match title {
        "" => String::new(),
        title => format!("<h4>{title}</h4>\n"),
    };
    let rows: String = rows
        .into_iter()
        .map(|(name, about)| format!("<tr><td><code>{name}</code></td><td>{about}</td></tr>\n"))
        .collect();
    format!("{head}<table>{rows}</table>\n")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn fields(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value
        .as_object()
        .into_iter()
        .flat_map(Map::iter)
        .map(|(name, field)| (name.as_str(), field))
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

/// A sentence, with what stands between backquotes as code.
fn prose(said: &str) -> String {
    let pieces = said.split('`').enumerate();
    pieces
        .map(|(at, piece)| match at % 2 {
            1 => format!("<code>{}</code>", escape(piece)),
            _ => escape(piece),
        })
        .collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
