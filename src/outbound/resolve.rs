//! Which platform media ids stand for the files that a core wants sent? Uploaded once per account and content, kept until
//! shortly before the platform forgets them (three days, by its page on temporary media).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Semaphore;

use super::{
    faults::{error, from_fault},
    files::Job,
    source::{Source, limit},
};
use crate::ports::fetch::Fetch;
use crate::{
    accounts::Opened,
    channels::contract::{Upload, Verdict},
    error::Code,
    media::{Library, Whereabouts},
    ports::{
        clock::{Clock, Millis},
        store::{Record, RecordWrite, Store, StoreError, forget},
    },
    schema::v1::{self, send_request::Degrade},
    tokens::{CallFault, Keeper},
};

/// Where the platform's ids lie in the store, by account, app, address, kind and content.
const SPACE: &str = "platform_media";
/// An id is used this long: two hours less than the platform keeps it.
const LIVES: Millis = (3 * 24 - 2) * 3_600_000;
/// Stands for a platform's id in a preview.
const PREVIEWED: &str = "preview";

/// Makes a public, signed link to a stored file; `None` where no address for it is configured.
pub type LinkMaker = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Why a file could not be put on the platform.
#[derive(Clone, Debug)]
pub enum Unresolved {
    Refused(v1::Error),
    /// A plain "not now".
    Later(v1::Error),
    /// The other side of an address that the core gave does not answer: a few times more, because all that waits for the same
    /// customer waits behind it.
    NoSource(v1::Error),
}

impl Unresolved {
    pub fn into_error(self) -> v1::Error {
        match self {
            Self::Refused(error) | Self::Later(error) | Self::NoSource(error) => error,
        }
    }
}

/// Puts files on the platform.
pub struct Resolver {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub keeper: Arc<Keeper>,
    pub library: Arc<Library>,
    pub fetch: Arc<dyn Fetch>,
    pub links: Option<LinkMaker>,
    /// One upload at a time per account, content and a file's name.
    pub flights: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// Files in memory on their way, in KiB.
    pub room: Arc<Semaphore>,
}

/// Parts whose files are on the platform, and what was lost on the way.
#[derive(Clone, Debug, Default)]
pub struct Resolved {
    pub parts: Vec<v1::Part>,
    pub degradations: Vec<v1::Degradation>,
    pub unplaced: Vec<Unplaced>,
}

/// A file that is not on the platform and goes as a link.
#[derive(Clone, Debug)]
pub struct Unplaced {
    pub kind: &'static str,
    pub why: v1::Error,
}

impl Unplaced {
    /// Says why, where the rendering tells of the first link for a file of this kind that is not explained yet.
    pub fn explain(&self, degradations: &mut [v1::Degradation]) {
        let why = because(&self.why);
        let link = degradations
            .iter_mut()
            .find(|it| it.from_type == self.kind && it.to_type == "link" && !it.reason.ends_with(')'));
        if let Some(told) = link {
            told.reason += &why;
        }
    }
}

/// What stands behind the reason of a degradation.
pub(super) fn because(why: &v1::Error) -> String {
    format!(" ({}: {})", why.code, why.platform_message)
}

/// `Err`: the platform does not take this file, and why.
pub(super) type Taken = Result<Placed, v1::Error>;

/// A file on the platform.
pub(super) struct Placed {
    pub id: String,
    /// What its bytes say it is; empty where nobody looked.
    pub mime: String,
}

/// What is done with files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Uploaded, where no id is kept from before.
    Kept,
    /// Uploaded: ids kept from before are not believed.
    Afresh,
    /// Looked at only, as far as that needs nobody else; ids are made up.
    Preview,
}

