//! Which trace does this callback belong to? W3C Trace Context, level 1: the caller's, or a fresh one; the span is ours.

use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

use crate::ports::chance::{Chance, hex};

/// Trace id and parent id.
type Ids = [u8; 24];
/// Ids drawn at a time: the system is asked once for all of them.
const DRAWN: usize = 64;

/// Where traces begin.
#[derive(Default)]
pub struct Traces(Mutex<Vec<Ids>>);

impl Traces {
    /// A span of our own: in the caller's trace, where `header` names one, else in a new one that is not sampled.
    pub fn parent(&self, header: Option<&str>, chance: &dyn Chance) -> String {
        let own = write(self.draw(chance));
        match header.and_then(|text| lawful(text.trim())) {
            // Of later versions we know no more than this one has.
            Some((trace, flags)) => ["00-", trace, &own[SPAN], flags].concat(),
            None => own,
        }
    }

    fn draw(&self, chance: &dyn Chance) -> Ids {
        let mut drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn.is_empty() {
            let mut bytes = [0; size_of::<Ids>() * DRAWN];
            chance.fill(&mut bytes);
            drawn.extend(bytes.as_chunks().0);
        }
        drawn.pop().unwrap_or_default()
    }
}

fn write(mut ids: Ids) -> String {
    // An id of nothing but zeros is no id.
    ids[0] |= 1;
    ids[16] |= 1;
    let text = hex(&ids);
    let (trace, span) = text.split_at(32);
    ["00-", trace, "-", span, "-00"].concat()
}

/// Where the parent id stands, and the dashes around it.
const SPAN: Range<usize> = 35..53;

/// The trace id and the flags of `{version}-{trace id}-{parent id}-{flags}`; later versions may add to it, `ff` is none.
fn lawful(text: &str) -> Option<(&str, &str)> {
    let mut parts = text.split('-');
    let mut hex_of = |length: usize| {
        let part = parts.next().filter(|part| part.len() == length)?;
        let lower = part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        lower.then_some(part)
    };
    let (version, trace, span, flags) = (hex_of(2)?, hex_of(32)?, hex_of(16)?, hex_of(2)?);
    let nothing = |id: &str| id.bytes().all(|byte| byte == b'0');
    let more = parts.next().is_some();
    let known = match version {
        "00" => !more,
        "ff" => false,
        _ => true,
    };
    (known && !nothing(trace) && !nothing(span)).then_some((trace, flags))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::chance::SystemChance;

    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_callers_trace_is_kept_and_anything_else_is_replaced_by_a_fresh_one() {
        let chance = SystemChance::default();
        let traces = Traces::default();
        let parent = |header| traces.parent(header, &chance);
        let later = GIVEN.replace("00-0af", "01-0af") + "-more";
        let spans: std::collections::HashSet<String> = [GIVEN, GIVEN, &later]
            .map(|given| {
                let ours = parent(Some(given));
                assert_eq!(lawful(&ours), lawful(GIVEN), "{ours}");
                assert_eq!(ours.len(), GIVEN.len());
                ours[SPAN].to_owned()
            })
            .into();
        assert!(spans.len() == 3 && !spans.contains(&GIVEN[SPAN]), "{spans:?}");
        for odd in [
            "",
            "x",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331\r\nx: y",
        ] {
            let fresh = parent(Some(odd));
            assert!(lawful(&fresh).is_some(), "{odd:?} gave {fresh:?}");
            assert!(!fresh.contains("0af7651916cd43dd8448eb211c80319c"), "{fresh}");
        }
        let many: std::collections::HashSet<String> = (0..3 * DRAWN).map(|_| parent(None)).collect();
        assert_eq!(many.len(), 3 * DRAWN);
    }
}
