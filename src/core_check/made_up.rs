//! Which events does the examination make up? Those of a customer who does not exist, of an account called `core-check`.

use crate::schema::{
    Timestamp,
    v1::{self, event::Body, part::Content},
};

const PLATFORM: &str = "wx00000000corecheck";

/// A conversation, as the bridge counts it.
#[derive(Clone, Debug)]
pub struct Talk {
    pub native_id: String,
    pub epoch: u32,
    /// Of the event before.
    pub seq: u32,
    pub first_seq: u32,
}

impl Talk {
    pub fn key(&self) -> String {
        match self.native_id.as_str() {
            "" => format!("official_account:{PLATFORM}:a:-"),
            id => format!("official_account:{PLATFORM}:u:{id}"),
        }
    }

    /// The next event, of this id and time.
    pub fn next(&mut self, id: String, now: i64, body: Body) -> v1::Event {
        self.seq += 1;
        let at = Some(Timestamp::from_millis(now));
        v1::Event {
            conversation: Some(self.conversation(at)),
            epoch: self.epoch,
            seq: self.seq,
            // The platform counts in seconds.
            platform_time: Some(Timestamp::from_millis(now - now.rem_euclid(1000))),
            accepted_time: at,
            dedupe_key: format!("core-check:{id}"),
            allowances: vec![v1::Allowance {
                trigger: "message".into(),
                remaining: Some(5),
                expires: Some(Timestamp::from_millis(now + 48 * 3_600_000)),
                part_types: vec!["text".into(), "image".into()],
                basis: v1::allowance::Basis::Counted as i32,
            }],
            traceparent: format!("00-{}-{}-01", id.replace('-', ""), &id.replace('-', "")[16..]),
            body: Some(body),
            id,
            ..Default::default()
        }
    }

    fn conversation(&self, at: Option<Timestamp>) -> v1::Conversation {
        let of_account = self.native_id.is_empty();
        let customer = v1::Identity {
            native_id: self.native_id.clone(),
            kind: v1::identity::Kind::Customer as i32,
            display_name: "core-check".into(),
            language: "zh_CN".into(),
            ..Default::default()
        };
        let scope = match of_account {
            true => v1::conversation::Scope::Account,
            false => v1::conversation::Scope::Direct,
        };
        v1::Conversation {
            key: self.key(),
            account: Some(account()),
            customer: (!of_account).then_some(customer),
            scope: scope as i32,
            session_id: format!("s-{}", self.native_id),
            session_state: v1::conversation::SessionState::Assistant as i32,
            last_customer_message_time: at,
            first_seq: self.first_seq,
            ..Default::default()
        }
    }
}

fn account() -> v1::Account {
    v1::Account {
        id: "core-check".into(),
        channel: "official_account".into(),
        platform_id: PLATFORM.into(),
        channel_code: 1,
        ..Default::default()
    }
}

/// A message of one part.
pub fn message(content: Content, summary: &str) -> Body {
    Body::Message(v1::Message {
        platform_message_id: "24812345678901234".into(),
        sender: None,
        origin: v1::message::Origin::CustomerSent as i32,
        parts: vec![v1::Part {
            content: Some(content),
            ..Default::default()
        }],
        quote: None,
        summary: summary.into(),
    })
}

pub fn text(body: &str) -> Body {
    message(
        Content::Text(v1::Text {
            body: body.into(),
            format: 0,
        }),
        body,
    )
}

pub fn picture() -> Body {
    message(
        Content::Image(v1::Media {
            handle: "0".repeat(32),
            mime: "image/jpeg".into(),
            state: v1::media::State::Pending as i32,
            ..Default::default()
        }),
        "[图片]",
    )
}

pub fn unsupported() -> Body {
    message(
        Content::Unsupported(v1::Unsupported {
            platform_type: "teleport".into(),
        }),
        "[teleport]",
    )
}

pub fn click() -> Body {
    Body::Interaction(v1::Interaction {
        kind: v1::interaction::Kind::MenuClick as i32,
        key: "HELP".into(),
        label: "帮助".into(),
        ..Default::default()
    })
}

pub fn signal(kind: v1::signal::Type, platform_type: &str) -> Body {
    Body::Signal(v1::Signal {
        r#type: kind as i32,
        platform_type: platform_type.into(),
        native_json: format!("{{\"Event\":\"{platform_type}\"}}"),
        ..Default::default()
    })
}

pub fn failed_send() -> Body {
    Body::Delivery(v1::DeliveryUpdate {
        result: Some(v1::SendResult {
            message_id: "core-check-none".into(),
            client_message_id: "core-check-none".into(),
            status: v1::send_result::Status::Failed as i32,
            road: v1::send_result::Road::CustomerService as i32,
            error: Some(v1::Error {
                code: "WINDOW_CLOSED".into(),
                platform_code: 45015,
                platform_message: "response out of time limit".into(),
                ..Default::default()
            }),
            ..Default::default()
        }),
        attempt: 1,
        sent: None,
    })
}

pub fn gap(from: u32, to: u32) -> Body {
    Body::Gap(v1::Gap {
        from_seq: from,
        to_seq: to,
        reason: v1::gap::Reason::Parked as i32,
        detail: "core-check".into(),
        parked_event_ids: Vec::new(),
    })
}

/// The platform's own body.
pub fn raw(bytes: usize) -> v1::Raw {
    v1::Raw {
        media_type: "text/xml".into(),
        body: b"<xml>core-check</xml>".iter().copied().cycle().take(bytes).collect(),
        sha256: String::new(),
    }
}
