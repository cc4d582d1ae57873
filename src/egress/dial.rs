//! How is a connection opened? Name, TCP, TLS with the authorities that this machine trusts. Never through a proxy.

use std::{
    error::Error,
    future::{Ready, ready},
    io,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
    vec,
};

use hyper::{
    Uri,
    header::{HOST, HeaderMap, HeaderValue},
};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::{
    client::legacy::connect::{HttpConnector, dns::Name},
    rt::TokioIo,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring, version};
use rustls_platform_verifier::Verifier;
use tokio::{net::TcpStream, time::timeout};
use tower_service::Service;
use url::Url;

use super::line::Fault;

/// An open connection, with TLS or without.
pub type Socket = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Our name.
pub(super) const AGENT: &str = concat!("wxbridge/", env!("CARGO_PKG_VERSION"));
/// A peer that went away without a word is noticed after about a minute …
const PROBE: Duration = Duration::from_secs(15);
const PROBES: u32 = 3;
/// … and after this where it was sent something.
#[cfg(target_os = "linux")]
const UNHEARD: Duration = Duration::from_secs(30);

/// Trusts whom this machine trusts; speaks HTTP/1.1.
pub fn trust() -> Result<ClientConfig, rustls::Error> {
    let verifier = Verifier::new(Arc::new(ring::default_provider()))?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(http1(config))
}

/// Trusts nobody: plain HTTP works, HTTPS says why it does not.
pub fn distrust() -> Result<ClientConfig, rustls::Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Ok(http1(config))
}

fn http1(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// Whether the other side ended the handshake when we thought it done: in TLS 1.3 it looks at who we are last, and says what it
/// thinks of it where the first answer is awaited.
pub(super) fn ended_handshake(error: &(dyn Error + 'static)) -> bool {
    use rustls::AlertDescription as Alert;
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(rustls::Error::AlertReceived(alert)) = cause.downcast_ref() {
            return matches!(
                alert,
                Alert::CertificateRequired
                    | Alert::BadCertificate
                    | Alert::UnsupportedCertificate
                    | Alert::CertificateRevoked
                    | Alert::CertificateExpired
                    | Alert::CertificateUnknown
                    | Alert::UnknownCA
                    | Alert::AccessDenied
                    | Alert::DecryptError
                    | Alert::HandshakeFailure
            );
        }
        // What an I/O error wraps is not its source, but stands in its place.
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => cause.source(),
        };
    }
    false
}

/// Whom a URL names, and what of it stands in a request's head. Read once, used for every request.
#[derive(Clone, Debug)]
pub struct Place {
    /// Scheme, host and port: whom a connection leads to.
    pub peer: Uri,
    /// Path and query: what is asked for there.
    pub path: Uri,
    /// `Host`, our name, and what the URL says of a user.
    pub headers: HeaderMap,
}

impl Place {
    /// `None`: no address of the web.
    pub fn of(url: &Url) -> Option<Self> {
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let host = match url.port() {
            Some(port) => format!("{}:{port}", url.host_str()?),
            None => url.host_str()?.to_owned(),
        };
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let mut headers = HeaderMap::with_capacity(16);
        headers.insert(HOST, host.parse().ok()?);
        headers.insert("accept", HeaderValue::from_static("*/*"));
        headers.insert("user-agent", HeaderValue::from_static(AGENT));
        if let Some(user) = user(url) {
            headers.insert("authorization", user);
        }
        Some(Self {
            peer: format!("{}://{host}/", url.scheme()).parse().ok()?,
            path: format!("{}{query}", url.path()).parse().ok()?,
            headers,
        })
    }
}

/// `user:password@` of the URL, as a header that no log shows.
fn user(url: &Url) -> Option<HeaderValue> {
    use base64::Engine as _;
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let plain = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
    let both = [plain(url.username()), plain(url.password().unwrap_or_default())].join(&b':');
    let coded = base64::engine::general_purpose::STANDARD.encode(both);
    let mut value = HeaderValue::from_str(&format!("Basic {coded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Opens connections.
#[derive(Clone, Debug)]
pub struct Dialer {
    tls: Arc<ClientConfig>,
    within: Duration,
}

impl Dialer {
    /// `within`: how long name, TCP and TLS may take together.
    pub fn new(tls: Arc<ClientConfig>, within: Duration) -> Self {
        Self { tls, within }
    }

    /// To whatever address the system's names give the host.
    pub async fn open(&self, peer: &Uri) -> Result<Socket, Fault> {
        self.by(HttpConnector::new(), peer).await
    }

    /// To one of these addresses, whatever the host's name leads to by now.
    pub async fn open_at(&self, peer: &Uri, addresses: Vec<SocketAddr>) -> Result<Socket, Fault> {
        self.by(HttpConnector::new_with_resolver(Pinned(addresses)), peer).await
    }

    async fn by<R>(&self, mut tcp: HttpConnector<R>, peer: &Uri) -> Result<Socket, Fault>
    where
        HttpConnector<R>: Service<Uri, Response = TokioIo<TcpStream>>,
        <HttpConnector<R> as Service<Uri>>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        <HttpConnector<R> as Service<Uri>>::Future: Send + 'static,
    {
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(self.within));
        tcp.set_keepalive(Some(PROBE));
        tcp.set_keepalive_interval(Some(PROBE));
        tcp.set_keepalive_retries(Some(PROBES));
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(UNHEARD));
        let mut connector = HttpsConnector::from((tcp, self.tls.clone()));
        match timeout(self.within, connector.call(peer.clone())).await {
            Ok(opened) => opened.map_err(|error| Fault::connect(&*error)),
            Err(_) => Err(Fault::Connect(format!("no connection within {:?}", self.within))),
        }
    }
}

/// Names that lead where they led when they were looked at.
#[derive(Clone)]
struct Pinned(Vec<SocketAddr>);

impl Service<Name> for Pinned {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        ready(Ok(std::mem::take(&mut self.0).into_iter()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> Place {
        Place::of(&url.parse().expect("a URL")).expect("a place")
    }

    #[test]
    fn a_url_is_read_into_whom_and_what() {
        for (url, peer, path, host) in [
            ("http://core.example", "http://core.example/", "/", "core.example"),
            (
                "https://core.example:443/a?b=c#d",
                "https://core.example/",
                "/a?b=c",
                "core.example",
            ),
            ("http://[::1]:81/图", "http://[::1]:81/", "/%E5%9B%BE", "[::1]:81"),
            ("HTTP://EXAMPLE:8080/?", "http://example:8080/", "/?", "example:8080"),
        ] {
            let place = place(url);
            let found = (
                place.peer.to_string(),
                place.path.to_string(),
                place.headers[HOST].to_str().unwrap_or_default(),
            );
            assert_eq!(found, (peer.to_owned(), path.to_owned(), host), "{url}");
            assert!(!place.headers.contains_key("authorization"), "{url}");
        }
        assert!(Place::of(&"ftp://core.example/".parse().expect("a URL")).is_none());
    }

    #[test]
    fn a_user_in_the_url_goes_by_header_and_is_not_shown() {
        let place = place("http://us%40er:pa%3Ass@core.example/");
        assert_eq!(place.headers["authorization"], "Basic dXNAZXI6cGE6c3M=");
        assert_eq!(place.headers[HOST], "core.example");
        assert!(!format!("{place:?}").contains("dXNA"), "{place:?}");
    }
}
