//! What a call of the server counts as work. The budget of a turn relies on it: what is not counted
//! may take as long as it wants.

use super::locations::{config, send};
use crate::fixtures::{self, BEARER, get};
use crate::support::PEER;
use rpushd::broker::Work;
use rpushd::config::{Config, ListenerId};
use rpushd::server::{ConnectionId, Host, Server};
use rpushd::time::{Moment, Now, UnixMillis};

const NOW: Now = Now { monotonic: Moment(64_000), unix: UnixMillis(1_776_181_200_000) };

/// A server with the locations and the rpushd API, without a reactor.
fn server(settings: &str) -> Server {
    let host = Host {
        name: String::new(),
        process_id: 1,
        resident_bytes: || 0,
        heap_bytes: || 0,
        fixed_bytes: 0,
        memory_bytes: u64::MAX,
        random: [7; 16],
    };
    let Config { publish_secrets, subscribe_secrets, .. } = fixtures::config();
    let config = Config { publish_secrets, subscribe_secrets, ..config(settings) };
    Server::new(config, rpushd::faces::all, host, NOW)
}

fn connect(server: &mut Server) -> ConnectionId {
    server.accepted(ListenerId(0), Some(PEER), NOW).expect("there is room")
}

/// The work that a new client's request causes at once, beyond the parsing of its head, the
/// matching of its path and the reading of its bytes.
fn caused(server: &mut Server, request: &str) -> Work {
    let id = connect(server);
    let work = caused_by(server, id, request.as_bytes());
    assert_eq!(work.requests, 1);
    Work { requests: 0, matched: 0, ..work }
}

fn caused_by(server: &mut Server, id: ConnectionId, input: &[u8]) -> Work {
    server.begin_turn(NOW);
    server.received(id, input, NOW);
    let work = server.work();
    server.tick(NOW);
    while server.fan_out(NOW) {}
    Work { bytes: work.bytes - input.len() as u64, ..work }
}

/// Takes the bytes that are queued for a connection.
fn take(server: &mut Server, id: ConnectionId) -> usize {
    let mut slices = [std::io::IoSlice::new(&[]); 16];
    let count = server.unsent(id, &mut slices);
    let bytes = slices[..count].iter().map(|slice| slice.len()).sum();
    server.sent(id, bytes, NOW);
    bytes
}

fn publication(ids: &str) -> String {
    send("POST", &format!("/pub?id={ids}"), "", "12345678")
}

#[test]
fn a_request_counts_the_channels_messages_and_subscribers_that_it_touches() {
    let mut server = server("");
    let nothing = Work::default();
    let rows = [
        (get("/nothing", ""), nothing),
        // Looked up and published to; text and answer.
        (publication("a"), Work { publications: 1, channels: 2, bytes: 8 + 83, ..nothing }),
        (publication("a"), Work { publications: 1, channels: 2, bytes: 8 + 83, ..nothing }),
        (publication("a/b/c"), Work { publications: 3, channels: 6, bytes: 391, ..nothing }),
        // Old messages are encoded; each is examined only if an event id has to be found.
        (get("/poll/a.b2", ""), Work { channels: 2, scanned: 1, encoded: 4, bytes: 32, ..nothing }),
        (get("/poll/a", "Last-Event-ID: x\r\n"), Work { channels: 2, scanned: 3, ..nothing }),
        (
            get("/poll/a.b2", "Last-Event-ID: x\r\n"),
            Work { channels: 2, scanned: 1, encoded: 2, ..nothing },
        ),
        (get("/poll/a", ""), Work { channels: 2, scanned: 1, ..nothing }),
        (get("/sub/a/b", ""), Work { channels: 6, scanned: 2, encoded: 1, ..nothing }),
        (get("/channels-stats?id=ALL", ""), Work { channels: 3, bytes: 367, ..nothing }),
        (get("/channels-stats?id=*", ""), Work { channels: 3, bytes: 367, ..nothing }),
        (get("/channels-stats", ""), nothing),
        (
            send("DELETE", "/pub?id=a", "", ""),
            Work { channels: 1, visits: 1, encoded: 1, bytes: 30, ..nothing },
        ),
    ];
    for (request, work) in rows {
        assert_eq!(caused(&mut server, &request), work, "{request}");
    }
}

#[test]
fn statistics_count_the_connections_that_they_add_up() {
    let mut server = server("");
    let stats = get("/api/stats", BEARER);
    let few = caused(&mut server, &stats).scanned;
    (0..20).for_each(|_| _ = connect(&mut server));
    // Two more are the second request's own and the answer that the first one's has queued.
    assert_eq!(caused(&mut server, &stats).scanned, few + 20 + 2);
}

#[test]
fn each_piece_of_a_long_list_counts_its_channels() {
    let mut server = server("");
    for number in 0..2_000 {
        caused(&mut server, &publication(&format!("{number:0>100}")));
    }
    let asker = connect(&mut server);
    let first = caused_by(&mut server, asker, get("/channels-stats?id=ALL", "").as_bytes());
    let mut pieces = vec![(first.channels, first.encoded)];
    loop {
        server.begin_turn(NOW);
        server.tick(NOW);
        if take(&mut server, asker) == 0 {
            break;
        }
        while server.fan_out(NOW) {}
        pieces.push((server.work().channels, server.work().encoded));
    }
    // The end of the list is found with the last piece.
    assert_eq!(pieces, [(358, 1), (359, 1), (359, 1), (359, 1), (359, 1), (206, 2), (0, 0)]);
}

#[test]
fn visits_deliveries_and_writes_are_counted() {
    let mut server = server("");
    let reader = connect(&mut server);
    caused_by(&mut server, reader, get("/sub/a", "").as_bytes());
    take(&mut server, reader);
    caused(&mut server, &publication("a"));
    let expected = Work { visits: 1, deliveries: 1, encoded: 1, bytes: 16, ..Work::default() };
    assert_eq!(server.work(), expected);
    take(&mut server, reader);
    assert_eq!(server.work(), Work { writes: 1, ..expected });
}

#[test]
fn frames_of_a_websocket_are_counted_by_number_and_size() {
    let mut server = server("websocket_allow_publish = true");
    let id = connect(&mut server);
    let fields = "Upgrade: websocket\r\nConnection: Upgrade\r\n\
                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    caused_by(&mut server, id, get("/ws/a", fields).as_bytes());
    let frame = [b"\x81\x85\0\0\0\0".as_slice(), b"12345"].concat();
    let work = caused_by(&mut server, id, &frame.repeat(3));
    // The end of the input is one more. The text is unmasked, checked and copied, then published.
    let expected = Work { frames: 4, publications: 3, bytes: 3 * (3 * 5 + 5), ..Work::default() };
    assert_eq!(work, expected);
}
