//! `wxbridge forwarder`: which copies go where, how far are they behind, and are they protected?

use serde_json::{Value, json};

use super::{
    Context,
    args::{ForwarderCommand, Turn},
    client::Client,
    exit::Outcome,
    items,
    lang::Lang,
    print,
};

pub async fn run(context: &Context<'_>, client: &Client, command: &ForwarderCommand) -> Outcome {
    let lang = context.lang;
    match command {
        ForwarderCommand::List => {
            let found = client.get(&["admin", "v1", "forwarders"], &[("limit", "1000")]).await?;
            context.show(&found, |found| listed(found, lang))
        }
        ForwarderCommand::Switch { to } => {
            let wish = json!({ "on": matches!(to, Turn::On) });
            let path = ["admin", "v1", "forwarders", "switch"];
            let done = client.post(&path, &[], &wish).await?;
            context.show(&done, |done| switched(done, lang))
        }
    }
}

/// One line for each type of each forwarder, and how the switch stands.
fn listed(found: &Value, lang: Lang) -> String {
    let rows: Vec<Vec<String>> = items(found)
        .iter()
        .flat_map(|forwarder| {
            let types = forwarder["types"].as_array().map_or(&[][..], Vec::as_slice);
            types.iter().map(|one| row(forwarder, one, lang))
        })
        .collect();
    let head = [
        "NAME",
        "TYPE",
        "MODE",
        "PROTECTED",
        "SENT",
        "FAILURES",
        "GIVEN UP",
        "WAITING SINCE",
        "LAST ERROR",
    ];
    let mut text = print::table(&head, &rows);
    text.push_str(&stands(found["switch"]["on"] == true, lang));
    text
}

fn row(forwarder: &Value, one: &Value, lang: Lang) -> Vec<String> {
    let protected = match one["protected"] == true {
        true => lang.pick("yes", "是"),
        false => lang.pick("no", "否"),
    };
    // What its receiver did not take in time, and what the retention took before it was read.
    let given_up: u64 = ["expired", "lost"].iter().filter_map(|key| one[*key].as_u64()).sum();
    vec![
        print::at(forwarder, "/name"),
        print::at(one, "/type"),
        print::at(forwarder, "/mode"),
        protected.to_owned(),
        print::at(one, "/sent"),
        print::at(one, "/failures"),
        given_up.to_string(),
        print::at(one, "/waitingSince"),
        print::at(one, "/lastError"),
    ]
}

fn switched(done: &Value, lang: Lang) -> String {
    let mut text = stands(done["on"] == true, lang);
    if done["changed"] != true {
        text.push_str(lang.pick("it stood so already\n", "此前已是如此\n"));
    }
    let ended = print::at(done, "/legacyPlainEnded");
    if !ended.is_empty() {
        text.push_str(&format!("{}: {ended}\n", lang.pick("no longer exempt", "不再豁免")));
    }
    text.push_str(&format!("{}\n", print::at(done, "/governs")));
    text
}

fn stands(on: bool, lang: Lang) -> String {
    let text = match on {
        true => lang.pick("switch: on, copies are protected\n", "开关：开启，转发内容受保护\n"),
        false => lang.pick(
            "switch: off, copies are not protected\n",
            "开关：关闭，转发内容不受保护\n",
        ),
    };
    text.to_owned()
}
