//! How do files come in and go out? `POST /v1/media` and `GET /v1/media/{handle}`, streamed both ways.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header},
    web::{self, Data},
};
use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;

use super::shown;
use crate::{
    schema::v1::Media,
    web::{
        Answer, Problem, State,
        auth::Caller,
        body,
        calls::media::{self as kept, MAX_FILE},
        links::{disposition, length_alone},
        needs::{ByteStream, NewFile, Shelved},
        params::Params,
        quota,
        table::{Call, Gives, Kind, Query, Shape, Takes},
    },
};

pub const CALLS: &[Call] = &[
    Call::post("/v1/media", "Keep a file, to send it", || web::post().to(put))
        .more(
            "At most 200 MiB. The body is the file, or a form with the field `file`; in a form the field `account` \
             stands before it.",
        )
        .query(&[
            Query::new("name", Kind::Text, "The file's name"),
            Query::new("account", Kind::Text, "The only account whose cores may see it"),
        ])
        .takes(Takes::File)
        .gives(&[(201, Gives::Json(Shape::Message("Media")))]),
    Call::get("/v1/media/{handle}", "A file's bytes", || web::get().to(get))
        .more("One `Range`, `ETag`, `If-None-Match` and `If-Range`. 404 also while a customer's file is on its way.")
        .gives(&[
            (200, Gives::Bytes),
            (206, Gives::Bytes),
            (304, Gives::Nothing),
            (416, Gives::Nothing),
        ])
        .refuses(&[404]),
    Call::head("/v1/media/{handle}", "A file's length and type", || web::head().to(get))
        .gives(&[(200, Gives::Nothing), (304, Gives::Nothing)])
        .refuses(&[404]),
];

/// What the parts of a form may add around it.
const MAX_FORM: u64 = MAX_FILE + 64 * 1024;
const MAX_ACCOUNT: usize = 255;

pub async fn put(request: HttpRequest, payload: web::Payload, caller: Caller, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let name = query.filled("name")?.unwrap_or_default();
    let account = query.filled("account")?.unwrap_or_default();
    query.done()?;
    body::plain(&request)?;
    let boundary = boundary(&request)?;
    let limit = if boundary.is_some() { MAX_FORM } else { MAX_FILE };
    if body::announced(&request).is_some_and(|length| length > limit) {
        return Err(Problem::too_large(MAX_FILE));
    }
    // The shelf itself says when a file is too large; this only ends what goes on without being a file.
    let bytes = sendable(payload, MAX_FORM);
    let media = match boundary {
        Some(boundary) => form(&state, &caller, multer::Multipart::new(bytes, boundary), account).await?,
        None => {
            let file = NewFile {
                name,
                account,
                mime: said(body::content_type(&request)),
            };
            kept::put(&state, &caller, file, bytes).await?
        }
    };
    shown(StatusCode::CREATED, &media)
}

/// `curl --data-binary` says of every file that it is a form, and some clients say nothing.
fn said(mime: String) -> String {
    match mime.as_str() {
        "" | "application/x-www-form-urlencoded" => "application/octet-stream".to_owned(),
        _ => mime,
    }
}

/// The boundary of a multipart form; `None`: the body is the file.
fn boundary(request: &HttpRequest) -> Answer<Option<String>> {
    if !body::content_type(request).starts_with("multipart/") {
        return Ok(None);
    }
    let value = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    match multer::parse_boundary(value.unwrap_or_default()) {
        Ok(boundary) => Ok(Some(boundary)),
        Err(_) => Err(Problem::media_type(
            "a multipart body without boundary",
            "multipart/form-data; boundary=…",
        )),
    }
}

/// The field `file`, and `account` where it comes before.
async fn form(
    state: &State,
    caller: &Caller,
    mut form: multer::Multipart<'static>,
    mut account: String,
) -> Answer<Media> {
    let broken = |error: multer::Error| match error {
        multer::Error::StreamReadFailed(why) if why.to_string() == TOO_LARGE => Problem::too_large(MAX_FILE),
        other => Problem::invalid(format!("the form cannot be read: {other}")),
    };
    while let Some(mut field) = form.next_field().await.map_err(broken)? {
        match field.name() {
            Some("file") => {
                let file = NewFile {
                    account,
                    name: field.file_name().unwrap_or_default().to_owned(),
                    mime: said(
                        field
                            .content_type()
                            .map(|mime| mime.essence_str().to_owned())
                            .unwrap_or_default(),
                    ),
                };
                let bytes = field.map(|chunk| chunk.map_err(std::io::Error::other));
                let kept = kept::put(state, caller, file, Box::pin(bytes)).await?;
                // It would be lost, and somebody may have meant it. Nobody is told the handle: the file goes with the retention.
                return match form.next_field().await.map_err(broken)? {
                    Some(field) => Err(Problem::invalid(format!(
                        "the form field {:?} stands behind file, expected nothing there; account goes before it",
                        field.name().unwrap_or_default()
                    ))),
                    None => Ok(kept),
                };
            }
            Some("account") => {
                let mut text = Vec::new();
                while let Some(chunk) = field.chunk().await.map_err(broken)? {
                    text.extend_from_slice(&chunk);
                    if text.len() > MAX_ACCOUNT {
                        return Err(Problem::invalid("the field account is too long"));
                    }
                }
                account = String::from_utf8(text).map_err(|_| Problem::invalid("the field account is not UTF-8"))?;
            }
            other => {
                return Err(Problem::invalid(format!(
                    "unknown form field {:?}, expected file",
                    other.unwrap_or_default()
                )));
            }
        }
    }
    Err(Problem::invalid("the form has no field file"))
}

