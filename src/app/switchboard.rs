//! Who hears of a commit? The store's writer tells this, and this tells everybody, without ever waiting.

use std::sync::Arc;

use crate::{
    delivery, feed,
    inbound::windows::OpenRequests,
    media,
    observe::Observer,
    outbound,
    ports::store::{ConversationId, Listener, Message, Stored, Waiting},
};

/// Made before the store, of handles whose owners come after it.
pub struct Switchboard {
    pub windows: Arc<OpenRequests>,
    pub observer: Arc<Observer>,
    pub delivery: delivery::Handle,
    pub lanes: outbound::Handle,
    pub files: media::fetch::Bell,
    pub feeds: feed::Bells,
}

impl Listener for Switchboard {
    fn event(&self, event: &Arc<Stored>) {
        // The open request first: delivery asks at once whether a passive answer is possible.
        self.windows.bind(event);
        self.observer.committed(event);
        // Before its core can ask for a file of it.
        self.files.event(event);
        self.delivery.event(event.clone());
        self.feeds.event(event);
    }

    fn gap(&self, gap: &Arc<Stored>) {
        self.observer.committed(gap);
    }

    fn message(&self, conversation: ConversationId) {
        self.lanes.message(conversation);
    }

    fn moved(&self, waiting: &Waiting) {
        self.delivery.moved(waiting);
        self.feeds.moved(waiting);
    }

    fn undelivered(&self, message: &Arc<Message>) {
        self.observer.message(message);
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::{
        ports::{chance::SystemChance, clock::ManualClock},
        schema::{Written, v1},
        web::testing::NOW,
    };

    /// One that everybody listens to, and what keeps delivery's side of it.
    fn switchboard() -> (Switchboard, delivery::Inbox) {
        let clock = Arc::new(ManualClock::at(NOW));
        let (delivery, inbox) = delivery::channel();
        let switchboard = Switchboard {
            windows: OpenRequests::new(clock.clone(), Arc::new(SystemChance::default())),
            observer: Arc::new(Observer::with_clock(clock)),
            delivery,
            lanes: outbound::Handle::default(),
            files: media::fetch::channel().0,
            feeds: feed::Bells::default(),
        };
        (switchboard, inbox)
    }

    /// Every event comes by here, and most of those who hear of it need no more than its head.
    #[test]
    fn an_event_is_not_read_to_be_told() {
        let (switchboard, _inbox) = switchboard();
        let bodies = [
            v1::event::Body::Message(v1::Message {
                parts: vec![v1::Part::default()],
                ..Default::default()
            }),
            v1::event::Body::Signal(v1::Signal::default()),
        ];
        let tell = |row: i64| {
            let event = v1::Event {
                id: format!("e{row}"),
                dedupe_key: format!("m{row}"),
                seq: row as u32,
                body: Some(bodies[row as usize % 2].clone()),
                ..Default::default()
            };
            let stored = Arc::new(Stored {
                row,
                conversation: ConversationId(1),
                core: Some("main".into()),
                event: Written::unread(event.encode_to_vec().into()).expect("a head"),
            });
            switchboard.event(&stored);
            stored
        };
        // The timeline takes so many in a second although nobody looks.
        (1..=300).for_each(|row| drop(tell(row)));
        assert!(!tell(301).event.is_read());
        assert!(!tell(302).event.is_read());
    }

    #[test]
    fn a_commit_is_shown_and_handed_to_delivery_before_anything_runs() {
        let (switchboard, _inbox) = switchboard();
        let stored = Stored {
            row: 1,
            conversation: ConversationId(1),
            core: None,
            event: v1::Event {
                id: "e1".into(),
                dedupe_key: "m1".into(),
                seq: 1,
                conversation: Some(v1::Conversation {
                    account: Some(v1::Account::default()),
                    ..Default::default()
                }),
                body: Some(v1::event::Body::Message(v1::Message::default())),
                ..Default::default()
            }
            .into(),
        };
        switchboard.event(&Arc::new(stored));
        switchboard.message(ConversationId(1));
        let waiting: u64 = switchboard.delivery.backlog().iter().map(|core| core.count).sum();
        assert_eq!(waiting, 1);
    }
}
