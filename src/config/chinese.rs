//! How does a fault read in Chinese? By its English words, the way gettext does it: whoever finds a fault says it once, and
//! what has no line here is shown as it was said. Tests see to it that every fault they provoke has one.

/// Where it was written; files stand for themselves.
const ORIGIN: &[(&str, &str)] = &[
    ("environment variable {}", "环境变量 {}"),
    ("state folder", "状态文件夹"),
    ("configuration", "配置"),
    ("accounts", "账号"),
];

/// What was found. Values stand for themselves.
const FOUND: &[(&str, &str)] = &[
    ("nothing", "未填写"),
    ("none", "空列表"),
    ("no object", "不是对象的JSON"),
    ("a table", "一个表"),
    ("a list", "一个列表"),
    ("a path", "一个文件路径"),
    ("something else", "其他内容"),
    ("more than one message holds", "超出一条消息的限制"),
    ("an unknown key", "未知的键"),
    ("a name that is no setting", "不对应任何设置的名称"),
    ("both this and the key with _file", "此键与带_file的键同时填写"),
    ("true with mode \"sobot-md5\"", "true，而mode为 \"sobot-md5\""),
    ("text that is not TOML ({})", "不是TOML的文本（{}）"),
    ("a name twice at line {}, column {}", "第{}行第{}列的重复名称"),
    ("no JSON at line {}, column {}", "第{}行第{}列不是JSON"),
    ("*** ({} characters)", "***（{}个字符）"),
    ("{} a second time", "{}（第二次出现）"),
    ("{} without TLS", "{}，未启用TLS"),
    ("{} is no folder", "{}不是文件夹"),
    ("{}, a public address", "{}，这是公网地址"),
    ("{}, a channel not available in this version", "{}，此版本没有该渠道"),
    (
        "no key ring {}, which sealed what the database beside it holds: bring that file back, or restore a backup into another, empty folder",
        "没有密钥环 {}，而旁边数据库的内容由它加密：请放回该文件，或把备份恢复到另一个空文件夹",
    ),
    (
        "key ring {}, key {}: expected 32 bytes in base64",
        "密钥环 {} 的第{}个密钥：应为base64编码的32字节",
    ),
    (
        "key ring {} holds no key: expected a line of 32 bytes in base64",
        "密钥环 {} 中没有密钥：应有一行base64编码的32字节",
    ),
    ("key ring {}", "密钥环 {}"),
    (
        "{} without internal.trusted_proxies",
        "{}，而没有 internal.trusted_proxies",
    ),
    ("{}, and {}.listen is {}", "{}，而{}.listen也是{}"),
    (
        "{} events of {} conversations that wait for core {}, which is configured no more",
        "{}个事件（{}个会话）正在等待核心{}，而配置中已没有它",
    ),
];

