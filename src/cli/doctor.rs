//! `wxbridge doctor`: is everything well, and if not, who does what where?

use serde_json::Value;

use super::{
    Context,
    client::Client,
    exit::{FAILED, Failure, Outcome},
    items, print,
};

pub async fn run(context: &Context<'_>, client: &Client, account: Option<&str>) -> Outcome {
    let mut query = vec![("lang", context.lang.name())];
    query.extend(account.map(|id| ("account", id)));
    let findings = client.get(&["admin", "v1", "doctor"], &query).await?;
    context.show(&findings, |findings| {
        items(findings).iter().map(|finding| told(context, finding)).collect()
    })?;
    let red = items(&findings)
        .iter()
        .any(|finding| print::at(finding, "/level") == "red");
    if red { Err(Failure::new(FAILED, "")) } else { Ok(()) }
}

fn told(context: &Context<'_>, finding: &Value) -> String {
    let level = match print::at(finding, "/level").as_str() {
        "red" => context.lang.pick("FAULT", "故障"),
        "yellow" => context.lang.pick("LOOK", "注意"),
        _ => context.lang.pick("ok", "正常"),
    };
    let account = match print::at(finding, "/account") {
        id if id.is_empty() => String::new(),
        id => format!(" {id}"),
    };
    let code = match print::at(finding, "/code") {
        code if code.is_empty() => String::new(),
        code => format!(" [{code}]"),
    };
    let mut text = format!(
        "{level}{account} {}{code}: {}\n",
        print::at(finding, "/id"),
        print::at(finding, "/seen")
    );
    for (key, en, zh) in [
        ("means", "means", "影响"),
        ("do", "do", "处理"),
        ("where", "where", "位置"),
    ] {
        let said = print::at(finding, &format!("/{key}"));
        if !said.is_empty() {
            text.push_str(&format!("    {}: {said}\n", context.lang.pick(en, zh)));
        }
    }
    text
}
