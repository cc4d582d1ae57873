//! Is every answer judged as the platform's pages want it?

use super::*;
use crate::{
    channels::{
        common::{answers::uploaded, codes},
        contract::Learned,
    },
    error::Code,
    ports::platform::{CallBody, Method},
};

fn call(path: &'static str) -> Call {
    Call {
        method: Method::Post,
        path,
        query: Vec::new(),
        body: CallBody::Empty,
    }
}

fn send(status: u16, body: &str) -> Verdict {
    judge(&call("/cgi-bin/message/custom/send"), &Answer::json(status, body))
}

fn refused(code: i64) -> Verdict {
    send(
        200,
        &format!(r#"{{"errcode":{code},"errmsg":"some text rid: 64f0-1"}}"#),
    )
}

#[test]
fn success_is_an_errcode_of_zero() {
    assert_eq!(
        send(200, r#"{"errcode":0,"errmsg":"ok"}"#),
        Verdict::Done { message_id: None }
    );
    assert_eq!(
        send(200, "\u{feff}{\"errcode\":\"0\"}"),
        Verdict::Done { message_id: None }
    );
    let with_id = Verdict::Done {
        message_id: Some("9007199254740993".into()),
    };
    assert_eq!(send(200, r#"{"errcode":0,"msgid":9007199254740993}"#), with_id);
}

#[test]
fn each_class_of_refusal_leads_to_its_verdict() {
    assert!(matches!(refused(-1), Verdict::RetryLater(error) if error.code == "PLATFORM_DOWN" && error.retryable));
    assert!(matches!(refused(45011), Verdict::RetryLater(error) if error.code == "RATE_LIMITED"));
    for code in [40001, 40014, 42001, 41001] {
        assert!(matches!(refused(code), Verdict::RefreshToken(_)), "{code}");
    }
    assert!(matches!(refused(40007), Verdict::UploadAgain(error) if error.code == "MEDIA_EXPIRED"));
    for (code, ours, learned) in [
        (45015, "WINDOW_CLOSED", Some(Learned::WindowClosed)),
        (45047, "QUOTA_EXHAUSTED", Some(Learned::QuotaExhausted)),
        (43004, "UNSUBSCRIBED", Some(Learned::Unfollowed)),
        (48001, "NOT_ENTITLED", Some(Learned::NoApi(Code::NotEntitled))),
        (61007, "SCOPE_NOT_GRANTED", Some(Learned::NoApi(Code::ScopeNotGranted))),
        (48002, "REFUSED_BY_USER", None),
        (40003, "RECIPIENT_UNKNOWN", None),
        (45002, "TOO_LONG", None),
        (45009, "RATE_LIMITED", None),
        (87014, "CONTENT_REJECTED", None),
        (40033, "INVALID_REQUEST", None),
        (45064, "UNSUPPORTED_PART", None),
    ] {
        let Verdict::Failed { error, learned: found } = refused(code) else {
            panic!("{code} is final")
        };
        assert_eq!((error.code.as_str(), found), (ours, learned), "{code}");
        assert_eq!(i64::from(error.platform_code), code);
        assert!(!error.retryable);
    }
}

#[test]
fn the_text_is_freed_of_its_rid_and_unknown_codes_show_it() {
    let Verdict::Failed { error, learned } = refused(99999) else {
        panic!("unknown codes are final")
    };
    assert_eq!((error.platform_message.as_str(), learned), ("some text", None));
    assert!(error.remedy.contains("64f0-1"));
}

#[test]
fn the_address_to_allow_is_named() {
    let body =
        r#"{"errcode":40164,"errmsg":"invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist rid: 1-2"}"#;
    let Verdict::Failed { error, .. } = send(200, body) else {
        panic!("final")
    };
    assert!(error.remedy.contains("(203.0.113.7)"), "{}", error.remedy);
    let body = r#"{"errcode":40164,"errmsg":"invalid ip 2001:db8::1, not in whitelist"}"#;
    let Verdict::Failed { error, .. } = send(200, body) else {
        panic!("final")
    };
    assert!(error.remedy.contains("(2001:db8::1)"), "{}", error.remedy);
}

#[test]
fn what_may_have_arrived_is_unknown_and_never_sent_twice() {
    for (status, body) in [
        (500, r#"{"errcode":0}"#),
        (502, "<html>"),
        (503, r#"{"errcode":-1}"#),
        (200, "<html>"),
        (200, ""),
        (200, "{}"),
        (200, "[]"),
        (408, ""),
    ] {
        assert!(
            matches!(send(status, body), Verdict::Unknown(error) if error.code == "AMBIGUOUS"),
            "{status} {body}"
        );
    }
}

#[test]
fn another_status_is_a_wrong_address() {
    assert!(
        matches!(send(404, "no"), Verdict::Failed { error, .. } if error.code == "PLATFORM_DOWN" && !error.retryable)
    );
    assert!(matches!(send(302, ""), Verdict::Failed { .. }));
    assert!(matches!(send(429, ""), Verdict::RetryLater(error) if error.code == "RATE_LIMITED"));
    assert!(matches!(send(403, r#"{"errcode":48001}"#), Verdict::Failed { error, .. } if error.code == "NOT_ENTITLED"));
}

#[test]
fn a_typing_sign_that_cannot_be_shown_is_no_failure() {
    for code in [45080, 45081, 40200] {
        let body = format!(r#"{{"errcode":{code},"errmsg":"x"}}"#);
        let verdict = judge(&call(TYPING_PATH), &Answer::json(200, body));
        assert_eq!(verdict, Verdict::Done { message_id: None }, "{code}");
    }
    let verdict = judge(&call(TYPING_PATH), &Answer::json(200, r#"{"errcode":45015}"#));
    assert!(matches!(verdict, Verdict::Failed { .. }));
}

#[test]
fn taking_back_a_customer_whom_nobody_holds_is_done() {
    let verdict = judge(
        &call(RELEASE_PATH),
        &Answer::json(200, r#"{"errcode":65413,"errmsg":"x"}"#),
    );
    assert_eq!(verdict, Verdict::Done { message_id: None });
    let verdict = judge(
        &call(RELEASE_PATH),
        &Answer::json(200, r#"{"errcode":65414,"errmsg":"x"}"#),
    );
    assert!(matches!(verdict, Verdict::Failed { error, .. } if error.code == "SESSION_WITH_HUMAN"));
}

#[test]
fn calls_that_may_be_repeated_are_and_need_no_errcode() {
    let upload = call("/cgi-bin/media/upload");
    assert_eq!(
        judge(&upload, &Answer::json(200, r#"{"media_id":"M"}"#)),
        Verdict::Done { message_id: None }
    );
    assert!(matches!(judge(&upload, &Answer::json(502, "")), Verdict::RetryLater(_)));
}

#[test]
fn an_upload_gives_its_media_id_and_may_be_repeated() {
    let id = |body: &str| uploaded(TABLE, &Answer::json(200, body));
    assert_eq!(
        id(r#"{"type":"image","media_id":"M","created_at":1}"#),
        Ok("M".to_owned())
    );
    assert_eq!(id(r#"{"type":"thumb","thumb_media_id":"T"}"#), Ok("T".to_owned()));
    assert!(matches!(id("{}"), Err(Verdict::RetryLater(_))));
    assert!(
        matches!(id(r#"{"errcode":40006}"#), Err(Verdict::Failed { error, .. }) if error.code == "MEDIA_TOO_LARGE")
    );
    assert!(
        matches!(uploaded(TABLE, &Answer::json(502, "")), Err(Verdict::RetryLater(error)) if error.code == "PLATFORM_DOWN")
    );
}

/// The codes of the platform's pages on sending, typing, agent accounts, media, tokens and quotas.
#[test]
fn every_documented_code_has_a_row() {
    let documented: &[i64] = &[
        -1, 40001, 40002, 40003, 40004, 40005, 40006, 40007, 40008, 40009, 40010, 40011, 40012, 40013, 40014, 40033,
        40125, 40132, 40137, 40164, 40200, 40201, 40202, 40203, 40243, 41001, 41002, 41004, 41005, 41006, 42001, 42007,
        43002, 43003, 43004, 43005, 43019, 43101, 44002, 44004, 45001, 45002, 45003, 45004, 45005, 45006, 45007, 45008,
        45009, 45011, 45015, 45047, 45050, 45064, 45065, 45066, 45067, 45072, 45080, 45081, 45086, 45087, 45093, 45094,
        45098, 45099, 45168, 45501, 46004, 47001, 47002, 48001, 48002, 48004, 48005, 48006, 48008, 50001, 50002, 50004,
        50005, 50007, 61003, 61004, 61007, 61023, 61400, 61401, 61450, 61451, 61452, 61453, 61454, 61455, 61456, 61457,
        65400, 65401, 65402, 65403, 65404, 65405, 65406, 65407, 65408, 65409, 65410, 65411, 65412, 65413, 65414, 65415,
        65416, 65417, 70000, 76001, 76002, 76003, 76004, 76021, 76022, 87014, 89503, 89506, 89507,
    ];
    for code in documented {
        assert!(codes::row(TABLE, *code).is_some(), "{code}");
    }
}

#[test]
fn what_is_refused_elsewhere_says_nothing_of_sending() {
    let refused = |path: &'static str, code: i64| {
        let answer = Answer::json(200, format!(r#"{{"errcode":{code},"errmsg":"x"}}"#));
        judge(&call(path), &answer)
    };
    for path in [TYPING_PATH, RELEASE_PATH, "/cgi-bin/media/upload"] {
        for code in [48001, 45015, 45047, 43004] {
            let verdict = refused(path, code);
            assert!(
                matches!(verdict, Verdict::Failed { learned: None, .. }),
                "{path}: {verdict:?}"
            );
        }
    }
}
