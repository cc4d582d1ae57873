//! What does one attempt bring? By the URL that the platform gave, which costs no quota, and else by its id.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use tokio::time::timeout;

use super::{Fetcher, job::Job};
use crate::{
    accounts::Opened,
    channels::contract::Verdict,
    error::Code,
    media::{Label, MAX_BYTES, Unkept, describe},
    ports::{
        fetch::{Bytes, FetchFault, Incoming},
        platform::{Call, Streamed},
    },
    schema::v1::{self, media::State},
    tokens::{CallFault, Got, Keeper},
};

/// Refusals of the file itself may be early: it is asked for again before they are believed.
const BELIEVED_AFTER: u32 = 2;

/// What became of one attempt.
#[derive(Debug)]
pub(super) enum Outcome {
    Ready(Box<v1::Media>),
    /// It will not come.
    Over {
        state: State,
        why: String,
    },
    /// `slow`: somebody must mend something first.
    Again {
        why: String,
        slow: bool,
    },
}

impl Outcome {
    pub fn again(why: impl Into<String>) -> Self {
        Outcome::Again {
            why: why.into(),
            slow: false,
        }
    }

    fn slow(why: impl Into<String>) -> Self {
        Outcome::Again {
            why: why.into(),
            slow: true,
        }
    }

    fn over(state: State, why: impl Into<String>) -> Self {
        Outcome::Over { state, why: why.into() }
    }

    /// Final, once it was said often enough.
    fn believed(job: &Job, state: State, why: impl Into<String>) -> Self {
        match job.attempts < BELIEVED_AFTER {
            true => Outcome::again(why),
            false => Outcome::over(state, why),
        }
    }
}

impl Fetcher {
    pub(super) async fn attempt(&self, handle: &str, job: &Job) -> Outcome {
        match self.parts.library.get(handle).await {
            // Fetched before, and not told.
            Ok(Some(found)) => return Outcome::Ready(Box::new(describe(found.handle, found.meta))),
            Ok(None) => {}
            Err(error) => return Outcome::again(error.to_string()),
        }
        if job.attempts > 0 && self.parts.clock.now() >= job.expires {
            return Outcome::over(State::Expired, "the platform keeps files for three days");
        }
        if job.url.is_empty() {
            return self.by_id(handle, job).await;
        }
        let by_url = self.by_url(handle, job, &job.url).await;
        if matches!(by_url, Outcome::Ready(_)) || job.media_id.is_empty() {
            return by_url;
        }
        match (by_url, self.by_id(handle, job).await) {
            // One of the two may still work.
            (again @ Outcome::Again { .. }, Outcome::Over { .. }) => again,
            (_, by_id) => by_id,
        }
    }

    async fn by_url(&self, handle: &str, job: &Job, url: &str) -> Outcome {
        match self.parts.fetch.open(url, MAX_BYTES, self.parts.caps.head).await {
            Ok(file) => self.keep(handle, job, file).await,
            Err(FetchFault::TooLarge(_)) => too_large(),
            Err(fault @ FetchFault::Forbidden(_)) => Outcome::over(State::Blocked, fault.to_string()),
            Err(fault @ (FetchFault::Refused(400..=499) | FetchFault::Encoded(_))) => {
                Outcome::believed(job, State::Failed, fault.to_string())
            }
            Err(fault) => Outcome::again(fault.to_string()),
        }
    }

    async fn by_id(&self, handle: &str, job: &Job) -> Outcome {
        let Some(opened) = self.parts.registry.get(&job.account) else {
            return Outcome::slow("its account is not bound any more");
        };
        // Its ids name other files there, or none.
        if !job.key.is_empty() && !opened.has(&job.key) {
            return Outcome::slow("its account has another platform id now");
        }
        let call = match job.media_id.as_str() {
            "" => None,
            id => opened.account.download(id, &job.kind),
        };
        let Some(call) = call else {
            return Outcome::over(State::Failed, "the platform gives no such file out");
        };
        let range = opened.account.download_range();
        let first = range.map(|most| (0, most.saturating_sub(1)));
        let asked = self.parts.keeper.download(&opened, &call, first);
        let got = match timeout(self.parts.caps.head, asked).await {
            Ok(Ok(got)) => got,
            Ok(Err(fault)) => return no_answer(fault),
            Err(_) => return Outcome::again("the platform did not answer in time"),
        };
        match got {
            Got::At(url) => self.by_url(handle, job, &url).await,
            Got::Refused(verdict) => refused(job, verdict),
            Got::File(streamed) => match self.whole(opened, call, range, streamed) {
                Ok(file) => self.keep(handle, job, file).await,
                Err(outcome) => outcome,
            },
        }
    }

    /// The whole file, whether it comes in one answer or range by range.
    fn whole(
        &self,
        opened: Arc<Opened>,
        call: Call,
        range: Option<u64>,
        streamed: Streamed,
    ) -> Result<Incoming, Outcome> {
        let Streamed {
            status,
            from,
            whole,
            file,
            ..
        } = streamed;
        let (Some(most), 206) = (range, status) else {
            return Ok(file);
        };
        if from.is_some_and(|from| from != 0) {
            return Err(Outcome::again("other bytes came than were asked for"));
        }
        let Some(total) = whole else {
            // Less than was asked for is all there is; else nobody says what is missing.
            return match file.length.is_some_and(|length| length < most) {
                true => Ok(file),
                false => Err(Outcome::again("a part came, and nothing says of how much")),
            };
        };
        if total > MAX_BYTES {
            return Err(too_large());
        }
        let ranges = Ranges {
            keeper: self.parts.keeper.clone(),
            opened,
            call,
            most,
            total,
            at: 0,
            fresh: true,
            current: file.bytes,
        };
        Ok(Incoming {
            length: Some(total),
            bytes: ranges.stream(),
            ..file
        })
    }

