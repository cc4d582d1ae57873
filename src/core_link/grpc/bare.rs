//! How is a core called with bytes and a bearer of the caller's choice? For who examines one: the connection, the metadata
//! and the limit are those of every other call.

use bytes::Bytes;
use tonic::{Code, metadata::AsciiMetadataValue};

use super::{Door, LinkError, answer, call, dressed, millis};
use crate::{cores::Core, ports::core::Outcome, schema::v1::DeliverResponse};

/// The way to one core.
pub struct Bare {
    door: Door,
}

/// What a call came to: the code where an answer came, and what was said or what it means that nothing was.
pub struct Told {
    pub code: Option<Code>,
    pub said: Result<DeliverResponse, Outcome>,
}

/// What the core is to know us by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearer {
    Ours,
    Missing,
    Another,
}

impl Bare {
    pub fn to(core: &Core) -> Result<Self, LinkError> {
        Door::of(core).map(|door| Self { door })
    }

    /// Calls `Core.Deliver` with encoded events.
    pub async fn deliver(&self, events: Vec<Bytes>, bearer: Bearer) -> Told {
        let bearer = match bearer {
            Bearer::Ours => self.door.bearer.clone(),
            Bearer::Missing => None,
            Bearer::Another => Some(AsciiMetadataValue::from_static("Bearer wxbridge-core-check-stranger")),
        };
        let limit = millis(self.door.timeout);
        let connection = self.door.route.connection();
        let called = call(&connection, dressed(events, bearer.as_ref(), limit));
        match tokio::time::timeout(limit, called).await {
            Ok(Ok(response)) => Told {
                code: Some(Code::Ok),
                said: Ok(response.into_inner()),
            },
            Ok(Err(status)) => Told {
                code: answer::was_said(&status).then(|| status.code()),
                said: Err(answer::refused(&status)),
            },
            Err(_) => {
                self.door.route.renew(&connection);
                let said = Err(self.door.silent());
                Told { code: None, said }
            }
        }
    }
}
