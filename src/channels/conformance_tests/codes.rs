//! Is every error number of a channel's table judged and explained? And the page of them, `docs/platform-codes.md`.

use super::{
    REGISTRY, each,
    samples::{account, parts},
};
use crate::{
    channels::{
        common::page::golden,
        contract::{Account, Channel, Lasts, Roads, Say, Verdict, What},
    },
    ports::platform::{Answer, Call},
    schema::v1,
};

/// A message as a call.
fn send(account: &dyn Account, channel: &dyn Channel) -> Call {
    let text = parts(channel).into_iter().next().map(|(_, content)| content);
    let say = Say {
        what: What::Parts {
            parts: vec![v1::Part {
                content: text,
                ..Default::default()
            }],
            quote: None,
        },
        ..Default::default()
    };
    let api = Roads {
        passive: false,
        api: true,
        after_event: false,
    };
    let pieces = account.pieces(&say, api).expect("a text renders");
    account.call(&pieces.pieces[0], "customer")
}

#[test]
fn every_number_of_a_table_is_judged_as_it_is_explained() {
    each(|name, channel| {
        let account = account(channel);
        let call = send(&*account, channel);
        assert!(!channel.numbers().is_empty(), "{name} names no codes");
        for number in channel.numbers() {
            let told = channel
                .explain(number)
                .unwrap_or_else(|| panic!("{name}: {number} is not explained"));
            let texts = [told.meaning_en, told.meaning_zh, told.remedy_en, told.remedy_zh];
            assert!(texts.iter().all(|text| !text.is_empty()), "{name}: {number}");
            let chinese = [told.meaning_zh, told.remedy_zh].iter().all(|text| !text.is_ascii());
            assert!(chinese, "{name}: {number}");
            let verdict = account.judge(
                &call,
                &Answer::json(200, format!(r#"{{"errcode":{number},"errmsg":"x"}}"#)),
            );
            let error = match &verdict {
                Verdict::RefreshToken(error) | Verdict::RetryLater(error) | Verdict::UploadAgain(error) => error,
                Verdict::Failed { error, .. } => error,
                Verdict::Done { .. } | Verdict::Unknown(_) => panic!("{name}: {number} is {verdict:?}"),
            };
            assert_eq!(error.code, told.code.name(), "{name}: {number}");
            assert_eq!(i64::from(error.platform_code), number, "{name}");
            assert!(!error.remedy.is_empty(), "{name}: {number}");
        }
    });
}

/// 45011 is Weixin's count by the minute; what is refused for coming at the same time as others (43108, 45033) is not.
#[test]
fn what_is_counted_by_the_minute_waits_for_the_next_and_nothing_else_does() {
    each(|name, channel| {
        let account = account(channel);
        let mut numbers = channel.numbers();
        let counted = numbers.contains(&45011).then_some(45011);
        numbers.retain(|number| account.lasts(*number) == Lasts::UntilNextMinute);
        assert_eq!(numbers, Vec::from_iter(counted), "{name}");
    });
}

/// WeCom and WeChat customer service block for a minute from the refusal on.
#[test]
fn what_was_called_too_often_says_so() {
    for name in ["wecom_app", "wechat_kf"] {
        let channel = REGISTRY.iter().find(|it| it.card().name == name).expect("registered");
        let told = channel.explain(45009).expect("explained");
        assert_eq!(told.follows_en, "retried after a minute", "{name}");
        assert_eq!(account(*channel).lasts(45009), Lasts::Minute, "{name}");
    }
}

#[test]
fn every_number_stands_once() {
    each(|name, channel| {
        let mut numbers = channel.numbers();
        numbers.sort_unstable();
        for pair in numbers.windows(2) {
            assert_ne!(pair[0], pair[1], "{name}");
        }
    });
}

#[test]
fn a_number_that_no_page_names_is_final_and_a_broken_answer_never_a_second_message() {
    each(|name, channel| {
        let account = account(channel);
        let call = send(&*account, channel);
        assert!(channel.explain(99_999_999).is_none(), "{name}");
        let unknown = account.judge(&call, &Answer::json(200, r#"{"errcode":99999999,"errmsg":"x"}"#));
        assert!(matches!(unknown, Verdict::Failed { .. }), "{name}: {unknown:?}");
        for (status, body) in [(502, "<html>"), (200, "<html>"), (200, ""), (200, "[]")] {
            let verdict = account.judge(&call, &Answer::json(status, body));
            assert!(
                matches!(&verdict, Verdict::Unknown(error) if error.code == "AMBIGUOUS"),
                "{name}: {verdict:?}"
            );
        }
    });
}

/// The page `docs/platform-codes.md`.
fn codes() -> String {
    let mut out = String::from(
        "# The platforms' error codes and ours\n\n\
         Generated from the channels' tables; `UPDATE=1 cargo test` rewrites it. An `errcode` inside HTTP 200 is the result of the call.\n\
         Codes are keyed by channel: the platforms use the same numbers for different things.\n",
    );
    for channel in crate::channels::all().filter(|channel| !channel.numbers().is_empty()) {
        out.push_str(&format!(
            "\n## {} (`{}`)\n\n| platform | meaning | code | then | remedy | 含义 | 处理办法 |\n|---|---|---|---|---|---|---|\n",
            channel.card().title_en,
            channel.card().name
        ));
        out.push_str(&codes_of(channel));
    }
    out.push_str(OTHERS);
    out
}

/// Neighbours that mean the same share a line.
fn codes_of(channel: &dyn Channel) -> String {
    let mut out = String::new();
    let numbers = channel.numbers();
    for same in numbers.chunk_by(|one, next| channel.explain(*one) == channel.explain(*next)) {
        let Some(it) = same.first().and_then(|number| channel.explain(*number)) else {
            continue;
        };
        let numbers: Vec<_> = same.iter().map(i64::to_string).collect();
        out.push_str(&format!(
            "| {} | {} | `{}` | {} | {} | {} | {} |\n",
            numbers.join(" "),
            it.meaning_en,
            it.code,
            it.follows_en,
            it.remedy_en,
            it.meaning_zh,
            it.remedy_zh
        ));
    }
    out
}

const OTHERS: &str = "
## Beside the tables

On a token call 40001 is `BAD_SECRET`: there is no token yet that could be stale. 40200, 45080 and 45081 on the typing call and 65413 when
a customer is taken back from an agent are no failure.
Any other code: final, `INVALID_REQUEST`, with `errcode`, `errmsg` and `rid` shown.

| answer | to a send | to every other call |
|---|---|---|
| HTTP 5xx, complete | `UNKNOWN`, `AMBIGUOUS` | retried, `PLATFORM_DOWN` |
| HTTP 200, not JSON, or JSON without `errcode` | `UNKNOWN`, `AMBIGUOUS` | retried, `PLATFORM_DOWN`; without `errcode` it is the good answer |
| HTTP 408 | `UNKNOWN`, `AMBIGUOUS` | the same |
| HTTP 429 | retried, `RATE_LIMITED` | retried, `RATE_LIMITED` |
| another status without `errcode` | final, `PLATFORM_DOWN`: check `api_base` | the same |
| the connection failed before our bytes left | retried, `PLATFORM_DOWN` | retried, `PLATFORM_DOWN` |
| no complete answer | `UNKNOWN`, `AMBIGUOUS` | retried, `PLATFORM_DOWN` |
";

#[test]
fn the_page_of_codes_is_current() {
    golden("platform-codes.md", &codes());
}
