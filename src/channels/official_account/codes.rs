//! Which code of ours is each error code of the platform, and what is to be done? The one table, from which the docs come.
//!
//! <https://developers.weixin.qq.com/doc/oplatform/developers/errCode/> and the pages of the calls. Codes are keyed by
//! channel: other platforms use the same numbers for other things.

use crate::{
    channels::{
        common::codes::{learns, table, weixin},
        contract::Learned,
    },
    error::Code,
};

table! {
    and weixin::TABLE;
    [40003] "OpenID invalid, or of another account", "OpenID无效，或属于其他公众号", RecipientUnknown, Final, None,
        "check that this customer belongs to this account", "请确认该用户属于此公众号";
    [40004, 40005] "bad media or file type", "媒体或文件类型不合法", UnsupportedPart, Final, None,
        "convert the file: images JPG, PNG or GIF, voice AMR or MP3, video MP4", "请转换文件格式：图片JPG/PNG/GIF，语音AMR/MP3，视频MP4";
    [40006, 40009, 40010, 40011, 40012, 45001] "file, image, voice, video or thumbnail too large", "文件、图片、语音、视频或缩略图过大",
        MediaTooLarge, Final, None,
        "shrink the file, or send it as a link", "请压缩文件，或改为发送链接";
    [40008, 45050, 48008] "message type not known or not allowed for this account", "消息类型不存在，或该账号不可使用",
        UnsupportedPart, Final, None,
        "send another kind of message", "请改用其他消息类型";
    [40013, 41002] "AppID invalid or missing", "AppID无效或缺失", BadAppId, Final, None,
        "correct app_id: console, 设置与开发 → 基本配置 → 开发者ID(AppID)", "请更正app_id：公众号后台 → 设置与开发 → 基本配置 → 开发者ID(AppID)";
    [40125, 41004] "AppSecret invalid or missing (some say: AppID)", "AppSecret无效或缺失（也有说法是AppID）",
        BadSecret, Final, None,
        "enter the current AppSecret, and check the AppID: console, 设置与开发 → 基本配置 → 开发者密码(AppSecret)",
        "请填写当前的AppSecret，并核对AppID：公众号后台 → 设置与开发 → 基本配置 → 开发者密码(AppSecret)";
    [40132] "WeChat id invalid", "微信号无效", InvalidRequest, Final, None, "correct the WeChat id", "请更正微信号";
    [40137] "image format not supported", "不支持的图片格式",
        UnsupportedPart, Final, None, "send JPG, PNG or GIF", "请发送JPG、PNG或GIF图片";
    [40164] "our address is not in the IP list", "本服务器IP不在白名单中", IpNotAllowed, Final, None,
        "add our address to the list: console, 设置与开发 → 基本配置 → IP白名单",
        "请将本服务器IP加入白名单：公众号后台 → 设置与开发 → 基本配置 → IP白名单";
    [89503, 89506, 89507] "calls from our address wait for the admin's consent, or were refused for 24 h or 1 h", "本服务器IP的调用等待管理员确认，或已被拒绝24小时或1小时",
        IpNotAllowed, Final, None,
        "the account's admin confirms the request in the WeChat app, then add our address to IP白名单",
        "请公众号管理员在微信中确认该IP的调用请求，并将其加入IP白名单";
    [40201, 40202, 40203] "callback check: no URL set, bad action, bad operator", "回调检测：未设置URL，或action、运营商参数错误",
        InvalidRequest, Final, None,
        "enter the callback URL: console, 设置与开发 → 基本配置 → 服务器配置", "请填写回调URL：公众号后台 → 设置与开发 → 基本配置 → 服务器配置";
    [40243] "AppSecret frozen", "AppSecret已被冻结", BadSecret, Final, None,
        "unfreeze it: console, 设置与开发 → 基本配置 → 开发者密码(AppSecret) → 解冻", "请解冻AppSecret：公众号后台 → 设置与开发 → 基本配置 → 开发者密码(AppSecret) → 解冻";
    [42007] "the user changed the WeChat password: all tokens are dead", "用户修改了微信密码：所有令牌失效",
        NeedsReauth, Final, learns(Code::NeedsReauth),
        "ask the account's admin to authorise again", "请公众号管理员重新授权";
    [43004, 43005, 50005] "the customer does not follow the account", "用户未关注该公众号",
        Unsubscribed, Final, Some(Learned::Unfollowed),
        "wait until the customer follows again", "请等待用户重新关注";
    [43019] "the customer is on the account's blacklist", "用户在该公众号的黑名单中", RefusedByUser, Final, None,
        "take the customer off the blacklist: console, 用户管理 → 黑名单", "请将用户移出黑名单：公众号后台 → 用户管理 → 黑名单";
    [43101, 48002] "the customer refuses messages", "用户拒收消息", RefusedByUser, Final, None,
        "only the customer can allow them again: account page, 接收消息", "只有用户本人能在公众号资料页重新打开“接收消息”";
    [45002, 45003, 45004, 45005, 45006, 45007] "text, title, description, link, picture link or voice too long", "文字、标题、描述、链接、图片链接或语音过长",
        TooLong, Final, None,
        "shorten it", "请缩短内容";
    [45008] "too many articles", "图文条数过多", TooLong, Final, None, "send one article per message", "每条消息只能有一篇图文";
    [45015] "reply window over", "回复时限已过", WindowClosed, Final, Some(Learned::WindowClosed),
        "wait until the customer writes again, or use a template message", "请等待用户再次发消息，或使用模板消息";
    [45047, 45093] "message count of this window used up", "本次互动可发送的消息条数已用完",
        QuotaExhausted, Final, Some(Learned::QuotaExhausted),
        "wait for the customer's next act; put several texts into one message", "请等待用户下一次互动；尽量将多条消息合并";
    [45064, 45086] "the mini-program is not linked to the account", "小程序未关联该公众号", UnsupportedPart, Final, None,
        "link it: console, 设置与开发 → 小程序管理 → 关联小程序", "请关联小程序：公众号后台 → 小程序管理 → 关联小程序";
    [45065, 45066, 45067] "client message id used before (mass send)", "clientmsgid已使用过（群发）",
        IdempotencyConflict, Final, None,
        "use a new id", "请使用新的clientmsgid";
    [45087, 48004] "the platform has blocked customer-service messages or this call", "平台已封禁客服消息或该接口",
        NotEntitled, Final, learns(Code::NotEntitled),
        "stop sending and read the notice: mp.weixin.qq.com, 通知中心", "请停止发送，登录mp.weixin.qq.com查看通知中心的处罚说明";
    [45094, 45501] "not allowed when the customer enters (penalty), or stopped by the platform's supervisor", "用户进入会话时禁止下发（处罚），或被平台管控停止",
        NotEntitled, Final, None,
        "read the notice: mp.weixin.qq.com, 通知中心", "请登录mp.weixin.qq.com查看通知中心";
    [45098, 45099] "menu too long", "菜单过长", TooLong, Final, None, "shorten the menu or its items", "请缩短菜单内容或选项";
    [46004] "user does not exist", "用户不存在", RecipientUnknown, Final, None,
        "check that this customer belongs to this account", "请确认该用户属于此公众号";
    [48001] "the account may not use this call", "该账号无权使用此接口", NotEntitled, Final, learns(Code::NotEntitled),
        "complete the verification (微信认证; accounts of individuals cannot): console, 设置与开发 → 公众号设置 → 微信认证; if bound by scanning, authorise again and tick 消息管理权限",
        "请完成微信认证（个人主体不支持）：公众号后台 → 设置与开发 → 公众号设置 → 微信认证；扫码授权的账号请重新授权并勾选消息管理权限";
    [48005] "material in use", "素材正在使用中",
        InvalidRequest, Final, None, "it cannot be deleted while it is used", "素材使用中，不能删除";
    [50002, 50004, 50007] "account limited, frozen or cancelled", "账号受限、被冻结或已注销",
        NotEntitled, Final, learns(Code::NotEntitled),
        "read the notice: mp.weixin.qq.com, 通知中心; stop sending until it is lifted", "请登录mp.weixin.qq.com查看通知中心；解除前请停止发送";
    [61007] "permission not granted to the third-party platform", "权限未授予第三方平台",
        ScopeNotGranted, Final, learns(Code::ScopeNotGranted),
        "authorise again by scanning and tick 消息管理权限", "请重新扫码授权并勾选消息管理权限";
    [61450] "agent accounts: system error", "客服账号：系统错误", PlatformDown, Retry, None, "nothing to do", "无需处理";
    [61401, 65414] "another agent of the platform serves the customer", "该用户正由平台上的另一位客服接待",
        SessionWithHuman, Final, None,
        "wait until that agent closes the session, or close it there", "请等待该客服结束会话，或在客服后台结束";
    [65413] "agent accounts: no session for this customer", "客服账号：该用户没有会话",
        SessionEnded, Final, None, "nothing is open", "该用户没有进行中的会话";
    [61400, 61451, 61452, 61453, 61454, 61455, 61456, 61457, 65401, 65402, 65403, 65404, 65405, 65406, 65407, 65408, 65409, 65410,
     65411, 65412, 65415, 65416, 65417] "agent account wrong, missing, offline or taken", "客服账号错误、不存在、不在线或已被占用",
        InvalidRequest, Final, None,
        "check `speaker` against the agents: console, 客服 → 客服账号 (prefix@alias)", "请核对speaker与客服账号：公众号后台 → 客服 → 客服账号（前缀@微信号）";
    [65400] "the platform's customer service is not enabled, or was a moment ago", "平台客服功能未开启，或刚刚才开启",
        NotEntitled, Final, None,
        "enable it: console, 功能 → 添加功能插件 → 客服功能, then wait a few minutes", "请开通：公众号后台 → 添加功能插件 → 客服功能，并等待几分钟";
}
