//! What of bad days: an authorisation withdrawn, a refresh token lost, tickets that stay away?

use serde_json::json;

use crate::{
    office::{self, Office},
    support::{
        core::{Heard, Said},
        until,
    },
};

#[tokio::test]
async fn a_withdrawal_ends_it_until_somebody_scans_again() {
    let office = Office::open(|_| Said::taken()).await;
    let shop = office::official_account("shop");
    office.exists(&shop).await;
    office.bind("shop", &shop).await;
    office.says(&shop, "oAnna", "before").await;
    office.core.hears_text("before").await;
    let told = office
        .post_sim("/sim/v1/open/APPID/revoke", &json!({ "account": shop.app_id }))
        .await
        .1;
    assert_eq!(told["outcome"], "success", "{told}");
    office.state("shop", "REVOKED").await;
    let failed = office.sends(&shop, "oAnna", "too late").await;
    assert_eq!(
        (&failed["status"], &failed["error"]["code"]),
        (&json!("FAILED"), &json!("ACCOUNT_REVOKED")),
        "{failed}"
    );
    until("the core hears of it", async || {
        let heard = office.core.heard();
        heard
            .iter()
            .any(|it| it.event["signal"]["accountState"]["state"] == "REVOKED")
            .then_some(())
    })
    .await;
    // A withdrawal that is older than what we know, and a notice that says it twice, change nothing.
    office.scan("shop", &shop, json!({})).await;
    let view = office.bridge.get("/v1/accounts/shop").await;
    assert_ne!(view["state"]["state"], "REVOKED", "{view}");
    let late = json!({ "info_type": "unauthorized", "fields": { "AuthorizerAppid": shop.app_id }, "push": { "create_time": 1_600_000_000 } });
    assert_eq!(
        office.post_sim("/sim/v1/open/APPID/notice", &late).await.1["outcome"],
        "success"
    );
    assert_eq!(office.sends(&shop, "oAnna", "back again").await["status"], "SENT");
    assert_eq!(office.ids().await, ["platform", "shop"]);
    let states = until("the core hears that it is back", async || {
        let heard = office.core.heard();
        let state = |it: &Heard| {
            let state = it.event["signal"]["accountState"]["state"].as_str()?;
            Some((
                state.to_owned(),
                it.event["signal"]["platformType"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
            ))
        };
        let states: Vec<_> = heard.iter().filter_map(state).collect();
        (states.len() >= 3).then_some(states)
    })
    .await;
    let told = |state: &str, by: &str| (state.to_owned(), by.to_owned());
    assert_eq!(
        states,
        [
            told("ACTIVE", "authorized"),
            told("REVOKED", ""),
            told("ACTIVE", "updateauthorized")
        ]
    );
    // Once each: the news of what it can do stand behind them.
    let backs = until("what it can do", async || {
        let heard = office.core.heard();
        let last = heard
            .iter()
            .rposition(|it| it.event["signal"]["type"] == "CAPABILITIES_CHANGED")?;
        let back = heard
            .iter()
            .rposition(|it| it.event["signal"]["platformType"] == "updateauthorized")?;
        (last > back).then(|| {
            heard
                .iter()
                .filter(|it| it.event["signal"]["accountState"]["state"] == "ACTIVE")
                .count()
        })
    })
    .await;
    assert_eq!(backs, 2);
}

#[tokio::test]
async fn what_comes_after_a_withdrawal_is_taken_and_told_to_nobody() {
    let office = Office::open(|_| Said::taken()).await;
    let shop = office::official_account("shop");
    office.exists(&shop).await;
    office.bind("shop", &shop).await;
    let withdrawal = json!({ "info_type": "unauthorized", "fields": { "AuthorizerAppid": shop.app_id } });
    office.post_sim("/sim/v1/open/APPID/notice", &withdrawal).await;
    office.state("shop", "REVOKED").await;
    // The simulator still has the authorisation, and so still sends.
    assert_eq!(office.says(&shop, "oAnna", "late").await["outcome"], "success");
    assert!(office.core.texts().is_empty());
    assert_eq!(office.bridge.get("/admin/v1/quarantine").await["items"], json!([]));
}

#[tokio::test]
async fn a_lost_refresh_token_is_recovered_from_the_list() {
    let office = Office::open(|_| Said::taken()).await;
    let shop = office::official_account("shop");
    office.exists(&shop).await;
    office.bind("shop", &shop).await;
    office.says(&shop, "oAnna", "hello").await;
    let listed = until("the first comparison", async || {
        let listed = office.calls("api_get_authorizer_list").await;
        (listed > 0).then_some(listed)
    })
    .await;
    assert_eq!(
        office
            .post_sim("/sim/v1/open/APPID/lose", &json!({ "account": shop.app_id }))
            .await
            .0,
        200
    );
    // Many at once: one renewal.
    let sends = (0..8).map(|number| {
        let (office, shop) = (&office, &shop);
        async move { office.sends(shop, &format!("oAnna{number}"), "hi").await }
    });
    for number in 0..8 {
        office.says(&shop, &format!("oAnna{number}"), "hello").await;
    }
    for result in futures_util::future::join_all(sends).await {
        assert_eq!(result["status"], "SENT", "{result}");
    }
    assert_eq!(office.calls("api_get_authorizer_list").await, listed + 1);
    assert_eq!(
        office.calls("api_authorizer_token").await,
        2,
        "the dead one, and the recovered one"
    );
}

#[tokio::test]
async fn a_secret_of_the_platform_that_was_mended_holds_from_the_next_send_on() {
    let office = Office::open(|_| Said::taken()).await;
    let shop = office::official_account("shop");
    office.exists(&shop).await;
    office.bind("shop", &shop).await;
    office.says(&shop, "oAnna", "hello").await;
    assert_eq!(office.sends(&shop, "oAnna", "before").await["status"], "SENT");
    // Reset in the console, and every token with it.
    office.resets("another secret of 32 characters!").await;
    let refused = office.sends(&shop, "oAnna", "meanwhile").await;
    assert_eq!(refused["error"]["code"], "BAD_SECRET", "{refused}");
    office.bound_with("another secret of 32 characters!").await;
    let sent = office.sends(&shop, "oAnna", "afterwards").await;
    assert_eq!(sent["status"], "SENT", "{sent}");
}

#[tokio::test]
async fn an_authorisation_that_is_withdrawn_in_the_middle_of_a_send_ends_that_send() {
    let office = Office::open(|_| Said::taken()).await;
    let shop = office::official_account("shop");
    office.exists(&shop).await;
    office.bind("shop", &shop).await;
    office.says(&shop, "oAnna", "hello").await;
    // The call is under way when the admin withdraws, and nobody tells us.
    let slow = json!({ "account": shop.app_id, "api": "custom/send", "kind": "slow", "delay_ms": 1500 });
    office.post_sim("/sim/v1/faults", &slow).await;
    let send = office.sends(&shop, "oAnna", "in the middle");
    let withdraw = async {
        until("the fault is taken", async || {
            let faults = office.get_sim("/sim/v1/faults").await;
            faults["items"].as_array().is_some_and(Vec::is_empty).then_some(())
        })
        .await;
        office
            .post_sim(
                "/sim/v1/open/APPID/revoke",
                &json!({ "account": shop.app_id, "notice": false }),
            )
            .await
    };
    let (result, _) = tokio::join!(send, withdraw);
    assert_eq!(
        (&result["status"], &result["error"]["code"]),
        (&json!("FAILED"), &json!("ACCOUNT_REVOKED")),
        "{result}"
    );
    office.state("shop", "REVOKED").await;
    assert_eq!(office.calls("custom/send").await, 1, "not a second time");
}

#[tokio::test]
async fn a_ticket_that_stays_away_for_a_day_is_alarmed_and_the_next_one_mends_it() {
    let office = Office::open(|_| Said::taken()).await;
    let shop = office::official_account("shop");
    office.exists(&shop).await;
    office.bind("shop", &shop).await;
    office.says(&shop, "oAnna", "hello").await;
    office
        .post_sim(
            "/sim/v1/open",
            &json!({ "app_id": office.platform.app_id, "tickets": false }),
        )
        .await;
    let deaf = json!({ "api": "api_start_push_ticket", "kind": "errcode", "errcode": -1, "times": -1 });
    office.post_sim("/sim/v1/faults", &deaf).await;
    office.post_sim("/sim/v1/clock", &json!({ "advance": "25h" })).await;
    let wish = json!({ "conversationKey": shop.conversation("oAnna"), "text": "when it works again" });
    let (_, waits) = office.bridge.post("/v1/messages?wait=1s", &wish).await;
    assert_ne!(waits["status"], "FAILED", "{waits}");
    let view = until("the alarm", async || {
        let view = office.bridge.get("/v1/accounts/platform").await;
        view["state"]["reasons"]
            .as_array()?
            .contains(&json!("TICKET_MISSING"))
            .then_some(view)
    })
    .await;
    assert!(view["warnings"].to_string().contains("最近一次ticket推送"), "{view}");
    assert!(office.calls("api_start_push_ticket").await >= 1, "it is asked for");
    let told = office.ticket(&json!({})).await;
    assert_eq!(told["outcome"], "success", "{told}");
    office.sees(&shop, "oAnna", "when it works again").await;
    until("the alarm's end", async || {
        let view = office.bridge.get("/v1/accounts/platform").await;
        (!view["state"]["reasons"].to_string().contains("TICKET_MISSING")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn who_is_missing_in_a_list_that_is_not_whole_or_is_not_asked_by_name_has_not_withdrawn() {
    let mut office = Office::open(|_| Said::taken()).await;
    let shop = office::official_account("shop");
    office.exists(&shop).await;
    office.bind("shop", &shop).await;
    office.says(&shop, "oAnna", "before").await;
    // The list says nothing of who authorised in the second of the look.
    let bound = chrono::Utc::now().timestamp();
    until("a later second", async || {
        (chrono::Utc::now().timestamp() > bound).then_some(())
    })
    .await;
    for kind in ["empty_page", "left_out"] {
        let fault = json!({ "api": "api_get_authorizer_list", "kind": kind, "times": -1 });
        office.post_sim("/sim/v1/faults", &fault).await;
        let listed = office.calls("api_get_authorizer_list").await;
        // The first thing that a new process does.
        office.bridge.restart().await;
        until("the comparison", async || {
            (office.calls("api_get_authorizer_list").await > listed).then_some(())
        })
        .await;
        office.says(&shop, "oAnna", kind).await;
        office.core.hears_text(kind).await;
        let view = office.bridge.get("/v1/accounts/shop").await;
        assert_eq!(view["state"]["state"], "ACTIVE", "{kind}: {view}");
        let url = format!("{}/sim/v1/faults", office.sim.url());
        office.bridge.http.delete(url).send().await.unwrap();
    }
    // Who did withdraw is missed by the next comparison, without a notice.
    let revoke = json!({ "account": shop.app_id, "notice": false });
    office.post_sim("/sim/v1/open/APPID/revoke", &revoke).await;
    office.bridge.restart().await;
    office.state("shop", "REVOKED").await;
}

#[tokio::test]
async fn an_account_that_was_removed_does_not_come_back_by_a_notice() {
    let office = Office::open(|_| Said::taken()).await;
    let shop = office::official_account("shop");
    office.exists(&shop).await;
    office.bind("shop", &shop).await;
    let remove = office
        .bridge
        .operator(reqwest::Method::DELETE, "/admin/v1/accounts/shop");
    assert_eq!(remove.send().await.unwrap().status(), 204);
    // The admin changes what was ticked: a scan that belongs to no link of ours.
    let (page, _) = office.page_of(&office.link("other").await).await;
    let back = office.confirms(&page, &shop, json!({ "notice": false })).await;
    let back = url::Url::parse(&back).unwrap();
    let code = back.query_pairs().find(|(name, _)| name == "auth_code").unwrap().1;
    let fields = json!({ "AuthorizerAppid": shop.app_id, "AuthorizationCode": code, "AuthorizationCodeExpiredTime": "3600", "PreAuthCode": "" });
    let asked = office.calls("api_get_authorizer_info").await;
    let update = json!({ "info_type": "updateauthorized", "fields": fields });
    assert_eq!(
        office.post_sim("/sim/v1/open/APPID/notice", &update).await.1["outcome"],
        "success"
    );
    until("it is known who that is", async || {
        (office.calls("api_get_authorizer_info").await > asked).then_some(())
    })
    .await;
    office.authorizer(&shop, "unclaimed").await;
    assert_eq!(office.ids().await, ["platform"]);
    // It was bound by the browser, and the next one will be by the notice alone: both are written down.
    let (page, _) = office.page_of(&office.link("again").await).await;
    office.confirms(&page, &shop, json!({ "notice": true })).await;
    office.authorizer(&shop, "bound").await;
    let audit = office.bridge.get("/admin/v1/audit").await;
    let acts = audit["items"].as_array().unwrap().iter();
    let mut bound: Vec<_> = acts
        .filter(|it| it["what"] == "account.bind")
        .map(|it| it["target"].clone())
        .collect();
    bound.sort_by_key(ToString::to_string);
    assert_eq!(bound, ["again", "shop"], "{audit:#}");
}
