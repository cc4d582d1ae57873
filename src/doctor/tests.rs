//! What the doctor says of accounts and of what was set aside; of what stands around them: [`around`], of the ledger of our
//! answers: [`answers`]; of settings: [`settings`].

mod answers;
mod around;
mod settings;

use super::{Finding, Lang, Level};
use crate::{
    error::{Code, Fault},
    ports::store::Quarantined,
    schema::v1,
    settings::AccountSettings,
    web::testing::{House, NOW},
};

async fn look(house: &House, lang: Lang) -> Vec<Finding> {
    house.state.doctor.examine(None, lang).await
}

fn find<'a>(findings: &'a [Finding], id: &str) -> &'a Finding {
    findings
        .iter()
        .find(|finding| finding.id == id)
        .unwrap_or_else(|| panic!("no finding {id} in {findings:#?}"))
}

#[tokio::test]
async fn a_healthy_account_is_green_and_the_ledger_says_so() {
    let house = House::new().await;
    let opened = house.bind();
    opened.observe(|condition| condition.last_callback = Some(NOW));
    for _ in 0..3 {
        house
            .state
            .observer
            .callback_answered("shop", "official_account", "success", 12.0, None);
    }
    let findings = look(&house, Lang::En).await;
    assert!(
        findings.iter().all(|finding| finding.level == Level::Green),
        "{findings:#?}"
    );
    assert_eq!(
        find(&findings, "answers").seen,
        "all 3 callbacks of the last hour answered, slowest 12 ms"
    );
    assert_eq!(
        find(&findings, "clock").seen,
        "our clock is 1.5 s behind the platform's"
    );
}

#[tokio::test]
async fn what_is_wrong_stands_first_with_what_to_do_about_it() {
    let house = House::new().await;
    let opened = house.bind();
    opened.observe(|condition| {
        condition.old_key_uses = 4;
        condition.api_shut = Some(Code::NotEntitled);
    });
    house
        .state
        .observer
        .callback_refused("shop", &Fault::new(Code::BadSignature, "msg_signature does not fit"));
    house
        .state
        .observer
        .callback_answered("shop", "official_account", "unavailable", 1.0, None);
    *house.parts.core.lock().expect("lock") = "down";
    *house.parts.token.lock().expect("lock") = Some(v1::Error {
        code: Code::IpNotAllowed.name().into(),
        platform_code: 40164,
        platform_message: "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist rid: 1".into(),
        ..Default::default()
    });
    *house.store.broken.lock().expect("lock") = true;
    let findings = look(&house, Lang::En).await;
    let allow = find(&findings, "allow-list");
    assert_eq!(
        (allow.level, allow.code, allow.account.as_str()),
        (Level::Red, Some("IP_NOT_ALLOWED"), "shop")
    );
    assert_eq!(allow.act, "add 203.0.113.9 to the IP allow-list");
    for (id, level) in [
        ("store", Level::Red),
        ("core", Level::Red),
        ("refused", Level::Red),
        ("callback", Level::Yellow),
        ("old-key", Level::Yellow),
        ("api", Level::Yellow),
        ("answers", Level::Yellow),
    ] {
        assert_eq!(find(&findings, id).level, level, "{id}");
    }
    assert!(findings.is_sorted_by_key(|finding| std::cmp::Reverse(finding.level)));
    let zh = look(&house, Lang::Zh).await;
    assert_eq!(find(&zh, "allow-list").act, "将 203.0.113.9 加入 IP 白名单");
    assert_eq!(house.state.doctor.examine(Some("none"), Lang::En).await, []);
}

