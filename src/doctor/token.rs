//! Can an account get a token, and if not, who must do what?

use std::{net::IpAddr, sync::Arc};

use super::{
    Doctor, Draft, Level,
    account::{mute, remedy},
    said,
};
use crate::{
    accounts::Opened,
    channels::{self, contract::Places},
    error::Code,
    schema::v1,
};

impl Doctor {
    pub(super) async fn token(&self, opened: &Arc<Opened>) -> Draft {
        match self.probes.token(opened).await {
            Ok(()) => Draft::new(
                "token",
                Level::Green,
                said("an access token can be obtained", "可以获取 access_token"),
            ),
            Err(error) if error.code == Code::IpNotAllowed.name() => allow_list(opened, &error, &self.places(opened)),
            Err(error) => no_token(opened, &error, &self.places(opened)),
        }
    }
}

fn allow_list(opened: &Opened, error: &v1::Error, places: &Places) -> Draft {
    let number = error.platform_code;
    let (seen, act) = match egress_address(&error.platform_message) {
        Some(address) => (
            said(
                format!("the platform refuses our address {address} ({number})"),
                format!("平台拒绝了本机出口地址 {address}（{number}）"),
            ),
            said(
                format!("add {address} to the IP allow-list"),
                format!("将 {address} 加入 IP 白名单"),
            ),
        ),
        None => (
            said(
                format!("the platform refuses our address, without saying which it is ({number})"),
                format!("平台拒绝了本机出口地址，但未说明是哪个地址（{number}）"),
            ),
            said(
                "add the bridge's outgoing address to the IP allow-list",
                "将本服务的出口 IP 加入 IP 白名单",
            ),
        ),
    };
    Draft::new("allow-list", Level::Red, seen)
        .code(Code::IpNotAllowed)
        .mean(mute(opened))
        .act(act)
        .at(places.allow_list)
}

/// The address in "invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist".
fn egress_address(text: &str) -> Option<IpAddr> {
    text.split(|letter: char| letter.is_whitespace() || letter == ',')
        .find_map(|word| word.parse().ok())
}

fn no_token(opened: &Opened, error: &v1::Error, places: &Places) -> Draft {
    let code = Code::parse(&error.code);
    let told = format!("{} {} {}", error.code, error.platform_code, error.platform_message);
    let seen = match code {
        Some(Code::PlatformDown) => said(
            format!("the platform cannot be asked: {}", error.platform_message),
            format!("无法访问平台接口：{}", error.platform_message),
        ),
        Some(Code::AccountRevoked) => said("its admin withdrew the authorisation", "账号管理员已取消授权"),
        Some(Code::NeedsReauth) => said(
            format!("its authorisation cannot be renewed any more: {told}"),
            format!("授权已失效，无法续期：{told}"),
        ),
        Some(Code::TicketMissing) => said(
            "no component_verify_ticket has come yet, so that no token can be made",
            "尚未收到 component_verify_ticket，无法获取令牌",
        ),
        _ => said(
            format!("the platform refuses these credentials: {told}"),
            format!("平台拒绝了这些凭证：{told}"),
        ),
    };
    let channel = channels::named(&opened.settings.channel);
    let known = channel.and_then(|channel| channel.explain(error.platform_code.into()));
    // Where to begin a scan stands with our own code.
    let scan = matches!(
        code,
        Some(Code::AccountRevoked | Code::NeedsReauth | Code::ScopeNotGranted)
    );
    let act = match known {
        Some(known) if !scan && !known.remedy_en.is_empty() => said(known.remedy_en, known.remedy_zh),
        _ => code.map(remedy).unwrap_or_default(),
    };
    let (means, place) = match code {
        Some(Code::AccountRevoked) => (
            said(
                "no message of its customers comes, and none can be sent",
                "收不到其客户的消息，也无法发送",
            ),
            places.grants,
        ),
        Some(Code::NeedsReauth | Code::ScopeNotGranted) => (mute(opened), places.grants),
        Some(Code::TicketMissing) => (
            said(
                "nobody can authorise, and nothing can be sent",
                "无法扫码授权，也无法发送消息",
            ),
            places.callback,
        ),
        _ => (mute(opened), places.credentials),
    };
    let mut draft = Draft::new("token", Level::Red, seen).mean(means).act(act).at(place);
    draft.code = code;
    draft
}

#[cfg(test)]
mod tests {
    use super::egress_address;

    #[test]
    fn the_egress_address_is_read_out_of_the_platforms_sentence() {
        let text = "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist rid: 65-0";
        assert_eq!(
            egress_address(text).map(|it| it.to_string()).as_deref(),
            Some("203.0.113.9")
        );
        let text =
            "not allow to access from your ip, hint: [1752_1], from ip: 203.0.113.7, more info at https://x?e=60020";
        assert_eq!(
            egress_address(text).map(|it| it.to_string()).as_deref(),
            Some("203.0.113.7")
        );
        assert_eq!(egress_address("system error"), None);
    }
}
