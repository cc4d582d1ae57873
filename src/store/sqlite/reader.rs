//! How do reads stay out of the writer's way? On connections of their own, on threads that may block.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use crate::ports::store::StoreError;

/// Reads at the same time: two cores read no faster with more.
const CONNECTIONS: usize = 3;

#[derive(Clone)]
pub struct Reader {
    file: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Reader {
    pub fn new(file: PathBuf) -> Self {
        Self {
            file,
            idle: Arc::default(),
            permits: Arc::new(Semaphore::new(CONNECTIONS)),
        }
    }

    /// Runs `look` on a connection that sees everything committed so far.
    pub async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.permits.clone().acquire_owned().await;
        let (file, idle) = (self.file.clone(), self.idle.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let resting = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = resting.map_or_else(|| connect(&file), Ok)?;
            let found = look(&connection);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            found
        });
        looked
            .await
            .map_err(|error| StoreError::Broken(error.to_string()))?
            .map_err(|error| StoreError::Broken(error.to_string()))
    }
}

fn connect(file: &std::path::Path) -> Result<Connection, rusqlite::Error> {
    let connection =
        Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "cache_size", -2048)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}
