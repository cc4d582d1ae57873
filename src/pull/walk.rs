//! One page: asked for, read, committed with its cursor. What follows from it, and from each way it can fail?

use std::sync::Arc;

use super::{
    Pull,
    desk::{After, SHUT},
    inventory::unanswered,
    record::{Mark, PLACES, Place, PlaceKey, put},
};
use crate::{
    accounts::Opened,
    channels::contract::{At, PullFault, PulledPage, Pulls, Verdict},
    error::{Code, pages},
    ports::{
        clock::Millis,
        store::{Page, PageStep, StoreError, Stored},
    },
    schema::v1,
    tokens::NO_TOKEN,
};

/// The platform honours a bell's token for ten minutes; ours may be the slower clock.
const TOKEN_FRESH: Millis = 9 * 60_000 + 30_000;
/// What nobody pulled for so long the platform forgets.
const PLATFORM_KEEPS: Millis = 72 * 3_600_000;
/// Asked too often: not before this.
const TOO_OFTEN: Millis = 60_000;
/// Pages in a row that say there is more and bring neither items nor another cursor.
const STANDSTILLS: u32 = 5;

impl Pull {
    /// One turn at a place: one page.
    pub(super) async fn walk(self: &Arc<Self>, key: &PlaceKey) -> After {
        let Some(opened) = self.parts.registry.get(&key.account) else {
            return After::Gone;
        };
        let Some(pulls) = opened.account.pulls() else {
            return After::Gone;
        };
        if !pulls.named().is_empty() && !pulls.named().contains(&key.sub_id) {
            return After::Gone;
        }
        let Some((place, mark)) = self.desk.look(key) else {
            return After::Gone;
        };
        let asked = self.now();
        let by = if asked - mark.at < TOKEN_FRESH { "bell" } else { "sweep" };
        let (watch, channel) = (&self.parts.observer, &opened.describe.channel);
        match self.page(&opened, pulls, key, &place, &mark).await {
            Ok(page) => {
                let items = page.items.len();
                let after = self.commit(&opened, key, place, page, asked).await;
                match after {
                    After::Fault => watch.pull_failed(channel, "uncommitted"),
                    _ => watch.pulled(channel, by, items, self.now() - asked),
                }
                after
            }
            Err(fault) => {
                watch.pull_failed(channel, fault.name());
                self.failed(&opened, key, fault)
            }
        }
    }

    /// Asks for the page behind the cursor. A token that is not honoured is left out, and a cursor that is not honoured is
    /// given up: the identities on disk tell what was told before.
    async fn page(
        &self,
        opened: &Arc<Opened>,
        pulls: &dyn Pulls,
        key: &PlaceKey,
        place: &Place,
        mark: &Mark,
    ) -> Result<PulledPage, PullFault> {
        let fresh = !mark.token.is_empty() && self.now() - mark.at < TOKEN_FRESH;
        let mut at = At {
            sub_id: &key.sub_id,
            cursor: &place.cursor,
            token: fresh.then_some(mark.token.as_str()),
        };
        let refused = |fault: &PullFault| {
            let channel = &opened.describe.channel;
            self.parts.observer.pull_failed(channel, fault.name());
        };
        loop {
            let answer = match self.parts.keeper.call(opened, &pulls.page(&at)).await {
                Ok((_, Verdict::RefreshToken(error))) => return Err(PullFault::Later(error)),
                Ok((answer, _)) => answer,
                Err(fault) => return Err(unanswered(fault)),
            };
            match pulls.read_page(&at, &answer, self.now()) {
                Err(fault @ PullFault::Token(_)) if at.token.is_some() => {
                    refused(&fault);
                    self.desk.drop_token(key, &mark.token);
                    at.token = None;
                }
                Err(fault @ PullFault::Cursor(_)) if !at.cursor.is_empty() => {
                    refused(&fault);
                    tracing::warn!(
                        account = opened.settings.id,
                        place = key.sub_id,
                        code = fault.error().platform_code,
                        "the platform does not honour our cursor: read again from the oldest it keeps"
                    );
                    at.cursor = "";
                }
                other => return other,
            }
        }
    }

    /// Items, identities and cursor: all of it, or nothing and the same cursor again.
    async fn commit(
        self: &Arc<Self>,
        opened: &Arc<Opened>,
        key: &PlaceKey,
        place: Place,
        page: PulledPage,
        asked: Millis,
    ) -> After {
        let moved = Place {
            cursor: if page.next.is_empty() {
                place.cursor.clone()
            } else {
                page.next.clone()
            },
            since: place.since,
            pulled: Some(asked),
        };
        let still = page.more && moved.cursor == place.cursor;
        let more = page.more;
        let gap = place.pulled.filter(|last| asked - last > PLATFORM_KEEPS);
        match self.keep(opened, key, &place, &moved, page.items, gap).await {
            Ok(new) => {
                self.desk.moved(key, moved);
                self.answered(opened, key, gap);
                self.greet(opened, &new);
                self.faces.saw(&key.account, &new, self.now());
                match (more, still) {
                    (true, true) => self.standstill(opened, key),
                    (true, false) => After::Again,
                    (false, _) => After::At(self.next_sweep()),
                }
            }
            Err(error) => {
                tracing::warn!(account = key.account, place = key.sub_id, %error, "a page is not committed yet");
                After::Fault
            }
        }
    }

