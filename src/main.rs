//! Command line -> config -> logger -> reactor; the only place that picks exit codes.

use rpushd::reactor::{self, Clock, Notifier, Reactor};
use rpushd::server::Server;

fn main() {
    let path = std::env::var("RPUSHD_CONFIG").ok();
    let config =
        rpushd::config::read(path.as_deref().map(std::path::Path::new), &Default::default())
            .unwrap();
    reactor::raise_descriptor_limit();
    let clock = Clock::start();
    let listeners = reactor::bind_all(&config.listeners).unwrap();
    let server = Server::new(config.clone(), reactor::host(), clock.now());
    let mut reactor = Reactor::new(server, listeners, clock, Notifier::from_environment()).unwrap();
    reactor.run(&mut || Ok(config.clone())).unwrap();
}
