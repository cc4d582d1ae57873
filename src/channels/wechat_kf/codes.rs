//! Which code of ours is each error code of WeChat customer service, and what is to be done? The one table, from which the
//! docs come.
//!
//! <https://developer.work.weixin.qq.com/document/path/90313>, the stand-alone list of kf.weixin.qq.com, and the pages of the
//! calls. Codes come inside HTTP 200.

use crate::{
    channels::{
        common::codes::{learns, table},
        contract::Learned,
    },
    error::Code,
    schema::v1,
};

table! {
    [-1] "system busy", "系统繁忙", PlatformDown, Retry, None,
        "nothing to do; if it lasts over 5 minutes, look at the platform's notices", "无需处理；若持续超过5分钟，请查看企业微信公告";
    [40001, 40091] "secret wrong, or of another app", "Secret错误，或属于其他应用", BadSecret, Final, None,
        "enter the secret of the app listed under 微信客服 → 可调用接口的应用 (inside WeCom), or of 开发配置 (kf.weixin.qq.com)",
        "请填写“微信客服 → 可调用接口的应用”中该应用的Secret，独立版请填写kf.weixin.qq.com“开发配置”中的Secret";
    [40013] "corp id invalid", "企业ID无效", BadAppId, Final, None,
        "correct corp_id: console, 我的企业 → 企业信息 → 企业ID", "请更正corp_id：管理后台 → 我的企业 → 企业信息 → 企业ID";
    [40014, 42001, 42009] "token invalid or expired", "令牌无效或已过期", TokenTakenElsewhere, Token, None,
        "nothing to do: fetched again", "无需处理：自动重新获取";
    [41001] "access_token missing", "缺少access_token", InvalidRequest, Token, None,
        "a fault of this software, or a proxy strips the query: check api_base", "软件故障，或代理去掉了查询参数：请检查api_base";
    [40004, 40005] "bad media or file type", "媒体或文件类型不合法", UnsupportedPart, Final, None,
        "convert the file: images JPG or PNG, voice AMR, video MP4", "请转换文件格式：图片JPG/PNG，语音AMR，视频MP4";
    [40006, 40009, 40011, 45001] "file too large", "文件过大",
        MediaTooLarge, Final, None, "send a smaller file, or a link", "请发送更小的文件或链接";
    [40007] "media id invalid or expired", "media_id无效或已过期",
        MediaExpired, Upload, None, "nothing to do: uploaded again", "无需处理：自动重新上传";
    [40008, 40033, 40035, 40058, 40063, 44004, 47001, 93017] "parameter invalid", "参数无效", InvalidRequest, Final, None,
        "a fault of this software, or of a native body", "软件故障，或原生消息体有误";
    [40003, 40096, 84061] "external_userid invalid, or of another subject", "external_userid无效，或属于其他主体",
        RecipientUnknown, Final, None,
        "use the id that this very credential was given", "请使用本凭证收到的external_userid";
    [40201] "content rejected, or this kf account is banned", "内容被拒绝，或该客服账号被封禁", ContentRejected, Final, None,
        "put it in other words; if everything is refused, read the console's notices", "请更换措辞；若全部被拒，请查看后台通知";
    [43009, 95003] "the enterprise is not verified, or its consultations are used up", "企业未认证，或咨询次数已用完",
        NotEntitled, Final, learns(Code::NotEntitled),
        "verify the enterprise: console, 我的企业 → 企业认证", "请完成企业认证：管理后台 → 我的企业 → 企业认证";
    [45002] "text too long", "文字过长", TooLong, Final, None, "shorten it", "请缩短内容";
    [45009] "called too often", "调用过于频繁",
        RateLimited, Blocked, None, "nothing to do: again after a minute", "无需处理：一分钟后重试";
    [45033] "too many calls at the same time", "并发调用过多", RateLimited, Retry, None,
        "nothing to do; if it lasts, lower [kf] pulls", "无需处理；若持续出现请调小[kf] pulls";
    [48002, 301002] "the app may not use this call", "该应用无权使用此接口", NotEntitled, Final, learns(Code::NotEntitled),
        "console, 应用管理 → 微信客服 → 可调用接口的应用: add the app", "请在“应用管理 → 微信客服 → 可调用接口的应用”中添加该应用";
    [48007] "this kf account is not managed by this app", "该客服账号不由此应用管理", ScopeNotGranted, Final, None,
        "console, 微信客服 → 通过API管理微信客服账号: add the account", "请在“微信客服 → 通过API管理微信客服账号”中添加该客服账号";
    [60020] "our address is not in the trusted list", "本服务器IP不在可信IP列表中", IpNotAllowed, Final, None,
        "add our address: console, 应用管理 → the app → 企业可信IP", "请将本服务器IP加入：应用管理 → 应用 → 企业可信IP";
    [60030] "no permission for this member", "没有该成员的权限", NotEntitled, Final, None,
        "put the servicer into the app's visible range", "请将接待人员加入应用的可见范围";
    [81013] "no such recipient", "接收人不存在", RecipientUnknown, Final, None, "check the customer's id", "请检查客户ID";
    [90207] "mini-program appid invalid", "小程序appid无效",
        UnsupportedPart, Final, None, "bind the mini-program to the enterprise", "请将小程序关联到企业";
    [95000, 95004] "open_kfid invalid, deleted, or of another enterprise", "open_kfid无效、已删除，或属于其他企业",
        AccountUnknown, Final, None,
        "check open_kfids: console, 微信客服 → 客服账号", "请检查open_kfids：微信客服 → 客服账号";
    [95001] "more than 5 messages since the customer's last one", "客户最近一条消息之后已发送超过5条",
        QuotaExhausted, Final, Some(Learned::QuotaExhausted),
        "wait for the customer's next message; put several texts into one", "请等待客户下一条消息；尽量将多条消息合并";
    [95002] "48 hours since the customer's last message", "距客户最近一条消息已超过48小时",
        WindowClosed, Final, Some(Learned::WindowClosed),
        "wait until the customer writes again", "请等待客户再次发消息";
    [95005, 95026, 95027] "number of kf accounts limited", "客服账号数量受限",
        InvalidRequest, Final, None, "nothing that sending needs", "与发送无关";
    [95006] "account name invalid", "客服账号名称无效", InvalidRequest, Final, None, "nothing that sending needs", "与发送无关";
    [95007] "the token of the callback is not honoured any more", "回调中的token已失效", InvalidRequest, Final, None,
        "nothing to do: pulled without it", "无需处理：不带token重新拉取";
    [95008] "more than 10 menu items", "菜单项超过10个", TooLong, Final, None, "shorten the menu", "请减少菜单项";
    [95009] "menu item of an unknown type", "菜单项类型未知",
        UnsupportedPart, Final, None, "send click, view or miniprogram items", "菜单项只能是click、view或miniprogram";
    [95010, 95020, 95021] "not described by the platform", "平台文档未说明", InvalidRequest, Final, None,
        "look it up with the hint in the platform's message", "请用平台返回的hint查询";
    [95011] "the enterprise runs 微信客服 inside WeCom, the secret is the stand-alone one", "企业使用的是企业微信内的微信客服，而Secret属于独立版",
        BadSecret, Final, learns(Code::BadSecret),
        "enter the secret of the WeCom app", "企业使用联合版：请填写企业微信应用的Secret";
    [95012] "the enterprise runs the stand-alone 微信客服, the secret is WeCom's", "企业使用的是独立版微信客服，而Secret属于企业微信",
        BadSecret, Final, learns(Code::BadSecret),
        "enter the secret of kf.weixin.qq.com, 开发配置", "企业使用独立版：请填写kf.weixin.qq.com“开发配置”中的Secret";
    [95013] "the session has ended", "会话已结束",
        SessionEnded, Final, None, "wait until the customer writes again", "请等待客户再次发消息";
    [95014] "not a servicer of this account, or WeCom not activated", "不是该客服账号的接待人员，或未激活企业微信",
        InvalidRequest, Final, None,
        "choose a servicer of this kf account who has logged in to WeCom", "请选择该客服账号下已激活企业微信的接待人员";
    [95015] "exclusive service is configured in the console", "后台已配置专员服务",
        NotEntitled, Final, None, "change it in the console", "请在后台调整专员服务";
    [95016] "the session cannot go from its state to this one", "会话不能由当前状态变更为该状态", SessionWithHuman, Final, None,
        "see who holds it: GET /v1/conversations/{key}", "请查看会话当前由谁接待";
    [95017] "the API switch is off", "API开关未打开", NotEntitled, Final, learns(Code::NotEntitled),
        "console, 微信客服 → API: switch it on", "请在后台打开微信客服的API开关";
    [95018] "the session's state does not let the API speak", "当前会话状态不允许通过API发送消息", SessionWithHuman, Final, None,
        "see who holds it: GET /v1/conversations/{key}", "请查看会话当前由谁接待";
    [95019] "the servicer has stopped receiving", "接待人员已停止接待", RateLimited, Final, None,
        "choose another servicer, or the queue", "请选择其他接待人员或转入待接入池";
    [95022] "location_type invalid", "location_type无效",
        InvalidRequest, Final, None, "correct the native body", "请更正原生消息体";
    [95023] "the API switch belongs to another app", "API开关属于其他应用", NotEntitled, Final, learns(Code::NotEntitled),
        "decide in the console which app owns it", "请在后台确认由哪个应用使用API";
    [95024] "the customer has not written of their own for 48 hours (taps do not count)", "客户48小时内没有主动发消息（点击菜单不算）",
        WindowClosed, Final, None,
        "wait until the customer writes", "请等待客户主动发消息";
    [95025] "one business card in 48 hours", "48小时内只能发送一次名片",
        RateLimited, Final, None, "wait 48 hours, or send the name as text", "48小时后再发送名片，或改发文字";
    [95028] "no such message to take back", "没有可撤回的该消息",
        NotQuotable, Final, None, "only messages of the API can be taken back", "只能撤回通过接口发送的消息";
    [95029] "too late to take it back: 2 minutes", "已超过2分钟，不能撤回",
        WindowClosed, Final, None, "nothing to do", "无需处理";
    [95030] "this kf component may not send this type", "该客服组件不能发送此类型消息",
        UnsupportedPart, Final, None, "send another type", "请更换消息类型";
    [95031] "the customer has not consulted for 48 hours", "客户48小时内没有咨询",
        WindowClosed, Final, None, "wait until the customer writes", "请等待客户咨询";
    [95032] "the component lost its permission for chats", "组件已失去会话权限", NotEntitled, Final, learns(Code::NotEntitled),
        "grant it again in the console", "请在后台重新授权";
}

