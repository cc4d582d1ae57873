//! What did the platform give? Good answers of its calls; refusals are judged before.

use serde_json::Value;

use super::codes::TABLE;
use crate::{
    channels::{
        common::answers::{self, Reading, number},
        contract::{About, AccessToken, Grant, Listing, PreAuth, Renewal, Verdict},
    },
    ports::platform::Answer,
    secret::Secret,
};

/// The component access token. 40001 can only mean the secret: no token was sent.
pub fn token(answer: &Answer) -> Result<AccessToken, Verdict> {
    match answers::read_repeatable(answer)? {
        Reading::Ok(body) | Reading::NoCode(body) => access(&body, "component_access_token")
            .ok_or_else(|| answers::down("the answer to a token call has no token")),
        Reading::Refused(refusal) => Err(match answers::verdict(TABLE, &refusal) {
            Verdict::RefreshToken(error) => Verdict::Failed {
                error: crate::schema::v1::Error {
                    code: crate::error::Code::BadSecret.name().into(),
                    retryable: false,
                    ..error
                },
                learned: None,
            },
            other => other,
        }),
        Reading::Broken(why) => Err(answers::down(&why)),
        Reading::Status(status) => Err(answers::refused_by_http(status)),
    }
}

pub fn pre_auth(answer: &Answer) -> Option<PreAuth> {
    let body = body(answer)?;
    Some(PreAuth {
        code: secret(&body, "pre_auth_code").filter(|code| !code.is_empty())?,
        // The page's text and its sample differ; the shorter is safe.
        lives_for: body.get("expires_in").and_then(number).unwrap_or(600).max(1) * 1000,
    })
}

pub fn grant(answer: &Answer) -> Option<Grant> {
    let body = body(answer)?;
    let info = body.get("authorization_info")?;
    Some(Grant {
        app_id: text(info, "authorizer_appid").filter(|id| !id.is_empty())?,
        token: access(info, "authorizer_access_token"),
        refresh: secret(info, "authorizer_refresh_token").unwrap_or_default(),
        sets: sets(info),
    })
}

pub fn renewal(answer: &Answer) -> Option<Renewal> {
    let body = body(answer)?;
    Some(Renewal {
        token: access(&body, "authorizer_access_token")?,
        refresh: secret(&body, "authorizer_refresh_token").unwrap_or_default(),
    })
}

/// <https://developers.weixin.qq.com/doc/oplatform/openApi/authorization-management/api_getauthorizerinfo.html>
pub fn about(answer: &Answer) -> Option<About> {
    let body = body(answer)?;
    let info = body.get("authorizer_info").filter(|info| info.is_object())?;
    let granted = body.get("authorization_info").unwrap_or(&Value::Null);
    let id_of = |name: &str| info.get(name).and_then(|it| it.get("id")).and_then(number);
    // The kinds' numbers overlap; only a mini-program has this field.
    let mini = info.get("MiniProgramInfo").is_some_and(|it| !it.is_null());
    Some(About {
        name: text(info, "nick_name").unwrap_or_default(),
        original_id: text(info, "user_name").unwrap_or_default(),
        principal: text(info, "principal_name").unwrap_or_default(),
        channel: if mini { "mini_program" } else { "official_account" }.into(),
        service_type: id_of("service_type_info").unwrap_or_default(),
        verified: id_of("verify_type_info").is_some_and(|id| id >= 0),
        status: info.get("account_status").and_then(number).unwrap_or(1),
        sets: sets(granted),
        refresh: secret(granted, "authorizer_refresh_token").unwrap_or_default(),
    })
}

pub fn listing(answer: &Answer) -> Option<Listing> {
    let body = body(answer)?;
    let items = body.get("list").and_then(Value::as_array);
    let item = |item: &Value| {
        let id = text(item, "authorizer_appid").filter(|id| !id.is_empty())?;
        Some((id, secret(item, "refresh_token").unwrap_or_default()))
    };
    Some(Listing {
        total: body.get("total_count").and_then(number)?.try_into().ok()?,
        items: items.into_iter().flatten().filter_map(item).collect(),
    })
}

fn body(answer: &Answer) -> Option<Value> {
    match answers::read(answer) {
        Reading::Ok(body) | Reading::NoCode(body) => Some(body),
        Reading::Refused(_) | Reading::Broken(_) | Reading::Status(_) => None,
    }
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(|text| text.trim().to_owned())
}

fn secret(value: &Value, name: &str) -> Option<Secret> {
    value.get(name)?.as_str().map(|text| Secret::new(text.trim()))
}

fn access(value: &Value, name: &str) -> Option<AccessToken> {
    let token = value.get(name)?.as_str().filter(|token| !token.is_empty())?;
    let seconds = number(value.get("expires_in")?).filter(|seconds| *seconds > 0)?;
    Some(AccessToken {
        value: token.to_owned(),
        lives_for: seconds.saturating_mul(1000),
    })
}

/// `func_info`: what was ticked.
fn sets(info: &Value) -> Vec<u32> {
    let items = info.get("func_info").and_then(Value::as_array);
    let id = |item: &Value| number(item.get("funcscope_category")?.get("id")?)?.try_into().ok();
    items.into_iter().flatten().filter_map(id).collect()
}
