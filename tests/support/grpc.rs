//! How does a core speak gRPC? With tonic's own server, in a runtime of its own, so that it can vanish with all its
//! connections.

use std::{
    collections::HashSet,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_util::rt::TokioExecutor;
use prost::Message as _;
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    runtime::Runtime,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tonic::{
    Code, Request, Response, Status, Streaming,
    metadata::MetadataMap,
    transport::{
        Server,
        server::{Connected, TcpIncoming},
    },
};
use wxbridge::schema::{
    rpc,
    v1::{
        self, DeliverRequest, DeliverResponse, SendRequest,
        bridge_client::BridgeClient,
        core_server::{self, CoreServer},
        send_request::What,
    },
};

use super::{bridge::Bridge, until};

/// One event of one attempt.
#[derive(Clone, Debug)]
pub struct Heard {
    pub event: v1::Event,
    pub metadata: MetadataMap,
    /// How many events its request had.
    pub together: usize,
}

impl Heard {
    pub fn text(&self) -> &str {
        match &self.event.body {
            Some(v1::event::Body::Message(message)) => &message.summary,
            _ => "",
        }
    }

    pub fn key(&self) -> &str {
        self.event.conversation.as_ref().map_or("", |it| &it.key)
    }

    pub fn said(&self, name: &str) -> &str {
        let value = self.metadata.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }
}

/// What the core answers.
pub enum Said {
    Taken(DeliverResponse),
    Refused(Status),
    /// OK for the whole request, without a word.
    AllTaken,
    /// This, but later.
    After(Duration, Box<Said>),
    /// Nothing, for ever.
    Never,
}

impl Said {
    pub fn taken() -> Self {
        Self::Taken(DeliverResponse::default())
    }

    pub fn reply(text: &str) -> Self {
        Self::Taken(DeliverResponse {
            replies: vec![text_reply(text)],
            ..Default::default()
        })
    }

    pub fn code(code: Code) -> Self {
        Self::Refused(Status::new(code, "as the test wants it"))
    }
}

pub fn text_reply(text: &str) -> SendRequest {
    SendRequest {
        what: Some(What::Text(text.into())),
        ..Default::default()
    }
}

type Behaviour = Box<dyn FnMut(&Heard) -> Said + Send>;

struct Inner {
    heard: Mutex<Vec<Heard>>,
    behaviour: Mutex<Behaviour>,
}

#[derive(Clone)]
struct Desk(Arc<Inner>);

#[tonic::async_trait]
impl core_server::Core for Desk {
    async fn deliver(&self, request: Request<DeliverRequest>) -> Result<Response<DeliverResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let mut whole = DeliverResponse::default();
        let together = request.events.len();
        let alone = together == 1;
        for event in request.events {
            let heard = Heard {
                event,
                metadata: metadata.clone(),
                together,
            };
            self.0.heard.lock().unwrap().push(heard.clone());
            let mut said = (self.0.behaviour.lock().unwrap())(&heard);
            while let Said::After(wait, then) = said {
                tokio::time::sleep(wait).await;
                said = *then;
            }
            match said {
                Said::Taken(response) if alone => whole = response,
                Said::Taken(response) if !response.results.is_empty() => whole.results.extend(response.results),
                Said::Taken(response) => whole.results.push(v1::Ack {
                    conversation_key: heard.key().to_owned(),
                    through_seq: heard.event.seq,
                    replies: response.replies,
                    ..Default::default()
                }),
                Said::AllTaken => {}
                Said::Refused(status) => return Err(status),
                Said::Never | Said::After(..) => std::future::pending().await,
            }
        }
        Ok(Response::new(whole))
    }
}

/// A running core.
pub struct GrpcCore {
    pub address: SocketAddr,
    inner: Arc<Inner>,
    runtime: Option<Runtime>,
}

impl GrpcCore {
    pub fn start(behaviour: impl FnMut(&Heard) -> Said + Send + 'static) -> Self {
        Self::at(([127, 0, 0, 1], 0).into(), behaviour)
    }

    pub fn at(address: SocketAddr, behaviour: impl FnMut(&Heard) -> Said + Send + 'static) -> Self {
        let inner = Arc::new(Inner {
            heard: Mutex::default(),
            behaviour: Mutex::new(Box::new(behaviour)),
        });
        let (address, runtime) = serve(&address.to_string(), inner.clone());
        Self {
            address,
            inner,
            runtime: Some(runtime),
        }
    }

