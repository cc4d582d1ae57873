//! Which numbers does Prometheus read? The contract's names; labels never name a customer.

use prometheus::{
    Encoder as _, GaugeVec, Histogram, HistogramOpts, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

/// The contract's metrics.
pub struct Metrics {
    registry: Registry,
    pub callbacks: IntCounterVec,
    pub callback_seconds: Histogram,
    pub callbacks_refused: IntCounterVec,
    pub quarantined: IntCounterVec,
    pub backlog_events: IntGaugeVec,
    pub backlog_age_seconds: GaugeVec,
    pub deliveries: IntCounterVec,
    pub sends: IntCounterVec,
    pub token_refreshes: IntCounterVec,
    pub media_fetches: IntCounterVec,
    pub pulls: IntCounterVec,
    pub pull_items: IntCounterVec,
    pub pull_seconds: Histogram,
    pub pulls_waiting: IntGauge,
    pub forwarded: IntCounterVec,
    pub forward_posts: IntCounterVec,
}

impl Metrics {
    #[expect(clippy::expect_used, reason = "names and labels are constants; a test builds this")]
    pub fn new() -> Self {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let made = IntCounterVec::new(Opts::new(name, help), labels).expect("a lawful metric");
            registry.register(Box::new(made.clone())).expect("registered once");
            made
        };
        let callbacks = counter(
            "wxbridge_callbacks_total",
            "Callbacks answered, by channel and kind of answer",
            &["channel", "answer"],
        );
        let callbacks_refused = counter(
            "wxbridge_callbacks_refused_total",
            "Callbacks refused, by account and code",
            &["account", "code"],
        );
        let quarantined = counter(
            "wxbridge_quarantined_total",
            "Bodies kept because they could not be read",
            &["account", "reason"],
        );
        let deliveries = counter(
            "wxbridge_deliveries_total",
            "Offers of events to cores, by result",
            &["core", "result"],
        );
        let sends = counter(
            "wxbridge_sends_total",
            "Messages, by road and status reached",
            &["channel", "road", "status"],
        );
        let token_refreshes = counter(
            "wxbridge_token_refreshes_total",
            "Access token refreshes, by result",
            &["result"],
        );
        let media_fetches = counter(
            "wxbridge_media_fetches_total",
            "Files that customers sent, by what became of fetching them",
            &["channel", "result"],
        );
        let forwarded = counter(
            "wxbridge_forwarded_total",
            "Records for other systems, by what became of them",
            &["forwarder", "type", "result"],
        );
        let forward_posts = counter(
            "wxbridge_forward_posts_total",
            "Batches of records posted to other systems, by result",
            &["forwarder", "result"],
        );
        let pulls = counter(
            "wxbridge_pulls_total",
            "Pages that were asked for, by what became of them",
            &["channel", "result"],
        );
        let pull_items = counter(
            "wxbridge_pull_items_total",
            "Items of committed pages, by what made us ask",
            &["channel", "by"],
        );
        let histogram = |name: &str, help: &str, buckets: &[f64]| {
            let made = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()));
            let made = made.expect("a lawful metric");
            registry.register(Box::new(made.clone())).expect("registered once");
            made
        };
        let callback_seconds = histogram(
            "wxbridge_callback_seconds",
            "From a callback's first byte to its answer",
            &[
                0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 4.5, 5.0,
            ],
        );
        let pull_seconds = histogram(
            "wxbridge_pull_seconds",
            "From asking for a page to the end of its commit",
            &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0],
        );
        let pulls_waiting =
            IntGauge::new("wxbridge_pulls_waiting", "Turns to pull that wait for a free one").expect("a lawful metric");
        registry
            .register(Box::new(pulls_waiting.clone()))
            .expect("registered once");
        let backlog_events = IntGaugeVec::new(
            Opts::new("wxbridge_backlog_events", "Events that wait for a core"),
            &["core"],
        )
        .expect("a lawful metric");
        registry
            .register(Box::new(backlog_events.clone()))
            .expect("registered once");
        let backlog_age_seconds = GaugeVec::new(
            Opts::new(
                "wxbridge_backlog_age_seconds",
                "Age of the oldest event that waits for a core",
            ),
            &["core"],
        )
        .expect("a lawful metric");
        registry
            .register(Box::new(backlog_age_seconds.clone()))
            .expect("registered once");
        Self {
            registry,
            callbacks,
            callback_seconds,
            callbacks_refused,
            quarantined,
            backlog_events,
            backlog_age_seconds,
            deliveries,
            sends,
            token_refreshes,
            media_fetches,
            pulls,
            pull_items,
            pull_seconds,
            pulls_waiting,
            forwarded,
            forward_posts,
        }
    }

    /// The text format that Prometheus reads.
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        // Writing to memory cannot fail.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        String::from_utf8(text).unwrap_or_default()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The names and labels in the tables of the document.
    fn written() -> BTreeMap<String, Vec<String>> {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
        let text = std::fs::read_to_string(file).expect("docs/metrics.md");
        let rows = text.lines().filter_map(|line| line.strip_prefix("| `wxbridge_"));
        rows.map(|row| {
            let mut cells = row.split('|');
            let name = cells.next().unwrap_or_default().trim().trim_matches('`');
            let labels = cells
                .nth(1)
                .unwrap_or_default()
                .split(',')
                .map(|it| it.trim().trim_matches('`').to_owned());
            (format!("wxbridge_{name}"), labels.filter(|it| !it.is_empty()).collect())
        })
        .collect()
    }

    #[test]
    fn the_document_names_every_metric_with_its_labels_and_no_other() {
        // Every field by name: a new metric does not compile before it is looked at here.
        let Metrics {
            registry: _,
            callbacks,
            callback_seconds,
            callbacks_refused,
            quarantined,
            backlog_events,
            backlog_age_seconds,
            deliveries,
            sends,
            token_refreshes,
            media_fetches,
            pulls,
            pull_items,
            pull_seconds,
            pulls_waiting,
            forwarded,
            forward_posts,
        } = Metrics::new();
        let shown = |it: &dyn prometheus::core::Collector| -> Vec<(String, Vec<String>)> {
            it.desc()
                .iter()
                .map(|desc| (desc.fq_name.clone(), desc.variable_labels.clone()))
                .collect()
        };
        let made: BTreeMap<_, _> = [
            shown(&callbacks),
            shown(&callback_seconds),
            shown(&callbacks_refused),
            shown(&quarantined),
            shown(&backlog_events),
            shown(&backlog_age_seconds),
            shown(&deliveries),
            shown(&sends),
            shown(&token_refreshes),
            shown(&media_fetches),
            shown(&pulls),
            shown(&pull_items),
            shown(&pull_seconds),
            shown(&pulls_waiting),
            shown(&forwarded),
            shown(&forward_posts),
        ]
        .into_iter()
        .flatten()
        .collect();
        assert_eq!(made, written());
    }
}
