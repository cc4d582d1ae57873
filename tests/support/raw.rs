//! What does the bridge say to bytes that no HTTP client would send?

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Sends bytes as they are and reads what comes until the other side closes or says nothing for a while.
pub async fn exchange(port: u16, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    // A server that has read enough may close before it was told everything.
    let _ = stream.write_all(bytes).await;
    let (told, ended) = read(&mut stream, Duration::from_secs(12)).await;
    assert!(ended, "neither a whole answer nor an end: {told}");
    told
}

/// What comes until the answer is whole or the connection ends, and whether either happened within the limit.
pub async fn read(stream: &mut TcpStream, limit: Duration) -> (String, bool) {
    let mut told = Vec::new();
    let ended = timeout(limit, async {
        let mut buffer = [0; 4096];
        loop {
            match stream.read(&mut buffer).await {
                Ok(count) if count > 0 => told.extend_from_slice(&buffer[..count]),
                _ => return,
            }
            if is_whole(&told) {
                return;
            }
        }
    })
    .await;
    (String::from_utf8_lossy(&told).into_owned(), ended.is_ok())
}

/// Head and as much of a body as it announces are there.
pub fn is_whole(told: &[u8]) -> bool {
    let text = String::from_utf8_lossy(told);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length:")
            .map(str::to_owned)
    });
    length
        .and_then(|length| length.trim().parse::<usize>().ok())
        .is_some_and(|length| body.len() >= length)
}

/// The status of an answer's head; 0 where there is none.
pub fn status(told: &str) -> u16 {
    told.split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_default()
}

/// One request with this head line and these headers, closing.
pub fn request(line: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{line} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n").into_bytes();
    for header in headers {
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}
