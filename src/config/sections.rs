//! What may stand in each section, and what is refused although it reads well?

use std::net::{IpAddr, SocketAddr};

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use super::{
    Compat, Config, Egress, Grpc, Health, Internal, Kf, Log, LogFormat, Platform, Public, Retention, Session, Store,
    Tls, cores, forwarders,
    reader::{HTTP_URL, Reading, Table, http_url},
};
use crate::{api_tokens::ProxyLogin, ports::clock::Millis};

const DAY: Millis = 24 * 3600 * 1000;
/// Bodies repeated by the platform, or by hand, must still be known: dedupe keys never live shorter.
const EVENTS_LEAST: Millis = 7 * DAY;

/// Reads all sections. `None` only together with a fault.
pub fn read(mut root: Table<'_>, reading: &Reading) -> Option<Config> {
    let public = section(&mut root, "public", read_public);
    let internal = section(&mut root, "internal", read_internal);
    let grpc = section(&mut root, "grpc", read_grpc);
    let health = section(&mut root, "health", |it| {
        Some(Health {
            listen: it.listen("listen")?,
        })
    });
    let cloud = section(&mut root, "cloud", |it| Some(read_cloud(it)));
    let store = section(&mut root, "store", read_store);
    let platform = section(&mut root, "platform", read_platform);
    let retention = section(&mut root, "retention", read_retention);
    let session = section(&mut root, "session", |it| {
        let idle = it.duration("idle", 1, Millis::MAX, "48h")?;
        Some(Session { idle })
    });
    let egress = section(&mut root, "egress", |it| {
        Some(Egress {
            allow: it.networks("allow")?,
        })
    });
    let kf = section(&mut root, "kf", |it| {
        let (pulls, sweep) = (it.whole("pulls", 1..=64), it.duration("sweep", 1, Millis::MAX, "5m"));
        Some(Kf {
            pulls: pulls?,
            sweep: sweep?,
        })
    });
    let compat = section(&mut root, "compat", |it| {
        let kf_channel_code = it.whole("kf_channel_code", 0..=u64::from(u32::MAX))?;
        Some(Compat { kf_channel_code })
    });
    let cores = cores::read_cores(&mut root, reading);
    let forwarders = forwarders::read_forwarders(&mut root, reading);
    let log = section(&mut root, "log", read_log);
    tell_shared(
        &root,
        &[
            ("public", public.as_ref().map(|it| it.listen)),
            ("internal", internal.as_ref().map(|it| it.listen)),
            ("grpc", grpc.as_ref().map(|it| it.listen)),
            ("health", health.as_ref().map(|it| it.listen)),
            ("cloud", cloud.flatten()),
        ],
    );
    let shown = root.finish();
    Some(Config {
        public: public?,
        internal: internal?,
        grpc: grpc?,
        health: health?,
        cloud: cloud?,
        store: store?,
        platform: platform?,
        retention: retention?,
        session: session?,
        egress: egress?,
        kf: kf?,
        compat: compat?,
        cores,
        forwarders,
        log: log?,
        notes: Vec::new(),
        shown,
    })
}

fn section<'r, T>(root: &mut Table<'r>, name: &str, read: impl FnOnce(&mut Table<'r>) -> Option<T>) -> Option<T> {
    let mut table = root.table(name)?;
    let taken = read(&mut table);
    root.show_table(name, table);
    taken
}

fn read_public(it: &mut Table<'_>) -> Option<Public> {
    let listen = it.listen("listen");
    let urls = it.list("urls", HTTP_URL, http_url);
    let media_url = it.parse_or_empty("media_url", HTTP_URL, http_url);
    let trusted_proxies = it.networks("trusted_proxies");
    Some(Public {
        listen: listen?,
        urls: urls?,
        media_url,
        trusted_proxies: trusted_proxies?,
    })
}

/// Who shuts the listener by one line wants to know which other one opens it.
const NEEDS_PROXIES: &str = "beside it [internal] trusted_proxies = [\"10.0.0.5\"], the addresses of the proxy that sets this header \
    (from anywhere else anybody could be anyone), or no trusted_user_header";

