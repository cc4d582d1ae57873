//! Is each part of the schema rendered or refused with a code, as the capability record says? And the table of it,
//! `docs/parts.md`, from the renderers themselves.

use super::{
    REGISTRY, each,
    samples::{NOW, account, parts, passive_to, with_agents},
};
use crate::{
    channels::{
        common::{limits::schema_parts, page::golden},
        contract::{Account, Channel, Pieces, Roads, Say, What},
    },
    error::Fault,
    schema::v1::{self, part::Content, part_capability::Support, send_request::Degrade},
};

const API: Roads = Roads {
    passive: false,
    api: true,
    after_event: false,
};
const PASSIVE: Roads = Roads {
    passive: true,
    api: false,
    after_event: false,
};

fn say(content: Content) -> Say {
    let part = v1::Part {
        content: Some(content),
        ..Default::default()
    };
    Say {
        what: What::Parts {
            parts: vec![part],
            quote: None,
        },
        ..Default::default()
    }
}

/// What one road makes of a part.
#[derive(Debug, PartialEq, Eq)]
enum Shown {
    /// As the platform's own kind of message.
    Native(String),
    /// As something else, by our names.
    As(String),
    Refused(String),
    /// The road carries nothing of this kind.
    None,
}

impl Shown {
    fn of(rendered: Result<Pieces, Fault>) -> Self {
        match rendered {
            Err(fault) => Shown::Refused(fault.code.name().into()),
            Ok(pieces) => match pieces.degradations.first() {
                Some(lost) => Shown::As(lost.to_type.clone()),
                None => Shown::Native(kind(&pieces)),
            },
        }
    }

    fn cell(&self) -> String {
        match self {
            Shown::Native(kind) if kind.is_empty() => "native".into(),
            Shown::Native(kind) => format!("native, `{kind}`"),
            Shown::As(other) => format!("as `{other}`"),
            Shown::Refused(code) => format!("refused, `{code}`"),
            Shown::None => "–".into(),
        }
    }
}

/// What the platform calls the first piece.
fn kind(pieces: &Pieces) -> String {
    let native = pieces.pieces.first().and_then(|piece| piece.native.get("msgtype"));
    native
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn by_api(account: &dyn Account, content: &Content) -> Shown {
    Shown::of(account.pieces(&say(content.clone()), API))
}

fn passively(account: &dyn Account, content: &Content) -> Shown {
    let to = passive_to();
    let rendered = account.pieces(&say(content.clone()), PASSIVE);
    let rides = rendered.as_ref().is_ok_and(|it| {
        let first = it.pieces.first();
        first.is_some_and(|piece| account.passive(piece, &to, NOW).is_some())
    });
    match rendered {
        Ok(_) if !rides => Shown::None,
        rendered => Shown::of(rendered),
    }
}

#[test]
fn there_is_a_sample_of_every_part() {
    each(|name, channel| {
        let samples: Vec<&str> = parts(channel).iter().map(|(part, _)| *part).collect();
        assert_eq!(samples, schema_parts(), "{name}");
        let record = account(channel).capabilities().outbound;
        let lines: Vec<&str> = record.iter().map(|line| line.r#type.as_str()).collect();
        assert_eq!(lines, schema_parts(), "{name}: the record has a line for each");
    });
}

#[test]
fn every_part_is_shown_or_refused_as_the_capability_record_says() {
    let check = |name: &str, channel: &dyn Channel, account: &dyn Account| {
        let record = account.capabilities();
        for (part, content) in parts(channel) {
            let line = record.outbound.iter().find(|line| line.r#type == part);
            let line = line.unwrap_or_else(|| panic!("{name}: the record has no {part}"));
            let roads = [by_api(account, &content), passively(account, &content)];
            let native = roads.iter().any(|shown| matches!(shown, Shown::Native(_)));
            let other = roads.iter().any(|shown| matches!(shown, Shown::As(_)));
            let right = match line.support() {
                Support::Native => native,
                Support::Degraded => !native && roads.contains(&Shown::As(line.degrades_to.clone())),
                Support::No => !native && !other,
            };
            assert!(
                right,
                "{name}: the record says {:?} {:?} of {part}, the renderer {roads:?}",
                line.support(),
                line.degrades_to
            );
        }
    };
    each(|name, channel| {
        check(name, channel, &*with_agents(channel));
        check(name, channel, &*account(channel));
    });
}

#[test]
fn a_core_that_refuses_losses_gets_the_part_itself_or_a_code() {
    each(|name, channel| {
        let account = with_agents(channel);
        for (part, content) in parts(channel) {
            let strict = Say {
                degrade: Degrade::Refuse,
                ..say(content)
            };
            match account.pieces(&strict, API) {
                Ok(pieces) => assert!(pieces.degradations.is_empty(), "{name}: {part}"),
                Err(fault) => assert!(!fault.code.name().is_empty(), "{name}: {part}"),
            }
        }
    });
}

#[test]
fn a_part_that_says_nothing_is_an_error_and_no_message() {
    each(|name, channel| {
        let account = with_agents(channel);
        let empty = v1::Part::default();
        let say = Say {
            what: What::Parts {
                parts: vec![empty],
                quote: None,
            },
            ..Default::default()
        };
        assert!(account.pieces(&say, API).is_err(), "{name}");
        assert!(account.pieces(&Say::default(), API).is_err(), "{name}: no part at all");
    });
}

/// The page.
fn page() -> String {
    let mut out = String::from(
        "# Parts by channel\n\n\
         What becomes of each part of the schema. Generated by asking the renderers; `UPDATE=1 cargo test` rewrites it. The samples are \
         whole: media are on the platform where it takes that kind of file, cards have a picture, a page and a web link, one article, \
         a menu of answers, a reference to a coupon (`wxcard`). What a part becomes when something is missing stands in each channel's own page.\n\n\
         *Native* names the platform's own kind of message; *as* what is shown instead, reported in `SendResult.degradations`; \
         *refused* the code of the failed result. *Passively*: inside the answer to a callback, on channels that have this road. \
         `platform_agents` is `\"allow\"` here, else `transfer` is refused everywhere.\n",
    );
    out.push_str(&table("By the API", by_api));
    out.push_str(&table("Passively", passively));
    out
}

fn table(title: &str, shown: fn(&dyn Account, &Content) -> Shown) -> String {
    let heads: Vec<String> = REGISTRY.iter().map(|it| format!("`{}`", it.card().name)).collect();
    let mut out = format!(
        "\n## {title}\n\n| part | {} |\n|---|{}\n",
        heads.join(" | "),
        "---|".repeat(heads.len())
    );
    let columns: Vec<Vec<Shown>> = REGISTRY.iter().map(|channel| column(*channel, shown)).collect();
    for (at, part) in schema_parts().into_iter().enumerate() {
        let cells: Vec<String> = columns.iter().map(|column| column[at].cell()).collect();
        out.push_str(&format!("| `{part}` | {} |\n", cells.join(" | ")));
    }
    out
}

fn column(channel: &dyn Channel, shown: fn(&dyn Account, &Content) -> Shown) -> Vec<Shown> {
    let account = with_agents(channel);
    parts(channel)
        .iter()
        .map(|(_, content)| shown(&*account, content))
        .collect()
}

#[test]
fn the_page_of_parts_is_current() {
    golden("parts.md", &page());
}
