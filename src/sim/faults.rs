//! What goes wrong today? Faults that a driver asked for, each played a number of times.

use serde::{Deserialize, Serialize};

/// What the caller of an API meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The call is served, `delay_ms` late.
    Slow,
    /// A complete HTTP 500; nothing was done.
    Http500,
    /// `errcode` inside HTTP 200; nothing was done.
    Errcode,
    /// The call is done, then the connection closes without an answer.
    LostAnswer,
    /// The connection closes without an answer; nothing was done.
    Refuse,
    /// HTTP 200 with a page that is not JSON; nothing was done.
    Garbage,
    /// `kf/send_msg` is taken, and `msg_send_fail` with `fail_type` follows.
    SendFail,
    /// `kf/sync_msg` gives no item, says that there is more, and the cursor moves; `api_get_authorizer_list` names nobody, and
    /// counts all of them.
    EmptyPage,
    /// `api_get_authorizer_list` leaves one out, and does not count it.
    LeftOut,
    /// The same, and the cursor stands still.
    StuckPage,
    /// For `api` `bell`: a bell is not rung.
    Lost,
    /// For `api` `bell`: a bell is rung twice.
    Duplicate,
}

/// A fault that waits for its call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The account's id, also an `open_kfid`; left out = every account.
    #[serde(default)]
    pub account: Option<String>,
    /// `custom/send`, `typing`, `token`, `upload`, `download`, `*`, or the end of any path.
    pub api: String,
    pub kind: Kind,
    #[serde(default)]
    pub errcode: Option<i64>,
    /// For `send_fail`.
    #[serde(default)]
    pub fail_type: Option<i64>,
    #[serde(default)]
    pub delay_ms: u64,
    /// How often; negative = until it is cleared.
    #[serde(default = "once")]
    pub times: i64,
}

const fn once() -> i64 {
    1
}

impl Fault {
    fn fits(&self, names: &[&str], path: &str) -> bool {
        let api = match self.api.as_str() {
            // A bell is no call.
            "*" if path == "bell" => return false,
            "*" => "",
            "token" => {
                return self.fits_account(names)
                    && ["/token", "/stable_token", "/gettoken"]
                        .iter()
                        .any(|end| path.ends_with(end));
            }
            "upload" => "media/upload",
            "download" => "media/get",
            "typing" => "custom/typing",
            other => other,
        };
        self.fits_account(names) && path.ends_with(api)
    }

    fn fits_account(&self, names: &[&str]) -> bool {
        self.account.as_deref().is_none_or(|wanted| names.contains(&wanted))
    }

    /// How the record of calls names it.
    pub fn name(&self) -> String {
        serde_json::to_value(self.kind)
            .ok()
            .and_then(|name| name.as_str().map(str::to_owned))
            .unwrap_or_default()
    }
}

/// The first fault that fits this call, used up by one.
pub fn take(faults: &mut Vec<Fault>, names: &[&str], path: &str) -> Option<Fault> {
    let fault = faults
        .iter_mut()
        .find(|fault| fault.times != 0 && fault.fits(names, path))?;
    if fault.times > 0 {
        fault.times -= 1;
    }
    let taken = fault.clone();
    faults.retain(|fault| fault.times != 0);
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::{Fault, Kind, take};

    fn fault(api: &str, times: i64) -> Fault {
        Fault {
            account: Some("wx1".to_owned()),
            api: api.to_owned(),
            kind: Kind::Errcode,
            errcode: Some(45009),
            fail_type: None,
            delay_ms: 0,
            times,
        }
    }

    #[test]
    fn a_fault_is_played_as_often_as_asked() {
        let mut faults = vec![fault("custom/send", 2)];
        let send = "/cgi-bin/message/custom/send";
        assert!(take(&mut faults, &["wx1", ""], "/cgi-bin/token").is_none());
        assert!(take(&mut faults, &["wx2", ""], send).is_none());
        assert!(take(&mut faults, &["wx1", ""], send).is_some());
        assert!(take(&mut faults, &["wx1", ""], send).is_some());
        assert!(take(&mut faults, &["wx1", ""], send).is_none());
    }

    #[test]
    fn token_means_both_token_calls_and_a_negative_count_stays() {
        let mut faults = vec![fault("token", -1)];
        for _ in 0..3 {
            assert!(take(&mut faults, &["wx1", ""], "/cgi-bin/token").is_some());
            assert!(take(&mut faults, &["wx1", ""], "/cgi-bin/stable_token").is_some());
        }
        assert!(take(&mut faults, &["wx1", ""], "/cgi-bin/media/upload").is_none());
    }
}
