//! Do both READMEs list the channels that there are? The block between the marks is written from the registry.

use std::{fs, path::PathBuf};

use super::{REGISTRY, samples::with_agents};
use crate::{
    channels::contract::{Account, Channel},
    schema::v1::part_capability::Support,
};

const BEGIN: &str = "<!-- channels: written by a test from the registry -->\n";
const END: &str = "<!-- /channels -->";

/// The words of one language.
struct Words {
    head: &'static str,
    title: fn(&dyn Channel) -> &'static str,
    comma: &'static str,
    yes: &'static str,
    no: &'static str,
    events: &'static str,
    parts: &'static str,
    window: fn(u32, u64) -> String,
    unlimited: &'static str,
}

const ENGLISH: Words = Words {
    head: "| channel | `channel =` | asks for | sends as the platform's own | answers inside the callback | after a message | tables |\n|---|---|---|---|---|---|---|\n",
    title: |channel| channel.card().title_en,
    comma: ", ",
    yes: "yes",
    no: "no",
    events: "events",
    parts: "parts",
    window: |count, hours| format!("{count} in {hours} h"),
    unlimited: "no window",
};

const CHINESE: Words = Words {
    head: "| 渠道 | `channel =` | 需要填写 | 可直接发送的内容 | 在回调里直接应答 | 客户发消息后可回 | 对照表 |\n|---|---|---|---|---|---|---|\n",
    title: |channel| channel.card().title_zh,
    comma: "、",
    yes: "支持",
    no: "不支持",
    events: "消息与事件",
    parts: "内容",
    window: |count, hours| format!("{hours} 小时内 {count} 条"),
    unlimited: "无窗口限制",
};

fn table(words: &Words) -> String {
    let lines: Vec<String> = REGISTRY.iter().map(|channel| line(*channel, words)).collect();
    format!("{}{}", words.head, lines.concat())
}

fn line(channel: &dyn Channel, words: &Words) -> String {
    let (card, account) = (channel.card(), with_agents(channel));
    let asked = card.fields.iter().filter(|field| field.required);
    let asked: Vec<String> = asked.map(|field| format!("`{}`", field.name)).collect();
    let record = account.capabilities();
    let native = record.outbound.iter().filter(|part| part.support() == Support::Native);
    let native: Vec<String> = native.map(|part| format!("`{}`", part.r#type)).collect();
    format!(
        "| [{}]({}) | `{}` | {} | {} | {} | {} | {} |\n",
        (words.title)(channel),
        card.doc_url,
        card.name,
        asked.join(words.comma),
        native.join(words.comma),
        if record.passive { words.yes } else { words.no },
        window(&*account, words),
        tables(card.name, words)
    )
}

fn window(account: &dyn Account, words: &Words) -> String {
    let rule = account.allowance("message");
    let rule = rule.and_then(|rule| Some((rule.count?, rule.window.unsigned_abs() / 3_600_000)));
    rule.map_or_else(|| words.unlimited.into(), |(count, hours)| (words.window)(count, hours))
}

/// The pages that the channel has in `docs/`.
fn tables(name: &str, words: &Words) -> String {
    let of = |word: &str, page: &str| {
        let path = format!("docs/{}-{page}.md", name.replace('_', "-"));
        root().join(&path).is_file().then(|| format!("[{word}]({path})"))
    };
    let pages = [of(words.events, "events"), of(words.parts, "parts")];
    pages.into_iter().flatten().collect::<Vec<_>>().join(words.comma)
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn check(file: &str, words: &Words) {
    let path = root().join(file);
    let text = fs::read_to_string(&path).expect("a README");
    let (before, rest) = text
        .split_once(BEGIN)
        .unwrap_or_else(|| panic!("{file} has no mark {BEGIN}"));
    let (found, after) = rest
        .split_once(END)
        .unwrap_or_else(|| panic!("{file} has no mark {END}"));
    let wanted = table(words);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{wanted}{END}{after}")).expect("writable");
        return;
    }
    assert!(
        found == wanted,
        "{file} lists other channels: run the tests once with UPDATE=1"
    );
}

#[test]
fn both_readmes_list_the_channels_that_there_are() {
    check("README.md", &ENGLISH);
    check("README.zh-CN.md", &CHINESE);
}
