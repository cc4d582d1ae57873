//! What does the platform say to the address for authorisation events?
//!
//! <https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/component_verify_ticket.html>,
//! <https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/authorize_event.html>.

use crate::{
    channels::contract::{Authorized, Notice, Refusal},
    envelope::{self, Fields, TreeFault},
    error::Code,
    ports::clock::Millis,
    secret::Secret,
};

/// Reads a notice to the platform with this AppID.
pub fn read(app_id: &str, plain: &[u8]) -> Result<Notice, Refusal> {
    let fields = envelope::parse(plain).map_err(|fault| {
        let code = match fault {
            TreeFault::Forbidden(_) => Code::ForbiddenXml,
            TreeFault::Broken(_) => Code::Undecodable,
        };
        Refusal::quarantine(code, fault.to_string())
    })?;
    let receiver = fields.value("AppId");
    if !receiver.is_empty() && receiver != app_id {
        let detail = format!("the notice is for platform {receiver:?}, not for {app_id}");
        return Err(Refusal::quarantine(Code::WrongReceiver, detail));
    }
    match fields.value("InfoType") {
        "component_verify_ticket" => Ok(Notice::Ticket {
            ticket: Secret::new(needed(&fields, "ComponentVerifyTicket")?),
            created: created(&fields),
        }),
        "authorized" => authorized(&fields, false),
        "updateauthorized" => authorized(&fields, true),
        "unauthorized" => Ok(Notice::Unauthorized {
            app_id: needed(&fields, "AuthorizerAppid")?.to_owned(),
            created: created(&fields),
        }),
        "" => Err(Refusal::quarantine(Code::Undecodable, "the notice has no InfoType")),
        other => Ok(Notice::Other { name: other.to_owned() }),
    }
}

/// The code's time is not looked at: pages and pushes disagree about what it counts, and a code is spent at once.
fn authorized(fields: &Fields, again: bool) -> Result<Notice, Refusal> {
    Ok(Notice::Authorized(Authorized {
        app_id: needed(fields, "AuthorizerAppid")?.to_owned(),
        code: Secret::new(needed(fields, "AuthorizationCode")?),
        pre_auth: Secret::new(fields.value("PreAuthCode")),
        created: created(fields),
        again,
    }))
}

fn needed<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, Refusal> {
    match fields.value(name) {
        "" => Err(Refusal::quarantine(
            Code::Undecodable,
            format!("the notice has no {name}"),
        )),
        value => Ok(value),
    }
}

fn created(fields: &Fields) -> Millis {
    let seconds: Millis = fields.value("CreateTime").parse().unwrap_or_default();
    seconds.saturating_mul(1000)
}
