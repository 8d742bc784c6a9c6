//! Writes to standard output and standard error, without a panic if they are closed.

use super::exit::{Exit, Failure};
use std::io::{self, Write};

/// Prints text and flushes it. A closed pipe is not a failure.
pub fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes()).map(drop)
}

/// Whether standard output is still read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    Present,
    Gone,
}

/// Like [`print`], for bytes.
pub fn print_bytes(bytes: &[u8]) -> Result<Reader, Failure> {
    let mut output = io::stdout().lock();
    match output.write_all(bytes).and_then(|()| output.flush()) {
        Ok(()) => Ok(Reader::Present),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(Failure::new(Exit::InputOutput, format!("standard output: {error}"))),
    }
}

/// Prints one line on standard error. An error is ignored: there is no place to report it.
pub fn complain(reason: &str) {
    let _ = writeln!(io::stderr(), "rpushd: {}", reason.replace('\n', "; "));
}
