//! How does an operator bring an account? By a link that works once, from an address of ours, to the platform's page and back.

use std::sync::Arc;

use ring::hmac;

use super::{
    Component,
    book::{Authorizer, Link, Standing, Used},
    fault,
    notices::unstored,
    told,
};
use crate::{
    accounts::Opened,
    channels::contract::{Pages, PermissionSet},
    error::{Code, Fault},
    ports::{chance::hex, clock::Millis},
    secret::Secret,
    settings::is_id,
    tokens::sha256_hex,
};

/// No link lives longer.
pub const LONGEST: Millis = 24 * 3_600_000;
/// Pages of one link whose scans the platform's notice is recognised by.
const VIEWS: usize = 16;

/// A new link, for the operator who asked for it.
#[derive(Clone, Debug)]
pub struct Invitation {
    pub url: String,
    pub expires: Millis,
}

/// The page that an operator opens.
#[derive(Clone, Debug)]
pub struct BindPage {
    /// The id that the account gets, or has.
    pub account: String,
    pub pages: Pages,
    /// The page's links are worth nothing after this.
    pub lives_for: Millis,
    /// It was asked for by https.
    pub secure: bool,
}

/// Who comes back from the platform's page, and what the browser brings.
#[derive(Clone, Copy, Debug)]
pub struct Return<'a> {
    pub bind: &'a str,
    pub state: &'a str,
    pub code: &'a str,
}

/// A browser: the address it asked, and what ties its requests together.
#[derive(Clone, Copy, Debug)]
pub struct Browser<'a> {
    pub host: &'a str,
    pub session: &'a str,
}

/// What a scan brought.
#[derive(Clone, Debug)]
pub struct Bound {
    pub account: String,
    pub app_id: String,
    pub known: Authorizer,
    /// Every set by name, in the platform's order.
    pub sets: Vec<PermissionSet>,
    /// Sets without which the account is of little use.
    pub missing: Vec<String>,
}

/// Why nothing is bound, in words for whoever holds the telephone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub code: Code,
    pub en: String,
    pub zh: String,
}

impl Refused {
    fn new(code: Code, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self {
            code,
            en: en.into(),
            zh: zh.into(),
        }
    }

    fn used() -> Self {
        Self::new(
            Code::BindLinkUsed,
            "This bind link is unknown, was used already, or its time is over.",
            "该绑定链接无效、已被使用或已过期。",
        )
    }

    fn forged() -> Self {
        Self::new(
            Code::Forbidden,
            "This return does not belong to a scan that was begun in this browser. Open the bind link again in this browser, and scan from its page.",
            "此次返回与本浏览器中发起的扫码不符。请在本浏览器中重新打开绑定链接，并从该页面扫码。",
        )
    }

    fn replayed() -> Self {
        Self::new(
            Code::NeedsReauth,
            "The platform does not take this authorisation code: it was used before, or its time is over. Open the bind link again, and scan once more.",
            "平台不接受该授权码：已被使用或已过期。请重新打开绑定链接并再次扫码。",
        )
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        let en = format!("The account could not be bound: {}.", fault.detail);
        let zh = format!("账号未能绑定：{}。", fault.detail);
        Self::new(fault.code, en, zh)
    }
}

impl Component {
    /// A link for the account that gets, or has, this id.
    pub async fn invite(&self, platform: &str, account: &str, expires: Millis) -> Result<Invitation, Fault> {
        let invalid = |detail: String| Fault::new(Code::InvalidRequest, detail);
        let opened = self.platform(platform);
        opened.ok_or_else(|| Fault::new(Code::NotFound, format!("no open platform {platform}")))?;
        let base = self.parts.public_urls.first();
        let base =
            base.ok_or_else(|| invalid("[public] urls is empty: accounts are bound from an address of ours".into()))?;
        let now = self.parts.clock.now();
        if expires <= now || expires > now + LONGEST {
            return Err(invalid("expires: expected a time from now to 24 hours from now".into()));
        }
        if !is_id(account) {
            return Err(invalid(format!(
                "account is {account:?}, expected an id: [a-z0-9][a-z0-9_-]{{0,62}}"
            )));
        }
        let holder = self.parts.registry.get(account);
        let broken = self.parts.registry.broken().iter().any(|it| it.settings.id == account);
        if broken || holder.as_ref().is_some_and(|it| it.settings.via != platform) {
            return Err(invalid(format!(
                "{account} is bound otherwise: expected a free id, or one bound via {platform}"
            )));
        }
        let secret = self.random();
        let link = Link {
            platform: platform.to_owned(),
            account: account.to_owned(),
            only: holder.map(|it| it.settings.app_id.clone()),
            expires,
            key: Secret::new(self.random()),
            pre_auth: Vec::new(),
            used: None,
        };
        let kept = self.parts.book.keep_link(&sha256_hex(&secret), &link).await;
        kept.map_err(unstored)?;
        Ok(Invitation {
            url: format!("{}/open/{platform}/bind?link={secret}", base.trim_end_matches('/')),
            expires,
        })
    }

