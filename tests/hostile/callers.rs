//! Who is believed? Only the holder of token and key, in time, and a plain body once.

use crate::{
    House,
    support::{
        now,
        peer::{Push, Sealing, Shop, msg_id},
    },
};

#[tokio::test]
async fn only_the_holder_of_token_and_key_is_heard() {
    let house = House::open().await;
    let shop = &house.shop;
    let inner = || shop.text("oHostile", msg_id(), "x");
    let good = || shop.sealed(&inner());
    let spoiled = |change: &dyn Fn(&str) -> String| {
        let push = good();
        Push {
            query: change(&push.query),
            ..push
        }
    };
    let other_token = Sealing {
        token: "anothertoken".into(),
        ..Sealing::of(shop)
    };
    for push in [
        shop.sealed_by(&other_token, &inner()),
        spoiled(&|query| query.split("&msg_signature=").next().unwrap().to_owned()),
        spoiled(&|query| {
            let (start, signature) = query.split_once("msg_signature=").unwrap();
            format!("{start}msg_signature={}", signature.to_uppercase())
        }),
        spoiled(&|query| query.replace("timestamp=", "timestamp=0")),
        spoiled(&|query| format!("{query}00")),
        // The plain signature is right: it says nothing about an encrypted body.
        spoiled(&|query| {
            let signature = &query["signature=".len()..][..40];
            format!(
                "{}&msg_signature={signature}",
                query.split("&msg_signature=").next().unwrap()
            )
        }),
        Push {
            body: good().body,
            ..good()
        },
    ] {
        house.refuses(shop, &push, 403, "BAD_SIGNATURE").await;
    }
    house
        .refuses(shop, &spoiled(&|_| String::new()), 403, "PLAINTEXT_REFUSED")
        .await;
    let numberless = Sealing {
        timestamp: "now".into(),
        ..Sealing::of(shop)
    };
    house
        .refuses(shop, &shop.sealed_by(&numberless, &inner()), 403, "BAD_SIGNATURE")
        .await;

    // Signed rightly, but not for us, or with a key we do not have: kept for the operator.
    let wrong_key = Sealing {
        key: Shop::new("another").key,
        ..Sealing::of(shop)
    };
    let wrong_receiver = Sealing {
        receiver: "wx0000000000000000".into(),
        ..Sealing::of(shop)
    };
    for (sealing, code) in [(wrong_key, "UNDECODABLE"), (wrong_receiver, "WRONG_RECEIVER")] {
        let before = house.quarantined("shop", code).await;
        assert_eq!(
            house.bridge.pushed(shop, &shop.sealed_by(&sealing, &inner())).await,
            (200, "success".into())
        );
        assert_eq!(house.quarantined("shop", code).await, before + 1.0, "{code}");
    }
    assert!(house.core.heard().is_empty());
    house.still_serves().await;
    let view = house.bridge.get("/v1/accounts/shop").await;
    assert!(view["warnings"].to_string().contains("BAD_SIGNATURE"), "{view}");
    assert!(!view.to_string().contains(&shop.token), "no secret is shown");
}

#[tokio::test]
async fn bodies_that_are_set_aside_fill_no_log() {
    let house = House::open().await;
    let shop = &house.shop;
    let wrong_key = Sealing {
        key: Shop::new("another").key,
        ..Sealing::of(shop)
    };
    for _ in 0..50 {
        let push = shop.sealed_by(&wrong_key, &shop.text("o1", msg_id(), "x"));
        assert_eq!(house.bridge.pushed(shop, &push).await, (200, "success".into()));
    }
    assert_eq!(house.quarantined("shop", "UNDECODABLE").await, 50.0);
    let log = house.bridge.log();
    let said: Vec<chrono::DateTime<chrono::Utc>> = log
        .lines()
        .filter(|line| line.contains("was set aside"))
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["timestamp"].as_str().unwrap().parse().unwrap()
        })
        .collect();
    assert!(!said.is_empty(), "{log}");
    for two in said.windows(2) {
        assert!((two[1] - two[0]).num_milliseconds() > 900, "{two:?}");
    }
}

