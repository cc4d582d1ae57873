//! How does the daemon speak to its log? JSON for machines, lines for people; never a body, an openid or a token.

use std::io::IsTerminal as _;

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::FilterFn, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Pretty,
}

impl Format {
    /// `WXBRIDGE_LOG_FORMAT`, else lines on a terminal and JSON elsewhere.
    pub fn from_env() -> Self {
        match std::env::var("WXBRIDGE_LOG_FORMAT").as_deref() {
            Ok("json") => Self::Json,
            Ok("pretty") => Self::Pretty,
            _ if std::io::stderr().is_terminal() => Self::Pretty,
            _ => Self::Json,
        }
    }
}

/// Starts logging to standard error. The filter is `RUST_LOG`'s, `info` without it. A second call changes nothing.
pub fn start(format: Format) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = match format {
        Format::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(std::io::stderr)
            .boxed(),
        Format::Pretty => {
            let colours = std::io::stderr().is_terminal();
            fmt::layer().with_ansi(colours).with_writer(std::io::stderr).boxed()
        }
    };
    let lines = lines.with_filter(FilterFn::new(may_speak));
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}

/// Libraries write addresses with access tokens and raw bytes at `debug` and below: whatever the filter says, they
/// are not heard there.
fn may_speak(what: &Metadata<'_>) -> bool {
    speaks(what.target(), *what.level())
}

fn speaks(target: &str, level: Level) -> bool {
    target == "wxbridge" || target.starts_with("wxbridge::") || level <= Level::INFO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_not_heard_below_info() {
        assert!(speaks("wxbridge::web", Level::TRACE));
        assert!(speaks("hyper_util::client", Level::WARN));
        assert!(!speaks("reqwest::connect", Level::DEBUG));
        assert!(!speaks("wxbridgely", Level::DEBUG));
    }
}
