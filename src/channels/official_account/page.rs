//! What do the docs say of parts, degradations and figures?

use super::{
    degrade,
    limits::{FIGURES, MEDIA, PARTS},
};
use crate::channels::common::page::Parts;

/// The page `docs/official-account-parts.md`.
pub static PAGE: Parts = Parts {
    title: "Official account",
    before: "Passive means: the account may not use the API, or the core asked for `PASSIVE_ONLY`. A passive answer is one message.\n\n",
    passive: true,
    parts: PARTS,
    degradations: degrade::TABLE,
    after: "
`ai_generated` is only reported, never refused. `speaker` is shown by the API where it is an agent account (`prefix@alias`).
",
    figures: FIGURES,
    media: MEDIA,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::{common::page::golden, official_account::events};

    #[test]
    fn the_page_of_parts_is_current() {
        golden("official-account-parts.md", &PAGE.page());
    }

    #[test]
    fn the_page_of_events_is_current() {
        golden("official-account-events.md", &events::table());
    }
}
