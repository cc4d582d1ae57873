//! How are the parts put together? Each gets what it needs and no more; nothing runs yet.

use std::sync::Arc;

use actix_web::web::Data;

use super::{
    Options, StartFault,
    assigner::Assigner,
    ground::Ground,
    orphans,
    people::{self, Desk, People},
};
use crate::{
    accounts::observed::Observed,
    audit::Audit,
    backup,
    component::{self, Component, book::Book, source::Source},
    config::Config,
    conversation::Rules,
    core_link,
    delivery::{self, Deliverer},
    doctor::Doctor,
    egress::forward::ReceiverClient,
    feed::{self, Feeds},
    forward::{self, Forward},
    inbound::{self, Inbound},
    media::{
        Library,
        fetch::{self, Fetcher},
        links::Links,
    },
    observe::Observer,
    outbound::{self, Outbound},
    ports::{chance::Chance, clock::Clock, store::Store},
    pull::{self, Pull},
    tokens::{self, Keeper},
    web::{self, auth::Hosts, wired},
};

/// The whole house, ready to run.
pub struct House {
    pub clock: Arc<dyn Clock>,
    pub store: Arc<dyn Store>,
    pub observer: Arc<Observer>,
    pub library: Arc<Library>,
    /// Brings what customers sent; `None` only where it runs already.
    pub fetcher: Option<Arc<Fetcher>>,
    pub outbound: Arc<Outbound>,
    pub deliverer: Deliverer,
    pub inbound: Arc<Inbound>,
    pub pull: Arc<Pull>,
    /// Accounts that are bound by a scan.
    pub component: Arc<Component>,
    /// What cores pull.
    pub feeds: Arc<Feeds>,
    /// Copies for other systems.
    pub forward: Arc<Forward>,
    /// What outlives a restart of what is observed.
    pub observed: Arc<Observed>,
    /// Signed links to stored files, on the public listener.
    pub files: Data<web::links::Door>,
    /// What an open platform has on the public listener.
    pub open: Data<web::OpenDoor>,
    pub state: Data<web::State>,
}

/// Puts the parts upon the ground.
pub async fn build(config: &Config, mut ground: Ground, options: Options) -> Result<House, StartFault> {
    let people = people::gather(config, &ground, options.announce).await?;
    orphans::settle(&*ground.store, &config.cores, options.orphans).await?;
    let feeds = feeds(config, &ground).await?;
    let observed = Observed::load(
        ground.store.clone(),
        people.registry.clone(),
        ground.observer.clone(),
        ground.clock.clone(),
    );
    let observed = observed.await?;
    let book = Book::load(ground.store.clone(), ground.vault.clone()).await?;
    let keeper = keeper(config, &ground, &people, &book);
    let library = Library::new(
        &config.store.dir,
        ground.store.clone(),
        ground.clock.clone(),
        ground.chance.clone(),
    );
    library.leave_free(config.store.reserve);
    let files = files(config, &ground, &library).await?;
    let outbound = outbound(config, &ground, &people, &keeper, &files);
    let audit = Audit::load(ground.store.clone(), ground.clock.clone()).await?;
    let component = component(config, &ground, &people, (&keeper, &outbound), (book, &audit));
    let pull = pull(config, &ground, &people, &keeper, &outbound);
    let inbound = inbound(
        config,
        &ground,
        &people,
        &Beside {
            keeper: &keeper,
            outbound: &outbound,
            pull: &pull,
            component: &component,
        },
    );
    let assigner = Assigner::new(ground.store.clone(), config.cores.clone(), people.registry.clone());
    // Before delivery reads the backlog.
    assigner.assign().await?;
    let fetcher = fetcher(config, &mut ground, &people, &keeper, &library).await?;
    let forward = forward(config, &ground, &audit).await?;
    let built = Built {
        keeper: &keeper,
        library: &library,
        outbound: &outbound,
        inbound: &inbound,
        feeds: &feeds,
        forward: &forward,
        audit: &audit,
        component: &component,
        assigner: Arc::new(assigner),
    };
    let (deliverer, state) = doors(config, ground, people, &built)?;
    let open = web::OpenDoor {
        component: component.clone(),
        inbound: inbound.clone(),
    };
    Ok(House {
        clock: state.clock.clone(),
        store: state.store.clone(),
        observer: state.observer.clone(),
        library,
        fetcher,
        outbound,
        deliverer,
        inbound,
        pull,
        component,
        feeds,
        forward,
        observed,
        files: Data::new(files),
        open: Data::new(open),
        state: Data::new(state),
    })
}

