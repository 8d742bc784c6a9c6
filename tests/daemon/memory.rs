//! What the process keeps of the memory that it has used.

use crate::support::{
    Daemon, Folder, Publisher, SECRETS, configure, eventually, memory, open_streams, wait_for_turn,
};
use std::io::{Read, Write};
use std::net::TcpStream;

const MIB: u64 = 1024 * 1024;

#[test]
fn a_reader_of_a_compressed_stream_costs_no_memory_for_each_stored_message() {
    let folder = Folder::new();
    let file = folder.write(
        "rpushd.toml",
        "listen = \"127.0.0.1:0\"\n[push_stream]\nstore_api_messages = true\n[[location]]\n\
         path = '~ ^/sub/(.*)$'\nsubscriber = \"streaming\"\nchannels_path = \"$1\"\n\
         gzip = true\ngzip_streams = true\ngzip_types = [\"*\"]\n",
    );
    let daemon = Daemon::listening(&mut configure(&["--config", &file], &SECRETS));
    let mut publisher = Publisher::connect(&daemon.address());
    let mut reader = TcpStream::connect(daemon.address()).unwrap();
    reader.write_all(b"GET /sub/a HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n").unwrap();
    let mut answer = [0; 4096];
    assert_ne!(reader.read(&mut answer).unwrap(), 0);
    publisher.publish("a", "0");
    assert_ne!(reader.read(&mut answer).unwrap(), 0);

    let before = memory(daemon.id(), "VmRSS:");
    for number in 0..300 {
        publisher.publish("a", &format!("\"{number:0100}\""));
        assert_ne!(reader.read(&mut answer).unwrap(), 0);
    }
    let grown = memory(daemon.id(), "VmRSS:").saturating_sub(before);
    assert!(grown < 4 * MIB, "{grown} bytes for 300 messages");
}

#[test]
fn memory_of_requests_that_were_never_completed_goes_back_to_the_system() {
    let _turn = wait_for_turn();
    let daemon = Daemon::start(&[]);
    let mut publisher = Publisher::connect(&daemon.address());
    publisher.publish("a", "0");
    let before = memory(daemon.id(), "VmRSS:");
    let head = format!(
        "POST /api/publish HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Authorization: Bearer {}\r\nContent-Length: 100000\r\n\r\n",
        SECRETS[1].1
    );
    let clients: Vec<TcpStream> = (0..500)
        .map(|_| {
            let mut client = TcpStream::connect(daemon.address()).unwrap();
            client.write_all(head.as_bytes()).unwrap();
            client.write_all(&[b' '; 80_000]).unwrap();
            client
        })
        .collect();
    let resident = || memory(daemon.id(), "VmRSS:");
    eventually("the bodies are held", || resident() > before + 35 * MIB);
    // The newest connection stays: what lies below its body in the heap is given back all the same.
    let last = clients.into_iter().next_back();
    eventually("all others have left", || publisher.statistic("active_connections") == 2);
    eventually("their memory has been given back", || resident() < before + 8 * MIB);
    drop(last);
}

#[test]
fn tables_that_a_crowd_has_made_large_are_small_again_when_it_has_left() {
    let _turn = wait_for_turn();
    let daemon = Daemon::start(&[]);
    let mut publisher = Publisher::connect(&daemon.address());
    let mut tables = || publisher.statistic("memory_connections_bytes");
    let before = tables();
    let crowd = open_streams(&daemon.address(), "crowd", 6000);
    let with = tables();
    assert!(with > before + MIB, "{with} bytes with the crowd, {before} before");
    drop(crowd);
    eventually("their memory has been given back", || tables() <= before);
}

#[test]
fn memory_is_within_a_tenth_of_what_it_was_when_a_crowd_has_come_and_left_three_times() {
    let _turn = wait_for_turn();
    let daemon = Daemon::start(&[]);
    let mut publisher = Publisher::connect(&daemon.address());
    publisher.publish("crowd", "0");
    // Parts of the program that are executed for the first time count as resident, too.
    let heap = || memory(daemon.id(), "RssAnon:");
    let (before, tenth) = (heap(), memory(daemon.id(), "VmRSS:") / 10);
    for _ in 0..3 {
        let crowd = open_streams(&daemon.address(), "crowd", 6000);
        for number in 0..5 {
            publisher.publish("crowd", &number.to_string());
        }
        assert!(heap() > before + tenth);
        drop(crowd);
        eventually("all have left", || publisher.statistic("active_connections") == 1);
    }
    eventually("their memory has been given back", || heap() <= before + tenth);
}
