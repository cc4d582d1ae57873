//! How fast is a callback, how small is the bridge? One program that starts what it measures: the real binary, a handler
//! that does nothing, and a core.
//!
//! `cargo bench --bench callbacks [-- rate core latency memory curves delivery pull bells waiting] [--seconds N] [--markdown]`
//!
//! Generator and servers share the machine, so only ratios inside one run mean anything, and no time is ever asserted.
//! What is asserted is that the work was done: every answer was `200 success`, everything acknowledged is stored after a
//! SIGKILL, and a core hears it without a hole.

mod bare;
mod client;
mod core;
mod daemon;
mod grpc_core;
mod http;
mod machine;
mod noop;
mod process;
mod report;
mod scenarios;
mod sealing;

use std::{error::Error, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, ValueEnum};

/// What went wrong, for a person.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Measures wxbridge on this machine.
#[derive(Debug, Parser)]
#[command(name = "callbacks")]
struct Args {
    /// What to measure; everything when left out
    #[arg(value_enum)]
    what: Vec<What>,
    /// How long one load lasts
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// How many pairs of loads a ratio is the median of
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// How many events a full store holds
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Write the tables in Markdown
    #[arg(long)]
    markdown: bool,
    /// Where the stores lie: the file system under it is measured too
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    dir: PathBuf,
    /// Said by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
    /// Be the handler that does nothing
    #[arg(long, hide = true)]
    serve_noop: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// Callbacks a second, against a handler that does nothing
    Rate,
    /// The same while a core takes the events
    Core,
    /// One turn, from the callback to the core and back
    Latency,
    /// Resident memory, idle and with a backlog; then how it drains
    Memory,
    /// What more accounts and more stored events cost
    Curves,
    /// A long backlog goes to a core: pushed over HTTP and gRPC, and pulled
    Delivery,
    /// An account of WeChat customer service with a long history is taken over
    Pull,
    /// A thousand accounts of WeChat customer service ring at once
    Bells,
    /// Memory while a full store waits for a slow core, by each way in
    Waiting,
}

/// How much to do.
struct Plan {
    load: Duration,
    pairs: usize,
    events: u64,
    dir: PathBuf,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.serve_noop {
        return ended(noop::serve());
    }
    if !args.bench && args.what.is_empty() {
        println!("a benchmark: start it by cargo bench --bench callbacks");
        return ExitCode::SUCCESS;
    }
    measure(args)
}

fn measure(args: Args) -> ExitCode {
    let plan = Plan {
        load: Duration::from_secs_f64(args.seconds.clamp(0.1, 60.0)),
        pairs: args.pairs.max(1),
        events: args.events.max(1),
        dir: args.dir,
    };
    let wanted = |what| args.what.is_empty() || args.what.contains(&what);
    let form = if args.markdown {
        report::Form::Markdown
    } else {
        report::Form::Plain
    };
    println!("{}\n", machine::facts(&plan.dir));
    let mut all_well = true;
    for what in What::value_variants().iter().copied().filter(|&what| wanted(what)) {
        match scenarios::run(what, &plan) {
            Ok(tables) => tables.iter().for_each(|table| println!("{}", table.render(form))),
            Err(fault) => {
                all_well = false;
                eprintln!("{what:?}: {fault}");
            }
        }
    }
    if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn ended(outcome: Outcome<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}
