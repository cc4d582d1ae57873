//! What is wrong with an account. One page per code; `page` in the module above finds them.

use super::{super::Code, Page};

pub(super) static PAGES: &[(Code, Page)] = &[
    (
        Code::AccountUnknown,
        Page {
            cause_en: "No account of that id, or none that owns this conversation, is bound here. It was never applied, was removed, or the name is mistyped.",
            remedy_en: "Run wxbridge account list. Apply the missing one with wxbridge account apply FILE, or correct the id in the callback URL or the conversation key.",
            cause_zh: "此处没有绑定该id的账号，或没有拥有该会话的账号：可能从未添加、已被移除，或名称有误。",
            remedy_zh: "请执行 wxbridge account list 查看；用 wxbridge account apply 文件 添加，或更正回调URL、会话key中的账号id。",
        },
    ),
    (
        Code::AccountRevoked,
        Page {
            cause_en: "The account's admin has withdrawn the authorisation to our open platform. The platform sends us nothing of it and refuses our calls.",
            remedy_en: "Ask the admin to authorise again by scanning a new bind link (console: the account's page › Authorise again). What is granted to whom stands at mp.weixin.qq.com → 设置与开发 → 公众号设置 → 授权管理.",
            cause_zh: "公众号管理员已取消对第三方平台的授权：不再收到消息，接口也会被拒绝。",
            remedy_zh: "请管理员用新的绑定链接（控制台：账号页 › 重新授权）重新扫码授权。授权情况见：公众号后台 → 设置与开发 → 公众号设置 → 授权管理。",
        },
    ),
    (
        Code::NeedsReauth,
        Page {
            cause_en: "The refresh token of the account is lost or dead, for instance because the admin changed the WeChat password.",
            remedy_en: "Ask the admin to authorise again by scanning a new bind link (console: the account's page › Authorise again), with the same account; the id here stays. See mp.weixin.qq.com → 设置与开发 → 公众号设置 → 授权管理.",
            cause_zh: "账号的刷新令牌丢失或失效，例如管理员修改了微信密码。",
            remedy_zh: "请管理员用新的绑定链接（控制台：账号页 › 重新授权）重新扫码授权同一账号，本系统中的账号id不变。授权情况见：公众号后台 → 设置与开发 → 公众号设置 → 授权管理。",
        },
    ),
    (
        Code::NotEntitled,
        Page {
            cause_en: "The account may not use the customer-service API (48001 and kin): it is not verified, it belongs to an individual, its verification has lapsed, or the platform has punished it. Answers inside the callback still reach customers, so a robot seems to work and an agent does not.",
            remedy_en: "Complete or renew the verification: official account, mp.weixin.qq.com → 设置与开发 → 公众号设置 → 账号详情 → 认证情况 → 微信认证; WeCom and WeChat customer service, admin console → 我的企业 → 企业信息 → 企业认证, and the application under 微信客服 → API → 可调用接口的应用. Accounts of individuals cannot be verified. Look at 设置与开发 → 接口权限 → 客服接口, and for punishments at the bell (通知中心). Until then hold = \"three\" gains an official account time for passive answers.",
            cause_zh: "该账号无权使用客服消息接口（48001等）：未认证、个人主体、认证已过期，或被平台处罚。回调内的被动回复仍然有效，所以机器人回复正常而人工回复收不到。",
            remedy_zh: "请完成或续期认证：公众号后台 → 设置与开发 → 公众号设置 → 账号详情 → 认证情况 → 微信认证；企业微信与微信客服见管理后台 → 我的企业 → 企业信息 → 企业认证，并将应用加入微信客服 → API → 可调用接口的应用；个人主体不支持。权限见 设置与开发 → 接口权限 → 客服接口；处罚见右上角通知中心。在此之前公众号可设hold = \"three\"为被动回复争取时间。",
        },
    ),
    (
        Code::ScopeNotGranted,
        Page {
            cause_en: "The admin did not tick the permission for messages when authorising our open platform (61007), or another platform holds it.",
            remedy_en: "Ask the admin to scan a new bind link (console: the account's page › Authorise again) and to tick 消息管理权限. Check the ticks at mp.weixin.qq.com → 设置与开发 → 公众号设置 → 授权管理 → 查看平台详情.",
            cause_zh: "管理员扫码授权时没有勾选消息管理权限（61007），或该权限在其他平台手中。",
            remedy_zh: "请管理员用新的绑定链接（控制台：账号页 › 重新授权）重新扫码授权，并勾选“消息管理权限”。已授予的权限见：公众号后台 → 设置与开发 → 公众号设置 → 授权管理 → 查看平台详情。",
        },
    ),
    (
        Code::IpNotAllowed,
        Page {
            cause_en: "The platform refuses calls from this machine's address because it is not in the account's IP list (40164; WeCom's 企业可信IP: 60020), or because the admin has not consented to it (89503).",
            remedy_en: "Add the address that the warning names: mp.weixin.qq.com → 设置与开发 → 基本配置 → IP白名单 → 查看 → 修改; for a WeCom application: admin console → 应用管理 → the application → 企业可信IP. Behind NAT it is the outer address. For 89503 the admin confirms the notice in the WeChat app first. It works a few minutes later, without a restart.",
            cause_zh: "本机出口IP不在公众号的IP白名单（40164）或企业微信应用的企业可信IP（60020）中，或尚未得到管理员确认（89503），接口调用被拒绝。",
            remedy_zh: "请把提示中的IP加入：公众号后台 → 设置与开发 → 基本配置 → IP白名单 → 查看 → 修改；企业微信为 管理后台 → 应用管理 → 应用详情 → 企业可信IP。经NAT上网时请填写外网IP。若为89503，请管理员先在微信中确认。几分钟后自动生效，无需重启。",
        },
    ),
    (
        Code::BadSecret,
        Page {
            cause_en: "The platform refuses the AppSecret, or the WeCom application's Secret (40125, 40001 on the token call), or it is frozen (40243). It was reset in the console, or mistyped here.",
            remedy_en: "Get the current one: mp.weixin.qq.com → 设置与开发 → 基本配置 → 开发者密码(AppSecret) → 重置 (it is shown once; other systems that use it must get it too), or 解冻 where it is frozen; a WeCom Secret: admin console → 应用管理 → the application → Secret. Enter it with wxbridge account apply. Check the AppID beside it: a secret belongs to one AppID.",
            cause_zh: "平台拒绝AppSecret或企业微信应用的Secret（40125，或取token时40001），或AppSecret已冻结（40243）：可能在后台被重置，或此处填写有误。",
            remedy_zh: "请在公众号后台 → 设置与开发 → 基本配置 → 开发者密码(AppSecret) 点“重置”获取（只显示一次，其他使用它的系统须同步更新），已冻结的点“解冻”；企业微信的Secret在 管理后台 → 应用管理 → 应用详情；然后用 wxbridge account apply 填入。并核对AppID，密钥只属于一个AppID。",
        },
    ),
    (
        Code::BadAppId,
        Page {
            cause_en: "The platform does not know the AppID or CorpID (40013), or the request had none (41002); on WeCom also: the AgentId is not that of the Secret (40056, 301002).",
            remedy_en: "Copy it again: mp.weixin.qq.com → 设置与开发 → 基本配置 → 开发者ID(AppID); it begins with wx. It is not the original id (gh_…). WeCom: 我的企业 → 企业ID, and AgentId and Secret of one and the same application. Apply the account again.",
            cause_zh: "平台不认识该AppID或企业ID（40013），或请求中没有AppID（41002）；企业微信还可能是AgentId与Secret不属于同一应用（40056、301002）。",
            remedy_zh: "请重新复制：公众号后台 → 设置与开发 → 基本配置 → 开发者ID(AppID)，以wx开头，注意不是原始ID（gh_开头）；企业微信请核对 我的企业 → 企业ID，以及同一应用的AgentId和Secret。然后重新应用账号配置。",
        },
    ),
    (
        Code::TokenTakenElsewhere,
        Page {
            cause_en: "Our access token died although its time was not over: another system fetched one with the same AppSecret, which ends ours. Both then fail by turns.",
            remedy_en: "Find the other system (the list of sources: IP白名单 at mp.weixin.qq.com → 设置与开发 → 基本配置) and let it ask us: POST /v1/accounts/{id}/access-token with a token of scope token. Or leave token_mode = \"stable\" here and let the other use stable_token as well. If nobody owns up, reset the AppSecret.",
            cause_zh: "我们的access_token提前失效：其他系统用同一AppSecret获取了新token，使我们的作废，双方轮流失败。",
            remedy_zh: "请找出另一系统（来源可参考 公众号后台 → 设置与开发 → 基本配置 → IP白名单），让它改为向本系统取用：POST /v1/accounts/{id}/access-token（需token权限的令牌）；或双方都使用stable_token（token_mode = \"stable\"）。找不到时请重置AppSecret。",
        },
    ),
    (
        Code::WrongBindHost,
        Page {
            cause_en: "The bind page was opened under a host name that is not one of [public] urls. The platform's authorisation page only takes visitors from the domain entered at the open platform, so the scan would fail there.",
            remedy_en: "Open the bind link as it was given out, with its own host name. If that host is right, add it to [public] urls and enter it as 登录授权的发起页域名 at open.weixin.qq.com → 管理中心 → 第三方平台 → 开发资料; then make a new bind link.",
            cause_zh: "打开绑定页所用的域名不在 [public] urls 中。平台的授权页只接受从第三方平台登记的域名跳转，继续扫码会失败。",
            remedy_zh: "请用收到的原始绑定链接打开，不要更换域名。若该域名确实要用，请加入 [public] urls，并在 open.weixin.qq.com → 管理中心 → 第三方平台 → 开发资料 中填为“登录授权的发起页域名”，然后重新生成绑定链接。",
        },
    ),
    (
        Code::BindLinkUsed,
        Page {
            cause_en: "This bind link was used already, or its time is over: a link binds one account, once, within 24 hours.",
            remedy_en: "Look with wxbridge account list whether the account is bound. If it is not, ask the operator for a new bind link (POST /admin/v1/open/{account}/bind-links) and scan it at once.",
            cause_zh: "该绑定链接已被使用或已过期：每个链接只能绑定一个账号、使用一次，最长24小时有效。",
            remedy_zh: "请先用 wxbridge account list 查看账号是否已绑定；若未绑定，请向本系统的运维人员索取新的绑定链接（POST /admin/v1/open/{account}/bind-links）并尽快扫码。",
        },
    ),
];
