//! The program: runs the command line and returns its exit code.

mod cli;

use std::process::ExitCode;

#[global_allocator]
static HEAP: rpushd::reactor::CountedHeap = rpushd::reactor::CountedHeap;

fn main() -> ExitCode {
    cli::run(std::env::args_os().skip(1).collect())
}
