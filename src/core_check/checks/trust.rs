//! Is anybody there, and does the core believe only us? The first event, wrong signatures, old timestamps.

use super::{Refusal, again, ignored, remedy::remedy, said, taken as was_taken, told};
use crate::{
    core_check::{
        door::{Heard, Knock, Signing, Signs},
        report::{Finding, Words},
        stage::Stage,
    },
    schema::v1::Event,
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
        Signs::Certificate => return Vec::new(),
        Signs::NoKey => return vec![unsigned()],
        Signs::NoBearer => return vec![open()],
        Signs::Bearer => return bearer(stage).await,
        Signs::Yes => {}
    }
    let event = stage.text(&mut stage.talk(), "core-check: signature");
    let mut findings = forged_as(stage, &event, &forgeries(), "signature", forged).await;
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

/// Offers it in each wrong way, and then rightly.
async fn forged_as(
    stage: &Stage,
    event: &Event,
    ways: &[(Signing, Words)],
    id: &'static str,
    fault: fn(&[Words]) -> Finding,
) -> Vec<Finding> {
    let (mut believed, mut odd) = (Vec::new(), Vec::new());
    for (signing, what) in ways {
        let heard = stage
            .offer_as(Knock {
                signing: *signing,
                ..stage.knock(event)
            })
            .await;
        match heard.status {
            Some(status) if status.refuses_us() => {}
            _ if was_taken(&heard) => believed.push(what.clone()),
            _ => odd.push(Refusal {
                what: what.clone(),
                said: said(&heard),
            }),
        }
    }
    let mut findings = Vec::new();
    if !believed.is_empty() {
        findings.push(fault(&believed));
    }
    if !odd.is_empty() {
        findings.push(wrong_status(id, &odd));
    }
    if believed.is_empty() {
        findings.extend(afterwards(id, stage, event).await);
    }
    findings
}

/// Over gRPC the bearer is what a signature is over HTTP.
async fn bearer(stage: &Stage) -> Vec<Finding> {
    let event = stage.text(&mut stage.talk(), "core-check: bearer");
    let ways = [
        (Signing::Missing, Words::new("no bearer", "没有口令")),
        (Signing::OtherKey, Words::new("another bearer", "别的口令")),
    ];
    let mut findings = forged_as(stage, &event, &ways, "bearer", unasked).await;
    if findings.is_empty() {
        let seen = Words::new("who does not know the secret is refused", "不知道口令的调用会被拒绝");
        findings.push(Finding::green("bearer", seen));
    }
    findings
}

fn open() -> Finding {
    Finding::yellow(
        "bearer",
        Words::new(
            "the core took an event of a caller without a secret: whoever reaches its address can write to it",
            "核心接收了没有口令的调用：任何能访问该地址的人都能向它写入",
        ),
        Words::new(
            "give [[core]] bearer and the core one secret, compare it there, and come back with --bearer; or ask for a \
             certificate",
            "请在 [[core]] bearer 和核心两边配置同一个口令，由核心比对，然后带上 --bearer 再检查；也可以要求客户端证书",
        ),
    )
}

fn unasked(believed: &[Words]) -> Finding {
    let (en, zh) = listed(believed);
    Finding::red(
        "bearer",
        Words::new(
            format!("the core took events of callers who do not know its secret ({en})"),
            format!("核心接收了不知道口令的调用（{zh}）"),
        ),
        Words::new(
            "compare the metadata `authorization` with `Bearer ` and the secret before anything else, and answer \
             UNAUTHENTICATED when it differs",
            "先把元数据 `authorization` 与 `Bearer ` 加口令比对，不一致时回答 UNAUTHENTICATED",
        ),
    )
}

fn listed(believed: &[Words]) -> (String, String) {
    let each = |pick: fn(&Words) -> &str, join: &str| believed.iter().map(pick).collect::<Vec<_>>().join(join);
    (each(|it| &it.en, ", "), each(|it| &it.zh, "、"))
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

fn forged(believed: &[Words]) -> Finding {
    let (en, zh) = listed(believed);
    Finding::red(
        "signature",
        Words::new(
            format!("the core took events that nobody signed rightly ({en})"),
            format!("核心接收了签名不对的事件（{zh}）"),
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
            format!(
                "who is not the bridge is not refused with 401 or 403, over gRPC UNAUTHENTICATED ({})",
                told.en
            ),
            format!(
                "对冒充者的回答不是 401 或 403（gRPC 为 UNAUTHENTICATED）（{}）",
                told.zh
            ),
        ),
        Words::new(
            "answer 401 (gRPC: UNAUTHENTICATED): then the bridge keeps everything and waits. 400 and 422 (INVALID_ARGUMENT) are \
             said of an event, and set it aside for good while a key is wrong",
            "请回答 401（gRPC：UNAUTHENTICATED）：网桥会保留一切并等待。400 和 422（INVALID_ARGUMENT）是针对事件本身的，密钥配错期间事件会被搁置",
        ),
    )
}

/// The same event, rightly signed, after the attempts that were refused.
async fn afterwards(id: &'static str, stage: &Stage, event: &Event) -> Option<Finding> {
    let heard = stage.offer(event).await;
    if was_taken(&heard) && !ignored(stage, &heard) {
        return None;
    }
    let said = said(&heard);
    Some(Finding::red(
        id,
        Words::new(
            format!(
                "an event that came first from a stranger and then from the bridge is lost: the core {}, without a reply",
                said.en
            ),
            format!("先由冒充者、再由网桥送达的同一事件丢失了：核心{}，没有回复", said.zh),
        ),
        Words::new(
            "note (epoch, seq) only after you know who calls, else a stranger can make you ignore real events",
            "确认来者身份之后才记录 (epoch, seq)，否则外人可以让您忽略真正的事件",
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
            Some(status) if status.refuses_us() => {}
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
