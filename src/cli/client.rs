//! How does a command talk to the running daemon? Over its internal listener, with a token.

use std::{path::Path, time::Duration};

use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use super::{
    exit::{FAILED, Failure, Outcome, REFUSED, UNREACHABLE, USAGE},
    lang::Lang,
    tls::Papers,
};
use crate::{
    api_tokens::OPERATOR_FILE,
    config::{Config, reader::read_text},
    secret::Secret,
};

pub const URL_VARIABLE: &str = "WXBRIDGE_URL";
pub const TOKEN_VARIABLE: &str = "WXBRIDGE_TOKEN";

const CONNECT: Duration = Duration::from_secs(5);
/// Silence of the daemon after which we give up: longer than any `wait` that we ask for.
const SILENCE: Duration = Duration::from_secs(120);

/// The daemon, as somebody with a token sees it.
pub struct Client {
    base: url::Url,
    token: Secret,
    http: reqwest::Client,
    /// Refusals come in the operator's language.
    lang: Lang,
}

impl Client {
    /// `WXBRIDGE_URL` and `WXBRIDGE_TOKEN`, else the listener and the state folder of the configuration.
    pub fn new(config_file: Option<&Path>, lang: Lang) -> Outcome<Self> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (url, token) = (
            set(URL_VARIABLE),
            set(TOKEN_VARIABLE).map(|text| Secret::new(text.trim())),
        );
        let config = match (&url, &token) {
            (Some(_), Some(_)) => None,
            _ => Some(Config::load(config_file)?),
        };
        let far = url.is_some();
        let url = url.or_else(|| config.as_ref().map(listener)).unwrap_or_default();
        let token = match (token, &config) {
            (Some(token), _) => token,
            (None, Some(config)) => operator_token(&config.store.dir, far)?,
            (None, None) => Secret::default(),
        };
        let papers = Papers::of(set)?;
        // At the address of our own configuration only its own certificate is expected.
        let own = config.filter(|_| !far).and_then(|config| config.internal.tls);
        let trust = match own {
            Some(tls) => Some(papers.own(&tls.cert_file)?),
            None if url.starts_with("https:") => papers.far()?,
            None => None,
        };
        Ok(Self {
            lang,
            ..Self::trusting(&url, token, trust)?
        })
    }

    /// A daemon at `url`.
    pub fn to(url: &str, token: Secret) -> Outcome<Self> {
        Self::trusting(url, token, None)
    }

    fn trusting(url: &str, token: Secret, trust: Option<rustls::ClientConfig>) -> Outcome<Self> {
        let base = url::Url::parse(url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"));
        let base = base.ok_or_else(|| {
            let example = "http://127.0.0.1:8081";
            Failure::told(
                USAGE,
                format!("{URL_VARIABLE}: found {url:?}; expected an address such as {example}"),
                format!("{URL_VARIABLE}：当前为 {url:?}；应为形如 {example} 的地址"),
            )
        })?;
        let http = build(base.scheme() == "https", trust).map_err(|error| Failure::failed(error.to_string()))?;
        Ok(Self {
            base,
            token,
            http,
            lang: Lang::default(),
        })
    }

    pub async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Outcome<Value> {
        json(self.ask(Method::GET, path, query, None).await?).await
    }

    pub async fn post(&self, path: &[&str], query: &[(&str, &str)], body: &Value) -> Outcome<Value> {
        json(self.ask(Method::POST, path, query, Some(body)).await?).await
    }

    pub async fn delete(&self, path: &[&str]) -> Outcome<Value> {
        json(self.ask(Method::DELETE, path, &[], None).await?).await
    }

    /// All items of a list, page by page.
    pub async fn list(&self, path: &[&str], query: &[(&str, &str)]) -> Outcome<Value> {
        let mut items = Vec::new();
        let mut after = String::new();
        loop {
            let mut query = query.to_vec();
            if !after.is_empty() {
                query.push(("after", &after));
            }
            let mut page = self.get(path, &query).await?;
            if let Some(Value::Array(found)) = page.get_mut("items").map(Value::take) {
                items.extend(found);
            }
            match page.get("next").and_then(Value::as_str) {
                Some(next) if !next.is_empty() && next != after => next.clone_into(&mut after),
                _ => return Ok(serde_json::json!({ "items": items, "next": "" })),
            }
        }
    }

    /// The answer itself, for bodies that are not JSON. Refusals are told already.
    pub async fn ask(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Outcome<Response> {
        if let Some(odd) = path.iter().find(|it| matches!(**it, "" | "." | "..")) {
            // No address can carry it: it would be another address.
            return Err(Failure::told(
                USAGE,
                format!("{odd:?} is nobody's name"),
                format!("{odd:?} 不能作为名称"),
            ));
        }
        if !self.token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::told(
                REFUSED,
                format!("{TOKEN_VARIABLE} holds what no token has, a blank or a line break"),
                format!("{TOKEN_VARIABLE} 中有令牌不会含有的字符，如空格或换行"),
            ));
        }
        let mut request = self.http.request(method, self.address(path, query));
        request = request
            .bearer_auth(self.token.expose())
            .header(reqwest::header::ACCEPT_LANGUAGE, self.lang.name());
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(refusal(answer).await)
    }

    fn address(&self, path: &[&str], query: &[(&str, &str)]) -> url::Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let mut reason = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(deeper) = cause {
            reason = deeper.to_string();
            cause = deeper.source();
        }
        let (hint, zh) = (
            "is `wxbridge serve` running? WXBRIDGE_URL names another address",
            "`wxbridge serve` 是否在运行？可用 WXBRIDGE_URL 指定其他地址",
        );
        Failure::told(
            UNREACHABLE,
            format!("cannot reach the daemon at {}: {reason}; {hint}", self.base),
            format!("无法连接 {} 上的服务：{reason}；{zh}", self.base),
        )
    }
}

