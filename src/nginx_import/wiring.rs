//! Assigns the servers to the daemon's listeners.

use super::ledger::{Fate, Ledger};
use super::listens::{self, Listen};
use super::scopes::Scopes;
use super::served::ServedServer;
use super::syntax::SyntaxError;
use crate::config::{Config, ListenAddress, VirtualServer, Wiring};
use std::net::SocketAddr;

/// A server with its names and `listen` addresses.
struct Candidate<'a> {
    server: &'a ServedServer,
    names: Vec<String>,
    listens: Vec<Listen>,
}

/// Addresses on which the same servers answer.
struct Group {
    addresses: Vec<ListenAddress>,
    /// Indices of the candidates, the default server first.
    members: Vec<usize>,
}

/// Listens on nginx's addresses. A `listen` or `server_name` that the daemon cannot take over is
/// entered as [`Fate::Dropped`]. A server that is in several groups becomes one equal server in
/// each.
pub(super) fn instead(
    scopes: &Scopes<'_>,
    served: &[ServedServer],
    config: &mut Config,
    ledger: &mut Ledger,
) -> Result<(), SyntaxError> {
    let candidates: Vec<Candidate<'_>> =
        served.iter().map(|server| candidate(scopes, server, ledger)).collect::<Result<_, _>>()?;
    let mut wiring = Wiring::default();
    let mut servers = Vec::new();
    for group in groups(&candidates) {
        for (position, member) in group.members.iter().enumerate() {
            let candidate = &candidates[*member];
            let mut names = candidate.names.clone();
            if names.is_empty() && position > 0 {
                // nginx's default for a server without `server_name`.
                names.push(String::new());
            }
            for address in &group.addresses {
                wiring
                    .add(address.clone(), false, Some(servers.len()))
                    .map_err(|reason| scopes.error_at(candidate.server.id, reason))?;
            }
            let locations = candidate.server.locations.clone();
            servers.push(VirtualServer { names, sibling: None, locations });
        }
    }
    let Some(first) = served.first() else {
        return Ok(());
    };
    if servers.is_empty() {
        return Err(scopes.error_at(first.id, "there is no address left to listen on".into()));
    }
    config.listeners =
        wiring.finish(&mut servers).map_err(|(_, reason)| scopes.error_at(first.id, reason))?;
    config.servers = servers;
    Ok(())
}

/// Groups the addresses that have the same servers. As in nginx, the default server of an address
/// is the one with `default_server`, or else the first.
fn groups(candidates: &[Candidate<'_>]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut seen = Vec::new();
    for listen in candidates.iter().flat_map(|candidate| &candidate.listens) {
        let address = &listen.address;
        if seen.contains(&address) {
            continue;
        }
        seen.push(address);
        let on = |index: usize| {
            candidates[index].listens.iter().find(|listen| listen.address == *address)
        };
        let mut members: Vec<usize> =
            (0..candidates.len()).filter(|index| on(*index).is_some()).collect();
        members.sort_by_key(|index| !on(*index).is_some_and(|listen| listen.is_default));
        match groups.iter_mut().find(|group| group.members == members) {
            Some(group) => group.addresses.push(address.clone()),
            None => groups.push(Group { addresses: vec![address.clone()], members }),
        }
    }
    groups
}

/// Gives each server a port; servers with the same locations share one. Returns the address of
/// each server.
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
            return Err(scopes.error_at(server.id, "no port is left for this server".into()));
        };
        let address = SocketAddr::new(upstream.ip(), port);
        ports.push(address);
        if known.is_none() {
            let locations = server.locations.clone();
            config.servers.push(VirtualServer { locations, ..VirtualServer::default() });
            wiring
                .add(ListenAddress::Tcp(address), false, Some(index))
                .map_err(|reason| scopes.error_at(server.id, reason))?;
        }
    }
    if !served.is_empty() {
        let finished = wiring.finish(&mut config.servers);
        config.listeners = finished.map_err(|(_, reason)| scopes.error_at(served[0].id, reason))?;
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
                let listen = Listen::parse(directive);
                if let Ok(listen) = &listen
                    && candidate.listens.iter().any(|other| other.address == listen.address)
                {
                    let text = format!("a duplicate listen {}", listen.address.show());
                    return Err(scopes.tree().error(directive, text));
                }
                listen.map(|listen| candidate.listens.push(listen))
            }
            "server_name" => listens::names(directive).map(|names| candidate.names.extend(names)),
            _ => continue,
        };
        if let Err(reason) = outcome {
            ledger.enter(scopes.tree(), directive, Fate::Dropped(reason));
        }
    }
    if is_implied {
        candidate.listens.push(Listen::implied());
    }
    Ok(candidate)
}