const TOO_LARGE: &str = "too large";

/// A request's body belongs to its worker; this hands it over piece by piece, no faster than it is taken, and ends it
/// at the limit.
fn sendable(mut payload: web::Payload, limit: u64) -> ByteStream {
    let (give, take) = mpsc::channel(2);
    actix_web::rt::spawn(async move {
        let mut seen = 0;
        while let Some(chunk) = body::piece(&mut payload, body::STALLED).await {
            seen += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
            let chunk = match seen > limit {
                true => Err(std::io::Error::other(TOO_LARGE)),
                false => chunk,
            };
            let over = chunk.is_err();
            if give.send(chunk).await.is_err() || over {
                return;
            }
        }
    });
    Box::pin(stream::unfold(take, |mut take| async move {
        take.recv().await.map(|chunk| (chunk, take))
    }))
}

// ───────────── out ─────────────

pub async fn get(request: HttpRequest, handle: web::Path<String>, caller: Caller, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    let file = kept::get(&state, &caller, &handle).await?;
    let tag = format!("\"{}\"", file.media.sha256);
    if lists(&request, header::IF_NONE_MATCH, &tag) {
        return Ok(HttpResponse::NotModified().insert_header((header::ETAG, tag)).finish());
    }
    let size = file.media.size;
    // A part of another version is of no use: `If-Range` that is not this very tag asks for the whole. Only GET has ranges.
    let same = request.headers().get(header::IF_RANGE);
    let ranged = same.is_none_or(|same| same.as_bytes() == tag.as_bytes()) && request.method() == Method::GET;
    let range = request
        .headers()
        .get(header::RANGE)
        .and_then(|range| range.to_str().ok())
        .filter(|_| ranged);
    match range.map(|range| part(range, size)) {
        None | Some(Part::Whole) => serve(&request, &file, tag, 0, size, StatusCode::OK).await,
        Some(Part::Bytes(from, length)) => serve(&request, &file, tag, from, length, StatusCode::PARTIAL_CONTENT).await,
        Some(Part::Outside) => Ok(HttpResponse::RangeNotSatisfiable()
            .insert_header((header::CONTENT_RANGE, format!("bytes */{size}")))
            .finish()),
    }
}

fn lists(request: &HttpRequest, name: header::HeaderName, tag: &str) -> bool {
    let value = request
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    value
        .split(',')
        .map(|one| one.trim().trim_start_matches("W/"))
        .any(|one| one == tag || one == "*")
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// No range that we serve (several, other units): everything.
    Whole,
    Bytes(u64, u64),
    Outside,
}

fn part(range: &str, size: u64) -> Part {
    let Some((from, to)) = range
        .strip_prefix("bytes=")
        .filter(|set| !set.contains(','))
        .and_then(|set| set.split_once('-'))
    else {
        return Part::Whole;
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let (from, to) = match (from.trim(), to.trim()) {
        ("", last) => match number(last) {
            Some(0) => return Part::Outside,
            Some(last) => (size.saturating_sub(last), size.saturating_sub(1)),
            None => return Part::Whole,
        },
        (from, "") => match number(from) {
            Some(from) => (from, size.saturating_sub(1)),
            None => return Part::Whole,
        },
        (from, to) => match (number(from), number(to)) {
            (Some(from), Some(to)) if from <= to => (from, to.min(size.saturating_sub(1))),
            _ => return Part::Whole,
        },
    };
    if from >= size {
        Part::Outside
    } else {
        Part::Bytes(from, to - from + 1)
    }
}

async fn serve(
    request: &HttpRequest,
    file: &Shelved,
    tag: String,
    from: u64,
    length: u64,
    status: StatusCode,
) -> Answer {
    let mut answer = HttpResponse::build(status);
    let mime = if file.media.mime.is_empty() {
        "application/octet-stream"
    } else {
        &file.media.mime
    };
    answer
        .insert_header((header::CONTENT_TYPE, mime))
        .insert_header((header::ETAG, tag))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header((header::CACHE_CONTROL, "private, max-age=3600"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        // Opened in a browser it is a file and never a page of ours.
        .insert_header((header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"))
        .insert_header((header::CONTENT_DISPOSITION, disposition(&file.media.name)));
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {from}-{}/{}", from + length - 1, file.media.size);
        answer.insert_header((header::CONTENT_RANGE, range));
    }
    if request.method() == Method::HEAD {
        return Ok(length_alone(&mut answer, length));
    }
    let bytes = kept::bytes(file, from, length).await?;
    let chunks = quota::during(body::ticket(request), kept::chunks(bytes));
    Ok(answer.no_chunking(length).streaming(chunks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        for (range, found) in [
            ("bytes=0-3", Part::Bytes(0, 4)),
            ("bytes=4-", Part::Bytes(4, 6)),
            ("bytes=-3", Part::Bytes(7, 3)),
            ("bytes=-30", Part::Bytes(0, 10)),
            ("bytes=8-99", Part::Bytes(8, 2)),
            ("bytes=10-", Part::Outside),
            ("bytes=-0", Part::Outside),
            ("bytes=3-1", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("lines=1-2", Part::Whole),
            ("bytes=a-b", Part::Whole),
        ] {
            assert_eq!(part(range, 10), found, "{range}");
        }
        assert_eq!(part("bytes=0-", 0), Part::Outside);
    }
}
