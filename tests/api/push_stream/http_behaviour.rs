//! Header fields, bodies, methods, origins and compression at all locations (section 5).

use super::locations::*;
use crate::fixtures::{ask, bare, get};
use crate::support::{DATE, Daemon};
use std::io::Read;

/// The methods of section 5.3 and some others.
const METHODS: [&str; 8] = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"];

/// Checks which methods a location allows; all others get 405 and `Allow`.
fn assert_allows(target: &str, allowed: &[&str], allow: &str) {
    let daemon = daemon("");
    let expected = answer("405 Not Allowed", &format!("Allow: {allow}\r\n"), "");
    for method in METHODS {
        let given = ask(&daemon, bare(method, target, ""));
        if allowed.contains(&method) {
            assert!(!given.starts_with("HTTP/1.1 405"), "{method}: {given}")
        } else {
            assert_eq!(given, expected, "{method}")
        }
    }
}

#[test]
fn a_publisher_takes_get_post_put_and_options() {
    assert_allows("/normal?id=a", &["GET", "POST", "PUT", "OPTIONS"], "GET, POST, PUT");
}

#[test]
fn an_admin_publisher_takes_delete_too() {
    let allowed = ["GET", "POST", "PUT", "DELETE", "OPTIONS"];
    assert_allows("/pub?id=a", &allowed, "GET, POST, PUT, DELETE");
}

#[test]
fn statistics_take_get_alone() {
    assert_allows("/channels-stats", &["GET"], "GET");
}

#[test]
fn subscribers_take_get_and_options() {
    for target in ["/sub/a", "/poll/a", "/lp/a", "/ev/a"] {
        assert_allows(target, &["GET", "OPTIONS"], "GET");
    }
}

#[test]
fn a_websocket_location_takes_get_alone_and_closes() {
    let daemon = daemon("");
    let expected = format!(
        "HTTP/1.1 405 Not Allowed\r\nAllow: GET\r\nDate: {DATE}\r\nContent-Length: 0\r\n\
         Connection: close\r\n\r\n"
    );
    for method in METHODS.iter().filter(|method| **method != "GET") {
        let client = daemon.connect();
        assert_eq!(client.ask(bare(method, "/ws/a", "")), expected, "{method}");
        assert!(client.is_ended());
    }
}

#[test]
fn options_are_answered_before_a_channel_is_looked_for() {
    let daemon = daemon("");
    let plain = format!(
        "HTTP/1.1 200 OK\r\nDate: {DATE}\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"
    );
    assert_eq!(ask(&daemon, bare("OPTIONS", "/pub", "")), answer("200 OK", "", ""));
    assert_eq!(ask(&daemon, bare("OPTIONS", "/pub?id=ALL", "")), answer("200 OK", "", ""));
    assert_eq!(ask(&daemon, bare("OPTIONS", "/sub/", "")), plain);
    assert_eq!(names(&daemon), Vec::<String>::new());
}

#[test]
fn only_statistics_say_who_answers_and_only_to_get() {
    let daemon = daemon("max_channel_id_length = 3");
    let own = identity();
    let summary = ask(&daemon, get("/channels-stats", ""));
    assert!(summary.contains(&format!("\r\n{own}Date: ")), "{summary}");
    assert_eq!(ask(&daemon, get("/channels-stats?id=a", "")), answer("404 Not Found", &own, ""));
    let too_large = format!("X-Nginx-PushStream-Explain: Channel id is too large.\r\n{own}");
    assert_eq!(
        ask(&daemon, get("/channels-stats?id=abcd", "")),
        answer("400 Bad Request", &too_large, "")
    );
    assert_eq!(
        ask(&daemon, bare("POST", "/channels-stats", "")),
        answer("405 Not Allowed", "Allow: GET\r\n", "")
    );
}

