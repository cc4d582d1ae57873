//! What can be said on the command line? The contract's section 2.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::lang::Lang;
use crate::secret::Secret;

/// The WeChat side of a customer-service system.
#[derive(Debug, Parser)]
#[command(name = "wxbridge", version, disable_help_subcommand = true)]
pub struct Cli {
    /// The configuration file
    #[arg(short, long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print the API's JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// The language of findings and explanations; otherwise the locale's
    #[arg(long, global = true, value_enum)]
    pub lang: Option<Lang>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try everything on this machine: bridge, simulated WeChat and a small core, with a page to look at
    Demo {
        /// Where the page is served; without it a free port of loopback
        #[arg(long, value_name = "A", value_parser = address)]
        listen: Option<String>,
        /// Where the bridge keeps its state; without it a temporary folder
        #[arg(long, value_name = "D")]
        dir: Option<PathBuf>,
    },
    /// Run the daemon
    Serve {
        /// What becomes of events whose core is configured no more
        #[arg(long, value_enum, default_value_t = Orphan::Refuse)]
        orphan: Orphan,
    },
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Enter, list and change accounts
    #[command(subcommand)]
    Account(AccountCommand),
    /// Examine the whole installation
    Doctor,
    /// Make, list and revoke API tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Who changed what, and whether that log is as it was written
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Events that were set aside, and bodies that could not be read
    #[command(subcommand)]
    Parked(ParkedCommand),
    /// Copies of the traffic for other systems
    #[command(subcommand)]
    Forwarder(ForwarderCommand),
    /// Hand stored events to a core again
    Replay(Replay),
    /// Send one message
    Send(Send),
    /// Write the whole installation into one file
    Backup(Backup),
    /// Bring a backup back into an empty state folder
    Restore(Backup),
    /// Cause and remedy of an error code
    Explain {
        /// A code such as WINDOW_CLOSED, or a number of the platform such as 45015 or -1
        #[arg(allow_negative_numbers = true)]
        code: String,
    },
    /// Print the message schema
    Proto,
    /// Print the OpenAPI document of the internal listener
    Openapi,
    /// Play the bridge against a core, and say what is wrong with it
    CoreCheck(CoreCheck),
    /// Serve the simulated WeChat platforms alone
    Sim {
        #[arg(long, default_value = "127.0.0.1:8090", value_name = "A", value_parser = address)]
        listen: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Orphan {
    /// Nothing starts, and the cores are named
    Refuse,
    /// They are set aside; `parked retry` brings them back
    Park,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Tell every fault, or "ok"
    Check,
    /// Print what is in force, secrets masked
    Show,
}

#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// All accounts
    List,
    /// One account: state, capabilities, callback URLs, warnings
    Show { id: String },
    /// Make the accounts what a file says, all or nothing
    Apply {
        file: PathBuf,
        /// Remove accounts that the file does not name (never those bound by scanning)
        #[arg(long)]
        prune: bool,
    },
    /// Forget an account
    Remove { id: String },
    /// Give an account new callback values; the old ones are honoured for 24 h after the new ones are seen in use
    Rotate {
        id: String,
        /// The new token
        #[arg(long)]
        token: Option<String>,
        /// The new EncodingAESKey
        #[arg(long)]
        encoding_aes_key: Option<String>,
    },
    /// Let an account's events wait: callbacks are stored and answered, and no core gets them
    Pause { id: String },
    /// Hand over what waited while an account was paused, in order
    Resume { id: String },
    /// Examine one account, or all
    Doctor { id: Option<String> },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Scope {
    /// The core API, for one core
    Core,
    /// Access tokens of the platform
    Token,
    /// Everything
    Operator,
    /// What an operator may read
    Viewer,
}

impl Scope {
    pub fn name(self) -> &'static str {
        match self {
            Scope::Core => "core",
            Scope::Token => "token",
            Scope::Operator => "operator",
            Scope::Viewer => "viewer",
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Print a new token, this once
    Create {
        #[arg(long)]
        name: String,
        #[arg(long, value_enum)]
        scope: Scope,
        /// The core it speaks for; without it the only one
        #[arg(long)]
        core: Option<String>,
        /// Which accounts it sees, such as 'shop-*'; may be repeated
        #[arg(long)]
        accounts: Vec<String>,
    },
    /// All tokens, without their texts
    List,
    /// Revoke tokens by name or id
    Revoke {
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// All acts, newest first
    List,
    /// Whether the log is as it was written; with a file, an export of it, which needs no daemon
    Verify { file: Option<PathBuf> },
    /// Write all of it into a new file, one JSON record a line
    Export { file: PathBuf },
}

#[derive(Debug, Subcommand)]
pub enum ParkedCommand {
    /// What is set aside
    List {
        /// Bodies of the platform that could not be read
        #[arg(long)]
        quarantined: bool,
    },
    /// One of them, whole
    Show {
        id: String,
        #[arg(long)]
        quarantined: bool,
    },
    /// Offer events again, or decode bodies again with today's keys
    Retry(ParkedIds),
    /// Forget them for good
    Discard(ParkedIds),
}

#[derive(Debug, Args)]
pub struct ParkedIds {
    #[arg(required = true)]
    pub ids: Vec<String>,
    /// The ids are those of `parked list --quarantined`
    #[arg(long)]
    pub quarantined: bool,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub enum ForwarderCommand {
    /// Which copies go where, how far they are behind, and whether they are protected
    List,
    /// Say whether copies are protected: one switch for all forwarders
    Switch { to: Turn },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Turn {
    On,
    /// Copies travel without a signature; turning it on again ends every exemption
    Off,
}

#[derive(Debug, Args)]
pub struct Replay {
    /// The core that hears them again
    #[arg(long)]
    pub core: String,
    /// Only this conversation
    #[arg(long)]
    pub conversation: Option<String>,
    /// From this moment on, RFC 3339
    #[arg(long, value_parser = moment)]
    pub from: Option<String>,
    /// Up to this moment, RFC 3339
    #[arg(long, value_parser = moment)]
    pub to: Option<String>,
    /// Take the core's replies to them
    #[arg(long)]
    pub allow_replies: bool,
}

fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

#[derive(Debug, Args)]
pub struct CoreCheck {
    /// Where the core takes events over HTTP
    #[arg(required_unless_present = "grpc", conflicts_with = "grpc")]
    pub url: Option<String>,
    /// Where the core serves wxbridge.v1.Core instead: host:port, or an address with http or https
    #[arg(long, value_name = "ADDR")]
    pub grpc: Option<String>,
    /// What calls of the bridge bear over gRPC, as `bearer` of [[core]]
    #[arg(long, env = "WXBRIDGE_CORE_BEARER", hide_env_values = true, value_name = "SECRET", value_parser = secret)]
    pub bearer: Option<Secret>,
    /// Who signed the gRPC core's certificate, as `ca_file` of [[core]]
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    pub ca_file: Option<PathBuf>,
    /// Our own certificate for it, as `cert_file` of [[core]]
    #[arg(long, value_name = "FILE", conflicts_with = "url", requires = "key_file")]
    pub cert_file: Option<PathBuf>,
    /// The key of that certificate
    #[arg(long, value_name = "FILE", conflicts_with = "url", requires = "cert_file")]
    pub key_file: Option<PathBuf>,
    /// The core's key, whsec_…; may be repeated
    #[arg(long, env = "WXBRIDGE_CORE_SECRET", hide_env_values = true, value_name = "KEY", value_parser = secret)]
    pub secret: Vec<Secret>,
    /// How long the core may take to take an event, as `timeout` of [[core]]
    #[arg(long, default_value = "30s", value_name = "T")]
    pub timeout: String,
    /// How long a callback waits for this core, as `reply_budget` of [[core]]
    #[arg(long, default_value = "4000ms", value_name = "T")]
    pub reply_budget: String,
}

#[derive(Debug, Args)]
pub struct Send {
    /// The conversation's key
    #[arg(long)]
    pub to: String,
    #[arg(long)]
    pub text: String,
}

#[derive(Debug, Args)]
pub struct Backup {
    pub file: PathBuf,
    /// The file that holds the passphrase
    #[arg(long, value_name = "F")]
    pub passphrase_file: Option<PathBuf>,
}

/// `host:port`, looked up when it is listened on.
fn address(text: &str) -> Result<String, String> {
    let lawful = text
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    lawful
        .then(|| text.to_owned())
        .ok_or_else(|| "expected an address such as 127.0.0.1:8090".to_owned())
}

fn moment(text: &str) -> Result<String, String> {
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|_| text.to_owned())
        .map_err(|_| "expected an RFC 3339 time such as 2026-01-31T08:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_or_a_time_that_is_none_is_a_fault_of_the_command_line() {
        let parses = |words: &[&str]| Cli::try_parse_from([&["wxbridge"], words].concat()).is_ok();
        for address in ["127.0.0.1:0", "[::1]:8090", "localhost:8090"] {
            assert!(parses(&["sim", "--listen", address]), "{address}");
        }
        for address in ["nope", ":8090", "127.0.0.1", "127.0.0.1:65536"] {
            assert!(!parses(&["sim", "--listen", address]), "{address}");
            assert!(!parses(&["demo", "--listen", address]), "{address}");
        }
        assert!(parses(&[
            "replay",
            "--core",
            "main",
            "--from",
            "2026-01-31T08:00:00+08:00"
        ]));
        for end in ["--from", "--to"] {
            assert!(!parses(&["replay", "--core", "main", end, "yesterday"]), "{end}");
        }
    }
}
