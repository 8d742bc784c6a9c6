//! Faults of the machine: the daemon survives each, delivers everything to healthy subscribers in
//! order, logs and counts it once. Each test displays what was injected and the recovery time.

mod clock;
mod kernel;
mod log_file;
mod pauses;
mod resets;

use crate::hostile::healthy::Healthy;
use crate::support::{isolate, say};
use std::process::Command;
use std::thread;
use std::time::Duration;

/// How long the healthy channel is used after a fault.
const AFTERMATH: Duration = Duration::from_millis(500);

/// The daemon behind another program's arguments.
fn behind(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    isolate(&mut command);
    command.args(arguments).arg(env!("CARGO_BIN_EXE_rpushd")).args(["--listen", "127.0.0.1:0"]);
    command
}

/// Ends a healthy channel some messages after a fault, and displays a row of the fault table. The
/// latest message was late by the fault, which took `lasted`, and by the recovery.
fn report(fault: &str, lasted: Duration, healthy: Healthy) {
    thread::sleep(AFTERMATH);
    let measured = healthy.stop();
    let recovery = measured.worst.saturating_sub(lasted);
    say(&format!(
        "fault: {fault}: {} messages, none lost or out of order, recovered within {recovery:?}",
        measured.received
    ));
}

fn warnings(log: &[String]) -> Vec<&String> {
    log.iter().filter(|line| line.starts_with("WARN") || line.starts_with("ERROR")).collect()
}