#[tokio::test]
async fn a_paused_account_is_named_with_what_waits_until_it_is_resumed() {
    let house = House::new().await;
    house.bind();
    let waiting = |key: &str, count| crate::ports::store::Waiting {
        core_before_pause: None,
        conversation: crate::ports::store::ConversationId(1),
        key: key.into(),
        core: None,
        first_seq: 1,
        count,
        oldest: NOW,
    };
    let of_others = waiting("official_account:wxffffffffffffffff:u:oAnna", 7);
    let ours = ["oAnna", "oBert"].map(|who| waiting(&format!("official_account:wx0123456789abcdef:u:{who}"), 2));
    house
        .store
        .waiting
        .lock()
        .expect("lock")
        .extend(ours.into_iter().chain([of_others]));
    house.state.registry.note_paused("shop", Some(NOW));
    for findings in [
        look(&house, Lang::En).await,
        house.state.doctor.examine(Some("shop"), Lang::En).await,
    ] {
        let paused = find(&findings, "paused");
        assert_eq!((paused.level, paused.account.as_str()), (Level::Yellow, "shop"));
        assert!(paused.seen.ends_with(", 4 events wait"), "{}", paused.seen);
        assert_eq!(paused.act, "resume it: wxbridge account resume shop");
    }
    house.state.registry.note_paused("shop", None);
    assert!(
        look(&house, Lang::En)
            .await
            .iter()
            .all(|finding| finding.id != "paused")
    );
}

#[tokio::test]
async fn an_account_that_cannot_be_opened_is_red_with_each_of_its_faults() {
    let house = House::new().await;
    house.bind();
    let fault = |key: &str| crate::channels::contract::SettingFault {
        key: key.into(),
        found: "***".into(),
        expected: "43 characters".into(),
    };
    house.state.registry.replace_broken(vec![crate::accounts::Broken {
        settings: AccountSettings {
            id: "old".into(),
            ..Default::default()
        },
        faults: vec![fault("encoding_aes_key"), fault("app_id")],
        bound_at: NOW,
    }]);
    let red = |findings: Vec<Finding>| -> Vec<Finding> {
        findings
            .into_iter()
            .filter(|it| it.id == "settings" && it.level == Level::Red && it.account == "old")
            .collect()
    };
    let found = red(look(&house, Lang::En).await);
    assert_eq!(
        found.iter().map(|it| it.seen.as_str()).collect::<Vec<_>>(),
        [
            "the account cannot be opened: encoding_aes_key is ***, expected 43 characters",
            "the account cannot be opened: app_id is ***, expected 43 characters",
        ]
    );
    assert!(found[0].act.contains("wxbridge account apply") && found[0].code == Some("INVALID_REQUEST"));
    assert_eq!(red(house.state.doctor.examine(Some("old"), Lang::Zh).await).len(), 2);
    assert_eq!(red(house.state.doctor.examine(Some("shop"), Lang::En).await).len(), 0);
}

