//! What did WeCom say, in our words? One push becomes one [`Inbound`]; an odd field is never an error.

use super::{
    cards,
    events::{self, ALWAYS, Becomes, Row, Whose},
    notices,
};
use crate::{
    channels::{
        common::{
            identity::{fingerprint, number, seconds},
            normalise as common, parts, signals,
            wire::Push,
        },
        contract::{Admitted, Dedupe, Effects, Inbound, PassiveTo, Refusal, Who},
    },
    entry,
    envelope::{self, Format},
    error::Code,
    ports::clock::Millis,
    schema::v1::{Entry, Identity, Selection, event::Body, identity, interaction::Kind, signal::Type},
    settings::AccountSettings,
};

/// Reads what was admitted for the account of these settings.
pub fn read(settings: &AccountSettings, admitted: &Admitted, now: Millis) -> Result<Inbound, Refusal> {
    let fields = envelope::parse(&admitted.plain).map_err(|fault| common::unreadable(&fault, &admitted.seal))?;
    let format = Format::of(&admitted.plain).unwrap_or(Format::Xml);
    let push = Push::new(&fields, format);
    if push.msg_type.is_empty() && push.event.is_empty() {
        return Err(Refusal::quarantine(Code::Undecodable, "the body has no MsgType"));
    }
    let is_event = push.msg_type.is_empty() || push.msg_type.eq_ignore_ascii_case("event");
    let row = match is_event {
        true => events::row("event", push.event),
        false => events::row(push.msg_type, ""),
    };
    let reading = Reading {
        settings,
        push: &push,
        row,
        is_event,
        now,
    };
    reading.receiver()?;
    Ok(reading.inbound(&admitted.plain))
}

struct Reading<'a> {
    settings: &'a AccountSettings,
    push: &'a Push<'a>,
    /// `None`: nobody documented it.
    row: Option<&'static Row>,
    is_event: bool,
    now: Millis,
}

