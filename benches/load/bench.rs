//! A run: rounds of scenarios, until all rounds are complete or the time is up.

use super::Outcome;
use super::client::Client;
use super::options::Options;
use super::report::{Figure, Plot, Report};
use super::scenarios::{SCENARIOS, Scenario};
use super::server_under_test::{Side, Subject, Target};
use super::sys;
use super::wire::Transport;
use std::time::Instant;

/// The state of a run, which all scenarios share.
pub struct Bench {
    /// The command line.
    pub options: Options,
    report: Report,
    scenario: &'static str,
    server_core: Option<usize>,
    fault_count: u64,
}

/// Runs the scenarios that the options select. Returns whether there was no fault: every message
/// arrived, in order, and no scenario failed.
pub fn run(options: Options) -> Outcome<bool> {
    let is_wanted = |scenario: &&Scenario| {
        options.only.is_empty() || options.only.iter().any(|name| name == scenario.name)
    };
    let scenarios: Vec<&Scenario> = SCENARIOS.iter().filter(is_wanted).collect();
    if scenarios.is_empty() {
        return Err("no scenario of that name; --list shows them".into());
    }
    sys::raise_descriptor_limit()?;
    let cores = match sys::allowed_cores()?[..] {
        [server_core, client_core, ..] => Some((server_core, client_core)),
        _ => None,
    };
    let mut bench = Bench {
        report: Report::new(subject_name(&options.subject)),
        options,
        scenario: "",
        server_core: cores.map(|(server_core, _)| server_core),
        fault_count: 0,
    };
    if let Some((_, client_core)) = cores {
        sys::pin_to(client_core)?;
    }
    let started = Instant::now();
    let mut round_count = 0;
    while round_count < bench.options.round_count {
        let round_started = Instant::now();
        for scenario in &scenarios {
            bench.run_one(scenario);
        }
        round_count += 1;
        eprintln!("round {round_count}: {:.1} s", round_started.elapsed().as_secs_f64());
        if started.elapsed() + round_started.elapsed() > bench.options.time_max {
            break;
        }
    }
    print!("{}", bench.report.table(round_count));
    println!("\ncompleteness and order errors: {}", bench.fault_count);
    if let Some(directory) = &bench.options.output {
        bench.report.write(directory, round_count)?;
        println!("written to {}", directory.display());
    }
    Ok(bench.fault_count == 0)
}

impl Bench {
    fn run_one(&mut self, scenario: &Scenario) {
        self.scenario = scenario.name;
        let started = Instant::now();
        if let Err(error) = (scenario.run)(self) {
            self.fault(&error.to_string());
        }
        eprintln!("  {}: {:.1} s", scenario.name, started.elapsed().as_secs_f64());
    }

    /// Starts the server under test or the bare loop.
    pub fn start(&self, side: Side, transport: Transport) -> Outcome<Target> {
        self.start_with(side, transport, &[])
    }

    /// Like [`Bench::start`], with additional environment variables for rpushd.
    pub fn start_with(
        &self,
        side: Side,
        transport: Transport,
        variables: &[(&str, &str)],
    ) -> Outcome<Target> {
        match side {
            Side::Yardstick(writes) => Target::start_yardstick(transport, writes, self.server_core),
            Side::Server => {
                Target::start(&self.options.subject, transport, self.server_core, variables)
            }
        }
    }

    /// The transport of scenarios that measure only one.
    pub fn main_transport(&self) -> Transport {
        let wanted = Transport::ALL.into_iter().find(|transport| self.options.wants(*transport));
        wanted.unwrap_or(Transport::Framed)
    }

    /// `full`, or `smoke` in a smoke run, which should take seconds.
    pub fn scaled(&self, full: usize, smoke: usize) -> usize {
        if self.options.is_smoke { smoke } else { full }
    }

    /// Records a reading of the current scenario; `None`: it could not be taken.
    pub fn record(&mut self, case: &str, figure: Figure, side: Side, value: Option<f64>) {
        if let Some(value) = value {
            self.report.add(self.scenario, case, figure, side, value);
        }
    }

    /// Adds a point to a plot; the series is named after the side and the transport.
    pub fn plot(&mut self, plot: Plot, transport: Transport, side: Side, x: f64, y: Option<f64>) {
        let series = match side {
            Side::Yardstick(_) => "bare loop".to_owned(),
            Side::Server => {
                format!("{} {}", subject_name(&self.options.subject), transport.name())
            }
        };
        if let Some(y) = y {
            self.report.add_point(plot, series, x, y);
        }
    }

    /// Reports the faults in a client's ledger. `is_sequential`: there was one publisher, so
    /// messages must arrive in the order of publication.
    pub fn audit(&mut self, case: &str, side: Side, client: &mut Client, is_sequential: bool) {
        let (count, faults) = client.ledger.audit(is_sequential);
        for fault in faults {
            eprintln!("{} ({case}, {side:?}): {fault}", self.scenario);
        }
        self.fault_count += count;
    }

    /// Reports and counts a fault.
    pub fn fault(&mut self, what: &str) {
        eprintln!("{}: {what}", self.scenario);
        self.fault_count += 1;
    }
}

fn subject_name(subject: &Subject) -> String {
    match subject {
        Subject::Rpushd(_) => "rpushd".to_owned(),
        Subject::Yardstick => "itself".to_owned(),
        Subject::Peer(peer) => peer.name.clone(),
    }
}
