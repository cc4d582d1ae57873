//! Is everything well, and if not, what must who do where? Findings in plain words, English or Chinese.

mod account;
pub mod agents;
mod aside;
mod before;
mod copies;
mod core_links;
mod installation;
mod paused;
mod reach;
mod thumb;
mod token;
mod unheard;
pub mod warned;

use std::{borrow::Cow, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use serde::Serialize;

use crate::{
    accounts::{Opened, Registry},
    channels::contract::Place,
    cores::Cores,
    error::Code,
    observe::Observer,
    ports::{
        chance::Chance,
        clock::{Clock, Millis},
        store::Store,
    },
    schema::v1,
    web::needs::{CoreLinks, Forwarding, Shelf},
};

/// How many accounts are looked at at the same time: a token may have to be fetched for each.
const AT_ONCE: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    En,
    Zh,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Green,
    /// Works, but somebody should look.
    Yellow,
    /// Does not work.
    Red,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at: `clock`, `token` …
    pub id: &'static str,
    pub level: Level,
    /// Empty: the whole installation.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub account: String,
    /// What was seen.
    pub seen: String,
    /// What it means for the service.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub means: String,
    /// What to do about it.
    #[serde(rename = "do", skip_serializing_if = "String::is_empty")]
    pub act: String,
    /// Where to do it.
    #[serde(rename = "where", skip_serializing_if = "String::is_empty")]
    pub place: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
}

/// What the doctor must ask the platform's side for.
#[async_trait]
pub trait Probes: Send + Sync + 'static {
    /// Obtains an access token, a cached one if it is believed good.
    async fn token(&self, opened: &Arc<Opened>) -> Result<(), v1::Error>;
    /// What the operator should know of the platform's own agents; an error where it could not be asked.
    async fn agents(&self, opened: &Arc<Opened>) -> Result<Option<String>, v1::Error>;
    /// What a GET of our own public address brings; an error says in words why nothing.
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, String>;
    /// The platform's clock minus ours, by its last answer.
    fn skew(&self) -> Option<Millis>;
}

/// Looks at everything.
pub struct Doctor {
    pub clock: Arc<dyn Clock>,
    pub store: Arc<dyn Store>,
    pub registry: Arc<Registry>,
    pub observer: Arc<Observer>,
    pub cores: Cores,
    pub links: Arc<dyn CoreLinks>,
    pub probes: Arc<dyn Probes>,
    pub forwarding: Arc<dyn Forwarding>,
    pub shelf: Arc<dyn Shelf>,
    /// The state folder, whose disk is watched, and what must stay free there.
    pub state_folder: PathBuf,
    pub reserve: u64,
    /// The listener of cloud hosting is open.
    pub cloud: bool,
    /// `[public] urls`.
    pub public_urls: Vec<String>,
    pub chance: Arc<dyn Chance>,
}

impl Doctor {
    /// The whole installation, or one account; the worst first.
    pub async fn examine(&self, account: Option<&str>, lang: Lang) -> Vec<Finding> {
        let accounts = self.registry.all();
        let wanted = accounts
            .iter()
            .filter(|opened| account.is_none_or(|id| id == opened.settings.id));
        let silence = reach::Silence::default();
        let looks = stream::iter(wanted.map(|opened| self.account(opened, &silence))).buffered(AT_ONCE);
        // First, because the clock is compared with what the platform says here.
        let of_accounts = looks.collect::<Vec<_>>().await;
        let mut drafts = match account {
            None => self.installation().await,
            Some(_) => Vec::new(),
        };
        let broken = self.registry.broken();
        let unopened = broken.iter().filter(|it| account.is_none_or(|id| id == it.settings.id));
        drafts.extend(unopened.flat_map(account::broken));
        drafts.extend(self.unread(account).await);
        drafts.extend(self.paused(account).await);
        drafts.extend(of_accounts.into_iter().flatten());
        let mut findings: Vec<Finding> = drafts.into_iter().map(|draft| draft.in_words(lang)).collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
        findings
    }
}

/// A sentence in both languages.
#[derive(Clone, Debug, Default)]
struct Said {
    en: Cow<'static, str>,
    zh: Cow<'static, str>,
}

fn said(en: impl Into<Cow<'static, str>>, zh: impl Into<Cow<'static, str>>) -> Said {
    Said {
        en: en.into(),
        zh: zh.into(),
    }
}

impl Said {
    fn into_words(self, lang: Lang) -> String {
        match lang {
            Lang::En => self.en,
            Lang::Zh => self.zh,
        }
        .into_owned()
    }
}

/// A finding before its language is chosen.
#[derive(Clone, Debug)]
struct Draft {
    id: &'static str,
    level: Level,
    account: String,
    code: Option<Code>,
    seen: Said,
    means: Said,
    act: Said,
    place: Said,
}

impl Draft {
    fn new(id: &'static str, level: Level, seen: Said) -> Self {
        Self {
            id,
            level,
            account: String::new(),
            code: None,
            seen,
            means: Said::default(),
            act: Said::default(),
            place: Said::default(),
        }
    }

    fn code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    fn means(mut self, en: &'static str, zh: &'static str) -> Self {
        self.means = said(en, zh);
        self
    }

    fn mean(mut self, means: Said) -> Self {
        self.means = means;
        self
    }

    fn at(self, place: Place) -> Self {
        self.place(place.0, place.1)
    }

    fn act(mut self, act: Said) -> Self {
        self.act = act;
        self
    }

    fn place(mut self, en: &'static str, zh: &'static str) -> Self {
        self.place = said(en, zh);
        self
    }

    fn in_words(self, lang: Lang) -> Finding {
        Finding {
            id: self.id,
            level: self.level,
            account: self.account,
            seen: self.seen.into_words(lang),
            means: self.means.into_words(lang),
            act: self.act.into_words(lang),
            place: self.place.into_words(lang),
            code: self.code.map(Code::name),
        }
    }
}

#[cfg(test)]
mod document_tests;
#[cfg(test)]
mod tests;
