//! Which bodies mean no good? Each is a file of `fixtures/hostile`, each with its line in the table there.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::{
    House,
    support::{
        now,
        peer::{Push, Sealing, element, msg_id, seal},
    },
};

struct Case {
    file: String,
    status: u16,
    becomes: String,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/hostile")
}

fn cases() -> Vec<Case> {
    let table = fs::read_to_string(folder().join("README.md")).unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let cases = rows.map(|row| {
        let cells: Vec<&str> = row.split(" | ").collect();
        Case {
            file: cells[0].trim_end_matches('`').to_owned(),
            status: cells[1].parse().unwrap(),
            becomes: cells[2].to_owned(),
        }
    });
    cases.collect()
}

/// The file with its gaps filled, sealed where it is to be sealed.
fn push(house: &House, case: &Case) -> Push {
    let (shop, clear) = (&house.shop, &house.clear);
    let bytes = fs::read(folder().join(&case.file)).unwrap();
    let receiver = if case.file.starts_with("plain") {
        &clear.original_id
    } else {
        &shop.original_id
    };
    let fill = |bytes: &[u8], gap: &str, with: &str| {
        // Byte by byte: not every file is text.
        let mut filled = Vec::new();
        let mut rest = bytes;
        while let Some(at) = rest.windows(gap.len()).position(|found| found == gap.as_bytes()) {
            filled.extend_from_slice(&rest[..at]);
            filled.extend_from_slice(with.as_bytes());
            rest = &rest[at + gap.len()..];
        }
        filled.extend_from_slice(rest);
        filled
    };
    let bytes = fill(&bytes, "{{RECEIVER}}", receiver);
    let bytes = fill(&bytes, "{{NUMBER}}", &msg_id().to_string());
    let bytes = fill(&bytes, "{{NOW}}", &now().to_string());
    let with = Sealing::of(shop);
    if case.file.starts_with("inner") {
        let encrypt = seal(&shop.key, &shop.app_id, &bytes);
        let body = format!("<xml><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>").into_bytes();
        return Push {
            query: with.query(&encrypt),
            body,
        };
    }
    if case.file.starts_with("plain") {
        return Push {
            body: bytes,
            ..clear.plain("", now())
        };
    }
    let good = shop.text("oHostile", msg_id(), "a good message");
    let body = fill(&bytes, "{{SEALED}}", &seal(&shop.key, &shop.app_id, good.as_bytes()));
    Push {
        query: with.query(&sealed_in(&body)),
        body,
    }
}

/// The sealed text of an outer body, as far as there is one.
fn sealed_in(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let json: Value = serde_json::from_str(&text).unwrap_or_default();
    element(&text, "Encrypt")
        .or_else(|| json["Encrypt"].as_str().map(str::to_owned))
        .unwrap_or_default()
}

#[test]
fn every_fixture_has_its_line_and_every_line_its_fixture() {
    let mut files: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    let mut lines: Vec<String> = cases().into_iter().map(|case| case.file).collect();
    files.sort();
    lines.sort();
    assert_eq!(files, lines);
}

#[tokio::test]
async fn every_hostile_body_gets_its_status_and_is_refused_kept_or_told() {
    let house = House::open().await;
    let mut wrong = Vec::new();
    for case in cases() {
        let shop = if case.file.starts_with("plain") {
            &house.clear
        } else {
            &house.shop
        };
        let (what, rest) = case.becomes.split_once(' ').unwrap();
        let before = match what {
            "refused" => house.refused(&shop.id, rest).await,
            "quarantined" => house.quarantined(&shop.id, rest).await,
            _ => house.core.heard().len() as f64,
        };
        let answer = house.bridge.pushed(shop, &push(&house, &case)).await;
        let body = if case.status == 200 { "success" } else { "" };
        if answer != (case.status, body.to_owned()) {
            wrong.push(format!("{}: answered {answer:?}, not {}", case.file, case.status));
        }
        let after = match what {
            "refused" => house.refused(&shop.id, rest).await,
            "quarantined" => house.quarantined(&shop.id, rest).await,
            _ => {
                let heard = house.core.hears(before as usize + 1).await;
                let told = told(&heard[before as usize].event);
                let wanted: String = serde_json::from_str(&format!("\"{}\"", rest.replace('"', "\\\""))).unwrap();
                if told != wanted {
                    wrong.push(format!("{}: the core hears {told:?}, not {wanted:?}", case.file));
                }
                before + 1.0
            }
        };
        if after != before + 1.0 {
            wrong.push(format!("{}: not counted as {}", case.file, case.becomes));
        }
        house.still_serves().await;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let kept = house.bridge.get("/admin/v1/quarantine?limit=200").await;
    let kept = kept["items"].as_array().unwrap();
    let wanted = cases()
        .iter()
        .filter(|case| case.becomes.starts_with("quarantined"))
        .count();
    assert_eq!(kept.len(), wanted);
    for one in kept {
        assert!(one["query"].as_str().unwrap().contains("nonce="), "{one}");
        assert!(one["account"] != "shop" || one["keyIds"] != "", "{one}");
    }
}

/// The text of a message, or what else it is.
fn told(event: &Value) -> String {
    let part = &event["message"]["parts"][0];
    if let Some(text) = part["text"]["body"].as_str() {
        text.to_owned()
    } else if part["unsupported"].is_object() {
        assert!(event["raw"]["body"].is_string(), "{event}");
        "unsupported".to_owned()
    } else {
        event["signal"]["type"].as_str().unwrap_or_default().to_owned()
    }
}
