//! Where does one HTTP/1.1 message end? Just enough of it for servers that we know, and nothing that costs time.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    ops::Range,
    time::Duration,
};

/// Nothing that we ask takes longer; applying ten thousand accounts takes the longest.
const PATIENCE: Duration = Duration::from_secs(300);

/// Where the body stands, once the message is complete.
pub fn body(bytes: &[u8]) -> io::Result<Option<Range<usize>>> {
    let Some(head) = find(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    let start = head + 4;
    let end = start + length(&bytes[..head])?;
    Ok((end <= bytes.len()).then_some(start..end))
}

/// The status of an answer; 0 where there is none.
pub fn status(bytes: &[u8]) -> u16 {
    let digits = bytes.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

pub fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn length(head: &[u8]) -> io::Result<usize> {
    for line in head.split(|&byte| byte == b'\n') {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            continue;
        };
        let (name, value) = line.split_at(colon);
        if name.eq_ignore_ascii_case(b"content-length") {
            let value = std::str::from_utf8(&value[1..]).map_err(io::Error::other)?;
            return value.trim().parse().map_err(io::Error::other);
        }
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return Err(io::Error::other("a body in chunks, which this client does not read"));
        }
    }
    Ok(0)
}

/// One connection that blocks.
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    /// Sends a whole request and reads its answer.
    pub fn exchange(&mut self, request: &[u8]) -> io::Result<(u16, &[u8])> {
        self.stream.write_all(request)?;
        self.buffer.clear();
        let mut part = [0; 16 * 1024];
        loop {
            let count = self.stream.read(&mut part)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.buffer.extend_from_slice(&part[..count]);
            if let Some(range) = body(&self.buffer)? {
                return Ok((status(&self.buffer), &self.buffer[range]));
            }
        }
    }
}

/// One request over a connection of its own.
pub fn ask(address: SocketAddr, method: &str, path: &str, bearer: &str, body: &[u8]) -> io::Result<(u16, String)> {
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\n",
        body.len()
    );
    if !bearer.is_empty() {
        request.push_str(&format!("authorization: Bearer {bearer}\r\n"));
    }
    request.push_str("content-type: application/json\r\n\r\n");
    let mut request = request.into_bytes();
    request.extend_from_slice(body);
    let mut wire = Wire::connect(address)?;
    let (status, answer) = wire.exchange(&request)?;
    Ok((status, String::from_utf8_lossy(answer).into_owned()))
}
