//! Which error codes of `api.weixin.qq.com` mean the same whatever account asks? Every channel there adds its own.
//!
//! <https://developers.weixin.qq.com/doc/oplatform/developers/errCode/>

use super::{learns, table};
use crate::error::Code;

table! {
    [-1] "system busy", "系统繁忙", PlatformDown, Retry, None,
        "nothing to do; if it lasts over 5 minutes, look at the platform's notices",
        "无需处理；若持续超过5分钟，请查看微信平台公告";
    [40001, 40014, 42001] "token invalid, not the latest, or expired", "令牌无效、不是最新的，或已过期",
        TokenTakenElsewhere, Token, None,
        "if it persists, another system fetches tokens with the same AppSecret: give it ours, or set token_mode = \"stable\" on both sides",
        "若反复出现，说明有其他系统用同一AppSecret获取access_token：请让它向本系统取用，或双方都改用stable_token";
    [41001] "access_token missing", "缺少access_token", InvalidRequest, Token, None,
        "a fault of this software, or a proxy strips the query: check api_base", "软件故障，或代理去掉了查询参数：请检查api_base";
    [40002] "bad grant_type", "grant_type错误",
        InvalidRequest, Final, None, "a fault of this software: report it", "软件故障，请反馈";
    [40007] "media_id invalid, expired, or of another account", "media_id无效、已过期，或属于其他账号",
        MediaExpired, Upload, None,
        "send the medium by our handle or by url, so that it can be uploaded again", "请用媒体句柄或url发送，以便重新上传";
    [40033] "illegal characters (\\uXXXX)", "含有非法字符（\\uXXXX）", InvalidRequest, Final, None,
        "a fault of this software, or a native body with escaped characters", "软件故障，或原生消息体含有\\uXXXX转义字符";
    [40200] "account type not allowed", "账号类型不允许", NotEntitled, Final, None,
        "this kind of account may not use this call", "此类型的账号不能使用该接口";
    [41005, 41006] "media data or media_id missing", "缺少媒体数据或media_id", InvalidRequest, Final, None,
        "a fault of this software, or a native body without its medium", "软件故障，或原生消息体缺少媒体";
    [43002, 43003] "POST or HTTPS required", "须使用POST或HTTPS", InvalidRequest, Final, None,
        "check api_base: a proxy changes the request", "请检查api_base：代理改动了请求";
    [44002, 44004] "body or text empty", "请求体或文字为空",
        InvalidRequest, Final, None, "send a text that is not empty", "请发送非空内容";
    [45009] "daily quota of this call reached, until the next 00:00 Asia/Shanghai", "该接口当日调用次数已用完，北京时间次日0点恢复",
        RateLimited, Final, None,
        "wait until the next 00:00 Asia/Shanghai, or clear the quota (clear_quota, 10 times a month); look for a loop",
        "请等到北京时间次日00:00，或清零调用次数（每月10次）；并检查是否有死循环";
    [45011] "too many calls this minute", "本分钟调用次数过多",
        RateLimited, NextMinute, None, "nothing to do: sent again in the next minute", "无需处理：下一分钟自动重发";
    [45072] "typing: unknown command", "输入状态：未知指令",
        InvalidRequest, Final, None, "a fault of this software: report it", "软件故障，请反馈";
    [45080] "typing: no interaction within 30 s", "输入状态：30秒内没有互动", WindowClosed, Final, None,
        "nothing to do: the typing sign is left out", "无需处理：不显示输入状态";
    [45081] "typing: already shown", "输入状态：已在显示", RateLimited, Final, None, "nothing to do", "无需处理";
    [45168, 87014] "content breaks the rules or holds a forbidden word", "内容违规，或含有违禁词",
        ContentRejected, Final, None, "put it in other words", "请更换措辞";
    [47001, 47002] "JSON not readable, or not UTF-8", "JSON无法解析，或不是UTF-8", InvalidRequest, Final, None,
        "a fault of this software: report it", "软件故障，请反馈";
    [48006] "clear_quota used up this month", "本月clear_quota次数已用完",
        RateLimited, Final, None, "wait for the next month", "请等待下个月";
    [50001] "this call is not authorised", "该接口未授权", ScopeNotGranted, Final, None,
        "authorise again and tick the permission", "请重新授权并勾选相应权限";
    [61003] "the account has not authorised the open platform (any more)", "该账号没有授权（或已取消授权）给第三方平台",
        AccountRevoked, Final, learns(Code::AccountRevoked),
        "ask the account's admin to scan a new bind link", "请账号管理员用新的绑定链接重新扫码授权";
    [61004] "our address is not in the open platform's IP list", "本服务器IP不在第三方平台的白名单中", IpNotAllowed, Final, None,
        "add our address: open.weixin.qq.com, 管理中心 → 第三方平台 → 开发资料 → 白名单IP地址列表", "请将本服务器IP加入：open.weixin.qq.com，管理中心 → 第三方平台 → 开发资料 → 白名单IP地址列表";
    [61023] "refresh token dead", "刷新令牌已失效", NeedsReauth, Final, learns(Code::NeedsReauth),
        "ask the account's admin to scan a new bind link", "请账号管理员用新的绑定链接重新扫码授权";
    [70000] "sending restricted for the protection of minors", "因未成年人保护限制下发",
        RefusedByUser, Final, None, "nothing may be sent to this customer", "不能向该用户发送消息";
    [76001, 76002, 76003, 76004, 76021, 76022] "quota and rid queries: bad path or rid, not found, not supported", "额度与rid查询：路径或rid错误、未找到或不支持",
        InvalidRequest, Final, None,
        "a fault of this software: report it", "软件故障，请反馈";
}
