//! Translates an nginx configuration into the daemon's own [`Config`] and accounts for every
//! directive.

use super::accounting;
use super::conditions::Test;
use super::guards::{self, Neighbour};
use super::include::Files;
use super::ledger::{Fate, Ledger};
use super::levels::{self, Levels};
use super::process;
use super::proxy;
use super::routes::{Route, routes};
use super::scope::{ScopeId, ScopeKind};
use super::scopes::Scopes;
use super::served::ServedServer;
use super::syntax::{Directive, SyntaxError};
use super::translation::{Decision, Placement, Replacement, Translation};
use super::wiring;
use crate::config::checks::{self, SharedMemory};
use crate::config::{Config, Gzip, Location, PushStream, Role};
use std::collections::HashSet;
use std::net::SocketAddr;

/// Most levels (servers, locations and `if` blocks) together. Those in a file that is included
/// several times count each time.
pub const LEVELS_MAX: usize = 10_000;

/// Translates a configuration that is sorted into levels. Header templates are read through
/// `files`.
///
/// # Errors
/// The first fault that nginx or the module would refuse, in their words. With
/// [`Placement::Instead`], also a directive that may be an access rule, because the daemon would
/// not enforce it, and a location that the daemon cannot take over.
pub fn translate(
    scopes: &Scopes<'_>,
    placement: Placement,
    files: &dyn Files,
) -> Result<Translation, SyntaxError> {
    if let Some(surplus) = scopes.ids().nth(LEVELS_MAX) {
        let text = format!("there are more than {LEVELS_MAX} servers, locations and if blocks");
        return Err(scopes.error_at(surplus, text));
    }
    let mut push_stream = levels::push_stream(scopes)?;
    push_stream.worker_processes = process::worker_processes(scopes)?;
    let levels = Levels::read(scopes, files)?;
    let reader = LocationReader { scopes, levels, push_stream: &push_stream, placement };
    let (mut served, mut dropped) = (Vec::new(), Vec::new());
    let servers = scopes.http().map(|http| scopes.children(http, ScopeKind::Server));
    for server in servers.into_iter().flatten() {
        let (locations, others) = reader.server(server)?;
        dropped.extend(others);
        if !locations.is_empty() {
            let (locations, scopes) = locations.into_iter().unzip();
            served.push(ServedServer { id: server, locations, scopes });
        }
    }
    let mut ledger = Ledger::default();
    let mut decisions = Vec::new();
    let mut replacements = Vec::new();
    let mut config = Config { push_stream: push_stream.clone(), ..Config::default() };
    match placement {
        Placement::Instead => {
            let locations: Vec<ScopeId> =
                served.iter().flat_map(|server| server.scopes.iter().copied()).collect();
            process::files(scopes, &mut config)?;
            for directive in process::connection_limits(scopes, &locations, &mut config)? {
                let text = "this value differs between locations; the daemon has one for all and \
                            takes the largest";
                decisions.push(Decision::at(scopes.tree(), directive, text));
            }
            wiring::instead(scopes, &served, &mut config, &mut ledger)?;
        }
        Placement::Behind { upstream } => {
            let ports = wiring::behind(scopes, &served, upstream, &mut config)?;
            replacements = replace_roles(scopes, &served, &ports, &mut ledger);
            for (server, address) in served.iter().zip(&ports).skip(1) {
                if let Some(opening) = scopes.scope(server.id).opening {
                    let text = format!(
                        "rpushd answers for this server at {address}: no other program may use \
                         that port"
                    );
                    decisions.push(Decision::at(scopes.tree(), opening, text));
                }
            }
            decisions.extend(open_past_nginx(scopes, &served, &ports));
        }
    }
    if let (Some(first), Err((_, text))) = (served.first(), checks::formats(&config.servers)) {
        return Err(scopes.error_at(first.id, text));
    }
    accounting::account(scopes, placement, &served, &dropped, &mut ledger);
    decisions.extend(accounting::decisions(scopes, placement, &served));
    let untouched = dropped.iter().filter_map(|(id, _)| scopes.scope(*id).opening);
    Ok(Translation {
        messages: messages(&config, &zone(scopes)),
        config,
        entries: ledger.into_entries(),
        decisions,
        main: scopes.tree().main().path.clone(),
        replacements,
        untouched: untouched.map(|opening| (opening.file, opening.span.clone())).collect(),
    })
}

