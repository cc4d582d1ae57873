//! How does the system do that had an account before, while both hear its callbacks?

use super::{Doctor, Draft, Level, said};
use crate::{accounts::Opened, observe::handed::Handed, settings::PassMode};

const HOUR: i64 = 3_600_000;
/// Where the difference is to be seen.
const LOOK: (&str, &str) = ("GET /admin/v1/passthrough", "GET /admin/v1/passthrough");

impl Doctor {
    pub(super) fn before(&self, opened: &Opened) -> Option<Draft> {
        let mode = opened.settings.passthrough.as_ref()?.mode;
        let handed = self
            .observer
            .handed_on
            .since(&opened.settings.id, self.clock.now() - HOUR);
        let failed: Vec<&Handed> = handed.iter().filter(|it| !it.fault.is_empty()).collect();
        let (all, slowest) = (handed.len(), handed.iter().map(|it| it.old_ms).max().unwrap_or(0));
        let Some(last) = failed.first() else {
            let other = handed.iter().filter(|it| !it.same).count();
            let seen = said(
                format!(
                    "the old URL answered all {all} callbacks of the last hour, slowest {slowest} ms; {other} of its answers \
                     differ from ours"
                ),
                format!(
                    "旧地址应答了最近一小时的全部 {all} 次回调，最慢 {slowest} 毫秒；其中 {other} 次与本服务的应答不同"
                ),
            );
            let act = said(
                "compare them; when ours are right, take passthrough out of the accounts file and apply it",
                "对比两边的应答；确认无误后从账号文件中删除 passthrough 并重新 apply",
            );
            return Some(
                Draft::new("passthrough", Level::Green, seen)
                    .act(act)
                    .place(LOOK.0, LOOK.1),
            );
        };
        let seen = said(
            format!(
                "the old URL failed for {} of {all} callbacks, lately: {}",
                failed.len(),
                last.fault
            ),
            format!(
                "旧地址在 {all} 次回调中有 {} 次失败，最近一次：{}",
                failed.len(),
                last.fault
            ),
        );
        let draft = Draft::new("passthrough", Level::Yellow, seen);
        let draft = match mode {
            PassMode::Answer => draft.means(
                "these customers were answered success in its place; nothing is lost, and our core heard them",
                "这些回调由本服务以 success 代答；消息没有丢失，核心系统已收到",
            ),
            PassMode::Tee => draft.means(
                "nothing for customers; these answers cannot be compared",
                "对客户没有影响；这些应答无法对比",
            ),
        };
        let act = said(
            "mend the old system; for an address in a private network, list it in [egress] allow and restart",
            "修复旧系统；若其地址在内网，请加入 [egress] allow 并重启",
        );
        Some(draft.act(act).place(LOOK.0, LOOK.1))
    }
}
