//! What does a callback say? A bell for the most part: something waits at one of the accounts
//! (<https://developer.work.weixin.qq.com/document/path/94670>).

use super::{events, kinds};
use crate::{
    channels::{
        common::{identity::fingerprint, wire::claimed},
        contract::{Admitted, Bell, Dedupe, Effects, Inbound, Refusal, Who},
    },
    envelope::{self, TreeFault},
    error::Code,
    ports::clock::Millis,
    schema::v1::{self, AccountState, account_state::State, event::Body, signal::Type},
    settings::AccountSettings,
};

/// The event of a bell.
const BELL: &str = "kf_msg_or_event";

/// The bell, where the callback is one.
pub fn bell(plain: &[u8]) -> Option<Bell> {
    let fields = envelope::parse(plain).ok()?;
    let rings = fields.value("Event").eq_ignore_ascii_case(BELL);
    rings.then(|| Bell {
        // Old copies of the page have none: then it may be any account.
        sub_id: Some(fields.value("OpenKfId").to_owned()).filter(|id| !id.is_empty()),
        token: fields.value("Token").to_owned(),
    })
}

/// A callback of a WeCom app that is customer service's, and of an account that is ours.
pub fn is_ours(plain: &[u8], owns: impl Fn(&str) -> bool) -> bool {
    let Ok(fields) = envelope::parse(plain) else {
        return false;
    };
    let id = fields.value("OpenKfId");
    fields.value("Event").to_ascii_lowercase().starts_with("kf_") && (id.is_empty() || owns(id))
}

/// Everything that is no bell: an event of the account itself.
pub fn read(settings: &AccountSettings, admitted: &Admitted, now: Millis) -> Result<Inbound, Refusal> {
    let fields = envelope::parse(&admitted.plain).map_err(|fault| {
        let code = match fault {
            TreeFault::Forbidden(_) => Code::ForbiddenXml,
            TreeFault::Broken(_) => Code::Undecodable,
        };
        Refusal::quarantine(code, fault.to_string())
    })?;
    let event = fields.value("Event");
    if event.is_empty() && fields.value("MsgType").is_empty() {
        return Err(Refusal::quarantine(Code::Undecodable, "the body has no MsgType"));
    }
    let kind = kinds::event_of(&event.to_ascii_lowercase()).map_or(Type::Other, |row| row.signal);
    let seconds: u64 = fields.value("CreateTime").parse().unwrap_or_default();
    // What else the callback's application is told comes here too, of many members in one second.
    let rest = format!("{event}:{}", fingerprint(&admitted.plain));
    Ok(Inbound {
        who: Who::Account,
        aliases: Default::default(),
        platform_time: claimed(fields.value("CreateTime"), now),
        dedupe: Dedupe {
            text: format!("{}:{seconds}:{rest}", settings.corp_id),
            order: seconds,
            rest,
        },
        body: Body::Signal(v1::Signal {
            r#type: kind as i32,
            platform_type: event.to_owned(),
            fields: events::flat(&fields),
            native_json: fields.to_json(),
            account_state: (kind == Type::AccountStateChanged).then(|| AccountState {
                state: State::Unspecified as i32,
                reasons: vec![event.to_owned()],
                permission_sets: Vec::new(),
            }),
            ..v1::Signal::default()
        }),
        entry: None,
        effects: Effects::default(),
        passive: None,
        raw_always: kind == Type::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::contract::Seal;

    #[test]
    fn a_time_that_no_calendar_writes_is_not_the_platforms() {
        let now = 1_752_000_100_000;
        let time = |text: &str| {
            let xml = format!("<xml><CreateTime>{text}</CreateTime><MsgType>event</MsgType><Event>x</Event></xml>");
            let admitted = Admitted {
                plain: xml.into_bytes(),
                seal: Seal::Plain,
                stamped: now,
                notes: Vec::new(),
            };
            read(&AccountSettings::default(), &admitted, now)
                .expect("read")
                .platform_time
        };
        assert_eq!(time("1752000000"), Some(1_752_000_000_000));
        assert_eq!(time("1752000000123"), Some(1_752_000_000_123));
        for text in ["", "0", "175200040012", "9223372036854775807", "18446744073709551615"] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
