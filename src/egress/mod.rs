//! How do we call out safely? The platform's API on one side, URLs that others gave us on the other.
//!
//! Neither follows redirects, neither goes through a proxy of the environment, and no text that leaves here carries a URL:
//! a platform URL carries the access token.

mod client;
pub mod dial;
pub mod fetch;
pub mod forward;
pub mod line;
mod multipart;
mod old_url;
pub mod pool;
pub mod public;
mod stream;

use std::{io, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use ipnet::IpNet;

use self::{dial::Dialer, pool::Pool};

/// A connection to the platform that is idle for longer is not used again.
const IDLE: Duration = Duration::from_secs(50);

/// Time limits of calls to the platform.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub connect: Duration,
    /// From the first byte of the request to the last of the answer.
    pub call: Duration,
    /// The same where a file travels.
    pub upload: Duration,
    /// No answer of the platform is larger.
    pub answer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            call: Duration::from_secs(12),
            upload: Duration::from_secs(60),
            answer_bytes: 32 << 20,
        }
    }
}

/// The way out, over sockets.
pub struct Egress {
    /// For calls, whose answers are small.
    client: reqwest::Client,
    /// For files of the platform.
    files: Arc<Pool>,
    /// For files of anybody.
    dialer: Dialer,
    limits: Limits,
    /// Private networks that URLs given to us may point into.
    allow: Vec<IpNet>,
    /// `host:port` of the operator's own choice (`[platform]`, `api_base`): always allowed.
    trusted: ArcSwap<Vec<String>>,
    names: Names,
}

/// Who says which addresses a name has, for URLs that others gave us; asked once per fetch.
type Names = Box<dyn Fn(String, u16) -> Resolving + Send + Sync>;
type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

fn system_names() -> Names {
    Box::new(|host, port| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, port)).await?;
            Ok(found.collect())
        })
    })
}

/// Why the way out could not be built.
#[derive(Debug, thiserror::Error)]
#[error("cannot build the HTTP client: {0}")]
pub struct NoClient(String);

impl Egress {
    pub fn new(allow: Vec<IpNet>, limits: Limits) -> Result<Arc<Self>, NoClient> {
        Self::with_names(allow, limits, system_names())
    }

    fn with_names(allow: Vec<IpNet>, limits: Limits, names: Names) -> Result<Arc<Self>, NoClient> {
        let trust = dial::trust().map_err(|error| NoClient(error.to_string()))?;
        let client = client(&limits, trust.clone()).map_err(|error| NoClient(error.without_url().to_string()))?;
        let dialer = Dialer::new(Arc::new(trust), limits.connect);
        Ok(Arc::new(Self {
            client,
            files: Pool::new(dialer.clone(), IDLE),
            dialer,
            limits,
            allow,
            trusted: ArcSwap::default(),
            names,
        }))
    }

    /// Base URLs that the operator wrote down: URLs on the same host and port are fetched wherever they point.
    pub fn trust<'a>(&self, bases: impl IntoIterator<Item = &'a str>) {
        let authorities = bases
            .into_iter()
            .filter_map(|base| url::Url::parse(base).ok())
            .filter_map(|base| fetch::authority(&base))
            .collect();
        self.trusted.store(Arc::new(authorities));
    }
}

/// A client with our rules, which tries HTTP/2 first.
fn client(limits: &Limits, mut trust: rustls::ClientConfig) -> reqwest::Result<reqwest::Client> {
    // For whoever asks for a provider without naming one; fails only when one is in place already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    trust.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    reqwest::Client::builder()
        .tls_backend_preconfigured(trust)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(limits.connect)
        .pool_idle_timeout(IDLE)
        .user_agent(dial::AGENT)
        .build()
}
