//! What is refused, with which code, and in words of both languages?

use serde_json::{Value, json};

use crate::{
    office::{self, Office, Shown},
    support::{
        core::Said,
        peer::{Sealing, msg_id},
        until,
    },
};

fn says(shown: &Shown, status: u16, code: &str, zh: &str, en: &str) {
    assert_eq!(shown.status, status, "{}", shown.page);
    for part in [code, zh, en] {
        assert!(shown.page.contains(part), "{part}: {}", shown.page);
    }
}

#[tokio::test]
async fn the_bind_page_opens_from_our_own_address_by_a_link_that_lives() {
    let office = Office::open(|_| Said::taken()).await;
    let none = office
        .looks(&office.bridge.public("/open/platform/bind"), "", None)
        .await;
    assert_eq!((none.status, none.page.as_str()), (404, ""));
    let unknown = office
        .looks(&office.bridge.public("/open/platform/bind?link=abc"), "", None)
        .await;
    says(&unknown, 404, "BIND_LINK_USED", "绑定链接无效", "bind link is unknown");
    let link = office.link("shop").await;
    for host in ["evil.example", "localhost", "127.0.0.1"] {
        let wrong = office.looks(&link, "", Some(host)).await;
        says(&wrong, 409, "WRONG_BIND_HOST", "只能从", "are bound from");
        assert!(wrong.page.contains(host) && wrong.cookie.is_empty());
    }
    office.page_of(&link).await;
    for (body, status) in [
        (json!({ "account": "shop", "expires": "2020-01-01T00:00:00Z" }), 400),
        (json!({ "account": "shop", "expires": "2099-01-01T00:00:00Z" }), 400),
        (json!({ "account": "Not An Id" }), 400),
        (json!({ "account": "platform" }), 400),
        (json!({}), 400),
    ] {
        let answer = office.bridge.post("/admin/v1/open/platform/bind-links", &body).await;
        assert_eq!(answer.0, status, "{body}: {answer:?}");
    }
    assert_eq!(
        office
            .bridge
            .post("/admin/v1/open/nobody/bind-links", &json!({ "account": "shop" }))
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn a_return_counts_once_and_in_the_browser_that_left() {
    let office = Office::open(|_| Said::taken()).await;
    let shop = office::official_account("shop");
    office.exists(&shop).await;
    let link = office.link("shop").await;
    let (page, cookie) = office.page_of(&link).await;
    let back = office.confirms(&page, &shop, json!({ "notice": false })).await;
    let (_, other) = office.page_of(&link).await;
    let changed = back.replace("state=", "state=0");
    for (url, cookie) in [(&back, ""), (&back, other.as_str()), (&changed, cookie.as_str())] {
        let forged = office.looks(url, cookie, None).await;
        says(
            &forged,
            403,
            "FORBIDDEN",
            "与本浏览器中发起的扫码不符",
            "does not belong to a scan that was begun in this browser",
        );
    }
    let wrong = office.looks(&back, &cookie, Some("evil.example")).await;
    says(&wrong, 409, "WRONG_BIND_HOST", "只能从", "are bound from");
    assert_eq!(office.ids().await, ["platform"], "nothing was bound by any of them");

    let bound = office.looks(&back, &cookie, None).await;
    says(&bound, 200, "shop", "绑定成功", "Bound");
    let again = office.looks(&back, &cookie, None).await;
    says(&again, 404, "BIND_LINK_USED", "已被使用", "was used already");
    says(
        &office.looks(&link, &cookie, None).await,
        404,
        "BIND_LINK_USED",
        "已被使用",
        "was used already",
    );

    // The code of that scan, at the end of another one.
    let code = back.split("auth_code=").nth(1).unwrap();
    let (page, cookie) = office.page_of(&office.link("second").await).await;
    let query = page.split("redirect_uri=").nth(1).unwrap().split('&').next().unwrap();
    let own: String = url_decoded(query);
    let replayed = office.looks(&format!("{own}&auth_code={code}"), &cookie, None).await;
    says(
        &replayed,
        409,
        "NEEDS_REAUTH",
        "平台不接受该授权码",
        "does not take this authorisation code",
    );
    assert_eq!(office.ids().await, ["platform", "shop"]);
}

fn url_decoded(text: &str) -> String {
    reqwest::Url::parse(&format!("http://x/?a={text}"))
        .unwrap()
        .query_pairs()
        .next()
        .unwrap()
        .1
        .into_owned()
}

#[tokio::test]
async fn of_two_operators_with_one_id_the_second_is_told_and_nothing_of_theirs_is_lost() {
    let office = Office::open(|_| Said::taken()).await;
    let (one, two) = (office::official_account("one"), office::official_account("two"));
    office.exists(&one).await;
    office.exists(&two).await;
    let first = office.page_of(&office.link("shop").await).await;
    let second = office.page_of(&office.link("shop").await).await;
    let first_back = office.confirms(&first.0, &one, json!({ "notice": false })).await;
    let second_back = office.confirms(&second.0, &two, json!({ "notice": false })).await;
    assert_eq!(office.looks(&first_back, &first.1, None).await.status, 200);
    let told = office.looks(&second_back, &second.1, None).await;
    says(
        &told,
        400,
        "INVALID_REQUEST",
        "账号未能绑定",
        &format!("the id shop belongs to {} now", one.app_id),
    );
    office.authorizer(&two, "unclaimed").await;
    assert_eq!(
        office.bridge.get("/v1/accounts/shop").await["account"]["platformId"],
        one.app_id.as_str()
    );
}

#[tokio::test]
async fn the_notice_may_come_before_the_browser_and_the_browser_is_told_all_the_same() {
    let office = Office::open(|_| Said::taken()).await;
    let shop = office::official_account("shop");
    office.exists(&shop).await;
    let (page, cookie) = office.page_of(&office.link("shop").await).await;
    let back = office.confirms(&page, &shop, json!({})).await;
    office.authorizer(&shop, "bound").await;
    let bound = office.looks(&back, &cookie, None).await;
    says(&bound, 200, "shop", "绑定成功", "Bound");
    assert_eq!(office.calls("api_query_auth").await, 1, "one code, spent once");
    assert_eq!(office.looks(&back, &cookie, None).await.status, 404);
}

#[tokio::test]
async fn a_message_counts_for_the_account_that_it_names_and_one_for_a_stranger_is_kept() {
    let office = Office::open(|_| Said::taken()).await;
    let (one, two) = (office::official_account("one"), office::official_account("two"));
    for shop in [&one, &two] {
        office.exists(shop).await;
        office.bind(&shop.id, shop).await;
    }
    let push = async |app_id: &str, sealing: &Sealing, text: &str| {
        let push = one.sealed_by(sealing, &one.text("oAnna", msg_id(), text));
        let url = office
            .bridge
            .public(&format!("/open/platform/message/{app_id}?{}", push.query));
        let answer = office.bridge.http.post(url).body(push.body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let own = || Sealing::of(&office.platform);
    assert_eq!(push(&one.app_id, &own(), "mine").await, (200, "success".to_owned()));
    assert_eq!(push(&two.app_id, &own(), "under another's path").await.0, 403);
    // Sealed by the account itself, and for itself: the platform's key and AppID are what counts here.
    assert_eq!(push(&one.app_id, &Sealing::of(&one), "by itself").await.0, 403);
    let for_itself = Sealing {
        receiver: one.app_id.clone(),
        ..own()
    };
    assert_eq!(
        push(&one.app_id, &for_itself, "for itself").await,
        (200, "success".to_owned())
    );
    assert_eq!(
        push("wxffffffffffffffff", &own(), "who is it?").await,
        (200, "success".to_owned())
    );
    assert_eq!(push("wx570bc396a51b8ff8", &own(), "under the test's path").await.0, 403);
    assert_eq!(office.core.hears_text("mine").await, ["mine"]);
    let kept: Value = office.bridge.get("/admin/v1/quarantine").await;
    let codes: Vec<_> = kept["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["code"].clone())
        .collect();
    assert_eq!(codes.len(), 2, "{kept}");
    assert!(
        codes.contains(&json!("ACCOUNT_UNKNOWN")) && codes.contains(&json!("WRONG_RECEIVER")),
        "{kept}"
    );
    // One that nobody has bound is what it was when it is read again.
    let stranger = office::official_account("stranger");
    let sealed = stranger.sealed_by(&own(), &stranger.text("oAnna", msg_id(), "not yet"));
    let path = format!("/open/platform/message/{}?{}", stranger.app_id, sealed.query);
    let pushed = office.bridge.http.post(office.bridge.public(&path)).body(sealed.body);
    assert_eq!(pushed.send().await.unwrap().status(), 200);
    let newest: Value = office.bridge.get("/admin/v1/quarantine").await;
    let ids = |kept: &Value| -> Vec<Value> {
        kept["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["id"].clone())
            .collect()
    };
    let known = ids(&kept);
    let id = ids(&newest).into_iter().find(|id| !known.contains(id)).unwrap();
    let path = format!("/admin/v1/quarantine/{}/retry", id.as_str().unwrap());
    let (_, refused) = office.bridge.post(&path, &json!({})).await;
    assert_eq!(refused["code"], "ACCOUNT_UNKNOWN", "{refused}");
    // The platform has no address of the usual kind.
    let url = office.bridge.public("/callback/platform");
    assert_eq!(
        office
            .bridge
            .http
            .post(url)
            .body("<xml/>")
            .send()
            .await
            .unwrap()
            .status(),
        404
    );
}

#[tokio::test]
async fn notices_that_are_not_the_platforms_change_nothing() {
    let office = Office::open(|_| Said::taken()).await;
    for (tamper, status) in [
        ("signature", 403),
        ("no_signature", 403),
        ("plain", 403),
        ("doctype", 400),
        ("truncate", 400),
    ] {
        let told = office.ticket(&json!({ "tamper": tamper })).await;
        assert_eq!(told["attempts"][0]["status"], status, "{tamper}: {told}");
    }
    // Rightly signed, but not to be read, or for another one: taken and set aside.
    for tamper in ["key", "receiver", "doctype_inside"] {
        let told = office.ticket(&json!({ "tamper": tamper })).await;
        assert_eq!(told["outcome"], "success", "{tamper}: {told}");
    }
    let withdrawal = json!({ "info_type": "unauthorized", "fields": { "AuthorizerAppid": "wxffffffffffffffff" } });
    let told = office.post_sim("/sim/v1/open/APPID/notice", &withdrawal).await.1;
    assert_eq!(told["outcome"], "success", "{told}");
    let other = json!({ "info_type": "notify_3rd_wxa_wxverify", "fields": { "appid": "wx1" } });
    assert_eq!(
        office.post_sim("/sim/v1/open/APPID/notice", &other).await.1["outcome"],
        "success"
    );
    let kept = until("three set aside", async || {
        let kept = office.bridge.get("/admin/v1/quarantine").await;
        (kept["items"].as_array()?.len() == 3).then_some(kept)
    })
    .await;
    assert!(
        kept["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|it| it["account"] == "platform"),
        "{kept}"
    );
    assert_eq!(
        office.bridge.get("/admin/v1/open/platform/authorizers").await["items"],
        json!([])
    );
}
