//! What did the platform say, in our words? One push becomes one [`Inbound`]; an odd field is never an error.

use super::{
    events::{self, Becomes, Row, Whose},
    identity, parts, signals,
    wire::Push,
};
use crate::{
    channels::contract::{Admitted, Dedupe, Effects, Inbound, PassiveTo, Refusal, Seal, Who},
    entry,
    envelope::{self, Format, TreeFault},
    error::Code,
    ports::{clock::Millis, core::has_nameless_part},
    schema::v1::{self, Entry, Identity, Message, event::Body, interaction::Kind, signal},
    settings::{AccountSettings, PlatformAgents},
};

/// How one channel speaks.
pub struct Tongue {
    /// Its name in the schema.
    pub channel: &'static str,
    /// What becomes of each message and event.
    pub rows: &'static [Row],
    pub passive: Passive,
    /// The allowance that a tap on an offered choice opens.
    pub choice_opens: &'static str,
}

/// What an answer inside the request can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passive {
    /// The kinds of the page on passive replies, in XML alone.
    Content,
    /// Nothing but the hand-over to the platform's own agents, in the format of the push.
    TransferOnly,
}

/// Reads what was admitted for the account of these settings.
pub fn read(tongue: &Tongue, settings: &AccountSettings, admitted: &Admitted, now: Millis) -> Result<Inbound, Refusal> {
    let fields = envelope::parse(&admitted.plain).map_err(|fault| unreadable(&fault, &admitted.seal))?;
    let format = Format::of(&admitted.plain).unwrap_or(Format::Xml);
    let mut push = Push::new(&fields, format);
    if push.msg_type.is_empty() && push.event.is_empty() {
        // The check of a container names itself in this way.
        push.event = fields.value("action");
    }
    receiver(settings, &push)?;
    if push.msg_type.is_empty() && push.event.is_empty() {
        return Err(Refusal::quarantine(Code::Undecodable, "the body has no MsgType"));
    }
    let msg_type = if push.msg_type.is_empty() {
        "event"
    } else {
        push.msg_type
    };
    let event = if msg_type.eq_ignore_ascii_case("event") {
        push.event
    } else {
        ""
    };
    let row = events::row(tongue.rows, msg_type, event);
    let read = Reading {
        tongue,
        settings,
        push: &push,
        row,
    };
    Ok(read.inbound(&admitted.plain, now))
}

pub fn unreadable(fault: &TreeFault, seal: &Seal) -> Refusal {
    match (fault, seal) {
        (TreeFault::Forbidden(_), Seal::Plain) => Refusal::reject(400, Code::ForbiddenXml, fault.to_string()),
        (TreeFault::Forbidden(_), Seal::Encrypted { .. }) => Refusal::quarantine(Code::ForbiddenXml, fault.to_string()),
        (TreeFault::Broken(_), _) => Refusal::quarantine(Code::Undecodable, fault.to_string()),
    }
}

fn receiver(settings: &AccountSettings, push: &Push<'_>) -> Result<(), Refusal> {
    let ours = settings.original_id.as_str();
    if ours.is_empty() || push.to.is_empty() || push.to == ours {
        return Ok(());
    }
    let to: String = push.to.chars().take(40).collect();
    let detail = format!("ToUserName is {to:?}, the account's original_id is {ours:?}");
    Err(Refusal::quarantine(Code::WrongReceiver, detail))
}

struct Reading<'a> {
    tongue: &'a Tongue,
    settings: &'a AccountSettings,
    push: &'a Push<'a>,
    /// `None`: nobody documented it.
    row: Option<&'static Row>,
}

