//! Standard output and standard error of commands, without a panic where nobody reads them.

use super::exit::{Exit, Failure};
use std::io::{self, Write};

/// Prints text and brings it out at once. That the reader has gone is no failure: it has seen enough.
pub fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes()).map(drop)
}

/// Whether anybody reads on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    Present,
    Gone,
}

/// As [`print`], for bytes.
pub fn print_bytes(bytes: &[u8]) -> Result<Reader, Failure> {
    let mut output = io::stdout().lock();
    match output.write_all(bytes).and_then(|()| output.flush()) {
        Ok(()) => Ok(Reader::Present),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(Failure::new(Exit::InputOutput, format!("standard output: {error}"))),
    }
}

/// One line on standard error. There is nobody to tell if that fails.
pub fn complain(reason: &str) {
    let _ = writeln!(io::stderr(), "rpushd: {}", reason.replace('\n', "; "));
}
