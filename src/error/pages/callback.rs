//! What goes wrong when the platform calls us. One page per code; `page` in the module above finds them.

use super::{super::Code, Page};

pub(super) static PAGES: &[(Code, Page)] = &[
    (
        Code::BadSignature,
        Page {
            cause_en: "A callback came whose signature does not fit the account's Token, or that had none. Either the Token here differs from the one in the platform's console, or somebody else called the address.",
            remedy_en: "Compare the Token letter by letter with the console's: official account, mp.weixin.qq.com → 设置与开发 → 基本配置 → 服务器配置 → 令牌(Token); mini-program, 开发管理 → 开发设置 → 消息推送; WeCom, 应用管理 → the application → 接收消息 → 设置API接收; WeChat customer service, 微信客服 → API; open platform, 开发资料 → 消息校验Token. Enter the same one here (wxbridge account apply, or account rotate). Check that the callback URL ends with the id of this very account, and that no proxy rewrites the query.",
            cause_zh: "收到的回调签名与本账号的Token不符，或没有签名。原因是此处的Token与微信后台不一致，或有人冒充微信访问了回调地址。",
            remedy_zh: "请与后台逐字核对Token：公众号后台 → 设置与开发 → 基本配置 → 服务器配置 → 令牌(Token)；小程序为 开发管理 → 开发设置 → 消息推送；企业微信为 应用管理 → 该应用 → 接收消息 → 设置API接收；微信客服为 微信客服 → API；开放平台为 开发资料 → 消息校验Token。并在本系统填入相同的值（wxbridge account apply 或 account rotate）。同时确认回调URL末尾是本账号的id，且反向代理没有改动查询参数。",
        },
    ),
    (
        Code::PlaintextRefused,
        Page {
            cause_en: "The platform sent a plain body to an account that is set to security = \"encrypted\". A plain signature does not cover the body, so it is not believed.",
            remedy_en: "Switch the console to encryption: mp.weixin.qq.com → 设置与开发 → 基本配置 → 服务器配置 → 修改配置 → 消息加解密方式 → 安全模式. For the time of the change set plain_until on the account, or security = \"plain\" if the account must stay in 明文模式.",
            cause_zh: "账号设为加密（security = \"encrypted\"），但微信推送了明文消息。明文签名不保护消息内容，因此不予采信。",
            remedy_zh: "请在公众号后台切换加密方式：设置与开发 → 基本配置 → 服务器配置 → 修改配置 → 消息加解密方式 → 安全模式。切换期间可为账号设置plain_until；若必须使用明文模式，请设security = \"plain\"。",
        },
    ),
    (
        Code::WrongReceiver,
        Page {
            cause_en: "A callback was sealed for another AppID, or addressed to another original id, than this account has. On WeCom: for another CorpID or AgentID. Two accounts share a callback URL, or app_id, original_id, corp_id or agent_id is mistyped. The body is kept in quarantine.",
            remedy_en: "Compare both ids: mp.weixin.qq.com → 设置与开发 → 基本配置 → 开发者ID(AppID), and 设置与开发 → 公众号设置 → 账号详情 → 原始ID (gh_…); WeCom: 管理后台 → 我的企业 → 企业ID, and 应用管理 → AgentId. Give each account its own URL, correct the settings, then run wxbridge parked list --quarantined and wxbridge parked retry.",
            cause_zh: "回调是发给另一个AppID或原始ID的（企业微信：另一个企业ID或AgentID）：两个账号共用了同一个回调URL，或app_id、original_id、corp_id、agent_id填写有误。消息已隔离保存。",
            remedy_zh: "请核对：公众号后台 → 设置与开发 → 基本配置 → 开发者ID(AppID)，以及 设置与开发 → 公众号设置 → 账号详情 → 原始ID（gh_开头）；企业微信见 管理后台 → 我的企业 → 企业ID，以及 应用管理 → AgentId。每个账号使用各自的回调URL；更正后执行 wxbridge parked list --quarantined 与 wxbridge parked retry。",
        },
    ),
    (
        Code::Undecodable,
        Page {
            cause_en: "The signature was right, but the body could not be decrypted or read. Mostly the EncodingAESKey here differs from the console's. The platform was answered success, and the body is kept in quarantine.",
            remedy_en: "Compare the key: mp.weixin.qq.com → 设置与开发 → 基本配置 → 服务器配置 → 消息加解密密钥(EncodingAESKey), 43 characters. After a change keep the old one in previous. Then wxbridge parked retry decodes the kept bodies again.",
            cause_zh: "签名正确，但消息无法解密或解析，多半是EncodingAESKey与微信后台不一致。已向微信应答success，原文已隔离保存。",
            remedy_zh: "请核对：公众号后台 → 设置与开发 → 基本配置 → 服务器配置 → 消息加解密密钥(EncodingAESKey)，共43个字符。更换密钥时请把旧值保留在previous中。更正后用 wxbridge parked retry 重新解码。",
        },
    ),
    (
        Code::Stale,
        Page {
            cause_en: "A callback carried a timestamp more than 6 hours away from our time. It is a replay of an old request, or this machine's clock is wrong.",
            remedy_en: "Check the clock (timedatectl) and switch on time synchronisation; wxbridge doctor shows how far it is off. If the clock is right, somebody repeats captured requests: wxbridge doctor shows from where the last one came.",
            cause_zh: "回调的时间戳与本机时间相差超过6小时：可能是旧请求被重放，或本机时钟有误。",
            remedy_zh: "请检查系统时钟（timedatectl）并开启时间同步；wxbridge doctor 会显示偏差。若时钟无误，说明有人在重放请求，wxbridge doctor 会显示最近一次的来源地址。",
        },
    ),
    (
        Code::BodyTooLarge,
        Page {
            cause_en: "A request body was over the limit: 1 MiB for a callback, 200 MiB for a medium, 16 MiB for an accounts file, 4 MiB for another call (POST /v1/records: 1 MiB). Callbacks of the platform are a few kilobytes, so a large one is not from it.",
            remedy_en: "For a callback nothing is to be done. For a medium send a smaller file, or its url.",
            cause_zh: "请求体超过上限：回调1 MiB，媒体文件200 MiB，账号文件16 MiB，其他接口4 MiB（POST /v1/records为1 MiB）。微信的回调只有几KB，过大的请求并非来自微信。",
            remedy_zh: "回调无需处理；媒体文件请压缩后再传，或改用url发送。",
        },
    ),
    (
        Code::ForbiddenXml,
        Page {
            cause_en: "A callback held a DOCTYPE, an entity declaration, or elements nested deeper than 8. The platform never sends those; attackers do.",
            remedy_en: "Nothing is to be done for a single one. One that was refused: wxbridge doctor shows from where the last came (behind a reverse proxy it needs [public] trusted_proxies); where they keep coming, block that address. One that was set aside bore this account's own signature: look at it (console: Set aside), and if the platform did not send it, somebody knows the Token: change Token and EncodingAESKey in the platform's console and here (wxbridge account rotate).",
            cause_zh: "回调中含有DOCTYPE、实体声明，或嵌套超过8层。微信不会发送这类内容，通常是攻击。",
            remedy_zh: "偶发无需处理。被拒绝的回调：wxbridge doctor 会显示最近一次的来源地址（有反向代理时需设置 [public] trusted_proxies），若持续出现请封禁该地址。被隔离的回调带有本账号的正确签名：请查看其内容（控制台：搁置），若并非平台所发，说明Token已泄露，请在平台后台和本系统同时更换Token与EncodingAESKey（wxbridge account rotate）。",
        },
    ),
];
