//! What of a message reaches a user? Four kinds (/miniprogram/dev/server/API/kf-mgnt/kf-message/api_sendcustommessage.html).

use serde_json::{Value, json};

use crate::sim::{
    refusal::Refusal,
    weixin::{Account, Allowance, MAX_TEXT, Trigger, medium, required, text_of},
    world::World,
};

/// What the user will see of a body, or why the platform refuses it.
pub fn shown(world: &World, account: &Account, kind: &str, content: Option<&Value>) -> Result<Value, Refusal> {
    const ELSEWHERE: [&str; 9] = [
        "voice",
        "video",
        "music",
        "news",
        "mpnews",
        "mpnewsarticle",
        "msgmenu",
        "wxcard",
        "miniprogram",
    ];
    if ELSEWHERE.contains(&kind) {
        return Err(Refusal::code(45050));
    }
    let empty = if kind == "text" { 44004 } else { 40035 };
    let content = content.ok_or_else(|| Refusal::code(empty))?;
    match kind {
        "text" => text(account, content),
        "image" => Ok(json!({ "media": medium(world, account, "image", content, "media_id")? })),
        "link" => Ok(json!({
            "title": required(content, "title")?,
            "description": text_of(content, "description"),
            "url": required(content, "url")?,
            "picture": text_of(content, "thumb_url"),
        })),
        "miniprogrampage" => Ok(json!({
            "title": required(content, "title")?,
            "path": required(content, "pagepath")?,
            "thumb": medium(world, account, "image", content, "thumb_media_id")?,
            "app_id": account.app_id,
        })),
        _ => Err(Refusal::code(40008)),
    }
}

/// A link in a text leads to pages of this mini-program only.
fn text(account: &Account, content: &Value) -> Result<Value, Refusal> {
    let text = text_of(content, "content").filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| Refusal::code(44004))?;
    if text.len() > MAX_TEXT {
        return Err(Refusal::code(45002));
    }
    if let Some((_, rest)) = text.split_once("data-miniprogram-appid=\"")
        && rest.split('"').next() != Some(account.app_id.as_str())
    {
        return Err(Refusal::code(45086));
    }
    Ok(json!({ "text": text }))
}

/// A punished account may send nothing for somebody's entering alone.
pub fn may_greet(punished: bool, allowance: Option<Allowance>) -> Result<(), Refusal> {
    match allowance {
        Some(open) if punished && open.trigger == Trigger::Enter => Err(Refusal::code(45094)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Account, Allowance, Refusal, Trigger, World, may_greet, shown};
    use crate::sim::{platform::Platform, world::Channel};

    fn code(kind: &str, content: Value) -> i64 {
        let platform = Platform::new().expect("a platform");
        let mut account = Account::new(&platform, Channel::MiniProgram);
        account.app_id = "wx1".to_owned();
        shown(&World::default(), &account, kind, Some(&content))
            .err()
            .map_or(0, |no| no.code)
    }

    #[test]
    fn four_kinds_are_sent_and_the_official_accounts_others_are_not() {
        assert_eq!(code("text", json!({ "content": "您好" })), 0);
        assert_eq!(code("text", json!({ "content": "x".repeat(2049) })), 45002);
        assert_eq!(
            code(
                "link",
                json!({ "title": "t", "url": "https://example.org", "thumb_url": "u" })
            ),
            0
        );
        assert_eq!(
            code(
                "miniprogrampage",
                json!({ "title": "t", "pagepath": "p", "thumb_media_id": "none" })
            ),
            40007
        );
        for kind in ["voice", "video", "music", "news", "msgmenu", "wxcard", "mpnews"] {
            assert_eq!(code(kind, json!({})), 45050, "{kind}");
        }
        assert_eq!(code("gift", json!({})), 40008);
    }

    #[test]
    fn a_link_in_a_text_leads_to_the_own_pages_only() {
        let text = |app: &str| json!({ "content": format!("<a href=\"https://example.org\" data-miniprogram-appid=\"{app}\">x</a>") });
        assert_eq!((code("text", text("wx1")), code("text", text("wx2"))), (0, 45086));
    }

    #[test]
    fn two_messages_in_a_minute_for_entering_and_none_for_who_is_punished() {
        let mut pot = Some(Allowance::open(None, Trigger::Enter, 0));
        assert_eq!(may_greet(true, pot), Err(Refusal::code(45094)));
        assert_eq!(may_greet(false, pot), Ok(()));
        assert_eq!(Allowance::spend(&mut pot, 1), Ok(()));
        assert_eq!(Allowance::spend(&mut pot, 59_999), Ok(()));
        assert_eq!(Allowance::spend(&mut pot, 59_999), Err(Refusal::code(45047)));
        let mut late = Some(Allowance::open(None, Trigger::Enter, 0));
        assert_eq!(Allowance::spend(&mut late, 60_000), Err(Refusal::code(45015)));
        let written = Allowance::open(late, Trigger::Message, 1);
        assert_eq!(may_greet(true, Some(written)), Ok(()));
    }
}
