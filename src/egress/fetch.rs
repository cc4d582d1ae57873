//! What lies behind a URL that a core or a platform gave us? Fetched only from public addresses, resolved once and pinned.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use hyper::{
    HeaderMap, Request, StatusCode,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue},
};
use ipnet::IpNet;
use url::{Host, Url};

use super::{
    Egress,
    dial::Place,
    line::{Fault, Line},
    public::is_public,
    stream::{disposition, incoming, plain},
};
use crate::ports::fetch::{Fetch, FetchFault, Fetched, Incoming};

#[async_trait]
impl Fetch for Egress {
    async fn fetch(&self, url: &str, max_bytes: usize, within: Duration) -> Result<Fetched, FetchFault> {
        tokio::time::timeout(within, self.fetch_now(url, max_bytes))
            .await
            .unwrap_or_else(|_| Err(late(within)))
    }

    async fn open(&self, url: &str, max_bytes: u64, within: Duration) -> Result<Incoming, FetchFault> {
        tokio::time::timeout(within, self.open_now(url, max_bytes))
            .await
            .unwrap_or_else(|_| Err(late(within)))
    }
}

fn late(within: Duration) -> FetchFault {
    FetchFault::Unreachable(format!("not complete within {within:?}"))
}

impl Egress {
    async fn fetch_now(&self, url: &str, max_bytes: usize) -> Result<Fetched, FetchFault> {
        let mut file = self.open_now(url, max_bytes as u64).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = file.bytes.next().await {
            let chunk = chunk.map_err(FetchFault::Unreachable)?;
            // What was announced need not be what comes.
            if bytes.len() + chunk.len() > max_bytes {
                return Err(FetchFault::TooLarge(max_bytes));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Fetched {
            bytes,
            content_type: file.content_type,
            name: file.name,
        })
    }

    async fn open_now(&self, url: &str, max_bytes: u64) -> Result<Incoming, FetchFault> {
        let url = parse(url)?;
        let place = Place::of(&url).ok_or_else(|| FetchFault::Forbidden("it is no address of the web".into()))?;
        let addresses = self.vetted(&url).await?;
        let unreachable = |fault: Fault| FetchFault::Unreachable(fault.to_string());
        // Pinned: a second resolution could answer with another address.
        let socket = self.dialer.open_at(&place.peer, addresses).await.map_err(unreachable)?;
        let mut request = Request::default();
        *request.uri_mut() = place.path;
        *request.headers_mut() = place.headers;
        // Nothing is unpacked here: what is passed on must be the file.
        let headers = request.headers_mut();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let answer = Line::over(socket).await.map_err(unreachable)?;
        let answer = answer.ask(request).await.map_err(unreachable)?;
        if answer.head.status != StatusCode::OK {
            return Err(FetchFault::Refused(answer.head.status.as_u16()));
        }
        if let Some(encoding) = encoded(&answer.head.headers) {
            return Err(FetchFault::Encoded(encoding));
        }
        if answer.length().is_some_and(|length| length > max_bytes) {
            return Err(FetchFault::TooLarge(usize::try_from(max_bytes).unwrap_or(usize::MAX)));
        }
        let said = disposition(&answer.head.headers);
        let name = if said.is_empty() { last_segment(&url) } else { said };
        Ok(incoming(name, answer))
    }

    /// The addresses of the URL's host, every one of which may be asked.
    pub(super) async fn vetted(&self, url: &Url) -> Result<Vec<SocketAddr>, FetchFault> {
        let port = url.port_or_known_default().unwrap_or(443);
        let addresses: Vec<SocketAddr> = match url.host() {
            Some(Host::Ipv4(v4)) => vec![SocketAddr::new(IpAddr::V4(v4), port)],
            Some(Host::Ipv6(v6)) => vec![SocketAddr::new(IpAddr::V6(v6), port)],
            Some(Host::Domain(host)) => (self.names)(host.to_owned(), port)
                .await
                .map_err(|error| FetchFault::Unreachable(format!("the name does not resolve: {error}")))?,
            None => Vec::new(),
        };
        if addresses.is_empty() {
            return Err(FetchFault::Unreachable("the name has no address".into()));
        }
        let trusted = authority(url).is_some_and(|it| self.trusted.load().contains(&it));
        // One bad address among good ones is an attempt to get in: nothing of it is asked.
        let allowed = |ip: IpAddr| {
            let ip = ip.to_canonical();
            is_public(ip) || self.allow.iter().any(|net| covers(net, ip))
        };
        if !trusted && !addresses.iter().all(|address| allowed(address.ip())) {
            return Err(FetchFault::Forbidden(
                "its host is not on the public Internet; [egress] allow lists exceptions".into(),
            ));
        }
        Ok(addresses)
    }
}

/// Also a network of IPv4 that is written as one of IPv6.
fn covers(net: &IpNet, ip: IpAddr) -> bool {
    let mapped = || match ip {
        IpAddr::V4(v4) => net.contains(&IpAddr::V6(v4.to_ipv6_mapped())),
        IpAddr::V6(_) => false,
    };
    net.contains(&ip) || mapped()
}

pub(super) fn parse(text: &str) -> Result<Url, FetchFault> {
    let forbidden = |why: &str| FetchFault::Forbidden(why.to_owned());
    let url = Url::parse(text).map_err(|error| FetchFault::Forbidden(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(forbidden("only http and https are fetched"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(forbidden("it carries a user name or password"));
    }
    Ok(url)
}

/// How the body is packed, where it is not the file as it is.
fn encoded(headers: &HeaderMap) -> Option<String> {
    let said = headers.get_all(CONTENT_ENCODING).iter();
    let words = said.flat_map(|value| value.to_str().unwrap_or("unreadable").split(','));
    let mut words = words.map(str::trim).filter(|word| !word.is_empty());
    words.find(|word| !word.eq_ignore_ascii_case("identity")).map(plain)
}

/// `host:port`, lower-case.
pub(super) fn authority(url: &Url) -> Option<String> {
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

fn last_segment(url: &Url) -> String {
    let last = url.path_segments().and_then(|mut segments| segments.next_back());
    plain(&percent_encoding::percent_decode_str(last.unwrap_or_default()).decode_utf8_lossy())
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
