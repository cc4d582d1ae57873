//! Which session is it, and who holds it? By what the customer does, by orders, and by what the platform tells.

use super::{Arrival, Stamp, State};
use crate::{
    channels::contract::SessionEffect,
    ports::clock::Millis,
    schema::v1::{self, conversation::SessionState},
};

/// Two clocks of the platform's tell the same moment no better than this.
const CLOCKS_APART: Millis = 2_000;

impl State {
    /// A customer who acts after an end, or after a long silence, begins a new session.
    pub(super) fn turn_session(&mut self, arrival: &Arrival, stamp: &Stamp) -> bool {
        let ended = self.session_state() == SessionState::Ended;
        let idle = arrival.rules.session_idle > 0
            && self.last_act > 0
            && stamp.now - self.last_act > arrival.rules.session_idle;
        let fresh = self.conversation.as_ref().is_none_or(|it| it.session_id.is_empty());
        // Idle for as long as that, a session of the platform's has ended as well.
        let kept = arrival.session == Some(SessionEffect::Kept);
        // Until then there were only words of ours, and they began none there.
        let first = kept && self.last_act == 0;
        if !(fresh || arrival.customer_acted && (ended || idle || first)) {
            return false;
        }
        self.spoke = false;
        if !fresh {
            self.entry = None;
        }
        let conversation = self.conversation_mut();
        // The first event of a session names it.
        conversation.session_id.clone_from(&stamp.id);
        if ended || kept {
            let begins = if kept {
                SessionState::New
            } else {
                SessionState::Assistant
            };
            conversation.session_state = begins as i32;
            conversation.servicer = None;
        }
        true
    }

    /// It tells of a move of the platform's session that is older than the last one known: what a servicer did is pulled,
    /// and may come behind an order that was carried out later.
    ///
    /// Both times are the platform's, in whole seconds and of two of its machines. Where they are too close to tell, a
    /// change came behind the order if it begins where the order left the session.
    pub(super) fn overtaken(&self, arrival: &Arrival, behind: bool) -> bool {
        let Some(SessionEffect::Moved { .. }) = &arrival.session else {
            // Pushed: by the order in which the platform made them.
            return behind && (arrival.session.is_some() || arrival.customer_spoke);
        };
        let moved = self.session_moved;
        match (arrival.ordered, arrival.platform_time) {
            (Some(at), _) => at + CLOCKS_APART < moved,
            (None, Some(at)) if self.session_ordered && (at - moved).abs() <= CLOCKS_APART => {
                !self.begins_here(arrival)
            }
            (None, Some(at)) => at.div_euclid(1_000) < moved.div_euclid(1_000),
            (None, None) => false,
        }
    }

    /// A servicer's change begins in the state that the session is in.
    fn begins_here(&self, arrival: &Arrival) -> bool {
        let change = arrival.body.signal().and_then(|signal| signal.session.as_ref());
        change.is_none_or(|change| change.before() == self.session_state())
    }

    pub(super) fn apply_session_effect(&mut self, arrival: &Arrival) -> bool {
        let captured = self.session_state() == SessionState::Human;
        let conversation = self.conversation_mut();
        match &arrival.session {
            Some(SessionEffect::Captured { servicer }) => {
                conversation.session_state = SessionState::Human as i32;
                conversation.servicer = Some(staff(servicer));
            }
            Some(SessionEffect::Released) => {
                conversation.session_state = SessionState::Assistant as i32;
                conversation.servicer = None;
            }
            Some(SessionEffect::Ended) => {
                conversation.session_state = SessionState::Ended as i32;
                conversation.servicer = None;
            }
            Some(SessionEffect::Moved { state, servicer }) => {
                conversation.session_state = *state as i32;
                conversation.servicer = (!servicer.is_empty()).then(|| staff(servicer));
                if let Some(at) = arrival.ordered.or(arrival.platform_time) {
                    self.session_moved = at;
                    self.session_ordered = arrival.ordered.is_some();
                }
            }
            Some(SessionEffect::Kept) => return false,
            // While an agent of the platform holds a customer, messages are not pushed to us: one that arrives says
            // that the agent has let go.
            None if captured && arrival.customer_spoke => {
                conversation.session_state = SessionState::Assistant as i32;
                conversation.servicer = None;
            }
            None => return false,
        }
        true
    }
}

fn staff(native_id: &str) -> v1::Identity {
    v1::Identity {
        native_id: native_id.to_owned(),
        kind: v1::identity::Kind::Staff as i32,
        ..Default::default()
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
