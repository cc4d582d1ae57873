//! Who hears of a commit? The store's writer tells this, and this tells everybody, without ever waiting.

use std::sync::Arc;

use crate::{
    delivery,
    inbound::windows::OpenRequests,
    observe::Observer,
    outbound,
    ports::store::{ConversationId, Listener, Stored},
};

/// Made before the store, of handles whose owners come after it.
pub struct Switchboard {
    pub windows: Arc<OpenRequests>,
    pub observer: Arc<Observer>,
    pub delivery: delivery::Handle,
    pub lanes: outbound::Handle,
}

impl Listener for Switchboard {
    fn event(&self, event: &Arc<Stored>) {
        // The open request first: delivery asks at once whether a passive answer is possible.
        self.windows.bind(event);
        self.observer.committed(event);
        self.delivery.event(event.clone());
    }

    fn message(&self, conversation: ConversationId) {
        self.lanes.message(conversation);
    }
}
