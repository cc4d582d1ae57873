//! Is each fault found, and a sound core let be? A core that is right, and one for each way of being wrong.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    web::{self, Bytes, Data},
};
use serde_json::{Value, json};

use super::{
    Wish,
    http::HttpDoor,
    report::{Lang, Level, Report},
};
use crate::{
    core_link::signing::Signer,
    ports::{
        chance::SystemChance,
        clock::{Clock as _, Millis, SystemClock},
    },
    secret::Secret,
};

const KEY: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// One way of being wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Sound,
    /// Says nothing at all, which is lawful.
    Silent,
    VerifiesNothing,
    TakesUnsigned,
    IgnoresTheTimestamp,
    SignsWithoutTheId,
    SaysBadRequestToForgeries,
    KnowsOneSignatureOnly,
    CountsBeforeItVerifies,
    WorksTwice,
    FailsOnRepeats,
    ForgetsTheEpoch,
    RefusesALowerSeq,
    CountsAllConversationsTogether,
    RefusesTheFourth,
    IsDeafToTheFourth,
    WantsEveryNumber,
    RefusesGaps,
    WaitsBehindGaps,
    RefusesReplays,
    MovesBackOnReplay,
    KnowsTextsOnly,
    ReadsStrictly,
    NeedsAKnownBody,
    NeedsACustomer,
    HasASmallLimit,
    IsSlow,
    NeverAnswers,
    OneAfterTheOther,
    AnswersNonsense,
    RepliesNonsense,
    MisspellsReplies,
    NamesAllRepliesAlike,
    /// By its conversation, in which it is not the only one.
    NamesRepliesByConversation,
    RepliesForYesterday,
    Redirects,
    AsksToRetry,
    /// Takes too long over the first offer of one text, and lets the reply go.
    IsLateOnce,
    /// … and replies the same to each later offer.
    IsLateOnceAndRepeats,
    /// … and does its work again.
    IsLateOnceAndWorksTwice,
    /// … and fails at the second offer.
    IsLateOnceAndFails,
    IsLateEachTime,
}

struct Core {
    fault: Fault,
    signer: Signer,
    seen: Mutex<HashMap<String, (u64, u64)>>,
    works: Mutex<u32>,
    turn: tokio::sync::Mutex<()>,
}

