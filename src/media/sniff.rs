//! What kind of file is it? By its first bytes, for the kinds that people send in chats.

/// How many first bytes are looked at.
pub const HEAD: usize = 16;

/// The media type, where the bytes tell it.
pub fn sniff(head: &[u8]) -> Option<&'static str> {
    let at = |from: usize, magic: &[u8]| head.get(from..from + magic.len()) == Some(magic);
    let kinds: &[(usize, &[u8], &str)] = &[
        (0, b"\x89PNG\r\n\x1a\n", "image/png"),
        (0, b"\xff\xd8\xff", "image/jpeg"),
        (0, b"GIF8", "image/gif"),
        (0, b"#!AMR", "audio/amr"),
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
