//! Why could the daemon not start? In words that name the key or file at fault.

use std::{io, net::SocketAddr, path::PathBuf};

use crate::{
    accounts::service::AccountsError,
    api_tokens::TokenError,
    config::ConfigFaults,
    core_link::http::LinkError,
    egress::NoClient,
    ports::store::StoreError,
    store::sqlite::OpenError,
    vault::{VaultError, own_key::OwnKeyError},
};

#[derive(Debug, thiserror::Error)]
pub enum StartFault {
    #[error("{0}")]
    Config(ConfigFaults),
    #[error("store.dir: {}: {error}", dir.display())]
    Folder { dir: PathBuf, error: io::Error },
    /// Another process has the store in this folder.
    #[error("the store in {0} is taken: another wxbridge runs on it")]
    Taken(String),
    #[error(transparent)]
    Unopened(OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Keys(#[from] VaultError),
    #[error("{0}")]
    Accounts(#[from] AccountsError),
    #[error("{0}")]
    Tokens(#[from] TokenError),
    #[error("{0}")]
    Client(#[from] NoClient),
    #[error("{0}")]
    Link(#[from] LinkError),
    #[error("{0}")]
    OwnKey(#[from] OwnKeyError),
    #[error("{key}: cannot listen on {address}: {error}")]
    Listen {
        key: &'static str,
        address: SocketAddr,
        error: io::Error,
    },
    #[error("{key}: {fault}")]
    Tls { key: &'static str, fault: String },
    #[error("grpc: the schema cannot be described: {0}")]
    Grpc(String),
}
