//! The interface between the command line and its subcommands.

use super::exit::Failure;

/// One subcommand. A new one is a file and a row in `COMMANDS`.
pub struct Command {
    pub name: &'static str,
    /// Short description for the list of commands.
    pub summary: &'static str,
    /// Text of `--help`, with the exit codes of the command.
    pub usage: &'static str,
    pub run: fn(lexopt::Parser) -> Result<(), Failure>,
}
