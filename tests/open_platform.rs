//! Does an operator bind an account by a scan, and what becomes of it after? The real binary, the simulated open platform, a
//! core.

#![allow(clippy::unwrap_used)]

#[path = "open_platform/days.rs"]
mod days;
#[path = "open_platform/moving.rs"]
mod moving;
#[path = "open_platform/office.rs"]
mod office;
#[path = "open_platform/refusals.rs"]
mod refusals;
mod support;

use office::Office;
use serde_json::{Value, json};
use support::core::Said;

#[tokio::test]
async fn an_account_is_bound_by_a_scan_and_its_first_message_is_answered() {
    for shop in [office::official_account("shop"), office::mini_program("mini")] {
        let office = Office::open(|heard| Said::reply(&format!("to {}", heard.text()))).await;
        office.exists(&shop).await;
        let page = office.bind(&shop.id, &shop).await;
        let set = if shop.channel == "mini_program" {
            "19 小程序客服管理"
        } else {
            "1 消息管理"
        };
        assert!(
            page.contains(&shop.id) && page.contains(set) && page.contains("Simulated account"),
            "{page}"
        );

        let view = office.bridge.get(&format!("/v1/accounts/{}", shop.id)).await;
        assert_eq!(view["account"]["channel"], shop.channel.as_str());
        assert_eq!(view["account"]["platformId"], shop.app_id.as_str());
        assert_eq!(
            (&view["account"]["via"], &view["bound"]),
            (&json!("platform"), &json!("authorised"))
        );
        assert!(view["state"]["permissionSets"].as_array().unwrap().len() > 2, "{view}");
        let heard = office.core.hears(1).await;
        assert_eq!(heard[0].event["signal"]["type"], "ACCOUNT_STATE_CHANGED");
        assert_eq!(heard[0].event["signal"]["accountState"]["state"], "ACTIVE");

        let done = office.says(&shop, "oAnna", "hello").await;
        // A mini-program's answers go by the API, an official account's ride in the request.
        let outcome = if shop.channel == "mini_program" {
            "success"
        } else {
            "reply"
        };
        assert_eq!(done["outcome"], outcome, "{done}");
        office.sees(&shop, "oAnna", "to hello").await;
        let result = office.sends(&shop, "oAnna", "and by the API").await;
        assert_eq!(result["status"], "SENT", "{result}");
        office.sees(&shop, "oAnna", "and by the API").await;
    }
}

#[tokio::test]
async fn who_authorises_again_keeps_its_id_and_shows_the_new_permissions() {
    let office = Office::open(|_| Said::taken()).await;
    let shop = office::official_account("shop");
    office.exists(&shop).await;
    office.bind("shop", &shop).await;
    // Without 消息管理: what is missing is said where one looks.
    let page = office.scan("shop", &shop, json!({ "sets": [2, 3] })).await;
    assert!(
        page.contains("未勾选 消息管理") && page.contains("Not ticked"),
        "{page}"
    );
    let sets = async || office.bridge.get("/v1/accounts/shop").await["state"]["permissionSets"].clone();
    assert_eq!(sets().await, json!([2, 3]));
    let warned = office.bridge.get("/v1/accounts/shop").await["state"]["reasons"].clone();
    assert_eq!(warned, json!(["SCOPE_NOT_GRANTED"]));
    // Nothing can be sent: that is known before the platform says so, and told to the core.
    let may = async || {
        let view = office.bridge.get("/v1/accounts/shop").await;
        [
            view["capabilities"]["api"].clone(),
            view["capabilities"]["apiReason"].clone(),
        ]
    };
    assert_eq!(may().await, [json!(null), json!("SCOPE_NOT_GRANTED")]);
    let asked = office.calls("message_custom_send").await;
    let refused = office.sends(&shop, "oAnna", "nobody may").await;
    assert_eq!(refused["error"]["code"], "SCOPE_NOT_GRANTED", "{refused}");
    assert_eq!(office.calls("message_custom_send").await, asked);
    let turns = support::until("both are told", async || {
        let heard = office.core.heard();
        let signal = |it: &support::core::Heard| it.event.get("signal").cloned();
        let turns: Vec<Value> = heard.iter().filter_map(signal).skip(1).collect();
        (turns.len() == 2).then_some(turns)
    })
    .await;
    assert_eq!(turns[0]["accountState"]["state"], "DEGRADED", "{turns:?}");
    assert_eq!(turns[1]["capabilities"]["apiReason"], "SCOPE_NOT_GRANTED", "{turns:?}");
    // A call of the doctor's that works shows nothing about it.
    office.bridge.get("/admin/v1/doctor?account=shop").await;
    assert_eq!(may().await[1], "SCOPE_NOT_GRANTED");
    office.scan("shop", &shop, json!({})).await;
    assert!(sets().await.as_array().unwrap().contains(&json!(1)));
    assert_eq!(may().await, [json!(true), json!(null)]);
    let first = support::until("both turns are written down", async || {
        let audit = office.bridge.get("/admin/v1/audit").await;
        let acts = audit["items"].as_array().unwrap().iter();
        let turns: Vec<&Value> = acts.filter(|it| it["what"] == "account.authorisation").collect();
        (turns.len() == 2).then(|| turns[1]["after"].clone())
    })
    .await;
    assert_eq!(first, json!({ "state": "AUTHORISED", "permissionSets": [2, 3] }));
    // The link for an account that is bound takes no other one.
    let other = office::official_account("other");
    office.exists(&other).await;
    let link = office.link("shop").await;
    let refused = office
        .post_sim(
            "/sim/v1/open/scan",
            &json!({ "url": office.page_of(&link).await.0, "account": other.app_id }),
        )
        .await;
    assert_eq!(refused.0, 400, "biz_appid");
}

