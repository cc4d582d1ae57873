//! What the doctor warns of. One page per code; `page` in the module above finds them.

use super::{super::Code, Page};

pub(super) static PAGES: &[(Code, Page)] = &[
    (
        Code::PlatformAgentsOnline,
        Page {
            cause_en: "Agents of the platform's own customer service (多客服) are online for this account. Customers they take are not pushed to us, so neither robot nor transfer works for those.",
            remedy_en: "Remove or log out these agents: mp.weixin.qq.com → 功能 → 客服功能 → 客服账号管理. If they are wanted, set platform_agents = \"allow\".",
            cause_zh: "该账号有微信自带的客服（多客服）在线。被其接入的用户消息不会推送给我们，因此既无机器人回复也无法转人工。",
            remedy_zh: "请下线或删除这些客服：公众号后台 → 功能 → 客服功能 → 客服账号管理。若确需使用，请设platform_agents = \"allow\"。",
        },
    ),
    (
        Code::NoMessagesButEvents,
        Page {
            cause_en: "For 24 hours menu clicks and follows have come, but not one message. Something else receives the messages: the platform's own agents, or another authorised platform.",
            remedy_en: "Look at mp.weixin.qq.com → 设置与开发 → 公众号设置 → 授权管理 (who else has 消息管理权限), at 功能 → 客服功能 (agents online), and at 设置与开发 → 基本配置 → 服务器配置 (已启用, and our URL).",
            cause_zh: "24小时内只收到菜单点击、关注等事件，没有任何消息：消息被其他接收方拿走，例如多客服或其他授权平台。",
            remedy_zh: "请检查：公众号后台 → 设置与开发 → 公众号设置 → 授权管理（还有谁拥有消息管理权限）；功能 → 客服功能（是否有客服在线）；设置与开发 → 基本配置 → 服务器配置（是否已启用且为本系统URL）。",
        },
    ),
    (
        Code::OtherReceiverSuspected,
        Page {
            cause_en: "Our answers were all in time, yet customers see 该公众号提供的服务出现故障 or answers that are not ours. Another authorised platform, or a developer server, gets the same messages and fails.",
            remedy_en: "Withdraw what is not needed: official account, mp.weixin.qq.com → 设置与开发 → 公众号设置 → 授权管理 → 取消授权, and look at 设置与开发 → 基本配置 → 服务器配置; mini-program, 设置 → 第三方服务 → 授权管理, and 开发管理 → 开发设置 → 消息推送. The proof of our answers is the ledger: GET /admin/v1/ledger.",
            cause_zh: "我们的应答全部及时，但用户仍看到“该公众号提供的服务出现故障”或并非我们发出的回复：另有授权平台或开发者服务器收到同样的消息且处理失败。",
            remedy_zh: "请取消不需要的授权：公众号后台 → 设置与开发 → 公众号设置 → 授权管理 → 取消授权，并检查 设置与开发 → 基本配置 → 服务器配置；小程序为 设置 → 第三方服务 → 授权管理，并检查 开发管理 → 开发设置 → 消息推送。我方应答记录见 GET /admin/v1/ledger。",
        },
    ),
    (
        Code::ClockSkew,
        Page {
            cause_en: "This machine's clock and the platform's differ by more than 10 minutes. From 6 hours on callbacks are refused.",
            remedy_en: "Switch on time synchronisation: timedatectl set-ntp true, or chrony. wxbridge doctor shows the difference.",
            cause_zh: "本机时钟与平台相差超过10分钟；超过6小时将拒绝回调。",
            remedy_zh: "请开启时间同步（timedatectl set-ntp true 或chrony）；wxbridge doctor 会显示偏差。",
        },
    ),
    (
        Code::TicketMissing,
        Page {
            cause_en: "The platform has sent no component_verify_ticket for over 12 hours; without it no token of the open platform can be made.",
            remedy_en: "Check the address for authorisation events: open.weixin.qq.com → 管理中心 → 第三方平台 → 详情 → 开发资料 → 授权事件接收URL, and that it reaches us. Then press 推送ticket there (or call api_start_push_ticket).",
            cause_zh: "超过12小时没有收到component_verify_ticket，无法获取第三方平台的令牌。",
            remedy_zh: "请检查授权事件接收URL：open.weixin.qq.com → 管理中心 → 第三方平台 → 详情 → 开发资料 → 授权事件接收URL，并确认可以访问到本系统；然后启动ticket推送（api_start_push_ticket）。",
        },
    ),
    (
        Code::CoreUnreachable,
        Page {
            cause_en: "A core does not take its events: refused, time-out, TLS, or a status that says it is down. Events wait in the store, nothing is lost until [retention] events.",
            remedy_en: "Check the url of the [[core]], its certificate and its log. GET /admin/v1/cores shows the last error and the backlog; delivery goes on by itself.",
            cause_zh: "核心系统没有接收事件：拒绝连接、超时、TLS错误或返回故障状态。事件保存在本地，[retention] events之内不会丢失。",
            remedy_zh: "请检查[[core]]的url、证书与日志。GET /admin/v1/cores 显示最近的错误与积压；恢复后自动继续投递。",
        },
    ),
    (
        Code::KfHistoryGap,
        Page {
            cause_en: "Messages of WeChat kf were lost to us: the platform keeps them for three days, and we read on later than that.",
            remedy_en: "Nothing brings them back; the Gap events say which accounts and times. Keep the bridge running, and check that the callback of 微信客服 reaches it: kf.weixin.qq.com → 开发配置.",
            cause_zh: "部分微信客服消息已丢失：平台只保留3天，我们恢复读取时已超过该期限。",
            remedy_zh: "已无法找回，Gap事件会指明账号与时间。请保持系统运行，并确认微信客服回调可达：kf.weixin.qq.com → 开发配置。",
        },
    ),
    (
        Code::OldKeyStillUsed,
        Page {
            cause_en: "Callbacks still come with the Token or EncodingAESKey from before the rotation. When the grace time is over they will be refused.",
            remedy_en: "Finish the change in the console: mp.weixin.qq.com → 设置与开发 → 基本配置 → 服务器配置 → 修改配置. If the old values are the right ones, apply them again.",
            cause_zh: "仍有回调使用更换前的Token或EncodingAESKey，宽限期结束后将被拒绝。",
            remedy_zh: "请在后台完成修改：公众号后台 → 设置与开发 → 基本配置 → 服务器配置 → 修改配置。若旧值才是正确的，请重新应用旧值。",
        },
    ),
];
