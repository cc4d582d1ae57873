//! What could HTTP do at best? Bodies posted over connections that stay open, each signed as a webhook is, by a loop that
//! does nothing else.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::{
    Outcome,
    core::{Core, SILENT},
};

/// Posts the bodies again and again to a core; how many a second were taken.
pub fn posts(bodies: &[Vec<u8>], in_flight: usize, lasts: Duration) -> Outcome<f64> {
    if bodies.is_empty() {
        return Err("there is nothing to post".into());
    }
    let core = Core::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SILENT)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let bodies = Arc::new(bodies.to_vec());
    let began = Instant::now();
    let posted = runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for number in 0..in_flight {
            tasks.spawn(post(core.address, bodies.clone(), number, in_flight, began + lasts));
        }
        let mut all = 0;
        while let Some(posted) = tasks.join_next().await {
            all += posted??;
        }
        Outcome::Ok(all)
    })?;
    Ok(posted as f64 / began.elapsed().as_secs_f64())
}

async fn post(
    address: SocketAddr,
    bodies: Arc<Vec<Vec<u8>>>,
    first: usize,
    step: usize,
    until: Instant,
) -> Outcome<u64> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"012345678901234567890123");
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut posted, mut answer) = (0, [0; 256]);
    for body in bodies.iter().cycle().skip(first).step_by(step) {
        if Instant::now() >= until {
            break;
        }
        let mut context = hmac::Context::with_key(&key);
        context.update(b"01890a5d-ac96-774b-bcce-b302099a8057.1700000000.");
        context.update(body);
        let head = format!(
            "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/cloudevents+json\r\n\
             webhook-id: 01890a5d-ac96-774b-bcce-b302099a8057\r\nwebhook-timestamp: 1700000000\r\n\
             webhook-signature: v1,{}\r\ncontent-length: {}\r\n\r\n",
            STANDARD.encode(context.sign()),
            body.len()
        );
        let mut request = head.into_bytes();
        request.extend_from_slice(body);
        stream.write_all(&request).await?;
        let count = stream.read(&mut answer).await?;
        if answer.get(..count) != Some(SILENT) {
            return Err("a bare POST was not taken".into());
        }
        posted += 1;
    }
    Ok(posted)
}
