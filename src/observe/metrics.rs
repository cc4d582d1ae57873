//! Which numbers does Prometheus read? The contract's names; labels never name a customer.

use prometheus::{
    Encoder as _, GaugeVec, Histogram, HistogramOpts, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder, core::Collector,
};

const ANSWERING: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 4.5, 5.0,
];
const PULLING: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// A kind of metric, and what makes one: its labels, or where its buckets end.
trait Made: Collector + Clone + Sized + 'static {
    type Shape: ?Sized;
    fn made(named: Opts, shape: &Self::Shape) -> prometheus::Result<Self>;
}

macro_rules! labelled {
    ($($kind:ty),*) => {$(
        impl Made for $kind {
            type Shape = [&'static str];
            fn made(named: Opts, labels: &[&'static str]) -> prometheus::Result<Self> {
                Self::new(named, labels)
            }
        }
    )*};
}
labelled!(IntCounterVec, IntGaugeVec, GaugeVec);

impl Made for IntGauge {
    type Shape = ();
    fn made(named: Opts, (): &()) -> prometheus::Result<Self> {
        Self::with_opts(named)
    }
}

impl Made for Histogram {
    type Shape = [f64];
    fn made(named: Opts, buckets: &[f64]) -> prometheus::Result<Self> {
        Self::with_opts(HistogramOpts::from(named).buckets(buckets.to_vec()))
    }
}

#[expect(
    clippy::expect_used,
    reason = "names and labels are constants; a test builds them all"
)]
fn registered<M: Made>(registry: &Registry, named: Opts, shape: &M::Shape) -> M {
    let made = M::made(named, shape).expect("a lawful metric");
    registry.register(Box::new(made.clone())).expect("registered once");
    made
}

/// One row a metric: what the code calls it, its kind, its name, what it counts, its shape.
macro_rules! metrics {
    ($($field:ident: $kind:ty = $name:literal, $help:literal, $shape:expr;)*) => {
        /// The contract's metrics.
        pub struct Metrics {
            registry: Registry,
            $(pub $field: $kind,)*
        }

        impl Metrics {
            pub fn new() -> Self {
                let registry = Registry::new();
                $(let $field = registered::<$kind>(&registry, Opts::new(concat!("wxbridge_", $name), $help), $shape);)*
                Self { registry, $($field,)* }
            }

            #[cfg(test)]
            fn every(&self) -> Vec<&dyn Collector> {
                vec![$(&self.$field,)*]
            }
        }
    };
}

metrics! {
    callbacks: IntCounterVec = "callbacks_total", "Callbacks answered, by channel and kind of answer",
        &["channel", "answer"];
    callback_seconds: Histogram = "callback_seconds", "From a callback's head to its answer", ANSWERING;
    callbacks_refused: IntCounterVec = "callbacks_refused_total", "Callbacks refused, by account and code",
        &["account", "code"];
    quarantined: IntCounterVec = "quarantined_total", "Bodies kept because they could not be read",
        &["account", "reason"];

    backlog_events: IntGaugeVec = "backlog_events", "Events that wait for a core", &["core"];
    backlog_age_seconds: GaugeVec = "backlog_age_seconds", "Age of the oldest event that waits for a core", &["core"];
    deliveries: IntCounterVec = "deliveries_total", "Offers of events to cores, by result", &["core", "result"];

    sends: IntCounterVec = "sends_total", "Messages, by road and status reached", &["channel", "road", "status"];
    token_refreshes: IntCounterVec = "token_refreshes_total", "Access token refreshes, by result", &["result"];
    media_fetches: IntCounterVec = "media_fetches_total", "Files that customers sent, by what became of fetching them",
        &["channel", "result"];

    pulls: IntCounterVec = "pulls_total", "Pages that were asked for, by what became of them", &["channel", "result"];
    pull_items: IntCounterVec = "pull_items_total", "Items of committed pages, by what made us ask", &["channel", "by"];
    pull_seconds: Histogram = "pull_seconds", "From asking for a page to the end of its commit", PULLING;
    pulls_waiting: IntGauge = "pulls_waiting", "Turns to pull that wait for a free one", &();

    forwarded: IntCounterVec = "forwarded_total", "Records for other systems, by what became of them",
        &["forwarder", "type", "result"];
    forward_posts: IntCounterVec = "forward_posts_total", "Batches of records posted to other systems, by result",
        &["forwarder", "result"];
    handed_on: IntCounterVec = "passthrough_total",
        "Callbacks handed to the system that had the account before, by what came of it", &["mode", "result"];
}

impl Metrics {
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
        let metrics = Metrics::new();
        let made: BTreeMap<_, _> = metrics
            .every()
            .iter()
            .flat_map(|it| it.desc())
            .map(|desc| (desc.fq_name.clone(), desc.variable_labels.clone()))
            .collect();
        assert_eq!(made, written());
    }
}
