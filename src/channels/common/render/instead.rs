//! What else can be said where the platform refused a card?

use crate::{
    channels::contract::{Say, What},
    schema::v1,
    text,
};

/// The same with its cards' web links in place of their mini-programs; `None` where no card has both.
pub fn by_web_link(say: &Say) -> Option<Say> {
    let mut other = say.clone();
    let What::Parts { parts, .. } = &mut other.what else {
        return None;
    };
    let mut changed = false;
    for part in parts {
        if let Some(v1::part::Content::Card(card)) = &mut part.content
            && text::is_web(card.web_url.trim())
        {
            changed |= card.mini_program.take().is_some();
        }
    }
    changed.then_some(other)
}
