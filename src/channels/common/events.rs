//! What can a message or an event become? The rows of each channel's table, and the page that is made of one.

use std::fmt::Write as _;

use crate::schema::v1::{interaction::Kind, signal::Type};

/// One documented message or event.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// `MsgType`; `event` for events.
    pub msg_type: &'static str,
    /// `Event`; empty for messages. With a `*` at its end every event that begins so.
    pub event: &'static str,
    pub becomes: Becomes,
    pub whose: Whose,
    /// The allowance it opens.
    pub opens: Option<&'static str>,
    /// Whether an answer inside the request reaches the customer.
    pub passive: bool,
    /// Whether the customer did something just now.
    pub acted: bool,
    /// The field whose values tell two of them apart beside sender and time; empty = `EventKey`.
    pub job: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Becomes {
    Part(Part),
    Interaction(Kind),
    Signal(Type),
}

/// The part a message becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Text,
    Image,
    Voice,
    Video,
    Location,
    Link,
    File,
    MiniProgram,
}

/// In whose conversation it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Customer,
    /// The customer is named by `OpenID`, because the push service is the sender.
    Named,
    Account,
}

/// What a customer says.
pub const fn message(msg_type: &'static str, part: Part) -> Row {
    Row {
        msg_type,
        event: "",
        becomes: Becomes::Part(part),
        whose: Whose::Customer,
        opens: Some("message"),
        passive: true,
        acted: true,
        job: "",
    }
}

/// A tap on a menu.
pub const fn tap(event: &'static str, kind: Kind, opens: Option<&'static str>) -> Row {
    Row {
        msg_type: "event",
        event,
        becomes: Becomes::Interaction(kind),
        whose: Whose::Customer,
        opens,
        passive: true,
        acted: true,
        job: "",
    }
}

/// Something the customer did that the schema calls a signal.
pub const fn act(event: &'static str, signal: Type, opens: Option<&'static str>) -> Row {
    Row {
        becomes: Becomes::Signal(signal),
        ..tap(event, Kind::Unspecified, opens)
    }
}

/// Something the customer is told of or that is told about them: no answer is expected.
pub const fn notice(event: &'static str, signal: Type) -> Row {
    Row {
        passive: false,
        acted: false,
        ..act(event, signal, None)
    }
}

/// Something about the account itself.
pub const fn account(event: &'static str, signal: Type) -> Row {
    Row {
        whose: Whose::Account,
        ..notice(event, signal)
    }
}

/// The result of something we asked for.
pub const fn job(row: Row, id: &'static str) -> Row {
    Row { job: id, ..row }
}

/// A change of what the customer allows, told by the push service.
pub const fn named(event: &'static str) -> Row {
    Row {
        whose: Whose::Named,
        ..notice(event, Type::OptInChanged)
    }
}

/// An event nobody documented: kept, whatever it is.
pub const UNKNOWN_EVENT: Row = Row {
    acted: false,
    ..act("", Type::Other, None)
};

/// The row of a push; letter case varies between senders.
pub fn row(rows: &'static [Row], msg_type: &str, event: &str) -> Option<&'static Row> {
    rows.iter()
        .find(|row| row.msg_type.eq_ignore_ascii_case(msg_type) && row.names(event))
}

impl Row {
    fn names(&self, event: &str) -> bool {
        match self.event.strip_suffix('*') {
            Some(start) => event
                .get(..start.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(start)),
            None => self.event.eq_ignore_ascii_case(event),
        }
    }

    /// The fixture that shows it.
    pub fn fixture(&self) -> String {
        if self.event.is_empty() {
            self.msg_type.to_owned()
        } else {
            format!("event_{}", self.event.trim_end_matches('*').to_ascii_lowercase())
        }
    }

    fn described(&self) -> String {
        match self.becomes {
            Becomes::Part(part) => format!("Message, part `{}`", part.name()),
            Becomes::Interaction(kind) => format!("Interaction {}", kind.as_str_name()),
            Becomes::Signal(signal) => format!("Signal {}", signal.as_str_name()),
        }
    }
}

impl Part {
    /// Its name in the schema.
    pub fn name(self) -> &'static str {
        match self {
            Part::Text => "text",
            Part::Image => "image",
            Part::Voice => "voice",
            Part::Video => "video",
            Part::Location => "location",
            Part::Link => "link",
            Part::File => "file",
            Part::MiniProgram => "mini_program",
        }
    }
}

/// The page of a channel's table: what stands before it, its rows, what stands behind it.
pub fn table(head: &str, rows: &[Row], tail: &str) -> String {
    let mut page = String::from(head);
    page.push_str(
        "| MsgType | Event | becomes | conversation | opens | passive | fixture |\n|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let event = if row.event.is_empty() {
            "–".to_owned()
        } else {
            format!("`{}`", row.event)
        };
        let whose = match row.whose {
            Whose::Customer | Whose::Named => "customer",
            Whose::Account => "account (`a:-`)",
        };
        // Writing into a String cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {event} | {} | {whose} | {} | {} | `{}` |",
            row.msg_type,
            row.described(),
            row.opens.unwrap_or("–"),
            if row.passive { "yes" } else { "–" },
            row.fixture(),
        );
    }
    page.push_str(tail);
    page
}

/// Holds a table to the bodies in `fixtures/`: every row has one, and it becomes what the row says.
#[cfg(test)]
pub(in crate::channels) fn check_rows(channel: &dyn crate::channels::contract::Channel, rows: &[Row]) {
    use crate::{channels::conformance_tests::samples, schema::v1::event::Body};

    let account = samples::account(channel);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(channel.card().name);
    for row in rows {
        let name = row.fixture();
        let body = ["xml", "json"]
            .iter()
            .find_map(|kind| std::fs::read(folder.join(format!("{name}.{kind}"))).ok())
            .unwrap_or_else(|| panic!("no fixture {name}"));
        let inbound = account.read(&samples::plain(&body), samples::NOW).expect("readable");
        let fits = match (row.becomes, &inbound.body) {
            (Becomes::Part(_), Body::Message(it)) => !it.summary.is_empty() && !inbound.raw_always,
            (Becomes::Interaction(kind), Body::Interaction(it)) => it.kind() == kind,
            (Becomes::Signal(kind), Body::Signal(it)) => it.r#type() == kind,
            _ => false,
        };
        assert!(fits, "{name}: {:?}", inbound.body);
        assert_eq!(inbound.effects.opens, row.opens, "{name}");
    }
}
