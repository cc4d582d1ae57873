//! Which connection does a call travel on? One for each core, HTTP/2 from its first byte, made when it is needed and made
//! anew when it fell silent.

use std::{
    error::Error,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use arc_swap::ArcSwap;
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, Uri};
use http_body_util::{BodyExt as _, combinators::MapFrame};
use hyper::body::{Frame, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tonic::body::Body;
use tower_service::Service;

use super::{
    LinkError, millis,
    mute::{Listened, Mutes},
    tls,
};
use crate::cores::Core;

/// Longest wait for a connection, TLS included; less where the core's timeout is short, so that "nobody is there" stays
/// apart from "nobody answered".
const CONNECT: Duration = Duration::from_secs(10);
/// So long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(90);
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

/// The way to one core, whatever connection there is now.
pub struct Route {
    connector: Connector,
    origin: Uri,
    now: ArcSwap<Connection>,
}

/// One connection, or none yet.
pub struct Connection {
    pub wire: Wire,
    pub origin: Uri,
}

impl Route {
    pub fn to(core: &Core) -> Result<Self, LinkError> {
        let origin = origin(&core.url).ok_or_else(|| LinkError::Url {
            core: core.name.clone(),
        })?;
        let tls = tls::client(&core.credentials).map_err(|fault| LinkError::Credentials {
            core: core.name.clone(),
            fault,
        })?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(TCP_KEEPALIVE));
        let inner = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http2()
            .wrap_connector(tcp);
        let limit = CONNECT.min(millis(core.timeout) / 2);
        let connector = Connector {
            inner,
            limit,
            mutes: Mutes::default(),
        };
        let now = ArcSwap::from_pointee(Connection::new(&connector, &origin));
        Ok(Self { connector, origin, now })
    }

    pub fn connection(&self) -> Arc<Connection> {
        self.now.load_full()
    }

    /// From now on calls take another connection than this one.
    pub fn renew(&self, old: &Arc<Connection>) {
        let new = Arc::new(Connection::new(&self.connector, &self.origin));
        // Of several calls that meet the same silence one is enough.
        self.now.compare_and_swap(old, new);
    }
}

impl Connection {
    fn new(connector: &Connector, origin: &Uri) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .http2_only(true)
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .http2_adaptive_window(true)
            .build(connector.clone());
        Self {
            wire: Wire {
                client,
                mutes: connector.mutes.clone(),
            },
            origin: origin.clone(),
        }
    }
}

/// Scheme and authority; a path has no meaning in gRPC.
fn origin(url: &str) -> Option<Uri> {
    let url = url::Url::parse(url).ok()?;
    let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https"))?;
    let port = url.port_or_known_default()?;
    Uri::builder()
        .scheme(url.scheme())
        .authority(format!("{host}:{port}"))
        .path_and_query("/")
        .build()
        .ok()
}

/// Why a call got no answer.
#[derive(Debug, thiserror::Error)]
pub enum Silence {
    #[error("cannot connect: {0}")]
    Unconnected(String),
    #[error("no complete answer: {0}")]
    Broken(String),
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
}

/// What calls are written to.
#[derive(Clone)]
pub struct Wire {
    client: Client<Connector, Body>,
    mutes: Mutes,
}

/// The body of an answer, its trailers looked at before anybody reads them.
type Sound = MapFrame<Incoming, fn(Frame<Bytes>) -> Frame<Bytes>>;

impl Service<Request<Body>> for Wire {
    type Response = Response<Sound>;
    type Error = Silence;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Silence>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Silence>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (mutes, before) = (self.mutes.clone(), self.mutes.count());
        let answered = self.client.request(request);
        Box::pin(async move {
            let answer = answered.await.map_err(|error| match mutes.since(before) {
                Some(why) => Silence::Unconnected(why),
                None if error.is_connect() => Silence::Unconnected(chain(&error)),
                None => Silence::Broken(chain(&error)),
            });
            answer.map(sound)
        })
    }
}

/// How the library that reads them reads details.
const DETAILS: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Without details that are no base64, on which tonic panics: code and message say enough.
fn sound(answer: Response<Incoming>) -> Response<Sound> {
    let (mut head, body) = answer.into_parts();
    head.headers = readable(head.headers);
    Response::from_parts(head, body.map_frame(sound_frame))
}

fn sound_frame(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(trailers) => Frame::trailers(readable(trailers)),
        Err(data) => data,
    }
}

fn readable(mut headers: HeaderMap) -> HeaderMap {
    let details = headers.get("grpc-status-details-bin");
    if details.is_some_and(|details| DETAILS.decode(details.as_bytes()).is_err()) {
        headers.remove("grpc-status-details-bin");
    }
    headers
}

/// The causes of an error, outermost left out: it only says that there is a cause.
pub fn chain(error: &dyn Error) -> String {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    if causes.is_empty() {
        error.to_string()
    } else {
        causes.join(": ")
    }
}

type Fault = Box<dyn Error + Send + Sync>;

/// TCP and, for https, TLS, both within one limit.
#[derive(Clone)]
pub struct Connector {
    inner: HttpsConnector<HttpConnector>,
    limit: Duration,
    mutes: Mutes,
}

impl Service<Uri> for Connector {
    type Response = Listened<<HttpsConnector<HttpConnector> as Service<Uri>>::Response>;
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Fault>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (connected, limit, mutes) = (self.inner.call(to), self.limit, self.mutes.clone());
        Box::pin(async move {
            let late = |_| Fault::from(format!("no connection within {} ms", limit.as_millis()));
            let connected = tokio::time::timeout(limit, connected).await.map_err(late)??;
            Ok(Listened::new(connected, mutes))
        })
    }
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};

    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (url, found) in [
            ("https://core.example:9443", Some("https://core.example:9443/")),
            ("https://core.example", Some("https://core.example:443/")),
            ("http://[::1]:50051/", Some("http://[::1]:50051/")),
            ("grpc://core:1", None),
            ("core:1", None),
        ] {
            let origin = origin(url).map(|origin| origin.to_string());
            assert_eq!(origin.as_deref(), found, "{url}");
        }
    }

    #[test]
    fn details_that_cannot_be_read_leave_code_and_message() {
        for (details, kept) in [
            ("CAM=", true),
            ("CAM", true),
            ("!!!", false),
            ("CA0SAz_-_w", false),
            ("CAM=,CAM=", false),
            ("CAN", false),
        ] {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "14".parse().expect("a value"));
            trailers.insert("grpc-message", "busy".parse().expect("a value"));
            trailers.insert("grpc-status-details-bin", details.parse().expect("a value"));
            let sound = sound_frame(Frame::trailers(trailers))
                .into_trailers()
                .expect("trailers");
            let status = Status::from_header_map(&sound).expect("a status");
            assert_eq!(
                (status.code(), status.message()),
                (Code::Unavailable, "busy"),
                "{details}"
            );
            assert_eq!(!status.details().is_empty(), kept, "{details}");
        }
    }
}
