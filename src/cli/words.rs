//! Reads the words of a command line in order.

use super::exit::Failure;
use lexopt::{Arg, ValueExt};

/// A flag without its value, or a plain argument.
pub enum Word {
    /// Its long name without dashes. Read its value with [`value`].
    Flag(String),
    Plain(String),
}

/// Reads the next word; none at the end.
pub fn next(parser: &mut lexopt::Parser) -> Result<Option<Word>, Failure> {
    Ok(match parser.next()? {
        None => None,
        Some(Arg::Long(name)) => Some(Word::Flag(name.to_owned())),
        Some(Arg::Value(value)) => Some(Word::Plain(value.string()?)),
        Some(argument @ Arg::Short(_)) => return Err(argument.unexpected().into()),
    })
}

/// Reads the value of the flag that was just read.
pub fn value(parser: &mut lexopt::Parser) -> Result<String, Failure> {
    Ok(parser.value()?.string()?)
}

/// Reads the value as a time: `30s`, `500ms`, `1h30m` or seconds.
pub fn time(parser: &mut lexopt::Parser, flag: &str) -> Result<std::time::Duration, Failure> {
    let text = value(parser)?;
    match rpushd::config::units::parse_milliseconds(&text) {
        Some(time) => Ok(std::time::Duration::from_millis(time.0)),
        None => Err(Failure::usage(format!(
            "--{flag}: \"{text}\" is not a time; write 30s, 500ms, 1h30m or a number of seconds"
        ))),
    }
}

/// Reads the value as a number.
pub fn number(parser: &mut lexopt::Parser, flag: &str) -> Result<u64, Failure> {
    let text = value(parser)?;
    text.parse().map_err(|_| Failure::usage(format!("--{flag}: \"{text}\" is not a number")))
}

/// The failure for an unknown flag.
pub fn unknown(flag: &str) -> Failure {
    Failure::usage(format!("there is no option --{flag}"))
}

/// The failure for a surplus plain argument.
pub fn surplus(argument: &str) -> Failure {
    Failure::usage(format!("\"{argument}\" is one argument too many"))
}
