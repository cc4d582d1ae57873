//! What do the docs say of parts, degradations and figures?

use super::{
    degrade,
    limits::{FIGURES, MEDIA, PARTS},
};
use crate::channels::common::page::Parts;

/// The page `docs/mini-program-parts.md`.
pub static PAGE: Parts = Parts {
    title: "Mini-program",
    before: "A mini-program shows no content in the answer to a request, so everything goes by the API at once; only `transfer` rides.\n\n",
    passive: false,
    parts: PARTS,
    degradations: degrade::TABLE,
    after: "\n`ai_generated` goes along with every message. `speaker` cannot be shown.\n",
    figures: FIGURES,
    media: MEDIA,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::{common::page::golden, mini_program::events};

    #[test]
    fn the_page_of_parts_is_current() {
        golden("mini-program-parts.md", &PAGE.page());
    }

    #[test]
    fn the_page_of_events_is_current() {
        golden("mini-program-events.md", &events::table());
    }
}
