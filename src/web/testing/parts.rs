//! What stands behind the doors in tests? Each of their needs, answered by a few prepared words.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::StreamExt as _;

use super::NOW;
use crate::{
    accounts::Opened,
    api_tokens::ApiToken,
    component::links::Invitation,
    doctor::Probes,
    error::{Code, Fault},
    forward::{
        NewRecord, Published,
        book::{Book, Change},
    },
    ports::{clock::ManualClock, store::*},
    schema::v1,
    secret::Secret,
    tokens::{Token, sha256_hex},
    web::needs::*,
};

/// Everything else that the doors need.
pub struct FakeHouse {
    pub(super) files: Mutex<HashMap<String, Shelved>>,
    pub(super) folder: tempfile::TempDir,
    pub sent: Mutex<Vec<v1::SendRequest>>,
    pub core: Mutex<&'static str>,
    pub token: Mutex<Option<v1::Error>>,
    pub agents: Mutex<Option<String>>,
    /// What our public address says to the console's check; without it what it should.
    pub address: Mutex<Option<Result<Vec<u8>, String>>>,
    /// How often it was asked; with a clock, each takes five seconds of it.
    pub asked: Mutex<(usize, Option<Arc<ManualClock>>)>,
    pub copies: Mutex<Vec<Copies>>,
    /// The forwarders' switch is off.
    pub unprotected: Mutex<bool>,
}

#[async_trait]
impl Sending for FakeHouse {
    async fn submit(&self, _: &ApiToken, request: v1::SendRequest, preview: bool) -> Result<v1::SendResult, Fault> {
        if request.conversation_key.is_empty() {
            return Err(Fault::new(Code::InvalidRequest, "conversationKey is missing"));
        }
        let status = if preview {
            v1::send_result::Status::Unspecified
        } else {
            v1::send_result::Status::Accepted
        };
        let client_message_id = request.client_message_id.clone();
        if !preview {
            self.sent.lock().expect("lock").push(request);
        }
        Ok(v1::SendResult {
            message_id: "m1".into(),
            client_message_id,
            status: status as i32,
            ..Default::default()
        })
    }
    async fn wait(&self, message_id: &str, at_most: Duration) -> Result<v1::SendResult, Fault> {
        let status = match at_most.is_zero() {
            true => v1::send_result::Status::Accepted,
            false => v1::send_result::Status::Failed,
        };
        Ok(v1::SendResult {
            message_id: message_id.into(),
            status: status as i32,
            ..Default::default()
        })
    }
}

#[async_trait]
impl Shelf for FakeHouse {
    async fn put(&self, file: NewFile, mut bytes: ByteStream) -> Result<v1::Media, Fault> {
        let mut content = Vec::new();
        while let Some(chunk) = bytes.next().await {
            content.extend_from_slice(&chunk.map_err(|error| Fault::new(Code::InvalidRequest, error.to_string()))?);
        }
        let handle = format!("h{}", self.files.lock().expect("lock").len());
        let path = self.folder.path().join(&handle);
        std::fs::write(&path, &content).expect("written");
        let media = v1::Media {
            handle: handle.clone(),
            name: file.name,
            mime: file.mime,
            size: content.len() as u64,
            sha256: "ab".into(),
            ..Default::default()
        };
        let shelved = Shelved {
            media: media.clone(),
            account: file.account,
            path,
        };
        self.files.lock().expect("lock").insert(handle, shelved);
        Ok(media)
    }
    async fn get(&self, handle: &str) -> Result<Kept, Fault> {
        let found = self.files.lock().expect("lock").get(handle).cloned();
        Ok(found.map_or(Kept::Nothing, |found| Kept::Here(Box::new(found))))
    }
}

#[async_trait]
impl AccountDesk for FakeHouse {
    async fn apply(&self, file: &[u8], notation: Notation, _: bool) -> Result<Applied, Unapplied> {
        match notation {
            Notation::Toml if file.starts_with(b"bad") => {
                Err(Unapplied::Faults(vec!["first fault".into(), "second fault".into()]))
            }
            _ => Ok(Applied {
                created: vec!["shop".into()],
                ..Applied::default()
            }),
        }
    }
    async fn remove(&self, id: &str) -> Result<bool, Unapplied> {
        Ok(id == "shop")
    }
    async fn rotate(&self, id: &str, _: Secret, _: Secret) -> Result<bool, Unapplied> {
        Ok(id == "shop")
    }
    async fn change(&self, id: &str, patch: &serde_json::Value) -> Result<Option<bool>, Unapplied> {
        match patch.get("app_id") {
            Some(serde_json::Value::Null) => Err(Unapplied::Faults(vec!["app_id: found nothing".into()])),
            _ => Ok((id == "shop").then_some(true)),
        }
    }
    async fn pass(&self, id: &str, _: Option<crate::settings::Passthrough>) -> Result<bool, Unapplied> {
        Ok(id == "shop")
    }
    async fn pause(&self, id: &str, pause: bool) -> Result<Option<bool>, Unapplied> {
        Ok((id == "shop").then_some(pause))
    }
}

