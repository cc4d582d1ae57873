//! Can what the configuration names be used? Certificates, keys and cores' credentials, all looked at before anything is begun.

use std::fmt::Display;

use super::{ground::lost_key_ring, tls};
use crate::{
    config::{Config, ConfigFault, ConfigFaults},
    core_link::Links,
    cores::Cores,
    ports::chance::SystemChance,
    vault::Vault,
};

/// Every file and core that would keep the daemon from starting.
pub fn usable(config: &Config) -> Result<(), ConfigFaults> {
    let mut faults = Vec::new();
    let mut note = |key: String, fault: &dyn Display, expected: &str| {
        faults.push(ConfigFault {
            origin: "configuration".to_owned(),
            key,
            found: fault.to_string(),
            expected: expected.to_owned(),
        });
    };
    let listeners = [
        ("internal.tls", config.internal.tls.as_ref()),
        ("grpc.tls", config.grpc.tls.as_ref()),
    ];
    for (key, tls) in listeners {
        if let Some(fault) = tls.and_then(|tls| tls::read(tls).err()) {
            note(key.to_owned(), &fault, "a certificate and its key, as PEM");
        }
    }
    for (at, core) in config.cores.0.iter().enumerate() {
        if let Err(fault) = Links::new(&Cores([core.clone()].into())) {
            note(format!("core[{at}]"), &fault, "a core that can be called");
        }
    }
    // One that nobody configured is made with the store.
    let (key, fault) = match config.store.master_key_file.as_deref() {
        Some(file) => (
            "store.master_key_file",
            Vault::open(file, SystemChance::default()).err(),
        ),
        None => ("store.dir", lost_key_ring(&config.store.dir)),
    };
    if let Some(fault) = fault {
        note(key.to_owned(), &fault, "a key ring");
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(ConfigFaults(faults)),
    }
}
