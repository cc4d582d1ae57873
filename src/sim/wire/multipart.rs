//! What is in an upload? One `multipart/form-data` body, its parts and their names.

/// One part of a form.
#[derive(Debug, PartialEq)]
pub struct Part<'a> {
    pub name: String,
    pub file_name: Option<String>,
    pub content_type: Option<String>,
    pub bytes: &'a [u8],
}

/// The parts of a body, or nothing when it is not a form.
pub fn parts<'a>(content_type: &str, body: &'a [u8]) -> Option<Vec<Part<'a>>> {
    let boundary = boundary(content_type)?;
    let delimiter = format!("--{boundary}");
    let mut rest = after(body, delimiter.as_bytes())?;
    let next = format!("\r\n{delimiter}");
    let mut found = Vec::new();
    while !rest.starts_with(b"--") {
        let part = rest.strip_prefix(b"\r\n")?;
        let end = find(part, next.as_bytes())?;
        let (content, tail) = part.split_at(end);
        found.push(read(content)?);
        rest = after(tail, next.as_bytes())?;
    }
    Some(found)
}

fn boundary(content_type: &str) -> Option<String> {
    let mut pieces = content_type.split(';').map(str::trim);
    if !pieces.next()?.eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    pieces.find_map(|piece| parameter(piece, "boundary"))
}

fn parameter(piece: &str, name: &str) -> Option<String> {
    let (key, value) = piece.split_once('=')?;
    key.trim()
        .eq_ignore_ascii_case(name)
        .then(|| value.trim().trim_matches('"').to_owned())
}

fn read(content: &[u8]) -> Option<Part<'_>> {
    // A part without headers starts with the empty line itself.
    let end = find(content, b"\r\n\r\n")?;
    let (head, _) = content.split_at(end);
    let bytes = after(content, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(head);
    let header = |wanted: &str| {
        head.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim().to_owned())
    };
    let disposition = header("content-disposition")?;
    let field = |name: &str| disposition.split(';').find_map(|piece| parameter(piece.trim(), name));
    Some(Part {
        name: field("name")?,
        file_name: field("filename"),
        content_type: header("content-type"),
        bytes,
    })
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

fn after<'a>(text: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    text.get(find(text, wanted)? + wanted.len()..)
}

#[cfg(test)]
mod tests {
    use super::parts;

    const BODY: &[u8] = b"--b\r\nContent-Disposition: form-data; name=\"media\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n\x00\r\n--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\r\n--b--\r\n";

    #[test]
    fn files_and_fields_are_told_apart() {
        let found = parts("multipart/form-data; boundary=b", BODY).expect("a form");
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].name, "media");
        assert_eq!(found[0].file_name.as_deref(), Some("a.png"));
        assert_eq!(found[0].bytes, b"\x89PNG\r\n\x00");
        assert_eq!(found[1].file_name, None);
        assert_eq!(found[1].bytes, b"");
    }

    #[test]
    fn no_form_is_no_form() {
        assert!(parts("application/json", BODY).is_none());
        assert!(parts("multipart/form-data", BODY).is_none());
        assert!(parts("multipart/form-data; boundary=b", b"--b\r\nno end").is_none());
        assert!(parts("multipart/form-data; boundary=b", b"").is_none());
    }
}
