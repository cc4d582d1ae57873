//! Which files belong to a message of a customer's, and by which handles will they be found?
//!
//! A handle is given before the event is durable, so that it stands in the event itself: a core may keep it, and ask for
//! the bytes when `MEDIA_CHANGED` says that they are there. The event is also the durable mark that they are to be fetched.

use crate::{
    ports::chance::Chance,
    schema::{
        Written,
        v1::{self, event::Body, media::State, part::Content},
    },
};

/// More files are not fetched for one message; a forwarded chat may hold hundreds.
const MOST: usize = 50;
/// Forwarded chats inside forwarded chats are looked into this deep.
const DEEPEST: usize = 4;

/// A file that a message speaks of and that lies elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// `image`, `voice`, `video`, `file` or `thumb`.
    pub kind: &'static str,
    /// On the platform; may be empty where there is a URL.
    pub media_id: String,
    pub url: String,
    pub name: String,
    /// What the platform says it is; may be empty.
    pub mime: String,
}

/// Gives every file that an event speaks of its handle. Called once, before the event is committed.
pub fn label(body: &mut Body, channel: &str, chance: &dyn Chance) {
    if let Body::Message(message) = body {
        let mut left = MOST;
        each(message, channel, 0, &mut |handle, _| {
            if handle.is_empty() && left > 0 {
                *handle = super::handle(chance);
                left -= 1;
            }
        });
    }
}

/// The files to fetch for an event, by handle.
pub fn wanted(event: &v1::Event) -> Vec<(String, Wanted)> {
    let mut found = Vec::new();
    if let (Some(Body::Message(message)), true) = (&event.body, event.redelivery_of.is_empty()) {
        let channel = channel(event);
        each(&mut message.clone(), channel, 0, &mut |handle, wanted| {
            if !handle.is_empty() {
                found.push((handle.clone(), wanted));
            }
        });
    }
    found
}

/// Whether an event may speak of a file at all: cheap, for every commit.
pub fn may_want(event: &Written) -> bool {
    event.is_more_than_words()
}

/// The file as the event shows it; for a thumbnail or picture, its handle alone.
pub fn shown(event: &v1::Event, handle: &str) -> v1::Media {
    let bare = v1::Media {
        handle: handle.to_owned(),
        ..Default::default()
    };
    match &event.body {
        Some(Body::Message(message)) => medium(message, handle, 0).cloned().unwrap_or(bare),
        _ => bare,
    }
}

fn medium<'a>(message: &'a v1::Message, handle: &str, depth: usize) -> Option<&'a v1::Media> {
    let contents = message.parts.iter().filter_map(|part| part.content.as_ref());
    contents.into_iter().find_map(|content| match content {
        Content::Image(media) | Content::Voice(media) | Content::Video(media) | Content::File(media) => {
            (media.handle == handle).then_some(media)
        }
        Content::Forwarded(chat) if depth < DEEPEST => {
            chat.items.iter().find_map(|item| medium(item, handle, depth + 1))
        }
        _ => None,
    })
}

fn channel(event: &v1::Event) -> &str {
    let account = event.conversation.as_ref().and_then(|it| it.account.as_ref());
    account.map_or("", |account| &account.channel)
}

/// Shows each file's place for a handle, and where the file lies.
fn each(message: &mut v1::Message, channel: &str, depth: usize, see: &mut dyn FnMut(&mut String, Wanted)) {
    for part in &mut message.parts {
        let thumb = thumb(part, channel);
        match &mut part.content {
            Some(Content::Image(media)) => file("image", media, see),
            Some(Content::Voice(media)) => file("voice", media, see),
            Some(Content::File(media)) => file("file", media, see),
            Some(Content::Video(media)) => {
                file("video", media, see);
                thumb.into_iter().for_each(|thumb| see(&mut media.thumb_handle, thumb));
            }
            Some(Content::MiniProgram(card)) => {
                thumb.into_iter().for_each(|thumb| see(&mut card.thumb_handle, thumb));
            }
            Some(Content::Link(link)) if !link.image_url.is_empty() => {
                let picture = Wanted {
                    kind: "thumb",
                    url: link.image_url.clone(),
                    ..Wanted::default()
                };
                see(&mut link.image_handle, picture);
            }
            Some(Content::Forwarded(chat)) if depth < DEEPEST => {
                for item in &mut chat.items {
                    each(item, channel, depth + 1, see);
                }
            }
            _ => {}
        }
    }
}

fn file(kind: &'static str, media: &mut v1::Media, see: &mut dyn FnMut(&mut String, Wanted)) {
    let somewhere = !media.platform_media_id.is_empty() || !media.url.is_empty();
    if media.state() == State::Pending && somewhere {
        let wanted = Wanted {
            kind,
            media_id: media.platform_media_id.clone(),
            url: media.url.clone(),
            name: media.name.clone(),
            mime: media.mime.clone(),
        };
        see(&mut media.handle, wanted);
        if media.handle.is_empty() {
            // One of too many: nothing will ever be told of it.
            media.set_state(State::Failed);
        }
    }
}

