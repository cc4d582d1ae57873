//! What do the docs say of parts, degradations, figures and codes? Written from the tables, so that they cannot drift.

use super::{
    degrade::{self, Road, Row},
    limits::{Figure, PartRow, Shown},
};
use crate::channels::contract::MediaLimit;

/// What becomes of each part on a channel.
pub struct Parts {
    /// `Official account`.
    pub title: &'static str,
    /// What a reader must know before the table.
    pub before: &'static str,
    /// Whether an answer inside the request can carry content.
    pub passive: bool,
    pub parts: &'static [PartRow],
    pub degradations: &'static [&'static Row],
    /// What is told behind the degradations.
    pub after: &'static str,
    pub figures: &'static [Figure],
    pub media: &'static [MediaLimit],
}

impl Parts {
    /// The page.
    pub fn page(&self) -> String {
        let mut out = format!(
            "# {}: what becomes of each part\n\nGenerated from the tables in the code; `UPDATE=1 cargo test` rewrites it.\n\n{}",
            self.title, self.before
        );
        out.push_str("| part | by API | passively | notes |\n|---|---|---|---|\n");
        for row in self.parts {
            let (api, passive) = (shown(row.api), shown(row.passive));
            out.push_str(&format!("| `{}` | {api} | {passive} | {} |\n", row.name, row.note));
        }
        self.losses(&mut out);
        out.push_str(self.after);
        out.push_str(MEDIA_AS_LINKS);
        self.figures(&mut out);
        out
    }

    fn losses(&self, out: &mut String) {
        out.push_str("\n## Degradations\n\nReported in `SendResult.degradations`. `REFUSE` refuses each of them, `LOSSLESS_ONLY` those that lose something. Where a file could not be had or put on the platform, the reason ends with why, in brackets.\n\n");
        out.push_str("| from | to | road | loses something | refused with | why |\n|---|---|---|---|---|---|\n");
        let rows = self.degradations.iter().chain(degrade::TABLE);
        for row in rows.filter(|row| self.passive || row.road != Road::Passive) {
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
    }

    fn figures(&self, out: &mut String) {
        out.push_str("\n## Figures\n");
        if !self.figures.is_empty() {
            self.windows(out);
        }
        out.push_str(
            "\nA text has at most 2048 bytes (`limits.text_bytes`).\n\n| medium | bytes | formats |\n|---|---|---|\n",
        );
        for media in self.media {
            let formats: Vec<_> = media.formats.iter().map(|(mime, _)| *mime).collect();
            let formats = if formats.is_empty() {
                "every".to_owned()
            } else {
                formats.join(", ")
            };
            out.push_str(&format!("| `{}` | {} | {formats} |\n", media.kind, media.max_bytes));
        }
    }

    fn windows(&self, out: &mut String) {
        out.push_str("\n| trigger | messages | for | read | page |\n|---|---|---|---|---|\n");
        for figure in self.figures {
            let window = humantime::format_duration(std::time::Duration::from_millis(figure.window.unsigned_abs()));
            out.push_str(&format!(
                "| `{}` | {} | {window} | {} | <{}> |\n",
                figure.trigger, figure.count, figure.read, figure.page
            ));
        }
        out.push_str("\nOverridden per account by `quotas`.\n");
    }
}

fn shown(shown: Shown) -> String {
    match shown {
        Shown::Native => "native".into(),
        Shown::As(other) => format!("as `{other}`"),
        Shown::No => "refused".into(),
    }
}

/// What every page says of media that the platform does not take.
const MEDIA_AS_LINKS: &str = "
A medium whose kind or size the platform does not take (the tables below), or whose upload it refuses, goes as a signed link: \
also under `LOSSLESS_ONLY`, because a tap brings it back. `REFUSE` fails it with the reason, `UNSUPPORTED_PART` or \
`MEDIA_TOO_LARGE`. Without `[public] media_url` and `urls` there is no link: `MEDIA_TOO_LARGE`. A preview looks at stored \
files as the send does, and at files behind a URL not at all.
";

/// Holds a generated page against the file; `UPDATE=1` rewrites the file.
#[cfg(test)]
pub(in crate::channels) fn golden(name: &str, page: &str) {
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
