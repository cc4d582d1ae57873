//! How does the daemon speak to its log? JSON for machines, lines for people; never a body, an openid or a token.

use std::io::IsTerminal as _;

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::FilterFn, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::config::{LEVEL, Log, LogFormat, is_level};

/// Starts logging to standard error. `RUST_LOG` goes before the configured level. A second call changes nothing.
pub fn start(log: &Log) {
    let said = std::env::var(EnvFilter::DEFAULT_ENV).ok();
    let level = in_force(said.as_deref(), &log.level);
    let filter = EnvFilter::try_new(directives(level.unwrap_or(&log.level)));
    let filter = filter.unwrap_or_else(|_| EnvFilter::new(directives("info")));
    let terminal = std::io::stderr().is_terminal();
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Pretty => false,
        LogFormat::Auto => !terminal,
    };
    let lines = match json {
        true => fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(std::io::stderr)
            .boxed(),
        false => fmt::layer().with_ansi(terminal).with_writer(std::io::stderr).boxed(),
    };
    let lines = lines.with_filter(FilterFn::new(may_speak));
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
    if level.is_none() {
        tracing::warn!("RUST_LOG is not heeded, log.level holds; expected {LEVEL}");
    }
}

/// What `RUST_LOG` says, if it says anything, else what is configured; `None` where it says what no filter understands: that
/// would silence everything.
fn in_force<'a>(said: Option<&'a str>, configured: &'a str) -> Option<&'a str> {
    match said.filter(|said| !said.is_empty()) {
        Some(said) => is_level(said).then_some(said),
        None => Some(configured),
    }
}

/// Who writes an error for each request that is none: anybody on the public port can have as many as they like. Silent, unless
/// the operator names it or its library.
fn directives(level: &str) -> String {
    match level.contains("actix_http") {
        true => level.to_owned(),
        false => format!("{level},actix_http::h1::dispatcher=off"),
    }
}

/// Libraries write addresses with access tokens and raw bytes at `debug` and below: whatever the filter says, they
/// are not heard there.
fn may_speak(what: &Metadata<'_>) -> bool {
    speaks(what.target(), *what.level())
}

fn speaks(target: &str, level: Level) -> bool {
    // What a listener says while it starts and stops is said by us already.
    let most = match target.starts_with("actix_server") {
        true => Level::WARN,
        false => Level::INFO,
    };
    target == "wxbridge" || target.starts_with("wxbridge::") || level <= most
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Every source file below a folder.
    fn sources(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            match entry.path() {
                path if path.is_dir() => sources(&path, found),
                path => found.push(std::fs::read_to_string(path).unwrap_or_default()),
            }
        }
    }

    #[test]
    fn no_line_has_a_field_twice() {
        // Each of these stands in every JSON line already; a second one makes it unreadable to strict readers.
        const TAKEN: [&str; 4] = ["timestamp", "level", "message", "target"];
        let mut texts = Vec::new();
        sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut texts);
        let mut lines = 0;
        for text in &texts {
            for event in text.split("tracing::").skip(1).filter(|rest| {
                ["error!(", "warn!(", "info!(", "debug!(", "trace!("]
                    .iter()
                    .any(|call| rest.starts_with(call))
            }) {
                lines += 1;
                let fields = event.split(");").next().unwrap_or_default();
                for name in TAKEN {
                    let given = format!("{name} = ");
                    let again = fields.match_indices(&given).any(|(at, _)| {
                        let before = fields.get(..at).and_then(|text| text.chars().next_back());
                        matches!(before, Some('(' | ' '))
                    });
                    assert!(!again, "a field named {name}: {fields}");
                }
            }
        }
        assert!(lines > 20, "{lines} lines of log were looked at");
    }

    #[test]
    fn a_word_that_is_no_level_silences_nothing() {
        assert_eq!(in_force(Some("debug"), "info"), Some("debug"));
        assert_eq!(in_force(Some("warning"), "info"), None);
        for nothing in [None, Some("")] {
            assert_eq!(in_force(nothing, "warn"), Some("warn"));
        }
    }

    #[test]
    fn a_strangers_garbage_is_no_error_of_ours_unless_the_operator_asks() {
        let heard = |level: &str| {
            let filter = EnvFilter::try_new(directives(level)).expect("a filter");
            tracing::subscriber::with_default(tracing_subscriber::registry().with(filter), || {
                let garbage = tracing::enabled!(target: "actix_http::h1::dispatcher", Level::ERROR);
                let other = tracing::enabled!(target: "actix_http::service", Level::ERROR);
                (garbage, other)
            })
        };
        for level in ["info", "debug", "info,wxbridge::store=debug"] {
            assert_eq!(heard(level), (false, true), "{level}");
        }
        for level in ["info,actix_http=error", "info,actix_http::h1::dispatcher=error"] {
            assert_eq!(heard(level), (true, true), "{level}");
        }
    }

    #[test]
    fn libraries_are_not_heard_below_info() {
        assert!(speaks("wxbridge::web", Level::TRACE));
        assert!(speaks("hyper_util::client", Level::WARN));
        assert!(!speaks("reqwest::connect", Level::DEBUG));
        assert!(!speaks("wxbridgely", Level::DEBUG));
        assert!(!speaks("actix_server::builder", Level::INFO));
    }
}
