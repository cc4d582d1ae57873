//! What lies behind a URL that a core or a platform gave us? Fetched only from public addresses, resolved once and pinned.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use url::{Host, Url};

use super::{
    Egress, builder,
    client::describe,
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
        let addresses = self.vetted(&url).await?;
        let mut client = builder(&self.limits);
        if let Some(Host::Domain(host)) = url.host() {
            // Pinned: a second resolution could answer with another address.
            client = client.resolve_to_addrs(host, &addresses);
        }
        let unreachable = |error: reqwest::Error| FetchFault::Unreachable(describe(&error.without_url()));
        let client = client.build().map_err(unreachable)?;
        let name = last_segment(&url);
        let response = client.get(url).send().await.map_err(unreachable)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(FetchFault::Refused(response.status().as_u16()));
        }
        if response.content_length().is_some_and(|length| length > max_bytes) {
            return Err(FetchFault::TooLarge(usize::try_from(max_bytes).unwrap_or(usize::MAX)));
        }
        let said = disposition(&response);
        Ok(incoming(if said.is_empty() { name } else { said }, response))
    }

    /// The addresses of the URL's host, every one of which may be asked.
    async fn vetted(&self, url: &Url) -> Result<Vec<SocketAddr>, FetchFault> {
        let port = url.port_or_known_default().unwrap_or(443);
        let addresses: Vec<SocketAddr> = match url.host() {
            Some(Host::Ipv4(v4)) => vec![SocketAddr::new(IpAddr::V4(v4), port)],
            Some(Host::Ipv6(v6)) => vec![SocketAddr::new(IpAddr::V6(v6), port)],
            Some(Host::Domain(host)) => tokio::net::lookup_host((host, port))
                .await
                .map_err(|error| FetchFault::Unreachable(format!("the name does not resolve: {error}")))?
                .collect(),
            None => Vec::new(),
        };
        if addresses.is_empty() {
            return Err(FetchFault::Unreachable("the name has no address".into()));
        }
        let trusted = authority(url).is_some_and(|it| self.trusted.load().contains(&it));
        // One bad address among good ones is an attempt to get in: nothing of it is asked.
        let allowed = |ip: IpAddr| is_public(ip) || self.allow.iter().any(|net| net.contains(&ip));
        if !trusted && !addresses.iter().all(|address| allowed(address.ip())) {
            return Err(FetchFault::Forbidden(
                "its host is not on the public Internet; [egress] allow lists exceptions".into(),
            ));
        }
        Ok(addresses)
    }
}

fn parse(text: &str) -> Result<Url, FetchFault> {
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

/// `host:port`, lower-case.
pub(super) fn authority(url: &Url) -> Option<String> {
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

fn last_segment(url: &Url) -> String {
    let last = url.path_segments().and_then(|mut segments| segments.next_back());
    plain(&percent_encoding::percent_decode_str(last.unwrap_or_default()).decode_utf8_lossy())
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::egress::Limits;

    /// A server that answers every request with `answer`.
    async fn server(answer: String) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut part = [0; 4096];
                let _ = socket.read(&mut part).await;
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        });
        base
    }

    const LIMIT: Duration = Duration::from_secs(5);

    fn egress(allow: &[&str]) -> std::sync::Arc<Egress> {
        let allow = allow.iter().map(|net| net.parse().expect("a network")).collect();
        Egress::new(allow, Limits::default()).expect("a client")
    }

    #[tokio::test]
    async fn private_places_are_refused_unless_allowed_or_trusted() {
        let base = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi".into()).await;
        let url = format!("{base}/a/%E5%9B%BE.png?x=1");
        let refused = egress(&[]).fetch(&url, 10, LIMIT).await;
        assert!(matches!(refused, Err(FetchFault::Forbidden(_))), "{refused:?}");
        let named = url.replace("127.0.0.1", "localhost");
        let refused = egress(&[]).fetch(&named, 10, LIMIT).await;
        assert!(matches!(refused, Err(FetchFault::Forbidden(_))), "{refused:?}");

        let fetched = egress(&["127.0.0.0/8"]).fetch(&url, 10, LIMIT).await.expect("allowed");
        assert_eq!((fetched.bytes, fetched.name.as_str()), (b"hi".to_vec(), "图.png"));

        let trusting = egress(&[]);
        trusting.trust([base.as_str()]);
        trusting.fetch(&url, 10, LIMIT).await.expect("the operator's own host");
    }

    #[tokio::test]
    async fn redirects_and_large_files_are_not_followed() {
        let base = server(
            "HTTP/1.1 302 Found\r\nlocation: http://10.0.0.1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".into(),
        )
        .await;
        let allowed = egress(&["127.0.0.0/8"]);
        assert_eq!(allowed.fetch(&base, 10, LIMIT).await, Err(FetchFault::Refused(302)));
        // No length is announced: the count of what came decides.
        let base = server("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n0123456789ABC".into()).await;
        assert_eq!(allowed.fetch(&base, 10, LIMIT).await, Err(FetchFault::TooLarge(10)));
    }

    #[tokio::test]
    async fn only_web_addresses_without_credentials_are_urls_to_fetch() {
        for url in [
            "file:///etc/passwd",
            "ftp://1.1.1.1/",
            "https://a:b@1.1.1.1/",
            "nonsense",
        ] {
            let refused = egress(&[]).fetch(url, 10, LIMIT).await;
            assert!(matches!(refused, Err(FetchFault::Forbidden(_))), "{url}: {refused:?}");
        }
    }
}