fn body(account: &str, code: Code, received: i64) -> Quarantined {
    Quarantined {
        row: received,
        account: account.into(),
        received,
        code: code.name().into(),
        detail: "the box does not decrypt".into(),
        query: String::new(),
        body: Vec::new(),
        content_type: String::new(),
        key_ids: String::new(),
    }
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_red_until_others_are_read_again() {
    let house = House::new().await;
    let opened = house.bind();
    let kept = [NOW - 2_001, NOW - 2_000].map(|at| body("shop", Code::Undecodable, at));
    house.store.quarantined.lock().expect("lock").extend(kept);
    let findings = look(&house, Lang::En).await;
    let found = find(&findings, "quarantine");
    assert_eq!(
        (found.level, found.account.as_str(), found.code),
        (Level::Red, "shop", Some("UNDECODABLE"))
    );
    assert!(
        found.seen.starts_with("2 callbacks could not be read"),
        "{}",
        found.seen
    );
    // The platform is 1.5 s ahead, and one of about that time may have come before it.
    for (read, level) in [(NOW - 2_501, Level::Red), (NOW - 2_500, Level::Yellow)] {
        opened.observe(|condition| condition.last_callback = Some(read));
        assert_eq!(find(&look(&house, Lang::En).await, "quarantine").level, level);
    }
    let of_other = house.state.doctor.examine(Some("other"), Lang::En).await;
    assert!(of_other.iter().all(|finding| finding.id != "quarantine"));
}

#[tokio::test]
async fn strangers_do_not_keep_a_working_account_from_green_and_a_mistyped_address_is_shown() {
    let house = House::new().await;
    let opened = house.bind();
    let observer = &house.state.observer;
    observer.callback_refused(
        "shop",
        &Fault::new(Code::BadSignature, "signature fits none of the tokens"),
    );
    observer.callback_refused("", &Fault::new(Code::AccountUnknown, "no account \"shpo\""));
    assert_eq!(find(&look(&house, Lang::En).await, "refused").level, Level::Red);
    opened.observe(|condition| condition.last_callback = Some(NOW));
    let findings = look(&house, Lang::En).await;
    assert_eq!(find(&findings, "refused").level, Level::Green);
    let strangers = find(&findings, "strangers");
    assert_eq!(
        (strangers.level, strangers.code),
        (Level::Yellow, Some("ACCOUNT_UNKNOWN"))
    );
    assert!(strangers.seen.contains("shpo"), "{}", strangers.seen);
}

#[tokio::test]
async fn the_platforms_own_agents_are_told_until_they_are_gone_or_wanted() {
    let house = House::new().await;
    let opened = house.bind();
    *house.parts.agents.lock().expect("lock") = Some("2 agents are online".into());
    let told = |findings: &[Finding]| {
        let found = findings.iter().find(|it| it.code == Some("PLATFORM_AGENTS_ONLINE"));
        found.map(|it| (it.level, it.seen.clone()))
    };
    let (level, seen) = told(&look(&house, Lang::En).await).expect("a finding");
    assert!(level == Level::Yellow && seen.contains("2 agents are online"), "{seen}");
    assert!(opened.observe(|it| it.warnings.contains_key(&Code::PlatformAgentsOnline)));
    *house.parts.agents.lock().expect("lock") = None;
    assert_eq!(told(&look(&house, Lang::En).await), None);
}

#[tokio::test]
async fn what_the_doctor_says_fits_the_channel() {
    let house = House::new().await;
    let settings = AccountSettings {
        id: "mini".into(),
        channel: "mini_program".into(),
        app_id: "wx2".into(),
        app_secret: crate::secret::Secret::new("s3cret"),
        token: crate::secret::Secret::new("token"),
        security: crate::settings::Security::Plain,
        ..Default::default()
    };
    house.bind_as(&settings);
    *house.parts.token.lock().expect("lock") = Some(v1::Error {
        code: Code::BadSecret.name().into(),
        platform_code: 40125,
        ..Default::default()
    });
    let findings = look(&house, Lang::Zh).await;
    let token = find(&findings, "token");
    assert!(token.means.contains("完全无法回复"), "{token:?}");
    assert!(token.place.contains("小程序后台"), "{token:?}");
    assert!(find(&findings, "callback").place.contains("消息推送"));
}

#[tokio::test]
async fn the_system_before_is_told_of_while_it_hears_too() {
    use crate::{
        observe::handed::{Answer, Handed},
        schema::Timestamp,
        settings::{PassMode, Passthrough},
    };
    let house = House::new().await;
    let settings = AccountSettings {
        passthrough: Some(Passthrough {
            url: "http://old.example/".into(),
            mode: PassMode::Answer,
        }),
        ..house.bind().settings.clone()
    };
    house.bind_as(&settings);
    let handed = |at: i64, fault: &str| Handed {
        number: 0,
        time: Timestamp::from_millis(at),
        account: "shop".into(),
        event_id: String::new(),
        mode: PassMode::Answer,
        ours: Answer::default(),
        old: Answer::default(),
        old_status: 0,
        old_ms: 40,
        fault: fault.into(),
        same: fault.is_empty(),
        returned: "ours",
    };
    let handed_on = &house.state.observer.handed_on;
    handed_on.note(handed(NOW - 2 * 3_600_000, "long ago"));
    handed_on.note(handed(NOW - 1, "it answered 502"));
    handed_on.note(handed(NOW, ""));
    let findings = look(&house, Lang::En).await;
    let found = find(&findings, "passthrough");
    assert_eq!(found.level, Level::Yellow);
    assert_eq!(
        found.seen,
        "the old URL failed for 1 of 2 callbacks, lately: it answered 502"
    );
    house.clock.advance(std::time::Duration::from_secs(3_600));
    let findings = look(&house, Lang::En).await;
    assert_eq!(find(&findings, "passthrough").level, Level::Green, "it was mended");
}

/// What is not green of one account.
async fn troubles(house: &House) -> Vec<(&'static str, Level)> {
    let findings = house.state.doctor.examine(Some("shop"), Lang::En).await;
    let bad = findings.iter().filter(|it| it.level != Level::Green);
    bad.map(|it| (it.id, it.level)).collect()
}

const HOUR: u64 = 3_600;

#[tokio::test]
async fn a_day_of_taps_without_a_message_is_told_until_one_comes() {
    let house = House::new().await;
    let opened = house.bind();
    opened.observe(|it| {
        it.last_callback = Some(NOW);
        it.heard(true, NOW);
        it.heard(false, NOW);
        it.heard(false, NOW + 1);
    });
    assert_eq!(troubles(&house).await, []);
    house.clock.advance(std::time::Duration::from_secs(24 * HOUR));
    let findings = look(&house, Lang::En).await;
    let found = find(&findings, "no-messages");
    assert_eq!(
        (found.level, found.code),
        (Level::Yellow, Some("NO_MESSAGES_BUT_EVENTS"))
    );
    assert!(
        found.seen.starts_with("2 events of customers since 2025-07-08"),
        "{}",
        found.seen
    );
    assert!(found.place.contains("授权管理") && !found.means.is_empty());
    opened.observe(|it| it.heard(true, NOW));
    assert_eq!(troubles(&house).await, []);
}

#[tokio::test]
async fn who_sends_beside_us_is_suspected_for_a_day() {
    let house = House::new().await;
    let opened = house.bind();
    opened.observe(|it| {
        it.last_callback = Some(NOW);
        it.suspected = Some((NOW, "45047 where two were left".into()));
    });
    assert_eq!(troubles(&house).await, [("other-receiver", Level::Yellow)]);
    house.clock.advance(std::time::Duration::from_secs(24 * HOUR));
    assert_eq!(troubles(&house).await, []);
    assert!(opened.observe(|it| it.warnings.is_empty() && it.suspected.is_none()));
}

#[tokio::test]
async fn an_address_that_keeps_everybody_waiting_is_waited_for_by_few() {
    let house = House::new().await;
    let shop = house.bind();
    let all = (0..50).map(|number| {
        let id = format!("shop-{number}");
        house.bind_as(&AccountSettings {
            id,
            ..shop.settings.clone()
        })
    });
    let all: Vec<_> = all.collect();
    house.state.registry.replace(all);
    *house.parts.address.lock().expect("lock") = Some(Err("timed out".into()));
    let of_address = |findings: &[Finding]| findings.iter().filter(|it| it.id == "address").count();
    // One that refuses at once may refuse one path and no other.
    assert_eq!(of_address(&look(&house, Lang::En).await), 50);
    assert_eq!(house.parts.asked.lock().expect("lock").0, 50);
    *house.parts.asked.lock().expect("lock") = (0, Some(house.clock.clone()));
    assert_eq!(of_address(&look(&house, Lang::En).await), 50);
    let asked = house.parts.asked.lock().expect("lock").0;
    assert!((1..=8).contains(&asked), "{asked}");
}

#[tokio::test]
async fn an_address_that_answers_something_else_is_red_whatever_came() {
    let house = House::new().await;
    house.bind().observe(|it| it.last_callback = Some(NOW));
    *house.parts.address.lock().expect("lock") = Some(Ok(b"<html>welcome to nginx</html>".to_vec()));
    let findings = look(&house, Lang::En).await;
    let found = find(&findings, "address");
    assert_eq!(found.level, Level::Red);
    assert!(found.seen.contains("welcome to nginx"), "{}", found.seen);
    *house.parts.address.lock().expect("lock") = Some(Err("refused".into()));
    assert_eq!(
        troubles(&house).await,
        [("address", Level::Yellow)],
        "callbacks come all the same"
    );
    *house.parts.address.lock().expect("lock") = None;
    assert_eq!(troubles(&house).await, []);
}

#[tokio::test]
async fn a_channel_without_another_road_is_red_where_the_api_is_shut() {
    let house = House::new().await;
    let mini = AccountSettings {
        channel: "mini_program".into(),
        ..house.bind().settings.clone()
    };
    for (settings, level) in [(house.bind().settings.clone(), Level::Yellow), (mini, Level::Red)] {
        let opened = house.bind_as(&settings);
        opened.observe(|it| {
            it.last_callback = Some(NOW);
            it.api_shut = Some(Code::ScopeNotGranted);
        });
        assert_eq!(troubles(&house).await, [("api", level)], "{}", settings.channel);
        opened.observe(|it| it.api_shut = None);
        assert_eq!(troubles(&house).await, []);
    }
}
