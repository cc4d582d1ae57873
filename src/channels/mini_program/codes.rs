//! Which code of ours is each error code of the platform, and what is to be done? The one table, from which the docs come.
//!
//! <https://developers.weixin.qq.com/doc/oplatform/developers/errCode/> and the pages of the calls. The numbers are those of
//! the official account; what is to be done about them is done in another console.

use crate::{
    channels::{
        common::codes::{learns, table, weixin},
        contract::Learned,
    },
    error::Code,
};

table! {
    and weixin::TABLE;
    [40003] "OpenID invalid, or of another mini-program", "OpenID无效，或属于其他小程序", RecipientUnknown, Final, None,
        "check that this customer belongs to this mini-program: a person has another OpenID in each account",
        "请确认该用户属于此小程序：同一用户在不同账号下的OpenID不同";
    [40004, 40005, 40137] "bad media or file type", "媒体或文件类型不合法", UnsupportedPart, Final, None,
        "convert the file: JPG, PNG or GIF; nothing else can be uploaded", "请转换为JPG、PNG或GIF图片；小程序只能上传图片";
    [40006, 40009, 40012, 45001] "file, image or thumbnail too large", "文件、图片或缩略图过大", MediaTooLarge, Final, None,
        "shrink the file, or send it as a link", "请压缩文件，或改为发送链接";
    [40008, 45050, 48008] "message type not known or not allowed for this account", "消息类型不存在，或该账号不可使用",
        UnsupportedPart, Final, None,
        "send a text, an image, a link or a page of the mini-program", "请改用文本、图片、图文链接或小程序卡片";
    [40013, 41002] "AppID invalid or missing", "AppID无效或缺失", BadAppId, Final, None,
        "correct app_id: console, 开发管理 → 开发设置 → AppID(小程序ID)", "请更正app_id：小程序后台 → 开发管理 → 开发设置 → AppID(小程序ID)";
    [40037] "template id invalid (subscribe message)", "模板ID无效（订阅消息）",
        InvalidRequest, Final, None, "correct the template id", "请更正模板ID";
    [40125, 41004] "AppSecret invalid or missing (some say: AppID)", "AppSecret无效或缺失（也有说法是AppID）",
        BadSecret, Final, None,
        "enter the current AppSecret, and check the AppID: console, 开发管理 → 开发设置 → AppSecret(小程序密钥)",
        "请填写当前的AppSecret，并核对AppID：小程序后台 → 开发管理 → 开发设置 → AppSecret(小程序密钥)";
    [40164] "our address is not in the IP list", "本服务器IP不在白名单中", IpNotAllowed, Final, None,
        "add our address to the list, or switch the list off: console, 开发管理 → 开发设置 → IP白名单",
        "请将本服务器IP加入白名单，或关闭白名单：小程序后台 → 开发管理 → 开发设置 → IP白名单";
    [89503, 89506, 89507] "calls from our address wait for the admin's consent, or were refused for 24 h or 1 h", "本服务器IP的调用等待管理员确认，或已被拒绝24小时或1小时",
        IpNotAllowed, Final, None,
        "the mini-program's admin confirms the request in the WeChat app, then add our address to IP白名单",
        "请小程序管理员在微信中确认该IP的调用请求，并将其加入IP白名单";
    [40243] "AppSecret frozen", "AppSecret已被冻结", BadSecret, Final, None,
        "unfreeze it: console, 开发管理 → 开发设置 → AppSecret(小程序密钥) → 解冻", "请解冻AppSecret：小程序后台 → 开发管理 → 开发设置 → AppSecret(小程序密钥) → 解冻";
    [41030] "page path wrong or not released", "页面路径错误，或页面未发布", InvalidRequest, Final, None,
        "correct the page path: it must stand in app.json of the released version", "请更正页面路径：须存在于已发布版本的app.json中";
    [42007] "the user changed the WeChat password: all tokens are dead", "用户修改了微信密码：所有令牌失效",
        NeedsReauth, Final, learns(Code::NeedsReauth),
        "ask the account's admin to authorise again", "请小程序管理员重新授权";
    [43004, 43005, 50005] "the customer has no relation to the account (follow relation; not documented for mini-programs)", "用户与该账号没有关注关系（小程序文档未说明）",
        RecipientUnknown, Final, None,
        "wait until the customer writes again", "请等待用户再次发消息";
    [43019] "the customer is on the account's blacklist", "用户在该公众号的黑名单中", RefusedByUser, Final, None,
        "take the customer off the blacklist: console, 用户管理 → 黑名单", "请将用户移出黑名单：小程序后台 → 用户管理 → 黑名单";
    [43101, 48002] "the customer refuses messages, or did not subscribe", "用户拒收消息，或未订阅", RefusedByUser, Final, None,
        "only the customer can allow them again", "只有用户本人能重新允许接收";
    [43107] "sending blocked for this template (subscribe message)", "该模板被限制下发（订阅消息）", NotEntitled, Final, None,
        "read the notice: console, 通知中心", "请登录小程序后台查看通知中心";
    [43108] "too many subscribe messages at the same time", "同时下发的订阅消息过多",
        RateLimited, Retry, None, "nothing to do: sent again", "无需处理：稍后自动重发";
    [45002, 45003, 45004, 45005, 45006] "text, title, description, link or picture link too long", "文字、标题、描述、链接或图片链接过长",
        TooLong, Final, None,
        "shorten it", "请缩短内容";
    [45015] "reply window over", "回复时限已过", WindowClosed, Final, Some(Learned::WindowClosed),
        "wait until the customer writes again, or use a subscribe message", "请等待用户再次发消息，或使用订阅消息";
    [45047, 45093] "message count of this window used up", "本次互动可发送的消息条数已用完",
        QuotaExhausted, Final, Some(Learned::QuotaExhausted),
        "wait for the customer's next message; put several texts into one message", "请等待用户下一条消息；尽量将多条消息合并";
    [45064, 45086] "the link or card names another mini-program", "链接或卡片指向其他小程序", UnsupportedPart, Final, None,
        "use pages of this very mini-program", "请使用本小程序自己的页面";
    [45087, 48004] "the platform has blocked customer-service messages or this call", "平台已封禁客服消息或该接口",
        NotEntitled, Final, learns(Code::NotEntitled),
        "stop sending and read the notice: console, 通知中心", "请停止发送，登录小程序后台查看通知中心的处罚说明";
    [45094, 45501] "not allowed when the customer enters (penalty), or stopped by the platform's supervisor", "用户进入会话时禁止下发（处罚），或被平台管控停止",
        NotEntitled, Final, None,
        "send nothing on entering until the penalty is over; read the notice: console, 通知中心", "处罚期内不要在用户进入会话时发送消息；请登录小程序后台查看通知中心";
    [46004] "user does not exist", "用户不存在", RecipientUnknown, Final, None,
        "check that this customer belongs to this mini-program", "请确认该用户属于此小程序";
    [47003] "a parameter of a template field is wrong (subscribe message)", "模板字段参数错误（订阅消息）",
        InvalidRequest, Final, None,
        "correct the field named in the message", "请更正错误信息中指出的字段";
    [48001] "the account may not use this call", "该账号无权使用此接口", NotEntitled, Final, learns(Code::NotEntitled),
        "check that the customer-service capability is not switched off: console, 功能 → 客服; if bound by scanning, authorise again and tick 客服消息管理权限",
        "请确认客服功能未被关闭：小程序后台 → 功能 → 客服；扫码授权的账号请重新授权并勾选客服消息管理权限";
    [50002, 50004, 50007] "account limited, frozen or cancelled", "账号受限、被冻结或已注销",
        NotEntitled, Final, learns(Code::NotEntitled),
        "read the notice: console, 通知中心; stop sending until it is lifted", "请登录小程序后台查看通知中心；解除前请停止发送";
    [61007] "permission not granted to the third-party platform", "权限未授予第三方平台",
        ScopeNotGranted, Final, learns(Code::ScopeNotGranted),
        "authorise again by scanning and tick 客服消息管理权限", "请重新扫码授权并勾选客服消息管理权限";
    [10130002, 10130030, 10130600, 10130601, 10130602, 10130603] "binding to 微信客服: bad parameter or corp id, account not allowed, other entity, or bound already", "绑定微信客服：参数或企业ID错误、账号不允许、主体不一致，或已绑定",
        InvalidRequest, Final, None,
        "bind it in the console: 功能 → 客服 → 绑定微信客服", "请在小程序后台绑定：功能 → 客服 → 绑定微信客服";
}
