//! Events during a replay that is generated as the client reads: the server stops, reloads or
//! deletes a channel; the client closes its side or sends a request.

use super::receiving::*;
use super::websocket_client::UPGRADE;
use crate::support::{Client, Daemon};
use flate2::read::GzDecoder;
use rpushd::config::Config;
use std::io::Read;

/// The outbox limit, much smaller than the stored messages.
const SMALL: usize = 8 * 1024;
const LARGE: usize = 16 * 1024 * 1024;
const ENDING: &str = "reload_ends_subscribers = true";

fn config(outbox_bytes_max: usize, http: &str) -> Config {
    let zipped = "gzip = true\ngzip_streams = true\ngzip_types = ['*']\n\
                  padding_by_user_agent = '.*,100,400'\nsubscriber_connection_ttl = \"20s\"";
    let all = [("/sub", "streaming", ""), ("/zipped", "streaming", zipped)];
    let all = all.into_iter().chain([("/poll", "polling", ""), ("/ws", "websocket", "")]);
    let all: String = all.map(|(path, mode, own)| location(path, mode, own)).collect();
    let mut config = try_config(&format!("{PAGE}{http}"), &all).unwrap();
    config.limits.outbox_bytes_max = outbox_bytes_max;
    config
}

/// A daemon with 200 messages of 300 bytes on each of two channels.
fn daemon(outbox_bytes_max: usize, http: &str) -> Daemon {
    let daemon = Daemon::new(config(outbox_bytes_max, http));
    for number in 0..400 {
        publish(&daemon, if number % 2 == 0 { "a" } else { "b" }, format!("{number:0300}"));
    }
    daemon
}

/// A client that has sent a request and accepted this many bytes of the answer.
fn begin(daemon: &Daemon, request: &str, taken: usize) -> Client {
    let client = daemon.connect();
    client.take_only(0);
    client.send(request);
    client.take_more(taken);
    client
}

/// The remaining bytes, read in small pieces and then at once.
fn read_on(client: &Client) -> Vec<u8> {
    (0..20).for_each(|_| client.take_more(2_999));
    client.take_more(usize::MAX);
    client.read()
}

fn requests() -> [String; 3] {
    let everything = "a.b999/b.b999";
    [
        get(&format!("/poll/{everything}"), ""),
        get(&format!("/sub/{everything}"), ""),
        get(&format!("/ws/{everything}"), UPGRADE),
    ]
}

#[test]
fn a_server_that_stops_still_sends_what_was_asked_for() {
    for request in requests() {
        let [bounded, expected] = [SMALL, LARGE].map(|max| {
            let daemon = daemon(max, "");
            let client = begin(&daemon, &request, 5_000);
            publish(&daemon, "a", "live");
            daemon.stop();
            let read = read_on(&client);
            assert!(client.is_ended());
            read
        });
        assert!(expected.len() > 100_000 && bounded == expected, "{request}");
    }
}

#[test]
fn a_replay_goes_on_over_a_reload() {
    for http in ["", ENDING] {
        for request in requests() {
            let cases = [(LARGE, LARGE), (SMALL, LARGE), (SMALL, 1024), (4 * SMALL, 1024)];
            let [expected, others @ ..] = cases.map(|(before, after)| {
                let daemon = daemon(before, http);
                let client = begin(&daemon, &request, 5_000);
                let mut new = config(after, http);
                new.servers[0].locations.reverse();
                daemon.reconfigure(new);
                publish(&daemon, "a", "live");
                (read_on(&client), client.is_ended())
            });
            assert!(expected.0.len() > 100_000 && others.iter().all(|one| *one == expected));
        }
    }
}

#[test]
fn a_channel_that_takes_the_place_of_a_deleted_one_is_not_replayed_instead() {
    for request in requests() {
        let daemon = daemon(SMALL, "");
        let client = begin(&daemon, &request, 5_000);
        delete(&daemon, "a", "bye");
        (0..400).for_each(|number| publish(&daemon, "a", format!("other {number:0300}")));
        let read = read_on(&client);
        assert!(client.is_closed(), "{request}");
        assert!(!String::from_utf8_lossy(&read).contains("other"), "{request}");
        assert!(!read.ends_with(LAST_CHUNK.as_bytes()), "{request}");
        assert_eq!(ask(&daemon, get("/poll/a.b2", "")).matches("other").count(), 2);
    }
}

#[test]
fn who_closes_its_side_behind_several_requests_gets_all_the_answers() {
    let daemon = daemon(SMALL, "");
    let [request, ..] = requests();
    let expected = ask(&daemon, &request);
    let client = begin(&daemon, &request.repeat(3), 3_000);
    client.end();
    let mut read = client.text();
    for _ in 0..expected.len() {
        if client.is_closed() {
            break;
        }
        client.take_more(3_000);
        read += &client.text();
    }
    assert!(client.is_closed() && read == expected.repeat(3));
}

/// The checksum at the end is computed before most of the stream is generated.
#[test]
fn a_compressed_and_padded_stream_ends_well() {
    let request = get("/zipped/a.b999/b.b999", "Accept-Encoding: gzip\r\nUser-Agent: any\r\n");
    let [bounded, expected] = [SMALL, LARGE].map(|max| {
        let daemon = daemon(max, "");
        let client = begin(&daemon, &request, 700);
        publish(&daemon, "b", "live");
        daemon.advance(20_000 + TICK);
        let read = read_on(&client);
        let head = read.windows(4).position(|four| four == b"\r\n\r\n").expect("a head ends");
        let (mut chunks, mut packed) = (&read[head + 4..], Vec::new());
        while let Some(end) = chunks.iter().position(|&byte| byte == b'\r') {
            let size = std::str::from_utf8(&chunks[..end]).expect("sizes are digits");
            let size = usize::from_str_radix(size, 16).expect("sizes are hexadecimal");
            packed.extend_from_slice(&chunks[end + 2..][..size]);
            chunks = &chunks[end + 2 + size + 2..];
        }
        let mut text = String::new();
        GzDecoder::new(packed.as_slice()).read_to_string(&mut text).expect("it ends well");
        text
    });
    assert!(bounded.contains("|live|") && bounded.ends_with("FOOT\n"));
    assert!(bounded == expected);
}
