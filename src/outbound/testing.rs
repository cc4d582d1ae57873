//! What do tests of the outbound side talk to? A store, an account, a platform and open requests, all in memory.

mod account;
mod platform;
mod store;
mod windows;

pub use account::{FakeAccount, opened, opened_elsewhere, opened_slow, opened_with};
pub use platform::{Does, FakePlatform};
pub use store::MemoryStore;
pub use windows::FakeWindows;