    /// What ties the requests of a browser together that has nothing yet.
    pub fn session(&self) -> String {
        self.random()
    }

    fn random(&self) -> String {
        let mut bytes = [0; 24];
        self.parts.chance.fill(&mut bytes);
        hex(&bytes)
    }

    /// The page behind a link.
    pub async fn open(&self, platform: &str, link: &str, browser: Browser<'_>) -> Result<BindPage, Refused> {
        let name = sha256_hex(link);
        let opened = self.platform(platform).ok_or_else(Refused::used)?;
        let found = self.valid(platform, &name).await?;
        if found.used.is_some() {
            return Err(Refused::used());
        }
        let base = self.base(browser.host)?;
        let authority = opened.account.authority().ok_or_else(Refused::used)?;
        let call = authority.pre_auth();
        let asked = self.ask(&opened, &call, |it, answer| it.read_pre_auth(answer));
        let pre_auth = asked.await.map_err(|error| refused(&error))?;
        // Another page of the same link may have been opened meanwhile.
        let _turn = self.turn.lock().await;
        let mut found = self.valid(platform, &name).await?;
        found.pre_auth.push(pre_auth.code.clone());
        let more = found.pre_auth.len().saturating_sub(VIEWS);
        found.pre_auth.drain(..more);
        self.parts.book.keep_link(&name, &found).await.map_err(unstored)?;
        let state = state(&found.key, browser.session);
        let back = format!("{base}/open/{platform}/bound?bind={name}&state={state}");
        Ok(BindPage {
            pages: authority.pages(&self.parts.pages, &pre_auth, &back, found.only.as_deref()),
            account: found.account,
            lives_for: pre_auth.lives_for,
            secure: base.starts_with("https:"),
        })
    }

    /// Somebody comes back from the platform's page.
    pub async fn came_back(&self, platform: &str, back: Return<'_>, browser: Browser<'_>) -> Result<Bound, Refused> {
        let opened = self.platform(platform).ok_or_else(Refused::used)?;
        let _turn = self.turn.lock().await;
        let mut link = self.valid(platform, back.bind).await?;
        self.base(browser.host)?;
        if browser.session.is_empty() || !same(&state(&link.key, browser.session), back.state) {
            return Err(Refused::forged());
        }
        if let Some(used) = &mut link.used {
            // The notice was faster. Whoever scanned is told once what came of it.
            if !std::mem::replace(&mut used.untold, false) {
                return Err(Refused::used());
            }
            let app_id = used.app_id.clone();
            self.parts.book.keep_link(back.bind, &link).await.map_err(unstored)?;
            return self.outcome(&opened, &link.account, &app_id);
        }
        let app_id = self.exchanged(&opened, &link, back.code).await;
        // A code that was spent leads nowhere a second time, whatever came of it; one that was refused costs nothing.
        if let Some(app_id) = app_id.as_ref().map_or_else(|(_, spent)| spent.as_ref(), Some) {
            link.used = Some(Used {
                app_id: app_id.clone(),
                at: self.parts.clock.now(),
                untold: false,
            });
            self.parts.book.keep_link(back.bind, &link).await.map_err(unstored)?;
        }
        let app_id = app_id.map_err(|(refused, _)| refused)?;
        self.outcome(&opened, &link.account, &app_id)
    }

    /// Spends the code; beside a refusal the account for which it was spent all the same.
    async fn exchanged(
        &self,
        platform: &Arc<Opened>,
        link: &Link,
        code: &str,
    ) -> Result<String, (Refused, Option<String>)> {
        if code.is_empty() {
            return Err((Refused::forged(), None));
        }
        let call = platform.account.authority().map(|it| it.exchange(&Secret::new(code)));
        let call = call.ok_or_else(|| (Refused::used(), None))?;
        let grant = self.ask(platform, &call, |it, answer| it.read_exchange(answer)).await;
        let grant = grant.map_err(|error| match error.code == Code::NeedsReauth.name() {
            true => (Refused::replayed(), None),
            false => (refused(&error), None),
        })?;
        let app_id = grant.app_id.clone();
        let other = link.only.as_ref().filter(|only| **only != app_id);
        let wanted = if other.is_some() { "" } else { link.account.as_str() };
        let settled = self.settle(platform, grant, self.second(), wanted).await;
        if let Some(only) = other {
            let en = format!("The account that was scanned is {app_id}; this link is for {only}. It waits unclaimed.");
            let zh = format!("扫码的账号为 {app_id}，而此链接用于 {only}。该授权暂未认领。");
            return Err((Refused::new(Code::InvalidRequest, en, zh), Some(app_id)));
        }
        match settled {
            Ok(_) => Ok(app_id),
            Err(fault) => Err((fault.into(), Some(app_id))),
        }
    }

