//! What do the tests of accounts bound by a scan share? An open platform at the simulator and at the bridge, and an operator
//! with a browser.

use serde_json::{Value, json};
use wxbridge::sim::{Options, Sim};

use crate::support::{
    bridge::{Bridge, Setup},
    core::{Core, Heard, Said},
    peer::Shop,
    until,
};

pub struct Office {
    pub sim: Sim,
    pub bridge: Bridge,
    pub core: Core,
    pub platform: Shop,
    /// Follows no redirect and keeps no cookie.
    browser: reqwest::Client,
}

pub fn official_account(id: &str) -> Shop {
    Shop::new(id)
}

pub fn mini_program(id: &str) -> Shop {
    Shop::new(id).mini_program()
}

/// What a page answered.
pub struct Shown {
    pub status: u16,
    pub page: String,
    pub cookie: String,
}

impl Office {
    pub async fn open(behaviour: impl FnMut(&Heard) -> Said + Send + 'static) -> Self {
        let core = Core::start(behaviour).await;
        let sim = Sim::start(Options::default()).await.unwrap();
        let mut setup = Setup::to_core(&core, "");
        setup.more = format!(
            "[platform]\nweixin_pages = \"{}\"\n[egress]\nallow = [\"127.0.0.0/8\"]\n",
            sim.url()
        );
        let bridge = Bridge::start(setup).await;
        let platform = Shop {
            channel: "open_platform".into(),
            original_id: String::new(),
            ..Shop::new("platform")
        };
        let browser = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let office = Self {
            sim,
            bridge,
            core,
            platform,
            browser,
        };
        office.register().await;
        office
    }

    async fn register(&self) {
        let Shop {
            app_id,
            secret,
            token,
            key,
            ..
        } = &self.platform;
        self.bound_with(secret).await;
        let wish = json!({
            "app_id": app_id, "secret": secret, "token": token, "encoding_aes_key": key,
            "events_url": self.bridge.public("/open/platform/events"),
            "message_url": self.bridge.public("/open/platform/message/$APPID$"),
        });
        self.post_sim("/sim/v1/open", &wish).await;
        let told = self.ticket(&json!({})).await;
        assert_eq!(told["outcome"], "success", "{told}");
    }

    /// The operator enters the platform, with this secret.
    pub async fn bound_with(&self, secret: &str) {
        let Shop { app_id, token, key, .. } = &self.platform;
        let entry = format!(
            "[[account]]\nid = \"platform\"\nchannel = \"open_platform\"\napp_id = \"{app_id}\"\napp_secret = \"{secret}\"\n\
             token = \"{token}\"\nencoding_aes_key = \"{key}\"\napi_base = \"{}\"\n",
            self.sim.url()
        );
        self.apply(&entry).await;
    }

    /// The secret is reset in the platform's console, and every token has run out since.
    pub async fn resets(&self, secret: &str) {
        let wish = json!({ "app_id": self.platform.app_id, "secret": secret });
        assert_eq!(self.post_sim("/sim/v1/open", &wish).await.0, 200);
        let later = json!({ "advance": "3h" });
        let (status, told) = self.post_sim("/sim/v1/clock", &later).await;
        assert_eq!(status, 200, "{told}");
    }