    /// Behind TLS.
    pub fn start_tls(tls: Arc<ServerConfig>, behaviour: impl FnMut(&Heard) -> Said + Send + 'static) -> Self {
        let inner = Arc::new(Inner {
            heard: Mutex::default(),
            behaviour: Mutex::new(Box::new(behaviour)),
        });
        let (address, runtime) = serve_tls(tls, inner.clone());
        Self {
            address,
            inner,
            runtime: Some(runtime),
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn behaves(&self, behaviour: impl FnMut(&Heard) -> Said + Send + 'static) {
        *self.inner.behaviour.lock().unwrap() = Box::new(behaviour);
    }

    /// Gone, with every connection.
    pub fn goes(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    pub fn is_there(&self) -> bool {
        self.runtime.is_some()
    }

    /// Back at the same address, with its record.
    pub async fn comes_back(&mut self) {
        until("the core's port", async || {
            std::net::TcpListener::bind(self.address).ok()
        })
        .await;
        let (_, runtime) = serve(&self.address.to_string(), self.inner.clone());
        self.runtime = Some(runtime);
    }

    /// Every attempt so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.inner.heard.lock().unwrap().clone()
    }

    pub async fn hears(&self, count: usize) -> Vec<Heard> {
        until(&format!("{count} attempts at the core"), async || {
            let heard = self.heard();
            (heard.len() >= count).then_some(heard)
        })
        .await
    }

    /// The texts of customers, each event once, in the order of its first attempt.
    pub fn texts(&self) -> Vec<String> {
        let mut ids = HashSet::new();
        let first = self
            .heard()
            .into_iter()
            .filter(|heard| ids.insert(heard.event.id.clone()));
        let texts = first.map(|heard| heard.text().to_owned());
        texts.filter(|text| !text.is_empty()).collect()
    }
}

impl Drop for GrpcCore {
    fn drop(&mut self) {
        self.goes();
    }
}

pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

fn serve_tls(tls: Arc<ServerConfig>, inner: Arc<Inner>) -> (SocketAddr, Runtime) {
    let runtime = runtime();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let within = runtime.enter();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    drop(within);
    let incoming = futures_util::stream::unfold((listener, TlsAcceptor::from(tls)), |(listener, tls)| async move {
        let (stream, _) = listener.accept().await.unwrap();
        let sealed = tls.accept(stream).await.map(Sealed);
        Some((sealed, (listener, tls)))
    });
    runtime.spawn(async move {
        let served = Server::builder().serve_with_incoming(CoreServer::new(Desk(inner)), incoming);
        served.await.unwrap();
    });
    (address, runtime)
}

/// A connection inside TLS.
struct Sealed(TlsStream<TcpStream>);

impl Connected for Sealed {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Sealed {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, to)
    }
}

impl AsyncWrite for Sealed {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

fn serve(listen: &str, inner: Arc<Inner>) -> (SocketAddr, Runtime) {
    let runtime = runtime();
    let within = runtime.enter();
    let incoming = TcpIncoming::bind(listen.parse().unwrap()).unwrap();
    let address = incoming.local_addr().unwrap();
    drop(within);
    runtime.spawn(async move {
        let served = Server::builder().serve_with_incoming(CoreServer::new(Desk(inner)), incoming);
        served.await.unwrap();
    });
    (address, runtime)
}

// ───────────── the other way: somebody who calls the bridge ─────────────

type Http = hyper_util::client::legacy::Client<hyper_util::client::legacy::connect::HttpConnector, tonic::body::Body>;

/// Calls the bridge, with a token or without.
#[derive(Clone)]
pub struct Client {
    pub bridge: BridgeClient<Http>,
    pub http: Http,
    pub origin: Uri,
    pub token: Option<String>,
}

pub fn client(bridge: &Bridge, token: &str) -> Client {
    Client {
        token: Some(token.to_owned()),
        ..Client::nobody(bridge)
    }
}

impl Client {
    /// Without a token.
    pub fn nobody(bridge: &Bridge) -> Self {
        Self::at(&format!("http://127.0.0.1:{}", bridge.grpc_port()))
    }

    pub fn at(origin: &str) -> Self {
        let origin: Uri = origin.parse().unwrap();
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .http2_only(true)
            .build_http();
        Self {
            bridge: BridgeClient::with_origin(http.clone(), origin.clone()),
            http,
            origin,
            token: None,
        }
    }

    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(token) = &self.token {
            let value = format!("Bearer {token}").parse().unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        request
    }

