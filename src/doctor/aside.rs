//! What was set aside or turned away, that an operator should look at? Bodies that could not be read, events that no core
//! took, callbacks for accounts that are not bound.

use super::{Doctor, Draft, Level, account::remedy, said};
use crate::{
    error::Code,
    ports::{clock::Millis, store::Unread},
    schema::Timestamp,
};

const HOUR: Millis = 3_600_000;
const DAY: Millis = 24 * HOUR;
/// The platform tells its time in whole seconds: what we know of its clock moves by as much from answer to answer.
const CLOCKS_APART: Millis = 1_000;

impl Doctor {
    /// One finding for each account and reason. Red while nothing else is read: a wrong key looks like this.
    pub(super) async fn unread(&self, account: Option<&str>) -> Vec<Draft> {
        // Where the store fails, its own finding says so.
        let kinds = self.store.aside().await.unwrap_or_default().unread;
        let wanted = kinds.iter().filter(|it| account.is_none_or(|id| id == it.account));
        wanted.map(|kind| self.kind(kind)).collect()
    }

    fn kind(&self, kind: &Unread) -> Draft {
        let Unread {
            account, code, count, ..
        } = kind;
        let opened = self.registry.get(account);
        let read = opened.and_then(|opened| opened.observe(|condition| condition.last_callback));
        // Bodies are stamped with the platform's clock, callbacks with ours.
        let last = kind.last - self.probes.skew().unwrap_or(0);
        let level = match read.is_none_or(|read| read < last + CLOCKS_APART) {
            true if self.clock.now() - kind.last < HOUR => Level::Red,
            _ => Level::Yellow,
        };
        let last = Timestamp::from_millis(kind.last).to_rfc3339_millis();
        let seen = said(
            format!(
                "{count} callbacks could not be read ({code}) and were set aside, the last at {last}: {}",
                kind.detail
            ),
            format!(
                "{count} 条回调无法读取（{code}），已隔离，最近一条 {last}：{}",
                kind.detail
            ),
        );
        let known = Code::parse(code);
        let mut draft = Draft::new("quarantine", level, seen)
            .means(
                "the platform was answered and does not send them again; the core has not heard them",
                "平台已收到应答，不会重发；核心系统未收到这些内容",
            )
            .act(known.map(remedy).unwrap_or_default())
            .place(
                "console: Set aside › Quarantined bodies; or wxbridge parked list --quarantined",
                "控制台：搁置 › 隔离的回调；或 wxbridge parked list --quarantined",
            );
        draft.code = known;
        draft.account.clone_from(account);
        draft
    }

    pub(super) async fn parked(&self) -> Option<Draft> {
        let aside = self.store.aside().await.unwrap_or_default();
        let (count, (core, reason)) = (aside.parked, aside.newest_parked?);
        let seen = said(
            format!("{count} events are set aside, the newest of core {core:?}: {reason}"),
            format!("{count} 条事件被搁置，最近一条属于核心 {core:?}：{reason}"),
        );
        let draft = Draft::new("parked", Level::Yellow, seen)
            .means(
                "the core did not take them; later events of these customers went on",
                "核心系统未接收这些事件；这些客户之后的事件已继续投递",
            )
            .act(said(
                "mend the core, then offer them again or discard them: there, or by wxbridge parked retry ID, wxbridge parked discard ID",
                "修复核心系统后重新投递或丢弃：可在控制台操作，或执行 wxbridge parked retry ID、wxbridge parked discard ID",
            ))
            .place(
                "console: Set aside; or wxbridge parked list",
                "控制台：搁置；或 wxbridge parked list",
            );
        Some(draft)
    }

    /// A mistyped callback address looks like this, and so does anybody who tries addresses.
    pub(super) fn strangers(&self) -> Vec<Draft> {
        let now = self.clock.now();
        let refused = self.observer.refusals.of("");
        let recent = refused.into_iter().filter(|refusal| now - refusal.last < DAY);
        recent
            .map(|refusal| {
                let last = Timestamp::from_millis(refusal.last).to_rfc3339_millis();
                let (count, detail) = (refusal.count, refusal.detail);
                let seen = said(
                    format!("{count} callbacks came to an address of no account, the last at {last}: {detail}"),
                    format!("{count} 次回调的地址不属于任何已绑定账号，最近一次 {last}：{detail}"),
                );
                Draft::new("strangers", Level::Yellow, seen)
                    .code(refusal.code)
                    .means(
                        "somebody's messages reach us and are turned away, or somebody tries addresses",
                        "有人的消息到达本服务却被拒绝，或有人在试探地址",
                    )
                    .act(remedy(refusal.code))
                    .place(
                        "where the platform's console has this callback address",
                        "在平台后台填写该回调地址之处",
                    )
            })
            .collect()
    }
}
