//! Is anybody there, and does the core believe only us? The first event, wrong signatures, old timestamps.

use super::{Refusal, again, ignored, said, taken as was_taken, told};
use crate::{
    core_check::{
        door::{Heard, Knock, Signing, Signs},
        report::{Finding, Words},
        stage::Stage,
    },
    ports::core::Outcome,
};

const MINUTE: i64 = 60_000;

/// A plain text, rightly signed.
pub async fn taken(stage: &Stage) -> (Finding, Heard) {
    let event = stage.text(&mut stage.talk(), "core-check");
    let heard = stage.offer(&event).await;
    if was_taken(&heard) {
        let seen = Words::new("a text was offered and taken", "推送了一条文本，核心接收了它");
        return (Finding::green("taken", seen), heard);
    }
    let said = said(&heard);
    let seen = Words::new(
        format!("a rightly made event was offered; the core {}", said.en),
        format!("推送了一个正确的事件；核心{}", said.zh),
    );
    let act = remedy(&heard, stage.door.signs());
    (Finding::red("taken", seen, act), heard)
}

fn remedy(heard: &Heard, signs: Signs) -> Words {
    match (heard.status, &heard.outcome) {
        (None, Outcome::Down { .. }) => Words::new(
            "start the core, and look at address, port and certificate: nobody could be reached there",
            "启动核心，并检查地址、端口和证书：那里连接不上",
        ),
        (None, _) => Words::new(
            "answer within the time that `timeout` of [[core]] gives, with a complete HTTP response",
            "请在 [[core]] 的 timeout 之内返回完整的 HTTP 响应",
        ),
        (Some(401 | 403), _) if signs == Signs::NoKey => Words::new(
            "the core wants a signature: give its key with --secret whsec_…",
            "核心要求签名：请用 --secret whsec_… 提供密钥",
        ),
        (Some(401 | 403), _) => Words::new(
            "the core refuses a right signature. Is it the same key? Verify the bytes of the body as they came, before any \
             JSON is parsed: base64(HMAC-SHA256(key, webhook-id + \".\" + webhook-timestamp + \".\" + body)), where key is \
             the decoded base64 after whsec_",
            "核心拒绝了正确的签名。密钥是否一致？请在解析 JSON 之前，用收到的原始字节校验：base64(HMAC-SHA256(key, webhook-id + \".\" + \
             webhook-timestamp + \".\" + body))，其中 key 是 whsec_ 之后的内容按 base64 解码的结果",
        ),
        (Some(300..=399), _) => Words::new(
            "give the address that it redirects to; the bridge does not follow",
            "请直接填写重定向后的地址；网桥不跟随重定向",
        ),
        (Some(404 | 405), _) => Words::new(
            "let the core answer POST at this very path",
            "请让核心在这个路径上处理 POST 请求",
        ),
        (Some(400 | 413 | 415 | 422), _) => Words::new(
            "read the body as JSON whatever its content type says (application/cloudevents+json); the Event stands in `data`",
            "请把正文当作 JSON 读取（content-type 是 application/cloudevents+json）；Event 在 `data` 字段里",
        ),
        (Some(200..=299), _) => Words::new(
            "leave `results` out of the answer to a pushed event, or name its conversation with outcome OK",
            "对推送的事件，回答里请不要带 `results`，或者写上该会话并给出 OK",
        ),
        _ => Words::new(
            "answer 200 once the event is safe with you, also when there is nothing to reply",
            "事件在您那边落稳之后就回答 200，没有内容要回复时也一样",
        ),
    }
}

/// The ways to sign wrongly.
fn forgeries() -> [(Signing, Words); 5] {
    [
        (Signing::Missing, Words::new("no signature", "没有签名")),
        (Signing::OtherKey, Words::new("another key", "别的密钥")),
        (Signing::OtherBody, Words::new("another body", "别的正文")),
        (Signing::OtherId, Words::new("another webhook-id", "别的 webhook-id")),
        (
            Signing::OtherTime,
            Words::new("another webhook-timestamp", "别的 webhook-timestamp"),
        ),
    ]
}

/// What is not from us is refused, and leaves nothing behind.
pub async fn signature(stage: &Stage) -> Vec<Finding> {
    match stage.door.signs() {
        Signs::Never => return Vec::new(),
        Signs::NoKey => return vec![unsigned()],
        Signs::Yes => {}
    }
    let event = stage.text(&mut stage.talk(), "core-check: signature");
    let (mut believed, mut odd) = (Vec::new(), Vec::new());
    for (signing, what) in forgeries() {
        let heard = stage
            .offer_as(Knock {
                signing,
                ..stage.knock(&event)
            })
            .await;
        match heard.status {
            Some(401 | 403) => {}
            _ if was_taken(&heard) => believed.push(what),
            _ => odd.push(Refusal {
                what,
                said: said(&heard),
            }),
        }
    }
    let mut findings = Vec::new();
    if !believed.is_empty() {
        findings.push(forged("signature", &believed));
    }
    if !odd.is_empty() {
        findings.push(wrong_status("signature", &odd));
    }
    if believed.is_empty() {
        findings.extend(afterwards("signature", stage, &event).await);
    }
    findings.extend(rotation(stage).await);
    if findings.is_empty() {
        let seen = Words::new(
            "wrong signatures are refused, and one right signature among several is enough",
            "错误的签名会被拒绝，多个签名中有一个正确即可",
        );
        findings.push(Finding::green("signature", seen));
    }
    findings
}

