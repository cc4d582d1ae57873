//! Is it a push of cloud hosting (云托管), which nobody signs? Taken by its own listener alone, for accounts that are set so.

use crate::{
    accounts::Opened,
    channels::contract::{Admitted, Refusal},
    envelope,
    error::Code,
    ports::clock::Millis,
};

/// Stands in place of key ids with a body that was set aside: it is read again without a signature, too.
pub(super) const UNSIGNED: &str = "cloud";

pub(super) fn admit(opened: &Opened, body: &[u8], now: Millis) -> Result<Admitted, Refusal> {
    if !opened.settings.cloud_push {
        let detail = "a push without signature, and cloud_push is not set for this account";
        return Err(Refusal::reject(403, Code::PlaintextRefused, detail));
    }
    opened.account.admit_unsigned(body, now)
}

/// The console's check of the container: `{"action":"CheckContainerPath"}`, answered `success`.
pub(super) fn is_probe(opened: &Opened, body: &[u8]) -> bool {
    opened.settings.cloud_push
        && body.len() < 256
        && envelope::json::parse(body).is_ok_and(|fields| fields.value("action") == "CheckContainerPath")
}
