//! Which server of the daemon answers on which of its listeners.

use super::inheritance::{ScopeId, Scopes};
use super::ledger::{Fate, Ledger};
use super::listens::{self, Listen};
use super::syntax::SyntaxError;
use super::translate::ServedServer;
use crate::config::{Config, ListenAddress, VirtualServer, Wiring};
use std::net::SocketAddr;

/// A server with its listens, on its way to its place.
struct Candidate<'a> {
    server: &'a ServedServer,
    names: Vec<String>,
    listens: Vec<Listen>,
}

impl Candidate<'_> {
    fn listens_on(&self, address: &ListenAddress) -> Option<&Listen> {
        self.listens.iter().find(|listen| listen.address == *address)
    }
}

/// Listens where nginx did. What the daemon cannot do is entered as left.
pub(super) fn instead(
    scopes: &Scopes<'_>,
    served: &[ServedServer],
    config: &mut Config,
    ledger: &mut Ledger,
) -> Result<(), SyntaxError> {
    if served.is_empty() {
        return Ok(());
    }
    let candidates =
        served.iter().map(|server| candidate(scopes, server, ledger)).collect::<Result<_, _>>()?;
    let candidates = defaults_first(candidates);
    let mut wiring = Wiring::default();
    let mut servers = Vec::new();
    for (index, candidate) in candidates.iter().enumerate() {
        let mut names = candidate.names.clone();
        let is_second = candidate
            .listens
            .iter()
            .any(|listen| wiring.listeners().iter().any(|other| other.address == listen.address));
        if is_second && names.is_empty() {
            // nginx's own default.
            names.push(String::new());
        }
        for listen in &candidate.listens {
            wiring.add(listen.address.clone(), false, Some(index)).map_err(|_| {
                let text = format!("a duplicate listen {}", listen.address.show());
                error(scopes, candidate.server.id, text)
            })?;
        }
        let locations = candidate.server.locations.clone();
        servers.push(VirtualServer { names, sibling: None, locations });
    }
    let count = candidates.len();
    config.listeners = wiring.finish(&mut servers).map_err(|(server, reason)| {
        error(scopes, candidates[server.min(count - 1)].server.id, reason)
    })?;
    config.servers = servers;
    if config.listeners.is_empty() {
        return Err(error(scopes, served[0].id, "there is nothing to listen at".into()));
    }
    // The order in which a file that lists the servers names them.
    let mut listeners = std::mem::take(&mut config.listeners);
    listeners.sort_by_key(|listener| config.servers_on(listener).into_iter().min());
    config.listeners = listeners;
    Ok(())
}

/// A port for each server, those that are the same sharing one. What comes back is the address of each.
pub(super) fn behind(
    scopes: &Scopes<'_>,
    served: &[ServedServer],
    upstream: SocketAddr,
    config: &mut Config,
) -> Result<Vec<SocketAddr>, SyntaxError> {
    let mut wiring = Wiring::default();
    let mut ports = Vec::new();
    for server in served {
        let known = config.servers.iter().position(|known| known.locations == server.locations);
        let index = known.unwrap_or(config.servers.len());
        let port = u16::try_from(index).ok().and_then(|index| upstream.port().checked_add(index));
        let Some(port) = port else {
            return Err(error(scopes, server.id, "there is no port left for this server".into()));
        };
        let address = SocketAddr::new(upstream.ip(), port);
        ports.push(address);
        if known.is_none() {
            let locations = server.locations.clone();
            config.servers.push(VirtualServer { locations, ..VirtualServer::default() });
            wiring
                .add(ListenAddress::Tcp(address), false, Some(index))
                .map_err(|reason| error(scopes, server.id, reason))?;
        }
    }
    if !served.is_empty() {
        let finished = wiring.finish(&mut config.servers);
        config.listeners = finished.map_err(|(_, reason)| error(scopes, served[0].id, reason))?;
    }
    Ok(ports)
}

fn candidate<'a>(
    scopes: &Scopes<'_>,
    server: &'a ServedServer,
    ledger: &mut Ledger,
) -> Result<Candidate<'a>, SyntaxError> {
    let mut candidate = Candidate { server, names: Vec::new(), listens: Vec::new() };
    let mut is_implied = true;
    for directive in &scopes.scope(server.id).directives {
        let outcome = match directive.name.as_str() {
            "listen" => {
                is_implied = false;
                Listen::parse(directive).map(|listen| candidate.listens.push(listen))
            }
            "server_name" => listens::names(directive).map(|names| candidate.names.extend(names)),
            _ => continue,
        };
        if let Err(reason) = outcome {
            ledger.enter(scopes.tree(), directive, Fate::Left(reason));
        }
    }
    if is_implied {
        candidate.listens.push(Listen::implied());
    }
    let defaults = candidate.listens.iter().filter(|listen| listen.is_default).count();
    if defaults > 0 && defaults < candidate.listens.len() && candidate.names.is_empty() {
        candidate.names.push(String::new());
    }
    Ok(candidate)
}

/// nginx's default server of an address is the one that says so, else the first; the daemon's is the first.
/// Where servers are default for one another in a circle, the order of the text decides.
fn defaults_first(mut waiting: Vec<Candidate<'_>>) -> Vec<Candidate<'_>> {
    let mut placed = Vec::new();
    while !waiting.is_empty() {
        let has_to_wait = |candidate: &Candidate<'_>| {
            candidate.listens.iter().any(|listen| {
                let is_claimed = |other: &Candidate<'_>| {
                    other.listens_on(&listen.address).is_some_and(|listen| listen.is_default)
                };
                !listen.is_default && waiting.iter().any(is_claimed)
            })
        };
        let next = waiting.iter().position(|candidate| !has_to_wait(candidate)).unwrap_or(0);
        placed.push(waiting.remove(next));
    }
    placed
}

fn error(scopes: &Scopes<'_>, server: ScopeId, text: String) -> SyntaxError {
    let tree = scopes.tree();
    match scopes.scope(server).opening {
        Some(opening) => tree.error(opening, text),
        None => SyntaxError::new(&tree.main().path, 0, text),
    }
}
