//! What becomes of a callback that only rings, and of one that came in at another account?

use crate::{
    envelope::{cipher, signature},
    inbound::{
        Body,
        testing::{House, KEY, NOW, Push},
    },
    secret::Secret,
    settings::AccountSettings,
};

const CORP: &str = "ww0123456789abcdef";

fn kf() -> AccountSettings {
    AccountSettings {
        id: "shop".into(),
        channel: "wechat_kf".into(),
        corp_id: CORP.into(),
        secret: Secret::new("s3cret"),
        token: Secret::new("spamtest"),
        encoding_aes_key: Secret::new(KEY),
        ..AccountSettings::default()
    }
}

/// One of its places, bound via it.
fn via_shop() -> AccountSettings {
    AccountSettings {
        id: "kf".into(),
        via: "shop".into(),
        token: Secret::default(),
        encoding_aes_key: Secret::default(),
        secret: Secret::default(),
        open_kfids: vec!["wk9".into()],
        ..kf()
    }
}

fn sealed(message: &str, id: &str, at: i64) -> (String, String) {
    let encrypt = cipher::seal(&cipher::key(KEY).expect("a key"), [b'x'; 16], message.as_bytes(), id);
    let timestamp = (at / 1000).to_string();
    let signed = signature::of_message("spamtest", &timestamp, "7", &encrypt);
    (
        format!(
            "msg_signature={}&timestamp={timestamp}&nonce=7",
            signature::text(&signed)
        ),
        encrypt,
    )
}

fn push(message: &str) -> Push {
    let (query, encrypt) = sealed(message, CORP, NOW);
    Push {
        query,
        body: format!("<xml><ToUserName>{CORP}</ToUserName><AgentID></AgentID><Encrypt>{encrypt}</Encrypt></xml>"),
    }
}

fn bell(inner: &str) -> Push {
    push(&format!(
        "<xml><ToUserName>{CORP}</ToUserName><CreateTime>1752000500</CreateTime><MsgType>event</MsgType>\
         <Event>kf_msg_or_event</Event>{inner}</xml>"
    ))
}

#[tokio::test]
async fn a_bell_is_marked_and_answered_and_is_no_event() {
    let house = House::new(kf(), Vec::new()).await;
    let reply = house.post(&bell("<Token>ENC1</Token><OpenKfId>wk1</OpenKfId>")).await;
    assert_eq!((reply.status, reply.body), (200, Body::Success));
    house.post(&bell("<Token>ENC2</Token>")).await;
    let rung = house.bells.0.lock().expect("no panic").clone();
    assert_eq!(rung.len(), 2);
    assert_eq!(
        (rung[0].1.sub_id.as_deref(), rung[0].1.token.as_str()),
        (Some("wk1"), "ENC1")
    );
    assert_eq!(rung[1].1.sub_id, None, "old copies of the page have no OpenKfId");
    assert!(house.heard().is_empty());
    let mut wrong = bell("<Token>ENC1</Token>");
    wrong.query = wrong.query.replace("nonce=7", "nonce=8");
    assert_eq!(house.post(&wrong).await.status, 403);
}

#[tokio::test]
async fn a_change_of_grants_is_an_event_of_the_account_with_all_its_ids() {
    let house = House::new(kf(), Vec::new()).await;
    let change = push(&format!(
        "<xml><ToUserName>{CORP}</ToUserName><CreateTime>1752000500</CreateTime><MsgType>event</MsgType>\
         <Event>kf_account_auth_change</Event><AuthAddOpenKfId>wk1</AuthAddOpenKfId><AuthAddOpenKfId>wk2</AuthAddOpenKfId></xml>"
    ));
    for _ in 0..2 {
        assert_eq!(house.post(&change).await.body, Body::Success);
    }
    let event = house.event(1).await;
    assert_eq!(house.heard().len(), 1, "told once");
    let changed = house.bells.1.lock().expect("no panic").clone();
    assert_eq!(changed, ["shop", "shop"], "looked up at once");
    let Some(crate::schema::v1::event::Body::Signal(signal)) = &event.event.body else {
        panic!("a signal");
    };
    assert!(signal.native_json.contains(r#"["wk1","wk2"]"#));
    let conversation = event.event.conversation.as_ref().expect("one");
    assert_eq!(conversation.key, format!("wechat_kf:{CORP}:a:-"));
}

#[tokio::test]
async fn the_consoles_check_is_opened_and_no_body_can_be_read_through_it() {
    let house = House::new(kf(), Vec::new()).await;
    let check = |message: &str, id: &str, at: i64| {
        let (query, echo) = sealed(message, id, at);
        let echo = percent_encoding::utf8_percent_encode(&echo, percent_encoding::NON_ALPHANUMERIC);
        let call = house.inbound.call("shop", NOW, None).expect("ours");
        call.handshake(&format!("{query}&echostr={echo}"))
    };
    let reply = check("6137728914405581230", CORP, NOW);
    assert_eq!(
        (reply.status, reply.body),
        (200, Body::Text(b"6137728914405581230".to_vec()))
    );
    for (message, id, at) in [
        ("<xml><Content>private</Content></xml>", CORP, NOW),
        ("", CORP, NOW),
        ("6137728914405581230", "ww-other", NOW),
        ("6137728914405581230", CORP, NOW - 400_000),
    ] {
        assert_eq!(check(message, id, at).status, 403, "{message} {id}");
    }
}

#[tokio::test]
async fn an_account_without_a_callback_of_its_own_has_no_address() {
    let house = House::new(kf(), Vec::new()).await;
    house.service.apply(vec![via_shop()], false).await.expect("applied");
    assert!(house.inbound.call("kf", NOW, None).is_err());
    let opened = house.registry.get("kf").expect("bound");
    assert_eq!(
        opened.settings.secret,
        Secret::new("s3cret"),
        "lent by the account it is bound via"
    );
    // What rings for one of its places comes in at the other account.
    house.post(&bell("<Token>ENC1</Token><OpenKfId>wk9</OpenKfId>")).await;
    house.post(&bell("<Token>ENC1</Token><OpenKfId>wk1</OpenKfId>")).await;
    let rung: Vec<String> = house
        .bells
        .0
        .lock()
        .expect("no panic")
        .iter()
        .map(|it| it.0.clone())
        .collect();
    assert_eq!(rung, ["kf", "shop"]);
    let nobody = AccountSettings {
        via: "nobody".into(),
        ..house.registry.get("kf").expect("bound").settings.clone()
    };
    assert!(house.service.apply(vec![nobody], false).await.is_err());
}

#[tokio::test]
async fn what_rings_for_a_place_that_nobody_serves_is_no_business_of_the_applications() {
    let app = AccountSettings {
        channel: "wecom_app".into(),
        agent_id: "1000002".into(),
        ..kf()
    };
    let house = House::new(app, Vec::new()).await;
    house.service.apply(vec![via_shop()], false).await.expect("applied");
    for place in ["wk9", "wk3"] {
        let reply = house
            .post(&bell(&format!("<Token>ENC1</Token><OpenKfId>{place}</OpenKfId>")))
            .await;
        assert_eq!(reply.status, 200, "{place}");
    }
    let rung = house.bells.0.lock().expect("no panic");
    let rung: Vec<&str> = rung.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(rung, ["kf", "kf"], "whose listed places say whether it is pulled");
}
