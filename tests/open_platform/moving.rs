//! Can an account that was bound by a scan move in beside the system that stood at the platform's address before?

use std::sync::{Arc, Mutex};

use actix_web::{App, HttpRequest, HttpServer, web};
use serde_json::{Value, json};

use super::{
    office::{Office, official_account},
    support::{
        core::Said,
        peer::{element, open},
        until,
    },
};

/// What it heard: query and body.
type Heard = Arc<Mutex<Vec<(String, String)>>>;

/// A system that acknowledges everything; its address, and what it heard.
fn system_before() -> (String, Heard) {
    let heard = Heard::default();
    let data = web::Data::new(heard.clone());
    let take = async |request: HttpRequest, body: String, heard: web::Data<Heard>| {
        heard.lock().unwrap().push((request.query_string().to_owned(), body));
        "success"
    };
    let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(take)))
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
    let url = format!("http://{}/old", server.addrs()[0]);
    tokio::spawn(server.run());
    (url, heard)
}

#[tokio::test]
async fn the_system_before_hears_what_came_for_an_account_bound_by_a_scan_and_answers_it() {
    let office = Office::open(|heard| Said::reply(&format!("to {}", heard.text()))).await;
    let shop = official_account("shop");
    office.exists(&shop).await;
    office.bind("shop", &shop).await;
    let (url, heard) = system_before();
    let pass = async |wish: Value| {
        let told = office.bridge.post("/admin/v1/accounts/shop/passthrough", &wish).await;
        assert_eq!(told.0, 200, "{}", told.1);
    };
    pass(json!({ "mode": "tee", "url": url })).await;
    assert_eq!(office.says(&shop, "oAnna", "one").await["outcome"], "reply");
    pass(json!({ "mode": "answer", "url": url })).await;
    assert_eq!(office.says(&shop, "oAnna", "two").await["outcome"], "success");
    // Ours was not lost by it: it went by the API.
    office.sees(&shop, "oAnna", "to two").await;
    pass(json!({ "mode": "off" })).await;
    assert_eq!(office.says(&shop, "oAnna", "three").await["outcome"], "reply");

    let compared = until("both are compared", async || {
        let found = office.bridge.get("/admin/v1/passthrough?account=shop").await;
        let items = found["items"].as_array().unwrap().clone();
        (items.len() == 2).then_some(items)
    })
    .await;
    let returned: Vec<&str> = compared.iter().filter_map(|it| it["returned"].as_str()).collect();
    assert_eq!(returned, ["old", "ours"]);
    let heard = heard.lock().unwrap().clone();
    assert_eq!(heard.len(), 2);
    for ((query, body), said) in heard.iter().zip(["one", "two"]) {
        assert!(query.contains("msg_signature="), "{query}");
        let (inner, receiver) = open(&office.platform.key, &element(body, "Encrypt").unwrap()).unwrap();
        assert_eq!(element(&inner, "Content").as_deref(), Some(said));
        assert_eq!(receiver, office.platform.app_id);
    }
    assert_eq!(office.core.texts(), ["one", "two", "three"]);
}
