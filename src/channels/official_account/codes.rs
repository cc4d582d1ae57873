//! Which code of ours is each error code of the platform, and what is to be done? The one table, from which the docs come.
//!
//! <https://developers.weixin.qq.com/doc/oplatform/developers/errCode/> and the pages of the calls. Codes are keyed by
//! channel: other platforms use the same numbers for other things.

use crate::{
    channels::{
        common::codes::{learns, table},
        contract::Learned,
    },
    error::Code,
};

table! {
    [-1] "system busy", PlatformDown, Retry, None,
        "nothing to do; if it lasts over 5 minutes, look at the platform's notices",
        "无需处理；若持续超过5分钟，请查看微信平台公告";
    [40001, 40014, 42001] "token invalid, not the latest, or expired", TokenTakenElsewhere, Token, None,
        "if it persists, another system fetches tokens with the same AppSecret: give it ours, or set token_mode = \"stable\" on both sides",
        "若反复出现，说明有其他系统用同一AppSecret获取access_token：请让它向本系统取用，或双方都改用stable_token";
    [41001] "access_token missing", InvalidRequest, Token, None,
        "a fault of this software, or a proxy strips the query: check api_base", "软件故障，或代理去掉了查询参数：请检查api_base";
    [40002] "bad grant_type", InvalidRequest, Final, None, "a fault of this software: report it", "软件故障，请反馈";
    [40003] "OpenID invalid, or of another account", RecipientUnknown, Final, None,
        "check that this customer belongs to this account", "请确认该用户属于此公众号";
    [40004, 40005] "bad media or file type", UnsupportedPart, Final, None,
        "convert the file: images JPG, PNG or GIF, voice AMR or MP3, video MP4", "请转换文件格式：图片JPG/PNG/GIF，语音AMR/MP3，视频MP4";
    [40006, 40009, 40010, 40011, 40012, 45001] "file, image, voice, video or thumbnail too large", MediaTooLarge, Final, None,
        "shrink the file, or send it as a link", "请压缩文件，或改为发送链接";
    [40007] "media_id invalid, expired, or of another account", MediaExpired, Upload, None,
        "send the medium by our handle or by url, so that it can be uploaded again", "请用媒体句柄或url发送，以便重新上传";
    [40008, 45050, 48008] "message type not known or not allowed for this account", UnsupportedPart, Final, None,
        "send another kind of message", "请改用其他消息类型";
    [40013, 41002] "AppID invalid or missing", BadAppId, Final, None,
        "correct app_id: console, 设置与开发 → 基本配置 → 开发者ID(AppID)", "请更正app_id：公众号后台 → 设置与开发 → 基本配置 → 开发者ID(AppID)";
    [40033] "illegal characters (\\uXXXX)", InvalidRequest, Final, None,
        "a fault of this software, or a native body with escaped characters", "软件故障，或原生消息体含有\\uXXXX转义字符";
    [40125, 41004] "AppSecret invalid or missing (some say: AppID)", BadSecret, Final, None,
        "enter the current AppSecret, and check the AppID: console, 设置与开发 → 基本配置 → 开发者密码(AppSecret)",
        "请填写当前的AppSecret，并核对AppID：公众号后台 → 设置与开发 → 基本配置 → 开发者密码(AppSecret)";
    [40132] "WeChat id invalid", InvalidRequest, Final, None, "correct the WeChat id", "请更正微信号";
    [40137] "image format not supported", UnsupportedPart, Final, None, "send JPG, PNG or GIF", "请发送JPG、PNG或GIF图片";
    [40164] "our address is not in the IP list", IpNotAllowed, Final, None,
        "add our address to the list: console, 设置与开发 → 基本配置 → IP白名单",
        "请将本服务器IP加入白名单：公众号后台 → 设置与开发 → 基本配置 → IP白名单";
    [89503, 89506, 89507] "calls from our address wait for the admin's consent, or were refused for 24 h or 1 h", IpNotAllowed, Final, None,
        "the account's admin confirms the request in the WeChat app, then add our address to IP白名单",
        "请公众号管理员在微信中确认该IP的调用请求，并将其加入IP白名单";
    [40200] "account type not allowed", NotEntitled, Final, None,
        "this kind of account may not use this call", "此类型的账号不能使用该接口";
    [40201, 40202, 40203] "callback check: no URL set, bad action, bad operator", InvalidRequest, Final, None,
        "enter the callback URL: console, 设置与开发 → 基本配置 → 服务器配置", "请填写回调URL：公众号后台 → 设置与开发 → 基本配置 → 服务器配置";
    [40243] "AppSecret frozen", BadSecret, Final, None,
        "unfreeze it: console, 设置与开发 → 基本配置 → 开发者密码(AppSecret) → 解冻", "请解冻AppSecret：公众号后台 → 设置与开发 → 基本配置 → 开发者密码(AppSecret) → 解冻";
    [41005, 41006] "media data or media_id missing", InvalidRequest, Final, None,
        "a fault of this software, or a native body without its medium", "软件故障，或原生消息体缺少媒体";
    [42007] "the user changed the WeChat password: all tokens are dead", NeedsReauth, Final, learns(Code::NeedsReauth),
        "ask the account's admin to authorise again", "请公众号管理员重新授权";
    [43002, 43003] "POST or HTTPS required", InvalidRequest, Final, None,
        "check api_base: a proxy changes the request", "请检查api_base：代理改动了请求";
    [43004, 43005, 50005] "the customer does not follow the account", Unsubscribed, Final, Some(Learned::Unfollowed),
        "wait until the customer follows again", "请等待用户重新关注";
    [43019] "the customer is on the account's blacklist", RefusedByUser, Final, None,
        "take the customer off the blacklist: console, 用户管理 → 黑名单", "请将用户移出黑名单：公众号后台 → 用户管理 → 黑名单";
    [43101, 48002] "the customer refuses messages", RefusedByUser, Final, None,
        "only the customer can allow them again: account page, 接收消息", "只有用户本人能在公众号资料页重新打开“接收消息”";
    [44002, 44004] "body or text empty", InvalidRequest, Final, None, "send a text that is not empty", "请发送非空内容";
    [45002, 45003, 45004, 45005, 45006, 45007] "text, title, description, link, picture link or voice too long", TooLong, Final, None,
        "shorten it", "请缩短内容";
    [45008] "too many articles", TooLong, Final, None, "send one article per message", "每条消息只能有一篇图文";
    [45009] "daily quota of this call reached, until the next 00:00 Asia/Shanghai", RateLimited, Final, None,
        "wait until the next 00:00 Asia/Shanghai, or clear the quota (clear_quota, 10 times a month); look for a loop",
        "请等到北京时间次日00:00，或清零调用次数（每月10次）；并检查是否有死循环";
    [45011] "too many calls this minute", RateLimited, Retry, None, "nothing to do: sent again in the next minute", "无需处理：下一分钟自动重发";
    [45015] "reply window over", WindowClosed, Final, Some(Learned::WindowClosed),
        "wait until the customer writes again, or use a template message", "请等待用户再次发消息，或使用模板消息";
    [45047, 45093] "message count of this window used up", QuotaExhausted, Final, Some(Learned::QuotaExhausted),
        "wait for the customer's next act; put several texts into one message", "请等待用户下一次互动；尽量将多条消息合并";
    [45064, 45086] "the mini-program is not linked to the account", UnsupportedPart, Final, None,
        "link it: console, 设置与开发 → 小程序管理 → 关联小程序", "请关联小程序：公众号后台 → 小程序管理 → 关联小程序";
    [45065, 45066, 45067] "client message id used before (mass send)", IdempotencyConflict, Final, None,
        "use a new id", "请使用新的clientmsgid";
    [45072] "typing: unknown command", InvalidRequest, Final, None, "a fault of this software: report it", "软件故障，请反馈";
    [45080] "typing: no interaction within 30 s", WindowClosed, Final, None,
        "nothing to do: the typing sign is left out", "无需处理：不显示输入状态";
    [45081] "typing: already shown", RateLimited, Final, None, "nothing to do", "无需处理";
    [45087, 48004] "the platform has blocked customer-service messages or this call", NotEntitled, Final, learns(Code::NotEntitled),
        "stop sending and read the notice: mp.weixin.qq.com, 通知中心", "请停止发送，登录mp.weixin.qq.com查看通知中心的处罚说明";
    [45094, 45501] "not allowed when the customer enters (penalty), or stopped by the platform's supervisor", NotEntitled, Final, None,
        "read the notice: mp.weixin.qq.com, 通知中心", "请登录mp.weixin.qq.com查看通知中心";
    [45098, 45099] "menu too long", TooLong, Final, None, "shorten the menu or its items", "请缩短菜单内容或选项";
    [45168, 87014] "content breaks the rules or holds a forbidden word", ContentRejected, Final, None, "put it in other words", "请更换措辞";
    [46004] "user does not exist", RecipientUnknown, Final, None,
        "check that this customer belongs to this account", "请确认该用户属于此公众号";
    [47001, 47002] "JSON not readable, or not UTF-8", InvalidRequest, Final, None,
        "a fault of this software: report it", "软件故障，请反馈";
    [48001] "the account may not use this call", NotEntitled, Final, learns(Code::NotEntitled),
        "complete the verification (微信认证; accounts of individuals cannot): console, 设置与开发 → 公众号设置 → 微信认证; if bound by scanning, authorise again and tick 消息管理权限",
        "请完成微信认证（个人主体不支持）：公众号后台 → 设置与开发 → 公众号设置 → 微信认证；扫码授权的账号请重新授权并勾选消息管理权限";
    [48005] "material in use", InvalidRequest, Final, None, "it cannot be deleted while it is used", "素材使用中，不能删除";
    [48006] "clear_quota used up this month", RateLimited, Final, None, "wait for the next month", "请等待下个月";
    [50001] "this call is not authorised", ScopeNotGranted, Final, None,
        "authorise again and tick the permission", "请重新授权并勾选相应权限";
    [50002, 50004, 50007] "account limited, frozen or cancelled", NotEntitled, Final, learns(Code::NotEntitled),
        "read the notice: mp.weixin.qq.com, 通知中心; stop sending until it is lifted", "请登录mp.weixin.qq.com查看通知中心；解除前请停止发送";
    [61007] "permission not granted to the third-party platform", ScopeNotGranted, Final, learns(Code::ScopeNotGranted),
        "authorise again by scanning and tick 消息管理权限", "请重新扫码授权并勾选消息管理权限";
    [61450] "agent accounts: system error", PlatformDown, Retry, None, "nothing to do", "无需处理";
    [61401, 65414] "another agent of the platform serves the customer", SessionWithHuman, Final, None,
        "wait until that agent closes the session, or close it there", "请等待该客服结束会话，或在客服后台结束";
    [65413] "agent accounts: no session for this customer", SessionEnded, Final, None, "nothing is open", "该用户没有进行中的会话";
    [61400, 61451, 61452, 61453, 61454, 61455, 61456, 61457, 65401, 65402, 65403, 65404, 65405, 65406, 65407, 65408, 65409, 65410,
     65411, 65412, 65415, 65416, 65417] "agent account wrong, missing, offline or taken", InvalidRequest, Final, None,
        "check `speaker` against the agents: console, 客服 → 客服账号 (prefix@alias)", "请核对speaker与客服账号：公众号后台 → 客服 → 客服账号（前缀@微信号）";
    [65400] "the platform's customer service is not enabled, or was a moment ago", NotEntitled, Final, None,
        "enable it: console, 功能 → 添加功能插件 → 客服功能, then wait a few minutes", "请开通：公众号后台 → 添加功能插件 → 客服功能，并等待几分钟";
    [70000] "sending restricted for the protection of minors", RefusedByUser, Final, None, "nothing may be sent to this customer", "不能向该用户发送消息";
    [76001, 76002, 76003, 76004, 76021, 76022] "quota and rid queries: bad path or rid, not found, not supported", InvalidRequest, Final, None,
        "a fault of this software: report it", "软件故障，请反馈";
}
