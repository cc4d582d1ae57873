//! How does a refusal look over HTTP? RFC 9457 problem details, with the code that programs branch on.

use std::{fmt, sync::LazyLock, time::Instant};

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use serde::Serialize;

use super::lang;
use crate::{
    doctor::Lang,
    error::{Code, Fault, pages},
    observe::Throttle,
    ports::store::StoreError,
    schema::json::JsonError,
};

/// A refusal of the API. Becomes `application/problem+json`.
#[derive(Clone, Debug)]
pub struct Problem {
    pub code: Code,
    pub status: StatusCode,
    /// For whoever reads it; never a secret.
    pub detail: String,
    /// Seconds until it is worth coming back.
    pub retry_after: Option<u32>,
    /// Where a core whose cursor is too old may go on (410).
    pub oldest_available: Option<String>,
    /// The methods that would have been taken here (405).
    pub allow: Option<String>,
    /// What helps in this case, in English and Chinese, where the page of the code speaks of another.
    pub helps: Option<(&'static str, &'static str)>,
}

/// When it was last logged that the store failed. A refusal is made where no clock is at hand.
static FAILED: LazyLock<Throttle<()>> = LazyLock::new(Throttle::default);
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

pub type Answer<T = HttpResponse> = Result<T, Problem>;

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: String,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    remedy: &'a str,
    #[serde(rename = "oldestAvailable", skip_serializing_if = "Option::is_none")]
    oldest_available: Option<&'a str>,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        // Codes whose callbacks are answered 200 mean here that something stands in the way.
        let status = match StatusCode::from_u16(code.http()) {
            Ok(status) if status.is_client_error() || status.is_server_error() => status,
            _ => StatusCode::CONFLICT,
        };
        Self {
            code,
            status,
            detail: detail.into(),
            retry_after: (code == Code::Overloaded).then_some(1),
            oldest_available: None,
            allow: None,
            helps: None,
        }
    }

    /// With what helps here, in place of what the code's page says.
    pub fn helped(self, en: &'static str, zh: &'static str) -> Self {
        Self {
            helps: Some((en, zh)),
            ..self
        }
    }

    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, detail)
    }

    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(Code::Forbidden, detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Code::NotFound, detail)
    }

    pub fn too_large(limit: u64) -> Self {
        Self::new(Code::BodyTooLarge, format!("the body is over {limit} bytes"))
    }

    pub fn media_type(found: &str, expected: &str) -> Self {
        Self {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ..Self::invalid(format!("the body is {found}, expected {expected}"))
        }
    }

    pub fn method(allow: &str) -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            allow: Some(allow.to_owned()),
            ..Self::invalid(format!("this path takes {allow}"))
        }
    }

    /// One client's own limit, as opposed to the whole bridge's.
    pub fn slow_down(detail: impl Into<String>, seconds: u32) -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            retry_after: Some(seconds),
            ..Self::new(Code::Overloaded, detail)
        }
    }

    /// A fault in us, which is in the log and nobody else's business.
    pub fn failed() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            ..Self::new(Code::Overloaded, "the call failed; the log says why")
        }
    }

    /// `INVALID_REQUEST` as "Invalid request".
    fn title(&self) -> String {
        let words = self.code.name().replace('_', " ").to_ascii_lowercase();
        let mut letters = words.chars();
        letters
            .next()
            .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
            .unwrap_or_default()
    }

    fn remedy(&self, lang: Lang) -> &'static str {
        let page = pages::page(self.code);
        let (en, zh) = self.helps.unwrap_or((page.remedy_en, page.remedy_zh));
        match lang {
            Lang::En => en,
            Lang::Zh => zh,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status);
        answer.insert_header((header::CONTENT_TYPE, "application/problem+json"));
        answer.insert_header((header::CACHE_CONTROL, "no-store"));
        let lang = lang::spoken();
        if lang != Lang::En {
            answer.insert_header((header::CONTENT_LANGUAGE, "zh"));
        }
        if let Some(seconds) = self.retry_after {
            answer.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        if let Some(allow) = &self.allow {
            answer.insert_header((header::ALLOW, allow.as_str()));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            answer.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"wxbridge\""));
        }
        let body = Body {
            r#type: format!("urn:wxbridge:error:{}", self.code),
            title: self.title(),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code.name(),
            remedy: self.remedy(lang),
            oldest_available: self.oldest_available.as_deref(),
        };
        // Texts and numbers always serialise.
        answer.body(serde_json::to_vec(&body).unwrap_or_default())
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault.own_limit {
            Some(seconds) => Self::slow_down(fault.detail, seconds),
            None => Self::new(fault.code, fault.detail),
        }
    }
}

