//! `rpushd publish`: sends one message to a channel.

use super::client::{Audience, Client, check_channel, client_options};
use super::command::Command;
use super::exit::{Exit, Failure};
use super::http_client::{Address, Request};
use super::output;
use super::words::{self, Word};
use rpushd::config::Secret;
use serde_json::value::RawValue;
use std::io::Read;

pub const COMMAND: Command = Command {
    name: "publish",
    summary: "publish a message",
    usage: concat!(
        "\
Usage: rpushd publish CHANNEL [MESSAGE] [OPTIONS]

A message that is valid JSON is published as it is, any other as a JSON string.
Without a message, or with \"-\", it is read from standard input, without one line
break at its end; empty input is refused.

  --text             the message is text, even if it is valid JSON
  --raw              the message must be JSON
  --json             print the outcome as JSON
",
        client_options!(),
        "
Exit codes: 0 published, 64 wrong command line, 65 empty, or refused as malformed or
too large, 66 cannot read a named file, 69 cannot reach the daemon, 74 connection
broke, 75 timed out, 76 not rpushd, 77 secret refused, 78 no secret, or error in the
configuration.
"
    ),
    run,
};

#[derive(Clone, Copy)]
enum Reading {
    Guess,
    Text,
    Json,
}

fn run(mut parser: lexopt::Parser) -> Result<(), Failure> {
    let mut client = Client::default();
    let mut words = Vec::new();
    let mut reading = Reading::Guess;
    let mut is_json = false;
    while let Some(word) = words::next(&mut parser)? {
        match word {
            Word::Plain(text) if words.len() < 2 => words.push(text),
            Word::Plain(text) => return Err(words::surplus(&text)),
            Word::Flag(flag) => match flag.as_str() {
                "text" => reading = Reading::Text,
                "raw" => reading = Reading::Json,
                "json" => is_json = true,
                _ if client.take(&flag, &mut parser)? => {}
                _ => return Err(words::unknown(&flag)),
            },
        }
    }
    let mut words = words.into_iter();
    let channel = words.next().ok_or_else(|| Failure::usage("CHANNEL is missing"))?;
    check_channel(&channel)?;
    let message = match words.next() {
        Some(message) if message != "-" => message,
        Some(_) | None => read_input()?,
    };
    let message = to_json(message, reading)?;
    let secret = client.publish_secret()?;
    let address = client.address(Audience::Internal)?;
    let status = publish(&client, &address, &secret, &channel, &message)?;
    if is_json {
        let result = serde_json::json!({
            "published": true,
            "channel": channel,
            "payload_bytes": message.get().len(),
            "status": status,
        });
        output::print(&format!("{result}\n"))
    } else {
        Ok(())
    }
}

/// Sends the publication. Returns the status of the response.
fn publish(
    client: &Client,
    address: &Address,
    secret: &Secret,
    channel: &str,
    message: &RawValue,
) -> Result<u16, Failure> {
    let channel = serde_json::Value::from(channel);
    let body = format!("{{\"channel\":{channel},\"message\":{message}}}");
    let request = Request {
        method: "POST",
        path: "/api/publish",
        bearer: Some(secret.expose()),
        body: Some(&body),
    };
    let mut response = request.send(address, client.deadline())?;
    let status = response.status;
    match Exit::of_status(status) {
        None => Ok(status),
        Some(exit) => {
            let text = response.body.read_short_text().unwrap_or_default();
            let separator = if text.is_empty() { "" } else { ": " };
            let reason = format!("{address} answers {}{separator}{text}", response.describe());
            Err(Failure::answered(exit, status, reason))
        }
    }
}

fn read_input() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::new(Exit::InputOutput, format!("standard input: {error}")))?;
    let mut text = String::from_utf8(bytes)
        .map_err(|_| Failure::new(Exit::Data, "the message is not UTF-8 text"))?;
    if text.ends_with('\n') {
        text.pop();
    }
    if text.is_empty() {
        Err(Failure::new(
            Exit::Data,
            "standard input is empty; to publish an empty message, give \"\" as MESSAGE",
        ))
    } else {
        Ok(text)
    }
}

/// Converts the message to JSON. Valid JSON is kept byte for byte.
fn to_json(message: String, reading: Reading) -> Result<Box<RawValue>, Failure> {
    let as_text = |message: &str| {
        serde_json::value::to_raw_value(message).expect("text can always be written as JSON")
    };
    match reading {
        Reading::Text => Ok(as_text(&message)),
        Reading::Guess => Ok(serde_json::from_str(&message).unwrap_or_else(|_| as_text(&message))),
        Reading::Json => serde_json::from_str(&message)
            .map_err(|error| Failure::new(Exit::Data, format!("the message is not JSON: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_json_where_they_can_be() {
        let json = |message: &str, reading| {
            to_json(message.to_owned(), reading).map(|json| json.get().to_owned()).ok()
        };
        for (message, guessed, raw) in [
            ("hello", r#""hello""#, None),
            (r#""hello""#, r#""hello""#, Some(r#""hello""#)),
            ("1e2", "1e2", Some("1e2")),
            (r#"{"b": 1, "a": 2}"#, r#"{"b": 1, "a": 2}"#, Some(r#"{"b": 1, "a": 2}"#)),
            ("", r#""""#, None),
            ("{", r#""{""#, None),
        ] {
            assert_eq!(json(message, Reading::Guess).as_deref(), Some(guessed));
            assert_eq!(json(message, Reading::Json).as_deref(), raw);
        }
        assert_eq!(json("1", Reading::Text).as_deref(), Some(r#""1""#));
    }
}
