//! Load on real sockets: what rpushd costs per delivery, per idle connection and per publication,
//! compared with a bare epoll loop that writes the same bytes. Also the soak: whether anything is
//! lost or grows under load and faults. For the options, see `cargo bench --bench load -- --help`.

mod load {
    pub mod bench;
    pub mod client;
    pub mod ledger;
    pub mod measure;
    pub mod options;
    pub mod plot;
    pub mod report;
    pub mod scenarios;
    pub mod server_under_test;
    pub mod soak;
    pub mod sys;
    pub mod wire;
    pub mod yardstick;

    /// Any error is displayed; outside of a scenario, it ends the run.
    pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
}

/// Hostile visitors, as in the tests of the daemon.
#[path = "../tests/daemon/hostile"]
mod hostile {
    #![allow(dead_code)] // Only one attack runs at a time here, so nothing is summed up.
    pub mod attacks;
    pub mod swarm;
}
#[path = "../tests/support/random.rs"]
mod random;
#[path = "../tests/support/wire/mod.rs"]
mod wire;

use load::options::Task;
use load::scenarios::SCENARIOS;
use std::process::ExitCode;

fn main() -> ExitCode {
    let result = load::options::read().and_then(|task| match task {
        Task::Help => {
            print!("{}", load::options::HELP);
            Ok(true)
        }
        Task::List => {
            for scenario in SCENARIOS {
                println!("{:<14} {}", scenario.name, scenario.about);
            }
            Ok(true)
        }
        Task::Yardstick(transport, writes) => {
            load::yardstick::serve(transport, writes)?;
            Ok(true)
        }
        Task::Measure(options) => load::bench::run(*options),
        Task::Soak(settings) => load::soak::run(&settings),
    });
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}