/// What was expected.
const EXPECTED: &[(&str, &str)] = &[
    // Of any setting.
    ("a text", "文本"),
    ("a table", "表"),
    ("a JSON object of settings", "由设置项组成的JSON对象"),
    ("a folder", "文件夹"),
    ("a path", "文件路径"),
    ("a list of texts", "文本列表"),
    ("a readable file", "可读取的文件"),
    ("a readable TOML file", "可读取的TOML文件"),
    ("a TOML document", "TOML文档"),
    ("one of them", "只填写其中一个"),
    ("no key here", "此处没有任何键"),
    ("true or false", "true或false"),
    ("settings that can be merged", "可以合并的设置"),
    ("a section of the configuration", "配置中的一个部分"),
    ("the name of a header", "请求头的名称"),
    ("a port of its own", "不与其他监听共用的端口"),
    ("a PEM file", "PEM文件"),
    ("a certificate and its key, as PEM", "PEM格式的证书及其私钥"),
    ("a key ring", "密钥环"),
    ("a core that can be called", "可以调用的核心"),
    ("an id that no other has", "不与其他账号重复的id"),
    ("a name that no other has", "不与其他重复的名称"),
    ("a record type: {}", "记录类型：{}"),
    ("a name, * stands for any run of characters", "名称，* 代表任意字符"),
    ("an account id, * for any run of characters", "账号id，* 代表任意字符"),
    ("a sub id, * for any run of characters", "sub id，* 代表任意字符"),
    (
        "a name of letters, digits, \"_\" and \"-\", at most 63",
        "由字母、数字、\"_\"、\"-\"组成的名称，最多63个字符",
    ),
    (
        "WXBRIDGE__SECTION__KEY, tables in lists by index",
        "WXBRIDGE__SECTION__KEY，列表中的表以序号表示",
    ),
    (
        "a table: the index after the last one is the next",
        "表：序号须紧接上一个",
    ),
    (
        "a loopback or private address: these pushes carry no signature",
        "回环或内网地址：这些推送没有签名",
    ),
    (
        "a loopback address, or tls = { cert_file, key_file }, or behind_tls_proxy = true",
        "回环地址，或填写 tls = { cert_file, key_file }，或 behind_tls_proxy = true",
    ),
    (
        "nothing: SQLite in `dir` is the only store until that of postgres:// exists",
        "留空：目前只支持 `dir` 中的SQLite，postgres:// 尚未提供",
    ),
    (
        "error, warn, info, debug, trace or off, or directives such as {}",
        "error、warn、info、debug、trace或off，或形如 {} 的指令",
    ),
    (
        "beside it [internal] trusted_proxies = [\"10.0.0.5\"], the addresses of the proxy that sets this header (from \
         anywhere else anybody could be anyone), or no trusted_user_header",
        "同时在 [internal] 写上 trusted_proxies = [\"10.0.0.5\"]，即设置该请求头的代理的地址（否则任何人都可以冒充他人），\
         或者去掉 trusted_user_header",
    ),
    (
        "the secret itself: files are read by `wxbridge account apply` and at start, never for a request",
        "密钥本身：文件只由 `wxbridge account apply` 或在启动时读取，不会应请求读取",
    ),
    (
        "a [[core]] named {} until it has taken them, or `wxbridge serve --orphan=park`, which sets them aside",
        "保留名为{}的[[core]]直到它取完，或用 `wxbridge serve --orphan=park` 将它们搁置",
    ),
    // Of cores and forwarders.
    ("whsec_ followed by base64", "whsec_ 加base64"),
    ("a key of at least {} bytes", "至少{}字节的密钥"),
    ("a PEM file: {} goes with it", "PEM文件：须与{}一同填写"),
    (
        "at least one key whsec_…: what we send is signed",
        "至少一个 whsec_… 密钥：发出的内容都要签名",
    ),
    (
        "the company's id: sobot-md5 signs it",
        "公司的id：sobot-md5签名时需要它",
    ),
    ("the key that is shared with the receiver", "与接收方约定的密钥"),
    ("mode \"hmac-sha256\", or false", "mode \"hmac-sha256\"，或false"),
    // Of accounts.
    ("an open_kfid", "open_kfid"),
    ("an id: {}", "id，格式为 {}"),
    ("a list of accounts, {}", "账号列表，{}"),
    ("a JSON object {}", "JSON对象，如 {}"),
    ("latest or earliest", "latest或earliest"),
    ("1, 2, 3 (both), 4, 5, 6 or 8", "1、2、3（两者）、4、5、6或8"),
    ("3 to 32 letters and digits", "3到32个字母和数字"),
    ("43 characters", "43个字符"),
    (
        "43 characters, or security = \"plain\"",
        "43个字符，或 security = \"plain\"",
    ),
    ("exactly 43 of a-z A-Z 0-9", "恰好43个字符，由 a-z A-Z 0-9 组成"),
    ("a number such as 1000002", "形如1000002的数字"),
    (
        "a number such as 1000002, or the same as a text",
        "形如1000002的数字，或同样内容的文本",
    ),
    (
        "an AppID: letters, digits, '_' and '-'",
        "AppID：由字母、数字、'_'、'-'组成",
    ),
    (
        "a CorpID: letters, digits, '_' and '-'",
        "企业ID：由字母、数字、'_'、'-'组成",
    ),
    (
        "an enterprise id: letters, digits, '_' and '-'",
        "企业ID：由字母、数字、'_'、'-'组成",
    ),
    ("an original id such as {}", "形如 {} 的原始ID"),
    ("the AppID of the console's {} page", "管理后台“{}”页面上的AppID"),
    (
        "the AppSecret of the console's {} page",
        "管理后台“{}”页面上的AppSecret",
    ),
    ("the 企业ID of the console, ww…", "管理后台上的企业ID，以ww开头"),
    (
        "the CorpID: admin console, 我的企业 → 企业信息 → 企业ID",
        "企业ID：管理后台 → 我的企业 → 企业信息 → 企业ID",
    ),
    (
        "the AgentId: admin console, 应用管理 → the application",
        "AgentId：管理后台 → 应用管理 → 该应用",
    ),
    (
        "the Secret: admin console, 应用管理 → the application",
        "Secret：管理后台 → 应用管理 → 该应用",
    ),
    (
        "the app's Secret, or via = \"<wecom_app account>\"",
        "应用的Secret，或 via = \"<企业微信应用账号>\"",
    ),
    (
        "the value that the console shows: ASCII on one line",
        "管理后台显示的值：一行ASCII字符",
    ),
    (
        "an http or https URL without user and password, as it stood in the platform's console",
        "http或https地址，不含用户名和密码，与平台后台原先填写的一致",
    ),
    (
        "an address that begins with http:// or https://",
        "以 http:// 或 https:// 开头的地址",
    ),
    ("nothing: {} has no such field", "留空：{}没有此字段"),
    ("an official account", "公众号"),
    ("a mini-program", "小程序"),
    ("an open platform", "开放平台"),
    ("a WeCom application", "企业微信应用"),
    ("a WeChat customer-service credential", "微信客服凭证"),
    (
        "nothing: the account that via names has it",
        "留空：由via所指的账号提供",
    ),
    (
        "nothing: callbacks come in at the account that via names",
        "留空：回调由via所指的账号接收",
    ),
    (
        "nothing: others are bound via an open platform",
        "留空：开放平台用来绑定其他账号，自身不经由别的账号",
    ),
    (
        "nothing: a WeCom application has its own callback and Secret",
        "留空：企业微信应用有自己的回调和Secret",
    ),
    ("nothing: WeCom seals every callback", "留空：企业微信的回调一律加密"),
    (
        "\"encrypted\": what comes via an open platform is always sealed",
        "\"encrypted\"：经由开放平台的内容一律加密",
    ),
    (
        "\"encrypted\": an open platform has no plain mode",
        "\"encrypted\"：开放平台没有明文模式",
    ),
    (
        "\"encrypted\": WeCom has no plain mode",
        "\"encrypted\"：企业微信没有明文模式",
    ),
    (
        "\"encrypted\": WeCom seals every callback",
        "\"encrypted\"：企业微信的回调一律加密",
    ),
    (
        "\"one\": WeCom documents no window of three attempts",
        "\"one\"：企业微信没有三次重试的应答窗口",
    ),
    (
        "false: cloud hosting pushes for official accounts and mini-programs alone",
        "false：云托管只推送公众号和小程序的消息",
    ),
    (
        "another account, or none: remove or rebind this one first",
        "另一个账号，或不填：请先移除或改绑该账号",
    ),
    ("one account for it: {} claims it too", "只由一个账号使用：{}也在使用它"),
    (
        "the id of a bound {} account of the same corp_id",
        "已绑定且corp_id相同的{}账号的id",
    ),
    ("the id of a bound {} account", "已绑定的{}账号的id"),
    // What others are made of, the particular before the general.
    ("a readable file ({})", "可读取的文件（{}）"),
    ("a list, each item {}", "列表，每一项为{}"),
    ("a list of tables, {}", "由表组成的列表，{}"),
    ("one of: {}", "以下之一：{}"),
    ("one of {}", "以下之一：{}"),
    ("a whole number from {} to {}", "{}到{}之间的整数"),
    ("a whole number from {}", "不小于{}的整数"),
    ("a duration of at most {}, such as {}", "不超过{}的时长，如 {}"),
    ("a duration of at least {}, such as {}", "不少于{}的时长，如 {}"),
    ("{}, or nothing", "{}，或留空"),
    (
        "an address such as {}, or http on loopback, without path and credentials",
        "形如 {} 的地址，或回环地址上的http，不含路径和凭证",
    ),
    (
        "an address such as {}, without credentials, query or fragment",
        "形如 {} 的地址，不含凭证、查询串和片段",
    ),
    ("an address such as {}, without credentials", "形如 {} 的地址，不含凭证"),
    ("an address such as {}", "形如 {} 的地址"),
    ("a duration such as {}", "形如 {} 的时长"),
    ("a moment such as {}", "形如 {} 的时刻"),
    ("a network such as {}", "形如 {} 的网段"),
    ("a channel such as {}", "渠道，如 {}"),
    ("a name such as {}", "形如 {} 的名称"),
    ("a size such as {}", "形如 {} 的大小"),
    ("a text, or {}", "文本，或 {}"),
    (
        "a text of at most {} bytes, or one of {} with at most {} menu items of {}: a code sends one message",
        "不超过{}字节的文本，或{}字节以内的文本加最多{}个菜单项（各{}字节以内）：一个欢迎语code只能发送一条消息",
    ),
];

