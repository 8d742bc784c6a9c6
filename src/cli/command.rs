//! What each file of a subcommand offers to the command line.

use super::exit::Failure;

/// One subcommand. A new one is a file and a line in `COMMANDS`.
pub struct Command {
    pub name: &'static str,
    /// Half a line for the list of commands.
    pub summary: &'static str,
    /// What `--help` shows, with the exit codes that matter.
    pub usage: &'static str,
    pub run: fn(lexopt::Parser) -> Result<(), Failure>,
}