async fn take(request: HttpRequest, body: Bytes, core: Data<Core>) -> HttpResponse {
    let _turn = match core.fault {
        Fault::OneAfterTheOther => {
            let turn = core.turn.lock().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            Some(turn)
        }
        _ => None,
    };
    match core.fault {
        Fault::IsSlow if String::from_utf8_lossy(&body).contains("brought back") => {
            tokio::time::sleep(Duration::from_millis(2_300)).await;
        }
        Fault::NeverAnswers => tokio::time::sleep(Duration::from_secs(20)).await,
        Fault::Redirects => return HttpResponse::Found().insert_header(("location", "/other")).finish(),
        Fault::HasASmallLimit if body.len() > 100_000 => return HttpResponse::PayloadTooLarge().finish(),
        _ => {}
    }
    let event: Value = serde_json::from_slice(&body).unwrap_or_default();
    if core.fault == Fault::CountsBeforeItVerifies {
        let fresh = core.fresh(&event["data"]);
        if !fresh && core.verify(&request, &body) {
            return HttpResponse::Ok().finish();
        }
    }
    if !core.verify(&request, &body) {
        return match core.fault {
            Fault::SaysBadRequestToForgeries => HttpResponse::BadRequest().finish(),
            _ => HttpResponse::Unauthorized().finish(),
        };
    }
    let answer = core.hear(&request, &event);
    if core.is_late(&request, &event) {
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    answer
}

impl Core {
    fn verify(&self, request: &HttpRequest, body: &[u8]) -> bool {
        let header = |name: &str| {
            let value = request.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default()
        };
        let (id, at, given) = (
            header("webhook-id"),
            header("webhook-timestamp"),
            header("webhook-signature"),
        );
        let seconds: i64 = at.parse().unwrap_or_default();
        let away = (SystemClock.now() / 1000 - seconds).abs();
        if self.fault != Fault::IgnoresTheTimestamp && self.fault != Fault::VerifiesNothing && away > 300 {
            return false;
        }
        let right = self.signer.sign(id, seconds, body).unwrap_or_default();
        match self.fault {
            Fault::VerifiesNothing => true,
            Fault::TakesUnsigned if given.is_empty() => true,
            // What a core does that signs the body alone: any id will do.
            Fault::SignsWithoutTheId => {
                given.split(' ').any(|one| one == right)
                    || given == self.signer.sign(&format!("{id}0"), seconds, body).unwrap_or_default()
            }
            Fault::KnowsOneSignatureOnly => given == right,
            _ => given.split(' ').any(|one| one == right),
        }
    }

    fn is_late(&self, request: &HttpRequest, event: &Value) -> bool {
        let text = &event["data"]["message"]["parts"][0]["text"]["body"];
        text == BROUGHT_BACK
            && match self.fault {
                Fault::IsLateEachTime => true,
                _ => is_late_once(self.fault) && attempt(request) == "1",
            }
    }

    /// Notes the event; whether it was new.
    fn fresh(&self, event: &Value) -> bool {
        let number = |name: &str| event[name].as_u64().unwrap_or_default();
        let (mut place, mut key) = (
            (number("epoch"), number("seq")),
            event["conversation"]["key"].as_str().unwrap_or_default().to_owned(),
        );
        match self.fault {
            Fault::ForgetsTheEpoch => place.0 = 0,
            Fault::CountsAllConversationsTogether => key.clear(),
            _ => {}
        }
        let mut seen = self.seen.lock().expect("a lock");
        let last = seen.entry(key).or_default();
        let fresh = place > *last;
        if fresh {
            *last = place;
        }
        fresh
    }

    fn hear(&self, request: &HttpRequest, event: &Value) -> HttpResponse {
        let data = &event["data"];
        if request.headers().contains_key("wxbridge-replay") {
            return self.replayed(data);
        }
        if let Some(refusal) = self.refusal(event) {
            return refusal;
        }
        if self.fault != Fault::CountsBeforeItVerifies && !self.fresh(data) && self.fault != Fault::WorksTwice {
            return match self.fault {
                Fault::IsLateOnceAndRepeats | Fault::IsLateOnceAndWorksTwice => self.reply(data),
                Fault::IsLateOnceAndFails if attempt(request) == "2" && data["late"] == true => {
                    HttpResponse::InternalServerError().finish()
                }
                Fault::FailsOnRepeats => HttpResponse::InternalServerError().finish(),
                Fault::RefusesALowerSeq => HttpResponse::UnprocessableEntity().finish(),
                _ => HttpResponse::Ok().finish(),
            };
        }
        self.reply(data)
    }

    fn replayed(&self, data: &Value) -> HttpResponse {
        let key = data["conversation"]["key"].as_str().unwrap_or_default().to_owned();
        match self.fault {
            Fault::RefusesReplays => return HttpResponse::BadRequest().finish(),
            Fault::MovesBackOnReplay => {
                self.seen.lock().expect("a lock").insert(key, (u64::MAX, 0));
            }
            _ => {}
        }
        HttpResponse::Ok().finish()
    }

    fn refusal(&self, event: &Value) -> Option<HttpResponse> {
        let data = &event["data"];
        let key = data["conversation"]["key"].as_str().unwrap_or_default();
        let last = self.seen.lock().expect("a lock").get(key).copied().unwrap_or_default();
        let seq = data["seq"].as_u64().unwrap_or_default();
        let text = data["message"]["parts"][0]["text"].is_object();
        let known = ["message", "interaction", "signal", "delivery", "gap"];
        let hole = seq > last.1 + 1 && data["gap"].is_null();
        let refused = match self.fault {
            Fault::RefusesTheFourth => text && seq == 4,
            Fault::WantsEveryNumber => hole,
            Fault::WaitsBehindGaps => last.1 > 0 && seq > last.1 + 1,
            Fault::RefusesGaps => data["gap"].is_object(),
            Fault::KnowsTextsOnly => !text && data["gap"].is_null(),
            Fault::ReadsStrictly => event.get("futureattribute").is_some(),
            Fault::NeedsAKnownBody => known.iter().all(|name| data[*name].is_null()),
            Fault::NeedsACustomer => data["conversation"]["customer"].is_null(),
            _ => false,
        };
        refused.then(|| HttpResponse::UnprocessableEntity().finish())
    }

    fn reply(&self, data: &Value) -> HttpResponse {
        let said = data["message"]["parts"][0]["text"]["body"].as_str();
        let mut works = self.works.lock().expect("a lock");
        *works += 1;
        let answer = match (self.fault, said) {
            (Fault::AsksToRetry, _) => {
                json!({ "results": [{ "conversationKey": data["conversation"]["key"], "outcome": "RETRY" }] })
            }
            (Fault::AnswersNonsense, _) => return HttpResponse::Ok().body("OK"),
            (Fault::RepliesNonsense, _) => json!({ "replies": [{ "text": { "body": "x" } }] }),
            (Fault::MisspellsReplies, Some(said)) => json!({ "replies": [{ "txet": said }] }),
            (Fault::Sound, Some(said)) => {
                let name = format!("{}/hello", data["id"].as_str().unwrap_or_default());
                let later = SystemClock.now() + 60_000;
                let until = crate::schema::Timestamp::from_millis(later).to_rfc3339_millis();
                json!({ "replies": [{ "text": said, "clientMessageId": name, "notAfter": until }] })
            }
            (Fault::NamesAllRepliesAlike, Some(said)) => {
                json!({ "replies": [{ "text": said, "clientMessageId": "hello" }] })
            }
            (Fault::NamesRepliesByConversation, Some(said)) => {
                json!({ "replies": [{ "text": said, "clientMessageId": data["conversation"]["customer"]["nativeId"] }] })
            }
            (Fault::RepliesForYesterday, Some(said)) => {
                json!({ "replies": [{ "text": said, "notAfter": "2020-01-01T00:00:00Z" }] })
            }
            (Fault::WorksTwice | Fault::IsLateOnceAndWorksTwice, Some(said)) => {
                json!({ "replies": [{ "text": format!("{works}: {said}") }] })
            }
            (Fault::IsDeafToTheFourth, Some(_)) if data["seq"] == 4 => return HttpResponse::Ok().finish(),
            (Fault::Silent, _) | (_, None) => return HttpResponse::Ok().finish(),
            (_, Some(said)) => json!({ "replies": [{ "text": said }] }),
        };
        HttpResponse::Ok().json(answer)
    }
}

const BROUGHT_BACK: &str = "core-check: brought back";

fn is_late_once(fault: Fault) -> bool {
    use Fault::*;
    matches!(
        fault,
        IsLateOnce | IsLateOnceAndRepeats | IsLateOnceAndWorksTwice | IsLateOnceAndFails
    )
}

fn attempt(request: &HttpRequest) -> &str {
    let value = request.headers().get("wxbridge-attempt");
    value.and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn serve(fault: Fault) -> (String, ServerHandle) {
    let core = Data::new(Core {
        fault,
        signer: Signer::new(&[Secret::new(KEY)]).expect("a key"),
        seen: Mutex::default(),
        works: Mutex::default(),
        turn: tokio::sync::Mutex::default(),
    });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(core.clone())
            .app_data(web::PayloadConfig::new(16 << 20))
            .route("/core", web::post().to(take))
    })
    .workers(1)
    .shutdown_timeout(0)
    .disable_signals()
    .bind("127.0.0.1:0")
    .expect("a port");
    let url = format!("http://{}/core", server.addrs()[0]);
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    (url, handle)
}