impl Reading<'_> {
    fn inbound(&self, plain: &[u8], now: Millis) -> Inbound {
        let who = self.who();
        let customer = match &who {
            Who::Customer(id) => Some(self.customer(id)),
            Who::Account => None,
        };
        let body = self.body(customer.as_ref());
        Inbound {
            passive: self.passive(&who),
            platform_time: self.push.platform_time(now),
            dedupe: self.dedupe(&who, plain),
            entry: self.entry(),
            effects: self.effects(&body),
            raw_always: raw_always(&body),
            aliases: customer.map(|it| it.aliases).unwrap_or_default(),
            body,
            who,
        }
    }

    fn who(&self) -> Who {
        let named = self.push.value("OpenID");
        let id = match self.row.map_or(Whose::Customer, |row| row.whose) {
            Whose::Account => "",
            Whose::Named if !named.is_empty() => named,
            Whose::Named | Whose::Customer => self.push.from,
        };
        // A push without a sender belongs to nobody's conversation but the account's own.
        if id.is_empty() {
            Who::Account
        } else {
            Who::Customer(id.to_owned())
        }
    }

    fn customer(&self, id: &str) -> Identity {
        let mut customer = Identity {
            native_id: id.to_owned(),
            kind: v1::identity::Kind::Customer as i32,
            ..Identity::default()
        };
        let union = self.push.value("UnionId");
        if !union.is_empty() {
            customer.aliases.insert("unionid".into(), union.into());
        }
        customer
    }

    fn body(&self, customer: Option<&Identity>) -> Body {
        let becomes = match self.row {
            Some(row) => Some(row.becomes),
            None if self.is_event() => Some(events::UNKNOWN_EVENT.becomes),
            None => None,
        };
        match becomes {
            Some(Becomes::Part(events::Part::Text)) if self.is_choice() => {
                Body::Interaction(signals::interaction(self.push, Kind::Choice))
            }
            Some(Becomes::Interaction(kind)) => Body::Interaction(signals::interaction(self.push, kind)),
            Some(Becomes::Signal(kind)) => Body::Signal(signals::signal(self.push, kind, customer)),
            Some(Becomes::Part(part)) => Body::Message(self.message(Some(part), customer)),
            None => Body::Message(self.message(None, customer)),
        }
    }

    fn message(&self, part: Option<events::Part>, customer: Option<&Identity>) -> Message {
        parts::message(self.tongue.channel, self.push, part, customer)
    }

    /// A tap on an item of a menu message arrives as a text. An empty id was seen on ordinary texts.
    fn is_choice(&self) -> bool {
        !self.push.value("bizmsgmenuid").is_empty()
    }

    fn is_event(&self) -> bool {
        self.push.msg_type.is_empty() || self.push.msg_type.eq_ignore_ascii_case("event")
    }

    fn is_message(&self) -> bool {
        self.row
            .map_or(!self.is_event(), |row| matches!(row.becomes, Becomes::Part(_)))
    }

    fn effects(&self, body: &Body) -> Effects {
        let choice = matches!(body, Body::Interaction(it) if it.kind() == Kind::Choice);
        let spoke = matches!(body, Body::Message(_));
        let session = match body {
            Body::Signal(signal) => signals::session_effect(signal),
            _ => None,
        };
        Effects {
            // An unknown kind of message is a message all the same.
            opens: match self.row {
                _ if choice => Some(self.tongue.choice_opens),
                Some(row) => row.opens,
                None => spoke.then_some("message"),
            },
            unfollowed: matches!(body, Body::Signal(it) if it.r#type() == signal::Type::Unfollowed),
            customer_acted: self.row.map_or(spoke, |row| row.acted),
            customer_spoke: spoke,
            session,
        }
    }

    /// Where an answer inside the request would go.
    fn passive(&self, who: &Who) -> Option<PassiveTo> {
        let lawful = self.row.unwrap_or(&events::UNKNOWN_EVENT).passive;
        let json = self.push.format == Format::Json;
        if !lawful || self.push.to.is_empty() {
            return None;
        }
        let Who::Customer(customer) = who else { return None };
        let to_message = self.is_message();
        let transfer = to_message && self.settings.platform_agents == PlatformAgents::Allow;
        let part_types = match (self.tongue.passive, transfer) {
            // The platform documents no JSON form of these.
            (Passive::Content, _) if json => return None,
            (Passive::Content, true) => PASSIVE_WITH_TRANSFER,
            (Passive::Content, false) => PASSIVE,
            (Passive::TransferOnly, true) => TRANSFER,
            (Passive::TransferOnly, false) => return None,
        };
        Some(PassiveTo {
            to: customer.clone(),
            from: self.push.to.to_owned(),
            part_types,
            to_message,
            json,
        })
    }

    /// How the customer came in, where this very push says so.
    fn entry(&self) -> Option<Entry> {
        let json = self.settings.entry_json;
        let row = self.row?;
        if row.becomes == Becomes::Signal(signal::Type::SessionEntered) {
            let from = self.push.value("SessionFrom");
            // Of the channels that speak so, mini-programs alone are entered.
            return Some(match from {
                "" => entry::of_mini_program(),
                from => entry::from_session_from(from, json),
            });
        }
        let key = self.push.event_key();
        if key.is_empty() {
            return None;
        }
        match row.becomes {
            // The prefix stands in `subscribe` only; a follow without it came by no code of ours.
            Becomes::Signal(signal::Type::Followed) => key
                .strip_prefix("qrscene_")
                .map(|scene| entry::from_qr_scene(scene, json)),
            Becomes::Signal(signal::Type::Scanned) => Some(entry::from_qr_scene(key, json)),
            // The key of a view is an address, not a key.
            Becomes::Interaction(Kind::MenuClick | Kind::ScanCode | Kind::PickPhoto | Kind::PickLocation) => {
                Some(entry::from_menu_key(key, json))
            }
            _ => None,
        }
    }

    fn dedupe(&self, who: &Who, plain: &[u8]) -> Dedupe {
        let from = match who {
            Who::Customer(id) => id,
            Who::Account => self.push.from,
        };
        identity::of(&self.settings.app_id, self.push, plain, self.row, from)
    }
}

pub fn raw_always(body: &Body) -> bool {
    match body {
        Body::Message(message) => has_nameless_part(message),
        Body::Signal(it) => it.r#type() == signal::Type::Other,
        _ => false,
    }
}

/// What the platform's page on passive replies lists, by our names.
const PASSIVE: &[&str] = &["text", "image", "voice", "video", "music", "articles"];
const TRANSFER: &[&str] = &["transfer"];
const PASSIVE_WITH_TRANSFER: &[&str] = &["text", "image", "voice", "video", "music", "articles", "transfer"];
