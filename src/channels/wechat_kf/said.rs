//! What do the fields of a pulled item say, wherever its sender put them?

use crate::{
    channels::{
        common::wire::claimed,
        contract::{At, Who},
    },
    envelope::Fields,
    ports::clock::Millis,
    schema::v1::{Identity, identity},
};

/// One item, its fields found.
pub struct Said<'a> {
    pub fields: &'a Fields,
    /// The group `event` of an event.
    pub event: Option<&'a Fields>,
    pub sub_id: &'a str,
    pub customer: &'a str,
    /// `None` where the platform claims nothing, or nonsense.
    pub time: Option<Millis>,
}

impl<'a> Said<'a> {
    pub fn new(fields: &'a Fields, at: &'a At<'_>, now: Millis) -> Self {
        let event = fields.group("event");
        let either = |name: &str| match fields.value(name) {
            "" => event.map_or("", |event| event.value(name)),
            found => found,
        };
        Self {
            fields,
            event,
            sub_id: match either("open_kfid") {
                "" => at.sub_id,
                named => named,
            },
            customer: either("external_userid"),
            time: claimed(fields.value("send_time"), now),
        }
    }

    pub fn value(&self, name: &str) -> &'a str {
        self.fields.value(name)
    }

    /// A value of the event's group; of the item itself where senders put it there.
    pub fn of_event(&self, name: &str) -> &'a str {
        match self.event.map_or("", |event| event.value(name)) {
            "" => self.fields.value(name),
            found => found,
        }
    }

    pub fn who(&self) -> Who {
        match self.customer {
            "" => Who::Account,
            id => Who::Customer(id.to_owned()),
        }
    }

    pub fn as_customer(&self) -> Option<Identity> {
        (!self.customer.is_empty()).then(|| Identity {
            native_id: self.customer.to_owned(),
            kind: identity::Kind::Customer as i32,
            ..Identity::default()
        })
    }
}

/// A member of the company.
pub fn staff(userid: &str) -> Option<Identity> {
    (!userid.is_empty()).then(|| Identity {
        native_id: userid.to_owned(),
        kind: identity::Kind::Staff as i32,
        ..Identity::default()
    })
}
