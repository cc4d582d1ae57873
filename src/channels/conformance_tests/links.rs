//! Is an address that no text holds left out and told, on every channel and from every mark-up?

use serde_json::json;

use super::{
    each,
    samples::account,
    texts::{ROADS, say, texts},
};
use crate::{error::Code, schema::v1::send_request::Degrade};

#[test]
fn a_link_whose_address_no_text_holds_leaves_its_words_and_is_told() {
    let url = format!("https://e.com/{}", "p".repeat(2100));
    each(|name, channel| {
        let account = account(channel);
        for part in [
            json!({"text": {"body": format!("see <a href=\"{url}\">words</a>"), "format": "HTML"}}),
            json!({"text": {"body": format!("see [words]({url})"), "format": "MARKDOWN"}}),
        ] {
            let mut asked = say(part);
            for roads in ROADS {
                let pieces = account.pieces(&asked, roads).expect("renders");
                let told: Vec<_> = pieces
                    .degradations
                    .iter()
                    .map(|it| (&*it.from_type, &*it.to_type))
                    .collect();
                assert_eq!(
                    (texts(&pieces), told),
                    (vec!["see words"], vec![("link", "text")]),
                    "{name}"
                );
            }
            asked.degrade = Degrade::Refuse;
            let refused = account.pieces(&asked, ROADS[0]).map_err(|fault| fault.code);
            assert_eq!(refused.map(|it| it.pieces), Err(Code::TooLong), "{name}");
        }
    });
}

#[test]
fn a_link_that_has_no_words_but_its_long_address_is_not_torn_either() {
    let url = format!("https://e.com/{}", "p".repeat(2100));
    each(|name, channel| {
        let account = account(channel);
        for body in [
            format!("<a href=\"{url}\"></a>"),
            format!("<a href=\"{url}\">{url}</a>"),
        ] {
            let asked = say(json!({"text": {"body": body, "format": "HTML"}}));
            let pieces = account.pieces(&asked, ROADS[0]).expect("renders");
            assert_eq!(
                (texts(&pieces), pieces.degradations.len()),
                (vec!["[链接]"], 1),
                "{name}"
            );
        }
    });
}
