//! What may the account still send? The figures of /doc/subscription/guide/product/kf/intro.md.

use serde::Serialize;

use crate::sim::{refusal::Refusal, world::Millis};

/// What a customer did that opens a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    Message,
    Menu,
    Follow,
    Scan,
    /// Somebody opens a mini-program's chat by its button.
    Enter,
}

impl Trigger {
    /// How many messages, for how long.
    const fn grant(self) -> (u32, Millis) {
        match self {
            Self::Message => (5, 48 * 3600 * 1000),
            Self::Menu | Self::Follow | Self::Scan => (3, 60 * 1000),
            Self::Enter => (2, 60 * 1000),
        }
    }
}

/// The pot of one customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    pub left: u32,
    pub until: Millis,
    pub trigger: Trigger,
}

impl Allowance {
    /// A deed refreshes count and time: each becomes the largest in force; nothing adds up.
    pub fn open(before: Option<Self>, trigger: Trigger, now: Millis) -> Self {
        let (count, life) = trigger.grant();
        let fresh = Self {
            left: count,
            until: now + life,
            trigger,
        };
        match before.filter(|old| old.until > now) {
            Some(old) => Self {
                left: old.left.max(fresh.left),
                until: old.until.max(fresh.until),
                trigger,
            },
            None => fresh,
        }
    }

    /// One message out of the pot, or the platform's no.
    pub fn spend(pot: &mut Option<Self>, now: Millis) -> Result<(), Refusal> {
        match pot {
            Some(open) if open.until > now => {
                open.left = open.left.checked_sub(1).ok_or_else(|| Refusal::code(45047))?;
                Ok(())
            }
            _ => Err(Refusal::code(45015)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Allowance, Refusal, Trigger};

    const HOUR: i64 = 3_600_000;

    #[test]
    fn five_messages_and_not_a_sixth() {
        let mut pot = Some(Allowance::open(None, Trigger::Message, 0));
        for _ in 0..5 {
            assert_eq!(Allowance::spend(&mut pot, HOUR), Ok(()));
        }
        assert_eq!(Allowance::spend(&mut pot, HOUR), Err(Refusal::code(45047)));
    }

    #[test]
    fn the_window_ends_after_48_hours() {
        let mut pot = Some(Allowance::open(None, Trigger::Message, 0));
        assert_eq!(Allowance::spend(&mut pot, 48 * HOUR - 1), Ok(()));
        assert_eq!(Allowance::spend(&mut pot, 48 * HOUR), Err(Refusal::code(45015)));
        assert_eq!(Allowance::spend(&mut None, 0), Err(Refusal::code(45015)));
    }

    #[test]
    fn writing_again_refills_and_never_adds() {
        let mut pot = Some(Allowance::open(None, Trigger::Message, 0));
        assert_eq!(Allowance::spend(&mut pot, 1), Ok(()));
        assert_eq!(Allowance::open(pot, Trigger::Message, HOUR).left, 5);
    }

    #[test]
    fn a_menu_click_neither_shortens_nor_shrinks_a_message_window() {
        let pot = Allowance::open(None, Trigger::Message, 0);
        let after = Allowance::open(Some(pot), Trigger::Menu, HOUR);
        assert_eq!((after.left, after.until), (5, 48 * HOUR));
        let alone = Allowance::open(None, Trigger::Scan, 0);
        assert_eq!((alone.left, alone.until), (3, 60_000));
    }
}