#[test]
fn the_content_type_follows_the_extension_of_the_path() {
    let daemon = daemon("default_type = 'custom content type'\ntypes = { xx = 'x/y' }");
    let head = |content_type: &str| STREAM.replace("text/plain", content_type);
    assert_eq!(listen(&daemon, "/sub/room").text(), head("custom content type"));
    assert_eq!(listen(&daemon, "/sub/room.xx").text(), head("x/y"));
    assert_eq!(listen(&daemon, "/sub/a.xx/b").text(), head("custom content type"));
    let untold = self::daemon("");
    assert_eq!(listen(&untold, "/sub/room.html").text(), head("text/html"));
}

#[test]
fn the_status_line_says_1_1_to_clients_of_1_0_too() {
    let daemon = daemon("");
    let expected = refused("400 Bad Request", "No channel id provided.");
    let old = |fields: &str| ask(&daemon, format!("GET /pub HTTP/1.0\r\n{fields}\r\n"));
    assert_eq!(old(""), expected.replace("keep-alive", "close"));
    assert_eq!(old("Connection: keep-alive\r\n"), expected);
}

#[test]
fn a_client_of_1_0_gets_a_stream_without_chunks_that_ends_with_the_connection() {
    let daemon = daemon("footer_template = 'FOOT'\nheader_template = 'HEAD'");
    let client = daemon.connect();
    let head = STREAM.replace("Transfer-Encoding: chunked\r\n", "").replace("keep-alive", "close");
    assert_eq!(client.ask("GET /sub/a HTTP/1.0\r\n\r\n"), format!("{head}HEAD"));
    publish(&daemon, "a", "x");
    ask(&daemon, send("DELETE", "/pub?id=a", "", ""));
    assert_eq!(client.text(), "xChannel deletedFOOT");
    assert!(client.is_ended());
}

#[test]
fn a_connection_is_used_again_after_errors() {
    let daemon = daemon("");
    let client = daemon.connect();
    let expected = refused("400 Bad Request", "No channel id provided.");
    for target in ["/pub", "/sub/", "/poll/"] {
        assert_eq!(client.ask(get(target, "")), expected, "{target}");
    }
    let pipelined = get("/pub?id=a", "") + &get("/pub?id=b", "");
    assert_eq!(client.ask(pipelined), answer("404 Not Found", "", "").repeat(2));
}

#[test]
fn a_connection_is_used_again_after_a_stream_has_ended() {
    let daemon = daemon("");
    let client = stream(&daemon, "/sub/a");
    // Sent while the stream is open, and answered after its end.
    assert_eq!(client.ask(get("/pub?id=none", "")), "");
    ask(&daemon, send("DELETE", "/pub?id=a", "", ""));
    let end = chunk("Channel deleted") + LAST_CHUNK;
    assert_eq!(client.text(), end + &answer("404 Not Found", "", ""));
}

#[test]
fn a_refused_post_does_not_leave_its_body_on_the_connection() {
    let daemon = daemon("");
    let client = daemon.connect();
    let refused_post = send("POST", "/pub", "", "GET /pub?id=a HTTP/1.1\r\n\r\n");
    let expected = refused("400 Bad Request", "No channel id provided.");
    let request = refused_post + &get("/pub?id=b", "");
    assert_eq!(client.ask(request), expected + &answer("404 Not Found", "", ""));
}

#[test]
fn a_body_beyond_the_servers_limit_gets_the_servers_own_page() {
    let daemon = daemon("client_max_body_size = 4");
    let page = "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n\
                <center><h1>413 Request Entity Too Large</h1></center>\r\n</body>\r\n</html>\r\n";
    let length = page.len();
    let expected = format!(
        "HTTP/1.1 413 Request Entity Too Large\r\nContent-Type: text/html\r\nDate: {DATE}\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{page}"
    );
    assert_eq!(post(&daemon, "/pub?id=a", "12345"), expected);
    let chunked = "Transfer-Encoding: chunked\r\n";
    let request = bare("POST", "/pub?id=a", chunked) + "3\r\n123\r\n2\r\n45\r\n0\r\n\r\n";
    assert_eq!(ask(&daemon, request), expected);
    assert_eq!(post(&daemon, "/pub?id=a", "1234"), told(&row("a", 1, 1, 0)));
}

