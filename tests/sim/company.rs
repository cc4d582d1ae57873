//! A company at the simulator: its own server behind a callback, and the hands to drive both.

use std::sync::{Arc, Mutex};

use aes::Aes256;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _, block_padding::NoPadding};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use wxbridge::sim::{Options, Sim};

use actix_web::{App, HttpResponse, HttpServer, web};

pub const CORP: &str = "ww0123456789abcdef";
pub const SECRET: &str = "the-secret-of-the-application";
/// 43 times `A` are 32 zero bytes.
pub const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What the company's server was told: the opened documents, and what it will answer.
#[derive(Default)]
pub struct Told {
    pub documents: Vec<String>,
    pub queries: Vec<String>,
    pub answers: Vec<(u16, String)>,
}

pub struct Company {
    pub sim: Sim,
    pub told: Arc<Mutex<Told>>,
    http: reqwest::Client,
}

/// Opens what was sealed with [`KEY`]: the document and the id behind it.
pub fn open(sealed: &str) -> (String, String) {
    let bytes = STANDARD.decode(sealed).unwrap();
    let plain = cbc::Decryptor::<Aes256>::new(&[0; 32].into(), &[0; 16].into())
        .decrypt_padded_vec::<NoPadding>(&bytes)
        .unwrap();
    let end = plain.len() - usize::from(*plain.last().unwrap());
    let length = u32::from_be_bytes(plain[16..20].try_into().unwrap()) as usize;
    let message = String::from_utf8(plain[20..20 + length].to_vec()).unwrap();
    (message, String::from_utf8(plain[20 + length..end].to_vec()).unwrap())
}

/// Seals a document with [`KEY`] for the company, as its server answers.
pub fn sealed_reply(document: &str, nonce: &str) -> String {
    let mut plain = b"0123456789abcdef".to_vec();
    plain.extend(u32::try_from(document.len()).unwrap().to_be_bytes());
    plain.extend(document.bytes());
    plain.extend(CORP.bytes());
    let pad = 32 - plain.len() % 32;
    plain.extend(std::iter::repeat_n(u8::try_from(pad).unwrap(), pad));
    let sealed = STANDARD.encode(
        cbc::Encryptor::<Aes256>::new(&[0; 32].into(), &[0; 16].into()).encrypt_padded_vec::<NoPadding>(&plain),
    );
    let mut parts = ["simtoken", "1766102401", nonce, &sealed];
    parts.sort_unstable();
    let signature: String = Sha1::digest(parts.concat())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!(
        "<xml><Encrypt><![CDATA[{sealed}]]></Encrypt><MsgSignature><![CDATA[{signature}]]></MsgSignature>\
         <TimeStamp>1766102401</TimeStamp><Nonce><![CDATA[{nonce}]]></Nonce></xml>"
    )
}

async fn check(query: web::Query<Vec<(String, String)>>) -> String {
    let find = |name: &str| {
        query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    };
    let (plain, id) = open(&find("echostr").unwrap());
    assert!(find("signature").is_none() && find("msg_signature").is_some());
    assert_eq!(id, CORP);
    plain
}

async fn take(request: actix_web::HttpRequest, body: String, told: web::Data<Mutex<Told>>) -> HttpResponse {
    let sealed = body
        .split("<Encrypt><![CDATA[")
        .nth(1)
        .and_then(|rest| rest.split("]]>").next());
    let (document, id) = open(sealed.unwrap());
    assert_eq!(id, CORP);
    let mut told = told.lock().unwrap();
    told.documents.push(document);
    told.queries.push(request.query_string().to_owned());
    let (status, text) = match told.answers.is_empty() {
        true => (200, "success".to_owned()),
        false => told.answers.remove(0),
    };
    HttpResponse::build(status.try_into().unwrap()).body(text)
}

impl Company {
    /// A simulator with one account of this company, made by `settings`.
    pub async fn new(settings: Value) -> Self {
        let sim = Sim::start(Options::default()).await.unwrap();
        let told = Arc::<Mutex<Told>>::default();
        let data = web::Data::from(told.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .route("/callback", web::get().to(check))
                .route("/callback", web::post().to(take))
        })
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
        let callback = format!("http://{}/callback", server.addrs()[0]);
        tokio::spawn(server.run());
        let company = Self {
            sim,
            told,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        };
        let mut account = json!({
            "corp_id": CORP, "secret": SECRET, "token": "simtoken", "encoding_aes_key": KEY, "callback_url": callback,
        });
        account
            .as_object_mut()
            .unwrap()
            .extend(settings.as_object().unwrap().clone());
        company.post("/sim/v1/accounts", account).await;
        company
    }

    pub async fn post_any(&self, path: &str, body: Value) -> (u16, Value) {
        let request = self.http.post(format!("{}{path}", self.sim.url()));
        let answer = request.json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.post_any(path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}{path}", self.sim.url())).send().await.unwrap();
        answer.json().await.unwrap()
    }

    pub async fn bytes(&self, path: &str) -> (String, Vec<u8>) {
        let answer = self.http.get(format!("{}{path}", self.sim.url())).send().await.unwrap();
        let named = answer
            .headers()
            .get("content-disposition")
            .map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned());
        (named.unwrap_or_default(), answer.bytes().await.unwrap().to_vec())
    }

    pub async fn token(&self) -> String {
        let answer = self
            .get(&format!("/cgi-bin/gettoken?corpid={CORP}&corpsecret={SECRET}"))
            .await;
        assert_eq!(answer["errcode"], 0, "{answer}");
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// A call of the platform's API with a good token.
    pub async fn call(&self, api: &str, body: Value) -> Value {
        let token = self.token().await;
        self.post(&format!("/cgi-bin/{api}?access_token={token}"), body).await
    }

    pub async fn code(&self, api: &str, body: Value) -> i64 {
        self.call(api, body).await["errcode"].as_i64().unwrap()
    }

    pub async fn upload(&self, kind: &str, name: &str, bytes: &[u8]) -> Value {
        let token = self.token().await;
        let part = reqwest::multipart::Part::bytes(bytes.to_vec()).file_name(name.to_owned());
        let form = reqwest::multipart::Form::new().part("media", part);
        let url = format!(
            "{}/cgi-bin/media/upload?access_token={token}&type={kind}",
            self.sim.url()
        );
        let answer = self.http.post(url).multipart(form).send().await.unwrap();
        answer.json().await.unwrap()
    }

    pub async fn advance(&self, by: &str) {
        self.post("/sim/v1/clock", json!({ "advance": by })).await;
    }

    pub fn documents(&self) -> Vec<String> {
        self.told.lock().unwrap().documents.clone()
    }

    pub fn will_answer(&self, status: u16, text: &str) {
        self.told.lock().unwrap().answers.push((status, text.to_owned()));
    }
}