async fn examined(url: &str, secrets: &[Secret]) -> Report {
    examined_within(url, secrets, 4_000).await
}

async fn examined_within(url: &str, secrets: &[Secret], timeout: Millis) -> Report {
    super::run(Wish {
        door: Box::new(HttpDoor::new(url, secrets, timeout).expect("a door")),
        timeout,
        reply_budget: 2_000,
        clock: Arc::new(SystemClock),
        chance: Arc::new(SystemChance::default()),
    })
    .await
}

async fn found(fault: Fault) -> Vec<(&'static str, Level)> {
    let (url, handle) = serve(fault);
    let report = examined(&url, &[Secret::new(KEY)]).await;
    handle.stop(false).await;
    let odd = report.findings.iter().filter(|finding| finding.level != Level::Green);
    for finding in odd.clone() {
        assert!(!finding.act.en.is_empty() && !finding.act.zh.is_empty(), "{finding:?}");
        assert!(finding.seen.zh.chars().any(|letter| letter > '\u{3000}'), "{finding:?}");
    }
    odd.map(|finding| (finding.id, finding.level)).collect()
}

#[actix_web::test]
async fn a_sound_core_holds() {
    assert_eq!(found(Fault::Sound).await, []);
    assert_eq!(found(Fault::Silent).await, [("silent", Level::Yellow)]);
}

#[actix_web::test]
async fn the_demos_core_holds() {
    let secret = Secret::new(KEY);
    let core = crate::demo::start_core("127.0.0.1:0", &secret).await.expect("a core");
    let report = examined(&core.url(), &[secret]).await;
    let odd: Vec<_> = report.findings.iter().filter(|it| it.level != Level::Green).collect();
    assert!(odd.is_empty(), "{odd:?}");
    assert!(report.holds());
}

