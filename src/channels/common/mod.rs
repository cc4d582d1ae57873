//! What do several channels do alike? Rooms that a channel may use; none of them knows a channel.
//!
//! [`account`] is what every opened account holds, and does by that alone. In: [`settings`] decodes what the
//! operator entered, [`door`] verifies and opens, [`wire`] names the common fields of a push, [`normalise`] reads one by a
//! channel's table of [`events`] into [`parts`] and [`signals`], [`identity`] knows it again. Out: [`render`] holds what
//! renderers share, [`degrade`] what may be lost, [`answers`] reads the platform's answers by a table of [`codes`],
//! [`limits`] figures and the capability record, [`tokens`] the token calls, [`download`] how files come in. [`page`] writes
//! the docs of these tables.

pub mod account;
pub mod answers;
pub mod codes;
pub mod degrade;
pub mod door;
pub mod download;
pub mod events;
pub mod identity;
pub mod limits;
pub mod normalise;
pub mod page;
pub mod parts;
pub mod render;
pub mod settings;
pub mod signals;
pub mod tokens;
pub mod wire;
