//! May a message go by a code that came with an event, whatever the allowances say? A code lets one message pass, once, and
//! only while it lives. A dead one is not tried: it was an allowance that we counted, and it is spent or closed.

use super::{Outbound, dispatch::is_ambiguous, plan::Facts};
use crate::{
    accounts::Opened,
    channels::contract::{CodeOf, CodeRule, Piece, Pieces, Say},
    conversation::ledger::{Ledger, Standing},
    ports::{
        clock::Millis,
        store::{LedgerEntry, Message, RecordWrite, Store, StoreError, View, forget},
    },
    schema::v1::{self, event::Body},
};

/// Who used each code up, by account and event.
const SPACE: &str = "codes_used";
/// A call takes its time: a code that ends sooner is not burnt.
const MARGIN: Millis = 500;

/// A code, and what it may carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ByCode {
    pub code: String,
    pub rule: CodeRule,
    /// The event that it came with; empty where an order was given it, which uses it at once.
    event: String,
    pub expires: Millis,
}

/// How it stands with the code of the event that a message answers.
#[derive(Clone, Debug, PartialEq, Eq)]
enum CodeNow {
    /// It answers no event that brought one.
    None,
    Lives(ByCode),
    /// Used up, or over.
    Dead(Standing),
}

impl CodeNow {
    /// How things stand without it: where nothing else lets a message pass, a dead code is a refusal, and one that lives
    /// lets no second one pass.
    fn without(&self, facts: Facts, ledger: Option<&Ledger>) -> Facts {
        let standing = match self {
            Self::None => return facts,
            Self::Lives(_) => Standing::Spent,
            Self::Dead(standing) => *standing,
        };
        match facts.standing == Standing::Unknown && ledger.is_none_or(Ledger::has_codes_alone) {
            true => Facts { standing, ..facts },
            false => facts,
        }
    }

    fn living(self) -> Option<ByCode> {
        match self {
            Self::Lives(by) => Some(by),
            Self::None | Self::Dead(_) => None,
        }
    }
}

impl ByCode {
    /// The platform's answer to an order brought it.
    pub fn of_order(code: String, rule: CodeRule, expires: Millis) -> Self {
        Self {
            code,
            rule,
            event: String::new(),
            expires,
        }
    }

    /// With it one message more passes than without, and nothing else is asked of that one.
    fn open(without: Facts) -> Facts {
        let standing = match without.standing {
            Standing::Open(left) => Standing::Open(left.map(|left| left.saturating_add(1))),
            Standing::Unknown => Standing::Unknown,
            Standing::Closed | Standing::Spent | Standing::Unfollowed => Standing::Open(Some(1)),
        };
        Facts {
            human: false,
            standing,
            behind_held: None,
            ..without
        }
    }

    /// It lets nothing else pass.
    pub fn spent(&self) -> LedgerEntry {
        LedgerEntry::SpentCode(self.rule.trigger, self.expires)
    }

    /// The ledger still has it: it goes from there when it is used, and when the session leaves the state that made it.
    fn is_allowed(&self, view: Option<&View>) -> bool {
        let ledger = view.and_then(|view| view.state.ledger.as_ref());
        ledger.is_none_or(|ledger| ledger.has_code(self.rule.trigger, self.expires))
    }

    /// The first piece can go by it.
    pub fn carries(&self, pieces: &Pieces) -> bool {
        let first: Option<&Piece> = pieces.pieces.first();
        first.is_some_and(|piece| self.rule.part_types.contains(&piece.part_type))
    }
}

/// Who asks for a code: a message on its way, or one that is only previewed.
pub(super) struct Asks<'a> {
    /// The event that it answers.
    event: &'a str,
    /// Its id; a preview has none.
    id: &'a str,
    has_begun: bool,
    is_repeat: bool,
}

impl<'a> Asks<'a> {
    pub fn of(message: &'a Message) -> Self {
        Self {
            event: &message.request.in_reply_to,
            id: &message.id,
            has_begun: message.pieces_done > 0,
            is_repeat: is_ambiguous(&message.result),
        }
    }

    pub fn preview(request: &'a v1::SendRequest) -> Self {
        Self {
            event: &request.in_reply_to,
            id: "",
            has_begun: false,
            is_repeat: false,
        }
    }
}

/// How things stand for a message that may go by a code.
pub(super) struct Standings {
    code: Option<ByCode>,
    is_dead: bool,
    /// As long as the code is there.
    pub with: Facts,
    /// For what it does not carry.
    without: Facts,
    /// Once the platform has refused it.
    pub afterwards: Facts,
}

impl Standings {
    /// What is to be said, without the code of the event where that is dead.
    pub fn said(&self, say: Say) -> Say {
        let ticket = say.ticket.filter(|ticket| !(self.is_dead && ticket.of_event));
        Say { ticket, ..say }
    }

