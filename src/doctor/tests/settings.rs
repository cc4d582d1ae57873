//! Which settings do nothing, or name what is not there?

use super::{super::*, find, look};
use crate::{
    ports::store::Parked,
    settings::{AccountSettings, Hold},
    web::{
        needs::NewFile,
        testing::{House, NOW},
    },
};

#[tokio::test]
async fn parked_events_and_settings_without_effect_are_worth_a_look() {
    let house = House::new().await;
    let mut opened = house.bind();
    let settings = AccountSettings {
        cloud_push: true,
        welcome: Some("hi".into()),
        hold: Hold::Three,
        ..opened.settings.clone()
    };
    opened = std::sync::Arc::new(crate::accounts::Opened {
        account: opened.account.clone(),
        describe: opened.describe.clone(),
        settings,
        condition: crate::accounts::Condition {
            json: true,
            ..Default::default()
        }
        .into(),
    });
    house.state.registry.replace([opened]);
    house.store.parked.lock().expect("lock").push(Parked {
        row: 7,
        event_id: "e7".into(),
        key: "official_account:wx1:u:a".into(),
        seq: 3,
        core: "main".into(),
        parked_at: NOW,
        reason: "refused 3 times: the core answered 422".into(),
        event: v1::Event::default(),
    });
    let findings = look(&house, Lang::En).await;
    assert!(find(&findings, "parked").seen.contains("refused 3 times"));
    let inert = find(&findings, "settings");
    assert!(inert.seen.ends_with("welcome, hold"), "{}", inert.seen);
    assert_eq!(find(&findings, "cloud").level, Level::Red);
}

#[tokio::test]
async fn a_default_picture_that_is_not_here_is_named_before_a_send_misses_it() {
    let house = House::new().await;
    let label = NewFile {
        name: "cover.png".into(),
        ..NewFile::default()
    };
    let bytes = futures_util::stream::once(async { Ok(actix_web::web::Bytes::from_static(b"png")) });
    let kept = house.state.media.put(label, Box::pin(bytes)).await.expect("kept");
    for (default_thumb, missing) in [(kept.handle, false), ("gone".into(), true), (String::new(), false)] {
        house.bind_as(&AccountSettings {
            id: "shop".into(),
            channel: "official_account".into(),
            app_id: "wx2".into(),
            app_secret: crate::secret::Secret::new("s3cret"),
            token: crate::secret::Secret::new("token"),
            security: crate::settings::Security::Plain,
            default_thumb,
            ..AccountSettings::default()
        });
        let findings = look(&house, Lang::En).await;
        let found = findings.iter().find(|it| it.id == "settings");
        assert_eq!(found.is_some_and(|it| it.seen.contains("gone")), missing, "{found:?}");
    }
}

#[tokio::test]
async fn hold_is_named_where_no_answer_goes_inside_a_callback() {
    let house = House::new().await;
    let told = |findings: &[Finding]| {
        let found = findings.iter().find(|it| it.id == "settings");
        found.map(|it| (it.level, it.seen.clone()))
    };
    for (channel, expected) in [("official_account", false), ("mini_program", true)] {
        house.bind_as(&AccountSettings {
            id: channel.into(),
            channel: channel.into(),
            app_id: "wx2".into(),
            app_secret: crate::secret::Secret::new("s3cret"),
            token: crate::secret::Secret::new("token"),
            security: crate::settings::Security::Plain,
            hold: crate::settings::Hold::Three,
            ..AccountSettings::default()
        });
        match told(&look(&house, Lang::En).await) {
            Some((level, seen)) => assert!(expected && level == Level::Yellow && seen.ends_with("hold"), "{seen}"),
            None => assert!(!expected, "{channel}"),
        }
    }
}
