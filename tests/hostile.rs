//! What does somebody get who means no good? Every hostile row of the callbacks against the real binary: the status, what
//! the operator sees of it, and that a good message passes afterwards. Bodies are data in `fixtures/hostile`.

#![allow(clippy::unwrap_used)]

#[path = "hostile/bodies.rs"]
mod bodies;
#[path = "hostile/callers.rs"]
mod callers;
mod support;
#[path = "hostile/wire.rs"]
mod wire;

use support::{
    bridge::{Bridge, Setup},
    core::{Core, Said},
    peer::{Push, Shop, msg_id},
    raw::{exchange, request},
    until,
};

/// An encrypted and a plain account before a core that takes everything.
struct House {
    bridge: Bridge,
    core: Core,
    shop: Shop,
    clear: Shop,
}

impl House {
    async fn open() -> Self {
        let core = Core::start(|_| Said::taken()).await;
        let bridge = Bridge::start(Setup::to_core(&core, "raw = \"inline\"")).await;
        let (shop, clear) = (Shop::new("shop"), Shop::new("clear").with("security = \"plain\""));
        bridge.apply(&[&shop, &clear], "http://127.0.0.1:9").await;
        Self {
            bridge,
            core,
            shop,
            clear,
        }
    }

    async fn refused(&self, account: &str, code: &str) -> f64 {
        let line = format!("wxbridge_callbacks_refused_total{{account=\"{account}\",code=\"{code}\"}}");
        self.bridge.metric(&line).await
    }

    async fn quarantined(&self, account: &str, code: &str) -> f64 {
        let line = format!("wxbridge_quarantined_total{{account=\"{account}\",reason=\"{code}\"}}");
        self.bridge.metric(&line).await
    }

    /// Sends it, and checks status, an empty body where it is refused, and that it is counted with its code.
    async fn refuses(&self, shop: &Shop, push: &Push, status: u16, code: &str) {
        let before = self.refused(&shop.id, code).await;
        let answer = self.bridge.pushed(shop, push).await;
        assert_eq!(answer, (status, String::new()), "{code}: {}", push.query);
        assert_eq!(self.refused(&shop.id, code).await, before + 1.0, "{code} is counted");
    }

    /// A message of a customer whom nobody attacked reaches the core.
    async fn still_serves(&self) {
        let text = format!("good {}", msg_id());
        assert_eq!(
            self.bridge.text(&self.shop, "oGood", &text).await,
            (200, "success".into())
        );
        until("the good message", async || {
            self.core.heard().iter().any(|heard| heard.text() == text).then_some(())
        })
        .await;
    }

    async fn raw(&self, line: &str, headers: &[&str], body: &[u8]) -> String {
        exchange(self.bridge.public_port(), &request(line, headers, body)).await
    }
}
