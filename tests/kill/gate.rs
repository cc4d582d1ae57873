//! At which step of a pull shall it happen? A door before the simulated platform that passes everything on, and stops one
//! page at the step that a test chose.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    web::{self, Bytes, Data},
};
use futures_util::stream;
use serde_json::Value;
use tokio::sync::watch;

/// A step of the page with this number, counted from when the gate was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It was asked for, and the platform has not heard it.
    Asked(usize),
    /// The platform has answered, and nothing of it came back.
    Known(usize),
    /// Half of the answer came back.
    Half(usize),
    /// All of it did. The only step that lets the bridge go on, so that it is killed somewhere behind it.
    Whole(usize),
}

impl Step {
    fn page(self) -> usize {
        match self {
            Step::Asked(page) | Step::Known(page) | Step::Half(page) | Step::Whole(page) => page,
        }
    }
}

struct Inner {
    platform: String,
    http: reqwest::Client,
    stop: Mutex<Option<Step>>,
    pages: AtomicUsize,
    reached: watch::Sender<bool>,
    /// The cursors of the pages that the bridge has had whole, in their order.
    given: Mutex<Vec<String>>,
}

pub struct Gate {
    url: String,
    inner: Arc<Inner>,
    handle: ServerHandle,
}

impl Gate {
    pub fn before(platform: &str) -> Self {
        let inner = Arc::new(Inner {
            platform: platform.to_owned(),
            http: crate::support::client(),
            stop: Mutex::default(),
            pages: AtomicUsize::new(0),
            reached: watch::Sender::new(false),
            given: Mutex::default(),
        });
        let data = Data::from(inner.clone());
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(pass)))
            .workers(1)
            .shutdown_timeout(0)
            .disable_signals()
            .bind("127.0.0.1:0")
            .unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url, inner, handle }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on pages are counted, and one of them stops.
    pub fn stops(&self, step: Option<Step>) {
        *self.inner.stop.lock().unwrap() = step;
        self.inner.pages.store(0, Ordering::SeqCst);
        self.inner.reached.send_replace(false);
    }

    /// Waits until the step is reached.
    pub async fn reached(&self) {
        let mut reached = self.inner.reached.subscribe();
        let patience = tokio::time::timeout(crate::support::LIMIT, reached.wait_for(|it| *it));
        patience.await.expect("the step is reached").unwrap();
    }

    /// The cursors of the pages that the bridge has had whole.
    pub fn given(&self) -> Vec<String> {
        self.inner.given.lock().unwrap().clone()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // The order to stop is sent when the future is made.
        drop(self.handle.stop(false));
    }
}

async fn pass(request: HttpRequest, body: Bytes, gate: Data<Inner>) -> HttpResponse {
    let pull = request.path().ends_with("kf/sync_msg");
    let stop = match pull {
        true => gate.stop_of(gate.pages.fetch_add(1, Ordering::SeqCst)),
        false => None,
    };
    if let Some(Step::Asked(_)) = stop {
        gate.hold().await;
    }
    let url = format!("{}{}", gate.platform, request.uri());
    let method = reqwest::Method::from_bytes(request.method().as_str().as_bytes()).unwrap();
    let Ok(answer) = gate.http.request(method, url).body(body.to_vec()).send().await else {
        return HttpResponse::BadGateway().finish();
    };
    let answer = answer.bytes().await.unwrap_or_default();
    let cursor = || {
        let page: Value = serde_json::from_slice(&answer).unwrap_or_default();
        page["next_cursor"].as_str().unwrap_or_default().to_owned()
    };
    match stop {
        Some(Step::Known(_)) => gate.hold().await,
        Some(Step::Half(_)) => return gate.into_inner().half(&answer),
        _ if pull => gate.given.lock().unwrap().push(cursor()),
        _ => {}
    }
    let last = stop.is_some();
    let whole = stream::unfold(Some(answer), move |rest| {
        let gate = gate.clone();
        async move {
            let Some(bytes) = rest else {
                // The body has been handed to the connection.
                if last {
                    gate.reached.send_replace(true);
                }
                return None;
            };
            Some((Ok::<_, actix_web::Error>(bytes), None))
        }
    });
    HttpResponse::Ok().content_type("application/json").streaming(whole)
}

impl Inner {
    fn stop_of(&self, page: usize) -> Option<Step> {
        self.stop.lock().unwrap().filter(|step| step.page() == page)
    }

    async fn hold(&self) {
        self.reached.send_replace(true);
        std::future::pending::<()>().await;
    }

    /// The first half, and then nothing more.
    fn half(self: Arc<Self>, answer: &Bytes) -> HttpResponse {
        let first = answer.slice(..answer.len() / 2);
        let rest = stream::unfold(Some(first), move |first| {
            let gate = self.clone();
            async move {
                let Some(bytes) = first else {
                    gate.hold().await;
                    return None;
                };
                Some((Ok::<_, actix_web::Error>(bytes), None))
            }
        });
        HttpResponse::Ok().content_type("application/json").streaming(rest)
    }
}
