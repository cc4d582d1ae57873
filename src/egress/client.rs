//! How does one request reach the platform, and was it sent at all when no answer came?

use async_trait::async_trait;
use bytes::Bytes;
use hyper::{
    Request,
    header::{HeaderMap, RANGE},
};
use tokio::time::timeout;

use super::{
    Egress,
    dial::Place,
    line::{self, Ask, Fault},
    multipart,
    stream::{disposition, incoming, part, text},
};
use crate::ports::platform::{Answer, Call, CallBody, Method, NoAnswer, Platform, Streamed};

#[async_trait]
impl Platform for Egress {
    async fn ask(&self, base: &str, call: &Call, token: Option<&str>) -> Result<Answer, NoAnswer> {
        let request = self.request(base, call, token)?;
        let response = self.client.execute(request).await.map_err(classify)?;
        self.read(response).await
    }

    async fn open(
        &self,
        base: &str,
        call: &Call,
        token: Option<&str>,
        range: Option<(u64, u64)>,
    ) -> Result<Streamed, NoAnswer> {
        let request = self.request(base, call, token)?;
        let place = Place::of(request.url()).ok_or_else(|| NoAnswer::NotSent("the API base is no address".into()))?;
        let peer = place.peer.clone();
        // The body may take its time; only the head is waited for here.
        let answered = timeout(self.limits.call, self.files.ask(&peer, over(place, &request, range))).await;
        let answer = answered
            .map_err(|_| NoAnswer::Lost(format!("no answer within {:?}", self.limits.call)))?
            .map_err(|fault| match fault {
                Fault::Connect(why) => NoAnswer::NotSent(why),
                Fault::Broken(why) => NoAnswer::Lost(why),
            })?;
        let headers = &answer.head.headers;
        let (from, whole) = part(headers);
        Ok(Streamed {
            status: answer.head.status.as_u16(),
            date: date(headers),
            from,
            whole,
            file: incoming(disposition(headers), answer),
        })
    }
}

/// The same request for a connection of the files'.
fn over(place: Place, request: &reqwest::Request, range: Option<(u64, u64)>) -> Ask {
    let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
    let mut headers = place.headers;
    headers.extend(request.headers().clone());
    if let Some((first, last)) = range
        && let Ok(wanted) = format!("bytes={first}-{last}").parse()
    {
        headers.insert(RANGE, wanted);
    }
    let mut asked = Request::new(Bytes::copy_from_slice(body).into());
    *asked.method_mut() = request.method().clone();
    *asked.uri_mut() = place.path;
    *asked.headers_mut() = headers;
    asked
}

