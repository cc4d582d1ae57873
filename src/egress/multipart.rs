//! How does one file look as `multipart/form-data`? Written by hand: the platforms want `filename` as raw UTF-8 and
//! answer 41005 to the `filename*` that form libraries write.

/// Content type and body with the one field `media`.
pub fn one_file(name: &str, mime: &str, bytes: &[u8]) -> (String, Vec<u8>) {
    let boundary = format!("wxbridge-{}", uuid::Uuid::now_v7().simple());
    let name = if name.is_empty() { "file" } else { name };
    let mut body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"media\"; filename=\"{}\"\r\nContent-Type: {}\r\n\r\n",
        quoted(name),
        quoted(mime)
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// As browsers write it: what would end the value is percent-encoded.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("%22"),
            '\r' => quoted.push_str("%0D"),
            '\n' => quoted.push_str("%0A"),
            letter => quoted.push(letter),
        }
    }
    quoted
}
