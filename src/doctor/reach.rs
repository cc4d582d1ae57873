//! Would the console's own check of the callback address pass? Made as the platform makes it, by the public address.

use std::sync::OnceLock;

use super::{Doctor, Draft, Level, said};
use crate::{accounts::Opened, ports::clock::Millis};

const DAY: Millis = 24 * 3_600_000;
/// So much of a wrong answer is shown.
const SHOWN: usize = 60;

/// An address that answers at all answers within this time, refusals too.
const PATIENCE: Millis = 1_000;

/// Why our own address kept somebody waiting: nobody else waits for it in the same examination.
#[derive(Default)]
pub(super) struct Silence(OnceLock<String>);

impl Doctor {
    /// `None` where the account has no address of its own, or nobody said what ours is.
    pub(super) async fn address(&self, opened: &Opened, silence: &Silence) -> Option<Draft> {
        let base = self.public_urls.first()?;
        let (now, mut random) = (self.clock.now(), [0; 16]);
        self.chance.fill(&mut random);
        let (query, expected) = opened.account.console_check(now, random)?;
        let (base, id) = (base.trim_end_matches('/'), &opened.settings.id);
        let url = match opened.account.authority() {
            Some(_) => format!("{base}/open/{id}/events"),
            None => format!("{base}/callback/{id}"),
        };
        let fault = match self.fetched(&format!("{url}?{query}"), silence).await {
            Ok(answer) if answer == expected => {
                let seen = said(
                    format!("the console's own check of {url} passes"),
                    format!("平台对 {url} 的接入校验可以通过"),
                );
                return Some(Draft::new("address", Level::Green, seen));
            }
            Ok(answer) => {
                let shown: String = String::from_utf8_lossy(&answer).chars().take(SHOWN).collect();
                return Some(self.wrong(opened, &url, &format!("{shown:?}"), Level::Red));
            }
            Err(fault) => fault,
        };
        // Some networks do not let a machine reach itself by its public name.
        let works = opened
            .observe(|condition| condition.last_callback)
            .is_some_and(|at| now - at < DAY);
        let level = if works { Level::Yellow } else { Level::Red };
        Some(self.wrong(opened, &url, &fault, level))
    }

    async fn fetched(&self, url: &str, silence: &Silence) -> Result<Vec<u8>, String> {
        if let Some(fault) = silence.0.get() {
            return Err(fault.clone());
        }
        let began = self.clock.now();
        let answer = self.probes.fetch(url).await;
        if let Err(fault) = &answer
            && self.clock.now() - began >= PATIENCE
        {
            let _ = silence.0.set(fault.clone());
        }
        answer
    }

    fn wrong(&self, opened: &Opened, url: &str, fault: &str, level: Level) -> Draft {
        let seen = said(
            format!("the console's own check of {url} fails from here: {fault}"),
            format!("从本机执行平台对 {url} 的接入校验失败：{fault}"),
        );
        Draft::new("address", level, seen)
            .means(
                "the console will not save this address, and callbacks may not reach us",
                "平台将无法保存该地址，回调也可能无法到达",
            )
            .act(said(
                "let this name lead to us: DNS, certificate, and a proxy that hands path, query and answer on as they are",
                "检查域名解析、证书与反向代理：路径、查询参数与应答必须原样转发",
            ))
            .at(self.places(opened).callback)
    }

    pub(super) fn no_address(&self) -> Option<Draft> {
        let seen = said(
            "[public] urls is empty: nobody can be told the callback address, and it cannot be checked",
            "[public] urls 为空：无法给出回调地址，也无法校验",
        );
        let draft = Draft::new("address", Level::Yellow, seen).act(said(
            "enter the address by which the platform reaches us, and restart",
            "填写平台访问本服务的地址并重启",
        ));
        self.public_urls
            .is_empty()
            .then(|| draft.place("in the configuration", "在配置文件"))
    }
}