    /// `send` or `preview`.
    pub async fn ask(&mut self, wish: SendRequest, how: &str) -> Result<v1::SendResult, Status> {
        let request = self.request(wish);
        let answer = match how {
            "preview" => self.bridge.preview(request).await,
            _ => self.bridge.send(request).await,
        };
        answer.map(Response::into_inner)
    }

    pub async fn get_message(&mut self, which: v1::GetMessageRequest) -> Result<v1::SendResult, Status> {
        let request = self.request(which);
        self.bridge.get_message(request).await.map(Response::into_inner)
    }

    pub async fn get_conversation(
        &mut self,
        which: v1::GetConversationRequest,
    ) -> Result<v1::ConversationView, Status> {
        let request = self.request(which);
        self.bridge.get_conversation(request).await.map(Response::into_inner)
    }

    pub async fn list_accounts(&mut self, page: v1::ListAccountsRequest) -> Result<v1::ListAccountsResponse, Status> {
        let request = self.request(page);
        self.bridge.list_accounts(request).await.map(Response::into_inner)
    }

    pub async fn get_account(&mut self, which: v1::GetAccountRequest) -> Result<v1::AccountView, Status> {
        let request = self.request(which);
        self.bridge.get_account(request).await.map(Response::into_inner)
    }

    pub async fn create_entry(&mut self, entry: v1::Entry) -> Result<v1::CreateEntryResponse, Status> {
        let request = self.request(entry);
        self.bridge.create_entry(request).await.map(Response::into_inner)
    }

    pub async fn put_media(&mut self, pieces: Vec<v1::MediaChunk>) -> Result<v1::Media, Status> {
        let request = self.request(futures_util::stream::iter(pieces));
        self.bridge.put_media(request).await.map(Response::into_inner)
    }

    /// A file of which nothing is read yet.
    pub async fn open_media(&mut self, handle: &str) -> Result<Streaming<v1::MediaChunk>, Status> {
        let which = v1::GetMediaRequest {
            handle: handle.to_owned(),
            offset: 0,
        };
        let request = self.request(which);
        Ok(self.bridge.get_media(request).await?.into_inner())
    }

    /// All pieces.
    pub async fn get_media(&mut self, which: v1::GetMediaRequest) -> Result<Vec<v1::MediaChunk>, Status> {
        let request = self.request(which);
        let mut stream = self.bridge.get_media(request).await?.into_inner();
        let mut pieces = Vec::new();
        while let Some(piece) = stream.message().await? {
            pieces.push(piece);
        }
        Ok(pieces)
    }

    /// Any bytes as the request of a call; the answer's status.
    pub async fn raw(&mut self, method: &str, bytes: &[u8]) -> Result<(), Status> {
        let mut framed = vec![0];
        framed.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
        framed.extend(bytes);
        let request = http::Request::post(format!("{}wxbridge.v1.Bridge/{method}", self.origin))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header(
                "authorization",
                format!("Bearer {}", self.token.clone().unwrap_or_default()),
            )
            .body(whole(framed))
            .unwrap();
        let answer = self.http.request(request).await.unwrap();
        match Status::from_header_map(answer.headers()) {
            Some(status) if status.code() != Code::Ok => Err(status),
            _ => Ok(()),
        }
    }
}

/// A body of these bytes.
pub fn whole(bytes: Vec<u8>) -> tonic::body::Body {
    tonic::body::Body::new(One(Some(bytes.into())))
}

struct One(Option<prost::bytes::Bytes>);

impl http_body::Body for One {
    type Data = prost::bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(http_body::Frame::data(bytes))))
    }
}

/// `ErrorInfo.reason` among the details.
pub fn reason(status: &Status) -> String {
    let told = rpc::Status::decode(status.details()).unwrap();
    let mut infos = told
        .details
        .iter()
        .filter_map(|it| it.read::<rpc::ErrorInfo>("google.rpc.ErrorInfo"));
    let info = infos.next().unwrap_or_default();
    let mut ours = told
        .details
        .iter()
        .filter_map(|it| it.read::<v1::Error>("wxbridge.v1.Error"));
    assert_eq!(
        ours.next().map(|error| error.code),
        Some(info.reason.clone()),
        "{status:?}"
    );
    info.reason
}

/// `RetryInfo` among the details.
pub fn retry_after(status: &Status) -> Option<Duration> {
    let wait = rpc::retry_delay(status.details())?;
    Some(Duration::from_secs(wait.seconds.unsigned_abs()))
}
