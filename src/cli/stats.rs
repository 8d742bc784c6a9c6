//! `rpushd stats`: shows the daemon's statistics.

use super::client::{Audience, Client, client_options};
use super::command::Command;
use super::exit::{Exit, Failure};
use super::http_client::{ClientError, Request};
use super::output::{self, Reader};
use super::words::{self, Word};
use std::io::Read;

pub const COMMAND: Command = Command {
    name: "stats",
    summary: "show the daemon's statistics",
    usage: concat!(
        "\
Usage: rpushd stats [OPTIONS]

  --mode MODE        text, json, xml or prometheus
  --json             the same as --mode json
  --brief            leave out the list of channels
",
        client_options!(),
        "
Exit codes: 0 shown, 64 wrong command line, 66 cannot read a named file, 69 cannot
reach the daemon, 74 connection broke, 75 timed out, 76 not rpushd, 77 secret refused,
78 no secret, or error in the configuration.
"
    ),
    run,
};

fn run(mut parser: lexopt::Parser) -> Result<(), Failure> {
    let mut client = Client::default();
    let mut mode = "text".to_owned();
    let mut is_brief = false;
    while let Some(word) = words::next(&mut parser)? {
        match word {
            Word::Plain(text) => return Err(words::surplus(&text)),
            Word::Flag(flag) => match flag.as_str() {
                "mode" => mode = words::value(&mut parser)?,
                "json" => mode = "json".to_owned(),
                "brief" => is_brief = true,
                _ if client.take(&flag, &mut parser)? => {}
                _ => return Err(words::unknown(&flag)),
            },
        }
    }
    if rpushd::stats::Mode::parse(&mode).is_none() {
        return Err(Failure::usage(format!(
            "--mode: \"{mode}\" is not a mode; write text, json, xml or prometheus"
        )));
    }
    let verbose = if is_brief { "&verbose=0" } else { "" };
    let path = format!("/api/stats?mode={mode}{verbose}");
    let secret = client.publish_secret()?;
    let address = client.address(Audience::Internal)?;
    let request = Request { method: "GET", path: &path, bearer: Some(secret.expose()), body: None };
    let mut response = request.send(&address, client.deadline())?;
    if let Some(exit) = Exit::of_status(response.status) {
        let reason = format!("{address} answers {}", response.describe());
        return Err(Failure::answered(exit, response.status, reason));
    }
    let mut piece = [0; 16 * 1024];
    let mut last = b'\n';
    loop {
        let count = response.body.read(&mut piece).map_err(ClientError::from)?;
        match count.checked_sub(1) {
            None => break,
            Some(end) => last = piece[end],
        }
        if output::print_bytes(&piece[..count])? == Reader::Gone {
            return Ok(());
        }
    }
    // JSON and XML end without a line break. Add one, so that a shell's prompt is on its own line.
    if last != b'\n' { output::print("\n") } else { Ok(()) }
}