impl Egress {
    fn request(&self, base: &str, call: &Call, token: Option<&str>) -> Result<reqwest::Request, NoAnswer> {
        let mut url = url::Url::parse(&format!("{}{}", base.trim_end_matches('/'), call.path))
            .map_err(|error| NoAnswer::NotSent(format!("the API base is no URL: {error}")))?;
        if token.is_some() || !call.query.is_empty() {
            let mut query = url.query_pairs_mut();
            if let Some(token) = token {
                query.append_pair("access_token", token);
            }
            query.extend_pairs(call.query.iter().map(|(name, value)| (*name, value.as_str())));
        }
        let method = match call.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
        };
        let request = self.client.request(method, url).timeout(self.limits.call);
        let request = match &call.body {
            CallBody::Empty => request,
            CallBody::Json(json) => request
                .header("content-type", "application/json; charset=utf-8")
                .body(json.clone()),
            CallBody::File { name, mime, bytes } => {
                let (content_type, body) = multipart::one_file(name, mime, bytes);
                request
                    .timeout(self.limits.upload)
                    .header("content-type", content_type)
                    .body(body)
            }
        };
        request
            .build()
            .map_err(|error| NoAnswer::NotSent(error.without_url().to_string()))
    }

    async fn read(&self, mut response: reqwest::Response) -> Result<Answer, NoAnswer> {
        let date = date(response.headers());
        let content_type = text(response.headers(), "content-type").unwrap_or_default().to_owned();
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(classify)? {
            if body.len() + chunk.len() > self.limits.answer_bytes {
                return Err(NoAnswer::Lost("the answer is too large".into()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status,
            date,
            content_type,
            body,
        })
    }
}

fn date(headers: &HeaderMap) -> Option<i64> {
    let date = chrono::DateTime::parse_from_rfc2822(text(headers, "date")?).ok()?;
    Some(date.timestamp_millis())
}

/// Nothing left us while there was no connection; everything later may have arrived.
fn classify(error: reqwest::Error) -> NoAnswer {
    let not_sent = error.is_connect() || error.is_builder();
    // The URL carries the access token.
    let text = line::chain(&error.without_url());
    if not_sent {
        NoAnswer::NotSent(text)
    } else {
        NoAnswer::Lost(text)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::egress::Limits;

    fn call(body: CallBody) -> Call {
        Call {
            method: Method::Post,
            path: "/cgi-bin/message/custom/send",
            query: vec![("type", "image".into())],
            body,
        }
    }

    /// A server that reads one request and answers `answer`; gives back what it read.
    async fn once(answer: &'static [u8]) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let task = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("a caller");
            let mut read = Vec::new();
            let mut part = [0; 4096];
            loop {
                let count = socket.read(&mut part).await.expect("readable");
                read.extend_from_slice(&part[..count]);
                if count == 0 || read.ends_with(b"}") || read.ends_with(b"--\r\n") {
                    break;
                }
            }
            socket.write_all(answer).await.expect("writable");
            String::from_utf8_lossy(&read).into_owned()
        });
        (base, task)
    }

    fn egress() -> std::sync::Arc<Egress> {
        Egress::new(Vec::new(), Limits::default()).expect("a client")
    }

    #[tokio::test]
    async fn a_call_carries_token_query_and_raw_json_and_the_answer_its_date() {
        let (base, task) = once(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ndate: Tue, 08 Jul 2025 18:40:00 GMT\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}",
        )
        .await;
        let answer = egress()
            .ask(&base, &call(CallBody::Json("{\"a\":\"您\"}".into())), Some("T/1"))
            .await
            .expect("an answer");
        assert_eq!(
            (answer.status, answer.date, answer.body),
            (200, Some(1_752_000_000_000), b"{}".to_vec())
        );
        let request = task.await.expect("the server lives");
        assert!(
            request.starts_with("POST /cgi-bin/message/custom/send?access_token=T%2F1&type=image HTTP/1.1"),
            "{request}"
        );
        assert!(request.ends_with("{\"a\":\"您\"}"), "{request}");
    }

    #[tokio::test]
    async fn a_file_travels_in_the_field_media() {
        let (base, task) = once(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}").await;
        let body = CallBody::File {
            name: "图\".png".into(),
            mime: "image/png".into(),
            bytes: b"PNG".to_vec(),
        };
        egress().ask(&base, &call(body), None).await.expect("an answer");
        let request = task.await.expect("the server lives");
        assert!(request.contains("name=\"media\"; filename=\"图%22.png\""), "{request}");
        assert!(request.contains("\r\n\r\nPNG\r\n"), "{request}");
    }

    #[tokio::test]
    async fn a_range_of_a_file_comes_as_it_is_announced() {
        let (base, task) = once(
            "HTTP/1.1 206 Partial Content\r\ncontent-type: audio/amr\r\ncontent-range: bytes 2-4/9\r\n\
             content-disposition: attachment; filename=\"语音.amr\"\r\ncontent-length: 3\r\n\r\nabc"
                .as_bytes(),
        )
        .await;
        let asked = call(CallBody::Json("{\"a\":1}".into()));
        let opened = egress().open(&base, &asked, Some("T/1"), Some((2, 4))).await;
        let mut opened = opened.map_err(|fault| fault.to_string()).expect("a file");
        assert_eq!(
            (opened.status, opened.from, opened.whole, opened.file.length),
            (206, Some(2), Some(9), Some(3))
        );
        assert_eq!(
            (opened.file.content_type.as_str(), opened.file.name.as_str()),
            ("audio/amr", "语音.amr")
        );
        let mut bytes = Vec::new();
        while let Some(piece) = opened.file.bytes.next().await {
            bytes.extend_from_slice(&piece.expect("a piece"));
        }
        assert_eq!(bytes, b"abc");
        let request = task.await.expect("the server lives");
        let head = "POST /cgi-bin/message/custom/send?access_token=T%2F1&type=image HTTP/1.1\r\n";
        assert!(request.starts_with(head), "{request}");
        for line in [
            "\r\nrange: bytes=2-4\r\n",
            "\r\ncontent-type: application/json; charset=utf-8\r\n",
            "\r\ncontent-length: 7\r\n",
            &format!("\r\nhost: {}\r\n", &base[7..]),
        ] {
            assert!(request.contains(line), "{line:?}: {request}");
        }
        assert!(request.ends_with("\r\n\r\n{\"a\":1}"), "{request}");
    }

    #[tokio::test]
    async fn why_a_file_does_not_come_is_told_without_the_token() {
        let (cut, task) = once(b"").await;
        let asked = call(CallBody::Json(b"{}".to_vec()));
        let lost = egress().open(&cut, &asked, Some("SECRET"), None).await.err();
        task.await.expect("the server lives");
        let gone = egress().open(&cut, &asked, Some("SECRET"), None).await.err();
        assert!(
            matches!((&lost, &gone), (Some(NoAnswer::Lost(_)), Some(NoAnswer::NotSent(_)))),
            "{lost:?} {gone:?}"
        );
        assert!(!format!("{lost:?} {gone:?}").contains("SECRET"), "{lost:?} {gone:?}");
    }

    #[tokio::test]
    async fn nobody_listening_means_not_sent_and_the_token_stays_secret() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        drop(listener);
        let refused = egress().ask(&base, &call(CallBody::Empty), Some("SECRET")).await;
        let Err(NoAnswer::NotSent(text)) = refused else {
            panic!("{refused:?}")
        };
        assert!(!text.contains("SECRET"), "{text}");
    }

    #[tokio::test]
    async fn a_connection_that_ends_without_an_answer_is_lost() {
        let (base, task) = once(b"").await;
        let lost = egress()
            .ask(&base, &call(CallBody::Json(b"{}".to_vec())), Some("SECRET"))
            .await;
        let Err(NoAnswer::Lost(text)) = lost else {
            panic!("{lost:?}")
        };
        assert!(!text.contains("SECRET"), "{text}");
        task.await.expect("the server lives");
    }
}
