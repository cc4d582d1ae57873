//! Does any core hear what this account's customers write? Rules that leave an account out leave it without an answer, and
//! nothing fails.

use super::{Doctor, Draft, Level, said};
use crate::accounts::Opened;

impl Doctor {
    /// That no `[[core]]` fits the account. Where there is none at all, the installation says so once.
    pub(super) fn unheard(&self, opened: &Opened) -> Option<Draft> {
        let has_customers = opened.account.authority().is_none();
        if !has_customers || self.cores.0.is_empty() || self.cores.may_hear(&opened.describe) {
            return None;
        }
        let seen = said(
            "the match of no [[core]] fits this account",
            "没有任何 [[core]] 的 match 匹配该账号",
        );
        let act = said(
            "let a [[core]] match it (a rule without match takes whatever those before it left), then restart: what waits is handed over",
            "在某个 [[core]] 的 match 中加入该账号（不写 match 的规则接收其余全部账号）并重启，积压的消息随即投递",
        );
        Some(
            Draft::new("core", Level::Yellow, seen)
                .means(
                    "its messages are stored and answered, and wait: nobody reads them",
                    "消息会入库并应答，但一直等待，没有核心处理",
                )
                .act(act)
                .place("in the configuration", "在配置文件"),
        )
    }
}
