//! Do the copies reach other systems? Receivers that refuse, backlogs that grow old, and the switch.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{Doctor, Draft, Level, said};
use crate::{ports::clock::Millis, web::needs::Copies};

/// What waits longer than this is worth a look; a batch alone waits a second.
const LAG_SEEN: Millis = 60_000;
/// … and somebody should do something about it.
const LAG_BAD: Millis = 600_000;

impl Doctor {
    /// One finding for each forwarder, of its worst type, and one where nothing is protected.
    pub(super) fn copies(&self) -> Vec<Draft> {
        let mut forwarders = BTreeMap::<String, Vec<Copies>>::new();
        for copies in self.forwarding.copies() {
            forwarders.entry(copies.forwarder.clone()).or_default().push(copies);
        }
        let mut drafts: Vec<Draft> = forwarders.iter().map(|(name, all)| self.forwarder(name, all)).collect();
        if !forwarders.is_empty() && !self.forwarding.is_on() {
            drafts.push(unprotected());
        }
        drafts
    }

    fn forwarder(&self, name: &str, all: &[Copies]) -> Draft {
        let now = self.clock.now();
        let age = |copies: &Copies| copies.waiting_since.map_or(0, |since| (now - since).max(0));
        let failures = |copies: &Copies| if age(copies) > 0 { copies.failures } else { 0 };
        let worst = all
            .iter()
            .max_by_key(|it| (failures(it) > 0, age(it), Reverse(it.kind)));
        let lost: u64 = all.iter().map(|it| it.lost).sum();
        let Some(worst) = worst.filter(|it| failures(it) > 0 || age(it) > LAG_SEEN || lost > 0) else {
            let seen = said(
                format!("forwarder {name}: nothing waits"),
                format!("转发 {name}：没有积压"),
            );
            return Draft::new("forwarder", Level::Green, seen);
        };
        let (kind, seconds, error) = (worst.kind, age(worst) / 1000, &worst.last_error);
        let mut seen = match failures(worst) {
            0 => said(
                format!("forwarder {name}: copies of type {kind} wait for {seconds} s"),
                format!("转发 {name}：类型 {kind} 的记录已等待 {seconds} 秒"),
            ),
            count => said(
                format!(
                    "forwarder {name}: {count} posts of type {kind} failed in a row, copies wait for {seconds} s: {error}"
                ),
                format!("转发 {name}：类型 {kind} 连续 {count} 次发送失败，记录已等待 {seconds} 秒：{error}"),
            ),
        };
        if lost > 0 {
            seen.en
                .to_mut()
                .push_str(&format!("; {lost} records were forgotten before they were copied"));
            seen.zh
                .to_mut()
                .push_str(&format!("；有 {lost} 条记录在转发之前已过期"));
        }
        let level = if age(worst) > LAG_BAD || lost > 0 {
            Level::Red
        } else {
            Level::Yellow
        };
        Draft::new("forwarder", level, seen)
            .means(
                "customers and the core notice nothing; the other system lacks what it should have, and what is older than \
                 [retention] events is never copied",
                "客户与核心不受影响；但对方系统缺少这些记录，超过 [retention] events 的将不再转发",
            )
            .act(said(
                "check that the receiver runs, that url and key of [[forwarder]] are right and that it answers 2xx within 10 s; \
                 what waits goes by itself",
                "确认接收方在运行、[[forwarder]] 的 url 与 key 正确，并在 10 秒内返回 2xx；积压会自动补发",
            ))
            .place("wxbridge forwarder list", "wxbridge forwarder list")
    }
}

fn unprotected() -> Draft {
    let seen = said(
        "the forwarders' switch is off: copies travel without a signature and unencrypted",
        "转发开关已关闭：转发内容不签名、不加密",
    );
    Draft::new("forwarder-switch", Level::Yellow, seen)
        .means(
            "a receiver cannot know that a copy is ours",
            "接收方无法确认转发内容来自本系统",
        )
        .act(said(
            "turn it on once every receiver can verify: wxbridge forwarder switch on",
            "各接收方都能校验之后再开启：wxbridge forwarder switch on",
        ))
        .place("wxbridge forwarder list", "wxbridge forwarder list")
}
