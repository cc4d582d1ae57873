//! How does a customer's browser, or the platform, get a file behind a signed link? `GET /m/{handle}` on the public listener.
//!
//! No token: the link is the permission. What comes out is a file and never a page of ours, whatever its bytes say.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        Method, StatusCode,
        header::{self, HeaderValue},
    },
    web::{self, Data, ServiceConfig},
};

use bytes::Bytes;

use super::calls::media::chunks;
use crate::{
    media::{
        Found, Library,
        links::{Links, Shut},
    },
    ports::clock::Clock,
};

/// What stands behind the links.
pub struct Door {
    pub links: Arc<Links>,
    pub library: Arc<Library>,
    pub clock: Arc<dyn Clock>,
}

/// Configures the public listener for `/m/{handle}`.
pub fn links(door: Data<Door>) -> impl Fn(&mut ServiceConfig) + Clone {
    move |app| {
        let link = web::resource("/{handle}")
            .route(web::get().to(serve))
            .route(web::head().to(serve))
            .default_service(web::to(|| async {
                HttpResponse::MethodNotAllowed()
                    .insert_header((header::ALLOW, "GET, HEAD"))
                    .finish()
            }));
        // What has no pattern is told apart first: a pattern costs every callback something.
        app.app_data(door.clone()).service(web::scope("/m").service(link));
    }
}

/// Refusals have no body: whoever follows a link is a customer, and reads nothing of ours.
async fn serve(request: HttpRequest, handle: web::Path<String>, door: Data<Door>) -> HttpResponse {
    let (e, s) = permission(request.query_string());
    match door.links.open(&handle, &e, &s, door.clock.now()) {
        Ok(()) => {}
        Err(Shut::Forged) => return refused(StatusCode::FORBIDDEN),
        Err(Shut::Over) => return refused(StatusCode::GONE),
    }
    let found = match door.library.get(&handle).await {
        Ok(Some(found)) => found,
        Ok(None) => return refused(StatusCode::NOT_FOUND),
        Err(error) => {
            tracing::warn!(%error, "a linked file cannot be looked up");
            return refused(StatusCode::SERVICE_UNAVAILABLE);
        }
    };
    answer(&request, &found).await
}

fn refused(status: StatusCode) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