fn read_internal(it: &mut Table<'_>) -> Option<Internal> {
    let listen = it.listen("listen");
    let hosts = it.list("hosts", "a name such as \"bridge.intern.example\"", |text| {
        let plain = !text.is_empty() && !text.contains(['/', ' ', '@']);
        plain.then(|| text.to_ascii_lowercase())
    });
    let tls = read_tls(it);
    let behind_tls_proxy = it.flag("behind_tls_proxy");
    let header = it.parse_or_empty("trusted_user_header", "the name of a header", |text| {
        let lawful = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        lawful.then(|| text.to_ascii_lowercase())
    });
    let proxies = it.networks("trusted_proxies");
    let operators = it.list(
        "trusted_operators",
        "a name, * stands for any run of characters",
        |text| (!text.is_empty()).then(|| text.to_owned()),
    );
    if let Some(header) = &header
        && proxies.as_ref().is_some_and(Vec::is_empty)
    {
        let found = format!("{header:?} without internal.trusted_proxies");
        it.fault("trusted_user_header", found, NEEDS_PROXIES);
    }
    let calls_per_second = it.whole("calls_per_second", 0..=1_000_000);
    guard(it, listen, tls.is_some(), behind_tls_proxy);
    Some(Internal {
        listen: listen?,
        hosts: hosts?,
        tls,
        behind_tls_proxy: behind_tls_proxy?,
        proxy_login: match header {
            None => None,
            Some(header) => Some(ProxyLogin {
                header,
                proxies: proxies?,
                operators: operators?,
            }),
        },
        calls_per_second: calls_per_second?,
    })
}

fn read_grpc(it: &mut Table<'_>) -> Option<Grpc> {
    let (listen, tls, behind_tls_proxy) = (it.listen("listen"), read_tls(it), it.flag("behind_tls_proxy"));
    guard(it, listen, tls.is_some(), behind_tls_proxy);
    Some(Grpc {
        listen: listen?,
        tls,
        behind_tls_proxy: behind_tls_proxy?,
    })
}

/// Bearer tokens do not cross a network in the clear.
fn guard(it: &Table<'_>, listen: Option<SocketAddr>, tls: bool, behind_tls_proxy: Option<bool>) {
    if let Some(listen) = listen
        && !listen.ip().to_canonical().is_loopback()
        && !tls
        && behind_tls_proxy == Some(false)
    {
        it.fault(
            "listen",
            format!("\"{listen}\" without TLS"),
            "a loopback address, or tls = { cert_file, key_file }, or behind_tls_proxy = true",
        );
    }
}

/// A fault of each listener that wants an address which one before it has.
fn tell_shared(root: &Table<'_>, listeners: &[(&str, Option<SocketAddr>)]) {
    for (at, (name, address)) in listeners.iter().enumerate() {
        let Some(address) = address else { continue };
        let first = listeners[..at]
            .iter()
            .find(|(_, other)| other.is_some_and(|other| is_shared(other, *address)));
        if let Some((first, Some(other))) = first {
            let found = format!("\"{address}\", and {first}.listen is \"{other}\"");
            root.fault_below(&format!("{name}.listen"), found, "a port of its own");
        }
    }
}

/// The second of the two could not be opened. Port 0 is any free one; `::` takes IPv4 as well.
fn is_shared(one: SocketAddr, other: SocketAddr) -> bool {
    let (a, b) = (one.ip().to_canonical(), other.ip().to_canonical());
    let covers = |it: IpAddr, other: IpAddr| it.is_unspecified() && (it.is_ipv6() || other.is_ipv4());
    one.port() != 0 && one.port() == other.port() && (a == b || covers(a, b) || covers(b, a))
}

