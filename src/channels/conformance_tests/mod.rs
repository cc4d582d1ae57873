//! Does every channel keep the promises of the seam? One suite that walks the registry; a new channel joins by its line there.
//!
//! A channel brings nothing but its folder in `fixtures/`, see [`bodies`]. Accounts come from [`samples::settings`], which
//! fills in what the channel's card asks for.

mod bodies;
mod codes;
mod door;
mod hostile;
mod identity;
mod links;
mod malformed;
mod media;
mod parts;
mod readme;
pub(super) mod samples;
mod texts;

use super::{REGISTRY, contract::Channel};

/// Every channel, with its name for messages of failed tests.
fn each(check: impl Fn(&'static str, &'static dyn Channel)) {
    for channel in REGISTRY {
        check(channel.card().name, *channel);
    }
}

#[test]
fn an_account_in_which_nothing_was_entered_is_told_every_field_that_it_needs() {
    each(|name, channel| {
        let nothing = crate::settings::AccountSettings::default();
        let faults = channel.open(&nothing).err().unwrap_or_default();
        for field in channel.card().fields.iter().filter(|field| field.required) {
            assert!(
                faults.iter().any(|fault| fault.key == field.name),
                "{name} does not miss {}",
                field.name
            );
        }
    });
}

#[test]
fn an_account_with_what_the_card_asks_for_opens_and_no_fault_shows_a_secret() {
    each(|name, channel| {
        let settings = samples::settings(channel);
        let opened = channel
            .open(&settings)
            .unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
        assert_eq!(opened.describe().channel, name);
        assert_eq!(opened.describe().channel_code, channel.card().channel_code);
        let mut broken = settings.clone();
        broken.token = crate::secret::Secret::new("no token!");
        broken.encoding_aes_key = crate::secret::Secret::new("shortkey");
        let faults = format!("{:?}", channel.open(&broken).err().unwrap_or_default());
        assert!(
            !faults.contains("no token!") && !faults.contains("shortkey"),
            "{name}: {faults}"
        );
    });
}

#[test]
fn quotas_name_what_opens_an_allowance_on_any_channel() {
    each(|name, channel| {
        let mut settings = samples::settings(channel);
        for trigger in crate::settings::TRIGGERS {
            let window = "1m".to_owned();
            let quota = crate::settings::Quota { count: Some(7), window };
            settings.quotas.insert(trigger.to_owned(), quota);
        }
        let opened = channel
            .open(&settings)
            .unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
        let plain = channel.open(&samples::settings(channel)).expect("lawful");
        for trigger in settings.quotas.keys() {
            let count = opened.allowance(trigger).and_then(|rule| rule.count);
            let lawful = plain.allowance(trigger).and_then(|rule| rule.count).map(|_| 7);
            assert_eq!(count, lawful, "{name}: {trigger}");
        }
        settings
            .quotas
            .insert("tap".to_owned(), crate::settings::Quota::default());
        let faults = channel.open(&settings).err().unwrap_or_default();
        assert!(
            faults.iter().any(|fault| fault.key == "quotas.tap"),
            "{name}: {faults:?}"
        );
    });
}

#[test]
fn names_and_words_of_a_channel_are_its_own() {
    let mut names: Vec<&str> = REGISTRY.iter().map(|channel| channel.card().name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), REGISTRY.len());
    each(|name, channel| {
        let card = channel.card();
        assert!(!card.title_en.is_empty() && !card.title_zh.is_empty(), "{name}");
        assert!(card.doc_url.starts_with("https://"), "{name}");
        for field in card.fields {
            assert!(
                !field.help_en.is_empty() && !field.help_zh.is_empty(),
                "{name}: {}",
                field.name
            );
        }
    });
}
