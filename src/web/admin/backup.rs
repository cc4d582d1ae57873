//! How is the whole installation copied into one file? `POST /admin/v1/backup`, streamed.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Data},
};
use futures_util::stream;
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;

use super::audit::{Note, note};
use crate::{
    error::Code,
    secret::Secret,
    web::{
        Answer, Problem, State,
        auth::Caller,
        body,
        params::Params,
        quota, shapes,
        table::{Call, Gives, Shape, Takes},
    },
};

pub const CALLS: &[Call] = &[
    Call::post("/admin/v1/backup", "The whole installation in one file", || {
        web::post().to(take)
    })
    .more("Without a passphrase the file holds the master key.")
    .takes(Takes::MaybeJson(Shape::Own("BackupWish", || {
        shapes::request([], [("passphrase", shapes::text())])
    })))
    .gives(&[(200, Gives::Bytes)]),
];

const CHUNK: usize = 64 * 1024;

#[derive(Default, Deserialize)]
struct Wish {
    passphrase: Option<Secret>,
}

pub async fn take(request: HttpRequest, payload: web::Payload, caller: Caller, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    let body = body::whole(&request, payload, body::MAX_BODY).await?;
    let wish: Wish = match body.iter().all(u8::is_ascii_whitespace) {
        true => Wish::default(),
        false => crate::schema::json::from_slice(&body, crate::schema::json::Unknown::Refuse)?,
    };
    let passphrase = wish.passphrase;
    if passphrase.as_ref().is_some_and(Secret::is_empty) {
        // A variable that is not set must not bring the master key in the clear.
        return Err(Problem::invalid(
            "passphrase is empty: leave it out for a file that holds the master key in the clear",
        ));
    }
    let sealed = passphrase.is_some();
    let file = state.backup.write(passphrase).await?;
    note(
        &state,
        &caller,
        Note::new("backup", if sealed { "sealed" } else { "with its key in the clear" }),
    )
    .await;
    let broken = |error: std::io::Error| Problem::new(Code::Overloaded, format!("the backup cannot be read: {error}"));
    let bytes = tokio::fs::File::from_std(file);
    let length = bytes.metadata().await.map_err(broken)?.len();
    let chunks = stream::try_unfold(bytes, |mut bytes| async move {
        let mut chunk = web::BytesMut::with_capacity(CHUNK);
        let read = bytes.read_buf(&mut chunk).await?;
        Ok::<_, std::io::Error>((read > 0).then(|| (chunk.freeze(), bytes)))
    });
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/octet-stream"))
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"wxbridge.backup\""))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .no_chunking(length)
        .streaming(quota::during(body::ticket(&request), chunks)))
}
