//! What is offered to cores in tests, whatever the way?

use crate::schema::v1;

/// A customer's message, the `seq`th of its conversation.
pub fn event(seq: u32, message: v1::Message) -> v1::Event {
    v1::Event {
        id: "0198-e".into(),
        conversation: Some(v1::Conversation {
            key: "k".into(),
            ..Default::default()
        }),
        epoch: 1,
        seq,
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into(),
        body: Some(v1::event::Body::Message(message)),
        ..Default::default()
    }
}
