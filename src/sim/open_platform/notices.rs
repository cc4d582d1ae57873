//! What is pushed to 授权事件接收URL? Tickets every ten minutes, and who authorised or withdrew
//! (/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/component_verify_ticket.html).

use std::sync::Arc;

use super::Component;
use crate::sim::{
    platform::Platform,
    push::{Attempt, Control, Round, Verdict, deliver, dress},
    wire::xml::{Node, write},
};

const TIMEOUT_MS: u64 = 5000;
/// Whatever is not taken comes again.
const ATTEMPTS: u32 = 3;

/// What came of a notice.
#[derive(Debug, serde::Serialize)]
pub struct Told {
    pub attempts: Vec<Attempt>,
    /// `success`, or what was wrong with the answer.
    pub outcome: String,
}

/// A new ticket, told.
pub async fn ticket(platform: &Platform, app_id: &str, control: &Control) -> Result<Told, String> {
    let fresh = format!("ticket@@@{}", platform.letters(64));
    {
        let mut world = platform.world();
        let now = world.now();
        let component = world.components.get_mut(app_id).ok_or("no such platform")?;
        component.issued.push((fresh.clone(), now));
    }
    tell(
        platform,
        app_id,
        "component_verify_ticket",
        &[("ComponentVerifyTicket", fresh)],
        control,
    )
    .await
}

/// The same beside whatever goes on.
pub fn ticket_behind(platform: &Arc<Platform>, app_id: &str) {
    let (platform, app_id) = (platform.clone(), app_id.to_owned());
    actix_web::rt::spawn(async move {
        // Whoever does not take it is told again in ten minutes.
        let _ = ticket(&platform, &app_id, &Control::default()).await;
    });
}

/// One notice, signed and sealed.
pub async fn tell(
    platform: &Platform,
    app_id: &str,
    kind: &str,
    more: &[(&str, String)],
    control: &Control,
) -> Result<Told, String> {
    let (component, now): (Component, i64) = {
        let world = platform.world();
        let component = world.components.get(app_id).cloned().ok_or("no such platform")?;
        (component, world.now())
    };
    if component.events_url.is_empty() {
        return Err("events_url is empty".to_owned());
    }
    let created = control.create_time.unwrap_or(now / 1000);
    let mut fields = vec![
        ("AppId".to_owned(), Node::text(app_id)),
        ("CreateTime".to_owned(), Node::number(created)),
        ("InfoType".to_owned(), Node::text(kind)),
    ];
    fields.extend(
        more.iter()
            .map(|(name, value)| ((*name).to_owned(), Node::text(value.clone()))),
    );
    let inner = write(&fields);
    let sender = component.sender(vec![("AppId", app_id.to_owned())], None);
    let round = Round::new(&component.events_url, ATTEMPTS, TIMEOUT_MS, 0, control);
    let (attempts, verdict) = deliver(
        platform,
        &round,
        || dress(platform, &sender, &inner, control),
        |body| match body {
            b"success" => Verdict::Success,
            other => Verdict::Bad(format!("the answer is {} bytes, not success", other.len())),
        },
    )
    .await;
    let outcome = match verdict {
        Verdict::Success => "success".to_owned(),
        Verdict::Bad(why) => why,
        other => other.name().to_owned(),
    };
    Ok(Told { attempts, outcome })
}
