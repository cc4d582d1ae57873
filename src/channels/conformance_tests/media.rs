//! Does each channel say what it does with files, and do as it says? And the page of it, `docs/media.md`.

use super::{REGISTRY, each, samples};
use crate::{
    channels::{
        common::page::golden,
        contract::{Downloaded, Upload, Verdict},
    },
    error::Code,
    ports::platform::{Answer, CallBody},
    schema::v1::part_capability::Support,
};

const KINDS: &[&str] = &["image", "voice", "video", "file", "thumb"];

#[test]
fn an_account_that_was_stored_with_a_limit_of_no_name_opens() {
    each(|name, channel| {
        let mut settings = samples::settings(channel);
        assert!(channel.limits().contains(&"text_bytes".to_owned()), "{name}");
        settings.limits.insert("image_byte".into(), 1);
        assert!(channel.open(&settings).is_ok(), "{name}");
    });
}

#[test]
fn a_channel_uploads_what_its_table_says_and_nothing_else() {
    each(|name, channel| {
        let settings = samples::settings(channel);
        let account = channel
            .open(&settings)
            .unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
        let upload = |kind: &'static str, mime: &str, size: usize| {
            account.upload(&Upload {
                kind,
                name: "a.bin".into(),
                mime: mime.into(),
                bytes: vec![7; size],
            })
        };
        for kind in KINDS.iter().copied() {
            let Some(limit) = channel.media().iter().find(|limit| limit.kind == kind) else {
                let refused = upload(kind, "image/png", 100).expect_err("nothing in the table");
                assert_eq!(refused.code, Code::UnsupportedPart, "{name} {kind}");
                continue;
            };
            let mime = limit.formats.first().map_or("application/pdf", |(mime, _)| *mime);
            let most = usize::try_from(limit.max_bytes).expect("fits");
            let call = upload(kind, mime, most).unwrap_or_else(|fault| panic!("{name} {kind}: {fault}"));
            assert!(matches!(call.body, CallBody::File { .. }), "{name} {kind}");
            let large = upload(kind, mime, most + 1).expect_err("over the limit");
            assert_eq!(large.code, Code::MediaTooLarge, "{name} {kind}");
            if !limit.formats.is_empty() {
                let strange = upload(kind, "application/x-strange", 100).expect_err("not in the table");
                assert_eq!(strange.code, Code::UnsupportedPart, "{name} {kind}");
            }
        }
        for part in account
            .capabilities()
            .outbound
            .iter()
            .filter(|part| KINDS.contains(&&*part.r#type))
        {
            let listed = channel.media().iter().any(|limit| limit.kind == part.r#type);
            assert_eq!(part.support() == Support::Native, listed, "{name} {}", part.r#type);
        }
    });
}

#[test]
fn a_channel_whose_customers_send_files_says_how_they_are_fetched() {
    each(|name, channel| {
        let settings = samples::settings(channel);
        let account = channel
            .open(&settings)
            .unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
        let inbound = account.capabilities().inbound;
        for kind in inbound.iter().filter(|kind| KINDS.contains(&kind.as_str())) {
            let call = account.download("MEDIA-ID", kind);
            let call = call.unwrap_or_else(|| panic!("{name} has no way to fetch {kind}"));
            assert!(call.query.iter().any(|(_, value)| value == "MEDIA-ID"), "{name} {kind}");
            let answer = |status: u16, body: &str| Answer::json(status, body);
            let dead = account.downloaded(&call, &answer(200, r#"{"errcode":40007,"errmsg":"invalid media_id"}"#));
            assert!(matches!(dead, Downloaded::Refused(_)), "{name} {kind}: {dead:?}");
            let down = account.downloaded(&call, &answer(502, "<html>"));
            assert!(
                matches!(down, Downloaded::Refused(Verdict::RetryLater(_))),
                "{name} {kind}: {down:?}"
            );
            let own = account.downloaded(&call, &answer(200, r#"{"a":"customer's own"}"#));
            assert_eq!(own, Downloaded::File, "{name} {kind}");
        }
    });
}

#[test]
fn the_page_of_media_says_what_the_tables_say() {
    let mut page = include_str!("media.md.in").to_owned();
    page.push_str("\n| channel | kind | at most | formats |\n|---|---|---|---|\n");
    for channel in REGISTRY {
        for limit in channel.media() {
            let formats: Vec<_> = limit.formats.iter().map(|(mime, _)| *mime).collect();
            let formats = if formats.is_empty() {
                "any".to_owned()
            } else {
                formats.join(", ")
            };
            page.push_str(&format!(
                "| `{}` | `{}` | {} | {formats} |\n",
                channel.card().name,
                limit.kind,
                humane(limit.max_bytes)
            ));
        }
    }
    golden("media.md", &page);
}

fn humane(bytes: u64) -> String {
    match (bytes >> 20, bytes >> 10) {
        (0, kib) => format!("{kib} KiB"),
        (mib, _) => format!("{mib} MiB"),
    }
}
