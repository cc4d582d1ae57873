//! What is a template card called? The task ids that we make, and how they lead back to the message that they stand in.
//!
//! A task id is unique per application and comes back with each click
//! (<https://developer.work.weixin.qq.com/document/path/90240>). Ours is the message's id behind the kind of the part, so
//! that a click tells its message, and a choice in a menu is told from a card's button.

/// The longest task id, in bytes.
pub const LONGEST: usize = 128;

const MENU: &str = "menu-";
const CARD: &str = "card-";

/// A task id for the `nth` card of a message; 0 is the first.
pub fn task_id(menu: bool, message: &str, nth: usize) -> String {
    let kind = if menu { MENU } else { CARD };
    // A preview, which is never sent.
    let message = if message.is_empty() { "preview" } else { message };
    match nth {
        0 => format!("{kind}{message}"),
        _ => format!("{kind}{message}@{}", nth + 1),
    }
}

/// A click's card: whether it is a menu of ours, and the id of its message; a task id of the core's stands as it is.
pub fn source<'a>(task_id: &'a str) -> (bool, &'a str) {
    let ours = |kind| task_id.strip_prefix(kind).filter(|rest: &&'a str| is_ours(rest));
    let message = |rest: &'a str| rest.split('@').next().unwrap_or(rest);
    match (ours(MENU), ours(CARD)) {
        (Some(rest), _) => (true, message(rest)),
        (None, Some(rest)) => (false, message(rest)),
        (None, None) => (false, task_id),
    }
}

/// The name under which a card's code is kept: the task id, without what we put before it.
pub fn kept_as(task_id: &str) -> &str {
    [MENU, CARD]
        .iter()
        .find_map(|kind| task_id.strip_prefix(kind).filter(|rest| is_ours(rest)))
        .unwrap_or(task_id)
}

/// The id of a message (a UUID), and of which of its cards.
fn is_ours(rest: &str) -> bool {
    let (message, nth) = rest.split_once('@').unwrap_or((rest, "1"));
    let uuid = message.len() == 36 && message.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    uuid && !nth.is_empty() && nth.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the platform takes it as a task id.
pub fn lawful(task_id: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_-@".contains(&byte);
    (1..=LONGEST).contains(&task_id.len()) && task_id.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "0199a3c0-6d1e-7000-8000-0123456789ab";

    #[test]
    fn a_task_id_of_ours_leads_back_to_its_message() {
        for (menu, nth) in [(true, 0), (false, 0), (true, 3), (false, 12)] {
            let id = task_id(menu, MESSAGE, nth);
            assert!(lawful(&id), "{id}");
            assert_eq!(source(&id), (menu, MESSAGE));
        }
    }

    #[test]
    fn what_a_core_called_a_card_stands() {
        for id in [
            "c88-1766102400",
            "menu-today",
            "card-@",
            "",
            "menu-0199a3c0-6d1e-7000-8000-0123456789ab@x",
        ] {
            assert_eq!(source(id), (false, id));
        }
        assert!(!lawful("a b") && !lawful("") && !lawful(&"a".repeat(129)));
    }
}
