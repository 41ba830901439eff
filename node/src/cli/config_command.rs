//! `sovereign config`.

use clap::Subcommand;
use serde_json::Value;

use super::output::Output;
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print every setting as it holds now, secrets hidden
    Show,
}

/// Does it.
pub fn run(command: Command, config: &Config, output: &Output) -> anyhow::Result<()> {
    match command {
        Command::Show => {
            let value = serde_json::to_value(config)?;
            let mut lines = Vec::new();
            flatten("", &value, &mut lines);
            output.one(config, &lines.join("\n"))
        }
    }
}

/// One line a setting, as the file would hold it.
fn flatten(name: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(members) if !members.is_empty() || name.is_empty() => {
            for (member, value) in members {
                let name = match name {
                    "" => member.clone(),
                    name => format!("{name}.{member}"),
                };
                flatten(&name, value, lines);
            }
        }
        Value::Object(_) => {}
        Value::Null => lines.push(format!("# {name} is not set")),
        value => lines.push(format!("{name} = {value}")),
    }
}