    fn outcome(&self, platform: &Arc<Opened>, wanted: &str, app_id: &str) -> Result<Bound, Refused> {
        let known = self
            .parts
            .book
            .authorizer(&platform.settings.id, app_id)
            .unwrap_or_default();
        if known.standing != Standing::Authorized {
            return Err(Refused::replayed());
        }
        let account = self.account(&platform.settings.id, app_id);
        let authority = platform.account.authority();
        let missing = match (&account, authority) {
            (Some(opened), Some(authority)) => told::missing(authority, opened, &known),
            _ => Vec::new(),
        };
        let sets = known.sets.iter();
        Ok(Bound {
            account: account.map_or_else(|| wanted.to_owned(), |it| it.settings.id.clone()),
            app_id: app_id.to_owned(),
            sets: sets.filter_map(|id| Some(authority?.set(*id))).collect(),
            missing,
            known,
        })
    }

    /// A link of this platform whose time is not over.
    async fn valid(&self, platform: &str, name: &str) -> Result<Link, Refused> {
        let link = self.parts.book.link(name).await.map_err(unstored)?;
        let now = self.parts.clock.now();
        link.filter(|link| link.platform == platform && link.expires > now)
            .ok_or_else(Refused::used)
    }

    /// Our own address that the browser asked.
    fn base(&self, host: &str) -> Result<&str, Refused> {
        let urls = self.parts.public_urls.iter().map(|url| url.trim_end_matches('/'));
        urls.clone().find(|url| is_host(url, host)).ok_or_else(|| {
            let ours = urls.collect::<Vec<_>>().join(", ");
            let host: String = host.chars().take(100).collect();
            Refused::new(
                Code::WrongBindHost,
                format!("This page was opened at {host:?}. Accounts are bound from {ours} alone."),
                format!("当前页面的域名为 {host:?}，只能从 {ours} 绑定账号。"),
            )
        })
    }
}

fn refused(error: &crate::schema::v1::Error) -> Refused {
    let fault = fault(error);
    let en = format!("The platform did not let us begin or end the scan: {}.", fault.detail);
    let zh = format!("平台未允许此次扫码授权：{}。", fault.detail);
    Refused::new(fault.code, en, zh)
}

/// Whether a `Host` header names the host, and the port, of this address.
fn is_host(url: &str, host: &str) -> bool {
    let Ok(url) = url::Url::parse(url) else { return false };
    let asked = url::Url::parse(&format!("{}://{host}", url.scheme()));
    asked.is_ok_and(|asked| {
        asked.host() == url.host()
            && asked.port_or_known_default() == url.port_or_known_default()
            && asked.path() == "/"
            && asked.username().is_empty()
            && asked.query().is_none()
            && asked.fragment().is_none()
    })
}

/// Only whoever has the link's key can say what belongs to a browser.
fn state(key: &Secret, session: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes());
    hex(hmac::sign(&key, session.as_bytes()).as_ref())
}

fn same(ours: &str, theirs: &str) -> bool {
    Secret::new(ours) == Secret::new(theirs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_ours_with_its_port_or_not_at_all() {
        for (url, host, ours) in [
            ("https://bridge.example.com", "bridge.example.com", true),
            ("https://bridge.example.com", "BRIDGE.example.com:443", true),
            ("https://bridge.example.com/", "bridge.example.com:8443", false),
            ("https://bridge.example.com", "bridge.example.com.evil.example", false),
            ("https://bridge.example.com", "evil.example/bridge.example.com", false),
            ("https://bridge.example.com", "x@bridge.example.com", false),
            ("http://127.0.0.1:8080", "127.0.0.1:8080", true),
            ("http://127.0.0.1:8080", "127.0.0.1", false),
            ("https://bridge.example.com", "", false),
        ] {
            assert_eq!(is_host(url, host), ours, "{url} {host:?}");
        }
    }

    #[test]
    fn a_state_belongs_to_one_link_and_one_browser() {
        let (one, other) = (Secret::new("one"), Secret::new("other"));
        let state_of = state(&one, "browser");
        assert_eq!(state_of, state(&one, "browser"));
        assert_ne!(state_of, state(&other, "browser"));
        assert_ne!(state_of, state(&one, "another"));
    }
}
