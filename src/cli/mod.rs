//! The command line: chooses the subcommand, runs it, and returns its exit code.

mod addresses;
mod challenge;
mod check;
mod client;
mod command;
mod development;
mod exit;
mod http_client;
mod import_nginx;
mod logger;
mod nginx;
mod output;
mod pid_file;
mod publish;
mod reload;
mod request_reload;
mod serve;
mod settings;
mod sources;
mod stats;
mod subscribe;
mod token;
mod user;
mod words;

use command::Command;
use exit::Failure;
use std::ffi::OsString;
use std::process::ExitCode;

const COMMANDS: &[Command] = &[
    serve::COMMAND,
    check::COMMAND,
    request_reload::COMMAND,
    import_nginx::COMMAND,
    token::COMMAND,
    subscribe::COMMAND,
    publish::COMMAND,
    stats::COMMAND,
];

const EXIT_CODES: &str = "\
Exit codes:
  0   done, or stopped by a signal
  64  wrong command line
  65  bad message or request
  66  cannot read a named file
  69  the daemon cannot be reached or is unavailable
  71  the system refuses, for example because a listen address is in use
  73  cannot create a file, such as the pid file or log file
  74  a read or write failed
  75  timed out
  76  the response is not one of rpushd
  77  secret or token refused
  78  error in the configuration, or a secret is missing

With --json, a failure is also printed on standard output as one line of JSON:
{\"exit_code\": ..., \"reason\": ...}, with \"status\" if the daemon has responded.
";

/// Runs the command given by the arguments, which do not include the program's name.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::complain(&failure.reason);
            ExitCode::from(failure.exit as u8)
        }
    }
}

/// Without a subcommand, runs `serve`.
fn dispatch(arguments: &[OsString]) -> Result<(), Failure> {
    let first = arguments.first().and_then(|first| first.to_str());
    let (name, rest) = match first {
        Some("-V" | "--version" | "version") => {
            return output::print(concat!("rpushd ", env!("CARGO_PKG_VERSION"), "\n"));
        }
        Some("-h" | "--help") => ("help", &arguments[1..]),
        Some(flag) if flag.starts_with('-') => ("serve", arguments),
        Some(name) => (name, &arguments[1..]),
        None if arguments.is_empty() => ("serve", arguments),
        None => return Err(Failure::usage("the subcommand is not UTF-8 text")),
    };
    if name == "help" {
        return help(rest.first().and_then(|topic| topic.to_str()));
    }
    let command = find(name)?;
    if has_flag(rest, "--help") || has_flag(rest, "-h") {
        return output::print(command.usage);
    }
    let outcome = (command.run)(lexopt::Parser::from_args(rest));
    let outcome = outcome.map_err(|failure| match failure.exit {
        exit::Exit::Usage => {
            Failure::usage(format!("{failure} (see \"rpushd help {}\")", command.name))
        }
        _ => failure,
    });
    if let Err(failure) = &outcome
        && has_flag(rest, "--json")
    {
        output::print(&format!("{}\n", failure.to_json()))?;
    }
    outcome
}

/// Whether a flag is among the arguments. Used before they are parsed as options and values.
fn has_flag(arguments: &[OsString], flag: &str) -> bool {
    arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == flag)
}

fn find(name: &str) -> Result<&'static Command, Failure> {
    COMMANDS.iter().find(|command| command.name == name).ok_or_else(|| {
        let names = COMMANDS.iter().map(|command| command.name).chain(["help", "version"]);
        let hint = match rpushd::config::nearest(name, names) {
            Some(nearest) => format!("did you mean \"{nearest}\"?"),
            None => "see \"rpushd help\"".to_owned(),
        };
        Failure::usage(format!("there is no subcommand \"{name}\", {hint}"))
    })
}

fn help(topic: Option<&str>) -> Result<(), Failure> {
    if let Some(topic) = topic {
        return output::print(find(topic)?.usage);
    }
    let mut text = String::from(
        "rpushd holds a web site's long-lived connections and pushes events to its browsers.\n\n\
         Usage: rpushd [COMMAND] [OPTIONS]\n\nCommands:\n",
    );
    for Command { name, summary, .. } in COMMANDS {
        text.push_str(&format!("  {name:<12} {summary}\n"));
    }
    text.push_str("  help         print this text, or that of a command: rpushd help COMMAND\n");
    text.push_str("  version      print the version\n\n");
    text.push_str("To try it out: rpushd --dev\n\n");
    text.push_str(EXIT_CODES);
    output::print(&text)
}
