//! Which code of ours is each error code of the platform, and what is to be done? The one table, from which the docs come.
//!
//! <https://developers.weixin.qq.com/doc/oplatform/developers/errCode/>,
//! <https://developers.weixin.qq.com/doc/oplatform/Return_codes/Return_code_descriptions_new.html>.

use crate::{
    channels::common::codes::{learns, table, weixin},
    error::Code,
};

table! {
    and weixin::TABLE;
    [40013, 61011] "AppID invalid, or of another kind of application", "AppID无效，或属于其他类型的应用", BadAppId, Final, None,
        "correct app_id: open.weixin.qq.com, 管理中心 → 第三方平台 → 详情 → AppID", "请更正app_id：open.weixin.qq.com，管理中心 → 第三方平台 → 详情 → AppID";
    [40091, 61005, 61006] "component_verify_ticket invalid or expired", "component_verify_ticket无效或已过期",
        TicketMissing, Retry, None,
        "nothing to do if tickets come again within 10 minutes; else check the address for authorisation events: open.weixin.qq.com, 开发资料 → 授权事件接收配置",
        "若10分钟内恢复推送则无需处理；否则请检查授权事件接收URL：open.weixin.qq.com，开发资料 → 授权事件接收配置";
    [40094, 42006] "component token invalid or expired", "component_access_token无效或已过期", TokenTakenElsewhere, Token, None,
        "if it persists, another system fetches tokens with the platform's AppSecret, or the secret was changed",
        "若反复出现，说明有其他系统使用同一第三方平台密钥，或密钥已被更换";
    [40125] "AppSecret of the platform invalid", "第三方平台的AppSecret无效", BadSecret, Final, None,
        "enter the present secret: open.weixin.qq.com, 管理中心 → 第三方平台 → 详情 → AppSecret", "请填写当前的AppSecret：open.weixin.qq.com，管理中心 → 第三方平台 → 详情 → AppSecret";
    [41004, 41018, 41019, 41020, 41021] "secret, AppID, token, code or refresh token missing", "缺少Secret、AppID、令牌、授权码或刷新令牌",
        InvalidRequest, Final, None,
        "a fault of this software: report it", "软件故障，请反馈";
    [40029, 61009, 61010] "authorisation code invalid, used before, or over", "授权码无效、已使用或已过期",
        NeedsReauth, Final, None,
        "open the bind link again and scan", "请重新打开绑定链接并扫码";
    [40164, 89503, 89506, 89507] "our address is not in the platform's IP list, or waits for consent", "本服务器IP不在第三方平台的白名单中，或等待管理员确认",
        IpNotAllowed, Final, None,
        "add our address: open.weixin.qq.com, 管理中心 → 第三方平台 → 开发资料 → 白名单IP地址列表", "请将本服务器IP加入：open.weixin.qq.com，管理中心 → 第三方平台 → 开发资料 → 白名单IP地址列表";
    [40170] "too many authorizers asked for at once", "一次查询的授权方过多",
        InvalidRequest, Final, None, "a fault of this software: report it", "软件故障，请反馈";
    [42007] "all tokens are dead: the admin changed the WeChat password", "所有令牌失效：管理员修改了微信密码",
        NeedsReauth, Final, learns(Code::NeedsReauth),
        "ask the account's admin to scan a new bind link", "请账号管理员用新的绑定链接重新扫码授权";
    [48001, 48004, 50002] "the account may not use this call, or is limited by the platform", "该账号无权使用此接口，或被平台限制",
        NotEntitled, Final, learns(Code::NotEntitled),
        "complete the verification of the account, and read its notices", "请完成该账号的认证，并查看其通知中心";
    [61000, 61001, 61002] "third-party type or AppID does not match, or customer service is not opened", "第三方平台类型或AppID不匹配，或未开通客服功能",
        InvalidRequest, Final, None,
        "check app_id and the kind of the platform: open.weixin.qq.com, 管理中心 → 第三方平台", "请核对app_id与第三方平台类型：open.weixin.qq.com，管理中心 → 第三方平台";
    [61007, 61017] "a permission set was not granted", "权限集未授权", ScopeNotGranted, Final, learns(Code::ScopeNotGranted),
        "ask the account's admin to scan again and to tick every set", "请账号管理员重新扫码并勾选全部权限集";
    [61016, 61018, 61019, 61020, 61021, 61022] "a permission set waits for confirmation", "权限集等待确认",
        ScopeNotGranted, Final, None,
        "confirm it: open.weixin.qq.com, 管理中心 → 第三方平台 → 权限集", "请在open.weixin.qq.com，管理中心 → 第三方平台 → 权限集中确认";
    [61008, 61012, 61013, 61014, 61015, 61024, 61025] "wrong key, option or kind of token in the request", "请求中的密钥、选项或令牌类型错误",
        InvalidRequest, Final, None,
        "a fault of this software: report it", "软件故障，请反馈";
    [61028, 61029] "the platform is not released, or must be released again", "第三方平台未全网发布，或须重新发布",
        NotEntitled, Final, None,
        "release it (全网发布), or put the account into the test list: open.weixin.qq.com, 开发资料 → 授权测试公众号/小程序列表",
        "请全网发布，或将该账号加入测试列表：open.weixin.qq.com，开发资料 → 授权测试公众号/小程序列表";
}
