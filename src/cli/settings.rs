//! `wxbridge config`: is the configuration right, and what is in force?

use super::{Context, args::ConfigCommand, exit::Outcome, say};
use crate::{app::USABLE, config::Config};

pub fn run(context: &Context<'_>, command: ConfigCommand) -> Outcome {
    let config = match command {
        ConfigCommand::Check => Config::load_usable(context.config, USABLE),
        ConfigCommand::Show => Config::load(context.config),
    };
    let config = config?;
    match command {
        ConfigCommand::Check => {
            for note in &config.notes {
                eprintln!("{note}");
            }
            if context.json {
                say("{\n  \"faults\": []\n}\n")
            } else {
                say("ok\n")
            }
        }
        ConfigCommand::Show => {
            let shown = serde_json::to_value(&config.shown).unwrap_or_default();
            context.show(&shown, |_| config.shown.to_string())
        }
    }
}
