//! Did the platform sign this? SHA-1 over the parts in byte order, compared in constant time.

use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq as _;

/// A signature as it stands in a query: 40 lower-case hex digits.
pub type Hex = [u8; 40];

/// `signature`: covers token, timestamp and nonce, not the body.
pub fn of_query(token: &str, timestamp: &str, nonce: &str) -> Hex {
    let mut parts = [token, timestamp, nonce];
    parts.sort_unstable();
    digest(&parts)
}

/// `msg_signature`: also covers the `Encrypt` text, and through it the body.
pub fn of_message(token: &str, timestamp: &str, nonce: &str, encrypt: &str) -> Hex {
    let mut parts = [token, timestamp, nonce, encrypt];
    parts.sort_unstable();
    digest(&parts)
}

/// Equal, byte for byte, in constant time. Upper-case hex is not what the platforms send and does not match.
pub fn matches(ours: &Hex, theirs: &str) -> bool {
    ours.ct_eq(theirs.as_bytes()).into()
}

/// As text, for answers that we sign.
pub fn text(hex: &Hex) -> &str {
    std::str::from_utf8(hex).unwrap_or_default()
}

fn digest(parts: &[&str]) -> Hex {
    let mut hash = Sha1::new();
    for part in parts {
        hash.update(part.as_bytes());
    }
    let mut hex = [0; 40];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(hash.finalize().iter()) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    hex
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_sorted_by_bytes_whatever_their_order() {
        assert_eq!(of_query("b", "a", "10"), of_query("10", "b", "a"));
        assert_eq!(
            text(&of_query("AAAAA", "1714036504", "1514711492")),
            "f464b24fc39322e44b38aa78f5edd27bd1441696"
        );
    }

    #[test]
    fn one_digit_a_missing_digit_or_upper_case_does_not_match() {
        let ours = of_query("AAAAA", "1714036504", "1514711492");
        assert!(matches(&ours, "f464b24fc39322e44b38aa78f5edd27bd1441696"));
        assert!(!matches(&ours, "f464b24fc39322e44b38aa78f5edd27bd1441697"));
        assert!(!matches(&ours, "F464B24FC39322E44B38AA78F5EDD27BD1441696"));
        assert!(!matches(&ours, "f464b24fc39322e44b38aa78f5edd27bd144169"));
        assert!(!matches(&ours, ""));
    }
}