    /// The code by which the first of these pieces goes.
    pub fn code_for(&self, pieces: &Pieces) -> Option<ByCode> {
        self.code.clone().filter(|code| code.carries(pieces))
    }

    /// There is a code, and these pieces would not use it.
    pub fn leaves_code(&self, pieces: &Pieces) -> bool {
        self.code.as_ref().is_some_and(|code| !code.carries(pieces))
    }

    /// How things stand for these pieces.
    pub fn facts_for(&self, pieces: &Pieces) -> Facts {
        self.facts(self.code_for(pieces).as_ref(), pieces.pieces.len())
    }

    /// How things stand for so many pieces. The code lets one pass whoever holds the customer; those behind it ask as any
    /// other does, and of them all it counts for one.
    pub fn facts(&self, code: Option<&ByCode>, pieces: usize) -> Facts {
        match (code, pieces) {
            (None, _) => self.without,
            (Some(_), ..=1) => self.with,
            (Some(_), _) => Facts {
                standing: self.with.standing,
                ..self.without
            },
        }
    }
}

impl Outbound {
    pub(super) async fn standings(
        &self,
        opened: &Opened,
        asks: &Asks<'_>,
        view: Option<&View>,
        facts: Facts,
    ) -> Result<Standings, StoreError> {
        let code = self.code_of(opened, asks, view).await?;
        let ledger = view.and_then(|view| view.state.ledger.as_ref());
        let afterwards = code.without(facts, ledger);
        // A repeat goes as it went before: that its code is dead by now says nothing of the first try.
        let is_dead = matches!(code, CodeNow::Dead(_)) && !asks.is_repeat;
        let without = if is_dead { afterwards } else { facts };
        let code = code.living();
        let with = match code.is_some() {
            true => ByCode::open(afterwards),
            false => without,
        };
        Ok(Standings {
            code,
            is_dead,
            with,
            without,
            afterwards,
        })
    }

    /// The code of the event that the message answers: it lives while its time runs, nobody else used it, and the session
    /// is still in the state that made it.
    async fn code_of(&self, opened: &Opened, asks: &Asks<'_>, view: Option<&View>) -> Result<CodeNow, StoreError> {
        let asked = asks.event;
        if asked.is_empty() || asks.has_begun {
            return Ok(CodeNow::None);
        }
        let event = self.parts.store.event(asked).await?;
        let Some(Body::Signal(signal)) = event.as_ref().and_then(|it| it.event.body.as_ref()) else {
            return Ok(CodeNow::None);
        };
        let Some(rule) = CodeOf::of(signal).and_then(|of| opened.account.code(of)) else {
            return Ok(CodeNow::None);
        };
        let by = ByCode {
            code: signal.code.clone(),
            rule,
            event: asked.to_owned(),
            expires: signal.code_expires.map_or(0, |end| end.millis()),
        };
        let used = self.parts.store.record(SPACE, &key(opened, asked)).await?;
        Ok(match used {
            Some(other) if other != asks.id.as_bytes() => CodeNow::Dead(Standing::Spent),
            _ if by.expires - MARGIN <= self.now() => CodeNow::Dead(Standing::Closed),
            _ if by.is_allowed(view) => CodeNow::Lives(by),
            // What we asked for ourselves was refused; or the session left the state.
            Some(_) => CodeNow::Dead(Standing::Spent),
            None => CodeNow::Dead(Standing::Closed),
        })
    }

    /// Uses it up, durably and before the call; `false`: somebody else was faster.
    pub(super) async fn use_code(&self, opened: &Opened, message: &Message, by: &ByCode) -> Result<bool, StoreError> {
        let key = key(opened, &by.event);
        let write = RecordWrite::Create {
            space: SPACE,
            key: key.clone(),
            value: message.id.clone().into_bytes(),
        };
        if self.parts.store.write_records(vec![write]).await? {
            return Ok(true);
        }
        let used = self.parts.store.record(SPACE, &key).await?;
        Ok(used.is_some_and(|by| by == message.id.as_bytes()))
    }
}

fn key(opened: &Opened, event: &str) -> String {
    // Event ids begin with their time: what is old is found and forgotten by it.
    format!("{event}/{}", opened.settings.id)
}

/// No code lives longer: 48 hours.
const LONGEST: Millis = 48 * 3_600_000;

/// Forgets who used codes that are long dead; says how many went.
pub async fn forget_old(store: &dyn Store, now: Millis) -> Result<usize, StoreError> {
    let millis = now.saturating_sub(2 * LONGEST).max(0);
    // How the ids of events of that moment begin (UUIDv7).
    let before = format!("{:08x}-{:04x}", millis >> 16, millis & 0xffff);
    let keys = store.records(SPACE).await?.into_iter().map(|record| record.key);
    forget(store, SPACE, keys.filter(|key| *key < before)).await
}