/// Whether it may be said again that the store failed; how often it was left out since it was said last.
fn said_again() -> Option<u64> {
    let now = BEGUN.elapsed().as_millis();
    FAILED.permits((), i64::try_from(now).unwrap_or(0))
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Overloaded => Self::new(Code::Overloaded, "the store's queue is full"),
            StoreError::CannotAppend(why) => Self {
                retry_after: Some(5),
                ..Self::new(Code::Overloaded, format!("cannot append durably: {why}"))
            },
            StoreError::Broken(why) => {
                // Every request on a store that is broken fails for this one cause.
                if let Some(left_out) = said_again() {
                    tracing::error!(error = %why, left_out, "the store failed");
                }
                Self {
                    status: StatusCode::INTERNAL_SERVER_ERROR,
                    ..Self::new(Code::Overloaded, "the store failed; the log says why")
                }
            }
        }
    }
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        Self::invalid(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn a_problem_names_code_title_and_status() {
        let answer = Problem::method("GET, POST").error_response();
        assert_eq!(answer.status(), 405);
        assert_eq!(
            answer.headers().get("allow").map(|v| v.as_bytes()),
            Some(&b"GET, POST"[..])
        );
        let body = actix_web::body::to_bytes(answer.into_body()).await.expect("a body");
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["code"], "INVALID_REQUEST");
        assert_eq!(body["title"], "Invalid request");
        assert_eq!(body["status"], 405);
        assert!(body["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()));
    }

    #[actix_web::test]
    async fn what_helps_here_goes_before_the_page_of_the_code() {
        let helped = || {
            Problem::not_found("none")
                .helped("look there", "请看那里")
                .error_response()
        };
        for (lang, words) in [(Lang::En, "look there"), (Lang::Zh, "请看那里")] {
            let answer = lang::within(lang, async { helped() }).await;
            let body = actix_web::body::to_bytes(answer.into_body()).await.expect("a body");
            let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(body["remedy"], words);
        }
    }

    #[test]
    fn a_broken_store_is_logged_once_a_second_however_many_ask() {
        let said = (0..1_000).filter(|_| said_again().is_some()).count();
        assert!((1..=20).contains(&said), "{said} lines in a moment");
    }

    #[actix_web::test]
    async fn the_remedy_is_in_the_callers_language() {
        let answer = lang::within(Lang::Zh, async { Problem::not_found("no such file").error_response() }).await;
        assert_eq!(
            answer.headers().get("content-language").map(|v| v.as_bytes()),
            Some(&b"zh"[..])
        );
        let body = actix_web::body::to_bytes(answer.into_body()).await.expect("a body");
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["remedy"], pages::page(Code::NotFound).remedy_zh);
        assert_eq!(body["detail"], "no such file");
    }

    #[test]
    fn a_clients_own_limit_is_429_and_the_bridges_is_503_both_with_retry_after() {
        let own = Problem::slow_down("wrong tokens", 60).error_response();
        let whole = Problem::from(StoreError::Overloaded).error_response();
        assert_eq!((own.status().as_u16(), whole.status().as_u16()), (429, 503));
        assert!(own.headers().contains_key("retry-after") && whole.headers().contains_key("retry-after"));
    }
}
