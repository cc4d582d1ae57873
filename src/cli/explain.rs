//! `wxbridge explain`: what does this code mean, and what is to be done?

use serde_json::{Value, json};

use super::{
    Context,
    exit::{Failure, Outcome, USAGE},
};
use crate::{
    channels::{self, contract::PlatformCode},
    error::{Code, pages},
};

pub fn run(context: &Context<'_>, text: &str) -> Outcome {
    if let Some(code) = Code::parse(text.trim()) {
        return context.show(&ours(code), |_| page(context, code));
    }
    if let Ok(number) = text.trim().parse() {
        let found: Vec<_> = channels::all()
            .filter_map(|channel| Some((channel.card(), channel.explain(number)?)))
            .collect();
        if !found.is_empty() {
            let items: Vec<_> = found.iter().map(|(card, it)| theirs(card.name, number, it)).collect();
            return context.show(&json!({ "items": items }), |_| {
                let pages = found.iter().map(|(card, it)| {
                    platform_page(context, context.lang.pick(card.title_en, card.title_zh), number, it)
                });
                pages.collect::<Vec<_>>().join("\n")
            });
        }
    }
    let names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
    let names = names.join(" ");
    Err(Failure::told(
        USAGE,
        format!("no code {text:?}; expected a number of the platform, or one of: {names}"),
        format!("没有错误码 {text:?}；应为平台的数字错误码，或以下之一：{names}"),
    ))
}

fn page(context: &Context<'_>, code: Code) -> String {
    let page = pages::page(code);
    let lang = context.lang;
    format!(
        "{code} (HTTP {}, gRPC {})\n\n{}\n\n{}{}\n",
        code.http(),
        code.grpc_name(),
        lang.pick(page.cause_en, page.cause_zh),
        lang.pick("What to do: ", "处理办法："),
        lang.pick(page.remedy_en, page.remedy_zh),
    )
}

fn platform_page(context: &Context<'_>, channel: &str, number: i64, it: &PlatformCode) -> String {
    let lang = context.lang;
    format!(
        "{channel} {number}: {} ({})\n{}{}\n\n{}",
        lang.pick(it.meaning_en, it.meaning_zh),
        lang.pick(it.follows_en, it.follows_zh),
        lang.pick("What to do: ", "处理办法："),
        lang.pick(it.remedy_en, it.remedy_zh),
        page(context, it.code),
    )
}

fn ours(code: Code) -> Value {
    let page = pages::page(code);
    json!({
        "code": code.name(),
        "http": code.http(),
        "grpc": code.grpc(),
        "cause": { "en": page.cause_en, "zh": page.cause_zh },
        "remedy": { "en": page.remedy_en, "zh": page.remedy_zh },
    })
}

fn theirs(channel: &str, number: i64, it: &PlatformCode) -> Value {
    json!({
        "channel": channel,
        "number": number,
        "meaning": { "en": it.meaning_en, "zh": it.meaning_zh },
        "follows": { "en": it.follows_en, "zh": it.follows_zh },
        "remedy": { "en": it.remedy_en, "zh": it.remedy_zh },
        "explained": ours(it.code),
    })
}
