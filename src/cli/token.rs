//! `rpushd token`: signs a subscribe token.

use super::client::{Client, check_channel, sign_for};
use super::command::Command;
use super::exit::Failure;
use super::output;
use super::words::{self, Word};
use rpushd::auth::{TokenKey, sign};
use std::time::Duration;

/// Lifetime of a token without `--ttl`.
pub const LIFETIME: Duration = Duration::from_secs(3600);

pub const COMMAND: Command = Command {
    name: "token",
    summary: "print a token for subscribing to a channel",
    usage: "\
Usage: rpushd token CHANNEL [OPTIONS]

  --ttl TIME         how long it is valid (30s, 1h30m; 1h by default, at least 1s)
  --expires UNIX     when it expires, in seconds since 1970
  --json             print {\"token\": ...} instead of the token alone
  --secret-file FILE file with the secret; by default the secret is taken from
                     RPUSHD_SECRET, RPUSHD_SECRET_FILE or the configuration, as by
                     the daemon
  --config FILE      configuration file; by default RPUSHD_CONFIG
  --env-file FILE    file of RPUSHD_... variables, as for the daemon

Exit codes: 0 printed, 64 wrong command line, 65 not a channel, 66 cannot read the
file of the secret, 78 no secret, or error in the configuration.
",
    run,
};

fn run(mut parser: lexopt::Parser) -> Result<(), Failure> {
    let mut client = Client::default();
    let mut channel = None;
    let mut lifetime = None;
    let mut expires = None;
    let mut is_json = false;
    while let Some(word) = words::next(&mut parser)? {
        match word {
            Word::Plain(text) if channel.is_none() => channel = Some(text),
            Word::Plain(text) => return Err(words::surplus(&text)),
            Word::Flag(flag) => match flag.as_str() {
                "ttl" => lifetime = Some(lifetime_of(words::time(&mut parser, &flag)?)?),
                "expires" => expires = Some(words::number(&mut parser, &flag)?),
                "json" => is_json = true,
                "config" | "env-file" | "secret-file" => drop(client.take(&flag, &mut parser)?),
                _ => return Err(words::unknown(&flag)),
            },
        }
    }
    let channel = channel.ok_or_else(|| Failure::usage("CHANNEL is missing"))?;
    check_channel(&channel)?;
    let secret = client.subscribe_secret()?;
    let token = match (lifetime, expires) {
        (Some(_), Some(_)) => return Err(Failure::usage("--ttl and --expires exclude each other")),
        (None, Some(expires)) => sign(&TokenKey::new(&secret), &channel, expires),
        (lifetime, None) => sign_for(&secret, &channel, lifetime.unwrap_or(LIFETIME)),
    };
    output::print(&if is_json {
        format!("{}\n", serde_json::json!({ "channel": channel, "token": token }))
    } else {
        format!("{token}\n")
    })
}

/// Refuses less than 1 s: tokens expire at whole seconds, so it would have expired on arrival.
fn lifetime_of(time: Duration) -> Result<Duration, Failure> {
    match time.as_secs() {
        0 => Err(Failure::usage("--ttl: must be at least 1s")),
        _ => Ok(time),
    }
}
