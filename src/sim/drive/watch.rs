//! What can a test look at and turn? Recorded calls, faults, the clock, stored files.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
    web::{Bytes, Data, Path, Query},
};
use serde::Deserialize;
use serde_json::json;

use super::{failed, ok, phones::wait, read};
use crate::sim::{faults::Fault, platform::Platform, world::rfc3339};

#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait: Option<String>,
    account: Option<String>,
    /// The end of the path.
    api: Option<String>,
}

/// Every call of the platform's API since `after`.
pub async fn calls(platform: Data<Platform>, query: Query<Asked>) -> HttpResponse {
    let seen = platform
        .poll(wait(query.wait.as_deref()), |world| {
            let fits = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|end| found.ends_with(end));
            let items: Vec<_> = world
                .calls
                .iter()
                .filter(|call| call.seq > query.after)
                .filter(|call| fits(&query.account, &call.account) && fits(&query.api, &call.api))
                .collect();
            let next = items.last().map_or(query.after, |call| call.seq);
            (!items.is_empty(), json!({ "items": items, "next": next }))
        })
        .await;
    ok(&seen)
}

pub async fn forget_calls(platform: Data<Platform>) -> HttpResponse {
    platform.world().calls.clear();
    ok(&json!({}))
}

pub async fn faults(platform: Data<Platform>) -> HttpResponse {
    ok(&json!({ "items": platform.world().faults }))
}

pub async fn add_fault(platform: Data<Platform>, body: Bytes) -> HttpResponse {
    match read::<Fault>(&body) {
        Ok(fault) => {
            platform.world().faults.push(fault);
            ok(&json!({}))
        }
        Err(answer) => answer,
    }
}

pub async fn clear_faults(platform: Data<Platform>) -> HttpResponse {
    platform.world().faults.clear();
    ok(&json!({}))
}

pub async fn clock(platform: Data<Platform>) -> HttpResponse {
    ok(&json!({ "now": rfc3339(platform.world().now()) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    /// "49h"; "-10m" goes back.
    advance: Option<String>,
    /// RFC 3339.
    set: Option<String>,
}

/// Moves the simulated clock.
pub async fn move_clock(platform: Data<Platform>, body: Bytes) -> HttpResponse {
    let wanted: Move = match read(&body) {
        Ok(wanted) => wanted,
        Err(answer) => return answer,
    };
    let mut world = platform.world();
    let shift = match (wanted.advance.as_deref(), wanted.set.as_deref()) {
        (Some(text), None) => duration(text),
        (None, Some(text)) => match chrono::DateTime::parse_from_rfc3339(text) {
            Ok(time) => Ok(time.timestamp_millis() - world.now()),
            Err(error) => Err(format!("set: {error}")),
        },
        _ => Err("either advance or set".to_owned()),
    };
    match shift {
        Ok(shift) => world.shift(shift),
        Err(fault) => return failed(StatusCode::BAD_REQUEST, fault),
    }
    let now = world.now();
    drop(world);
    platform.touch();
    ok(&json!({ "now": rfc3339(now) }))
}

fn duration(text: &str) -> Result<i64, String> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let parsed = humantime::parse_duration(text).map_err(|error| format!("advance: {error}"))?;
    let millis = i64::try_from(parsed.as_millis()).map_err(|_| "advance: too far")?;
    // A century is far enough, and keeps sums in range.
    Ok(sign * millis.min(100 * 366 * 24 * 3600 * 1000))
}

/// A stored file, for phones. Its bytes came from a stranger: nothing in it runs.
pub async fn media(platform: Data<Platform>, id: Path<String>) -> HttpResponse {
    match platform.world().media.get(id.as_str()) {
        Some(medium) => HttpResponse::Ok()
            .content_type(medium.mime.clone())
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
            .insert_header((header::CACHE_CONTROL, "private, max-age=3600"))
            .body(medium.bytes.clone()),
        None => failed(StatusCode::NOT_FOUND, "no such media"),
    }
}