impl Resolver {
    /// Every file of `parts` on the platform.
    pub async fn resolve(
        &self,
        opened: &Arc<Opened>,
        mut parts: Vec<v1::Part>,
        degrade: Degrade,
        how: How,
    ) -> Result<Resolved, Unresolved> {
        let mut job = Job {
            resolver: self,
            opened,
            degrade,
            how,
            lost: Vec::new(),
            unplaced: Vec::new(),
        };
        for content in parts.iter_mut().filter_map(|part| part.content.as_mut()) {
            job.content(content).await?;
        }
        Ok(Resolved {
            parts,
            degradations: job.lost,
            unplaced: job.unplaced,
        })
    }

    /// The platform's id for this file, from before or by an upload.
    pub(super) async fn platform_id(
        &self,
        opened: &Arc<Opened>,
        kind: &'static str,
        media: &v1::Media,
        how: How,
    ) -> Result<Taken, Unresolved> {
        let limit = limit(opened, kind);
        if !limit.takes {
            let why = format!("the platform takes no part of kind {kind} as a file");
            return Ok(Err(error(Code::UnsupportedPart, why)));
        }
        if how == How::Preview && media.handle.is_empty() {
            return Ok(Ok(Placed {
                id: PREVIEWED.to_owned(),
                mime: String::new(),
            }));
        }
        let source = match self.source(media, kind, &limit).await? {
            Ok(source) => source,
            Err(why) => return Ok(Err(why)),
        };
        let mime = source.mime.clone();
        let placed = self.placed(opened, kind, source, how).await?;
        Ok(placed.map(|id| Placed { id, mime }))
    }

    async fn placed(
        &self,
        opened: &Arc<Opened>,
        kind: &'static str,
        source: Source,
        how: How,
    ) -> Result<Result<String, v1::Error>, Unresolved> {
        let key = place(opened, kind, &source.sha256, &source.called(kind));
        let flight = {
            let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
            flights.entry(key.clone()).or_default().clone()
        };
        let result = {
            let _turn = flight.lock().await;
            self.upload_once(opened, kind, source, &key, how).await
        };
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        // Ours and the map's: nobody else waits.
        if Arc::strong_count(&flight) <= 2 {
            flights.remove(&key);
        }
        result
    }

    async fn upload_once(
        &self,
        opened: &Arc<Opened>,
        kind: &'static str,
        source: Source,
        key: &str,
        how: How,
    ) -> Result<Result<String, v1::Error>, Unresolved> {
        if how != How::Afresh
            && let Some(id) = self.kept(key).await
        {
            return Ok(Ok(id));
        }
        let upload = Upload {
            kind,
            name: source.called(kind),
            mime: source.mime,
            bytes: source.bytes,
        };
        let call = match opened.account.upload(&upload) {
            Ok(call) => call,
            Err(fault) if as_link(fault.code) => return Ok(Err(from_fault(fault))),
            Err(fault) => return Err(Unresolved::Refused(from_fault(fault))),
        };
        if how == How::Preview {
            return Ok(Ok(PREVIEWED.to_owned()));
        }
        let (answer, verdict) = self.keeper.call(opened, &call).await.map_err(|fault| match fault {
            CallFault::NoToken(error) if !error.retryable => Unresolved::Refused(error),
            CallFault::NoToken(error) => Unresolved::Later(error),
            // An upload that was lost has told nobody anything: it is made again.
            CallFault::NotSent(why) | CallFault::Lost(why) => Unresolved::Later(error(Code::PlatformDown, why)),
        })?;
        let verdict = match verdict {
            Verdict::Done { .. } => match opened.account.uploaded(&answer) {
                Ok(id) => {
                    self.keep(key, &source.handle, &id).await;
                    return Ok(Ok(id));
                }
                Err(verdict) => verdict,
            },
            other => other,
        };
        match verdict {
            Verdict::RetryLater(error) | Verdict::Unknown(error) => Err(Unresolved::Later(error)),
            Verdict::Failed { error, .. } | Verdict::UploadAgain(error) => Ok(Err(error)),
            Verdict::RefreshToken(error) => Err(Unresolved::Refused(error)),
            Verdict::Done { .. } => Err(Unresolved::Later(error(
                Code::PlatformDown,
                "the upload's answer holds no media id",
            ))),
        }
    }

