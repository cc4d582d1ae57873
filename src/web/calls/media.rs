//! How do files come in and go out?

use futures_util::{Stream, stream};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use crate::{
    schema::v1::Media,
    text,
    web::{
        Answer, Problem, State,
        auth::Caller,
        needs::{ByteStream, Kept, NewFile, Shelved},
    },
};

/// The largest file.
pub const MAX_FILE: u64 = 200 * 1024 * 1024;
pub const CHUNK: usize = 64 * 1024;
const MAX_NAME: usize = 255;

/// Keeps a file; the shelf itself says when it is too large.
pub async fn put(state: &State, caller: &Caller, mut file: NewFile, bytes: ByteStream) -> Answer<Media> {
    if !file.account.is_empty() {
        caller.must_see(&file.account)?;
        if state.registry.get(&file.account).is_none() {
            return Err(Problem::invalid(format!(
                "account is {:?}, which does not exist",
                file.account
            )));
        }
    }
    file.name = text::file_name(&file.name, MAX_NAME);
    Ok(state.media.put(file, bytes).await?)
}

/// The file behind a handle, if the caller may see it.
pub async fn get(state: &State, caller: &Caller, handle: &str) -> Answer<Box<Shelved>> {
    let file = match state.media.get(handle).await? {
        Kept::Here(file) => file,
        Kept::Coming => {
            let why = "the file is still on its way from the platform; MEDIA_CHANGED says when it is here";
            return Err(Problem::not_found(why));
        }
        Kept::Nothing => {
            return Err(Problem::not_found(
                "no such file; files are kept for the retention time",
            ));
        }
    };
    if !file.account.is_empty() {
        caller.must_see(&file.account)?;
    }
    Ok(file)
}

/// `length` bytes of a kept file, from `from` on.
pub async fn bytes(file: &Shelved, from: u64, length: u64) -> Answer<tokio::io::Take<tokio::fs::File>> {
    let mut bytes = tokio::fs::File::open(&file.path).await.map_err(|error| {
        tracing::warn!(%error, handle = %file.media.handle, "a kept file cannot be opened");
        Problem::not_found("the file is gone")
    })?;
    bytes
        .seek(std::io::SeekFrom::Start(from))
        .await
        .map_err(|_| Problem::not_found("the file is shorter than it was"))?;
    Ok(bytes.take(length))
}

/// A file's bytes, read as they are taken.
pub fn chunks(
    bytes: tokio::io::Take<tokio::fs::File>,
) -> impl Stream<Item = std::io::Result<actix_web::web::Bytes>> + Send + 'static {
    stream::try_unfold(bytes, |mut bytes| async move {
        let mut chunk = actix_web::web::BytesMut::with_capacity(CHUNK);
        let read = bytes.read_buf(&mut chunk).await?;
        Ok((read > 0).then(|| (chunk.freeze(), bytes)))
    })
}