/// The first `e` and `s`; what else somebody hung onto the link (a chat does that) means nothing.
fn permission(query: &str) -> (String, String) {
    let first = |wanted: &str| {
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    (first("e"), first("s"))
}

async fn answer(request: &HttpRequest, found: &Found) -> HttpResponse {
    let Ok(file) = tokio::fs::File::open(&found.path).await else {
        return refused(StatusCode::NOT_FOUND);
    };
    // The file's own length: what is announced is what comes.
    let Ok(about) = file.metadata().await else {
        return refused(StatusCode::NOT_FOUND);
    };
    let mime = HeaderValue::from_str(&found.meta.mime)
        .ok()
        .filter(|mime| !mime.is_empty());
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((
            header::CONTENT_TYPE,
            mime.unwrap_or(HeaderValue::from_static("application/octet-stream")),
        ))
        .insert_header((header::CONTENT_DISPOSITION, disposition(&found.meta.name)))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header(("x-robots-tag", "noindex"))
        .insert_header((header::CACHE_CONTROL, "private, max-age=3600"));
    if request.method() == Method::HEAD {
        return length_alone(&mut answer, about.len());
    }
    use tokio::io::AsyncReadExt as _;
    answer
        .no_chunking(about.len())
        .streaming(chunks(file.take(about.len())))
}

/// The answer to HEAD: how long the file is that GET would bring. An answer that is finished without a body says 0.
pub(super) fn length_alone(answer: &mut HttpResponseBuilder, length: u64) -> HttpResponse {
    let nothing = futures_util::stream::empty::<Result<Bytes, actix_web::Error>>();
    answer.no_chunking(length).streaming(nothing)
}

/// `attachment` with the file's name, by RFC 6266.
pub(super) fn disposition(name: &str) -> String {
    const PLAIN: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
        .remove(b'.')
        .remove(b'-')
        .remove(b'_');
    match name {
        "" => "attachment".to_owned(),
        name => format!(
            "attachment; filename*=UTF-8''{}",
            percent_encoding::utf8_percent_encode(name, PLAIN)
        ),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{App, test};
    use futures_util::stream;

    use super::*;
    use crate::{
        media::Label,
        outbound::testing::MemoryStore,
        ports::{chance::SystemChance, clock::ManualClock},
    };

    const HTML: &[u8] = b"<html><script>alert(1)</script>";

    struct House {
        door: Data<Door>,
        clock: ManualClock,
        handle: String,
        dir: tempfile::TempDir,
    }

    async fn house() -> House {
        let clock = ManualClock::at(1_800_000_000_000);
        let dir = tempfile::tempdir().expect("a folder");
        let store = MemoryStore::new(Arc::new(clock.clone()));
        let time: Arc<dyn Clock> = Arc::new(clock.clone());
        let library = Library::new(dir.path(), store, time.clone(), Arc::new(SystemChance::default()));
        let label = Label {
            name: "价目 \"a\".html".into(),
            mime: "text/html".into(),
            ..Label::default()
        };
        let media = library
            .put(label, stream::iter([Ok::<_, std::io::Error>(HTML)]))
            .await
            .expect("stored");
        let links = Links::new(&[7; 32], Some("https://media.example.com"), 3_600_000);
        House {
            door: Data::new(Door {
                links,
                library,
                clock: time,
            }),
            clock,
            handle: media.handle,
            dir,
        }
    }

    impl House {
        fn path(&self) -> String {
            let link = self.door.links.mint(&self.handle, self.clock.now()).expect("a link");
            link.replace("https://media.example.com", "")
        }

        async fn ask(&self, method: Method, path: &str) -> (u16, header::HeaderMap, Vec<u8>) {
            let app = test::init_service(App::new().configure(links(self.door.clone()))).await;
            let request = test::TestRequest::default().method(method).uri(path).to_request();
            let answer = test::call_service(&app, request).await;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            (status, headers, test::read_body(answer).await.to_vec())
        }
    }

    #[actix_web::test]
    async fn a_link_gives_the_file_as_a_file_and_never_as_a_page() {
        let house = house().await;
        let (status, headers, body) = house
            .ask(Method::GET, &format!("{}&from=singlemessage", house.path()))
            .await;
        assert_eq!((status, body.as_slice()), (200, HTML));
        for (name, value) in [
            (
                "content-disposition",
                "attachment; filename*=UTF-8''%E4%BB%B7%E7%9B%AE%20%22a%22.html",
            ),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "sandbox; default-src 'none'"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(headers.get(name).and_then(|it| it.to_str().ok()), Some(value), "{name}");
        }
        let (status, headers, body) = house.ask(Method::HEAD, &house.path()).await;
        assert_eq!((status, body.len()), (200, 0));
        assert_eq!(headers.get("content-length").map(|it| it.as_bytes()), Some(&b"31"[..]));
    }

    #[actix_web::test]
    async fn nothing_opens_without_its_own_signature_in_its_time() {
        let house = house().await;
        let good = house.path();
        let other = format!("/m/{}?{}", "0".repeat(32), good.split_once('?').expect("a query").1);
        for path in [
            &good[..good.len() - 2],
            &format!("/m/{}", house.handle),
            &other,
            "/m/..%2Foperator.token?e=1&s=a",
        ] {
            assert_eq!(house.ask(Method::GET, path).await.0, 403, "{path}");
        }
        let (status, headers, _) = house.ask(Method::POST, &good).await;
        assert_eq!((status, headers.contains_key("allow")), (405, true));
        std::fs::remove_dir_all(house.dir.path().join("media")).expect("removed");
        assert_eq!(house.ask(Method::GET, &good).await.0, 404);
        house.clock.advance(std::time::Duration::from_secs(3_601));
        let (status, _, body) = house.ask(Method::GET, &good).await;
        assert_eq!((status, body.len()), (410, 0));
    }
}
