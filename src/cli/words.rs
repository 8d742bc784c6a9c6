//! The words of a command line, one after the other, as owned text.

use super::exit::Failure;
use lexopt::{Arg, ValueExt};

/// A flag, to be followed by its value if it has one, or a plain argument.
pub enum Word {
    /// Long name without its dashes.
    Flag(String),
    Plain(String),
}

/// The next word; none at the end.
pub fn next(parser: &mut lexopt::Parser) -> Result<Option<Word>, Failure> {
    Ok(match parser.next()? {
        None => None,
        Some(Arg::Long(name)) => Some(Word::Flag(name.to_owned())),
        Some(Arg::Value(value)) => Some(Word::Plain(value.string()?)),
        Some(argument @ Arg::Short(_)) => return Err(argument.unexpected().into()),
    })
}

/// The value of the flag that was just read.
pub fn value(parser: &mut lexopt::Parser) -> Result<String, Failure> {
    Ok(parser.value()?.string()?)
}

/// The value as a time: `30s`, `500ms`, `1h30m` or seconds.
pub fn time(parser: &mut lexopt::Parser, flag: &str) -> Result<std::time::Duration, Failure> {
    let text = value(parser)?;
    match rpushd::config::units::parse_milliseconds(&text) {
        Some(time) => Ok(std::time::Duration::from_millis(time.0)),
        None => Err(Failure::usage(format!(
            "--{flag}: \"{text}\" is not a time; write 30s, 500ms, 1h30m or a number of seconds"
        ))),
    }
}

/// The value as a number.
pub fn number(parser: &mut lexopt::Parser, flag: &str) -> Result<u64, Failure> {
    let text = value(parser)?;
    text.parse().map_err(|_| Failure::usage(format!("--{flag}: \"{text}\" is not a number")))
}

/// A flag that the command does not have.
pub fn unknown(flag: &str) -> Failure {
    Failure::usage(format!("there is no option --{flag}"))
}

/// A plain argument too many.
pub fn surplus(argument: &str) -> Failure {
    Failure::usage(format!("\"{argument}\" is one argument too many"))
}
