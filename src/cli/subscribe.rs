//! `rpushd subscribe`: prints the messages of a channel as they arrive on the framed stream (rpushd
//! spec, section 5.2).

use super::client::{Audience, Client, check_channel, client_options, sign_for};
use super::command::Command;
use super::exit::{Exit, Failure};
use super::http_client::{Address, ClientError, Request};
use super::output::{self, Reader};
use super::token::LIFETIME;
use super::words::{self, Word};
use serde_json::value::RawValue;
use std::io::{self, Read};
use std::time::{Duration, Instant};

pub const COMMAND: Command = Command {
    name: "subscribe",
    summary: "show a channel's messages as they arrive",
    usage: concat!(
        "\
Usage: rpushd subscribe CHANNEL [OPTIONS]

Prints the JSON text of each message on a line of its own.

  --token-file FILE  file with a token made elsewhere (\"-\": standard input);
                     without a token, one is signed with the secret
  --token TOKEN      a token on the command line, where other users can read it
  --count N          exit after N messages
  --reconnect        connect again when the stream ends or breaks; messages
                     published in between are missed
  --json             print {\"channel\": ..., \"message\": ...} for each message
  --quiet            do not report on standard error that the subscription began
",
        client_options!(),
        "
Exit codes: 0 --count is reached, or without it the stream has ended properly,
64 wrong command line, 65 not a channel, 66 cannot read a named file, 69 cannot reach
the daemon, or the stream ended before --count, 74 connection broke, 75 timed out,
76 not rpushd, 77 token refused, 78 no secret, or error in the configuration.
"
    ),
    run,
};

/// Shortest and longest pause between two attempts to connect. Each pause is twice the last.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

enum TokenSource {
    Given(String),
    Signed(rpushd::config::Secret),
}

struct Subscription {
    address: Address,
    channel: String,
    token: TokenSource,
    deadline: Option<Instant>,
    /// Messages to print before the command ends; none: no limit.
    left: Option<u64>,
    is_json: bool,
    is_quiet: bool,
    /// Length of the next pause before connecting again.
    pause: Duration,
}

fn run(mut parser: lexopt::Parser) -> Result<(), Failure> {
    let mut client = Client::default();
    let mut channel = None;
    let mut token = None;
    let mut left = None;
    let (mut reconnects, mut is_json, mut is_quiet) = (false, false, false);
    while let Some(word) = words::next(&mut parser)? {
        match word {
            Word::Plain(text) if channel.is_none() => channel = Some(text),
            Word::Plain(text) => return Err(words::surplus(&text)),
            Word::Flag(flag) => match flag.as_str() {
                "token" => token = Some(words::value(&mut parser)?),
                "token-file" => token = Some(read_token(&words::value(&mut parser)?)?),
                "count" => left = Some(words::number(&mut parser, &flag)?),
                "reconnect" => reconnects = true,
                "json" => is_json = true,
                "quiet" => is_quiet = true,
                _ if client.take(&flag, &mut parser)? => {}
                _ => return Err(words::unknown(&flag)),
            },
        }
    }
    let channel = channel.ok_or_else(|| Failure::usage("CHANNEL is missing"))?;
    check_channel(&channel)?;
    let token = match token {
        Some(token) => TokenSource::Given(token),
        None => TokenSource::Signed(client.subscribe_secret()?),
    };
    let address = client.address(Audience::Public)?;
    let deadline = client.deadline();
    let pause = PAUSE.0;
    let mut subscription =
        Subscription { address, channel, token, deadline, left, is_json, is_quiet, pause };
    subscription.run(reconnects)
}

fn read_token(path: &str) -> Result<String, Failure> {
    let text = match path {
        "-" => io::read_to_string(io::stdin()),
        path => std::fs::read_to_string(path),
    };
    text.map(|text| text.trim().to_owned())
        .map_err(|error| Failure::new(Exit::NoInput, format!("--token-file {path}: {error}")))
}

/// How a stream ended.
enum End {
    /// All wanted messages are printed, or standard output is closed.
    Done,
    /// The daemon ended it properly.
    Ended,
}

impl Subscription {
    fn run(&mut self, reconnects: bool) -> Result<(), Failure> {
        if self.left == Some(0) {
            return Ok(());
        }
        loop {
            let failure = match self.read_stream() {
                Ok(End::Done) => return Ok(()),
                Ok(End::Ended) if !reconnects && self.left.is_none() => return Ok(()),
                Ok(End::Ended) => Failure::new(Exit::Unavailable, "the daemon ended the stream"),
                Err(failure) => failure,
            };
            let is_temporary = matches!(failure.exit, Exit::Unavailable | Exit::InputOutput);
            if !reconnects || !is_temporary {
                return Err(failure);
            }
            if !self.is_quiet {
                output::complain(&format!("{failure}; connecting again"));
            }
            self.pause()?;
        }
    }

    fn pause(&mut self) -> Result<(), Failure> {
        if let Some(deadline) = self.deadline
            && Instant::now() + self.pause >= deadline
        {
            return Err(ClientError::TimedOut.into());
        }
        std::thread::sleep(self.pause);
        self.pause = (self.pause * 2).min(PAUSE.1);
        Ok(())
    }

    fn read_stream(&mut self) -> Result<End, Failure> {
        let token = match &self.token {
            TokenSource::Given(token) => token.clone(),
            TokenSource::Signed(secret) => sign_for(secret, &self.channel, LIFETIME),
        };
        let path = format!("/api/stream/{}", self.channel);
        let body = serde_json::json!({ "token": token }).to_string();
        let request = Request { method: "POST", path: &path, bearer: None, body: Some(&body) };
        let mut response = request.send(&self.address, self.deadline)?;
        if let Some(exit) = Exit::of_status(response.status) {
            let reason = format!("{} answers {}", self.address, response.describe());
            return Err(Failure::answered(exit, response.status, reason));
        }
        self.pause = PAUSE.0;
        if !self.is_quiet {
            output::complain(&format!("subscribed to {} at {}", self.channel, self.address));
        }
        while let Some(message) = read_frame(&mut response.body).map_err(ClientError::from)? {
            if message.is_empty() {
                continue;
            }
            if output::print_bytes(&self.line(&message))? == Reader::Gone {
                return Ok(End::Done);
            }
            if let Some(left) = &mut self.left {
                *left -= 1;
                if *left == 0 {
                    return Ok(End::Done);
                }
            }
        }
        Ok(End::Ended)
    }

    fn line(&self, message: &[u8]) -> Vec<u8> {
        if self.is_json {
            return json_line(&self.channel, message).into_bytes();
        }
        // JSON strings have no line breaks, but messages of locations may be any bytes.
        let is_break = |byte: &u8| b"\r\n".contains(byte);
        let one_line = message.iter().map(|byte| if is_break(byte) { b' ' } else { *byte });
        one_line.chain([b'\n']).collect()
    }
}

/// A message as a line of JSON. One that is not JSON, which locations allow, is shown as a string.
fn json_line(channel: &str, message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    let channel = serde_json::Value::from(channel);
    match serde_json::from_str::<&RawValue>(&text) {
        Ok(json) if !text.contains(['\r', '\n']) => {
            format!("{{\"channel\":{channel},\"message\":{json}}}\n")
        }
        Ok(_) | Err(_) => {
            let text = serde_json::Value::from(text.as_ref());
            format!("{{\"channel\":{channel},\"message\":{text}}}\n")
        }
    }
}

/// Reads the next frame, which is empty for a heartbeat; none at the end of the stream.
fn read_frame(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 2];
    if stream.read(&mut length[..1])? == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut length[1..])?;
    let mut payload = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut payload)?;
    Ok(Some(payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_to_the_proper_end() {
        let mut stream = b"\0\0\0\x03\"a\"\0\0".as_slice();
        let mut frames = Vec::new();
        while let Some(frame) = read_frame(&mut stream).unwrap() {
            frames.push(frame);
        }
        assert_eq!(frames, [b"".to_vec(), b"\"a\"".to_vec(), b"".to_vec()]);
        for cut in [b"\0".as_slice(), b"\0\x02a"] {
            let error = read_frame(&mut &*cut).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn messages_that_are_not_json_are_shown_as_strings() {
        assert_eq!(
            json_line("c", b"{\"a\": 1e2}"),
            "{\"channel\":\"c\",\"message\":{\"a\": 1e2}}\n"
        );
        assert_eq!(json_line("c", b"a\nb"), "{\"channel\":\"c\",\"message\":\"a\\nb\"}\n");
    }
}
