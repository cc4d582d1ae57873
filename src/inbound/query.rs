//! What does the signature stand on? The query of a callback, decoded once.

use percent_encoding::percent_decode_str;

use crate::channels::contract::CallbackQuery;

/// Reads the query as the platform wrote it. A `+` stands for itself: the platform encodes a blank as `%20`, and a plus
/// that became a blank breaks the signature ("消息加解密说明", error -40001). Of a doubled name the first counts.
pub fn read(raw: &str) -> CallbackQuery {
    let mut query = CallbackQuery {
        raw: raw.to_owned(),
        ..CallbackQuery::default()
    };
    for pair in raw.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let field = match name {
            "signature" => &mut query.signature,
            "msg_signature" => &mut query.msg_signature,
            "timestamp" => &mut query.timestamp,
            "nonce" => &mut query.nonce,
            "echostr" => &mut query.echostr,
            "encrypt_type" => &mut query.encrypt_type,
            _ => continue,
        };
        if field.is_empty() {
            *field = match value.contains('%') {
                true => percent_decode_str(value).decode_utf8_lossy().into_owned(),
                false => value.to_owned(),
            };
        }
    }
    query
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn values_are_decoded_once_and_a_plus_stands_for_itself() {
        let query =
            read("signature=ab&timestamp=1&nonce=%2B1+%252F&echostr=a%3Db%3d&x=1&signature=later&encrypt_type=aes");
        assert_eq!((query.signature.as_str(), query.nonce.as_str()), ("ab", "+1+%2F"));
        assert_eq!((query.echostr.as_str(), query.encrypt_type.as_str()), ("a=b=", "aes"));
        assert!(query.raw.ends_with("encrypt_type=aes"));
        assert_eq!(read("").timestamp, "");
        assert_eq!(read("nonce=%ff%").nonce, "\u{fffd}%");
    }
}