    pub async fn apply(&self, toml: &str) {
        let request = self.bridge.operator(reqwest::Method::POST, "/admin/v1/accounts");
        let answer = request
            .header("content-type", "application/toml")
            .body(toml.to_owned())
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    pub async fn ticket(&self, control: &Value) -> Value {
        self.post_sim("/sim/v1/open/APPID/ticket", control).await.1
    }

    /// An account at the platform, without a server of its own.
    pub async fn exists(&self, shop: &Shop) {
        let body = json!({
            "channel": shop.channel, "app_id": shop.app_id, "secret": shop.secret, "token": shop.token,
            "encoding_aes_key": shop.key, "original_id": shop.original_id,
        });
        assert_eq!(self.post_sim("/sim/v1/accounts", &body).await.0, 200);
    }

    /// `APPID` in the path stands for the platform's.
    pub async fn post_sim(&self, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{}", self.sim.url(), path.replace("APPID", &self.platform.app_id));
        let answer = self.bridge.http.post(url).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    pub async fn get_sim(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.sim.url());
        self.bridge
            .http
            .get(url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap_or_default()
    }

    pub async fn calls(&self, api: &str) -> usize {
        let calls = self.get_sim(&format!("/sim/v1/calls?api={api}")).await;
        calls["items"].as_array().map_or(0, Vec::len)
    }

    // ---- the operator

    pub async fn link(&self, account: &str) -> String {
        let (status, made) = self
            .bridge
            .post("/admin/v1/open/platform/bind-links", &json!({ "account": account }))
            .await;
        assert_eq!(status, 201, "{made}");
        made["url"].as_str().unwrap().to_owned()
    }

    /// What a browser sees there that brings this cookie and names this host.
    pub async fn looks(&self, url: &str, cookie: &str, host: Option<&str>) -> Shown {
        let mut request = self.browser.get(url);
        if !cookie.is_empty() {
            request = request.header("cookie", cookie);
        }
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let answer = request.send().await.unwrap();
        let header = |name: &str| {
            answer
                .headers()
                .get(name)
                .and_then(|it| it.to_str().ok())
                .unwrap_or_default()
                .to_owned()
        };
        Shown {
            status: answer.status().as_u16(),
            cookie: header("set-cookie").split(';').next().unwrap_or_default().to_owned(),
            page: answer.text().await.unwrap(),
        }
    }

    /// Opens a bind link: where its page leads on a computer, and the browser's cookie.
    pub async fn page_of(&self, link: &str) -> (String, String) {
        let shown = self.looks(link, "", None).await;
        assert_eq!(shown.status, 200, "{}", shown.page);
        let leads = |id: &str| {
            let at = shown.page.split(&format!("id=\"{id}\" href=\"")).nth(1).unwrap();
            at.split('"').next().unwrap().replace("&amp;", "&")
        };
        assert!(
            leads("phone").contains("/wxaopen/safe/bindcomponent?action=bindcomponent&no_scan=1"),
            "{}",
            shown.page
        );
        (leads("pc"), shown.cookie)
    }

    /// Binds an account by a scan that only the browser tells of.
    pub async fn bind(&self, id: &str, shop: &Shop) -> String {
        self.scan(id, shop, json!({ "notice": false })).await
    }

    /// The whole way of a scan; the page at its end.
    pub async fn scan(&self, id: &str, shop: &Shop, more: Value) -> String {
        let (page, cookie) = self.page_of(&self.link(id).await).await;
        let back = self.confirms(&page, shop, more).await;
        let shown = self.looks(&back, &cookie, None).await;
        assert_eq!(shown.status, 200, "{}", shown.page);
        shown.page
    }

    /// The account's admin confirms; where the browser is sent.
    pub async fn confirms(&self, page: &str, shop: &Shop, more: Value) -> String {
        let mut wish = json!({ "url": page, "account": shop.app_id });
        wish.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, told) = self.post_sim("/sim/v1/open/scan", &wish).await;
        assert_eq!(status, 200, "{told}");
        told["redirect"].as_str().unwrap().to_owned()
    }

    pub async fn ids(&self) -> Vec<String> {
        let accounts = self.bridge.get("/v1/accounts").await;
        let items = accounts["items"].as_array().unwrap();
        items
            .iter()
            .map(|it| it["account"]["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The authorizer, once it stands so.
    pub async fn authorizer(&self, shop: &Shop, state: &str) -> Value {
        until(&format!("{} {state}", shop.id), async || {
            let all = self.bridge.get("/admin/v1/open/platform/authorizers").await;
            let items = all["items"].as_array()?.clone();
            items
                .into_iter()
                .find(|it| it["appId"] == shop.app_id.as_str() && it["state"] == state && it["name"] != "")
        })
        .await
    }

    pub async fn state(&self, id: &str, state: &str) -> Value {
        until(&format!("{id} {state}"), async || {
            let view = self.bridge.get(&format!("/v1/accounts/{id}")).await;
            (view["state"]["state"] == state).then_some(view)
        })
        .await
    }

    // ---- customers and the core

    pub async fn says(&self, shop: &Shop, openid: &str, text: &str) -> Value {
        let path = format!("/sim/v1/phones/{}/{openid}/text", shop.app_id);
        self.post_sim(&path, &json!({ "content": text })).await.1
    }

    pub async fn sees(&self, shop: &Shop, openid: &str, text: &str) {
        until(&format!("{text:?} on {openid}'s phone"), async || {
            let phone = self.get_sim(&format!("/sim/v1/phones/{}/{openid}", shop.app_id)).await;
            let items = phone["items"].as_array()?;
            items
                .iter()
                .any(|it| it["from"] == "account" && it["text"] == text)
                .then_some(())
        })
        .await;
    }

    pub async fn sends(&self, shop: &Shop, openid: &str, text: &str) -> Value {
        let wish = json!({ "conversationKey": shop.conversation(openid), "text": text });
        self.bridge.post("/v1/messages?wait=10s", &wish).await.1
    }
}
