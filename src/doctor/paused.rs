//! Whose events wait because somebody paused the account? Easily forgotten, and to customers it looks like a bridge that is deaf.

use std::collections::HashMap;

use super::{Doctor, Draft, Level, said};
use crate::{conversation::key::Key, schema::Timestamp};

impl Doctor {
    /// One finding for each paused account, of those that `account` names.
    pub(super) async fn paused(&self, account: Option<&str>) -> Vec<Draft> {
        let mut paused = self.registry.all_paused();
        paused.retain(|id, _| account.is_none_or(|account| account == id));
        if paused.is_empty() {
            return Vec::new();
        }
        let waiting = self.waiting_by_account().await;
        let one = |(id, since): (String, i64)| {
            let since = Timestamp::from_millis(since).to_rfc3339_millis();
            let count = waiting.get(&id).copied().unwrap_or(0);
            let seen = said(
                format!("paused since {since}, {count} events wait"),
                format!("自 {since} 起暂停，{count} 条事件等待投递"),
            );
            let mut draft = Draft::new("paused", Level::Yellow, seen)
                .means(
                    "callbacks are stored and answered, and no core hears of them until the account is resumed",
                    "回调照常入库并应答，但恢复之前不会投递给任何核心",
                )
                .act(said(
                    format!("resume it: wxbridge account resume {id}"),
                    format!("恢复投递：wxbridge account resume {id}"),
                ))
                .place("in the console, on the account's page", "在控制台的账号页面");
            draft.account = id;
            draft
        };
        paused.into_iter().map(one).collect()
    }

    /// How many events wait of each account. Where the store fails, its own finding says so.
    async fn waiting_by_account(&self) -> HashMap<String, u64> {
        let mut counts = HashMap::new();
        for waiting in self.store.backlog().await.unwrap_or_default() {
            let key = Key::parse(&waiting.key);
            let opened = key.and_then(|key| self.registry.by_platform(&key.channel, &key.platform_id, &key.sub_id));
            if let Some(opened) = opened {
                *counts.entry(opened.settings.id.clone()).or_default() += u64::from(waiting.count);
            }
        }
        counts
    }
}
