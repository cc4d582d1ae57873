//! Where do the bytes come from of a file that a core wants sent, and may it be sent at all?

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    faults::{error, from_fault},
    resolve::{Resolver, Unresolved},
};
use crate::{
    accounts::Opened,
    channels,
    error::Code,
    media::{self, Found, Label, Whereabouts},
    ports::{chance::hex, fetch::FetchFault},
    schema::v1,
};

/// How long a file behind a URL may take.
const FETCH_WITHIN: Duration = Duration::from_secs(20);
/// Where an account names no limit for a kind of part.
const MAX_BYTES: u64 = 20 << 20;
/// Files in memory at the same time, over all accounts; one alone may be larger.
const ROOM_KIB: u32 = 64 << 10;

/// The bytes of one file.
pub(super) struct Source {
    pub name: String,
    pub mime: String,
    pub bytes: Vec<u8>,
    pub sha256: String,
    pub handle: String,
    /// Its place in memory.
    _room: Option<OwnedSemaphorePermit>,
}

impl Source {
    /// A name with an ending: the platform tells kinds of files by it.
    pub fn called(&self, kind: &str) -> String {
        let ending = media::ending(&self.mime).unwrap_or(match kind {
            "image" | "thumb" => "jpg",
            "voice" => "mp3",
            "video" => "mp4",
            _ => "bin",
        });
        let stem = if self.name.is_empty() { kind } else { &self.name };
        let ends = |(_, end): (&str, &str)| !end.is_empty() && end.len() <= 5;
        match stem.rsplit_once('.').is_some_and(ends) {
            true => stem.to_owned(),
            false => format!("{stem}.{ending}"),
        }
    }
}

/// What the platform takes of one kind.
pub(super) struct Limit {
    pub takes: bool,
    pub most: u64,
}

/// Room for every resolver's files.
pub(super) fn room() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(ROOM_KIB as usize))
}

/// How large a file of this kind may be, and whether the platform takes the kind at all. `limits = { image_bytes = … }` of
/// the account lowers the figure of the channel's table.
pub(super) fn limit(opened: &Opened, kind: &str) -> Limit {
    let capabilities = opened.account.capabilities();
    let part = capabilities.outbound.iter().find(|part| part.r#type == kind);
    let channel = channels::named(&opened.describe.channel);
    let table = channel.and_then(|channel| channel.media().iter().find(|limit| limit.kind == kind));
    let own = opened.settings.limits.get(&format!("{kind}_bytes")).copied();
    let of_part = part.map(|part| part.max_bytes).filter(|most| *most > 0);
    let most = of_part.or(table.map(|limit| limit.max_bytes)).unwrap_or(MAX_BYTES);
    Limit {
        takes: part.map_or(kind != "file", |part| {
            part.support() == v1::part_capability::Support::Native
        }),
        most: most.min(own.unwrap_or(most)),
    }
}

impl Limit {
    fn too_large(&self, kind: &str) -> v1::Error {
        error(Code::MediaTooLarge, format!("{kind} may have {} bytes", self.most))
    }
}

impl Resolver {
    /// The bytes behind a handle or URL; `Err` inside: the platform does not take such a file.
    pub(super) async fn source(
        &self,
        media: &v1::Media,
        kind: &str,
        limit: &Limit,
    ) -> Result<Result<Source, v1::Error>, Unresolved> {
        if media.handle.is_empty() {
            return self.fetched(media, kind, limit).await;
        }
        let found = self.found(&media.handle).await?;
        if found.meta.size > limit.most {
            return Ok(Err(limit.too_large(kind)));
        }
        let room = self.room_for(found.meta.size).await;
        let bytes = tokio::fs::read(&found.path)
            .await
            .map_err(|_| Unresolved::Refused(error(Code::MediaExpired, "the stored file is gone")))?;
        Ok(Ok(Source {
            name: first_of(&media.name, &found.meta.name),
            mime: found.meta.mime,
            sha256: found.meta.sha256,
            handle: found.handle,
            bytes,
            _room: room,
        }))
    }

    pub(super) async fn found(&self, handle: &str) -> Result<Found, Unresolved> {
        let later = |why: String| Unresolved::Later(error(Code::PlatformDown, why));
        match self.library.whereabouts(handle).await {
            Ok(Whereabouts::Here(found)) => Ok(found),
            // A customer's file that a core sends on before it is here.
            Ok(Whereabouts::Coming(_)) => Err(later("the file is still on its way to us".to_owned())),
            Ok(Whereabouts::Unknown) => Err(Unresolved::Refused(error(
                Code::MediaExpired,
                "the media handle is not known any more",
            ))),
            Err(error) => Err(later(error.to_string())),
        }
    }

    async fn room_for(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let kib = u32::try_from(bytes >> 10).unwrap_or(u32::MAX).clamp(1, ROOM_KIB);
        self.room.clone().acquire_many_owned(kib).await.ok()
    }

    /// A file behind an address becomes one of ours, where links to ours can be made: the customer may not reach what we do, and
    /// the address of a house's own network is nobody else's to read. One that is too large for that stays where it is.
    pub(super) async fn bring(&self, opened: &Opened, kind: &str, media: &mut v1::Media) -> Result<(), Unresolved> {
        if !media.handle.is_empty() || self.links.is_none() {
            return Ok(());
        }
        let any = Limit {
            takes: true,
            most: MAX_BYTES,
        };
        let Ok(source) = self.fetched(media, kind, &any).await? else {
            return Ok(());
        };
        let label = Label {
            name: source.name,
            mime: source.mime,
            account: opened.settings.id.clone(),
            ..Label::default()
        };
        let bytes = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(source.bytes)]);
        let kept = self.library.put(label, bytes).await.map_err(|fault| match fault.code {
            Code::InvalidRequest => Unresolved::Refused(of_url(&fault.detail)),
            _ => Unresolved::Later(from_fault(fault)),
        })?;
        media.handle = kept.handle;
        media.url.clear();
        Ok(())
    }

    async fn fetched(
        &self,
        media: &v1::Media,
        kind: &str,
        limit: &Limit,
    ) -> Result<Result<Source, v1::Error>, Unresolved> {
        let most = usize::try_from(limit.most).unwrap_or(usize::MAX);
        let again = |why: String| {
            Err(Unresolved::NoSource(v1::Error {
                retryable: true,
                ..of_url(&why)
            }))
        };
        match self.fetch.fetch(&media.url, most, FETCH_WITHIN).await {
            Ok(file) => {
                let name = first_of(&media.name, &file.name);
                let mime = media::kind(&file.bytes, &name, &file.content_type);
                Ok(Ok(Source {
                    name,
                    mime,
                    sha256: hex(ring::digest::digest(&ring::digest::SHA256, &file.bytes).as_ref()),
                    handle: String::new(),
                    _room: self.room_for(file.bytes.len() as u64).await,
                    bytes: file.bytes,
                }))
            }
            Err(FetchFault::TooLarge(_)) => Ok(Err(limit.too_large(kind))),
            Err(fault @ FetchFault::Unreachable(_)) => again(fault.to_string()),
            Err(FetchFault::Refused(status)) if status >= 500 => again(format!("the other side answered {status}")),
            Err(fault) => Err(Unresolved::Refused(of_url(&fault.to_string()))),
        }
    }
}

fn of_url(why: &str) -> v1::Error {
    error(Code::InvalidRequest, format!("the media url: {why}"))
}

fn first_of(one: &str, other: &str) -> String {
    if one.is_empty() { other } else { one }.to_owned()
}
