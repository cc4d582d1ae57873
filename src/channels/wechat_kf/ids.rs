//! Which `msgid` does each message get, and whose is one that comes back? Chosen before the call and the same whenever the
//! call is made again, so that the platform tells a repeat apart.
//!
//! At most 32 bytes of `[0-9a-zA-Z_-]`, unique within the account
//! (<https://developer.work.weixin.qq.com/document/path/94677>): our id's 16 bytes in 22 characters, and the piece's number.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Tells ours apart from those of other systems on the same account.
const OURS: &str = "wxb";

/// The `msgid` of one piece of a message of ours.
pub fn msgid(message_id: &str, piece: u32) -> Option<String> {
    let id = uuid::Uuid::try_parse(message_id).ok()?;
    Some(format!("{OURS}{}{piece}", URL_SAFE_NO_PAD.encode(id.as_bytes())))
}

/// Our id of the message that a `msgid` belongs to.
pub fn message_id(msgid: &str) -> Option<String> {
    let rest = msgid.strip_prefix(OURS)?;
    let (id, piece) = rest.split_at_checked(22)?;
    piece.parse::<u32>().ok()?;
    let bytes: [u8; 16] = URL_SAFE_NO_PAD.decode(id).ok()?.try_into().ok()?;
    Some(uuid::Uuid::from_bytes(bytes).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_fits_the_platform() {
        let ours = "0195f0a1-7c3b-7d11-8e2f-0a1b2c3d4e5f";
        for piece in [0, 9, 123_456] {
            let msgid = msgid(ours, piece).expect("a uuid");
            assert!(msgid.len() <= 32, "{msgid}");
            assert!(
                msgid
                    .bytes()
                    .all(|it| it.is_ascii_alphanumeric() || it == b'_' || it == b'-')
            );
            assert_eq!(message_id(&msgid).as_deref(), Some(ours));
        }
        for strange in [
            "",
            "wxb",
            "wxbx",
            "brg_01JEXAMPLE0000000000000001",
            "wxb微信微信微信微信0",
        ] {
            assert_eq!(message_id(strange), None, "{strange}");
        }
    }
}
