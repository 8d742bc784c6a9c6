//! Requests that try to reach through a proxy what it does not make public: paths that are read in
//! two ways, heads and bodies that end in two places.

use super::Proxy;
use crate::programs;
use crate::support::{Daemon, Folder, SECRETS};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// How long an answer is waited for; some tricks leave a request unfinished in the eyes of the
/// proxy.
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);
/// As many connections at once as Apache has threads for in one process.
const AT_ONCE: usize = 16;
/// Most bytes of an answer that are looked at.
const ANSWER_BYTES_MAX: u64 = 1 << 16;

/// A path that no proxy passes on, what is asked there, and what is behind the question mark.
struct Target {
    path: &'static str,
    query: &'static str,
    methods: &'static [&'static str],
}

const TARGETS: [Target; 4] = [
    Target { path: "pub", query: "?id=victim", methods: &["POST", "DELETE"] },
    Target { path: "channels-stats", query: "?id=ALL", methods: &["GET"] },
    Target { path: "api/stats", query: "", methods: &["GET"] },
    Target { path: "api/publish", query: "", methods: &["POST"] },
];

/// What the proxies pass on, and places beside it.
const PREFIXES: [&str; 9] = [
    "/",
    "/sub/",
    "/ev/",
    "/lp/",
    "/jsonp/",
    "/ws/",
    "/push-daemon/",
    "/push-daemon/healthz/",
    "/push-daemon/api/stream/",
];

/// Steps to the folder above, to one reader or another.
const STEPS_UP: &[&str] = &[
    "../",
    "..//",
    "./../",
    "..%2f",
    "..%2F",
    "%2e%2e/",
    "%2E%2e%2F",
    ".%2e/",
    "%2e./",
    "%2e/%2e%2e/",
    "..;/",
    "..;a=b/",
    ";/../",
    "..\\",
    "..%5c",
    "..%5C/",
    "..%00/",
    ".%00./",
    "..%01/",
    "..%09/",
    "..%0a/",
    "..%0d%0a/",
    "..%20/",
    "..%7f/",
    "..%23/",
    "..%3f/",
    "..?/../",
    "%252e%252e/",
    "..%252f",
    "%c0%ae%c0%ae/",
    "..%c0%af",
    "..%u2215",
];

/// Answers that no proxy may let through: statistics of either face, and what a publisher says.
const GIVEN_AWAY: [&str; 5] =
    ["published_messages", "uptime_seconds", "\"hostname\"", "Channel deleted", "HTTP/1.1 204"];

#[test]
fn no_trick_gets_through_nginx_to_what_is_not_public() {
    nothing_gets_through(|daemon| super::nginx_with(daemon, super::limits::lift));
}

#[test]
fn no_trick_gets_through_haproxy_to_what_is_not_public() {
    nothing_gets_through(|daemon| super::haproxy_with(daemon, super::limits::lift));
}

#[test]
fn no_trick_gets_through_apache_to_what_is_not_public() {
    nothing_gets_through(super::apache);
}

/// The server behind it hangs up, so that HAProxy answers 502 to what it passes on.
#[test]
fn haproxy_itself_refuses_dot_segments_and_encoded_slashes() {
    let mute = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = mute.local_addr().expect("it is bound").to_string();
    thread::spawn(move || mute.incoming().for_each(drop));
    let Some(proxy) = super::haproxy(&address) else {
        return;
    };
    for harmless in ["/sub/a..b/...x", "/sub/.x", "/sub/%2e.x", "/sub/..;/x"] {
        let passed = ask(&proxy.address, &request("GET", harmless));
        assert!(passed.starts_with("HTTP/1.1 502 "), "{harmless}: {passed}");
    }
    let means_up = |request: &Vec<u8>| {
        let text = String::from_utf8_lossy(request).to_ascii_lowercase();
        let path = text.split([' ', '?', '#']).nth(1).unwrap_or_default().replace("%2e", ".");
        path.contains("%2f") || path.split('/').any(|segment| [".", ".."].contains(&segment))
    };
    for request in paths().filter(means_up) {
        let answer = ask(&proxy.address, &request);
        let asked = String::from_utf8_lossy(&request);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{asked}: {answer}");
    }
}

