//! Hundreds of clients that reset their connections at once.

use super::{report, warnings};
use crate::hostile::healthy::Healthy;
use crate::support::{
    Daemon, Publisher, SECRETS, Stream, descriptors, eventually, token, wait_for_turn,
};
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

const CLIENTS: usize = 600;
const STORMS: usize = 5;

#[test]
fn storms_of_resets_during_publications_cost_the_others_nothing() {
    let _turn = wait_for_turn();
    let daemon = Daemon::start(&[]);
    let address = daemon.address();
    let mut publisher = Publisher::connect(&address);
    publisher.publish("healthy", "0");
    let before = descriptors(daemon.id());
    let healthy = Healthy::start(&address, &address);
    let token = token(SECRETS[0].1, "healthy");
    let body = "POST /api/publish HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{";
    for storm in 1..=STORMS {
        // Closing a socket that has unread input resets the connection (RFC 9293, section 3.10.4):
        // the answers to these subscriptions are never read.
        let streams: Vec<Stream> =
            (0..CLIENTS / 2).map(|_| Stream::request(&address, &token, "healthy")).collect();
        let others: Vec<TcpStream> = (0..CLIENTS / 2)
            .map(|_| {
                let mut client = TcpStream::connect(&address).unwrap();
                client.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
                client.write_all(body.as_bytes()).unwrap();
                client
            })
            .collect();
        let count = (storm * CLIENTS / 2) as u64 + 1;
        eventually("all are subscribed", || {
            publisher.statistic("stream_connections_total") == count
        });
        drop((streams, others));
        eventually("all are gone", || publisher.statistic("active_connections") == 3);
    }
    assert_eq!(warnings(&daemon.log()), Vec::<&String>::new());
    report(&format!("{STORMS} storms of {CLIENTS} resets"), Duration::ZERO, healthy);
    eventually("all descriptors are closed", || descriptors(daemon.id()) == before);
}