/// What a program that connects to the daemon directly can do: nginx's access rules do not apply
/// to it. One decision per address.
fn open_past_nginx(
    scopes: &Scopes<'_>,
    served: &[ServedServer],
    ports: &[SocketAddr],
) -> Vec<Decision> {
    let mut decisions: Vec<Decision> = Vec::new();
    let mut reported = Vec::new();
    for (server, address) in served.iter().zip(ports) {
        if reported.contains(address) {
            continue;
        }
        reported.push(*address);
        let mut open = Vec::new();
        let mut first = None;
        for (location, id) in server.locations.iter().zip(&server.scopes) {
            let what = match location.role {
                Role::Publisher { is_admin: true } => "publish and delete channels",
                Role::Publisher { is_admin: false } => "publish",
                Role::Statistics => "list the channels",
                Role::Subscriber(_) => continue,
            };
            open.push(format!("{what} ({})", location.path));
            first = first.or(scopes.scope(*id).opening);
        }
        let Some(opening) = first else { continue };
        let who = if address.ip().is_loopback() {
            "every user of this machine"
        } else {
            "every machine of that network"
        };
        let text = format!(
            "{who} can connect to {address} and, past nginx's access rules, {}: to prevent this, \
             set require_secret = true in rpushd.toml and let nginx send the secret \
             (proxy_set_header Authorization \"Bearer ...\"), or use a Unix socket that only nginx \
             may open (listen = \"unix:...\")",
            open.join(", ")
        );
        decisions.push(Decision::at(scopes.tree(), opening, text));
    }
    decisions
}

/// The locations of a server that the daemon takes over, with their levels, and the levels of the
/// others, with the reasons.
type Sorted = (Vec<(Location, ScopeId)>, Vec<(ScopeId, String)>);

struct LocationReader<'a, 't> {
    scopes: &'a Scopes<'t>,
    levels: Levels<'t>,
    push_stream: &'a PushStream,
    placement: Placement,
}

impl LocationReader<'_, '_> {
    fn server(&self, server: ScopeId) -> Result<Sorted, SyntaxError> {
        let tree = self.scopes.tree();
        let (mut locations, mut dropped) = (Vec::<(Location, ScopeId)>::new(), Vec::new());
        let mut claimed: HashSet<(bool, String)> = HashSet::new();
        let routes = routes(self.scopes, server)?;
        for route in &routes {
            let id = route.id;
            let scope = self.scopes.scope(id);
            let (Some(role), Some(opening)) = (self.scopes.role(id), scope.opening) else {
                continue;
            };
            match self.location(route, role, opening)? {
                Err(reason) if self.placement == Placement::Instead => {
                    return Err(tree.error(opening, reason));
                }
                Err(reason) => dropped.push((id, reason)),
                Ok(location) => {
                    let claim = location.path.claim();
                    let claim = claim.map(|(is_exact, path)| (is_exact, path.to_owned()));
                    if claim.is_some_and(|claim| !claimed.insert(claim)) {
                        let text = format!("duplicate location \"{}\"", location.path);
                        return Err(tree.error(opening, text));
                    }
                    locations.push((location, id));
                }
            }
        }
        if self.placement == Placement::Instead {
            self.refuse_guards(&routes)?;
        }
        Ok((locations, dropped))
    }

    /// Refuses access rules on or beside the served locations, which in nginx's place are all those
    /// with a role.
    fn refuse_guards(&self, routes: &[Route]) -> Result<(), SyntaxError> {
        let all = || routes.iter().enumerate().map(|(index, route)| Neighbour { index, route });
        let is_served = |route: &Route| self.scopes.role(route.id).is_some();
        let others = all().filter(|neighbour| !is_served(neighbour.route));
        let guarded = guards::guarded(self.scopes, others);
        for served in all().filter(|neighbour| is_served(neighbour.route)) {
            guards::refuse_around(self.scopes, served.route.id)?;
            guards::refuse_beside(self.scopes, &served, &guarded)?;
        }
        Ok(())
    }