fn nothing_gets_through(start: fn(&str) -> Option<Proxy>) {
    let folder = Folder::new();
    let daemon = shipped_daemon(&folder);
    let Some(proxy) = start(&daemon.address()) else {
        return;
    };
    let publish = request("POST", "/pub?id=victim");
    assert!(ask(&daemon.address(), &publish).contains("published_messages"));
    let before = state(&daemon);
    let requests: Vec<Vec<u8>> = paths().chain(heads_and_bodies()).collect();
    let next = AtomicUsize::new(0);
    let get_through = || {
        let mut got_through = Vec::new();
        while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
            let answer = ask(&proxy.address, request);
            if GIVEN_AWAY.iter().any(|text| answer.contains(text)) {
                got_through.push((String::from_utf8_lossy(request), answer));
            }
        }
        got_through
    };
    let got_through: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(get_through)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("it only asks")).collect()
    });
    let count = (got_through.len(), requests.len());
    assert!(got_through.is_empty(), "{} of {}: {got_through:#?}", count.0, count.1);
    assert_eq!(state(&daemon), before);
}

/// The daemon with the configuration as it is shipped, but with long-polls and streams that end
/// soon.
fn shipped_daemon(folder: &Folder) -> Daemon {
    let shipped = programs::repository("packaging/push-stream.toml");
    let text = std::fs::read_to_string(shipped).expect("it is in the repository");
    let config = folder.write("push-stream.toml", &text.replace("\"3s\"", "\"100ms\""));
    Daemon::start(&[("RPUSHD_CONFIG", &config)])
}

/// What was published through either face, and the channel that is there to be deleted.
fn state(daemon: &Daemon) -> Vec<String> {
    let channel = ask(&daemon.address(), &request("GET", "/channels-stats?id=victim"));
    let summary = ask(&daemon.address(), &request("GET", "/channels-stats"));
    let api = ask(&daemon.address(), &request("GET", "/api/stats"));
    let text = [channel, summary, api].concat();
    let counted = ["published_messages", "stored_messages", "publish_requests_total"];
    let is_counted = |part: &&str| counted.iter().any(|name| part.contains(name));
    text.split([',', '\n']).filter(is_counted).map(str::to_owned).collect()
}

/// A whole request, with everything that either face wants of one.
fn request(method: &str, target: &str) -> Vec<u8> {
    let body = match method {
        "POST" => r#"{"channel":"victim","message":1}"#,
        _ => "",
    };
    format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Authorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        SECRETS[1].1,
        body.len()
    )
    .into_bytes()
}

