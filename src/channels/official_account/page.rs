//! What do the docs say of parts, degradations and figures? Written from the tables, so that they cannot drift.

use super::{
    degrade,
    limits::{FIGURES, MEDIA, PARTS, Shown},
};

/// The page `docs/official-account-parts.md`.
pub fn page() -> String {
    let mut out = String::from(
        "# Official account: what becomes of each part\n\n\
         Generated from the tables in the code; `UPDATE=1 cargo test` rewrites it.\n\n\
         Passive means: the account may not use the API, or the core asked for `PASSIVE_ONLY`. A passive answer is one message.\n\n\
         | part | by API | passively | notes |\n|---|---|---|---|\n",
    );
    for row in PARTS {
        let line = format!(
            "| `{}` | {} | {} | {} |\n",
            row.name,
            shown(row.api),
            shown(row.passive),
            row.note
        );
        out.push_str(&line);
    }
    out.push_str("\n## Degradations\n\nReported in `SendResult.degradations`. `REFUSE` refuses each of them, `LOSSLESS_ONLY` those that lose something.\n\n");
    out.push_str("| from | to | road | loses something | refused with | why |\n|---|---|---|---|---|---|\n");
    for row in degrade::TABLE {
        let to = if row.to.is_empty() {
            "–".to_owned()
        } else {
            format!("`{}`", row.to)
        };
        let loses = if row.loses { "yes" } else { "no" };
        let line = format!(
            "| `{}` | {to} | {} | {loses} | `{}` | {} |\n",
            row.from,
            row.road.name(),
            row.refused,
            row.reason
        );
        out.push_str(&line);
    }
    out.push_str("\n`ai_generated` is only reported, never refused. `speaker` is shown by the API where it is an agent account (`prefix@alias`).\n");
    out.push_str(
        "\nA medium whose kind or size the platform does not take (the tables below), or whose upload it refuses, goes as a signed link: \
         also under `LOSSLESS_ONLY`, because a tap brings it back. `REFUSE` fails it with the reason, `UNSUPPORTED_PART` or \
         `MEDIA_TOO_LARGE`. Without `[public] media_url` and `urls` there is no link: `MEDIA_TOO_LARGE`. A preview looks at stored \
         files as the send does, and at files behind a URL not at all.\n",
    );
    out.push_str(&figures());
    out
}

fn figures() -> String {
    let mut out = String::from("\n## Figures\n\n| trigger | messages | for | read | page |\n|---|---|---|---|---|\n");
    for figure in FIGURES {
        let window = humantime::format_duration(std::time::Duration::from_millis(figure.window.unsigned_abs()));
        out.push_str(&format!(
            "| `{}` | {} | {window} | {} | <{}> |\n",
            figure.trigger, figure.count, figure.read, figure.page
        ));
    }
    out.push_str("\nOverridden per account by `quotas`. A text has at most 2048 bytes (`limits.text_bytes`).\n\n| medium | bytes | formats |\n|---|---|---|\n");
    for media in MEDIA {
        let formats: Vec<_> = media.formats.iter().map(|(mime, _)| *mime).collect();
        out.push_str(&format!(
            "| `{}` | {} | {} |\n",
            media.kind,
            media.max_bytes,
            formats.join(", ")
        ));
    }
    out
}

fn shown(shown: Shown) -> String {
    match shown {
        Shown::Native => "native".into(),
        Shown::As(other) => format!("as `{other}`"),
        Shown::No => "refused".into(),
    }
}

/// Holds a generated page against the file; `UPDATE=1` rewrites the file.
#[cfg(test)]
pub(super) fn golden(name: &str, page: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, page).expect("the docs folder is writable");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/{name} is out of date: run the tests once with UPDATE=1"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_parts_is_current() {
        golden("official-account-parts.md", &page());
    }
}
