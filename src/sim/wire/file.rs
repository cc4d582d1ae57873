//! Which file is it? By its first bytes, never by its name.

/// What the first bytes say: an extension and a MIME type.
pub fn kind(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    if starts(b"\x89PNG\r\n\x1a\n") {
        Some(("png", "image/png"))
    } else if starts(b"\xff\xd8\xff") {
        Some(("jpg", "image/jpeg"))
    } else if starts(b"GIF87a") || starts(b"GIF89a") {
        Some(("gif", "image/gif"))
    } else if starts(b"#!AMR") {
        Some(("amr", "audio/amr"))
    } else if starts(b"ID3") || matches!(bytes, [0xff, second, ..] if second & 0xe0 == 0xe0) {
        Some(("mp3", "audio/mpeg"))
    } else if bytes.get(4..8) == Some(b"ftyp") {
        Some(("mp4", "video/mp4"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn the_platforms_kinds_are_known() {
        assert_eq!(kind(b"\x89PNG\r\n\x1a\n..").map(|it| it.0), Some("png"));
        assert_eq!(kind(b"\xff\xd8\xff\xe0").map(|it| it.0), Some("jpg"));
        assert_eq!(kind(b"#!AMR\n").map(|it| it.0), Some("amr"));
        assert_eq!(kind(b"\xff\xfb\x90").map(|it| it.0), Some("mp3"));
        assert_eq!(kind(b"\0\0\0\x18ftypmp42").map(|it| it.0), Some("mp4"));
        assert_eq!(kind(b"hello"), None);
    }
}