fn origin_fields(origin: &str, methods: &str) -> String {
    format!(
        "Access-Control-Allow-Origin: {origin}\r\nAccess-Control-Allow-Methods: {methods}\r\n\
         Access-Control-Allow-Headers: \
         If-Modified-Since,If-None-Match,Etag,Event-Id,Event-Type,Last-Event-Id\r\n"
    )
}

#[test]
fn no_origin_fields_are_sent_by_default() {
    let daemon = daemon("");
    for request in [
        get("/pub?id=a", "Origin: http://x\r\n"),
        bare("OPTIONS", "/sub/a", "Origin: http://x\r\n"),
        get("/poll/a", "Origin: http://x\r\n"),
    ] {
        let given = ask(&daemon, &request);
        assert!(!given.contains("Access-Control"), "{given}");
    }
}

#[test]
fn origin_fields_stand_on_every_answer_of_publishers() {
    let daemon = daemon("allowed_origins = 'http://a, http://b'");
    for (target, methods) in [("/normal", "GET, POST, PUT"), ("/pub", "GET, POST, PUT, DELETE")] {
        let own = origin_fields("http://a, http://b", methods);
        let with_id = format!("{target}?id=a");
        assert_eq!(ask(&daemon, bare("OPTIONS", target, "")), answer("200 OK", &own, ""));
        assert_eq!(
            ask(&daemon, get(&format!("{target}?id=none"), "")),
            answer("404 Not Found", &own, "")
        );
        let no_channel = format!("{own}X-Nginx-PushStream-Explain: No channel id provided.\r\n");
        assert_eq!(ask(&daemon, get(target, "")), answer("400 Bad Request", &no_channel, ""));
        let not_allowed = format!("{own}Allow: {methods}\r\n");
        assert_eq!(
            ask(&daemon, bare("HEAD", target, "")),
            answer("405 Not Allowed", &not_allowed, "")
        );
        let accepted = format!("{own}Content-Type: application/json\r\n");
        let published = if target == "/normal" { 1 } else { 2 };
        let body = row("a", published, published, 0);
        assert_eq!(post(&daemon, &with_id, "x"), answer("200 OK", &accepted, &body));
    }
}

#[test]
fn origin_fields_stand_on_every_answer_of_subscribers() {
    let daemon = daemon("allowed_origins = '*'");
    let own = origin_fields("*", "GET");
    let before_expires = format!("\r\n{own}Expires: ");
    assert_eq!(listen(&daemon, "/sub/a").text(), STREAM.replace("\r\nExpires: ", &before_expires));
    assert_eq!(
        ask(&daemon, get("/poll/a", "")),
        nothing("", "").replace("\r\nExpires: ", &before_expires)
    );
    assert_eq!(
        ask(&daemon, get("/sub/", "")),
        refused("400 Bad Request", "No channel id provided.")
            .replace("\r\nExpires: ", &before_expires)
    );
    assert_eq!(
        ask(&daemon, bare("POST", "/sub/a", "")),
        answer("405 Not Allowed", "Allow: GET\r\n", "").replace("\r\nExpires: ", &before_expires)
    );
    assert_eq!(
        ask(&daemon, bare("OPTIONS", "/sub/a", "")),
        format!(
            "HTTP/1.1 200 OK\r\n{own}Date: {DATE}\r\nContent-Length: 0\r\n\
             Connection: keep-alive\r\n\r\n"
        )
    );
}

#[test]
fn the_origin_may_come_from_an_argument_and_is_left_out_when_it_is_empty() {
    let daemon = daemon("allowed_origins = '$arg_domain'");
    let own = origin_fields("http://a b", "GET, POST, PUT, DELETE");
    assert_eq!(
        ask(&daemon, get("/pub?id=a&domain=http%3A%2F%2Fa%20b", "")),
        answer("404 Not Found", &own, "")
    );
    assert_eq!(ask(&daemon, get("/pub?id=a", "")), answer("404 Not Found", "", ""));
}

