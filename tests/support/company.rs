//! How does WeCom answer calls? A small one that writes down what it is asked, gives each Secret a token of its own, and
//! answers as told. Written from its documentation (<https://developer.work.weixin.qq.com/document/path/90236>).

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    web::{self, Bytes, Data},
};
use serde_json::{Value, json};

use super::{bridge::Bridge, peer::Shop, until};

/// One call.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub query: String,
    pub body: Value,
}

#[derive(Default)]
struct Inner {
    asked: Mutex<Vec<Asked>>,
    next: Mutex<HashMap<String, VecDeque<Value>>>,
}

/// A running platform.
pub struct Company {
    pub address: SocketAddr,
    inner: Arc<Inner>,
    handle: ServerHandle,
}

impl Company {
    pub async fn start() -> Self {
        let inner = Arc::new(Inner::default());
        let data = Data::from(inner.clone());
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(answer)))
            .workers(1)
            .shutdown_timeout(0)
            .disable_signals()
            .bind("127.0.0.1:0")
            .unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { address, inner, handle }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next answer on this path.
    pub fn answers(&self, path: &str, body: Value) {
        let mut next = self.inner.next.lock().unwrap();
        next.entry(path.to_owned()).or_default().push_back(body);
    }

    pub fn asked(&self, path: &str) -> Vec<Asked> {
        let asked = self.inner.asked.lock().unwrap();
        asked.iter().filter(|it| it.path == path).cloned().collect()
    }

    /// The calls on this path once there are so many.
    pub async fn hears(&self, path: &str, count: usize) -> Vec<Asked> {
        until(&format!("{count} calls of {path}"), async || {
            let asked = self.asked(path);
            (asked.len() >= count).then_some(asked)
        })
        .await
    }
}

impl Drop for Company {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn answer(request: HttpRequest, body: Bytes, inner: Data<Inner>) -> HttpResponse {
    let (path, query) = (request.path().to_owned(), request.query_string().to_owned());
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let number = {
        let mut asked = inner.asked.lock().unwrap();
        asked.push(Asked {
            path: path.clone(),
            query: query.clone(),
            body: body.clone(),
        });
        asked.len()
    };
    let told = inner.next.lock().unwrap().get_mut(&path).and_then(VecDeque::pop_front);
    if let Some(told) = told {
        return HttpResponse::Ok().json(told);
    }
    HttpResponse::Ok().json(match path.as_str() {
        "/cgi-bin/gettoken" => {
            let secret = query
                .split('&')
                .find_map(|pair| pair.strip_prefix("corpsecret="))
                .unwrap_or_default();
            json!({ "errcode": 0, "errmsg": "ok", "access_token": format!("tok-{secret}-{number}"), "expires_in": 7200 })
        }
        _ if !query.contains("access_token=tok-") => json!({ "errcode": 40014, "errmsg": "invalid access_token" }),
        "/cgi-bin/message/send" => {
            let mut told = json!({ "errcode": 0, "errmsg": "ok", "invaliduser": "", "msgid": format!("msg-{number}") });
            if body["template_card"]["task_id"].is_string() {
                told["response_code"] = json!(format!("rc-{number}"));
            }
            told
        }
        _ => json!({ "errcode": 0, "errmsg": "ok" }),
    })
}

/// A self-built application: the same sealing, with CorpID in the place of the AppID.
pub struct Desk {
    pub shop: Shop,
    pub agent: String,
}

impl Desk {
    pub fn new(id: &str) -> Self {
        let shop = Shop::new(id);
        let corp = format!("ww{}", &shop.app_id[2..]);
        Self {
            shop: Shop {
                original_id: corp.clone(),
                app_id: corp,
                ..shop
            },
            agent: "1000012".into(),
        }
    }

    pub async fn apply(&self, bridge: &Bridge, api_base: &str) {
        let Shop {
            id,
            app_id,
            secret,
            token,
            key,
            ..
        } = &self.shop;
        let account = json!({ "account": [{
            "id": id, "channel": "wecom_app", "corp_id": app_id, "agent_id": self.agent, "secret": secret,
            "token": token, "encoding_aes_key": key, "api_base": api_base,
        }] });
        let (status, told) = bridge.post("/admin/v1/accounts", &account).await;
        assert_eq!(status, 200, "{told}");
    }

    /// Key of a member's conversation; the userid in small letters.
    pub fn conversation(&self, userid: &str) -> String {
        format!("wecom_app:{}:{}:u:{userid}", self.shop.app_id, self.agent)
    }

    /// A document as the platform words it: `fields` behind sender and time.
    pub fn document(&self, from: &str, fields: &str) -> String {
        format!(
            "<xml><ToUserName><![CDATA[{}]]></ToUserName><FromUserName><![CDATA[{from}]]></FromUserName>\
             <CreateTime>{}</CreateTime>{fields}<AgentID>{}</AgentID></xml>",
            self.shop.app_id,
            super::now(),
            self.agent
        )
    }

    pub fn text(&self, from: &str, content: &str) -> String {
        let id = super::peer::msg_id();
        let fields =
            format!("<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{content}]]></Content><MsgId>{id}</MsgId>");
        self.document(from, &fields)
    }

    /// What somebody says or does; status, and the opened answer where it is not the bare acknowledgement.
    pub async fn push(&self, bridge: &Bridge, document: &str) -> (u16, Option<String>) {
        let (status, body) = bridge.pushed(&self.shop, &self.shop.sealed(document)).await;
        let bare = body.is_empty() || body == "success";
        let opened = (!bare).then(|| {
            self.shop
                .open_reply(&body)
                .unwrap_or_else(|error| panic!("{error}: {body}"))
        });
        (status, opened)
    }
}
