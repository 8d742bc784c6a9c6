//! `rpushd check`: validates the configuration and shows the effective one.

use super::command::Command;
use super::exit::Failure;
use super::nginx;
use super::output;
use super::settings::Settings;
use super::sources::Sources;

pub const COMMAND: Command = Command {
    name: "check",
    summary: "validate the configuration and print the effective one",
    usage: "\
Usage: rpushd check [--config FILE | --nginx-config FILE] [options of serve]

Reads the configuration as \"rpushd serve\" does with the same options, and prints the
effective one as TOML, with secrets masked and a line that describes each listener and
each location. Warnings are printed on standard error.

Exit codes: 0 valid, 64 wrong command line, 66 cannot read the file, 78 configuration
error (the reason is on standard error).
",
    run,
};

fn run(parser: lexopt::Parser) -> Result<(), Failure> {
    let settings = Settings::parse(parser)?;
    if let Some(path) = &settings.nginx_file
        && let Some(notice) = nginx::notice_of_none(path)?
    {
        output::complain(&notice);
        return Ok(());
    }
    let Sources { config, messages } = settings.read()?;
    for (level, message) in &messages {
        output::complain(&format!("{}: {message}", level.as_str().to_ascii_lowercase()));
    }
    for warning in &config.warnings {
        output::complain(&format!("warning: {warning}"));
    }
    let mut text = config.to_toml();
    text.push_str("\n# What it does:\n");
    for line in config.describe() {
        text.push_str(&format!("# {}\n", line.replace('\n', " ")));
    }
    output::print(&text)
}
