//! Command line -> config -> logger -> reactor; the only place that picks exit codes.

use rpushd::config::{Config, Secret};
use rpushd::reactor::{self, Clock, Notifier, Reactor};
use rpushd::server::Server;

fn main() {
    let mut config = Config::default();
    let secret = |name: &str| {
        std::env::var(name).ok().and_then(|text| Secret::new(&text)).into_iter().collect()
    };
    config.subscribe_secrets = secret("RPUSHD_SECRET");
    config.publish_secrets = secret("RPUSHD_PUBLISH_SECRET");
    reactor::raise_descriptor_limit();
    let clock = Clock::start();
    let listeners = reactor::bind_all(&config.listeners).unwrap();
    let server = Server::new(config.clone(), reactor::host(), clock.now());
    let mut reactor = Reactor::new(server, listeners, clock, Notifier::from_environment()).unwrap();
    reactor.run(&mut || Ok(config.clone())).unwrap();
}
