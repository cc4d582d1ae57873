//! What do the docs say of this channel? Written from the tables, so that they cannot drift.

use super::{degrade, limits};
use crate::channels::common::page::Parts;

/// What becomes of each part.
pub static PAGE: Parts = Parts {
    title: "WeChat customer service (微信客服)",
    before: "Nothing goes passively: a callback is only a bell. A code that came with an event (`welcome_code`, `msg_code`) lets one text or \
             menu pass in answer to that event, whatever the allowances say.\n\n",
    passive: false,
    parts: limits::PARTS,
    degradations: degrade::TABLE,
    after: "\n`ai_generated` and `speaker` cannot be shown by this platform.\n",
    figures: limits::FIGURES,
    media: limits::MEDIA,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::{common::page::golden, wechat_kf::kinds};

    #[test]
    fn the_page_of_parts_is_current() {
        golden("wechat-kf-parts.md", &PAGE.page());
    }

    #[test]
    fn the_page_of_items_is_current() {
        golden("wechat-kf-events.md", &kinds::page());
    }
}