/// Before anything is given to a core.
async fn feeds(config: &Config, ground: &Ground) -> Result<Arc<Feeds>, StartFault> {
    let cursors = feed::cursor::Cursors::load(&*ground.store, &ground.vault, &*ground.chance);
    let parts = feed::Parts {
        store: ground.feed_store.clone(),
        cores: config.cores.clone(),
        cursors: cursors.await?,
        windows: ground.windows.clone(),
        bells: ground.feed_bells.clone(),
        clock: ground.clock.clone(),
        observer: ground.observer.clone(),
    };
    Ok(Feeds::open(parts).await?)
}

fn keeper(config: &Config, ground: &Ground, people: &People, book: &Arc<Book>) -> Arc<Keeper> {
    Keeper::new(tokens::Parts {
        platform: people.egress.clone(),
        hosts: tokens::Hosts {
            weixin_api: config.platform.weixin_api.clone(),
            wecom_api: config.platform.wecom_api.clone(),
        },
        clock: ground.clock.clone(),
        observer: ground.observer.clone(),
        keep: Some((ground.store.clone(), tokens::Vault::from(ground.vault.clone()))),
        grants: Some(Arc::new(Source {
            book: book.clone(),
            registry: people.registry.clone(),
        })),
    })
}

fn component(
    config: &Config,
    ground: &Ground,
    people: &People,
    (keeper, outbound): (&Arc<Keeper>, &Arc<Outbound>),
    (book, audit): (Arc<Book>, &Arc<Audit>),
) -> Arc<Component> {
    Component::new(component::Parts {
        book,
        audit: audit.clone(),
        store: ground.store.clone(),
        registry: people.registry.clone(),
        service: people.service.clone(),
        keeper: keeper.clone(),
        outbound: outbound.clone(),
        cores: Arc::new(config.cores.clone()),
        clock: ground.clock.clone(),
        chance: ground.chance.clone(),
        rules: Rules {
            session_idle: config.session.idle,
        },
        public_urls: config.public.urls.clone(),
        pages: config.platform.weixin_pages.clone(),
    })
}

/// Links live as long as the files behind them.
async fn files(config: &Config, ground: &Ground, library: &Arc<Library>) -> Result<web::links::Door, StartFault> {
    let public = &config.public;
    let base = public.media_url.as_deref().or(public.urls.first().map(String::as_str));
    let links = Links::load(
        &*ground.store,
        &ground.vault,
        &*ground.chance,
        base,
        config.retention.media,
    );
    Ok(web::links::Door {
        links: links.await?,
        library: library.clone(),
        clock: ground.clock.clone(),
    })
}

fn outbound(
    config: &Config,
    ground: &Ground,
    people: &People,
    keeper: &Arc<Keeper>,
    files: &web::links::Door,
) -> Arc<Outbound> {
    Outbound::new(outbound::Parts {
        store: ground.store.clone(),
        registry: people.registry.clone(),
        windows: ground.windows.clone(),
        cores: config.cores.clone(),
        clock: ground.clock.clone(),
        observer: ground.observer.clone(),
        keeper: keeper.clone(),
        library: files.library.clone(),
        fetch: people.egress.clone(),
        links: Some(files.links.maker(ground.clock.clone())),
        rules: Rules {
            session_idle: config.session.idle,
        },
        lanes: ground.lanes.clone(),
    })
}

