//! Cursors that are not ours, of another core or of another life, and tokens of another core; over HTTP and gRPC.

use serde_json::{Value, json};
use tonic::{Code, Status};
use wxbridge::schema::v1::{AckEventsRequest, FetchEventsRequest};

use crate::support::{
    bridge::{Bridge, Setup},
    grpc::{Client, client, reason},
    peer::Shop,
};

const CORES: &str = "[[core]]\nname = \"main\"\nkind = \"feed\"\nreply_budget = \"0s\"\nmatch = { accounts = [\"shop\"] }\n\
                     [[core]]\nname = \"other\"\nkind = \"feed\"\nreply_budget = \"0s\"\n";

pub struct House {
    pub bridge: Bridge,
    pub shop: Shop,
}

impl House {
    pub async fn new() -> Self {
        let mut setup = Setup::new();
        setup.more = CORES.to_owned();
        let bridge = Bridge::start(setup).await;
        let shop = Shop::new("shop");
        bridge.apply(&[&shop], "http://127.0.0.1:9").await;
        Self { bridge, shop }
    }

    pub async fn token(&self, core: &str) -> String {
        let wish = json!({ "name": core, "scope": "core", "core": core });
        let (status, made) = self.bridge.post("/admin/v1/tokens", &wish).await;
        assert_eq!(status, 201, "{made}");
        made["token"].as_str().unwrap().to_owned()
    }

    /// Status and code of fetching from this cursor and of acknowledging it, over HTTP.
    async fn over_http(&self, token: &str, core: &str, cursor: &str) -> [(u16, String); 2] {
        let http = &self.bridge.http;
        let events = http.get(self.bridge.internal(&format!("/v1/events?core={core}&after={cursor}")));
        let ack = http
            .post(self.bridge.internal("/v1/events/ack"))
            .json(&json!({ "core": core, "cursor": cursor }));
        let mut answers = Vec::new();
        for request in [events, ack] {
            let answer = request.bearer_auth(token).send().await.unwrap();
            let status = answer.status().as_u16();
            let body: Value = answer.json().await.unwrap();
            answers.push((status, body["code"].as_str().unwrap_or_default().to_owned()));
        }
        answers.try_into().unwrap()
    }

    async fn waiting(&self) -> usize {
        let page = self.bridge.get("/v1/events?core=main").await;
        page["events"].as_array().map_or(0, Vec::len)
    }

    async fn next(&self) -> String {
        let page = self.bridge.get("/v1/events?core=main").await;
        page["next"].as_str().unwrap().to_owned()
    }
}

/// The same over gRPC.
async fn over_grpc(client: &mut Client, core: &str, cursor: &str) -> [(Code, String); 2] {
    let told = |refused: Status| (refused.code(), reason(&refused));
    let fetch = client.request(FetchEventsRequest {
        core: core.into(),
        after: cursor.into(),
        ..Default::default()
    });
    let fetched = client.bridge.fetch_events(fetch).await.map_err(told).unwrap_err();
    let ack = client.request(AckEventsRequest {
        core: core.into(),
        cursor: cursor.into(),
        ..Default::default()
    });
    let acked = client.bridge.ack_events(ack).await.map_err(told).unwrap_err();
    [fetched, acked]
}

#[tokio::test]
async fn a_cursor_with_any_letter_changed_is_refused_and_takes_nothing() {
    let house = House::new().await;
    for text in ["1", "2", "3"] {
        assert_eq!(house.bridge.text(&house.shop, "o1", text).await.0, 200);
    }
    let (token, right) = (house.token("main").await, house.next().await);
    let mut caller = client(&house.bridge, &token);
    let mut forged: Vec<String> = (0..right.len())
        .map(|at| {
            let other = if &right[at..=at] == "A" { "B" } else { "A" };
            format!("{}{other}{}", &right[..at], &right[at + 1..])
        })
        .collect();
    // The last letter may carry bits that mean nothing.
    forged.pop();
    forged.extend([
        format!("{right}AAAA"),
        right[..right.len() - 4].to_owned(),
        "0".repeat(5_000),
    ]);
    for cursor in &forged {
        let answers = house.over_http(&token, "main", cursor).await;
        for (status, code) in answers {
            assert_eq!((status, code.as_str()), (400, "INVALID_REQUEST"), "{cursor}");
        }
        for answer in over_grpc(&mut caller, "main", cursor).await {
            assert_eq!(answer, (Code::InvalidArgument, "INVALID_REQUEST".into()), "{cursor}");
        }
    }
    assert_eq!(house.waiting().await, 3, "nothing was taken");
    crate::assert_quiet(&house.bridge.log());
}

#[tokio::test]
async fn who_is_another_core_or_of_another_life_takes_nothing() {
    let mut house = House::new().await;
    assert_eq!(house.bridge.text(&house.shop, "o1", "1").await.0, 200);
    let (stranger, right) = (house.token("other").await, house.next().await);
    let mut caller = client(&house.bridge, &stranger);
    for (status, code) in house.over_http(&stranger, "main", &right).await {
        assert_eq!((status, code.as_str()), (403, "FORBIDDEN"));
    }
    for answer in over_grpc(&mut caller, "main", &right).await {
        assert_eq!(answer, (Code::PermissionDenied, "FORBIDDEN".into()));
    }
    // Its own feed does not know that cursor.
    for (status, code) in house.over_http(&stranger, "other", &right).await {
        assert_eq!((status, code.as_str()), (400, "INVALID_REQUEST"));
    }
    for answer in over_grpc(&mut caller, "other", &right).await {
        assert_eq!(answer, (Code::InvalidArgument, "INVALID_REQUEST".into()));
    }

    assert_eq!(house.bridge.stop().await, 0);
    let file = house.bridge.state().join(wxbridge::store::sqlite::FILE);
    wxbridge::store::sqlite::raise_epoch(&file, 0).unwrap();
    house.bridge.spawn();
    house.bridge.ready().await;
    let own = house.token("main").await;
    for (status, code) in house.over_http(&own, "main", &right).await {
        assert_eq!((status, code.as_str()), (410, "CURSOR_TOO_OLD"));
    }
    let mut caller = client(&house.bridge, &own);
    for answer in over_grpc(&mut caller, "main", &right).await {
        assert_eq!(answer, (Code::OutOfRange, "CURSOR_TOO_OLD".into()));
    }
    assert_eq!(house.waiting().await, 1, "nothing was lost");
    crate::assert_quiet(&house.bridge.log());
}
