//! Is one account well? Callbacks, keys, the API road.

use std::sync::Arc;

use super::{Doctor, Draft, Level, Said, agents, reach::Silence, said, warned};
use crate::{
    accounts::{Broken, Condition, Opened},
    channels::{
        self,
        contract::{Places, SettingFault},
    },
    config::chinese,
    error::{Code, pages},
    outbound,
    schema::Timestamp,
    settings::Hold,
};

const HOUR: i64 = 3_600_000;

impl Doctor {
    pub(super) async fn account(&self, opened: &Arc<Opened>, silence: &Silence) -> Vec<Draft> {
        let token = self.token(opened).await;
        if token.level == Level::Green {
            agents::look(&*self.probes, opened).await;
        }
        warned::look(opened, self.clock.now());
        let condition = opened.observe(|condition| condition.clone());
        let address = self.address(opened, silence).await;
        let places = self.places(opened);
        // What the token's finding names needs no second one.
        let shut = condition.api_shut.filter(|code| token.code != Some(*code));
        let mut drafts = vec![token, self.callback_seen(opened, &condition)];
        drafts.extend(address);
        drafts.extend(self.refused(opened, &condition));
        drafts.extend(self.answered(opened));
        drafts.extend(self.before(opened));
        drafts.extend(self.cloud_shut(opened));
        drafts.extend(inert(opened));
        drafts.extend(self.thumb(opened).await);
        drafts.extend(self.unheard(opened));
        drafts.extend(old_keys(&condition, &places));
        drafts.extend(shut.map(|code| api_shut(opened, code, &places)));
        drafts.extend(warned::findings(&condition, &places));
        for draft in &mut drafts {
            opened.settings.id.clone_into(&mut draft.account);
        }
        drafts
    }

    /// Where things stand in the console of this account's platform.
    pub(super) fn places(&self, opened: &Opened) -> Places {
        let own = of_channel(opened);
        // Secrets, address and allow-list are those of the account that it is bound through.
        match self.registry.get(&opened.settings.via) {
            Some(through) => Places {
                permissions: own.permissions,
                grants: own.grants,
                agents: own.agents,
                ..of_channel(&through)
            },
            None => own,
        }
    }

    fn callback_seen(&self, opened: &Opened, condition: &Condition) -> Draft {
        match condition.last_callback {
            Some(at) => {
                let at = Timestamp::from_millis(at).to_rfc3339_millis();
                Draft::new(
                    "callback",
                    Level::Green,
                    said(format!("the last callback came at {at}"), format!("最近一次回调：{at}")),
                )
            }
            None => Draft::new(
                "callback",
                Level::Yellow,
                said("no callback has been read yet", "尚未读到任何回调"),
            )
            .means(
                "either nobody wrote, or the platform does not reach us, or what came is set aside or refused: then another finding says so",
                "可能无人发消息，可能平台无法访问本服务，也可能收到的内容已被隔离或拒绝（见其他检查结果）",
            )
            .act(enter_address(opened))
            .at(self.places(opened).callback),
        }
    }

    /// Red while the platform itself may be the one that is refused; strangers cannot keep a working account from green.
    fn refused(&self, opened: &Opened, condition: &Condition) -> Vec<Draft> {
        let refusals = self.observer.refusals.of(&opened.settings.id);
        let now = self.clock.now();
        let one = |refusal: crate::observe::refusals::Refusal| {
            let last = Timestamp::from_millis(refusal.last).to_rfc3339_millis();
            let seen = said(
                format!(
                    "{} callbacks were refused with {}, the last at {last}: {}",
                    refusal.count, refusal.code, refusal.detail
                ),
                format!(
                    "{} 次回调被拒绝（{}），最近一次 {last}：{}",
                    refusal.count, refusal.code, refusal.detail
                ),
            );
            let works = condition.last_callback.is_some_and(|at| at >= refusal.last);
            let level = match (works, now - refusal.last < HOUR) {
                (true, _) => Level::Green,
                (false, true) => Level::Red,
                (false, false) => Level::Yellow,
            };
            Draft::new("refused", level, seen)
                .code(refusal.code)
                .means(
                    "what the platform sent there was not taken",
                    "平台发送的这些内容未被接收",
                )
                .act(remedy(refusal.code))
                .at(self.places(opened).callback)
        };
        refusals.into_iter().map(one).collect()
    }

