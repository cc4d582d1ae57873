//! `wxbridge config`: is the configuration right, and what is in force?

use serde_json::json;

use super::{
    Context,
    args::ConfigCommand,
    exit::{CONFIG, Failure, Outcome},
    say,
};
use crate::{app::usable, config::Config};

pub fn run(context: &Context<'_>, command: ConfigCommand) -> Outcome {
    let config = Config::load(context.config).and_then(|config| match command {
        ConfigCommand::Check => usable(&config).map(|()| config),
        ConfigCommand::Show => Ok(config),
    });
    let config = match config {
        Ok(config) => config,
        Err(faults) if context.json => {
            say(&format!("{:#}\n", json!({ "faults": faults.0 })))?;
            return Err(Failure::new(CONFIG, ""));
        }
        Err(faults) => return Err(faults.into()),
    };
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