/// The schema has no field for where a thumbnail lies: channels write it beside the part.
fn thumb(part: &v1::Part, channel: &str) -> Option<Wanted> {
    if part.ext_json.is_empty() {
        return None;
    }
    let said = |name: &str| {
        let text = part.ext_json.get(&format!("{channel}.{name}"))?;
        serde_json::from_str::<String>(text)
            .ok()
            .filter(|text| !text.is_empty())
    };
    let (media_id, url) = (said("thumb_media_id"), said("thumb_url"));
    if media_id.is_none() && url.is_none() {
        return None;
    }
    Some(Wanted {
        kind: "thumb",
        media_id: media_id.unwrap_or_default(),
        url: url.unwrap_or_default(),
        ..Wanted::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::chance::SystemChance;

    fn part(content: Content, extras: &[(&str, &str)]) -> v1::Part {
        let text = |value: &str| serde_json::Value::from(value).to_string();
        v1::Part {
            content: Some(content),
            ext_json: extras
                .iter()
                .map(|(name, value)| (format!("official_account.{name}"), text(value)))
                .collect(),
        }
    }

    fn pending(media_id: &str) -> v1::Media {
        v1::Media {
            platform_media_id: media_id.into(),
            state: State::Pending as i32,
            ..Default::default()
        }
    }

    fn event(parts: Vec<v1::Part>) -> v1::Event {
        let mut body = Body::Message(v1::Message {
            parts,
            ..Default::default()
        });
        label(&mut body, "official_account", &SystemChance::default());
        v1::Event {
            conversation: Some(v1::Conversation {
                account: Some(v1::Account {
                    channel: "official_account".into(),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            body: Some(body),
            ..Default::default()
        }
    }

    #[test]
    fn every_file_of_a_message_has_a_handle_also_thumbnails_and_what_was_forwarded() {
        let forwarded = v1::ForwardedChat {
            items: vec![v1::Message {
                parts: vec![part(Content::Image(pending("INNER")), &[])],
                ..Default::default()
            }],
            ..Default::default()
        };
        let failed = v1::Media {
            state: State::Failed as i32,
            ..pending("DEAD")
        };
        let event = event(vec![
            part(Content::Video(pending("V")), &[("thumb_media_id", "T")]),
            part(
                Content::MiniProgram(v1::MiniProgramCard::default()),
                &[("thumb_url", "https://t.example/1"), ("thumb_media_id", "M")],
            ),
            part(
                Content::Link(v1::Link {
                    image_url: "https://l.example/p".into(),
                    ..Default::default()
                }),
                &[],
            ),
            part(Content::Forwarded(forwarded), &[]),
            part(Content::Image(failed), &[]),
            part(Content::Text(v1::Text::default()), &[]),
        ]);
        let found: Vec<_> = wanted(&event)
            .into_iter()
            .map(|(handle, wanted)| {
                assert!(super::super::is_handle(&handle));
                (wanted.kind, wanted.media_id, wanted.url)
            })
            .collect();
        let expected = [
            ("video", "V", ""),
            ("thumb", "T", ""),
            ("thumb", "M", "https://t.example/1"),
            ("thumb", "", "https://l.example/p"),
            ("image", "INNER", ""),
        ];
        assert_eq!(
            found,
            expected.map(|(kind, id, url)| (kind, id.to_owned(), url.to_owned()))
        );
        assert!(may_want(&event.clone().into()));
        let inner = wanted(&event).pop().expect("the last");
        assert_eq!(shown(&event, &inner.0).platform_media_id, "INNER");
        assert_eq!(shown(&event, "x").handle, "x");
    }

    #[test]
    fn a_message_full_of_files_does_not_occupy_everybody_and_a_second_telling_fetches_nothing() {
        let many = (0..200).map(|at| part(Content::Image(pending(&format!("M{at}"))), &[]));
        let mut event = event(many.collect());
        assert_eq!(wanted(&event).len(), MOST);
        let Some(Body::Message(message)) = &event.body else {
            panic!("a message")
        };
        for (at, part) in message.parts.iter().enumerate() {
            let Some(Content::Image(media)) = &part.content else {
                panic!("an image")
            };
            let state = if at < MOST { State::Pending } else { State::Failed };
            assert_eq!((media.state(), media.handle.is_empty()), (state, at >= MOST), "{at}");
        }
        event.redelivery_of = "before".into();
        assert!(wanted(&event).is_empty());
        let text = part(Content::Text(v1::Text::default()), &[]);
        event.body = Some(Body::Message(v1::Message {
            parts: vec![text],
            ..Default::default()
        }));
        assert!(!may_want(&event.into()));
    }
}