    /// Pushes of cloud hosting that nobody can bring.
    fn cloud_shut(&self, opened: &Opened) -> Option<Draft> {
        (opened.settings.cloud_push && !self.cloud).then(|| {
            Draft::new(
                "cloud",
                Level::Red,
                said(
                    "cloud_push is set, and no listener for cloud hosting is open",
                    "已设置 cloud_push，但未开启云托管推送监听",
                ),
            )
            .means("pushes of cloud hosting reach nobody", "云托管推送的消息无人接收")
            .act(said(
                "enter [cloud] listen with the private address that cloud hosting reaches, and restart",
                "在配置中填写 [cloud] listen（云托管可访问的内网地址）并重启",
            ))
            .place("in the configuration", "在配置文件")
        })
    }

    fn answered(&self, opened: &Opened) -> Option<Draft> {
        let sum = self.observer.answers.sum(&opened.settings.id, self.clock.now() - HOUR);
        if sum.received == 0 {
            return None;
        }
        let slowest = sum.slowest_ms;
        if sum.answered == sum.received {
            let all = thousands(sum.received);
            let (en, zh) = match sum.refused {
                0 => (String::new(), String::new()),
                refused => {
                    let refused = thousands(refused);
                    (
                        format!(", {refused} of them with a refusal"),
                        format!("，其中 {refused} 次以拒绝应答"),
                    )
                }
            };
            let seen = said(
                format!("all {all} callbacks of the last hour answered{en}, slowest {slowest:.0} ms"),
                format!("最近一小时的 {all} 次回调全部应答{zh}，最慢 {slowest:.0} 毫秒"),
            );
            let draft = Draft::new("answers", Level::Green, seen);
            // A refusal brings the notice too, and not every platform has one.
            let grants = of_channel(opened).grants;
            if sum.refused > 0 || grants == Places::default().grants {
                return Some(draft);
            }
            let innocent = said(
                "if customers still see the fault notice, another grantee or your own developer server is failing",
                "若用户仍看到“该公众号暂时无法提供服务”，则是其他被授权方或您自己的开发者服务器处理失败",
            );
            return Some(draft.mean(innocent).at(self.places(opened).grants));
        }
        let missed = sum.received - sum.answered;
        let seen = said(
            format!(
                "{} of {} callbacks of the last hour had no answer of ours, slowest {slowest:.0} ms",
                thousands(missed),
                thousands(sum.received)
            ),
            format!(
                "最近一小时 {} 次回调中有 {} 次未应答，最慢 {slowest:.0} 毫秒",
                thousands(sum.received),
                thousands(missed)
            ),
        );
        let draft = Draft::new("answers", Level::Yellow, seen).means(
            "the platform came again for them; customers may have seen its fault notice",
            "平台会重试；客户可能看到过“该公众号提供的服务出现故障”",
        );
        let act = said(
            "look at the findings on store, disk and address; what is closed was given up by the platform or a proxy",
            "查看存储、磁盘与地址的检查结果；closed 表示平台或代理提前断开",
        );
        Some(draft.act(act).place("GET /admin/v1/ledger", "GET /admin/v1/ledger"))
    }
}

fn of_channel(opened: &Opened) -> Places {
    channels::named(&opened.settings.channel).map_or_else(Places::default, |channel| channel.places())
}

/// What it means that the API is shut.
pub(super) fn mute(opened: &Opened) -> Said {
    match outbound::capabilities(opened).passive {
        true => said(
            "nothing can be sent by the API; passive replies inside the callback still work",
            "无法通过接口发送消息；回调内的被动回复仍可用",
        ),
        false => said(
            "customers cannot be answered at all: this channel has no other road",
            "完全无法回复客户：该渠道没有其他发送途径",
        ),
    }
}

/// An account that this version cannot open: one finding for each fault of its settings.
pub(super) fn broken(broken: &Broken) -> Vec<Draft> {
    let id = &broken.settings.id;
    let one = |fault: &SettingFault| {
        let (key, found, expected) = (&fault.key, &fault.found, &fault.expected);
        let seen = said(
            format!("the account cannot be opened: {key} is {found}, expected {expected}"),
            format!(
                "账号无法启用：{key} 当前为 {}，应为 {}",
                chinese::found(found),
                chinese::expected(expected)
            ),
        );
        let mut draft = Draft::new("settings", Level::Red, seen)
            .code(Code::InvalidRequest)
            .means(
                "nothing of this account is taken, and nothing is sent for it",
                "该账号的消息一律不收，也无法发送",
            )
            .act(said(
                format!("correct {key} in the accounts file and run wxbridge account apply FILE, or wxbridge account remove {id}"),
                format!("在账号文件中更正 {key} 后执行 wxbridge account apply 文件，或执行 wxbridge account remove {id}"),
            ))
            .place("in the accounts file", "在账号文件中");
        id.clone_into(&mut draft.account);
        draft
    };
    broken.faults.iter().map(one).collect()
}

