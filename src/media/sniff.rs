//! What kind of file is it? By its first bytes, for the kinds that people send in chats.

/// How many first bytes are looked at.
pub const HEAD: usize = 16;

/// Media types, and the ending that a file of each has.
const ENDINGS: &[(&str, &str)] = &[
    ("image/png", "png"),
    ("image/jpeg", "jpg"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
    ("image/heic", "heic"),
    ("image/bmp", "bmp"),
    ("audio/amr", "amr"),
    ("audio/silk", "silk"),
    ("audio/mpeg", "mp3"),
    ("audio/mp4", "m4a"),
    ("audio/ogg", "ogg"),
    ("audio/wav", "wav"),
    ("audio/speex", "speex"),
    ("video/mp4", "mp4"),
    ("video/quicktime", "mov"),
    ("application/pdf", "pdf"),
    ("application/zip", "zip"),
];

/// Kinds of documents that are archives inside, by their names' endings.
const ARCHIVES: &[(&str, &str)] = &[
    (
        "docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    (
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    (
        "pptx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
    ("apk", "application/vnd.android.package-archive"),
];

/// The media type: by the bytes where they tell, else what was claimed.
pub fn kind(head: &[u8], name: &str, claimed: &str) -> String {
    let sniffed = match sniff(head) {
        // The bytes tell the wrapping; which document is in it, the name tells better.
        Some(zip @ "application/zip") => {
            let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
            let inside = ARCHIVES.iter().find(|(known, _)| known.eq_ignore_ascii_case(ending));
            Some(inside.map_or(zip, |(_, mime)| mime))
        }
        other => other,
    };
    let claimed = claimed.split(';').next().unwrap_or_default().trim();
    match (sniffed, claimed) {
        (Some(mime), _) => mime.to_owned(),
        (None, "") => "application/octet-stream".to_owned(),
        (None, claimed) => claimed.to_ascii_lowercase(),
    }
}

/// The ending of names of this media type; `None` where we know none.
pub fn ending(mime: &str) -> Option<&'static str> {
    let found = ENDINGS.iter().find(|(known, _)| *known == mime);
    found.map(|(_, ending)| *ending)
}

/// The media type, where the bytes tell it.
pub fn sniff(head: &[u8]) -> Option<&'static str> {
    let at = |from: usize, magic: &[u8]| head.get(from..from + magic.len()) == Some(magic);
    let kinds: &[(usize, &[u8], &str)] = &[
        (0, b"\x89PNG\r\n\x1a\n", "image/png"),
        (0, b"\xff\xd8\xff", "image/jpeg"),
        (0, b"GIF8", "image/gif"),
        (0, b"#!AMR", "audio/amr"),
        (0, b"#!SILK", "audio/silk"),
        // Tencent's own variant has one byte before.
        (0, b"\x02#!SILK", "audio/silk"),
        (0, b"ID3", "audio/mpeg"),
        (0, b"\xff\xfb", "audio/mpeg"),
        (0, b"\xff\xf3", "audio/mpeg"),
        (0, b"\xff\xf2", "audio/mpeg"),
        (0, b"OggS", "audio/ogg"),
        (0, b"%PDF-", "application/pdf"),
        (0, b"PK\x03\x04", "application/zip"),
        (0, b"\x1f\x8b", "application/gzip"),
    ];
    if let Some((.., mime)) = kinds.iter().find(|(from, magic, _)| at(*from, magic)) {
        return Some(mime);
    }
    if at(0, b"RIFF") {
        return match head.get(8..12) {
            Some(b"WEBP") => Some("image/webp"),
            Some(b"WAVE") => Some("audio/wav"),
            Some(b"AVI ") => Some("video/x-msvideo"),
            _ => None,
        };
    }
    if at(0, b"BM") && at(6, b"\0\0\0\0") {
        return Some("image/bmp");
    }
    if at(4, b"ftyp") {
        return match head.get(8..12) {
            Some(b"qt  ") => Some("video/quicktime"),
            Some(b"M4A ") => Some("audio/mp4"),
            Some(b"heic" | b"heix" | b"mif1") => Some("image/heic"),
            _ => Some("video/mp4"),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_decide_and_only_where_they_are_silent_the_claim() {
        assert_eq!(kind(b"\x89PNG\r\n\x1a\n", "a.txt", "text/plain"), "image/png");
        assert_eq!(kind(b"\x02#!SILK_V3", "", ""), "audio/silk");
        assert_eq!(kind(b"hello", "a.txt", "Text/Plain; charset=utf-8"), "text/plain");
        assert_eq!(kind(b"hello", "a", ""), "application/octet-stream");
        assert!(kind(b"PK\x03\x04", "价目.DOCX", "").contains("wordprocessingml"));
        assert_eq!(kind(b"PK\x03\x04", "a.zip", "text/html"), "application/zip");
        assert_eq!(ending("audio/silk"), Some("silk"));
    }
}