/// Before the doors open: it must hear of the first event.
async fn fetcher(
    config: &Config,
    ground: &mut Ground,
    people: &People,
    keeper: &Arc<Keeper>,
    library: &Arc<Library>,
) -> Result<Option<Arc<Fetcher>>, StartFault> {
    let Some(inbox) = ground.files.take() else {
        return Ok(None);
    };
    library.listen(&inbox);
    let parts = fetch::Parts {
        store: ground.store.clone(),
        registry: people.registry.clone(),
        keeper: keeper.clone(),
        fetch: people.egress.clone(),
        library: library.clone(),
        cores: config.cores.clone(),
        observer: ground.observer.clone(),
        clock: ground.clock.clone(),
        rules: Rules {
            session_idle: config.session.idle,
        },
        caps: fetch::Caps::default(),
    };
    Ok(Some(Fetcher::new(parts, inbox).await?))
}

fn pull(
    config: &Config,
    ground: &Ground,
    people: &People,
    keeper: &Arc<Keeper>,
    outbound: &Arc<Outbound>,
) -> Arc<Pull> {
    Pull::new(pull::Parts {
        store: ground.store.clone(),
        registry: people.registry.clone(),
        cores: Arc::new(config.cores.clone()),
        keeper: keeper.clone(),
        outbound: outbound.clone(),
        observer: ground.observer.clone(),
        clock: ground.clock.clone(),
        chance: ground.chance.clone(),
        rules: Rules {
            session_idle: config.session.idle,
        },
        pulls: usize::try_from(config.kf.pulls).unwrap_or(usize::MAX),
        sweep: config.kf.sweep,
    })
}

/// What the inbound side works with.
struct Beside<'a> {
    keeper: &'a Arc<Keeper>,
    outbound: &'a Arc<Outbound>,
    pull: &'a Arc<Pull>,
    component: &'a Arc<Component>,
}

fn inbound(config: &Config, ground: &Ground, people: &People, beside: &Beside<'_>) -> Arc<Inbound> {
    Inbound::new(inbound::Parts {
        store: ground.store.clone(),
        registry: people.registry.clone(),
        service: people.service.clone(),
        cores: Arc::new(config.cores.clone()),
        windows: ground.windows.clone(),
        bells: beside.pull.clone(),
        authorizers: beside.component.clone(),
        outbound: beside.outbound.clone(),
        keeper: beside.keeper.clone(),
        old_urls: people.egress.clone(),
        observer: ground.observer.clone(),
        clock: ground.clock.clone(),
        chance: ground.chance.clone(),
        session_idle: config.session.idle,
        trusted_proxies: config.public.trusted_proxies.clone(),
    })
}

/// What the configuration changed of forwarders is an act like an operator's.
async fn forward(config: &Config, ground: &Ground, audit: &Audit) -> Result<Arc<Forward>, StartFault> {
    let parts = forward::Parts {
        archive: ground.archive.clone(),
        store: ground.store.clone(),
        receivers: ReceiverClient::new()?,
        vault: ground.vault.clone().into(),
        clock: ground.clock.clone(),
        chance: ground.chance.clone(),
        observer: ground.observer.clone(),
        kf_code: u32::try_from(config.compat.kf_channel_code).unwrap_or(u32::MAX),
        keep: config.retention.events,
    };
    let (forward, changes) = Forward::prepare(parts, &config.forwarders).await?;
    web::admin::note_configuration(audit, changes).await;
    Ok(forward)
}

/// Whoever reaches us through a proxy that ends TLS, or by our own, has a cookie that travels no other way.
fn console(config: &Config, chance: Arc<dyn Chance>) -> web::console::Console {
    let internal = &config.internal;
    let secure = internal.tls.is_some() || internal.behind_tls_proxy;
    web::console::Console::new(chance, internal.proxy_login.clone(), secure)
}

/// What the doors lead to.
struct Built<'a> {
    keeper: &'a Arc<Keeper>,
    library: &'a Arc<Library>,
    outbound: &'a Arc<Outbound>,
    inbound: &'a Arc<Inbound>,
    feeds: &'a Arc<Feeds>,
    forward: &'a Arc<Forward>,
    audit: &'a Arc<Audit>,
    component: &'a Arc<Component>,
    assigner: Arc<Assigner>,
}

