//! gzip of subscriber answers (section 5.5).

use super::receiving::*;
use crate::support::wire::data_of_chunks;
use flate2::read::GzDecoder;
use flate2::{Decompress, FlushDecompress};
use std::io::Read;

const ACCEPTING: &str = "Accept-Encoding: gzip, deflate\r\n";

/// The head of an answer as text, and the bytes after it.
fn split(answer: &[u8]) -> (String, &[u8]) {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head ends") + 4;
    (String::from_utf8(answer[..end].to_vec()).expect("heads are text"), &answer[end..])
}

/// The head of an answer as text, and its body without chunks and compression.
fn unpacked(answer: &[u8]) -> (String, String) {
    let (head, body) = split(answer);
    let mut text = String::new();
    let packed = data_of_chunks(body);
    GzDecoder::new(packed.as_slice()).read_to_string(&mut text).expect("the body is gzip");
    (head, text)
}

fn gzip_head() -> String {
    answer(0, (0, 1), &[])
        .replace("chunked\r\n", "chunked\r\nContent-Encoding: gzip\r\n")
        .replace("text/plain", "text/html")
        .replace(LAST_CHUNK, "")
}

#[test]
fn polling_and_long_polling_answers_are_compressed_for_who_accepts_it() {
    let directives = format!("{PAGE}gzip = true\ndefault_type = \"text/html\"");
    for mode in ["polling", "long-polling"] {
        let daemon = daemon(mode, &directives);
        publish(&daemon, "a", "x");
        let client = daemon.connect();
        client.send(get("/sub/a.b1", ACCEPTING));
        let text = "HEAD\n[1|a|x|1]FOOT\n".to_owned();
        assert_eq!(unpacked(&client.read()), (gzip_head(), text), "{mode}");
        let plain = ask(&daemon, get("/sub/a.b1", ""));
        assert_eq!(body(&plain), chunks(["HEAD\n", "[1|a|x|1]", "FOOT\n"]) + LAST_CHUNK);
    }
}

#[test]
fn an_answer_after_a_wait_is_compressed_too() {
    let daemon = daemon("long-polling", "gzip = true\ndefault_type = \"text/html\"");
    let reader = daemon.connect();
    reader.send(get("/sub/a", ACCEPTING));
    publish(&daemon, "a", "waited for");
    assert_eq!(unpacked(&reader.read()), (gzip_head(), "waited for".to_owned()));
}

#[test]
fn streams_are_not_compressed_unless_configured() {
    let daemon = daemon("streaming", "gzip = true");
    let reader = daemon.connect();
    reader.send(get("/sub/a", ACCEPTING));
    assert_eq!(reader.text(), stream_head());
}

#[test]
fn a_stream_is_compressed_where_it_is_configured() {
    for (mode, directives, items) in [
        ("streaming", PAGE, ["HEAD\n", "[1|a|old|1]", "[2|a|new|2]", "[-2|a|bye|0]", "FOOT\n"]),
        (
            "eventsource",
            "footer_template = \"F\"",
            [": \n", "data: old\n\n", "data: new\n\n", "data: bye\n\n", ": F\n"],
        ),
    ] {
        let own = "gzip = true\ngzip_streams = true\ngzip_types = [\"*\"]\n";
        let daemon = daemon(mode, &format!("{directives}\n{own}"));
        publish(&daemon, "a", "old");
        let reader = daemon.connect();
        reader.send(get("/sub/a.b1", ACCEPTING));
        let answer = reader.read();
        let (head, first) = split(&answer);
        assert!(head.contains("\r\nContent-Encoding: gzip\r\n"), "{head}");
        // The received part can be decompressed at once, although the stream continues.
        let mut received = data_of_chunks(first);
        assert_eq!(inflated(&received), items[..2].concat());
        publish(&daemon, "a", "new");
        received.extend(data_of_chunks(&reader.read()));
        assert_eq!(inflated(&received), items[..3].concat());
        delete(&daemon, "a", "bye");
        received.extend(data_of_chunks(&reader.read()));
        let mut whole = String::new();
        GzDecoder::new(received.as_slice()).read_to_string(&mut whole).expect("it ends well");
        assert_eq!(whole, items.concat());
    }
}

/// The text of an unfinished gzip stream: ten bytes of header, then DEFLATE.
fn inflated(packed: &[u8]) -> String {
    let mut text = Vec::with_capacity(1024);
    Decompress::new(false)
        .decompress_vec(&packed[10..], &mut text, FlushDecompress::Sync)
        .expect("it is DEFLATE");
    String::from_utf8(text).expect("the items are text")
}

#[test]
fn waiting_jsonp_requests_get_compressed_calls_of_their_own_functions() {
    let directives = format!("{PAGE}gzip = true\ngzip_types = ['*']");
    let daemon = daemon("long-polling", &directives);
    let clients = ["first", "second", "third"].map(|name| {
        let client = daemon.connect();
        client.send(get(&format!("/sub/a?callback={name}"), ACCEPTING));
        (name, client)
    });
    let text = "x".repeat(1_000);
    publish(&daemon, "a", &text);
    for (name, client) in clients {
        let (head, body) = unpacked(&client.read());
        assert_eq!(head, gzip_head().replace("text/html", "application/javascript"), "{name}");
        assert_eq!(body, format!("HEAD\n{name}([[1|a|{text}|1]]);FOOT\n"));
    }
}

#[test]
fn compressed_paddings_are_shared_by_all_subscribers() {
    let directives = "gzip = true\ngzip_streams = true\ngzip_types = ['*']\n\
                      padding_by_user_agent = '.*,0,400'";
    let daemon = daemon("streaming", directives);
    let clients = [0; 2].map(|_| {
        let client = daemon.connect();
        client.send(get("/sub/a", ACCEPTING));
        client.read();
        client.take_only(0);
        client
    });
    publish(&daemon, "a", "x");
    let [first, second] = clients.map(|client| client.unsent_places());
    assert_eq!(first.len(), 2, "a message and its padding");
    assert_eq!(first, second);
}
