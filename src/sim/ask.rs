//! What does a driver ask a customer to do? The JSON body of a deed, and the files that come with one.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::{platform::Platform, wire::file};

/// A dot, a tone, a frame: enough for a receiver that looks at the first bytes.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const AMR: &[u8] = b"#!AMR\n\x3c\x91\x17\x16\xbe\x66\x79\xe1\xe0\x01\xe7\xaf\xf0\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
const MP4: &[u8] = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\x08mdat";
const JPG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xd9";
const PDF: &[u8] = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n";

/// A file that comes with a deed.
#[derive(Clone, Debug)]
pub struct Upload {
    pub id: String,
    pub kind: &'static str,
    /// Name and MIME type.
    pub label: (String, String),
    pub bytes: Vec<u8>,
}

impl Upload {
    /// Where a phone fetches it.
    pub fn url(&self) -> String {
        format!("/sim/v1/media/{}", self.id)
    }
}

/// What a driver wrote.
pub struct Ask<'a> {
    pub platform: &'a Platform,
    pub body: &'a Map<String, Value>,
}

impl Ask<'_> {
    pub fn text(&self, name: &str) -> Option<String> {
        match self.body.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        }
    }

    pub fn need(&self, name: &str) -> Result<String, String> {
        self.text(name).ok_or_else(|| format!("{name:?} is missing"))
    }

    pub fn or(&self, name: &str, default: &str) -> String {
        self.text(name).unwrap_or_else(|| default.to_owned())
    }

    /// A file of this kind: the driver's (`base64`, `name`), or a sample.
    pub fn file(&self, kind: &'static str) -> Result<Upload, String> {
        let bytes = match self.text("base64") {
            Some(text) => STANDARD.decode(text).map_err(|error| format!("base64: {error}"))?,
            None => sample(kind),
        };
        let (extension, mime) = file::kind(&bytes).unwrap_or(("bin", "application/octet-stream"));
        Ok(Upload {
            id: self.platform.letters(64),
            kind,
            label: (self.or("name", &format!("{kind}.{extension}")), mime.to_owned()),
            bytes,
        })
    }

    /// The small picture that stands for a video or a card.
    pub fn thumb(&self) -> Upload {
        Upload {
            id: self.platform.letters(64),
            kind: "thumb",
            label: ("thumb.jpg".to_owned(), "image/jpeg".to_owned()),
            bytes: JPG.to_vec(),
        }
    }
}

fn sample(kind: &str) -> Vec<u8> {
    match kind {
        "image" => STANDARD.decode(PNG).unwrap_or_default(),
        "voice" => AMR.to_vec(),
        "video" => MP4.to_vec(),
        "file" => PDF.to_vec(),
        _ => JPG.to_vec(),
    }
}
