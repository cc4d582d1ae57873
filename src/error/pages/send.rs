//! Why a message did not reach the customer. One page per code; `page` in the module above finds them.

use super::{super::Code, Page};

pub(super) static PAGES: &[(Code, Page)] = &[
    (
        Code::WindowClosed,
        Page {
            cause_en: "The time in which the platform lets us write to this customer is over (45015): 48 hours after a message, one minute after a menu click, a scan or a follow. Nothing can be sent until the customer acts again.",
            remedy_en: "Wait for the customer, or send with noAllowance = HOLD_FOR_CUSTOMER, which keeps the message until then. Outside the window only template or subscription messages reach them: mp.weixin.qq.com → 广告与服务 → 模板消息 / 订阅通知.",
            cause_zh: "可向该用户发消息的时间已过（45015）：用户发消息后48小时，点击菜单、扫码或关注后1分钟。用户再次互动前无法发送。",
            remedy_zh: "请等待用户，或以noAllowance = HOLD_FOR_CUSTOMER发送，消息会保留到用户再次互动。窗口外只能用模板消息或订阅通知：公众号后台 → 广告与服务 → 模板消息／订阅通知。",
        },
    ),
    (
        Code::QuotaExhausted,
        Page {
            cause_en: "The count of messages that the platform allows after one act of the customer is used up (45047): five after a message, three after a menu click, a scan or a follow. Other systems that write to the customer count too.",
            remedy_en: "Wait for the customer's next act, or send with noAllowance = HOLD_FOR_CUSTOMER. Put several texts into one message. Figures that have changed are set per account under quotas. Which other systems write: the console of the platform, on an official account mp.weixin.qq.com → 设置与开发 → 公众号设置 → 授权管理, for WeChat customer service 微信客服 → API → 可调用接口的应用.",
            cause_zh: "用户一次互动后可发送的条数已用完（45047）：用户发消息后5条，点击菜单、扫码或关注后3条；其他系统发送的也计算在内。",
            remedy_zh: "请等待用户下一次互动，或以noAllowance = HOLD_FOR_CUSTOMER发送；尽量把多条合并为一条。平台调整数额时可在账号的quotas中设置。其他可发消息的系统见：公众号后台 → 设置与开发 → 公众号设置 → 授权管理；微信客服见管理后台 → 微信客服 → API → 可调用接口的应用。",
        },
    ),
    (
        Code::Unsubscribed,
        Page {
            cause_en: "The customer does not follow the account, or no longer does (43004). Nothing can be sent.",
            remedy_en: "Nothing can be done until the customer follows again. The platform asks that personal data of people who left be deleted.",
            cause_zh: "用户未关注或已取消关注（43004），无法发送。",
            remedy_zh: "用户重新关注之前无法处理。平台要求删除已取消关注用户的个人数据。",
        },
    ),
    (
        Code::RefusedByUser,
        Page {
            cause_en: "The customer has switched messages off (48002), has refused this kind (43101), stands on the account's blacklist (43019), or is protected as a minor.",
            remedy_en: "Only the customer can allow messages again, on the account's page in WeChat: 右上角 → 设置 → 接收消息. The blacklist stands at mp.weixin.qq.com → 用户管理 → 黑名单.",
            cause_zh: "用户关闭了接收消息（48002）、拒收此类消息（43101）、在公众号黑名单中（43019），或受未成年人保护限制。",
            remedy_zh: "只有用户本人能在微信公众号资料页 → 右上角设置 → 接收消息 中重新打开。黑名单见：公众号后台 → 用户管理 → 黑名单。",
        },
    ),
    (
        Code::SessionWithHuman,
        Page {
            cause_en: "An agent of the platform has the customer. On official accounts and mini-programs (多客服) the platform gives us none of the customer's messages as long as that lasts (up to 30 minutes). On WeChat customer service the messages still come, and only the agent may write (95018); a session that waits in the queue counts as theirs.",
            remedy_en: "GET /v1/conversations/{key} shows who holds it; wait until that agent ends the session. Official accounts and mini-programs: it can be closed at mpkf.weixin.qq.com, with platform_agents = \"allow\" by the session order TAKE too; if nobody is meant to work there, remove the agents: mp.weixin.qq.com → 功能 → 客服功能 → 客服账号管理. WeChat customer service: TAKE does not reach a session that an agent has; the agent ends it in WeCom, or the core by the session order END.",
            cause_zh: "用户正由平台的客服人员接待。公众号和小程序（多客服）：期间消息不会推送给我们（最长30分钟）。微信客服：消息仍会推送，但只有该接待人员可以发言（95018）；在待接入池中排队也视为由其接待。",
            remedy_zh: "GET /v1/conversations/{key} 显示由谁接待；请等待该客服结束会话。公众号和小程序：可在mpkf.weixin.qq.com结束；platform_agents = \"allow\"时，核心系统也可发送TAKE指令；若不使用多客服，请删除客服：公众号后台 → 功能 → 客服功能 → 客服账号管理。微信客服：TAKE不能取回人工接待中的会话；由接待人员在企业微信中结束，或由核心系统发送END指令。",
        },
    ),
    (
        Code::SessionEnded,
        Page {
            cause_en: "The conversation has been ended, on the platform or by the core, before this message could go.",
            remedy_en: "Nothing is to be done: a new message of the customer opens a new session.",
            cause_zh: "消息发出之前，会话已在平台或由核心系统结束。",
            remedy_zh: "无需处理：用户再次发消息会开启新会话。",
        },
    ),
    (
        Code::UnsupportedPart,
        Page {
            cause_en: "The channel has no form for this part on the road that is open, or the core forbade the way down (degrade = REFUSE or LOSSLESS_ONLY). The result names the part and the reason.",
            remedy_en: "Look the part up in docs/parts.md and in the page of the channel beside it, send another kind, or allow the degradation. For mini-program cards (45064) link the mini-program, on an official account: mp.weixin.qq.com → 广告与服务 → 小程序管理 → 添加 → 关联小程序.",
            cause_zh: "在当前通道上没有该消息类型的表现形式，或核心系统不允许降级（degrade = REFUSE 或 LOSSLESS_ONLY）。结果中写明了类型与原因。",
            remedy_zh: "请查阅docs/parts.md及其旁的各渠道页面，改用其他类型，或允许降级。小程序卡片（45064）请先关联小程序，公众号见：公众号后台 → 广告与服务 → 小程序管理 → 添加 → 关联小程序。",
        },
    ),
    (
        Code::NotQuotable,
        Page {
            cause_en: "The message that is to be quoted is a card, a menu or a welcome: the platform shows no such quotes and there are no words to write into the text.",
            remedy_en: "Send without the quote, or quote a text.",
            cause_zh: "被引用的消息是卡片、菜单或欢迎语，无法引用，也没有可写入正文的文字。",
            remedy_zh: "请去掉引用再发送，或引用一条文本消息。",
        },
    ),
    (
        Code::TooLong,
        Page {
            cause_en: "A text, title, description, link or menu is longer than the platform takes, or has to be cut to fit the one passive answer and the core forbade cutting.",
            remedy_en: "Shorten it. A text may have 2048 bytes per message (limits.text_bytes), about 680 Chinese characters; longer ones are split only where the API may be used (mp.weixin.qq.com → 设置与开发 → 接口权限 → 客服接口).",
            cause_zh: "文本、标题、描述、链接或菜单超过平台限制；或只能通过一条被动回复发送而核心系统不允许截断。",
            remedy_zh: "请缩短内容。单条文本上限2048字节（limits.text_bytes），约680个汉字；只有拥有客服接口权限时才能自动拆分（公众号后台 → 设置与开发 → 接口权限 → 客服接口）。",
        },
    ),
    (
        Code::MediaTooLarge,
        Page {
            cause_en: "The file is larger than the platform takes: images 10 MB, voice 2 MB and 60 s, video 10 MB, thumbnails 64 KB. A link could not be made either, because no public address for media is set.",
            remedy_en: "Shrink the file, or set [public] urls or media_url, so that customers get a signed link instead.",
            cause_zh: "文件超过平台上限：图片10 MB、语音2 MB且60秒、视频10 MB、缩略图64 KB；且未配置对外的媒体地址，无法改发链接。",
            remedy_zh: "请压缩文件，或配置[public]的urls或media_url，系统会改发签名链接。",
        },
    ),
    (
        Code::MediaExpired,
        Page {
            cause_en: "The medium is gone: temporary media live three days on the platform, and ours no longer than [retention] media.",
            remedy_en: "Send the file again: POST /v1/media gives a new handle. Or raise [retention] media. Never store the platform's media_id, always the handle.",
            cause_zh: "媒体已失效：平台临时素材仅保留3天，本系统按[retention] media保留。",
            remedy_zh: "请重新上传（POST /v1/media 取得新句柄）再发送，或调大[retention] media。请保存句柄而不是平台的media_id。",
        },
    ),
    (
        Code::ContentRejected,
        Page {
            cause_en: "The platform found words or pictures that break its rules (87014, 45168).",
            remedy_en: "Put it in other words, and stop repeating it: repeated offences are punished. Notices stand at mp.weixin.qq.com → 通知中心.",
            cause_zh: "平台认为内容违规（87014、45168）。",
            remedy_zh: "请更换措辞，不要重复发送，屡次违规会被处罚。通知见：公众号后台 → 通知中心。",
        },
    ),
    (
        Code::RateLimited,
        Page {
            cause_en: "Too many calls: per minute (45011), which is tried again by itself, or per day (45009), which ends at 00:00 Asia/Shanghai.",
            remedy_en: "For a daily limit wait until then, or clear it: mp.weixin.qq.com → 设置与开发 → 接口权限 → 清零 (10 times a month). Then look for a loop: a robot that answers itself, or another system with the same account.",
            cause_zh: "调用过于频繁：每分钟限制（45011）会自动重试；每日限制（45009）到北京时间00:00解除。",
            remedy_zh: "每日限制请等待次日00:00，或清零：公众号后台 → 设置与开发 → 接口权限 → 清零（每月10次）。并检查是否有死循环（机器人自问自答）或其他系统共用该账号。",
        },
    ),
    (
        Code::RecipientUnknown,
        Page {
            cause_en: "The platform knows no such customer on this account (40003, 46004). An OpenID belongs to one account; the same person has another one elsewhere.",
            remedy_en: "Use the conversation key as it came with an event of this account. To join people across accounts use unionid (aliases), after linking the accounts at open.weixin.qq.com → 管理中心 → 公众账号 → 绑定公众账号.",
            cause_zh: "平台在该公众号下找不到此用户（40003、46004）。OpenID只属于一个公众号，同一人在其他公众号下的OpenID不同。",
            remedy_zh: "请使用本账号事件中的会话key。跨账号识别同一人请用unionid（aliases），需先在 open.weixin.qq.com → 管理中心 → 公众账号 → 绑定公众账号 中绑定。",
        },
    ),
    (
        Code::PlatformDown,
        Page {
            cause_en: "The platform is busy (-1), could not be reached, or something else answered in its place. Nothing was sent. It is tried again with growing pauses, as long as the message may wait.",
            remedy_en: "Mostly nothing. If it lasts over 5 minutes: wxbridge doctor tests name, connection and token; check api_base, the proxy and the firewall.",
            cause_zh: "平台繁忙（-1）、无法连接，或应答的不是微信平台。消息没有发出，会在有效期内自动重试。",
            remedy_zh: "通常无需处理。若超过5分钟：执行 wxbridge doctor 检查域名、连接与token，并检查api_base、代理和防火墙。",
        },
    ),
    (
        Code::Ambiguous,
        Page {
            cause_en: "The message left us and no clear answer came back (time-out, HTTP 5xx). It may or may not have arrived. It is not sent again by itself, because the customer would see it twice.",
            remedy_en: "Look into the chat, or ask the customer, before you send it again. Cores that prefer a double to a loss set onAmbiguous = RETRY.",
            cause_zh: "消息已发出，但没有得到明确的应答（超时或HTTP 5xx），可能送达也可能没有。为避免重复，不会自动重发。",
            remedy_zh: "重发前请先查看聊天记录或询问用户。宁可重复也不愿丢失时，核心系统可设onAmbiguous = RETRY。",
        },
    ),
    (
        Code::Expired,
        Page {
            cause_en: "The message waited longer than it may: its notAfter, or the passive window, was over before it could go.",
            remedy_en: "Send it again if it still makes sense. Where this is frequent, answer faster than [[core]] reply_budget, or let the account use the API (mp.weixin.qq.com → 设置与开发 → 接口权限 → 客服接口).",
            cause_zh: "消息等待过久：在发出之前已超过notAfter，或被动回复窗口已关闭。",
            remedy_zh: "若仍有意义请重新发送。若经常出现，请让核心系统在[[core]] reply_budget之内应答，或开通客服接口（公众号后台 → 设置与开发 → 接口权限 → 客服接口）。",
        },
    ),
];
