//! Which files does a message carry, and what if the platform does not take one?

use std::sync::Arc;

use super::{
    faults::error,
    resolve::{How, Placed, Resolver, Unplaced, Unresolved, as_link, because},
};
use crate::{
    accounts::Opened,
    channels::common::degrade::THUMB_LOST,
    error::Code,
    schema::v1::{self, part::Content, send_request::Degrade},
};

/// The files of one message.
pub(super) struct Job<'a> {
    pub resolver: &'a Resolver,
    pub opened: &'a Arc<Opened>,
    pub degrade: Degrade,
    pub how: How,
    pub lost: Vec<v1::Degradation>,
    /// What goes as a link.
    pub unplaced: Vec<Unplaced>,
}

impl Job<'_> {
    pub async fn content(&mut self, content: &mut Content) -> Result<(), Unresolved> {
        match content {
            Content::Image(media) => self.file("image", media).await,
            Content::Voice(media) => self.file("voice", media).await,
            Content::Video(media) => self.file("video", media).await,
            Content::File(media) => self.file("file", media).await,
            Content::Music(music) => self.thumb(&mut music.thumb_handle).await,
            Content::MiniProgram(card) => self.thumb(&mut card.thumb_handle).await,
            Content::Card(card) if self.opened.account.shows_picture(card) => self.card(card).await,
            Content::Link(link) => self.picture(&mut link.image_handle, &mut link.image_url).await,
            Content::Articles(articles) => {
                for link in &mut articles.items {
                    self.picture(&mut link.image_handle, &mut link.image_url).await?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn card(&mut self, card: &mut v1::Card) -> Result<(), Unresolved> {
        let lends = self.opened.account.lends_picture(card);
        if let Some(mini) = &mut card.mini_program {
            if mini.thumb_handle.is_empty()
                && lends
                && let Some(id) = self.lent(&card.image_handle, card.image_url.trim()).await?
            {
                mini.thumb_handle = id;
                return Ok(());
            }
            self.thumb(&mut mini.thumb_handle).await?;
        }
        self.picture(&mut card.image_handle, &mut card.image_url).await
    }

    /// The card's own picture as a thumbnail, if it can be had: else the card has another form.
    async fn lent(&mut self, handle: &str, url: &str) -> Result<Option<String>, Unresolved> {
        if handle.is_empty() && !crate::text::is_web(url) {
            return Ok(None);
        }
        let media = v1::Media {
            handle: handle.to_owned(),
            url: url.to_owned(),
            ..Default::default()
        };
        match self.resolver.platform_id(self.opened, "thumb", &media, self.how).await {
            Ok(Ok(placed)) => Ok(Some(placed.id)),
            Err(Unresolved::Later(why)) if !handle.is_empty() => Err(Unresolved::Later(why)),
            Ok(Err(why)) => self.without_thumb(Unresolved::Refused(why)).map(|()| None),
            Err(unresolved) => self.without_thumb(unresolved).map(|()| None),
        }
    }

    /// The picture of a link: an address, or where the platform wants it so a file of its own.
    async fn picture(&mut self, handle: &mut String, url: &mut String) -> Result<(), Unresolved> {
        if !self.opened.account.links_need_pictures() {
            return self.resolver.picture(handle, url).await;
        }
        if handle.is_empty() && crate::text::is_web(url.trim()) {
            let media = v1::Media {
                url: url.trim().to_owned(),
                ..Default::default()
            };
            // A picture that cannot be had is left out; the link itself is what counts.
            let why = match self.resolver.platform_id(self.opened, "thumb", &media, self.how).await {
                Ok(Ok(placed)) => {
                    *handle = placed.id;
                    return Ok(());
                }
                Ok(Err(why)) => Unresolved::Refused(why),
                Err(unresolved) => unresolved,
            };
            self.without_thumb(why)?;
        }
        self.thumb(handle).await
    }

    async fn file(&mut self, kind: &'static str, media: &mut v1::Media) -> Result<(), Unresolved> {
        if !media.thumb_handle.is_empty() || kind == "video" && self.opened.account.video_has_thumb() {
            self.thumb(&mut media.thumb_handle).await?;
        }
        let has_source = !media.handle.is_empty() || !media.url.is_empty();
        if !(media.platform_media_id.is_empty() || self.how == How::Afresh && has_source) {
            return Ok(());
        }
        match self.resolver.platform_id(self.opened, kind, media, self.how).await? {
            Ok(Placed { id, mime }) => {
                media.platform_media_id = id;
                if !mime.is_empty() {
                    media.mime = mime;
                }
                Ok(())
            }
            // The way down would be refused all the same; this says why it is needed.
            Err(why) if self.degrade == Degrade::Refuse => Err(Unresolved::Refused(why)),
            // With an address, the channel makes a link of it.
            Err(why) => {
                let unplaced = Unplaced { kind, why: why.clone() };
                self.unplaced.push(unplaced);
                media.platform_media_id.clear();
                if self.how != How::Preview {
                    self.resolver.bring(self.opened, kind, media).await?;
                }
                self.resolver.address(media).await?;
                // Pictures and voices have names that nobody chose.
                if kind == "file" {
                    self.resolver.name(media).await;
                }
                match media.url.is_empty() {
                    true => Err(Unresolved::Refused(no_link(why))),
                    false => Ok(()),
                }
            }
        }
    }

    /// A thumbnail that the platform does not take is left out; the channel knows what to show then.
    async fn thumb(&mut self, handle: &mut String) -> Result<(), Unresolved> {
        let own = !handle.is_empty();
        let wanted = if own {
            &*handle
        } else {
            &self.opened.settings.default_thumb
        };
        if wanted.is_empty() {
            return Ok(());
        }
        let media = v1::Media {
            handle: wanted.clone(),
            ..Default::default()
        };
        match self.resolver.platform_id(self.opened, "thumb", &media, self.how).await {
            Ok(Ok(placed)) => *handle = placed.id,
            Ok(Err(why)) if own => {
                handle.clear();
                self.without_thumb(Unresolved::Refused(why))?;
            }
            Ok(Err(why)) | Err(Unresolved::Refused(why)) => {
                handle.clear();
                self.lost.push(thumb_lost(&why));
            }
            Err(later) => return Err(later),
        }
        Ok(())
    }

    /// The message's own thumbnail is left out, and told; a core that wants no degradation hears why it would be needed.
    fn without_thumb(&mut self, why: Unresolved) -> Result<(), Unresolved> {
        if self.degrade == Degrade::Refuse {
            return Err(why);
        }
        self.lost.push(thumb_lost(&why.into_error()));
        Ok(())
    }
}

fn thumb_lost(why: &v1::Error) -> v1::Degradation {
    let row = THUMB_LOST.report();
    let reason = row.reason + &because(why);
    v1::Degradation { reason, ..row }
}

/// It should have gone as a link, and none can be made.
fn no_link(why: v1::Error) -> v1::Error {
    if !Code::parse(&why.code).is_some_and(as_link) {
        return why;
    }
    error(
        Code::MediaTooLarge,
        format!(
            "{}; and no public address for links to files is configured",
            why.platform_message
        ),
    )
}
