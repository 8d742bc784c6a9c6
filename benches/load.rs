//! Load on real sockets: what rpushd costs per delivery, per idle connection and per publication, next to
//! a bare epoll loop that writes the same bytes. `cargo bench --bench load -- --help` says more.

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
    pub mod sys;
    pub mod wire;
    pub mod yardstick;

    /// Whatever goes wrong ends the run with a sentence.
    pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
}

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
