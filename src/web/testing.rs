//! What do the tests of the doors stand on? A house of prepared parts, and callers with a token of each scope.

mod parts;
mod store;

use std::sync::{Arc, Mutex};

use actix_web::web::Data;

use super::{
    State,
    auth::{Hosts, WrongTokens},
    console::Console,
    quota::Quotas,
};
use crate::{
    accounts::{Condition, Opened},
    api_tokens::{NewToken, Scope, Tokens},
    cores::{Core, Cores, Kind},
    doctor::Doctor,
    feed::{self, Feeds},
    observe::Observer,
    ports::{chance::SystemChance, clock::ManualClock},
    secret::Secret,
    settings::AccountSettings,
};
pub use parts::FakeHouse;
pub use store::FakeStore;

pub const NOW: i64 = 1_752_000_000_000;

/// A house, its parts at hand, and a token of each scope.
pub struct House {
    pub state: Data<State>,
    pub store: Arc<FakeStore>,
    pub parts: Arc<FakeHouse>,
    pub clock: Arc<ManualClock>,
    pub operator: String,
    pub viewer: String,
    pub core: String,
    pub borrower: String,
}

/// Tokens of an operator, a viewer, a core and somebody who borrows access tokens.
async fn callers(tokens: &Tokens, cores: &Cores) -> [String; 4] {
    let make = |name: &str, scope, accounts: &[&str]| NewToken {
        name: name.into(),
        scope,
        core: None,
        accounts: accounts.iter().map(|glob| (*glob).to_owned()).collect(),
    };
    let create = async |wish| {
        let (_, text) = tokens.create(wish, cores).await.expect("a token");
        text.expose().to_owned()
    };
    [
        create(make("op", Scope::Operator, &[])).await,
        create(make("eye", Scope::Viewer, &[])).await,
        create(make("core", Scope::Core, &["shop-*"])).await,
        create(make("crm", Scope::Token, &["shop*"])).await,
    ]
}

impl FakeHouse {
    fn new() -> Self {
        Self {
            files: Mutex::default(),
            folder: tempfile::tempdir().expect("a folder"),
            sent: Mutex::default(),
            core: Mutex::new("up"),
            token: Mutex::default(),
            agents: Mutex::default(),
            asked: Mutex::default(),
            address: Mutex::default(),
            copies: Mutex::default(),
            unprotected: Mutex::default(),
        }
    }
}

impl House {
    pub async fn new() -> Self {
        let store = Arc::new(FakeStore::default());
        let parts = Arc::new(FakeHouse::new());
        let clock = Arc::new(ManualClock::at(NOW));
        let chance = Arc::new(SystemChance::default());
        let tokens = Tokens::load(store.clone(), chance.clone(), clock.clone())
            .await
            .expect("tokens");
        let cores = Cores([core("main")].into());
        let observer = Arc::new(Observer::with_clock(clock.clone()));
        let registry = Arc::default();
        let [operator, viewer, core, borrower] = callers(&tokens, &cores).await;
        let audit = crate::audit::Audit::load(store.clone(), clock.clone())
            .await
            .expect("read");
        let feeds = no_feeds(&cores, clock.clone()).await;
        let doctor = Doctor {
            clock: clock.clone(),
            store: store.clone(),
            registry: Arc::clone(&registry),
            observer: observer.clone(),
            cores: cores.clone(),
            links: parts.clone(),
            probes: parts.clone(),
            forwarding: parts.clone(),
            shelf: parts.clone(),
            state_folder: std::env::temp_dir(),
            reserve: 0,
            cloud: false,
            public_urls: vec!["https://bridge.example.com/".into()],
            chance: chance.clone(),
        };
        let state = State {
            clock: clock.clone(),
            chance: chance.clone(),
            store: store.clone(),
            registry,
            observer,
            cores,
            tokens: Arc::new(tokens),
            hosts: Hosts::new(([127, 0, 0, 1], 8081).into(), &[]),
            wrong_tokens: WrongTokens::default(),
            console: Console::new(chance.clone(), None, false),
            quotas: Quotas::new(0),
            public_urls: vec!["https://bridge.example.com/".into()],
            sending: parts.clone(),
            media: parts.clone(),
            accounts: parts.clone(),
            lending: parts.clone(),
            lent: super::LentTokens::default(),
            feeds,
            delivery: parts.clone(),
            replaying: parts.clone(),
            replays: super::admin::Running::default(),
            quarantine: parts.clone(),
            forwarding: parts.clone(),
            open: parts.clone(),
            backup: parts.clone(),
            audit,
            doctor: Arc::new(doctor),
            readiness: super::Readiness::default(),
        };
        Self {
            state: Data::new(state),
            store,
            parts,
            clock,
            operator,
            viewer,
            core,
            borrower,
        }
    }

    /// An official account called `shop`.
    pub fn bind(&self) -> Arc<Opened> {
        let settings = AccountSettings {
            id: "shop".into(),
            channel: "official_account".into(),
            app_id: "wx0123456789abcdef".into(),
            app_secret: Secret::new("0123456789abcdef0123456789abcdef"),
            token: Secret::new("token123"),
            encoding_aes_key: Secret::new("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"),
            original_id: "gh_0123456789ab".into(),
            ..Default::default()
        };
        self.bind_as(&settings)
    }

    /// One account of these settings, alone.
    pub fn bind_as(&self, settings: &AccountSettings) -> Arc<Opened> {
        let account = crate::accounts::service::open(settings).expect("opens");
        let opened = Arc::new(Opened {
            describe: Arc::new(account.describe().clone()),
            account,
            settings: settings.clone(),
            condition: Condition::default().into(),
        });
        self.state.registry.replace([opened.clone()]);
        opened
    }
}

/// The feeds of a house without a core that pulls.
async fn no_feeds(cores: &Cores, clock: Arc<ManualClock>) -> Arc<Feeds> {
    let chance = Arc::new(SystemChance::default());
    let parts = feed::Parts {
        store: Arc::new(FakeStore::default()),
        cores: cores.clone(),
        cursors: feed::cursor::Cursors::new(&[7; 32], 1),
        windows: crate::inbound::windows::OpenRequests::new(clock.clone(), chance),
        bells: feed::Bells::default(),
        observer: Arc::new(Observer::with_clock(clock.clone())),
        clock,
    };
    Feeds::open(parts).await.expect("opens")
}

pub fn core(name: &str) -> Core {
    Core {
        url: "http://127.0.0.1:9/?key=hush".into(),
        reply_budget: 0,
        timeout: 0,
        ..Core::sample(name, Kind::Http)
    }
}