#[test]
fn statistics_and_websockets_never_send_origin_fields() {
    let daemon = daemon("allowed_origins = '*'");
    assert_eq!(
        ask(&daemon, get("/channels-stats?id=a", "")),
        answer("404 Not Found", &identity(), "")
    );
    // The fixture compares the complete answer.
    websocket(&daemon, "/ws/a");
}

/// Sends the request with `Accept-Encoding: gzip`; the decompressed answer must be `plain`.
fn assert_zipped(daemon: &Daemon, request: &dyn Fn(&str) -> String, content_type: &str) {
    let plain = ask(daemon, request(""));
    let (_, text) = plain.split_once("\r\n\r\n").expect("an answer has a head");
    let client = daemon.connect();
    client.send(request("Accept-Encoding: deflate, gzip;q=0.5\r\n"));
    let given = client.read();
    let at = given.windows(4).position(|four| four == b"\r\n\r\n").expect("it has a head") + 4;
    let (head, packed) = given.split_at(at);
    let head = String::from_utf8(head.to_vec()).expect("a head is text");
    assert!(head.contains("\r\nContent-Encoding: gzip\r\n"), "{head}");
    assert!(head.contains(&format!("\r\nContent-Type: {content_type}\r\n")), "{head}");
    assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", packed.len())), "{head}");
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut unpacked).expect("it is gzip");
    assert_eq!(unpacked, text);
}

const GZIP: &str = "gzip = true\ngzip_types = ['application/json', 'text/plain']";

#[test]
fn statistics_are_compressed_for_who_accepts_it() {
    let daemon = daemon(GZIP);
    publish(&daemon, "a", "x");
    for target in ["/channels-stats", "/channels-stats?id=ALL", "/channels-stats?id=a"] {
        assert_zipped(&daemon, &|fields| get(target, fields), "application/json");
        let plain = |fields: &str| get(target, &format!("Accept: text/plain\r\n{fields}"));
        assert_zipped(&daemon, &plain, "text/plain");
    }
}

#[test]
fn what_publishers_are_told_is_compressed_for_who_accepts_it() {
    let daemon = daemon(GZIP);
    publish(&daemon, "a", "x");
    assert_zipped(&daemon, &|fields| get("/pub?id=a", fields), "application/json");
    let request = send("POST", "/pub?id=a", "Accept-Encoding: gzip\r\n", "y");
    let client = daemon.connect();
    client.send(request);
    let given = client.read();
    let at = given.windows(4).position(|four| four == b"\r\n\r\n").expect("it has a head") + 4;
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(&given[at..]).read_to_string(&mut unpacked).expect("it is gzip");
    assert_eq!(unpacked, row("a", 2, 2, 0));
}

#[test]
fn what_is_not_listed_or_not_wanted_is_not_compressed() {
    let daemon = daemon(GZIP);
    publish(&daemon, "a", "x");
    let plain = told(&row("a", 1, 1, 0));
    for fields in ["", "Accept-Encoding: br\r\n", "Accept-Encoding: gzip;q=0\r\n"] {
        assert_eq!(ask(&daemon, get("/pub?id=a", fields)), plain, "{fields}");
    }
    let yaml = get("/pub?id=a", "Accept: a/yaml\r\nAccept-Encoding: gzip\r\n");
    assert!(!ask(&daemon, yaml).contains("Content-Encoding"));
    // By default, answers to HTTP/1.0 requests are not compressed.
    let old = "GET /pub?id=a HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n";
    assert_eq!(ask(&daemon, old), plain.replace("keep-alive", "close"));
}

#[test]
fn gzip_http_version_1_0_compresses_for_old_clients_too() {
    let daemon = daemon(&format!("{GZIP}\ngzip_http_version = '1.0'"));
    publish(&daemon, "a", "x");
    let request = |fields: &str| format!("GET /pub?id=a HTTP/1.0\r\n{fields}\r\n");
    assert_zipped(&daemon, &request, "application/json");
}
