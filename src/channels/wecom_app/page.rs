//! What do the docs say of parts, degradations and figures?

use super::{
    degrade,
    limits::{MEDIA, PARTS},
};
use crate::channels::common::page::Parts;

/// The page `docs/wecom-app-parts.md`.
pub static PAGE: Parts = Parts {
    title: "WeCom application",
    before: "Passive means: the core asked for `PASSIVE_ONLY`, or the application may not send. A passive answer is one message.\n\n",
    passive: true,
    parts: PARTS,
    degradations: degrade::TABLE,
    after: "
`ai_generated` is only reported, never refused: applications have no AI mark. `speaker` is not shown.

WeCom sets neither window nor count, but drops what goes over 30 messages a minute or 1000 an hour to one member without a
word; the bridge waits before it gets there.
",
    figures: &[],
    media: MEDIA,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::{common::page::golden, wecom_app::events};

    #[test]
    fn the_pages_of_parts_and_events_are_current() {
        golden("wecom-app-parts.md", &PAGE.page());
        golden("wecom-app-events.md", &events::table());
    }
}
