//! Does the house still look as its map says? The map of `src/lib.rs`, and which way the arrows point.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Production code: files of tests, and what tests have at the end of a file, are left out.
fn sources(under: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join(under)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path
                .file_stem()
                .and_then(|name| name.to_str())
                .unwrap_or_default()
                .to_owned();
            if name.contains("test") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = fs::read_to_string(&path).expect("text");
                let code = production(&text).to_owned();
                found.push((path.strip_prefix(root).expect("inside").to_owned(), code));
            }
        }
    }
    assert!(!found.is_empty(), "{under} holds code");
    found
}

/// Up to the first item with a body that only tests have.
fn production(text: &str) -> &str {
    const MARK: &str = "#[cfg(test)]\n";
    let body = text.match_indices(MARK).find(|(at, _)| {
        let item = text[at + MARK.len()..].lines().next();
        item.is_some_and(|item| item.ends_with('{'))
    });
    body.map_or(text, |(at, _)| &text[..at])
}

/// Lines that are no comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn the_map_names_files_that_exist_and_every_room() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let map = fs::read_to_string(root.join("src/lib.rs")).expect("the map");
    let files: BTreeSet<&str> = map.split('`').filter(|word| word.starts_with("src/")).collect();
    assert!(files.len() > 40, "the map lists its questions");
    for file in files {
        assert!(root.join(file).is_file(), "{file} is on the map and not there");
    }
    for room in map.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
        let room = room.trim_end_matches(';');
        let (file, folder) = (
            root.join(format!("src/{room}.rs")),
            root.join(format!("src/{room}/mod.rs")),
        );
        let first = fs::read_to_string(if file.exists() { file } else { folder }).expect("a room");
        assert!(first.starts_with("//! "), "{room} says what it answers");
    }
}

#[test]
fn a_channel_is_asked_and_never_asks() {
    const ALLOWED: &[&str] = &[
        "channels",
        "conversation",
        "entry",
        "envelope",
        "error",
        "ports",
        "schema",
        "secret",
        "settings",
        "text",
    ];
    for (path, text) in sources("src/channels") {
        for line in code(&text) {
            for forbidden in [
                ".await",
                "async fn",
                "std::fs",
                "TcpStream",
                "UdpSocket",
                "tokio::",
                "reqwest",
                "SystemTime",
                "Instant::now",
            ] {
                assert!(!line.contains(forbidden), "{}: {line}", path.display());
            }
        }
        for room in rooms_used(&text) {
            assert!(ALLOWED.contains(&room.as_str()), "{} uses {room}", path.display());
        }
    }
}

#[test]
fn only_the_registry_knows_which_channels_there_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/channels");
    let channels: Vec<String> = fs::read_dir(root)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir() && path.join("mod.rs").is_file())
        .filter_map(|path| Some(format!("channels::{}", path.file_name()?.to_str()?)))
        .filter(|name| name != "channels::common")
        .collect();
    // What names one all the same: the contract's rule for keys, the contract's list for `match` (one has no code yet), a
    // made-up account, and a part that is called as a channel is.
    let pardoned = [
        "src/conversation/key.rs",
        "src/config/cores.rs",
        "src/core_check/made_up.rs",
        "src/observe/timeline/item.rs",
    ];
    assert!(channels.len() > 1, "{channels:?}");
    for (path, text) in sources("src") {
        if path.starts_with("src/channels") || path.starts_with("src/sim") || path.starts_with("src/demo") {
            continue;
        }
        let pardoned = pardoned.iter().any(|file| path == Path::new(file));
        for line in code(&text) {
            for channel in &channels {
                let named = channel.trim_start_matches("channels::");
                let said = !pardoned && line.contains(&format!("\"{named}\""));
                assert!(!said && !line.contains(channel.as_str()), "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn pipelines_see_ports_and_not_what_implements_them() {
    for folder in [
        "src/component",
        "src/inbound",
        "src/delivery",
        "src/feed",
        "src/outbound",
        "src/pull",
        "src/forward",
        "src/tokens",
        "src/conversation",
        "src/ports",
        "src/schema",
    ] {
        for (path, text) in sources(folder) {
            for room in rooms_used(&text) {
                let adapter =
                    ["app", "cli", "web", "store", "egress", "config", "sim", "demo"].contains(&room.as_str());
                assert!(!adapter, "{} uses {room}", path.display());
            }
        }
    }
}

/// The top-level modules behind `crate::`, also inside braces.
fn rooms_used(text: &str) -> BTreeSet<String> {
    let code: String = code(text).collect::<Vec<_>>().join("\n");
    let mut rooms = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            Some(group) => rooms.extend(first_names(group)),
            None => rooms.extend(name(after)),
        }
    }
    rooms
}

/// `a::{b, c}, d::e}` names `a` and `d`.
fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut at_start, mut names) = (0, true, Vec::new());
    for (index, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_start = true,
            letter if at_start && !letter.is_whitespace() => {
                names.extend(name(&group[index..]));
                at_start = false;
            }
            _ => {}
        }
    }
    names
}

fn name(text: &str) -> Option<String> {
    let name: String = text
        .chars()
        .take_while(|letter| letter.is_ascii_lowercase() || *letter == '_')
        .collect();
    (!name.is_empty()).then_some(name)
}
