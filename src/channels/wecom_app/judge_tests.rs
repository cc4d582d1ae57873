//! Is every answer of WeCom judged as its pages want it?

use super::*;
use crate::{
    channels::{
        common::{codes, tokens},
        contract::Learned,
    },
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

fn send(body: &str) -> Verdict {
    judge(&call(SEND_PATH), &Answer::json(200, body))
}

fn refused_with(code: i64) -> Verdict {
    send(&format!(
        r#"{{"errcode":{code},"errmsg":"words, hint: [1752000400_1], from ip: 203.0.113.7, more info at https://open.work.weixin.qq.com/devtool/query?e={code}"}}"#
    ))
}

#[test]
fn a_message_that_reached_its_member_is_done_and_has_an_id() {
    let body = r#"{"errcode":0,"errmsg":"ok","invaliduser":"","invalidparty":"","unlicenseduser":"","msgid":"vcT8-1"}"#;
    let done = Verdict::Done {
        message_id: Some("vcT8-1".into()),
    };
    assert_eq!(send(body), done);
    assert_eq!(send(r#"{"errcode":0}"#), Verdict::Done { message_id: None });
}

#[test]
fn errcode_zero_with_a_member_who_got_nothing_is_a_failure() {
    for (path, list, code) in [
        (SEND_PATH, r#""invaliduser":"li.si""#, "RECIPIENT_UNKNOWN"),
        (UPDATE_PATH, r#""invaliduser":["li.si"]"#, "RECIPIENT_UNKNOWN"),
        (SEND_PATH, r#""unlicenseduser":"li.si""#, "NOT_ENTITLED"),
        (
            SEND_PATH,
            r#""invaliduser":"li.si","unlicenseduser":"li.si""#,
            "NOT_ENTITLED",
        ),
    ] {
        let body = format!(r#"{{"errcode":0,"errmsg":"ok",{list},"msgid":"m"}}"#);
        let Verdict::Failed { error, learned } = judge(&call(path), &Answer::json(200, body)) else {
            panic!("{list}")
        };
        assert_eq!((error.code.as_str(), learned), (code, None), "{list}");
        assert!(!error.remedy.is_empty());
    }
    let body = r#"{"errcode":0,"errmsg":"ok","invaliduser":[]}"#;
    assert!(matches!(
        judge(&call(UPDATE_PATH), &Answer::json(200, body)),
        Verdict::Done { .. }
    ));
}

#[test]
fn a_body_that_was_not_understood_may_have_arrived() {
    let verdict = send(r#"{"errcode":0,"errmsg":"ok. Warning: wrong json format. ","msgid":"m"}"#);
    assert!(matches!(verdict, Verdict::Unknown(error) if error.code == "AMBIGUOUS"));
}

#[test]
fn each_class_of_refusal_leads_to_its_verdict() {
    for code in [-1, 6000, 45033, 45009] {
        assert!(
            matches!(refused_with(code), Verdict::RetryLater(error) if error.retryable),
            "{code}"
        );
    }
    for code in [40014, 42001] {
        assert!(matches!(refused_with(code), Verdict::RefreshToken(_)), "{code}");
    }
    assert!(matches!(refused_with(40007), Verdict::UploadAgain(error) if error.code == "MEDIA_EXPIRED"));
    for (code, ours, learned) in [
        // A wrong Secret asked with again gets our address blocked: no other token is fetched.
        (40001, "BAD_SECRET", None),
        (40003, "RECIPIENT_UNKNOWN", None),
        (81013, "RECIPIENT_UNKNOWN", None),
        (40056, "BAD_APP_ID", None),
        (40013, "BAD_APP_ID", None),
        (45002, "TOO_LONG", None),
        (40201, "CONTENT_REJECTED", None),
        (40033, "INVALID_REQUEST", None),
        (43012, "INVALID_REQUEST", None),
        (42052, "EXPIRED", None),
        (90207, "UNSUPPORTED_PART", None),
        (48001, "NOT_ENTITLED", Some(Learned::NoApi(Code::NotEntitled))),
        (48002, "SCOPE_NOT_GRANTED", Some(Learned::NoApi(Code::ScopeNotGranted))),
        (48006, "NOT_ENTITLED", Some(Learned::NoApi(Code::NotEntitled))),
    ] {
        let Verdict::Failed { error, learned: found } = refused_with(code) else {
            panic!("{code} is final")
        };
        assert_eq!((error.code.as_str(), found), (ours, learned), "{code}");
        assert_eq!(i64::from(error.platform_code), code);
    }
}

#[test]
fn a_refusal_of_another_call_says_nothing_about_sending() {
    let body = r#"{"errcode":48002,"errmsg":"api forbidden"}"#;
    let verdict = judge(&call(WELCOME_PATH), &Answer::json(200, body));
    assert!(matches!(verdict, Verdict::Failed { learned: None, error } if error.code == "SCOPE_NOT_GRANTED"));
}

#[test]
fn the_address_to_trust_is_named() {
    let Verdict::Failed { error, .. } = refused_with(60020) else {
        panic!("final")
    };
    assert_eq!(error.code, "IP_NOT_ALLOWED");
    assert!(
        error.remedy.contains("企业可信IP") && error.remedy.contains("(203.0.113.7)"),
        "{}",
        error.remedy
    );
    assert!(error.platform_message.contains("203.0.113.7"));
    let without = send(r#"{"errcode":60020,"errmsg":"not allow to access from your ip"}"#);
    assert!(matches!(without, Verdict::Failed { error, .. } if error.remedy.contains("企业可信IP")));
}

#[test]
fn what_may_have_arrived_is_unknown_and_never_sent_twice() {
    for path in [SEND_PATH, UPDATE_PATH, WELCOME_PATH] {
        for (status, body) in [
            (500, r#"{"errcode":0}"#),
            (502, "<html>"),
            (200, "<html>"),
            (200, "{}"),
            (408, ""),
        ] {
            let verdict = judge(&call(path), &Answer::json(status, body));
            assert!(
                matches!(verdict, Verdict::Unknown(error) if error.code == "AMBIGUOUS"),
                "{path} {status} {body}"
            );
        }
    }
    let recall = judge(&call("/cgi-bin/message/recall"), &Answer::json(502, ""));
    assert!(
        matches!(recall, Verdict::RetryLater(_)),
        "taking back twice is taking back"
    );
}

#[test]
fn a_token_is_asked_for_with_the_applications_own_secret_and_refusals_name_the_setting() {
    let asked = tokens::call_of_corp(&crate::channels::wecom_app::testing::settings());
    assert_eq!((asked.method, asked.path), (Method::Get, "/cgi-bin/gettoken"));
    assert!(asked.query.contains(&("corpsecret", "s3cret".to_owned())));
    let good = r#"{"errcode":0,"errmsg":"ok","access_token":"tok","expires_in":7200}"#;
    let token = tokens::read(TABLE, &Answer::json(200, good))
        .map_err(|_| ())
        .expect("a token");
    assert_eq!((token.value.as_str(), token.lives_for), ("tok", 7_200_000));
    for (code, ours) in [
        (40001, "BAD_SECRET"),
        (40013, "BAD_APP_ID"),
        (60020, "IP_NOT_ALLOWED"),
        (-1, "PLATFORM_DOWN"),
    ] {
        let body = format!(r#"{{"errcode":{code},"errmsg":"x"}}"#);
        let found = match tokens::read(TABLE, &Answer::json(200, body)).map(|_| ()) {
            Err(Verdict::Failed { error, .. } | Verdict::RetryLater(error)) => error.code,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, ours, "{code}");
    }
}

/// The codes of the platform's page, but those of customer service (95000 to 95032).
#[test]
fn every_documented_code_has_a_row() {
    let documented: &[i64] = &[
        -1, 6000, 40001, 40003, 40031, 60111, 46004, 40004, 40005, 40006, 40009, 40011, 40007, 40008, 40013, 40014,
        40032, 82002, 82003, 40033, 40035, 40058, 40063, 40050, 86001, 86003, 86008, 40056, 41011, 301002, 40078,
        40082, 42009, 40084, 41025, 48004, 40085, 40096, 40201, 41001, 41050, 41051, 41053, 41096, 42001, 42014, 42015,
        42016, 42017, 42027, 42051, 42052, 43009, 43012, 44001, 44004, 45001, 45002, 45007, 45008, 45009, 45029, 45033,
        48001, 48002, 48005, 48006, 48007, 50002, 60011, 60021, 50003, 50006, 60020, 81013, 82001, 82004, 84061, 84084,
        90206, 90207, 90208, 93000, 93004, 93008, 830002, 846605, 846607, 846608, 846609,
    ];
    for code in documented {
        assert!(codes::row(TABLE, *code).is_some(), "{code}");
    }
}
