//! `rpushd token`: signs a subscribe token.

use super::client::{Client, check_channel, expiry};
use super::command::Command;
use super::exit::{Exit, Failure};
use super::output;
use super::words::{self, Word};
use rpushd::auth::{GrantedChannels, NewToken, TokenKey, is_identifier};
use std::time::Duration;

/// Lifetime of a token without `--ttl`.
pub const LIFETIME: Duration = Duration::from_secs(3600);

pub const COMMAND: Command = Command {
    name: "token",
    summary: "print a token for subscribing to a channel",
    usage: "\
Usage: rpushd token [CHANNEL] [OPTIONS]

  --channels LIST    channels, separated by commas; an entry that ends with * allows
                     all channels that begin with it. With or without CHANNEL
  --sub TEXT         who subscribes: the claim sub
  --jti TEXT         id of the token: the claim jti
  --kid ID           sign with this key of the file that tokens.keys_file names,
                     instead of the secret
  --ttl TIME         how long it is valid (30s, 1h30m; 1h by default, at least 1s)
  --expires UNIX     when it expires, in seconds since 1970
  --json             print {\"token\": ...} instead of the token alone
  --secret-file FILE file with the secret; by default the secret is taken from
                     RPUSHD_SECRET, RPUSHD_SECRET_FILE or the configuration, as by
                     the daemon
  --config FILE      configuration file; by default RPUSHD_CONFIG
  --env-file FILE    file of RPUSHD_... variables, as for the daemon

Exit codes: 0 printed, 64 wrong command line, 65 not a channel or name, 66 cannot
read the file of the secret, 78 no secret or key, or error in the configuration.
",
    run,
};

fn run(mut parser: lexopt::Parser) -> Result<(), Failure> {
    let mut client = Client::default();
    let mut channel = None;
    let mut channels = Vec::new();
    let [mut subject, mut id, mut key_id] = [None, None, None];
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
                "channels" => channels = entries(&words::value(&mut parser)?)?,
                "sub" => subject = Some(identifier(&flag, words::value(&mut parser)?)?),
                "jti" => id = Some(identifier(&flag, words::value(&mut parser)?)?),
                "kid" => key_id = Some(words::value(&mut parser)?),
                "config" | "env-file" | "secret-file" => drop(client.take(&flag, &mut parser)?),
                _ => return Err(words::unknown(&flag)),
            },
        }
    }
    match &channel {
        Some(channel) => check_channel(channel)?,
        None if channels.is_empty() => return Err(Failure::usage("CHANNEL is missing")),
        None => {}
    }
    let expires = match (lifetime, expires) {
        (Some(_), Some(_)) => return Err(Failure::usage("--ttl and --expires exclude each other")),
        (None, Some(expires)) => expires,
        (lifetime, None) => expiry(lifetime.unwrap_or(LIFETIME)),
    };
    let secret = match &key_id {
        Some(id) => client.named_key(id)?,
        None => client.subscribe_secret()?,
    };
    let token = NewToken {
        channel: channel.as_deref(),
        channels: &channels,
        subject: subject.as_deref(),
        id: id.as_deref(),
        key_id: key_id.as_deref(),
        expires,
    };
    let token = token.sign(&TokenKey::new(&secret));
    output::print(&if is_json {
        let mut shown = serde_json::json!({ "token": token });
        if let Some(channel) = channel {
            shown["channel"] = channel.into();
        }
        if !channels.is_empty() {
            shown["channels"] = channels.into();
        }
        format!("{shown}\n")
    } else {
        format!("{token}\n")
    })
}

/// The entries of `--channels`: names, and prefixes of names with a `*` at their end.
fn entries(list: &str) -> Result<Vec<String>, Failure> {
    let mut entries = Vec::new();
    if list.is_empty() {
        return Ok(entries);
    }
    for entry in list.split(',') {
        match GrantedChannels::of_entry(entry) {
            Some(GrantedChannels::Prefix(prefix)) if prefix.is_empty() => {}
            Some(GrantedChannels::Name(text) | GrantedChannels::Prefix(text)) => {
                check_channel(&text)?;
            }
            None => check_channel(entry)?,
        }
        entries.push(entry.to_owned());
    }
    Ok(entries)
}

/// Refuses a `sub` or `jti` that the daemon would refuse.
fn identifier(flag: &str, text: String) -> Result<String, Failure> {
    if is_identifier(&text) {
        Ok(text)
    } else {
        let reason = format!("--{flag}: must be 1 to 255 bytes without control characters");
        Err(Failure::new(Exit::Data, reason))
    }
}

/// Refuses less than 1 s: tokens expire at whole seconds, so it would have expired on arrival.
fn lifetime_of(time: Duration) -> Result<Duration, Failure> {
    match time.as_secs() {
        0 => Err(Failure::usage("--ttl: must be at least 1s")),
        _ => Ok(time),
    }
}