#[actix_web::test]
async fn each_fault_is_found_by_its_name() {
    use Fault::*;
    use Level::{Red, Yellow};
    let cases = [
        (VerifiesNothing, "signature", Red),
        (VerifiesNothing, "timestamp", Red),
        (TakesUnsigned, "signature", Red),
        (SignsWithoutTheId, "signature", Red),
        (SaysBadRequestToForgeries, "signature", Red),
        (KnowsOneSignatureOnly, "signature", Red),
        (CountsBeforeItVerifies, "signature", Red),
        (IgnoresTheTimestamp, "timestamp", Red),
        (WorksTwice, "twice", Red),
        (FailsOnRepeats, "twice", Red),
        (ForgetsTheEpoch, "epoch", Red),
        (RefusesALowerSeq, "twice", Red),
        (CountsAllConversationsTogether, "conversations", Red),
        (RefusesTheFourth, "order", Red),
        (IsDeafToTheFourth, "order", Red),
        (WantsEveryNumber, "first-seq", Red),
        (RefusesGaps, "gap", Red),
        (WaitsBehindGaps, "gap", Red),
        (RefusesReplays, "replay", Red),
        (MovesBackOnReplay, "replay", Red),
        (KnowsTextsOnly, "kinds", Red),
        (NeedsACustomer, "kinds", Red),
        (ReadsStrictly, "unknown", Red),
        (NeedsAKnownBody, "unknown", Red),
        (HasASmallLimit, "large", Red),
        (IsSlow, "time", Yellow),
        (OneAfterTheOther, "together", Yellow),
        (NeverAnswers, "taken", Red),
        (Redirects, "taken", Red),
        (AsksToRetry, "taken", Red),
        (AnswersNonsense, "answers", Yellow),
        (RepliesNonsense, "answers", Red),
        (MisspellsReplies, "answers", Red),
        (NamesAllRepliesAlike, "answers", Red),
        (NamesRepliesByConversation, "answers", Red),
        (RepliesForYesterday, "answers", Red),
    ];
    let mut missed = Vec::new();
    let mut known: Option<(Fault, Vec<(&str, Level)>)> = None;
    for (fault, id, level) in cases {
        let odd = match &known {
            Some((last, odd)) if *last == fault => odd.clone(),
            _ => found(fault).await,
        };
        if !odd.contains(&(id, level)) {
            missed.push(format!("{fault:?} is not {level:?} {id}: {odd:?}"));
        }
        known = Some((fault, odd));
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[actix_web::test]
async fn a_core_whose_time_ran_out_is_offered_the_event_again_and_told_how_it_coped() {
    use Fault::*;
    use Level::{Green, Red, Yellow};
    let once =
        "1 not answered within 700 ms: each time the request was closed and the same event offered again (attempt 2); ";
    for (fault, level, words) in [
        (
            IsLateOnceAndRepeats,
            Green,
            "the core coped: it answered the second offer",
        ),
        (
            IsLateOnce,
            Yellow,
            "the core took it once, but its reply went with the closed request",
        ),
        (IsLateOnceAndFails, Red, "to the second offer the core answered 500"),
        (IsLateEachTime, Red, "the second offer was not answered in time either"),
        (IsLateOnceAndWorksTwice, Red, "the core acted twice"),
    ] {
        let (url, handle) = serve(fault);
        let report = examined_within(&url, &[Secret::new(KEY)], 700).await;
        handle.stop(false).await;
        let found = report.findings.iter().filter(|finding| finding.id == "deadline");
        let found: Vec<_> = found.map(|it| (it.level, it.seen.en.as_str())).collect();
        let [(had, seen)] = found.as_slice() else {
            panic!("{fault:?}: {report:#?}");
        };
        assert!(
            *had == level && seen.starts_with(&format!("{once}{words}")),
            "{fault:?}: {found:?}"
        );
        let order = report.findings.iter().find(|finding| finding.id == "order");
        assert!(order.is_some_and(|it| it.level == Green), "{fault:?}: {report:#?}");
    }
}

#[actix_web::test]
async fn a_core_without_a_key_and_one_that_is_not_there_are_told_what_to_do() {
    let (url, handle) = serve(Fault::VerifiesNothing);
    let report = examined(&url, &[]).await;
    handle.stop(false).await;
    let odd: Vec<_> = report.findings.iter().filter(|it| it.level != Level::Green).collect();
    assert_eq!(odd.len(), 1, "{odd:?}");
    assert!(odd[0].act.en.contains("--secret"), "{odd:?}");
    let (url, handle) = serve(Fault::Sound);
    let report = examined(&url, &[]).await;
    assert!(report.findings[0].act.en.contains("--secret"), "{report:?}");
    handle.stop(false).await;
    let report = examined(&url, &[]).await;
    assert!(
        !report.holds() && report.findings[0].act.zh.contains("启动核心"),
        "{report:?}"
    );
    let json = report.json(Lang::En);
    assert_eq!(
        (json["holds"].clone(), json["items"][0]["level"].clone()),
        (json!(false), json!("red"))
    );
}