impl CoreLinks for FakeHouse {
    fn lag(&self) -> BTreeMap<String, Lag> {
        [(
            "main".to_owned(),
            Lag {
                events: 3,
                oldest: Some(NOW - 5_000),
            },
        )]
        .into()
    }
    fn state(&self, _: &str) -> CoreState {
        CoreState {
            state: *self.core.lock().expect("lock"),
            last_error: String::new(),
            ..CoreState::default()
        }
    }
}

/// Ends at once, or never.
struct Nothing {
    ends: bool,
}

#[async_trait]
impl ReplayRun for Nothing {
    async fn run(&self, _: &str) -> Result<(), Fault> {
        match self.ends {
            true => Ok(()),
            false => std::future::pending().await,
        }
    }
    fn count(&self) -> ReplayCount {
        ReplayCount {
            taken: 2,
            ..ReplayCount::default()
        }
    }
}

impl Replays for FakeHouse {
    fn prepare(&self, wish: ReplayWish) -> Result<Arc<dyn ReplayRun>, Fault> {
        Ok(Arc::new(Nothing {
            ends: wish.conversation.is_none(),
        }))
    }
}

#[async_trait]
impl Reread for FakeHouse {
    async fn reread(&self, body: &Quarantined) -> Result<Option<String>, Fault> {
        match body.code.as_str() {
            "UNDECODABLE" => Ok(Some("e1".into())),
            _ => Err(Fault::new(Code::Undecodable, "still not")),
        }
    }
}

#[async_trait]
impl OpenPlatforms for FakeHouse {
    async fn invite(&self, platform: &str, account: &str, expires: i64) -> Result<Invitation, Fault> {
        match platform {
            "platform" => Ok(Invitation {
                url: format!("https://bridge.example.com/open/platform/bind?link={account}"),
                expires,
            }),
            _ => Err(Fault::new(Code::NotFound, format!("no open platform {platform}"))),
        }
    }

    fn authorizers(&self, platform: &str) -> Result<Vec<AuthorizerView>, Fault> {
        let view = |app_id: &str| AuthorizerView {
            app_id: app_id.into(),
            state: "unclaimed",
            permission_sets: vec![SetView::default()],
            since: Some(crate::schema::Timestamp::from_millis(NOW)),
            ..AuthorizerView::default()
        };
        match platform {
            "platform" => Ok(vec![view("wx1"), view("wx2")]),
            _ => Err(Fault::new(Code::NotFound, format!("no open platform {platform}"))),
        }
    }
}

#[async_trait]
impl Forwarding for FakeHouse {
    fn is_on(&self) -> bool {
        !*self.unprotected.lock().expect("lock")
    }
    fn shown(&self) -> Vec<(String, serde_json::Value)> {
        let one = |name: &str| {
            let shown = serde_json::json!({
                "name": name, "url": "https://a.example/", "mode": "hmac-sha256", "encrypt": false, "companyId": "",
                "key": "****ab", "legacyPlain": false, "types": [],
            });
            (name.to_owned(), shown)
        };
        vec![one("archive"), one("crm")]
    }
    fn copies(&self) -> Vec<Copies> {
        self.copies.lock().expect("lock").clone()
    }
    async fn switch(&self, on: bool) -> Result<Option<Change>, StoreError> {
        Ok(Book::default().switch(on))
    }
    async fn publish(&self, record: NewRecord) -> Result<Published, StoreError> {
        let id = format!("{} {}", record.conversation_key, record.content);
        let forwarders = vec!["archive".to_owned()];
        Ok(Published { id, forwarders })
    }
}

#[async_trait]
impl Backup for FakeHouse {
    async fn write(&self, _: Option<Secret>) -> Result<std::fs::File, Fault> {
        use std::io::{Seek as _, Write as _};
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(b"all of it").expect("written");
        file.rewind().expect("rewound");
        Ok(file)
    }
}

#[async_trait]
impl Lending for FakeHouse {
    async fn lend(&self, _: &Arc<Opened>, rejected: Option<&str>) -> Result<Token, v1::Error> {
        if let Some(error) = self.token.lock().expect("lock").clone() {
            return Err(error);
        }
        let value = match rejected.is_some_and(|digest| digest == sha256_hex("AT1")) {
            true => "AT2",
            false => "AT1",
        };
        Ok(Token {
            value: Secret::new(value),
            expires: NOW + 7_200_000,
        })
    }
}

#[async_trait]
impl Probes for FakeHouse {
    async fn token(&self, _: &Arc<Opened>) -> Result<(), v1::Error> {
        self.token.lock().expect("lock").clone().map_or(Ok(()), Err)
    }
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        {
            let mut asked = self.asked.lock().expect("lock");
            asked.0 += 1;
            if let Some(clock) = &asked.1 {
                clock.advance(Duration::from_secs(5));
            }
        }
        if let Some(said) = self.address.lock().expect("lock").clone() {
            return said;
        }
        let url = url::Url::parse(url).map_err(|error| error.to_string())?;
        let echo = url.query_pairs().find(|(name, _)| name == "echostr");
        Ok(echo.map(|(_, echo)| echo.into_owned().into_bytes()).unwrap_or_default())
    }
    async fn agents(&self, _: &Arc<Opened>) -> Result<Option<String>, v1::Error> {
        Ok(self.agents.lock().expect("lock").clone())
    }
    fn skew(&self) -> Option<i64> {
        Some(1_500)
    }
}
