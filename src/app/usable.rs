//! Can what the configuration names be used? Certificates, keys and cores' credentials, looked at before anything is begun.

use super::{ground::lost_key_ring, tls};
use crate::{
    config::{Outside, Store, Tls},
    core_link::Links,
    cores::{Core, Cores},
    ports::chance::SystemChance,
    vault::Vault,
};

/// Whatever would keep the daemon from starting is a fault of the configuration.
pub static USABLE: &dyn Outside = &Usable;

struct Usable;

impl Outside for Usable {
    fn tls(&self, tls: &Tls) -> Result<(), String> {
        tls::read(tls).map(|_| ())
    }

    fn core(&self, core: &Core) -> Result<(), String> {
        let links = Links::new(&Cores([core.clone()].into()));
        links.map(|_| ()).map_err(|fault| fault.to_string())
    }

    fn key_ring(&self, store: &Store) -> Result<(), (&'static str, String)> {
        // One that nobody configured is made with the store.
        let (key, fault) = match store.master_key_file.as_deref() {
            Some(file) => ("master_key_file", Vault::open(file, SystemChance::default()).err()),
            None => ("dir", lost_key_ring(&store.dir)),
        };
        fault.map_or(Ok(()), |fault| Err((key, fault.to_string())))
    }
}