/// Settings that the contract knows for every channel and that this version does nothing with here.
fn inert(opened: &Opened) -> Option<Draft> {
    let settings = &opened.settings;
    // Only what is pulled brings a code to welcome with, and where nothing goes inside a callback nobody waits for its
    // third attempt.
    let inert = [
        (
            "welcome",
            settings.welcome.is_some() && opened.account.pulls().is_none(),
        ),
        (
            "hold",
            settings.hold == Hold::Three && !outbound::capabilities(opened).passive,
        ),
    ];
    let names: Vec<&str> = inert.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
    if names.is_empty() {
        return None;
    }
    let names = names.join(", ");
    let seen = said(
        format!("set, and without effect on this account in this version: {names}"),
        format!("以下设置在当前版本中对该账号不起作用：{names}"),
    );
    let act = said(
        "take them out of the accounts file, or do what they were meant for elsewhere",
        "请从账号文件中删除，或以其他方式实现",
    );
    Some(
        Draft::new("settings", Level::Yellow, seen)
            .act(act)
            .place("in the accounts file", "在账号文件中"),
    )
}

fn old_keys(condition: &Condition, places: &Places) -> Option<Draft> {
    if condition.old_key_uses == 0 {
        return None;
    }
    let uses = condition.old_key_uses;
    let seen = said(
        format!("{uses} callbacks still used the token or key before the rotation"),
        format!("仍有 {uses} 次回调使用轮换前的 Token 或密钥"),
    );
    let draft = Draft::new("old-key", Level::Yellow, seen).code(Code::OldKeyStillUsed);
    Some(
        draft
            .means(
                "they will be refused when the grace ends",
                "宽限期结束后这些回调将被拒绝",
            )
            .act(said(
                "enter the new token and key at the platform too",
                "请在平台侧也更新 Token 与 EncodingAESKey",
            ))
            .at(places.callback),
    )
}

/// What to enter where, so that callbacks come.
fn enter_address(opened: &Opened) -> Said {
    let (id, via) = (&opened.settings.id, &opened.settings.via);
    if opened.account.authority().is_some() {
        return said(
            format!("enter …/open/{id}/events and …/open/{id}/message/$APPID$ with token and key"),
            format!("在开发资料中填写 …/open/{id}/events 与 …/open/{id}/message/$APPID$，以及Token与Key"),
        );
    }
    if !via.is_empty() {
        return said(
            format!("its callbacks come in at {via}: look whether those arrive, and write a message"),
            format!("其回调由 {via} 接收：请确认该账号能收到回调，然后发一条消息测试"),
        );
    }
    said(
        format!(
            "enter the address …/callback/{id} with token and key, switch the server configuration on, write a message"
        ),
        format!("在服务器配置中填写 …/callback/{id}、Token 与 EncodingAESKey 并启用，然后发一条消息测试"),
    )
}

fn api_shut(opened: &Opened, code: Code, places: &Places) -> Draft {
    let seen = said(
        format!("the platform shut the API: {code}"),
        format!("平台拒绝接口调用：{code}"),
    );
    let level = match outbound::capabilities(opened).passive {
        true => Level::Yellow,
        // No other road: customers hear nothing.
        false => Level::Red,
    };
    let draft = Draft::new("api", level, seen).code(code);
    draft.mean(mute(opened)).act(remedy(code)).at(places.permissions)
}

/// `1,204`
fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(super) fn remedy(code: Code) -> super::Said {
    let page = pages::page(code);
    said(page.remedy_en, page.remedy_zh)
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn large_counts_are_read_at_a_glance() {
        let shown = [0, 12, 999, 1_204, 1_000_000].map(thousands);
        assert_eq!(shown, ["0", "12", "999", "1,204", "1,000,000"]);
    }
}
