//! How do files travel in pieces? The first says what it is; none is asked for before the last one was taken.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{Stream, StreamExt as _, stream};
use tokio::{sync::mpsc, time::timeout};
use tonic::{Status, Streaming};

use super::gate::status;
use crate::{
    schema::v1::{GetMediaRequest, Media, MediaChunk},
    web::{
        Answer, Problem, State,
        auth::Caller,
        body::{STALLED, stalled},
        calls::media as kept,
        calls::media::{bytes, chunks},
        needs::{ByteStream, NewFile},
    },
};

/// Keeps what comes in pieces.
pub async fn put(state: &State, caller: &Caller, mut pieces: Streaming<MediaChunk>) -> Result<Media, Status> {
    let first = timeout(STALLED, pieces.message()).await;
    let first = first.map_err(|_| status(&Problem::invalid(stalled(STALLED).to_string())))??;
    let first = first.ok_or_else(|| status(&Problem::invalid("the stream ended before its first piece")))?;
    let file = NewFile {
        account: first.account_id.clone(),
        name: first.name.clone(),
        mime: first.mime.clone(),
    };
    let end = End::default();
    let media = kept::put(state, caller, file, joined(first, pieces, end.clone())).await;
    // Why the pieces ended says more than that they did.
    media.map_err(|problem| end.take().unwrap_or_else(|| status(&problem)))
}

/// Why no more pieces could be read.
#[derive(Clone, Default)]
struct End(Arc<Mutex<Option<Status>>>);

impl End {
    fn take(&self) -> Option<Status> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, status: Status) -> io::Error {
        let error = io::Error::other(status.message().to_owned());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(status);
        error
    }
}

fn joined(first: MediaChunk, pieces: Streaming<MediaChunk>, end: End) -> ByteStream {
    let label = MediaChunk {
        data: Vec::new(),
        ..first.clone()
    };
    let rest = stream::unfold((pieces, label, end), |(mut pieces, label, end)| async move {
        let Ok(piece) = timeout(STALLED, pieces.message()).await else {
            return Some((Err(stalled(STALLED)), (pieces, label, end)));
        };
        let piece = match piece {
            Ok(None) => return None,
            Ok(Some(piece)) => match fits(&piece, &label) {
                true => Ok(piece.data.into()),
                false => Err(io::Error::other("a later piece names another file than the first")),
            },
            Err(status) => Err(end.note(status)),
        };
        Some((piece, (pieces, label, end)))
    });
    let first = stream::once(async move { Ok(first.data.into()) });
    Box::pin(first.chain(rest))
}

/// Later pieces may leave out what the first one said.
fn fits(piece: &MediaChunk, label: &MediaChunk) -> bool {
    let same = |said: &str, before: &str| said.is_empty() || said == before;
    same(&piece.account_id, &label.account_id) && same(&piece.name, &label.name) && same(&piece.mime, &label.mime)
}

/// A kept file from `offset` on, in pieces; an empty file is one empty piece.
pub async fn get(
    state: &State,
    caller: &Caller,
    which: &GetMediaRequest,
) -> Answer<impl Stream<Item = Result<MediaChunk, Status>> + Send + 'static> {
    let file = kept::get(state, caller, &which.handle).await?;
    let size = file.media.size;
    let length = size
        .checked_sub(which.offset)
        .ok_or_else(|| Problem::invalid(format!("offset is {}, the file has {size} bytes", which.offset)))?;
    let data = bytes(&file, which.offset, length).await?;
    let label = MediaChunk {
        account_id: file.account.clone(),
        name: file.media.name.clone(),
        mime: file.media.mime.clone(),
        data: Vec::new(),
    };
    let (give, take) = mpsc::channel(2);
    tokio::spawn(handed_on(label, chunks(data), give));
    Ok(stream::unfold(take, |mut take| async move {
        take.recv().await.map(|piece| (piece, take))
    }))
}

/// Reads on as pieces are taken; who takes none any more is left.
async fn handed_on(
    label: MediaChunk,
    data: impl Stream<Item = io::Result<actix_web::web::Bytes>> + Send,
    give: mpsc::Sender<Result<MediaChunk, Status>>,
) {
    let mut data = std::pin::pin!(data);
    let mut label = Some(label);
    loop {
        let piece = match data.next().await {
            Some(Ok(data)) => Ok(MediaChunk {
                data: data.into(),
                ..label.take().unwrap_or_default()
            }),
            Some(Err(error)) => Err(status(&Problem::not_found(format!(
                "the file cannot be read on: {error}"
            )))),
            None => match label.take() {
                Some(label) => Ok(label),
                None => return,
            },
        };
        let broken = piece.is_err();
        match timeout(STALLED, give.send(piece)).await {
            Ok(Ok(())) if !broken => {}
            _ => return,
        }
    }
}
