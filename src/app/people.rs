//! Who may call, and which accounts are bound? Tokens, accounts, and whom the way out may reach.

use std::sync::Arc;

use async_trait::async_trait;

use super::{StartFault, assigner::Assigner, ground::Ground};
use crate::{
    accounts::{Opened, Registry, Service},
    api_tokens::Tokens,
    config::Config,
    egress::{Egress, Limits},
    error::{Code, Fault},
    outbound::Outbound,
    secret::Secret,
    settings::Passthrough,
    tokens::Keeper,
    web::needs::{AccountDesk, Applied, Notation, Unapplied},
};

pub struct People {
    pub tokens: Arc<Tokens>,
    pub registry: Arc<Registry>,
    pub service: Arc<Service>,
    pub egress: Arc<Egress>,
    pub trust: Arc<Trust>,
}

/// Reads what the store knows; the first start makes the operator's token and says where it lies.
pub async fn gather(config: &Config, ground: &Ground, announce: fn(&str)) -> Result<People, StartFault> {
    let tokens = Tokens::load(ground.store.clone(), ground.chance.clone(), ground.clock.clone()).await?;
    if let Some(file) = tokens.first_start(&config.store.dir).await? {
        let file = std::path::absolute(&file).unwrap_or(file);
        announce(&format!("operator token: {}", file.display()));
    }
    let registry = Arc::<Registry>::default();
    let service = Service::load(
        ground.store.clone(),
        ground.vault.clone(),
        registry.clone(),
        ground.clock.clone(),
    )
    .await?;
    let egress = Egress::new(config.egress.allow.clone(), Limits::default())?;
    let platform = &config.platform;
    let trust = Arc::new(Trust {
        egress: egress.clone(),
        registry: registry.clone(),
        platform: [&platform.weixin_api, &platform.wecom_api, &platform.weixin_pages]
            .into_iter()
            .chain(&config.public.urls)
            .cloned()
            .collect(),
    });
    trust.renew();
    Ok(People {
        tokens: Arc::new(tokens),
        registry,
        service: Arc::new(service),
        egress,
        trust,
    })
}

/// Hosts of the operator's own choice, `[platform]` and each `api_base`, are reached wherever they are.
pub struct Trust {
    egress: Arc<Egress>,
    registry: Arc<Registry>,
    /// Of `[platform]`, and our own: the doctor looks whether that one leads to us.
    platform: Vec<String>,
}

impl Trust {
    /// After every change of accounts.
    pub fn renew(&self) {
        let accounts = self.registry.all();
        let bases = accounts.iter().map(|opened| opened.settings.api_base.as_str());
        let platform = self.platform.iter().map(String::as_str);
        self.egress.trust(platform.chain(bases).filter(|base| !base.is_empty()));
    }
}

/// The desk where accounts are entered; the way out hears of each change, and so do the cores.
pub struct Desk {
    pub service: Arc<Service>,
    pub registry: Arc<Registry>,
    pub trust: Arc<Trust>,
    pub outbound: Arc<Outbound>,
    pub assigner: Arc<Assigner>,
    pub keeper: Arc<Keeper>,
}

impl Desk {
    /// A pause ends with its account, and what waited in it is nobody's until a core gets it. What was asked for is done whether
    /// that succeeds or not: the next start looks again, and so does whatever changes next.
    async fn assign_the_rest(&self) {
        if let Err(error) = self.assigner.assign().await {
            tracing::error!(%error, "what waits for nobody was not given to a core");
        }
    }

    /// What is known of an account by its old settings is found out anew.
    async fn changed(&self, id: &str) {
        if let Some(opened) = self.registry.get(id) {
            self.ask_anew(&opened);
            self.outbound.account_changed(&opened).await;
        }
    }

    /// A secret that was mended holds from the next call on, also for those whose tokens come by way of this account.
    fn ask_anew(&self, opened: &Arc<Opened>) {
        for via in self.registry.bound_via(&opened.settings.id) {
            self.keeper.encourage(&via);
        }
        self.keeper.encourage(opened);
    }
}

#[async_trait]
impl AccountDesk for Desk {
    async fn apply(&self, file: &[u8], notation: Notation, prune: bool) -> Result<Applied, Unapplied> {
        let applied = AccountDesk::apply(&*self.service, file, notation, prune).await;
        self.trust.renew();
        if let Ok(applied) = &applied {
            if !applied.created.is_empty() || !applied.removed.is_empty() {
                self.assign_the_rest().await;
            }
            for id in applied.created.iter().chain(&applied.updated) {
                self.changed(id).await;
            }
            for id in &applied.removed {
                self.outbound.account_gone(id).await;
            }
        }
        applied
    }

    async fn remove(&self, id: &str) -> Result<bool, Unapplied> {
        let removed = AccountDesk::remove(&*self.service, id).await;
        self.trust.renew();
        if removed == Ok(true) {
            self.outbound.account_gone(id).await;
            self.assign_the_rest().await;
        }
        removed
    }

    async fn rotate(&self, id: &str, token: Secret, encoding_aes_key: Secret) -> Result<bool, Unapplied> {
        AccountDesk::rotate(&*self.service, id, token, encoding_aes_key).await
    }

    async fn change(&self, id: &str, patch: &serde_json::Value) -> Result<Option<bool>, Unapplied> {
        let changed = AccountDesk::change(&*self.service, id, patch).await;
        self.trust.renew();
        if changed == Ok(Some(true)) {
            self.changed(id).await;
        }
        changed
    }

    async fn pass(&self, id: &str, passthrough: Option<Passthrough>) -> Result<bool, Unapplied> {
        AccountDesk::pass(&*self.service, id, passthrough).await
    }

    async fn pause(&self, id: &str, pause: bool) -> Result<Option<bool>, Unapplied> {
        let changed = AccountDesk::pause(&*self.service, id, pause).await?;
        if changed.is_some() {
            // Also where it was so before: what an earlier call could not move is moved now.
            let moved = self.assigner.assign().await;
            moved.map_err(|error| Unapplied::Failed(Fault::new(Code::Overloaded, error.to_string())))?;
        }
        Ok(changed)
    }
}
