//! What does an operator type? Each command in a file of its own; this one reads the words and gives back the exit code.

mod accounts;
pub mod args;
mod audit;
mod backup;
pub mod client;
mod core_check;
mod demo;
mod doctor;
pub mod exit;
mod explain;
mod forwarders;
pub mod lang;
mod parked;
mod print;
mod replay;
mod send;
mod serve;
mod settings;
mod tls;
mod tokens;

use std::{io::Write as _, path::Path, process::ExitCode};

use clap::Parser as _;
use serde_json::Value;

use args::{Cli, Command};
use client::Client;
use exit::{Failure, Outcome, USAGE};
use lang::Lang;

/// The message schema, as `wxbridge proto` prints it.
const PROTO: &str = include_str!("../../proto/wxbridge/v1/wxbridge.proto");

/// What every command needs.
struct Context<'a> {
    config: Option<&'a Path>,
    json: bool,
    lang: Lang,
}

/// Reads the command line, does what it says, and gives the exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let help = !error.use_stderr();
            let _ = error.print();
            return if help { ExitCode::SUCCESS } else { ExitCode::from(USAGE) };
        }
    };
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(problem) = failure.problem.as_ref().filter(|_| cli.json) {
                // Nobody who reads it: the exit code says that it failed.
                let _ = say(&format!("{problem:#}\n"));
            }
            let text = failure.text(cli.lang.unwrap_or_else(Lang::from_env));
            if !text.is_empty() {
                eprintln!("{text}");
            }
            ExitCode::from(failure.exit)
        }
    }
}

fn run(cli: &Cli) -> Outcome {
    let context = Context {
        config: cli.config.as_deref(),
        json: cli.json,
        lang: cli.lang.unwrap_or_else(Lang::from_env),
    };
    match &cli.command {
        Command::Demo { listen, dir } => demo::run(listen.as_deref(), dir.as_deref()),
        Command::Serve { orphan } => serve::run(&context, *orphan),
        Command::Restore(what) => serve::restore(&context, what),
        Command::Config(command) => settings::run(&context, *command),
        Command::Explain { code } => explain::run(&context, code),
        Command::Proto => say(PROTO),
        Command::Openapi => say(crate::web::document::text()),
        Command::CoreCheck(wish) => block_on(core_check::run(&context, wish)),
        Command::Sim { listen } => block_on(simulate(listen)),
        other => block_on(talk(&context, other)),
    }
}

/// The commands that talk to the daemon.
async fn talk(context: &Context<'_>, command: &Command) -> Outcome {
    let client = || Client::new(context.config, context.lang);
    match command {
        Command::Account(command) => accounts::run(context, client, command).await,
        Command::Doctor => doctor::run(context, &client()?, None).await,
        Command::Token(command) => tokens::run(context, &client()?, command).await,
        Command::Audit(command) => audit::run(context, client, command).await,
        Command::Parked(command) => parked::run(context, &client()?, command).await,
        Command::Forwarder(command) => forwarders::run(context, &client()?, command).await,
        Command::Replay(replay) => replay::run(context, &client()?, replay).await,
        Command::Send(send) => send::run(context, &client()?, send).await,
        Command::Backup(what) => backup::run(context, &client()?, what).await,
        // They need no daemon: `run` has done them.
        Command::Demo { .. }
        | Command::Serve { .. }
        | Command::Restore(_)
        | Command::Config(_)
        | Command::Explain { .. }
        | Command::Proto
        | Command::Openapi
        | Command::CoreCheck(_)
        | Command::Sim { .. } => Ok(()),
    }
}

async fn simulate(listen: &str) -> Outcome {
    let options = crate::sim::Options {
        listen: listen.to_owned(),
    };
    crate::sim::run(options)
        .await
        .map_err(|error| Failure::failed(format!("{listen}: {error}")))
}

fn block_on<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

/// Prints to standard output. A reader that went away is no fault: `wxbridge … | head` is lawful.
fn say(text: &str) -> Outcome {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

impl Context<'_> {
    /// Prints the API's JSON where asked for, else what `words` makes of it.
    fn show(&self, value: &Value, words: impl FnOnce(&Value) -> String) -> Outcome {
        if self.json {
            say(&format!("{value:#}\n"))
        } else {
            say(&words(value))
        }
    }
}

/// The items of a list.
fn items(value: &Value) -> &[Value] {
    value.get("items").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
