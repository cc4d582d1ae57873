//! What does a message that is quoted say, and may it be quoted?
//!
//! The platforms know no quotes, so what is quoted goes into the text, and a core that names it by id alone need not keep its
//! words. What is a choice rather than words cannot be quoted. What is not known any more is left to the renderer, which says
//! that the quote was lost.

use super::{
    Outbound,
    faults::{error, from_fault, from_store},
    resolve::Unresolved,
};
use crate::{
    channels::contract::{Say, What},
    error::Code,
    ports::store::{EventQuery, MessageRef, StoreError},
    schema::v1::{
        self, event::Body, part::Content, send_request::What as Asked, send_result::Road, session_control::Verb,
        text::Format,
    },
    text::{self, Links},
};

/// How far back a message is looked for by the platform's own id, which no index holds.
const LOOKED_AT: usize = 200;

/// Words, or why there are none to quote.
type Words = Result<String, &'static str>;

impl Outbound {
    /// `say` with the words of what it quotes.
    pub(super) async fn with_quote(&self, account: &str, key: &str, mut say: Say) -> Result<Say, Unresolved> {
        let What::Parts { quote: Some(quote), .. } = &mut say.what else {
            return Ok(say);
        };
        let found = self.quoted(account, key, quote).await;
        match found.map_err(|error| Unresolved::Later(from_fault(from_store(error))))? {
            Some(Err(why)) => return Err(Unresolved::Refused(error(Code::NotQuotable, why))),
            // The core's own words come first: it may quote a part of it.
            Some(Ok(words)) if quote.summary.trim().is_empty() => quote.summary = words,
            Some(Ok(_)) | None => {}
        }
        Ok(say)
    }

    /// What stands behind a quote, in this conversation.
    async fn quoted(&self, account: &str, key: &str, quote: &v1::Quote) -> Result<Option<Words>, StoreError> {
        if !quote.event_id.is_empty()
            && let Some(stored) = self.parts.store.event(&quote.event_id).await?
        {
            let here = stored.event.conversation.as_ref().is_some_and(|it| it.key == key);
            return Ok(here.then(|| of_event(&stored.event)));
        }
        if quote.message_id.is_empty() {
            return Ok(None);
        }
        let ours = [
            MessageRef::Id(&quote.message_id),
            MessageRef::Client {
                account,
                client_message_id: &quote.message_id,
            },
        ];
        for which in ours {
            if let Some(message) = self.parts.store.message(which).await? {
                let welcome = message.result.road() == Road::Welcome;
                return Ok((message.key == key).then(|| of_request(&message.request, welcome)));
            }
        }
        self.by_platform_id(key, &quote.message_id).await
    }

    async fn by_platform_id(&self, key: &str, id: &str) -> Result<Option<Words>, StoreError> {
        let query = EventQuery {
            key: Some(key.to_owned()),
            newest_first: true,
            limit: LOOKED_AT,
            ..Default::default()
        };
        let events = self.parts.store.events(query).await?;
        let is_it = |event: &v1::Event| matches!(&event.body, Some(Body::Message(it)) if it.platform_message_id == id);
        let found = events.iter().find(|stored| is_it(&stored.event));
        Ok(found.map(|stored| of_event(&stored.event)))
    }
}

fn of_event(event: &v1::Event) -> Words {
    match &event.body {
        Some(Body::Message(message)) => of_parts(&message.parts).map(|_| message.summary.clone()),
        // The customer's own words, or the label they tapped.
        Some(Body::Interaction(tap)) if !tap.label.is_empty() => Ok(tap.label.clone()),
        Some(Body::Delivery(update)) => of_parts(update.sent.as_ref().map_or(&[][..], |sent| &sent.parts)),
        _ => Err("the event that is quoted has no words of anybody's"),
    }
}

fn of_request(request: &v1::SendRequest, welcome: bool) -> Words {
    if welcome {
        return Err("a welcome cannot be quoted");
    }
    match &request.what {
        Some(Asked::Text(text)) => Ok(text.clone()),
        Some(Asked::Message(message)) => of_parts(&message.parts),
        Some(Asked::Session(order)) if order.verb() == Verb::End => {
            of_parts(order.closing.as_ref().map_or(&[][..], |closing| &closing.parts))
        }
        // What a native body says is the platform's business.
        Some(Asked::NativeJson(_)) => Ok(String::new()),
        _ => Err("the order that is quoted said nothing"),
    }
}

fn of_parts(parts: &[v1::Part]) -> Words {
    let mut words = Vec::new();
    for content in parts.iter().filter_map(|part| part.content.as_ref()) {
        match content {
            Content::Card(_) | Content::TemplateCard(_) | Content::Template(_) => {
                return Err("a card cannot be quoted");
            }
            Content::Menu(_) => return Err("a menu cannot be quoted"),
            Content::Text(text) => words.push(plain(text)),
            _ => {}
        }
    }
    Ok(words.join("\n"))
}

/// Without marks: a quote is cut, and a link that was cut would be no link.
fn plain(text: &v1::Text) -> String {
    match text.format() {
        Format::Plain => text.body.clone(),
        Format::Markdown => text::markdown::lower(&text.body, Links::Spell(usize::MAX), text::Pictures::Linked).text,
        Format::Html => text::html::lower(&text.body, Links::Spell(usize::MAX), text::Pictures::Linked).text,
    }
}