/// Why a message that the platform had taken did not arrive (`fail_type` of `msg_send_fail`).
pub static FAILURES: &[(&str, &str, Code, &str, &str)] = &[
    (
        "0",
        "unknown reason",
        Code::PlatformDown,
        "send it again later",
        "请稍后重发",
    ),
    (
        "1",
        "the kf account was deleted",
        Code::AccountUnknown,
        "use another kf account",
        "请更换客服账号",
    ),
    (
        "2",
        "the app is closed",
        Code::NotEntitled,
        "open the app or 微信客服 in the console",
        "请在后台启用应用或微信客服",
    ),
    (
        "3",
        "not described by the platform",
        Code::PlatformDown,
        "send it again later",
        "请稍后重发",
    ),
    (
        "4",
        "48 hours since the customer's last message",
        Code::WindowClosed,
        "wait until the customer writes again",
        "请等待客户再次发消息",
    ),
    (
        "5",
        "the session is closed",
        Code::SessionEnded,
        "wait until the customer writes again",
        "请等待客户再次发消息",
    ),
    (
        "6",
        "more than 5 messages since the customer's last one",
        Code::QuotaExhausted,
        "wait for the customer's next message",
        "请等待客户下一条消息",
    ),
    (
        "7",
        "no video account bound",
        Code::NotEntitled,
        "bind it in the console",
        "请绑定视频号",
    ),
    (
        "8",
        "the subject is not verified",
        Code::NotEntitled,
        "verify the enterprise",
        "请完成企业认证",
    ),
    (
        "9",
        "no video account bound and the subject not verified",
        Code::NotEntitled,
        "bind and verify",
        "请绑定视频号并完成认证",
    ),
    (
        "10",
        "the customer refuses messages",
        Code::RefusedByUser,
        "only the customer can allow them again",
        "只有客户本人可以恢复接收",
    ),
    (
        "11",
        "no member has logged in to the WeCom app",
        Code::NotEntitled,
        "let one member log in",
        "请至少一名成员登录企业微信",
    ),
    (
        "12",
        "the kf component may not send this type",
        Code::UnsupportedPart,
        "send another type",
        "请更换消息类型",
    ),
    (
        "13",
        "security restriction",
        Code::ContentRejected,
        "read the console's notices",
        "请查看后台通知",
    ),
];

/// The error of a `fail_type`.
pub fn failed(fail_type: &str) -> v1::Error {
    let row = FAILURES.iter().find(|row| row.0 == fail_type).unwrap_or(&FAILURES[0]);
    v1::Error {
        code: row.2.name().to_owned(),
        platform_code: fail_type.parse().unwrap_or_default(),
        platform_message: format!("msg_send_fail {fail_type}: {}", row.1),
        retryable: false,
        remedy: format!("{} / {}", row.3, row.4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fail_type_has_a_code_and_an_unknown_one_too() {
        assert_eq!(failed("6").code, "QUOTA_EXHAUSTED");
        assert_eq!(failed("4").code, "WINDOW_CLOSED");
        assert_eq!(
            (failed("99").code.as_str(), failed("99").platform_code),
            ("PLATFORM_DOWN", 99)
        );
    }
}