/// The address at which the internal listener of this machine is reached.
fn listener(config: &Config) -> String {
    let mut address = config.internal.listen;
    match address.ip() {
        std::net::IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(std::net::Ipv4Addr::LOCALHOST.into()),
        std::net::IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(std::net::Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    let scheme = if config.internal.tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{address}")
}

fn operator_token(dir: &Path, far: bool) -> Outcome<Secret> {
    let file = dir.join(OPERATOR_FILE);
    match read_text(&file) {
        Ok(text) => Ok(Secret::new(text.expose().trim())),
        Err(error) => {
            // No state folder at all: nobody has started a daemon with this configuration.
            let absent = error.kind() == std::io::ErrorKind::NotFound && !dir.exists() && !far;
            let exit = if absent { UNREACHABLE } else { REFUSED };
            let (hint, zh) = match absent {
                true => ("is `wxbridge serve` running? ", "`wxbridge serve` 是否在运行？"),
                false => ("", ""),
            };
            let file = file.display();
            Err(Failure::told(
                exit,
                format!("{hint}no token: set {TOKEN_VARIABLE}, or let {file} be readable ({error})"),
                format!("{zh}没有令牌：请设置 {TOKEN_VARIABLE}，或让 {file} 可读（{error}）"),
            ))
        }
    }
}

/// Redirects are not followed and proxies not asked: the token is for the daemon alone.
fn build(tls: bool, trust: Option<rustls::ClientConfig>) -> reqwest::Result<reqwest::Client> {
    // A second call changes nothing; without a provider no client can be made.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE);
    if !tls {
        // Plain HTTP needs no certificates, and a small container has none.
        builder = builder.tls_certs_only([]);
    } else if let Some(trust) = trust {
        builder = builder.tls_backend_preconfigured(trust);
    }
    builder.build()
}

async fn json(answer: Response) -> Outcome<Value> {
    let bytes = answer
        .bytes()
        .await
        .map_err(|error| Failure::failed(error.to_string()))?;
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&bytes).map_err(|_| {
        Failure::told(
            FAILED,
            "the daemon's answer is not JSON: is this wxbridge?",
            "服务的回答不是JSON：对方是wxbridge吗？",
        )
    })
}

/// Problem details as a sentence.
async fn refusal(answer: Response) -> Failure {
    let status = answer.status();
    let body: Value = match answer.bytes().await {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
        Err(_) => Value::Null,
    };
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (code, detail, remedy) = (text("code"), text("detail"), text("remedy"));
    let mut message = match (code.as_str(), detail.as_str()) {
        ("", "") => format!("the daemon answered {status}"),
        (code, detail) => format!("{code}: {detail}"),
    };
    if !remedy.is_empty() {
        message.push('\n');
        message.push_str(&remedy);
    }
    let exit = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => REFUSED,
        _ => FAILED,
    };
    Failure {
        problem: Some(body).filter(Value::is_object),
        ..Failure::new(exit, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_segment_stays_one() {
        let client = Client::to("http://127.0.0.1:1/below/", Secret::new("t")).expect("a client");
        let url = client.address(&["v1", "conversations", "a:b%2F/c"], &[("wait", "5s")]);
        assert_eq!(
            url.as_str(),
            "http://127.0.0.1:1/below/v1/conversations/a:b%252F%2Fc?wait=5s"
        );
    }

    #[test]
    fn the_listener_of_all_addresses_is_reached_at_loopback() {
        let mut config = Config::default();
        config.internal.listen = "0.0.0.0:9".parse().expect("an address");
        assert_eq!(listener(&config), "http://127.0.0.1:9");
    }

    #[tokio::test]
    async fn a_daemon_that_is_not_there_is_69() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let client = Client::to(&format!("http://{address}"), Secret::new("t")).expect("a client");
        let failure = client.get(&["v1", "accounts"], &[]).await.expect_err("nobody is there");
        assert_eq!(failure.exit, UNREACHABLE);
    }
}
