//! How is an access token asked for, and what does the answer say?
//!
//! The stable token by default: it stays the same until shortly before its end, so two systems with one AppSecret do not
//! knock each other out.
//! <https://developers.weixin.qq.com/doc/subscription/api/base/api_getstableaccesstoken.html>

use serde_json::{Value, json};

use super::{
    answers::{self, Reading, Refusal},
    codes::Table,
};
use crate::{
    channels::contract::{AccessToken, Verdict},
    error::Code,
    ports::platform::{Answer, Call, CallBody, Method},
    schema::v1,
    settings::{AccountSettings, TokenMode},
};

/// The request for a token.
pub fn call(settings: &AccountSettings) -> Call {
    match settings.token_mode {
        TokenMode::Stable => {
            let body = json!({
                "grant_type": "client_credential",
                "appid": settings.app_id,
                "secret": settings.app_secret.expose(),
                "force_refresh": false,
            });
            Call::post("/cgi-bin/stable_token", body)
        }
        TokenMode::Classic => Call {
            method: Method::Get,
            path: "/cgi-bin/token",
            query: vec![
                ("grant_type", "client_credential".into()),
                ("appid", settings.app_id.clone()),
                ("secret", settings.app_secret.expose().to_owned()),
            ],
            body: CallBody::Empty,
        },
    }
}

/// The same at WeCom, where each application has a Secret of its own. Asking again does not end the token before.
/// <https://developer.work.weixin.qq.com/document/path/91039>
pub fn call_of_corp(settings: &AccountSettings) -> Call {
    Call {
        method: Method::Get,
        path: "/cgi-bin/gettoken",
        query: vec![
            ("corpid", settings.corp_id.clone()),
            ("corpsecret", settings.secret.expose().to_owned()),
        ],
        body: CallBody::Empty,
    }
}

/// The token, or why there is none.
pub fn read(table: Table, answer: &Answer) -> Result<AccessToken, Verdict> {
    match answers::read_repeatable(answer)? {
        Reading::Ok(body) | Reading::NoCode(body) => {
            token(&body).ok_or_else(|| answers::down("the answer to a token call has no token"))
        }
        Reading::Refused(refusal) => Err(refused(table, &refusal)),
        Reading::Broken(why) => Err(answers::down(&why)),
        Reading::Status(status) => Err(answers::refused_by_http(status)),
    }
}

fn token(body: &Value) -> Option<AccessToken> {
    let value = body.get("access_token")?.as_str().filter(|value| !value.is_empty())?;
    let seconds = answers::number(body.get("expires_in")?).filter(|seconds| *seconds > 0)?;
    Some(AccessToken {
        value: value.to_owned(),
        lives_for: seconds.saturating_mul(1000),
    })
}

/// 40001 says "secret wrong, or token not the latest"; where no token was sent it can only be the secret.
fn refused(table: Table, refusal: &Refusal) -> Verdict {
    match answers::verdict(table, refusal) {
        Verdict::RefreshToken(_) => Verdict::Failed {
            error: bad_secret(table, refusal),
            learned: None,
        },
        other => other,
    }
}

fn bad_secret(table: Table, refusal: &Refusal) -> v1::Error {
    match table.iter().find(|row| row.code == Code::BadSecret) {
        Some(row) => answers::error(refusal, row),
        None => v1::Error {
            code: Code::BadSecret.name().into(),
            ..Default::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{channels::official_account::codes::TABLE, secret::Secret};

    fn settings(token_mode: TokenMode) -> AccountSettings {
        AccountSettings {
            app_id: "wx1".into(),
            app_secret: Secret::new("s3cret"),
            token_mode,
            ..Default::default()
        }
    }

    fn code_of(answer: &Answer) -> String {
        match read(TABLE, answer).map(|_| ()) {
            Err(Verdict::Failed { error, .. } | Verdict::RetryLater(error)) => error.code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_stable_call_is_the_default_and_the_classic_one_is_a_get() {
        let stable = call(&settings(TokenMode::default()));
        assert_eq!((stable.method, stable.path), (Method::Post, "/cgi-bin/stable_token"));
        let CallBody::Json(body) = &stable.body else {
            panic!("JSON")
        };
        let body: Value = serde_json::from_slice(body).expect("JSON");
        assert_eq!(
            body,
            json!({ "grant_type": "client_credential", "appid": "wx1", "secret": "s3cret", "force_refresh": false })
        );
        let classic = call(&settings(TokenMode::Classic));
        assert_eq!((classic.method, classic.path), (Method::Get, "/cgi-bin/token"));
        assert!(classic.query.contains(&("secret", "s3cret".to_owned())));
    }

    #[test]
    fn a_token_lives_as_long_as_the_answer_says() {
        let token = read(TABLE, &Answer::json(200, r#"{"access_token":"AT","expires_in":7200}"#))
            .map_err(|_| ())
            .expect("token");
        assert_eq!((token.value.as_str(), token.lives_for), ("AT", 7_200_000));
        assert!(
            read(
                TABLE,
                &Answer::json(200, r#"{"access_token":"AT","expires_in":"7200"}"#)
            )
            .is_ok()
        );
    }

    #[test]
    fn refusals_of_the_token_call_name_the_setting_to_correct() {
        for (code, ours) in [
            (40001, "BAD_SECRET"),
            (40125, "BAD_SECRET"),
            (40243, "BAD_SECRET"),
            (40013, "BAD_APP_ID"),
            (40164, "IP_NOT_ALLOWED"),
            (89503, "IP_NOT_ALLOWED"),
            (50007, "NOT_ENTITLED"),
            (-1, "PLATFORM_DOWN"),
            (45009, "RATE_LIMITED"),
        ] {
            assert_eq!(
                code_of(&Answer::json(200, format!(r#"{{"errcode":{code},"errmsg":"x"}}"#))),
                ours,
                "{code}"
            );
        }
        for body in ["", "<html>", "{}", r#"{"access_token":""}"#, r#"{"access_token":"a"}"#] {
            assert_eq!(code_of(&Answer::json(200, body)), "PLATFORM_DOWN", "{body}");
        }
        assert_eq!(code_of(&Answer::json(502, "bad gateway")), "PLATFORM_DOWN");
    }
}