    /// A stored picture that the platform reads by URL.
    pub(super) async fn picture(&self, handle: &str, url: &mut String) -> Result<(), Unresolved> {
        if handle.is_empty() || !url.is_empty() {
            return Ok(());
        }
        *url = self.link(handle).await?.ok_or_else(|| {
            Unresolved::Refused(error(
                Code::MediaTooLarge,
                "no public address for links to pictures is configured",
            ))
        })?;
        Ok(())
    }

    /// A public link to a stored file, where one can be made.
    pub(super) async fn address(&self, media: &mut v1::Media) -> Result<(), Unresolved> {
        if !media.handle.is_empty() && media.url.is_empty() {
            media.url = self.link(&media.handle).await?.unwrap_or_default();
        }
        Ok(())
    }

    /// A file without a name has the one that it was stored under: a link is called as the file itself would be.
    pub(super) async fn name(&self, media: &mut v1::Media) {
        if media.name.trim().is_empty()
            && let Ok(Whereabouts::Here(found)) = self.library.whereabouts(&media.handle).await
        {
            media.name = found.meta.name;
        }
    }

    async fn link(&self, handle: &str) -> Result<Option<String>, Unresolved> {
        let Some(made) = self.links.as_ref().and_then(|link| link(handle)) else {
            return Ok(None);
        };
        // It must open when the customer has it …
        self.found(handle).await?;
        // … and as long as it says.
        if let Err(error) = self.library.renew(handle).await {
            tracing::warn!(handle, %error, "a file that a link was made to may go before it");
        }
        Ok(Some(made))
    }

    async fn kept(&self, key: &str) -> Option<String> {
        let record = self.store.record(SPACE, key).await.ok()??;
        let kept: Kept = serde_json::from_slice(&record).ok()?;
        (kept.until > self.clock.now()).then_some(kept.id)
    }

    async fn keep(&self, key: &str, handle: &str, id: &str) {
        let kept = Kept {
            id: id.to_owned(),
            until: self.clock.now() + LIVES,
        };
        let write = RecordWrite::Put {
            space: SPACE,
            key: key.to_owned(),
            value: serde_json::to_vec(&kept).unwrap_or_default(),
        };
        // The id works all the same; the next message uploads again.
        if let Err(error) = self.store.write_records(vec![write]).await {
            tracing::warn!(handle, %error, "platform media id not kept");
        }
    }
}

/// Removes the ids that the platform has forgotten; says how many went.
pub async fn forget_old(store: &dyn Store, now: Millis) -> Result<usize, StoreError> {
    let lives = |record: &Record| serde_json::from_slice::<Kept>(&record.value).is_ok_and(|kept| kept.until > now);
    let records = store.records(SPACE).await?.into_iter();
    let dead = records.filter(|record| !lives(record)).map(|record| record.key);
    forget(store, SPACE, dead).await
}

/// Under which key an id is kept. The customer sees what a file is called: the same bytes by another name are another one.
pub(super) fn place(opened: &Opened, kind: &str, sha256: &str, called: &str) -> String {
    let content = format!("{}/{kind}/{sha256}", shelf(opened));
    match kind {
        "file" => format!("{content}/{called}"),
        _ => content,
    }
}

/// Where an id is good: for one app, at one address of the platform. An account that was given another one starts anew.
fn shelf(opened: &Opened) -> String {
    let settings = &opened.settings;
    format!("{}/{}/{}", settings.id, opened.describe.platform_id, settings.api_base)
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Kept {
    id: String,
    until: Millis,
}

/// The account takes no such file; where a link to it can be made, the customer gets that.
pub(super) fn as_link(code: Code) -> bool {
    matches!(code, Code::UnsupportedPart | Code::MediaTooLarge)
}
