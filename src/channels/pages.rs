//! Do the docs say what the registry says? Pages that walk every channel.

use super::{REGISTRY, common::page::golden, contract::Channel};

/// The page `docs/platform-codes.md`.
fn codes() -> String {
    let mut out = String::from(
        "# The platforms' error codes and ours\n\n\
         Generated from the channels' tables; `UPDATE=1 cargo test` rewrites it. An `errcode` inside HTTP 200 is the result of the call.\n\
         Codes are keyed by channel: the platforms use the same numbers for different things.\n",
    );
    for channel in REGISTRY.iter().filter(|channel| !channel.numbers().is_empty()) {
        out.push_str(&format!(
            "\n## {} (`{}`)\n\n| platform | meaning | code | then | remedy | 处理办法 |\n|---|---|---|---|---|---|\n",
            channel.card().title_en,
            channel.card().name
        ));
        out.push_str(&codes_of(*channel));
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
            "| {} | {} | `{}` | {} | {} | {} |\n",
            numbers.join(" "),
            it.meaning,
            it.code,
            it.follows,
            it.remedy_en,
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