    /// Builds a location. The outer error is the module's; the inner one is the reason why the
    /// daemon cannot take the location over.
    fn location(
        &self,
        route: &Route,
        role: &Directive,
        opening: &Directive,
    ) -> Result<Result<Location, String>, SyntaxError> {
        let tree = self.scopes.tree();
        let id = route.id;
        let kind = read_role(role).map_err(|text| tree.error(role, text))?;
        let path = match &route.path {
            Ok(path) => path.clone(),
            Err(reason) => return Ok(Err(reason.clone())),
        };
        if let Some((directive, reason)) = self.levels.unknown_in(self.scopes, id) {
            return Ok(Err(self.unknown(directive, reason)));
        }
        let built = self.levels.level(id).location(path, kind, self.push_stream);
        let refuse = |refusal: checks::Refusal| {
            let place = self.scopes.inherited(id, refusal.directive).unwrap_or(opening);
            tree.error(place, refusal.text)
        };
        checks::push_stream(self.push_stream, SharedMemory::Required).map_err(refuse)?;
        let mut location =
            built.ok_or_else(|| tree.error(opening, checks::CHANNELS_PATH_MISSING))?;
        checks::location(&location, self.push_stream).map_err(refuse)?;
        if location.gzip.is_on {
            location.gzip.includes_streams = true;
        } else {
            location.gzip = Gzip::default();
        }
        for condition in self.scopes.children(id, ScopeKind::If) {
            let scope = self.scopes.scope(condition);
            let (true, Some(opening)) = (self.scopes.sets_push_stream(condition), scope.opening)
            else {
                continue;
            };
            if let Some((directive, reason)) = self.levels.unknown_in(self.scopes, condition) {
                return Ok(Err(self.unknown(directive, reason)));
            }
            let test = match Test::parse(&opening.arguments) {
                Ok(test) => test,
                Err(reason) => return Ok(Err(format!("{}: {reason}", tree.origin(opening)))),
            };
            location.conditions.push(self.levels.level(condition).condition(
                test.subject,
                test.equals,
                test.is_negated,
            ));
        }
        location.origin = tree.origin(opening);
        Ok(Ok(location))
    }

    fn unknown(&self, directive: &Directive, reason: &str) -> String {
        let origin = self.scopes.tree().origin(directive);
        format!("{}: {reason} ({origin})", directive.name)
    }
}

fn read_role(directive: &Directive) -> Result<Role, String> {
    let mode = directive.arguments.first().map(|argument| argument.text());
    match directive.name.as_str() {
        "push_stream_publisher" => {
            checks::is_publisher_admin(mode.as_deref()).map(|is_admin| Role::Publisher { is_admin })
        }
        "push_stream_subscriber" => {
            checks::subscriber_mode(mode.as_deref().unwrap_or("")).map(Role::Subscriber)
        }
        _ => Ok(Role::Statistics),
    }
}

/// The replacements of all roles. A file that several servers include is changed once, so a role in
/// it that would need different changes is not carried over.
fn replace_roles(
    scopes: &Scopes<'_>,
    served: &[ServedServer],
    ports: &[SocketAddr],
    ledger: &mut Ledger,
) -> Vec<Replacement> {
    let mut replacements: Vec<Replacement> = Vec::new();
    for (server, address) in served.iter().zip(ports) {
        for (location, id) in server.locations.iter().zip(&server.scopes) {
            let Some(role) = scopes.role(*id) else { continue };
            let lines = proxy::lines(location, *address);
            let known = replacements
                .iter()
                .find(|known| known.file == role.file && known.span == role.span);
            match known {
                None => {
                    replacements.push(Replacement {
                        file: role.file,
                        span: role.span.clone(),
                        lines,
                    });
                }
                Some(known) if known.lines == lines => {}
                Some(_) => {
                    let reason = "this file is included by several servers that would need \
                                  different changes here; give each server its own";
                    ledger.enter(scopes.tree(), role, Fate::Dropped(reason.into()));
                }
            }
        }
    }
    replacements
}

/// Memory page size by which the module rounds.
const PAGE_BYTES: u64 = 4096;

/// The module's own log messages at start (push-stream spec, section 3).
fn messages(config: &Config, zone: &str) -> Vec<(log::Level, String)> {
    if !config.has_locations() {
        let text = "ngx_http_push_stream_module will not be used with this configuration.";
        return vec![(log::Level::Info, text.into())];
    }
    let Some(bytes) = config.push_stream.shared_memory_size else {
        return Vec::new();
    };
    let kib = bytes.div_ceil(PAGE_BYTES).saturating_mul(PAGE_BYTES) / 1024;
    let text = format!("Using {kib}KiB of shared memory for push stream module on zone: {zone}");
    vec![(log::Level::Info, text)]
}

/// The name of the memory zone.
fn zone(scopes: &Scopes<'_>) -> String {
    scopes
        .http()
        .and_then(|http| scopes.own(http, "push_stream_shared_memory_size"))
        .and_then(|directive| directive.arguments.get(1))
        .map_or_else(|| "push_stream_module".to_owned(), |zone| zone.text().into_owned())
}
