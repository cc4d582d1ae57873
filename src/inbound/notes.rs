//! What does an authentic callback say about keys and clocks? For the operator, and for the end of a rotation.

use std::sync::{Arc, PoisonError};

use super::Inbound;
use crate::{
    accounts::Opened,
    channels::contract::{Admitted, Effects, Seal},
    envelope::Format,
    error::Code,
    ports::clock::Millis,
};

/// Further off than this, one of the clocks is wrong.
const SKEW_MAX: u64 = 10 * 60 * 1000;

/// What was read: whether messages still come shows when only taps and follows do. `true`: it is written in another format
/// than the one before.
pub(super) fn heard(opened: &Opened, effects: &Effects, plain: &[u8], now: Millis) -> bool {
    let json = Format::of(plain) == Some(Format::Json);
    opened.observe(|condition| {
        if effects.customer_acted || effects.customer_spoke || effects.opens.is_some() {
            condition.heard(effects.customer_spoke, now);
        }
        std::mem::replace(&mut condition.json, json) != json
    })
}

impl Inbound {
    /// Beside the callback, which waits for no news: what the account can do may hang on the format.
    pub(super) fn tell_of_format(&self, id: &str) {
        let (outbound, registry) = (self.parts.outbound.clone(), self.parts.registry.clone());
        let id = id.to_owned();
        tokio::spawn(async move {
            if let Some(opened) = registry.get(&id) {
                outbound.account_changed(&opened).await;
            }
        });
    }

    /// Notes that an authentic callback came; `now` is our clock, `corrected` what the platform's last answer made
    /// of it, by which alone the callback may be off: it was taken by the other then.
    pub(super) fn note(self: &Arc<Self>, opened: &Arc<Opened>, admitted: &Admitted, now: Millis, corrected: Millis) {
        let old_key = admitted.notes.contains(&Code::OldKeyStillUsed);
        let off = corrected.abs_diff(admitted.stamped);
        let skewed = admitted.notes.contains(&Code::ClockSkew) || off > SKEW_MAX;
        opened.observe(|condition| {
            condition.last_callback = Some(now);
            if old_key {
                condition.old_key_uses += 1;
                let said = format!(
                    "{} callbacks still used the token or key before the rotation",
                    condition.old_key_uses
                );
                condition.warnings.insert(Code::OldKeyStillUsed, said);
            } else if condition.old_key_uses > 0 {
                // The platform uses the new pair now.
                condition.old_key_uses = 0;
                condition.warnings.remove(&Code::OldKeyStillUsed);
            }
            if skewed {
                let off = off / 1000;
                let said = format!(
                    "the last callback's signed timestamp is {off} s away from our clock as the platform's last answer corrects it / 最近一次回调的签名时间戳与按平台应答校正的本机时钟相差 {off} 秒"
                );
                condition.warnings.insert(Code::ClockSkew, said);
            } else if !condition.warnings.is_empty() {
                condition.warnings.remove(&Code::ClockSkew);
            }
        });
        if !old_key && awaits_new_key(opened, &admitted.seal) {
            self.note_new_key(&opened.settings.id);
        }
    }

    /// Durable, beside the callback; once, unless it fails: the account then changes and awaits nothing any more.
    fn note_new_key(self: &Arc<Self>, id: &str) {
        let noting = || self.noting.lock().unwrap_or_else(PoisonError::into_inner);
        if !noting().insert(id.to_owned()) {
            return;
        }
        let (inbound, id) = (self.clone(), id.to_owned());
        tokio::spawn(async move {
            match inbound.parts.service.note_new_key_seen(&id).await {
                Ok(()) => tracing::info!(
                    account = id,
                    "the new token and key are in use, the grace of the old ones runs"
                ),
                Err(error) => tracing::warn!(account = id, %error, "the end of a rotation is not noted yet"),
            }
            let mut noting = inbound.noting.lock().unwrap_or_else(PoisonError::into_inner);
            noting.remove(&id);
        });
    }
}

/// A rotation runs whose new values were not seen yet, and this callback shows them.
fn awaits_new_key(opened: &Opened, seal: &Seal) -> bool {
    let Some(previous) = &opened.settings.previous else {
        return false;
    };
    // A plain signature tells nothing about the key.
    let shows = matches!(seal, Seal::Encrypted { .. }) || previous.token != opened.settings.token;
    previous.new_seen_at.is_none() && shows
}
