//! Do the operators' documents say where to click, and name every finding? The tables of places are written from the registry.

use std::{collections::BTreeSet, fs, path::PathBuf};

use super::Lang;
use crate::channels::{
    REGISTRY,
    contract::{Place, Places},
};

const BEGIN: &str = "<!-- places: written by a test from the registry -->\n";
const END: &str = "<!-- /places -->";

const DOCUMENTS: [(&str, Lang); 2] = [("docs/operating.md", Lang::En), ("docs/operating.zh-CN.md", Lang::Zh)];

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn words(place: Place, lang: Lang) -> &'static str {
    match lang {
        Lang::En => place.0,
        Lang::Zh => place.1,
    }
}

/// One of a channel's places.
type Named = fn(&Places) -> Place;

fn table(lang: Lang) -> String {
    let what: [(Place, Named); 6] = [
        (("URL, Token, EncodingAESKey", "URL、Token、EncodingAESKey"), |it| {
            it.callback
        }),
        (("ids and secrets", "账号 ID 与密钥"), |it| it.credentials),
        (("list of outgoing addresses", "IP 白名单"), |it| it.allow_list),
        (("permissions", "接口权限"), |it| it.permissions),
        (("who else was given the account", "授权给了谁"), |it| it.grants),
        (("the platform's own agents", "平台自带客服"), |it| it.agents),
    ];
    let nowhere = Places::default().grants;
    let mut text = String::new();
    for channel in REGISTRY {
        let (card, places) = (channel.card(), channel.places());
        let title = words((card.title_en, card.title_zh), lang);
        text += &format!("| {title} | |\n|---|---|\n");
        for (name, place) in what.iter().map(|(name, of)| (name, of(&places))) {
            if place != nowhere {
                text += &format!("| {} | {} |\n", words(*name, lang), words(place, lang));
            }
        }
        text += "\n";
    }
    text.trim_end().to_owned() + "\n"
}

#[test]
fn the_places_in_the_documents_are_those_that_findings_name() {
    for (name, lang) in DOCUMENTS {
        let text = fs::read_to_string(file(name)).expect(name);
        let (before, rest) = text.split_once(BEGIN).expect("the first mark");
        let (_, after) = rest.split_once(END).expect("the second mark");
        let right = format!("{before}{BEGIN}{}{END}{after}", table(lang));
        if std::env::var_os("UPDATE").is_some() {
            fs::write(file(name), &right).expect("written");
        } else {
            assert_eq!(text, right, "{name}: UPDATE=1 cargo test --lib doctor::document_tests");
        }
    }
}

/// What stands as the id of a finding in the code.
fn findings() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(file("src/doctor")).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.to_string_lossy().contains("tests") {
            continue;
        }
        let text = fs::read_to_string(path).expect("text");
        let parts = text.split("Draft::new(").skip(1);
        found.extend(parts.filter_map(|rest| Some(rest.trim_start().strip_prefix('"')?.split_once('"')?.0.to_owned())));
        let natures = text.split("=> (").skip(1).filter_map(|rest| {
            let (name, rest) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
            let level = rest.strip_prefix(',')?.trim_start();
            level.starts_with("Level::").then(|| name.to_owned())
        });
        found.extend(natures);
    }
    found
}

#[test]
fn the_documents_name_every_finding_and_no_other() {
    let findings = findings();
    assert!(findings.len() > 20, "{findings:?}");
    for (name, _) in DOCUMENTS {
        let text = fs::read_to_string(file(name)).expect(name);
        let last = text.rsplit("\n## ").next().expect("a section");
        let rows = last.lines().filter_map(|line| line.strip_prefix("| `"));
        let named: BTreeSet<String> = rows
            .flat_map(|row| row.split('|').next().unwrap_or_default().split('`'))
            .map(str::to_owned)
            .filter(|word| word.starts_with(|first: char| first.is_ascii_lowercase()))
            .collect();
        assert_eq!(named, findings, "{name}");
    }
}