fn read_tls(it: &mut Table<'_>) -> Option<Tls> {
    let faults = it.faults();
    let mut table = it.table("tls")?;
    for key in ["cert_file", "key_file"] {
        table.require(key, "a PEM file");
    }
    let tls = Tls {
        cert_file: table.file("cert_file").unwrap_or_default(),
        key_file: table.file("key_file").unwrap_or_default(),
        client_ca_file: table.file("client_ca_file"),
    };
    if let Some(fault) = table.outside(faults).and_then(|outside| outside.tls(&tls).err()) {
        table.fault_here(fault, "a certificate and its key, as PEM");
    }
    it.show_table("tls", table);
    Some(tls)
}

fn read_cloud(it: &mut Table<'_>) -> Option<SocketAddr> {
    let listen: SocketAddr = it.parse_or_empty("listen", super::reader::ADDRESS, |text| text.parse().ok())?;
    if !is_private(listen.ip()) {
        it.fault(
            "listen",
            format!("\"{listen}\", a public address"),
            "a loopback or private address: these pushes carry no signature",
        );
    }
    Some(listen)
}

fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

fn read_store(it: &mut Table<'_>) -> Option<Store> {
    let faults = it.faults();
    let dir = it.parse("dir", "a folder", |text| (!text.is_empty()).then(|| text.into()));
    it.parse(
        "url",
        "nothing: SQLite in `dir` is the only store until that of postgres:// exists",
        |text| text.is_empty().then_some(()),
    );
    let reserve = it.parse("reserve", "a size such as \"1GiB\"", |text| {
        text.parse::<bytesize::ByteSize>().ok().map(|size| size.as_u64())
    });
    let master_key_file = it.parse_or_empty("master_key_file", "a path", |text| Some(text.into()));
    let store = Store {
        dir: dir?,
        reserve: reserve?,
        master_key_file,
    };
    if let Some(fault) = it.outside(faults).and_then(|outside| outside.store(&store).err()) {
        it.fault(fault.key, fault.found, fault.expected);
    }
    Some(store)
}

fn read_platform(it: &mut Table<'_>) -> Option<Platform> {
    let (weixin_api, wecom_api, weixin_pages) = (it.url("weixin_api"), it.url("wecom_api"), it.url("weixin_pages"));
    Some(Platform {
        weixin_api: weixin_api?,
        wecom_api: wecom_api?,
        weixin_pages: weixin_pages?,
    })
}

fn read_retention(it: &mut Table<'_>) -> Option<Retention> {
    let events = it.duration("events", EVENTS_LEAST, Millis::MAX, "7d");
    let media = it.duration("media", 1, Millis::MAX, "3d");
    let idempotency = it.duration("idempotency", 1, Millis::MAX, "72h");
    let (aside, audit) = (
        it.duration("aside", 1, Millis::MAX, "30d"),
        it.duration("audit", 1, Millis::MAX, "365d"),
    );
    Some(Retention {
        events: events?,
        media: media?,
        idempotency: idempotency?,
        aside: aside?,
        audit: audit?,
    })
}

/// What `log.level` and `RUST_LOG` may say.
pub const LEVEL: &str = "error, warn, info, debug, trace or off, or directives such as \"info,wxbridge::store=debug\"";

/// Whether a filter hears what whoever wrote `text` wants to hear: an unknown word alone would be the one target that it hears.
pub fn is_level(text: &str) -> bool {
    let mut directives = text.split(',').filter(|each| !each.is_empty()).peekable();
    directives.peek().is_some()
        && directives.all(|each| match each.split_once('=') {
            Some((target, _)) => is_target(target),
            None => each.parse::<LevelFilter>().is_ok(),
        })
        && EnvFilter::builder().parse(text).is_ok()
}

/// The path of a module, and what stands behind it in brackets.
fn is_target(text: &str) -> bool {
    let path = text.split('[').next().unwrap_or_default();
    path.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_:-.".contains(&byte))
}

fn read_log(it: &mut Table<'_>) -> Option<Log> {
    let formats = [
        ("auto", LogFormat::Auto),
        ("pretty", LogFormat::Pretty),
        ("json", LogFormat::Json),
    ];
    let format = it.one_of("format", &formats);
    let level = it.parse("level", LEVEL, |text| is_level(text).then(|| text.to_owned()));
    Some(Log {
        format: format?,
        level: level?,
    })
}
