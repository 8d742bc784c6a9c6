//! Translates nginx's settings of the process and its connections, for a daemon in nginx's place.

use super::ledger::Fate;
use super::levels::beside_main;
use super::scope::ScopeId;
use super::scopes::Scopes;
use super::syntax::{Directive, SyntaxError};
use crate::config::{Config, units};
use crate::time::Millis;
use log::LevelFilter;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// `worker_processes`: the number of workers that the statistics list. `auto` is one, as the
/// daemon is one process.
pub(super) fn worker_processes(scopes: &Scopes<'_>) -> Result<u32, SyntaxError> {
    let Some(directive) = main_directive(scopes, "worker_processes") else {
        return Ok(1);
    };
    match first(directive).as_str() {
        "auto" => Ok(1),
        text => units::number("worker_processes", text)
            .ok()
            .filter(|count| *count > 0)
            .ok_or_else(|| scopes.tree().error(directive, "invalid number of worker processes")),
    }
}

/// Sets the PID file from `pid FILE`, the log file and level from `error_log FILE LEVEL`.
pub(super) fn files(scopes: &Scopes<'_>, config: &mut Config) -> Result<(), SyntaxError> {
    if let Some(directive) = main_directive(scopes, "pid") {
        config.pid_file = Some(path(scopes, directive));
    }
    let Some(directive) = error_log(scopes) else {
        return Ok(());
    };
    if let Fate::Carried = error_log_fate(directive) {
        let is_standard_error = first(directive) == "stderr";
        config.log_file = (!is_standard_error).then(|| path(scopes, directive));
    }
    let level = directive.arguments.get(1).map(|argument| argument.text().into_owned());
    config.log_level = match level.as_deref() {
        None | Some("error" | "crit" | "alert" | "emerg") => LevelFilter::Error,
        Some("warn") => LevelFilter::Warn,
        Some("notice" | "info") => LevelFilter::Info,
        Some(text) if text.starts_with("debug") => LevelFilter::Debug,
        Some(text) => {
            return Err(scopes.tree().error(directive, format!("invalid log level \"{text}\"")));
        }
    };
    Ok(())
}

/// Carried over if it logs to a file or to standard error, not to `syslog:` or `memory:`.
pub(super) fn error_log_fate(directive: &Directive) -> Fate {
    match first(directive).split_once(':') {
        Some(("syslog" | "memory", _)) => {
            Fate::Dropped("the daemon logs to a file or to standard error".into())
        }
        _ => Fate::Carried,
    }
}

/// The first `error_log` of the main level, or else of `http`.
pub(super) fn error_log<'t>(scopes: &Scopes<'t>) -> Option<&'t Directive> {
    let on = |id: ScopeId| {
        scopes.scope(id).directives.iter().copied().find(|directive| directive.name == "error_log")
    };
    scopes.ids().next().and_then(on).or_else(|| scopes.http().and_then(on))
}

/// Sets the limits of connections from the directives in effect in the served locations. The
/// largest value of each is taken; the directives with other values are returned.
pub(super) fn connection_limits<'t>(
    scopes: &Scopes<'t>,
    locations: &[ScopeId],
    config: &mut Config,
) -> Result<Vec<&'t Directive>, SyntaxError> {
    let tree = scopes.tree();
    let mut overruled = Vec::new();
    let mut largest = |name: &str| -> Result<Option<u64>, SyntaxError> {
        let mut found: Vec<(u64, &'t Directive)> = Vec::new();
        for id in locations {
            let Some(directive) = scopes.inherited(*id, name) else {
                continue;
            };
            let text = first(directive);
            let value = match name {
                "keepalive_requests" => units::number(name, &text).map(u64::from),
                _ => units::milliseconds(name, &text).map(|time| time.0),
            };
            found.push((value.map_err(|text| tree.error(directive, text))?, directive));
        }
        let largest = found.iter().map(|(value, _)| *value).max();
        let others = found.iter().filter(|(value, _)| Some(*value) != largest);
        overruled.extend(others.map(|(_, directive)| *directive));
        Ok(largest)
    };
    if let Some(time) = largest("keepalive_timeout")? {
        config.limits.keepalive_timeout = Millis(time);
    }
    if let Some(count) = largest("keepalive_requests")? {
        // 0 means no limit for the daemon, but one request per connection for nginx.
        config.limits.keepalive_requests_max = u32::try_from(count).unwrap_or(u32::MAX).max(1);
    }
    if let Some(time) = largest("send_timeout")? {
        config.limits.outbox_stall_timeout = Millis(time.max(1));
    }
    Ok(overruled)
}

fn main_directive<'t>(scopes: &Scopes<'t>, name: &str) -> Option<&'t Directive> {
    scopes.ids().next().and_then(|main| scopes.own(main, name))
}

fn first(directive: &Directive) -> String {
    directive.arguments.first().map(|argument| argument.text().into_owned()).unwrap_or_default()
}

fn path(scopes: &Scopes<'_>, directive: &Directive) -> PathBuf {
    let written = directive.arguments.first().map(|argument| &argument.value[..]);
    PathBuf::from(OsStr::from_bytes(&beside_main(scopes.tree(), written.unwrap_or_default())))
}