#[tokio::test]
async fn whoever_authorises_without_a_link_waits_until_an_account_claims_it() {
    let office = Office::open(|_| Said::taken()).await;
    let shop = office::official_account("shop");
    office.exists(&shop).await;
    let (page, _) = office.page_of(&office.link("unused").await).await;
    // Somebody begins at a page of ours, but the notice names no page.
    let scanned = office
        .post_sim(
            "/sim/v1/open/scan",
            &json!({ "url": page, "account": shop.app_id, "notice": false }),
        )
        .await;
    let code = scanned.1["redirect"]
        .as_str()
        .unwrap()
        .split("auth_code=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap()
        .to_owned();
    let code = code.replace("%40", "@");
    let notice =
        json!({ "info_type": "authorized", "fields": { "AuthorizerAppid": shop.app_id, "AuthorizationCode": code } });
    office.post_sim("/sim/v1/open/APPID/notice", &notice).await;
    let waits = office.authorizer(&shop, "unclaimed").await;
    assert_eq!(
        (&waits["account"], &waits["name"]),
        (&json!(""), &json!("Simulated account"))
    );
    assert_eq!(waits["permissionSets"][0]["nameZh"], "消息管理");
    let done = office.says(&shop, "oAnna", "anybody?").await;
    assert_eq!(done["outcome"], "success", "{done}");
    assert!(office.core.heard().is_empty());

    let file = format!(
        "[[account]]\nid = \"claimed\"\nchannel = \"official_account\"\napp_id = \"{}\"\nvia = \"platform\"\n",
        shop.app_id
    );
    office.apply(&file).await;
    office.authorizer(&shop, "bound").await;
    office.says(&shop, "oAnna", "here now?").await;
    office.core.hears_text("here now?").await;
    let result = office.sends(&shop, "oAnna", "yes").await;
    assert_eq!(result["status"], "SENT", "{result}");
}

#[tokio::test]
async fn a_restart_and_a_restore_need_no_new_scan_and_no_new_ticket() {
    let mut office = Office::open(|heard| Said::reply(&format!("to {}", heard.text()))).await;
    let shop = office::official_account("shop");
    office.exists(&shop).await;
    office.bind("shop", &shop).await;
    office
        .post_sim(
            "/sim/v1/open",
            &json!({ "app_id": office.platform.app_id, "tickets": false }),
        )
        .await;
    office.bridge.restart().await;
    assert_eq!(office.says(&shop, "oAnna", "still there?").await["outcome"], "reply");

    let secret = office.bridge.dir.path().join("passphrase");
    std::fs::write(&secret, "correct horse battery staple\n").unwrap();
    let file = office.bridge.dir.path().join("saved");
    let sealed = ["--passphrase-file", secret.to_str().unwrap()];
    office
        .bridge
        .cli(&["backup", file.to_str().unwrap(), sealed[0], sealed[1]]);
    office.bridge.kill();
    let bytes = std::fs::read(&file).unwrap();
    assert!(!bytes.windows(12).any(|window| window == b"refreshtoken"), "sealed");
    std::fs::remove_dir_all(office.bridge.state()).unwrap();
    office
        .bridge
        .cli(&["restore", file.to_str().unwrap(), sealed[0], sealed[1]]);
    office.bridge.spawn();
    office.bridge.ready().await;
    // Every token is dead: what is left are the ticket and the refresh token out of the backup.
    office
        .post_sim(&format!("/sim/v1/accounts/{}/take-token", shop.app_id), &json!({}))
        .await;
    assert_eq!(office.says(&shop, "oAnna", "and now?").await["outcome"], "reply");
    let result = office.sends(&shop, "oAnna", "by the API too").await;
    assert_eq!(result["status"], "SENT", "{result}");
}

#[tokio::test]
async fn the_release_test_passes_by_itself_and_leaves_nothing_behind() {
    let office = Office::open(|_| Said::reply("the core must not be asked")).await;
    for group in 1..=5 {
        let (status, told) = office
            .post_sim("/sim/v1/open/APPID/release-test", &json!({ "group": group }))
            .await;
        assert_eq!((status, &told["passed"]), (200, &json!(true)), "{told:#}");
        assert_eq!(told["cases"].as_array().unwrap().len(), 5, "{told:#}");
    }
    assert_eq!(office.ids().await, ["platform"]);
    let known = office.bridge.get("/admin/v1/open/platform/authorizers").await;
    assert_eq!(known["items"], json!([]));
    assert!(office.core.heard().is_empty());
}
