//! Can what the configuration names be used? Certificates, keys and cores' credentials, looked at before anything is begun.

use super::{ground::lost_key_ring, tls};
use crate::{
    config::{Misplaced, Outside, Store, Tls},
    core_link::Links,
    cores::{Core, Cores},
    ports::chance::SystemChance,
    vault::{Vault, VaultError},
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

    fn store(&self, store: &Store) -> Result<(), Misplaced> {
        if store.dir.exists() && !store.dir.is_dir() {
            return Err(Misplaced {
                key: "dir",
                found: format!("{} is no folder", store.dir.display()),
                expected: "a folder",
            });
        }
        // One that nobody configured is made with the store.
        let (key, fault) = match store.master_key_file.as_deref() {
            Some(file) => ("master_key_file", Vault::open(file, SystemChance::default()).err()),
            None => ("dir", lost_key_ring(&store.dir)),
        };
        let misplaced = |fault: VaultError| Misplaced {
            key,
            found: fault.to_string(),
            expected: "a key ring",
        };
        fault.map_or(Ok(()), |fault| Err(misplaced(fault)))
    }
}