impl Reading<'_> {
    /// Each application has a callback of its own. Two that share one by mistake must not answer for each other; what is
    /// about the enterprise names no agent, or another one rightly.
    fn receiver(&self) -> Result<(), Refusal> {
        let agent = self.push.value("AgentID");
        let of_member = self.row.is_none_or(|row| row.whose == Whose::Customer) && !self.of_system();
        if !of_member || agent.is_empty() || agent == "0" || agent == self.settings.agent_id {
            return Ok(());
        }
        let agent: String = agent.chars().take(20).collect();
        let detail = format!(
            "AgentID is {agent:?}, the account's agent_id is {:?}",
            self.settings.agent_id
        );
        Err(Refusal::quarantine(Code::WrongReceiver, detail))
    }

    fn of_system(&self) -> bool {
        self.push.from.is_empty() || self.push.from.eq_ignore_ascii_case("sys")
    }

    fn inbound(&self, plain: &[u8]) -> Inbound {
        let who = self.who();
        let customer = match &who {
            Who::Customer(id) => Some(self.customer(id)),
            Who::Account => None,
        };
        let body = self.body(customer.as_ref());
        Inbound {
            passive: self.passive(&who),
            platform_time: self.push.platform_time(self.now),
            dedupe: self.dedupe(plain),
            entry: self.entry(),
            effects: self.effects(&body),
            raw_always: common::raw_always(&body),
            aliases: customer.map(|it| it.aliases).unwrap_or_default(),
            body,
            who,
        }
    }

    fn who(&self) -> Who {
        let id = match self.row.map_or(Whose::Customer, |row| row.whose) {
            Whose::Account => "",
            Whose::Named => notices::named(self.push),
            // A push of the system's belongs to nobody's conversation but the account's own.
            Whose::Customer if self.of_system() => "",
            Whose::Customer => self.push.from,
        };
        if id.is_empty() {
            Who::Account
        } else {
            Who::Customer(id.to_owned())
        }
    }

    fn customer(&self, id: &str) -> Identity {
        let mut customer = Identity {
            native_id: id.to_owned(),
            kind: identity::Kind::Customer as i32,
            ..Identity::default()
        };
        if id == self.push.value("ExternalUserID") {
            customer.aliases.insert("external_userid".into(), id.into());
        }
        customer
    }

    fn body(&self, customer: Option<&Identity>) -> Body {
        let becomes = match self.row {
            Some(row) => Some(row.becomes),
            None if self.is_event => Some(events::Becomes::Signal(Type::Other)),
            None => None,
        };
        let message = |part| Body::Message(parts::message("wecom_app", self.push, part, customer));
        match becomes {
            Some(Becomes::Interaction(Kind::CardAction)) => Body::Interaction(self.card_action()),
            Some(Becomes::Interaction(kind)) => Body::Interaction(signals::interaction(self.push, kind)),
            Some(Becomes::Signal(kind)) => Body::Signal(notices::signal(self.push, kind, customer, self.now)),
            Some(Becomes::Part(part)) => message(Some(part)),
            None => message(None),
        }
    }

    /// A click on a card: which card and button, and what was chosen in it.
    fn card_action(&self) -> crate::schema::v1::Interaction {
        let (menu, source) = cards::source(self.push.value("TaskId"));
        let kind = if menu { Kind::Choice } else { Kind::CardAction };
        let mut tap = signals::interaction(self.push, Kind::CardAction);
        tap.kind = kind as i32;
        tap.source_message_id = source.to_owned();
        tap.response_code = self.push.value("ResponseCode").to_owned();
        let items = self.push.fields.group("SelectedItems");
        tap.selections = items
            .into_iter()
            .flat_map(|items| items.groups("SelectedItem"))
            .map(|item| Selection {
                question_key: item.value("QuestionKey").to_owned(),
                option_ids: options(item),
            })
            .collect();
        tap
    }

    fn effects(&self, body: &Body) -> Effects {
        let spoke = matches!(body, Body::Message(_));
        let gone = matches!(body, Body::Signal(it) if it.r#type() == Type::Unfollowed);
        Effects {
            // An unknown kind of message is a message all the same.
            opens: self.row.map_or(spoke.then_some(ALWAYS), |row| row.opens),
            unfollowed: gone || notices::removed(self.push),
            customer_acted: self.row.map_or(spoke, |row| row.acted),
            customer_spoke: spoke,
            session: None,
        }
    }

    /// Where an answer inside the request would go.
    /// <https://developer.work.weixin.qq.com/document/path/90241>
    fn passive(&self, who: &Who) -> Option<PassiveTo> {
        let lawful = self.row.map_or(!self.is_event, |row| row.passive);
        let json = self.push.format == Format::Json;
        if !lawful || json || self.push.to.is_empty() {
            return None;
        }
        let Who::Customer(member) = who else { return None };
        let card = self.push.event.eq_ignore_ascii_case("template_card_event");
        Some(PassiveTo {
            to: member.clone(),
            from: self.push.to.to_owned(),
            part_types: if card { ONLY_CARD } else { PASSIVE },
            to_message: !self.is_event,
            json,
        })
    }

    /// The key of a menu item may carry entry parameters; that of a card is its button's, that of a view an address.
    fn entry(&self) -> Option<Entry> {
        let key = self.push.event_key();
        let kinds = [Kind::MenuClick, Kind::ScanCode, Kind::PickPhoto, Kind::PickLocation];
        let carries = kinds
            .iter()
            .any(|kind| self.row.is_some_and(|row| row.becomes == Becomes::Interaction(*kind)));
        (carries && !key.is_empty()).then(|| entry::from_menu_key(key, self.settings.entry_json))
    }

    /// What the platform's retries share.
    fn dedupe(&self, plain: &[u8]) -> Dedupe {
        let push = self.push;
        let created = push.create_time();
        let job = self.row.map_or("", |row| row.job);
        let jobs = if job.is_empty() {
            String::new()
        } else {
            signals::job_ids(push.fields, job)
        };
        if !jobs.is_empty() {
            let rest = format!("{}:{jobs}", push.event);
            return self.dedupe_of(&rest, seconds(created), rest.clone());
        }
        let id = push.msg_id();
        if !id.is_empty() && !self.is_event {
            // Told by its number alone; an id that is no number must tell itself.
            return match number(id) {
                Some(order) => self.dedupe_of(id, order, String::new()),
                None => self.dedupe_of(id, seconds(created), id.to_owned()),
            };
        }
        let what = if self.is_event { push.event } else { push.msg_type };
        let tail = format!("{what}:{}", fingerprint(plain));
        let text = format!("{}:{created}:{tail}", push.from);
        self.dedupe_of(&text, seconds(created), format!("{}:{tail}", push.from))
    }

    fn dedupe_of(&self, text: &str, order: u64, rest: String) -> Dedupe {
        let of = self.settings;
        Dedupe {
            text: format!("{}:{}:{text}", of.corp_id, of.agent_id),
            order,
            rest,
        }
    }
}

/// The chosen options; the platform has also been seen to misspell them.
fn options(item: &envelope::Fields) -> Vec<String> {
    let ids = |list: &str, one: &str| -> Vec<String> {
        let groups = item.groups(list);
        groups
            .flat_map(|group| group.all(one).map(|id| id.text().trim().to_owned()).collect::<Vec<_>>())
            .collect()
    };
    let chosen = ids("OptionIds", "OptionId");
    if chosen.is_empty() {
        ids("OpitonIds", "OpitonId")
    } else {
        chosen
    }
}

/// What the platform's page on passive replies lists, by our names.
const PASSIVE: &[&str] = &["text", "image", "voice", "video", "articles"];
const ONLY_CARD: &[&str] = &["template_card"];
