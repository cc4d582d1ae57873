//! Which code of ours is each error code of WeCom, and what is to be done? The one table, from which the docs come.
//!
//! <https://developer.work.weixin.qq.com/document/path/90313>. Codes are keyed by channel: the same numbers mean other
//! things elsewhere. Those of WeChat customer service stand in that channel's table.

use crate::{
    channels::common::codes::{learns, table},
    error::Code,
};

table! {
    [-1] "system busy", "系统繁忙",
        PlatformDown, Retry, None, "nothing to do; if it lasts, look at WeCom's notices", "无需处理；若持续出现，请查看企业微信公告";
    [6000] "the data was changed by somebody else meanwhile", "数据已同时被他人修改",
        PlatformDown, Retry, None, "nothing to do: tried again", "无需处理：自动重试";
    [40001, 40091] "Secret wrong, of another enterprise, or the application is disabled", "Secret错误、属于其他企业，或应用已停用",
        BadSecret, Final, None,
        "enter the application's current Secret and check corp_id: admin console, 应用管理 → the application → Secret; wrong Secrets block our address for an hour",
        "请填写该应用当前的Secret，并核对企业ID：管理后台 → 应用管理 → 应用详情 → Secret；多次使用错误的Secret会使本机IP被封禁1小时";
    [40014, 42001] "access_token invalid or expired", "access_token无效或已过期", TokenTakenElsewhere, Token, None,
        "if it persists, the Secret was reset, or api_base leads elsewhere", "若反复出现，请核对Secret是否已重置，以及api_base是否正确";
    [41001] "access_token missing", "缺少access_token", InvalidRequest, Token, None,
        "a fault of this software, or a proxy strips the query: check api_base", "软件故障，或代理去掉了查询参数：请检查api_base";
    [40003, 40031, 46004, 60111] "no such userid", "userid不存在", RecipientUnknown, Final, None,
        "check the member in the directory (通讯录): left, or another userid", "请在通讯录核对该成员：可能已离职或userid已变更";
    [81013] "the member cannot be reached: outside the visible range, or without a licence", "无法送达该成员：不在可见范围内，或没有接口许可",
        RecipientUnknown, Final, None,
        "add the member to the visible range: admin console, 应用管理 → the application → 可见范围; look at 接口许可", "请把成员加入可见范围：管理后台 → 应用管理 → 应用详情 → 可见范围；并检查接口许可";
    [50002, 60011, 60021] "the member is outside the application's visible range", "该成员不在应用的可见范围内",
        RecipientUnknown, Final, None,
        "add the member to the visible range: admin console, 应用管理 → the application → 可见范围", "请把成员加入可见范围：管理后台 → 应用管理 → 应用详情 → 可见范围";
    [40004, 40005] "bad media or file type", "媒体或文件类型不合法", UnsupportedPart, Final, None,
        "convert the file: images JPG or PNG, voice AMR, video MP4", "请转换文件格式：图片JPG/PNG，语音AMR，视频MP4";
    [40006, 40009, 40010, 40011, 45001] "file, image, voice or video too large, or under 5 bytes", "文件、图片、语音或视频过大，或小于5字节",
        MediaTooLarge, Final, None,
        "shrink the file, or send it as a link", "请压缩文件，或改为发送链接";
    [40007] "media_id invalid, expired, or of another enterprise", "media_id无效、已过期，或属于其他企业",
        MediaExpired, Upload, None,
        "send the medium by our handle or by url, so that it can be uploaded again", "请用媒体句柄或url发送，以便重新上传";
    [40008] "message type not known", "消息类型不存在",
        UnsupportedPart, Final, None, "send another kind of message", "请改用其他消息类型";
    [40013] "CorpID invalid", "企业ID无效", BadAppId, Final, None,
        "correct corp_id: admin console, 我的企业 → 企业信息 → 企业ID", "请更正企业ID：管理后台 → 我的企业 → 企业信息 → 企业ID";
    [40056, 41011, 301002] "AgentId wrong, missing, or not that of this Secret", "AgentId错误、缺失，或与Secret不对应",
        BadAppId, Final, None,
        "correct agent_id: it and the Secret stand on the same page, admin console, 应用管理 → the application", "请更正agent_id：须与Secret来自同一应用，见管理后台 → 应用管理 → 应用详情";
    [40032, 82002, 82003] "too many recipients", "接收人过多",
        InvalidRequest, Final, None, "a fault of this software: report it", "软件故障，请反馈";
    [82001] "no recipient", "没有接收人", InvalidRequest, Final, None, "a fault of this software: report it", "软件故障，请反馈";
    [40033] "illegal characters (\\uXXXX)", "含有非法字符（\\uXXXX）", InvalidRequest, Final, None,
        "a fault of this software, or a native body with escaped characters", "软件故障，或原生消息体含有\\uXXXX转义字符";
    [40035, 40058, 40063, 40066, 47001] "parameter or address of the call wrong or missing, or JSON not readable", "接口参数或地址错误、缺失，或JSON无法解析",
        InvalidRequest, Final, None,
        "read the platform's words: they name the field", "请查看平台返回的说明，其中指出了有误的字段";
    [40050, 86001, 86003, 86008] "chat unknown, or of another application", "群聊不存在，或属于其他应用",
        RecipientUnknown, Final, None, "check the chat's id", "请核对群聊ID";
    [40078] "authorisation code used or expired", "授权码已使用或已过期",
        NeedsReauth, Final, None, "authorise again", "请重新授权";
    [40082, 42009] "suite token invalid or expired", "suite_access_token无效或已过期",
        NeedsReauth, Final, None, "self-built applications have none: check the Secret", "自建应用不使用该凭证：请核对Secret";
    [40084, 41025, 48004] "the authorisation is gone", "授权已失效",
        NeedsReauth, Final, learns(Code::NeedsReauth), "authorise again", "请重新授权";
    [40085] "suite_ticket expired", "suite_ticket已过期",
        NeedsReauth, Final, None, "self-built applications have none: check the Secret", "自建应用不使用该凭证：请核对Secret";
    [40096] "this external_userid is not of this caller", "该external_userid不属于当前调用方", RecipientUnknown, Final, None,
        "check that the contact belongs to this enterprise, and is within the application's range", "请确认该外部联系人属于本企业，且在应用可见范围内";
    [40201, 82004] "content rejected", "内容被拒绝", ContentRejected, Final, None, "put it in other words", "请更换措辞";
    [41050] "welcome code invalid or expired", "welcome_code无效或已过期",
        Expired, Final, None, "answer within 20 s of the contact's arrival", "请在客户添加后20秒内发送欢迎语";
    [41051] "the chat has begun, or was welcomed", "聊天已开始，或欢迎语已发送",
        WindowClosed, Final, None, "nothing to do: the contact was greeted already", "无需处理：客户已收到欢迎语或已开始聊天";
    [41053] "the contact has not consented to archiving", "客户未同意会话存档",
        RefusedByUser, Final, None, "wait for the contact's consent", "请等待客户同意存档";
    [41096] "another application sends the welcome right now", "其他应用正在发送欢迎语", RateLimited, Retry, None,
        "nothing to do: tried again; give only one application the contacts' range", "无需处理：自动重试；建议只让一个应用负责欢迎语";
    [42014, 42015, 42016, 42017] "the card's task id, key or application does not fit", "卡片的任务ID、按钮key或应用不匹配",
        InvalidRequest, Final, None,
        "use a task id once per application, and change a card only where it was sent", "task_id在应用内不可重复；只能更新本应用发送的卡片";
    [42027, 42028, 42029, 42030, 42031, 42032, 42033, 42034, 42035, 42036, 42037, 42038, 42039, 42040, 42041, 42042, 42043,
     42044, 42045, 42046, 42047, 42048, 42049, 42050, 42051] "a field of the template card is wrong", "模板卡片的字段有误",
        InvalidRequest, Final, None,
        "read the platform's words: they name the field", "请查看平台返回的说明，其中指出了有误的字段";
    [42052] "over 24 hours old: it cannot be taken back any more", "已超过24小时，不能再撤回",
        Expired, Final, None, "send a correction instead", "已超过24小时，无法撤回：请另发更正";
    [43009] "the enterprise is not verified", "企业未认证", NotEntitled, Final, learns(Code::NotEntitled),
        "verify the enterprise: admin console, 我的企业 → 企业信息 → 企业认证", "请完成企业认证：管理后台 → 我的企业 → 企业信息";
    [43012] "the application has no callback URL", "应用未设置回调URL", InvalidRequest, Final, None,
        "enter it: admin console, 应用管理 → the application → 接收消息 → 设置API接收", "请设置接收消息：管理后台 → 应用管理 → 应用详情 → 接收消息 → 设置API接收";
    [41006, 44001, 44003, 44004] "media, articles or text empty or missing", "媒体、图文或文字为空或缺失",
        InvalidRequest, Final, None, "send something that is not empty", "请发送非空内容";
    [45002, 45007, 45008] "text, voice or articles too long", "文字、语音或图文过长",
        TooLong, Final, None, "shorten it", "请缩短内容";
    [45009] "called too often", "调用过于频繁", RateLimited, Blocked, None,
        "nothing to do: again after a minute; if it lasts, look for a loop and at the block: open.work.weixin.qq.com → 频率限制解封", "无需处理：一分钟后重试；若持续出现，请检查是否有死循环，并在开发者中心自助解封";
    [45029] "the answer would be too large", "返回内容过大",
        InvalidRequest, Final, None, "a fault of this software: report it", "软件故障，请反馈";
    [45033] "too many calls at the same time", "并发调用过多",
        RateLimited, Retry, None, "nothing to do: tried again", "无需处理：自动重试";
    [48001] "the application may not use this call", "该应用无权使用此接口", NotEntitled, Final, learns(Code::NotEntitled),
        "let the admin grant it: admin console, 应用管理 → the application", "请管理员授予该接口权限：管理后台 → 应用管理 → 应用详情";
    [48002] "the call is not opened to this application", "该接口未对此应用开放",
        ScopeNotGranted, Final, learns(Code::ScopeNotGranted),
        "add the application to 可调用接口的应用 of 客户联系 or 微信客服 in the admin console", "请在管理后台“客户联系”或“微信客服”的“可调用接口的应用”中添加本应用";
    [48005] "the call was retired", "接口已下线", InvalidRequest, Final, None, "update wxbridge", "请升级wxbridge";
    [48006] "suspended, because the application was not used for long", "应用长期未使用，已被暂停",
        NotEntitled, Final, learns(Code::NotEntitled),
        "let the admin enable it again: admin console, 应用管理 → the application", "请管理员重新启用：管理后台 → 应用管理 → 应用详情";
    [48007] "the kf account is not given to this application", "该客服账号未授权给此应用", ScopeNotGranted, Final, None,
        "give it: admin console, 微信客服 → 权限管理", "请授权：管理后台 → 微信客服 → 权限管理";
    [50003, 50006] "the application is disabled", "应用已停用", NotEntitled, Final, learns(Code::NotEntitled),
        "enable it: admin console, 应用管理 → the application", "请启用应用：管理后台 → 应用管理 → 应用详情";
    [60020] "our address is not a trusted one", "本服务器IP不是可信IP", IpNotAllowed, Final, None,
        "add our address: admin console, 应用管理 → the application → 企业可信IP; it works a minute later",
        "请添加本服务器IP：管理后台 → 应用管理 → 应用详情 → 企业可信IP，约1分钟后生效";
    [84061, 84084] "not a contact of this member", "不是该成员的客户",
        RecipientUnknown, Final, None, "the two are no contacts any more", "双方已不是联系人";
    [90206, 90207, 90208] "the mini-program is not linked to the application", "小程序未关联该应用", UnsupportedPart, Final, None,
        "link it: admin console, 应用管理 → 小程序 → 关联小程序", "请关联小程序：管理后台 → 应用管理 → 小程序 → 关联小程序";
    [93000, 93004, 93008] "group webhook gone, disabled, or not in the group", "群机器人webhook已失效、被停用，或不在群中",
        RecipientUnknown, Final, None, "make a new webhook", "请新建群机器人";
    [830002] "files over 20 MB come in ranges", "超过20MB的文件须分段获取",
        InvalidRequest, Final, None, "a fault of this software: report it", "软件故障，请反馈";
    [846605, 846608] "AI bot: the request or stream is over", "智能机器人：请求或流已结束",
        Expired, Final, None, "send a new message", "请发送新消息";
    [846607] "AI bot: too many messages", "智能机器人：消息过多",
        RateLimited, Blocked, None, "nothing to do: tried again", "无需处理：自动重试";
    [846609] "AI bot: not subscribed", "智能机器人：未订阅",
        PlatformDown, Retry, None, "nothing to do: tried again", "无需处理：自动重试";
}