pub fn origin(english: &str) -> String {
    said(ORIGIN, english).unwrap_or_else(|| english.to_owned())
}

pub fn found(english: &str) -> String {
    said(FOUND, english).unwrap_or_else(|| english.to_owned())
}

pub fn expected(english: &str) -> String {
    said(EXPECTED, english).unwrap_or_else(|| english.to_owned())
}

/// What stands in a text's gaps is said the same way, where it has a line.
fn said(lines: &[(&str, &str)], english: &str) -> Option<String> {
    let filled = lines.iter().find_map(|(from, to)| {
        let gaps = gaps(from, english)?;
        let mut gaps = gaps.into_iter();
        let mut pieces = to.split("{}");
        let mut text = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let gap = gaps.next().unwrap_or_default();
            text.push_str(&said(lines, gap).unwrap_or_else(|| gap.to_owned()));
            text.push_str(piece);
        }
        Some(text)
    });
    filled.or_else(|| either(lines, english))
}

/// One or the other, where each of them is a value or has a line: the system's own words ("No such file or directory") stand
/// for themselves.
fn either(lines: &[(&str, &str)], english: &str) -> Option<String> {
    if !english.contains(" or ") {
        return None;
    }
    let sides: Option<Vec<String>> = english
        .split(" or ")
        .map(|side| match side.starts_with('"') && side.ends_with('"') {
            true => Some(side.to_owned()),
            false => said(lines, side),
        })
        .collect();
    sides.map(|sides| sides.join("或"))
}

