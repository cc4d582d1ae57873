//! What else may stand in the details of a gRPC status? The few of google.rpc's messages that say why, and when to come
//! back (googleapis, google/rpc/status.proto and error_details.proto).

use std::collections::BTreeMap;

use pbjson_types::Duration;
use prost::Message;

use super::v1;
use crate::error::{Code, Fault, pages};

/// Whose reasons stand in `ErrorInfo`.
const DOMAIN: &str = "wxbridge";
const PREFIX: &str = "type.googleapis.com/";

/// `google.rpc.Status`, as it travels in `grpc-status-details-bin`.
#[derive(Clone, PartialEq, Message)]
pub struct Status {
    #[prost(int32, tag = "1")]
    pub code: i32,
    #[prost(string, tag = "2")]
    pub message: String,
    #[prost(message, repeated, tag = "3")]
    pub details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub struct Detail {
    #[prost(string, tag = "1")]
    pub type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

/// `google.rpc.ErrorInfo`: the reason that programs branch on.
#[derive(Clone, PartialEq, Message)]
pub struct ErrorInfo {
    #[prost(string, tag = "1")]
    pub reason: String,
    #[prost(string, tag = "2")]
    pub domain: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub metadata: BTreeMap<String, String>,
}

/// `google.rpc.RetryInfo`: what `Retry-After` is to HTTP.
#[derive(Clone, PartialEq, Message)]
pub struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    pub retry_delay: Option<Duration>,
}

impl Detail {
    /// One message with its name, such as `google.rpc.ErrorInfo`.
    pub fn of(name: &str, message: &impl Message) -> Self {
        Self {
            type_url: format!("{PREFIX}{name}"),
            value: message.encode_to_vec(),
        }
    }

    /// The message, if it is the one of that name.
    pub fn read<T: Message + Default>(&self, name: &str) -> Option<T> {
        let named = self.type_url.rsplit('/').next() == Some(name);
        named.then(|| T::decode(self.value.as_slice()).ok()).flatten()
    }
}

/// What `RetryInfo` asks for, in the details of a status.
pub fn retry_delay(details: &[u8]) -> Option<Duration> {
    let status = Status::decode(details).ok()?;
    let mut details = status.details.iter();
    details.find_map(|detail| detail.read::<RetryInfo>("google.rpc.RetryInfo")?.retry_delay)
}

/// A refusal as gRPC carries it: the status of its code, and the code itself in the details.
pub fn refusal(fault: &Fault) -> tonic::Status {
    refusal_with(
        tonic::Code::from(fault.code.grpc()),
        fault.code,
        &fault.detail,
        &More::default(),
    )
}

/// What some refusals say besides.
#[derive(Clone, Copy, Debug, Default)]
pub struct More<'a> {
    /// Seconds until it is worth coming back.
    pub retry_after: Option<u32>,
    /// `CURSOR_TOO_OLD`: where to go on from.
    pub oldest_available: Option<&'a str>,
}

/// A refusal with a status of its own.
pub fn refusal_with(status: tonic::Code, code: Code, detail: &str, more: &More<'_>) -> tonic::Status {
    let remedy = pages::page(code).remedy_en;
    let told = v1::Error {
        code: code.name().into(),
        platform_message: detail.to_owned(),
        retryable: more.retry_after.is_some(),
        remedy: remedy.into(),
        ..Default::default()
    };
    let mut metadata = BTreeMap::from([("remedy".to_owned(), remedy.to_owned())]);
    metadata.extend(
        more.oldest_available
            .map(|it| ("oldestAvailable".to_owned(), it.to_owned())),
    );
    let info = ErrorInfo {
        reason: code.name().into(),
        domain: DOMAIN.into(),
        metadata,
    };
    let mut details = vec![
        Detail::of("google.rpc.ErrorInfo", &info),
        Detail::of("wxbridge.v1.Error", &told),
    ];
    details.extend(more.retry_after.map(|seconds| {
        let retry_delay = Some(Duration {
            seconds: i64::from(seconds),
            nanos: 0,
        });
        Detail::of("google.rpc.RetryInfo", &RetryInfo { retry_delay })
    }));
    let whole = Status {
        code: status as i32,
        message: detail.to_owned(),
        details,
    };
    tonic::Status::with_details(status, detail, whole.encode_to_vec().into())
}