fn doctor(config: &Config, ground: &Ground, people: &People, built: &Built<'_>, links: &Arc<wired::Ways>) -> Doctor {
    Doctor {
        clock: ground.clock.clone(),
        store: ground.store.clone(),
        registry: people.registry.clone(),
        observer: ground.observer.clone(),
        cores: config.cores.clone(),
        links: links.clone(),
        probes: Arc::new(wired::PlatformProbes {
            keeper: built.keeper.clone(),
            outbound: built.outbound.clone(),
            fetch: people.egress.clone(),
        }),
        forwarding: built.forward.clone(),
        shelf: built.library.clone(),
        state_folder: config.store.dir.clone(),
        reserve: config.store.reserve,
        cloud: config.cloud.is_some(),
        public_urls: config.public.urls.clone(),
        chance: ground.chance.clone(),
    }
}

/// What delivery works with.
fn pushing(config: &Config, ground: &Ground, outbound: &Arc<Outbound>) -> Result<delivery::Parts, StartFault> {
    Ok(delivery::Parts {
        ledger: delivery::ledger::of(ground.store.clone()),
        windows: ground.windows.clone(),
        replies: outbound.clone(),
        cores: config.cores.clone(),
        link: Arc::new(core_link::Links::new(&config.cores)?),
        clock: ground.clock.clone(),
        chance: ground.chance.clone(),
        observer: ground.observer.clone(),
    })
}

/// Delivery, and what the internal and health listeners reach.
fn doors(
    config: &Config,
    ground: Ground,
    people: People,
    built: &Built<'_>,
) -> Result<(Deliverer, web::State), StartFault> {
    let Built {
        keeper,
        library,
        outbound,
        inbound,
        feeds,
        forward,
        audit,
        component,
        ref assigner,
    } = *built;
    let links = Arc::new(wired::Ways {
        pushed: ground.delivery.clone(),
        pulled: feeds.clone(),
    });
    let parts = pushing(config, &ground, outbound)?;
    let doctor = doctor(config, &ground, &people, built, &links);
    let deliverer = Deliverer::new(parts, ground.inbox);
    let backup = backup::Desk {
        store: ground.store.clone(),
        dir: config.store.dir.clone(),
        master_key_file: config.store.master_key_file.clone(),
    };
    let desk = Desk {
        service: people.service,
        registry: people.registry.clone(),
        trust: people.trust,
        outbound: outbound.clone(),
        assigner: assigner.clone(),
        keeper: keeper.clone(),
    };
    let again = wired::Again {
        pushed: deliverer.replay(),
        pulled: feeds.clone(),
        store: ground.store.clone(),
    };
    let state = web::State {
        clock: ground.clock,
        chance: ground.chance.clone(),
        store: ground.store,
        registry: people.registry,
        observer: ground.observer,
        cores: config.cores.clone(),
        tokens: people.tokens,
        hosts: Hosts::new(config.internal.listen, &config.internal.hosts),
        wrong_tokens: web::auth::WrongTokens::default(),
        console: console(config, ground.chance.clone()),
        quotas: web::quota::Quotas::new(config.internal.calls_per_second),
        public_urls: config.public.urls.clone(),
        sending: Arc::new(wired::Outbox {
            outbound: outbound.clone(),
            feeds: feeds.clone(),
            pushed: again.pushed.clone(),
        }),
        media: library.clone(),
        accounts: Arc::new(desk),
        lending: Arc::new(wired::Lender(keeper.clone())),
        lent: web::LentTokens::default(),
        feeds: feeds.clone(),
        delivery: links,
        replaying: Arc::new(again),
        replays: web::admin::Running::default(),
        quarantine: inbound.clone(),
        forwarding: forward.clone(),
        open: component.clone(),
        backup: Arc::new(backup),
        audit: audit.clone(),
        doctor: Arc::new(doctor),
        readiness: web::Readiness::default(),
    };
    Ok((deliverer, state))
}
