//! `rpushd serve`: sets up configuration, logger, sockets and reactor, and cleans up at the end.

use super::addresses;
use super::command::Command;
use super::development;
use super::exit::{Exit, Failure};
use super::logger::{self, Destination};
use super::pid_file::PidFile;
use super::reload::Reload;
use super::settings::Settings;
use super::sources::Sources;
use super::user::{self, RunsAs};
use rpushd::faces;
use rpushd::reactor::{self, Bound, Clock, Notifier, Reactor, sandbox};
use rpushd::server::Server;

pub const COMMAND: Command = Command {
    name: "serve",
    summary: "run the daemon; the default without a command",
    usage: "\
Usage: rpushd [serve] [OPTIONS]

  --config FILE      configuration file (TOML); by default RPUSHD_CONFIG, or none
  --env-file FILE    file of RPUSHD_... variables; they override the environment
  --nginx-config FILE
                     use an nginx configuration with push_stream_* directives instead;
                     the daemon listens where nginx would (see import-nginx)
  --listen ADDRESS   127.0.0.1:45831, [::1]:45831, unix:/path, systemd or
                     systemd:NAME; may be repeated
  --log-level LEVEL  off, error, warn, info, debug or trace
  --log-file FILE    append log lines to a file instead of standard error
  --pid-file FILE    write the process id to a file, once the daemon listens
  --dev              development mode: generate secrets that are not configured, and
                     print lines to paste; loopback only

Flags override RPUSHD_... variables, and variables override the configuration file.
With \"-\" before its name, a configuration or environment file may be missing.

Signals: TERM, INT and QUIT end every stream properly and exit; HUP reads the
configuration again without closing a stream, and reopens the log file.

Exit codes: 0 stopped by a signal, 64 wrong command line, 66 cannot read the
configuration file, 71 cannot listen, 73 cannot create the pid or log file, 74 the
event loop failed, 78 error in the configuration, or a secret is missing.
",
    run,
};

fn run(parser: lexopt::Parser) -> Result<(), Failure> {
    reactor::set_heap_thresholds();
    let settings = Settings::parse(parser)?;
    let sources = settings.read()?;
    let config = &sources.config;
    let is_development = settings.overrides.development.is_some();
    // Ports below 1024 need root; the log and every other file are this user's.
    let bound = reactor::bind_all(&config.listeners);
    let user = user::leave_root(config.sandbox.user.as_deref(), is_development)?;
    sandbox::set_core_dumps(config.sandbox.allows_core_dumps)
        .map_err(|error| Failure::new(Exit::System, format!("core dumps: {error}")))?;
    let log = logger::start(config.log_level, config.log_file.as_deref())
        .map_err(|failure| user.explain(failure))?;
    let outcome = serve(settings, sources, bound, &user, log);
    // The failure is printed on standard error in any case.
    if let (Err(failure), true) = (&outcome, log.is_file()) {
        log::error!("{failure}");
    }
    outcome
}

fn serve(
    settings: Settings,
    sources: Sources,
    bound: Result<Bound, String>,
    user: &RunsAs,
    log: &'static Destination,
) -> Result<(), Failure> {
    let Sources { config, messages } = sources;
    let is_development = settings.overrides.development.is_some();
    if is_development {
        log::warn!("DEVELOPMENT MODE: loopback only, throw-away secrets if none are configured");
    }
    for (level, message) in &messages {
        log::log!(*level, "{message}");
    }
    user.log();
    for warning in &config.warnings {
        log::warn!("{warning}");
    }
    let descriptors = reactor::raise_descriptor_limit();
    let mut clock = Clock::start();
    let Bound { listeners, warnings } =
        bound.map_err(|error| Failure::new(Exit::System, format!("cannot listen on {error}")))?;
    for warning in &warnings {
        log::warn!("{warning}");
    }
    let addresses = addresses::of(&listeners, &config);
    let mut reload = Reload::new(settings, log, &config);
    let host = reactor::host()
        .map_err(|error| Failure::new(Exit::System, format!("no random bytes: {error}")))?;
    let server = Server::new(config.clone(), faces::all, host, clock.now());
    let (budget, used) = server.memory_budget();
    // From here on signals are handled by the loop, so that what follows is cleaned up.
    let mut reactor = Reactor::new(server, listeners, clock, Notifier::from_environment())
        .map_err(|error| {
            Failure::new(Exit::System, format!("cannot start the event loop: {error}"))
        })?;
    let pid_file = config.pid_file.as_deref().map(PidFile::write).transpose();
    let _pid_file = pid_file.map_err(|failure| user.explain(failure))?;
    for address in &addresses {
        let kind = if address.is_internal { " (internal)" } else { "" };
        log::info!("listening on {}{kind}", address.text);
    }
    let mib = budget >> 20;
    log::info!(
        "rpushd {}, up to {descriptors} descriptors and {mib} MiB of memory",
        env!("CARGO_PKG_VERSION")
    );
    if used > budget / 2 {
        log::warn!("memory ({mib} MiB) is hardly more than the daemon needs by itself; raise it");
    }
    let _files = is_development.then(|| development::begin(&config, &addresses)).transpose()?;
    if config.sandbox.filters_system_calls
        && let Err(error) = sandbox::filter_system_calls()
    {
        log::warn!("system calls are not filtered: {error}; sandbox.seccomp = false hides this");
    }
    reactor
        .run(&mut || reload.read())
        .map_err(|error| Failure::new(Exit::InputOutput, format!("the event loop failed: {error}")))
}