/// Sends bytes and reads what comes back until the end, or until nothing more comes.
fn ask(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_read_timeout(Some(ANSWER_PATIENCE)).expect("a time");
    let mut answer = Vec::new();
    // A refused request may be cut off before it is all sent, and a stream does not end.
    _ = stream.write_all(bytes);
    _ = stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Requests whose path is the trick.
fn paths() -> impl Iterator<Item = Vec<u8>> {
    TARGETS.iter().flat_map(|target| {
        let spelled = spellings(target).into_iter().chain(ways_up(target));
        spelled.flat_map(|path| target.methods.iter().map(move |method| request(method, &path)))
    })
}

/// From each public place up to the root and down to the target.
fn ways_up(target: &Target) -> Vec<String> {
    let (path, query) = (target.path, target.query);
    let mut ways = Vec::new();
    for prefix in PREFIXES {
        let depth = prefix.matches('/').count() - 1;
        for step in STEPS_UP {
            ways.push(format!("{prefix}{}{path}{query}", step.repeat(depth)));
            ways.push(format!("{prefix}x/{}{path}{query}", step.repeat(depth + 1)));
            // Without a slash in front of the first step.
            let prefix = prefix.trim_end_matches('/');
            ways.push(format!("{prefix}%2f{}{path}{query}", step.repeat(depth)));
        }
    }
    ways
}

/// Other spellings of the target itself.
fn spellings(target: &Target) -> Vec<String> {
    let Target { path, query, .. } = target;
    let (first, rest) = path.split_at(1);
    let encoded = format!("%{:02x}{rest}", first.as_bytes()[0]);
    let (upper, capital) = (path.to_ascii_uppercase(), first.to_ascii_uppercase() + rest);
    let mut spellings: Vec<String> = [
        "/", "//", "///", "/./", "/%2e/", "/%2f", "%2f", "/;/", "/;x/", "/%5c", "\\", "/\\", "",
        "/%09", "/%0d%0a", "/%00", "/ ",
    ]
    .into_iter()
    .map(|before| format!("{before}{path}{query}"))
    .collect();
    for behind in
        ["/", "//", ";", ";/sub/x", "%00", "%20", "%09", "%3f", "%23", "%2f", "/.", "/%2e"]
    {
        spellings.push(format!("/{path}{behind}{query}"));
    }
    spellings.extend([&encoded, &upper, &capital].map(|path| format!("/{path}{query}")));
    for authority in [
        "http://localhost",
        "HTTP://localhost",
        "https://localhost:443",
        "http://user@localhost",
        "http://localhost/sub/..",
        "http://localhost/sub/%2e%2e",
        "http://localhost/sub/..%2f",
        "http://localhost/",
        "http://localhost?/sub/",
        "http://",
        "http:",
        "//localhost",
        "ftp://localhost",
    ] {
        spellings.push(format!("{authority}/{path}{query}"));
    }
    for public in ["/sub/x", "/push-daemon/api/stream/x", "/push-daemon/healthz", "/push-daemon"] {
        for between in ["?/../..", "?", "#/../..", "#", "%23/../../..", "%3f/../../..", ";"] {
            spellings.push(format!("{public}{between}/{path}{query}"));
        }
        // A second request line, for whoever decodes the first and does not encode it again.
        for line_end in ["%0d%0a", "%0a", "%0d", "%E5%98%8D%E5%98%8A"] {
            spellings.push(format!(
                "{public}%20HTTP/1.1{line_end}Host:x{line_end}{line_end}POST%20/{path}{query}"
            ));
        }
    }
    spellings
}

/// Requests of what is public, with another request in them.
fn heads_and_bodies() -> impl Iterator<Item = Vec<u8>> {
    let public = ["/sub/x", "/ws/x", "/push-daemon/api/stream/x"];
    public.into_iter().flat_map(|path| {
        ["GET", "POST"].into_iter().flat_map(move |method| {
            let line = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
            [two_lengths(&line), two_ends_of_a_head(&line), switched(&line), renamed(&line)]
                .concat()
        })
    })
}

const HIDDEN: &str =
    "POST /pub?id=victim HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx";

/// The body ends in one place for who counts and in another for who reads chunks.
fn two_lengths(line: &str) -> Vec<Vec<u8>> {
    let length = HIDDEN.len();
    let behind_the_last_chunk = format!("0\r\n\r\n{HIDDEN}");
    let in_a_chunk = format!("{length:x}\r\n{HIDDEN}\r\n0\r\n\r\n");
    let mut requests = Vec::new();
    for encoding in [
        "Transfer-Encoding: chunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\tchunked",
        "Transfer-Encoding: \x0bchunked",
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding: CHUNKED",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
        "Transfer_Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked",
        "\x01Transfer-Encoding: chunked",
        " Transfer-Encoding: chunked",
    ] {
        let counted = behind_the_last_chunk.len();
        requests.push(format!(
            "{line}Content-Length: {counted}\r\n{encoding}\r\n\r\n{behind_the_last_chunk}"
        ));
        requests.push(format!("{line}{encoding}\r\nContent-Length: 4\r\n\r\n{in_a_chunk}"));
        requests.push(format!("{line}{encoding}\r\n\r\n{behind_the_last_chunk}"));
    }
    for lengths in [
        format!("Content-Length: 0\r\nContent-Length: {length}"),
        format!("Content-Length: {length}\r\nContent-Length: 0"),
        format!("Content-Length: 0, {length}"),
        format!("Content-Length: {length}, 0"),
        format!("Content-Length : {length}"),
        format!("Content-Length: +{length}"),
        format!("Content-Length: 0x{length:x}"),
        format!("Content-Length: \"{length}\""),
        format!("Content-Length: {length} 0"),
        format!("Content-Length:\r\n {length}"),
        format!("Content_Length: {length}"),
        format!("X: y\nContent-Length: {length}"),
        "Content-Length: -1".to_owned(),
        "Content-Length: 18446744073709551616".to_owned(),
        "X: y".to_owned(),
    ] {
        requests.push(format!("{line}{lengths}\r\n\r\n{HIDDEN}"));
    }
    for chunks in [
        format!("1;a=b\nx\r\n0\r\n\r\n{HIDDEN}"),
        format!("0;\n\r\n\r\n{HIDDEN}"),
        format!("0\n\n{HIDDEN}"),
        format!("-1\r\n{HIDDEN}"),
        format!("+0\r\n\r\n{HIDDEN}"),
        format!("0x0\r\n\r\n{HIDDEN}"),
        format!("10000000000000000\r\n{HIDDEN}"),
        format!("0\r\nContent-Length: {length}\r\n\r\n{HIDDEN}"),
        format!("0\r\nX: y\r\n{HIDDEN}"),
    ] {
        requests.push(format!("{line}Transfer-Encoding: chunked\r\n\r\n{chunks}"));
    }
    requests.into_iter().map(String::into_bytes).collect()
}

/// The head ends early for who takes a lone line end or a NUL for an end.
fn two_ends_of_a_head(line: &str) -> Vec<Vec<u8>> {
    ["\n\n", "\r\r", "\n\r\n", "\r\n\n", "\0\r\n\r\n", "\x0b\r\n\r\n", "\x0c\n\n"]
        .into_iter()
        .flat_map(|end| {
            let in_value = format!("{line}X: y{end}{HIDDEN}\r\n\r\n");
            let in_name = format!("{line}X{end}{HIDDEN}\r\n\r\n");
            [in_value.into_bytes(), in_name.into_bytes()]
        })
        .collect()
}

/// The proxy takes the connection for a tunnel, and the daemon does not; or the other way round.
fn switched(line: &str) -> Vec<Vec<u8>> {
    [
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 7\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        "Expect: 100-continue\r\n",
        "Connection: close, Content-Length\r\nContent-Length: 71\r\n",
        "Connection: Host, Authorization, Transfer-Encoding\r\n",
    ]
    .into_iter()
    .map(|fields| format!("{line}{fields}\r\n{HIDDEN}").into_bytes())
    .collect()
}

/// Fields that some servers take for the real path, method or length.
fn renamed(line: &str) -> Vec<Vec<u8>> {
    [
        "X-Original-URL: /pub?id=victim",
        "X-Rewrite-URL: /pub?id=victim",
        "X-Forwarded-Path: /pub?id=victim",
        "X-Forwarded-Prefix: /pub?id=victim",
        "X-HTTP-Method-Override: DELETE\r\nX-Original-URL: /pub?id=victim",
        "X-HTTP-Method: DELETE",
        "Forwarded: for=127.0.0.1;path=\"/pub?id=victim\"",
    ]
    .into_iter()
    .map(|field| {
        format!("{line}{field}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into_bytes()
    })
    .collect()
}