#[tokio::test]
async fn a_timestamp_far_away_is_stale_and_one_a_little_away_is_taken_with_a_warning() {
    let house = House::open().await;
    let shop = &house.shop;
    let at = |seconds: i64| Sealing {
        timestamp: (now() + seconds).to_string(),
        ..Sealing::of(shop)
    };
    for seconds in [-7 * 3600, 7 * 3600] {
        house
            .refuses(
                shop,
                &shop.sealed_by(&at(seconds), &shop.text("o1", msg_id(), "x")),
                403,
                "STALE",
            )
            .await;
    }
    for seconds in [-5 * 3600, 5 * 3600, -20 * 60] {
        let push = shop.sealed_by(&at(seconds), &shop.text("o1", msg_id(), "still good"));
        assert_eq!(house.bridge.pushed(shop, &push).await, (200, "success".into()));
    }
    house.core.hears(3).await;
    let view = house.bridge.get("/v1/accounts/shop").await;
    assert!(view["warnings"].to_string().contains("CLOCK_SKEW"), "{view}");
    let zeros = Sealing {
        timestamp: "99999999999999999999".into(),
        ..Sealing::of(shop)
    };
    assert_eq!(house.bridge.pushed(shop, &shop.sealed_by(&zeros, "x")).await.0, 403);
    house.still_serves().await;
}

#[tokio::test]
async fn a_plain_body_is_believed_only_where_it_is_allowed_and_only_once_and_soon() {
    let house = House::open().await;
    let (shop, clear) = (&house.shop, &house.clear);
    let inner = |shop: &Shop| shop.text("oHostile", msg_id(), "in the clear");
    house
        .refuses(shop, &shop.plain(&inner(shop), now()), 403, "PLAINTEXT_REFUSED")
        .await;
    house
        .refuses(clear, &clear.plain(&inner(clear), now() - 301), 403, "STALE")
        .await;

    let seen = clear.plain(&inner(clear), now());
    assert_eq!(house.bridge.pushed(clear, &seen).await, (200, "success".into()));
    assert_eq!(
        house.bridge.pushed(clear, &seen).await,
        (200, "success".into()),
        "a retry repeats the query"
    );
    let stolen = Push {
        body: inner(clear).into_bytes(),
        ..seen
    };
    let (status, body) = house.bridge.pushed(clear, &stolen).await;
    assert_eq!(
        (status, body.as_str()),
        (403, ""),
        "the first body seen binds timestamp and nonce"
    );
    house.core.hears(1).await;
    house.still_serves().await;
    assert_eq!(
        house
            .core
            .heard()
            .iter()
            .filter(|heard| heard.text() == "in the clear")
            .count(),
        1
    );
}

#[tokio::test]
async fn the_consoles_check_is_echoed_only_to_who_knows_the_token() {
    let house = House::open().await;
    let shop = &house.shop;
    let bridge = &house.bridge;
    let get = |query: String| {
        let url = bridge.public(&format!("/callback/shop?{query}"));
        async move {
            let answer = bridge.http.get(url).send().await.unwrap();
            let status = answer.status().as_u16();
            let kind = answer
                .headers()
                .get("content-type")
                .map(|kind| kind.to_str().unwrap().to_owned());
            (status, kind.unwrap_or_default(), answer.text().await.unwrap())
        }
    };
    let now_text = now().to_string();
    let (status, kind, body) = get(shop.handshake("4375120948345356249", &now_text)).await;
    assert_eq!((status, body.as_str()), (200, "4375120948345356249"));
    assert!(kind.starts_with("text/plain"), "{kind}");
    let stale = (now() - 7 * 3600).to_string();
    for query in [
        shop.handshake("x", &now_text).replacen("signature=", "signature=0", 1),
        shop.handshake("x", &stale),
        shop.handshake("x", "now"),
        Shop {
            token: "anothertoken".into(),
            ..shop.clone()
        }
        .handshake("x", &now_text),
        "echostr=x".to_owned(),
        String::new(),
    ] {
        let (status, _, body) = get(query.clone()).await;
        assert_eq!((status, body.as_str()), (403, ""), "{query}");
    }
    house.still_serves().await;
}
