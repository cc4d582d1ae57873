//! What does the demo consist of? The bridge, the simulator, a small core and a page, put together by [`start`].
//!
//! Core and page speak to the bridge as anybody else would: the core over HTTP as the contract says, the page through
//! `GET /admin/v1/timeline` with a viewer's token. Neither knows the bridge's inside.

mod answers;
mod core;
mod page;
mod phones;
mod picture;
mod run;

pub use self::{
    core::{Core, start_core},
    page::{PageOptions, start_page},
    phones::Phone,
    run::{Demo, DemoFault, Options, start},
};

use std::{io, net::SocketAddr};

use actix_web::dev::{Server, ServerHandle};

/// A server of the demo. It runs until it is stopped or dropped.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    handle: ServerHandle,
}

impl Running {
    fn spawn(address: SocketAddr, server: Server) -> Self {
        let handle = server.handle();
        tokio::spawn(server);
        Self { address, handle }
    }

    /// `http://address:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What is to be said of an address that others reach: the page asks for no token.
    fn warning(&self) -> &'static str {
        warning(self.address)
    }

    pub async fn stop(self) {
        self.handle.stop(false).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The order to stop is sent when the future is made; it need not be polled.
        drop(self.handle.stop(false));
    }
}

fn warning(address: SocketAddr) -> &'static str {
    if address.ip().is_loopback() {
        return "";
    }
    "Whoever reaches this address can use the page, which asks for no token. 能访问此地址的人都能使用该页面，页面不需要令牌。\n"
}

fn client() -> io::Result<reqwest::Client> {
    // The client wants one even for plain HTTP; whoever installed one before keeps it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(io::Error::other)
}

#[cfg(test)]
mod tests;
