//! What did the operator configure? Found, merged and checked before anything is opened; every fault is told at once.

pub mod accounts_file;
pub mod chinese;
mod cores;
#[cfg(test)]
mod document;
pub mod fault;
mod forwarders;
mod outside;
pub mod reader;
mod sections;
pub mod sources;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use ipnet::IpNet;

pub use cores::{GRPC_URL, grpc_url};
pub use fault::{ConfigFault, ConfigFaults};
pub use outside::{Misplaced, Outside};
pub use sections::{LEVEL, is_level};

use crate::{api_tokens::ProxyLogin, cores::Cores, forward::settings::Forwarder, ports::clock::Millis};

/// The environment variable that names the file.
pub const FILE_VARIABLE: &str = "WXBRIDGE_CONFIG";

/// The whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    pub public: Public,
    pub internal: Internal,
    pub grpc: Grpc,
    pub health: Health,
    pub cloud: Option<SocketAddr>,
    pub store: Store,
    pub platform: Platform,
    pub retention: Retention,
    pub session: Session,
    pub egress: Egress,
    pub kf: Kf,
    pub compat: Compat,
    pub cores: Cores,
    pub forwarders: Vec<Forwarder>,
    pub log: Log,
    /// Lawful things that an operator should know; told at start and by `config check`.
    pub notes: Vec<String>,
    /// What `config show` prints: every key in force, secrets masked.
    pub shown: toml::Table,
}

#[derive(Clone, Debug)]
pub struct Public {
    pub listen: SocketAddr,
    /// Without last slash; the first is shown to operators.
    pub urls: Vec<String>,
    pub media_url: Option<String>,
    pub trusted_proxies: Vec<IpNet>,
}

#[derive(Clone, Debug)]
pub struct Internal {
    pub listen: SocketAddr,
    pub hosts: Vec<String>,
    pub tls: Option<Tls>,
    pub behind_tls_proxy: bool,
    /// Whom a proxy names is logged in at the console.
    pub proxy_login: Option<ProxyLogin>,
    /// Of one token, over HTTP and gRPC together; 0 = any number.
    pub calls_per_second: u64,
}

#[derive(Clone, Debug)]
pub struct Grpc {
    pub listen: SocketAddr,
    pub tls: Option<Tls>,
    pub behind_tls_proxy: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
    pub client_ca_file: Option<PathBuf>,
}

#[derive(Clone, Debug)]
pub struct Health {
    pub listen: SocketAddr,
}

#[derive(Clone, Debug)]
pub struct Store {
    pub dir: PathBuf,
    /// Bytes of free disk below which nothing new is accepted.
    pub reserve: u64,
    /// `None`: created in `dir`.
    pub master_key_file: Option<PathBuf>,
}

#[derive(Clone, Debug)]
pub struct Platform {
    pub weixin_api: String,
    pub wecom_api: String,
    pub weixin_pages: String,
}

#[derive(Clone, Copy, Debug)]
pub struct Retention {
    pub events: Millis,
    pub media: Millis,
    pub idempotency: Millis,
    /// Bodies that could not be read, and events that were set aside.
    pub aside: Millis,
    pub audit: Millis,
}

#[derive(Clone, Copy, Debug)]
pub struct Session {
    pub idle: Millis,
}

#[derive(Clone, Debug)]
pub struct Egress {
    pub allow: Vec<IpNet>,
}

#[derive(Clone, Copy, Debug)]
pub struct Kf {
    pub pulls: u64,
    pub sweep: Millis,
}

#[derive(Clone, Copy, Debug)]
pub struct Compat {
    pub kf_channel_code: u64,
}

#[derive(Clone, Debug)]
pub struct Log {
    pub format: LogFormat,
    pub level: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON elsewhere.
    Auto,
    Pretty,
    Json,
}

impl Config {
    /// Reads `file` (or the one that `WXBRIDGE_CONFIG` names, or none) and the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigFaults> {
        Self::load_with(file, None)
    }

    /// The same, with a look at what it names elsewhere.
    pub fn load_usable(file: Option<&Path>, outside: &'static dyn Outside) -> Result<Self, ConfigFaults> {
        Self::load_with(file, Some(outside))
    }

    fn load_with(file: Option<&Path>, outside: Option<&'static dyn Outside>) -> Result<Self, ConfigFaults> {
        let named = std::env::var_os(FILE_VARIABLE)
            .filter(|name| !name.is_empty())
            .map(PathBuf::from);
        let file = file.map(Path::to_owned).or(named);
        let env: Vec<_> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
            .collect();
        let Some(file) = file else {
            return Self::read_with(None, &env, outside);
        };
        match reader::read_text(&file) {
            Ok(text) => Self::read_with(Some((&sources::name_of(&file), text.expose())), &env, outside),
            Err(error) => Err(ConfigFaults(vec![ConfigFault {
                origin: sources::name_of(&file),
                key: String::new(),
                found: error.to_string(),
                expected: "a readable TOML file".into(),
            }])),
        }
    }

    /// Reads what was found: the file's name and text, and the environment.
    pub fn read(file: Option<(&str, &str)>, env: &[(String, String)]) -> Result<Self, ConfigFaults> {
        Self::read_with(file, env, None)
    }

    fn read_with(
        file: Option<(&str, &str)>,
        env: &[(String, String)],
        outside: Option<&'static dyn Outside>,
    ) -> Result<Self, ConfigFaults> {
        let reading = reader::Reading {
            outside,
            ..Default::default()
        };
        let merged = sources::merge(file, env, &mut reading.faults.borrow_mut());
        let name = file.map_or("configuration", |(name, _)| name);
        let config = sections::read(reader::Table::new(&reading, "", name, merged), &reading);
        let reader::Reading { faults, notes, .. } = reading;
        let faults = faults.into_inner();
        match config {
            Some(config) if faults.is_empty() => Ok(Self {
                notes: notes.into_inner(),
                ..config
            }),
            _ => Err(ConfigFaults(faults)),
        }
    }
}

impl Default for Config {
    #[expect(clippy::expect_used, reason = "the defaults are compiled in; a test reads them")]
    fn default() -> Self {
        Self::read(None, &[]).expect("the defaults have no fault")
    }
}

#[cfg(test)]
mod tests;