    async fn keep(
        &self,
        opened: &Arc<Opened>,
        key: &PlaceKey,
        place: &Place,
        moved: &Place,
        items: Vec<crate::channels::contract::Item>,
        gap: Option<Millis>,
    ) -> Result<Vec<Arc<Stored>>, StoreError> {
        let mut page = Page::default();
        if let Some(last) = gap {
            page.steps.push(PageStep::Event(Box::new(self.gap(opened, key, last))));
        }
        for item in items {
            let early = item.inbound.platform_time.is_some_and(|at| is_before(at, place.since));
            if !early {
                page.steps.push(self.step(opened, item).await?);
            }
        }
        page.writes.push(put(PLACES, key.text(), moved));
        self.parts.store.accept_page(page).await
    }

    /// More is said to be there, and the cursor stays where it is: not for ever.
    fn standstill(&self, opened: &Opened, key: &PlaceKey) -> After {
        if self.desk.stands_still(key) < STANDSTILLS {
            return After::NotBefore(self.now() + 1_000);
        }
        tracing::warn!(
            account = opened.settings.id,
            place = key.sub_id,
            "the platform says again and again that there is more, and gives no cursor to it: left until the next sweep"
        );
        After::At(self.next_sweep())
    }

    fn failed(&self, opened: &Arc<Opened>, key: &PlaceKey, fault: PullFault) -> After {
        self.warn(opened, &key.sub_id, &fault);
        let now = self.now();
        match fault {
            PullFault::TooOften(_) => After::NotBefore(now + TOO_OFTEN),
            PullFault::TooMany(_) => After::TooMany,
            PullFault::Shut(_) => After::NotBefore(now + SHUT),
            PullFault::Later(_) | PullFault::Token(_) | PullFault::Cursor(_) => After::Fault,
        }
    }

    /// What stands in the way, for the operator: in the log, and where it will not pass by itself among the warnings.
    pub(super) fn warn(&self, opened: &Opened, sub_id: &str, fault: &PullFault) {
        let error = fault.error();
        tracing::warn!(
            account = opened.settings.id,
            place = sub_id,
            code = error.code,
            platform_code = error.platform_code,
            why = error.platform_message,
            "what waits on the platform cannot be pulled now"
        );
        if let (PullFault::Shut(_), Some(code)) = (fault, Code::parse(&error.code)) {
            opened.observe(|condition| {
                let standing = condition.warnings.entry(code).or_default();
                // Without a token nothing can be pulled: that is told already.
                if !standing.starts_with(NO_TOKEN) {
                    *standing = pulling_said(sub_id, error);
                }
            });
        }
    }

    /// What stood in the way of it does no more.
    pub(super) fn pulled(&self, opened: &Opened, sub_id: &str) {
        let pulling = pulling(sub_id).0;
        opened.observe(|condition| condition.warnings.retain(|_, said| !said.starts_with(&pulling)));
    }

    fn answered(&self, opened: &Opened, key: &PlaceKey, gap: Option<Millis>) {
        self.pulled(opened, &key.sub_id);
        if let Some(last) = gap {
            let said = gap_said(&key.sub_id, last);
            opened.observe(|condition| condition.warnings.insert(Code::KfHistoryGap, said));
        }
    }

    fn gap(&self, opened: &Opened, key: &PlaceKey, last: Millis) -> crate::conversation::Arrival {
        let detail = gap_said(&key.sub_id, last);
        tracing::error!(account = key.account, detail, "a history gap");
        self.own_event(
            opened,
            &key.sub_id,
            v1::event::Body::Gap(v1::Gap {
                reason: v1::gap::Reason::PlatformRetention as i32,
                detail,
                ..Default::default()
            }),
            format!("gap:{}:{last}", key.sub_id),
        )
    }

    /// Spread, so that many places are not asked about in the same second.
    fn next_sweep(&self) -> Millis {
        let spread = 0.8 + 0.4 * self.parts.chance.fraction();
        self.now() + (self.parts.sweep as f64 * spread) as Millis
    }
}

/// How the warning begins that a place cannot be pulled, in English and Chinese; of none, their list cannot.
fn pulling(sub_id: &str) -> (String, String) {
    match sub_id {
        "" => (
            "asking for the list of accounts fails: ".into(),
            "获取客服账号列表失败：".into(),
        ),
        place => (format!("pulling {place} fails: "), format!("拉取 {place} 失败：")),
    }
}

/// What the platform said, and what helps, in both languages.
fn pulling_said(sub_id: &str, error: &v1::Error) -> String {
    let (en, zh) = pulling(sub_id);
    let words = format_args!("{} {}", error.platform_code, error.platform_message);
    pages::refused((&en, &zh), words, &error.remedy)
}

fn gap_said(sub_id: &str, last: Millis) -> String {
    let at = crate::schema::Timestamp::from_millis(last).to_rfc3339_millis();
    format!(
        "{sub_id} was last pulled at {at}, more than 72 hours ago: what came between that and 72 hours ago is lost on the platform"
    )
}

/// The platform's times are whole seconds: what was said in the very second from which on we listen was said after it.
fn is_before(at: Millis, since: Option<Millis>) -> bool {
    since.is_some_and(|since| at < since.div_euclid(1_000) * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_pulled_is_told_in_both_languages() {
        let error = v1::Error {
            platform_code: 40013,
            platform_message: "invalid corpid".into(),
            remedy: "enter it / 请填写".into(),
            ..Default::default()
        };
        assert_eq!(
            pulling_said("wk1", &error),
            "pulling wk1 fails: 40013 invalid corpid; what to do: enter it / 拉取 wk1 失败：40013 invalid corpid；处理办法：请填写"
        );
        assert!(pulling_said("", &error).starts_with("asking for the list of accounts fails: 40013"));
    }
}