/// What stands in `text` where `line` has `{}`; `None` where it is another text.
fn gaps<'a>(line: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut pieces = line.split("{}");
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut gaps = Vec::new();
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty().then_some(gaps);
    }
    while let Some(piece) = pieces.next() {
        let end = match (piece, pieces.peek()) {
            ("", None) => rest.len(),
            (_, None) => rest
                .len()
                .checked_sub(piece.len())
                .filter(|&at| rest.get(at..) == Some(piece))?,
            _ => rest.find(piece)?,
        };
        // A gap that holds nothing is none.
        gaps.push(rest.get(..end).filter(|gap| !gap.is_empty())?);
        rest = &rest[end + piece.len()..];
    }
    Some(gaps)
}

/// Whether it is said in Chinese, or needs no words.
#[cfg(test)]
pub fn is_known(english: &str) -> bool {
    let values = english
        .split(" or ")
        .all(|value| value.starts_with('"') && value.ends_with('"'));
    values || said(EXPECTED, english).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_said_with_what_stands_in_its_gaps() {
        for (english, chinese) in [
            ("a text", "文本"),
            ("a whole number from 0 to 9", "0到9之间的整数"),
            (
                "a duration of at most 10m, such as \"30s\"",
                "不超过10m的时长，如 \"30s\"",
            ),
            ("a readable file, or nothing", "可读取的文件，或留空"),
            (
                "a list, each item an address such as \"https://b.example\", without credentials, query or fragment",
                "列表，每一项为形如 \"https://b.example\" 的地址，不含凭证、查询串和片段",
            ),
            ("\"a\" or \"b\" or \"c\"", "\"a\"或\"b\"或\"c\""),
            ("a path or \"a\"", "文件路径或\"a\""),
            (
                "a readable file (No such file or directory (os error 2))",
                "可读取的文件（No such file or directory (os error 2)）",
            ),
            ("nothing: a mini-program has no such field", "留空：小程序没有此字段"),
            ("what nobody wrote here", "what nobody wrote here"),
        ] {
            assert_eq!(expected(english), chinese);
        }
        assert_eq!(found("\"shop\" a second time"), "\"shop\"（第二次出现）");
        assert_eq!(found("\"nope\""), "\"nope\"");
        assert_eq!(
            found("key ring /run/a.key: Permission denied (os error 13)"),
            "密钥环 /run/a.key: Permission denied (os error 13)"
        );
        assert_eq!(
            found("key ring /run/a.key, key 2: expected 32 bytes in base64"),
            "密钥环 /run/a.key 的第2个密钥：应为base64编码的32字节"
        );
    }

    #[test]
    fn every_line_has_as_many_gaps_in_both_languages() {
        for (english, chinese) in FOUND.iter().chain(EXPECTED) {
            let count = |text: &str| text.matches("{}").count();
            assert_eq!(count(english), count(chinese), "{english}");
        }
    }
}