fn unsigned() -> Finding {
    Finding::yellow(
        "signature",
        Words::new(
            "without a key nothing was signed, and the core took it: whoever reaches its address can write to it",
            "没有提供密钥，事件未签名，而核心接收了：任何能访问该地址的人都能向它写入",
        ),
        Words::new(
            "give [[core]] secrets and the core one key, verify it there, and come back with --secret",
            "请在 [[core]] secrets 和核心两边配置同一个密钥，由核心校验，然后带上 --secret 再检查",
        ),
    )
}

fn forged(id: &'static str, believed: &[Words]) -> Finding {
    let each = |pick: fn(&Words) -> &str, join: &str| believed.iter().map(pick).collect::<Vec<_>>().join(join);
    Finding::red(
        id,
        Words::new(
            format!(
                "the core took events that nobody signed rightly ({})",
                each(|it| &it.en, ", ")
            ),
            format!("核心接收了签名不对的事件（{}）", each(|it| &it.zh, "、")),
        ),
        Words::new(
            "verify webhook-signature over webhook-id, webhook-timestamp and the raw body before anything else, and answer \
             401 when no signature fits",
            "先用 webhook-id、webhook-timestamp 和原始正文校验 webhook-signature，没有一个匹配时回答 401",
        ),
    )
}

fn wrong_status(id: &'static str, odd: &[Refusal]) -> Finding {
    let told = told(odd);
    Finding::red(
        id,
        Words::new(
            format!("a wrong signature is not refused with 401 or 403 ({})", told.en),
            format!("对错误签名的回答不是 401 或 403（{}）", told.zh),
        ),
        Words::new(
            "answer 401: then the bridge keeps everything and waits. 400 and 422 are said of an event, and set it aside for \
             good while a key is wrong",
            "请回答 401：网桥会保留一切并等待。400 和 422 是针对事件本身的，密钥配错期间事件会被搁置",
        ),
    )
}

/// The same event, rightly signed, after the attempts that were refused.
async fn afterwards(id: &'static str, stage: &Stage, event: &crate::schema::v1::Event) -> Option<Finding> {
    let heard = stage.offer(event).await;
    if was_taken(&heard) && !ignored(stage, &heard) {
        return None;
    }
    let said = said(&heard);
    Some(Finding::red(
        id,
        Words::new(
            format!(
                "an event that came first with a wrong and then with the right signature is lost: the core {}, without a reply",
                said.en
            ),
            format!("先以错误签名、再以正确签名到达的事件丢失了：核心{}，没有回复", said.zh),
        ),
        Words::new(
            "note (epoch, seq) only after the signature was verified, else a stranger can make you ignore real events",
            "校验签名之后才记录 (epoch, seq)，否则外人可以让您忽略真正的事件",
        ),
    ))
}

async fn rotation(stage: &Stage) -> Option<Finding> {
    let event = stage.text(&mut stage.talk(), "core-check: rotation");
    let heard = stage
        .offer_as(Knock {
            signing: Signing::Rotation,
            ..stage.knock(&event)
        })
        .await;
    if was_taken(&heard) {
        return None;
    }
    let said = said(&heard);
    Some(Finding::red(
        "signature",
        Words::new(
            format!("two signatures, the second with the core's key: it {}", said.en),
            format!("带两个签名，第二个用的是核心的密钥：它{}", said.zh),
        ),
        Words::new(
            "webhook-signature holds several signatures, separated by spaces, while a key is changed: one that fits is enough",
            "更换密钥期间 webhook-signature 里有多个以空格分隔的签名：有一个匹配即可",
        ),
    ))
}

/// A request that somebody recorded.
pub async fn stale(stage: &Stage) -> Vec<Finding> {
    if stage.door.signs() != Signs::Yes {
        return Vec::new();
    }
    let event = stage.text(&mut stage.talk(), "core-check: timestamp");
    let mut findings = Vec::new();
    for (by, en, zh) in [
        (-10, "10 minutes old", "10 分钟前"),
        (10, "10 minutes ahead", "10 分钟后"),
    ] {
        let heard = stage
            .offer_as(Knock {
                signing: Signing::Aged(by * MINUTE),
                ..stage.knock(&event)
            })
            .await;
        match heard.status {
            Some(401 | 403) => {}
            _ if was_taken(&heard) => findings.push(recorded(en, zh, by < 0)),
            _ => findings.push(wrong_status(
                "timestamp",
                &[Refusal {
                    what: Words::new(en, zh),
                    said: said(&heard),
                }],
            )),
        }
    }
    findings.extend(match findings.is_empty() {
        true => afterwards("timestamp", stage, &event).await,
        false => None,
    });
    if findings.is_empty() {
        // A repeat within the time is lawful.
        again(stage, &event).await;
        let seen = Words::new(
            "timestamps far from now are refused",
            "与当前时间相差太多的时间戳会被拒绝",
        );
        findings.push(Finding::green("timestamp", seen));
    }
    findings
}

fn recorded(en: &str, zh: &str, old: bool) -> Finding {
    let seen = Words::new(
        format!("the core took an event whose signed timestamp is {en}"),
        format!("核心接收了签名时间戳为{zh}的事件"),
    );
    let act = Words::new(
        "refuse with 401 what is more than 5 minutes away from your clock, else a recorded request can be sent again at any time",
        "与本机时钟相差超过 5 分钟的请以 401 拒绝，否则被截获的请求随时可以重放",
    );
    match old {
        true => Finding::red("timestamp", seen, act),
        false => Finding::yellow("timestamp", seen, act),
    }
}
