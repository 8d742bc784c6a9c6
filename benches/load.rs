//! Load on real sockets: what rpushd costs per delivery, per idle connection and per publication,
//! compared with a bare epoll loop that writes the same bytes. For the options, see
//! `cargo bench --bench load -- --help`.

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

    /// Any error is displayed; outside of a scenario, it ends the run.
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
