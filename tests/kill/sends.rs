//! What becomes of an accepted send? It goes once and in order, or is called unknown; never lost, never twice.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    DRAIN,
    support::{self, Dice, core::Said, peer::Shop, until_within, world::World},
};

const SENDERS: u64 = 8;
const SEND_KILLS: u64 = 8;

/// One conversation's sender: each wish has a key of its own and is repeated until it is accepted.
struct Sender {
    url: String,
    token: String,
    http: reqwest::Client,
    conversation: String,
}

impl Sender {
    /// The id of the message, once the bridge has said that it keeps it.
    async fn accepted(&self, text: &str) -> String {
        let wish = json!({ "conversationKey": self.conversation, "text": text, "clientMessageId": text });
        loop {
            let sent = self
                .http
                .post(&self.url)
                .bearer_auth(&self.token)
                .json(&wish)
                .send()
                .await;
            if let Ok(answer) = sent {
                let status = answer.status().as_u16();
                if let Ok(told) = answer.json::<Value>().await {
                    assert_eq!(status, 202, "{told}");
                    return told["messageId"].as_str().unwrap().to_owned();
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_accepted_for_sending_is_sent_once_and_in_order_or_called_unknown() {
    let mut dice = Dice::from_env();
    let shop = Shop::new("shop").with("quotas = { message = { count = 10000, window = \"48h\" } }");
    let mut world = World::with(shop, json!({}), "", |_| Said::taken()).await;
    let over = Arc::new(AtomicBool::new(false));
    let mut senders = Vec::new();
    for number in 0..SENDERS {
        let openid = format!("o{number}");
        assert_eq!(world.says(&openid, "hello").await["outcome"], "success");
        let quota = format!("/sim/v1/quota/{}/{openid}", world.shop.app_id);
        world
            .sim_post(&quota, &json!({ "left": 100_000, "seconds": 100_000 }))
            .await;
        let sender = Sender {
            url: world.bridge.internal("/v1/messages"),
            token: world.bridge.operator_token(),
            http: support::client(),
            conversation: world.key(&openid),
        };
        let over = over.clone();
        senders.push(tokio::spawn(async move {
            let mut accepted = Vec::new();
            while !over.load(Ordering::SeqCst) {
                let text = format!("{openid} number {}", accepted.len());
                accepted.push((sender.accepted(&text).await, text));
            }
            (openid, accepted)
        }));
    }
    for _ in 0..SEND_KILLS {
        tokio::time::sleep(Duration::from_millis(100 + dice.below(400))).await;
        world.bridge.kill();
        world.bridge.spawn();
        world.bridge.ready().await;
    }
    over.store(true, Ordering::SeqCst);
    let (mut sent, mut unknown) = (0, 0);
    for sender in senders {
        let (openid, accepted) = sender.await.unwrap();
        let mut wanted = Vec::new();
        let mut doubtful = HashSet::new();
        for (id, text) in accepted {
            match settled(&world, &id).await.as_str() {
                "SENT" => sent += 1,
                "UNKNOWN" => {
                    unknown += 1;
                    doubtful.insert(text.clone());
                }
                other => panic!("{text} is {other}"),
            }
            wanted.push(text);
        }
        let shown: Vec<String> = world.shown(&openid).await.into_iter().map(|(_, text)| text).collect();
        // What is called unknown may have arrived; everything else has, once, in the order of the wishes.
        wanted.retain(|text| !doubtful.contains(text) || shown.contains(text));
        assert_eq!(shown, wanted, "{openid}");
    }
    println!("{sent} sent, {unknown} unknown");
    assert!(sent > SEND_KILLS);
    // At most one call of each conversation was under way at each kill.
    assert!(unknown <= SEND_KILLS * SENDERS, "{unknown}");
}

/// The status of a message once it is final.
async fn settled(world: &World, id: &str) -> String {
    until_within(DRAIN, "a final status", async || {
        let result = world.bridge.get(&format!("/v1/messages/{id}")).await;
        let status = result["status"].as_str()?.to_owned();
        (!matches!(status.as_str(), "ACCEPTED" | "SENDING" | "HELD")).then_some(status)
    })
    .await
}