    async fn keep(&self, handle: &str, job: &Job, file: Incoming) -> Outcome {
        if file.length.is_some_and(|length| length > MAX_BYTES) {
            return too_large();
        }
        // A gateway's page in place of a picture.
        if job.kind != "file" && file.content_type.to_ascii_lowercase().starts_with("text/html") {
            return Outcome::again("a page came in place of the file");
        }
        let either = |one: &str, other: String| if one.is_empty() { other } else { one.to_owned() };
        let label = Label {
            name: either(&job.name, file.name),
            stem: job.kind.to_string(),
            mime: either(&job.mime, file.content_type),
            account: job.account.clone(),
        };
        let bytes = patient(file.bytes, self.parts.caps.idle);
        let put = self.parts.library.put_as(handle.to_owned(), label, bytes);
        match timeout(self.parts.caps.whole, put).await {
            Ok(Ok(media)) => Outcome::Ready(Box::new(media)),
            Ok(Err(Unkept::TooLarge)) => too_large(),
            Ok(Err(why @ Unkept::Empty)) => Outcome::believed(job, State::Failed, why.to_string()),
            Ok(Err(why)) => Outcome::again(why.to_string()),
            Err(_) => Outcome::again("it was not complete in time"),
        }
    }
}

fn too_large() -> Outcome {
    Outcome::over(State::TooLarge, format!("larger than {MAX_BYTES} bytes"))
}

/// Ends where nothing comes for too long.
fn patient(bytes: Bytes, idle: Duration) -> Bytes {
    let patient = stream::unfold(Some(bytes), move |bytes| async move {
        let mut bytes = bytes?;
        match timeout(idle, bytes.next()).await {
            Ok(Some(Ok(chunk))) => Some((Ok(chunk), Some(bytes))),
            Ok(Some(Err(why))) => Some((Err(why), None)),
            Ok(None) => None,
            Err(_) => Some((Err(format!("nothing came for {idle:?}")), None)),
        }
    });
    Box::pin(patient.fuse())
}

fn no_answer(fault: CallFault) -> Outcome {
    match fault {
        CallFault::NoToken(error) if !error.retryable => Outcome::slow(said(&error)),
        CallFault::NoToken(error) => Outcome::again(said(&error)),
        CallFault::NotSent(why) | CallFault::Lost(why) => Outcome::again(why),
    }
}

fn refused(job: &Job, verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::UploadAgain(error) => Outcome::believed(job, State::Expired, said(&error)),
        Verdict::RetryLater(error) | Verdict::Unknown(error) => Outcome::again(said(&error)),
        Verdict::RefreshToken(error) => Outcome::slow(said(&error)),
        Verdict::Failed { error, .. } => match Code::parse(&error.code) {
            Some(Code::MediaExpired) => Outcome::believed(job, State::Expired, said(&error)),
            // The file is not what is wrong.
            Some(
                Code::IpNotAllowed
                | Code::NotEntitled
                | Code::ScopeNotGranted
                | Code::BadSecret
                | Code::BadAppId
                | Code::NeedsReauth
                | Code::AccountRevoked
                | Code::TokenTakenElsewhere
                | Code::RateLimited
                | Code::PlatformDown,
            ) => Outcome::slow(said(&error)),
            _ => Outcome::believed(job, State::Failed, said(&error)),
        },
        Verdict::Done { .. } => Outcome::again("the answer holds no file"),
    }
}

fn said(error: &v1::Error) -> String {
    format!("{} {} {}", error.code, error.platform_code, error.platform_message)
}

/// A file that the platform gives out range by range.
struct Ranges {
    keeper: Arc<Keeper>,
    opened: Arc<Opened>,
    call: Call,
    most: u64,
    total: u64,
    at: u64,
    /// Nothing of the current range has come yet.
    fresh: bool,
    current: Bytes,
}

impl Ranges {
    fn stream(self) -> Bytes {
        let pieces = stream::unfold(Some(self), |ranges| async move {
            let mut ranges = ranges?;
            match ranges.piece().await {
                Ok(Some(chunk)) => Some((Ok(chunk), Some(ranges))),
                Ok(None) => None,
                Err(why) => Some((Err(why), None)),
            }
        });
        Box::pin(pieces.fuse())
    }

    async fn piece(&mut self) -> Result<Option<bytes::Bytes>, String> {
        loop {
            if let Some(chunk) = self.current.next().await {
                let chunk = chunk?;
                self.at += chunk.len() as u64;
                self.fresh = false;
                return Ok(Some(chunk));
            }
            if self.at >= self.total {
                return Ok(None);
            }
            if self.fresh {
                return Err("an empty range came".to_owned());
            }
            self.next().await?;
        }
    }

    async fn next(&mut self) -> Result<(), String> {
        let last = (self.at + self.most).min(self.total) - 1;
        let asked = self.keeper.download(&self.opened, &self.call, Some((self.at, last)));
        match asked.await {
            Ok(Got::File(streamed)) if streamed.status == 206 && streamed.from.is_none_or(|from| from == self.at) => {
                self.current = streamed.file.bytes;
                self.fresh = true;
                Ok(())
            }
            _ => Err(format!("the bytes from {} on were refused", self.at)),
        }
    }
}
