//! The example configurations for proxies, with real nginx, HAProxy and Apache from Debian: every
//! transport passes through as it comes. Each message is published only after the one before has
//! arrived at the client, so a proxy that holds anything back is found out.

use crate::http::Connection;
use crate::programs::{self, Server, free_port, repository};
use crate::support::{Daemon, Folder, PATIENCE, SECRETS, token};
use std::net::TcpStream;

mod limits;
mod pages;
mod tricks;

const MESSAGES: usize = 20;

/// A proxy with the example configuration.
struct Proxy {
    address: String,
    _server: Server,
}

#[test]
fn nginx_passes_every_transport_on_at_once() {
    everything_passes(nginx);
}

#[test]
fn haproxy_passes_every_transport_on_at_once() {
    everything_passes(haproxy);
}

#[test]
fn apache_passes_every_transport_on_at_once() {
    everything_passes(apache);
}

/// nginx before the daemon at an address. None: it is not installed.
fn nginx(daemon: &str) -> Option<Proxy> {
    nginx_with(daemon, |text| text)
}

/// HAProxy likewise.
fn haproxy(daemon: &str) -> Option<Proxy> {
    haproxy_with(daemon, |text| text)
}

/// nginx with an edited configuration.
fn nginx_with(daemon: &str, edit: impl Fn(String) -> String) -> Option<Proxy> {
    let [nginx] = programs::find(["nginx"])?;
    let (folder, port) = (Folder::new(), free_port());
    let [limits, api, push_stream] =
        ["nginx-limits.conf", "nginx-rpushd.conf", "nginx-push-stream.conf"]
            .map(|name| example(name, daemon));
    let configuration = format!(
        "daemon off; master_process off; error_log stderr; pid nginx.pid;\n\
         events {{}}\n\
         http {{\n\
         access_log off; client_body_temp_path body; proxy_temp_path proxy;\n\
         fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n\
         {limits}\
         server {{ listen 127.0.0.1:{port};\n{api}{push_stream} }}\n\
         }}\n"
    );
    folder.write("nginx.conf", &edit(configuration));
    let prefix = folder.path("").display().to_string();
    let server = Server::start(&nginx, &["-p", &prefix, "-c", "nginx.conf"], folder, port);
    Some(Proxy { address: format!("127.0.0.1:{port}"), _server: server })
}

/// HAProxy with an edited configuration.
fn haproxy_with(daemon: &str, edit: impl Fn(String) -> String) -> Option<Proxy> {
    let [haproxy] = programs::find(["haproxy"])?;
    let (folder, port) = (Folder::new(), free_port());
    let configuration = example("haproxy.cfg", daemon).replace(":8080", &format!(":{port}"));
    folder.write("haproxy.cfg", &edit(configuration));
    let server = Server::start(&haproxy, &["-db", "-f", "haproxy.cfg"], folder, port);
    Some(Proxy { address: format!("127.0.0.1:{port}"), _server: server })
}

/// Apache likewise.
fn apache(daemon: &str) -> Option<Proxy> {
    let [apache] = programs::find(["apache2"])?;
    let (folder, port) = (Folder::new(), free_port());
    let modules: String = ["mpm_event", "authz_core", "env", "setenvif", "proxy", "proxy_http"]
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .concat();
    let configuration = format!(
        "ServerRoot {}\nServerName localhost\nListen 127.0.0.1:{port}\nPidFile apache.pid\n\
         ErrorLog error.log\nDefaultRuntimeDir .\nUser nobody\nGroup nogroup\n{modules}{}",
        folder.path("").display(),
        example("apache.conf", daemon).replace(":8080", &format!(":{port}")),
    );
    let file = folder.write("apache.conf", &configuration);
    let server = Server::start(&apache, &["-X", "-f", &file], folder, port);
    Some(Proxy { address: format!("127.0.0.1:{port}"), _server: server })
}

/// An example configuration, pointed at the daemon.
fn example(name: &str, daemon: &str) -> String {
    let file = repository("packaging/proxies").join(name);
    let text = std::fs::read_to_string(file).expect("it is in the repository");
    text.replace("127.0.0.1:45831", daemon).replace("127.0.0.1:9080", daemon)
}

/// Does something with a daemon and the address of the proxy before it, if that is installed.
fn before_a_daemon(start: impl Fn(&str) -> Option<Proxy>, act: impl Fn(&Daemon, &str)) {
    let config = repository("tests/daemon/peers.toml").display().to_string();
    let daemon = Daemon::start(&[("RPUSHD_CONFIG", &config)]);
    if let Some(Proxy { address, _server }) = start(&daemon.address()) {
        act(&daemon, &address);
    }
}

fn everything_passes(start: fn(&str) -> Option<Proxy>) {
    before_a_daemon(start, |daemon, proxy| {
        only_health_and_streams_are_public(proxy);
        framed_stream(daemon, proxy);
        event_source(daemon, proxy);
        long_polling(daemon, proxy);
        websocket(daemon, proxy);
    });
}

fn only_health_and_streams_are_public(proxy: &str) {
    let mut client = Connection::open(proxy);
    let answer = client.ask("GET /push-daemon/healthz", &[], "");
    assert_eq!((answer.status(), answer.rest().as_str()), (200, r#"{"status":"ok"}"#));
    for hidden in
        ["/push-daemon/api/stats", "/push-daemon/api/publish", "/push-daemon/", "/pub?id=x"]
    {
        let answer = client.ask(&format!("GET {hidden}"), &[], "");
        assert_eq!(answer.status(), 404, "{hidden}");
        answer.rest();
        client = Connection::open(proxy);
    }
}

fn framed_stream(daemon: &Daemon, proxy: &str) {
    let (mut publisher, mut client) =
        (Connection::open(&daemon.address()), Connection::open(proxy));
    let body = format!(r#"{{"token":"{}"}}"#, token(SECRETS[0].1, "room:1"));
    let fields = ["Content-Type: application/json"];
    let mut answer = client.ask("POST /push-daemon/api/stream/room%3A1", &fields, &body);
    assert_eq!(
        (answer.status(), answer.field("content-type")),
        (200, Some("application/octet-stream"))
    );
    // For a further nginx in front of the proxy.
    assert_eq!(answer.field("x-accel-buffering"), Some("no"));
    answer.expect("\0\0");
    let bearer = format!("Authorization: Bearer {}", SECRETS[1].1);
    for number in 0..MESSAGES {
        let payload = format!(r#""message number {number}""#);
        let body = format!(r#"{{"channel":"room:1","message":{payload}}}"#);
        let published = publisher.ask("POST /api/publish", &[&bearer, fields[0]], &body);
        assert_eq!(published.status(), 204);
        let mut length = answer.bytes(2);
        while length == [0, 0] {
            length = answer.bytes(2);
        }
        assert_eq!(length, [0, payload.len() as u8]);
        answer.expect(&payload);
    }
}

fn event_source(daemon: &Daemon, proxy: &str) {
    let mut client = Connection::open(proxy);
    let mut answer = client.ask("GET /ev/events", &["Accept: text/event-stream"], "");
    assert_eq!(answer.field("content-type"), Some("text/event-stream; charset=utf-8"));
    answer.expect(": \n");
    for number in 0..MESSAGES {
        publish(daemon, "events", &format!("event {number}"));
        answer.expect(&format!("data: event {number}\n\n"));
    }
}

fn long_polling(daemon: &Daemon, proxy: &str) {
    let mut client = Connection::open(proxy);
    for number in 0..MESSAGES {
        let text = format!("answer {number}");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                await_subscriber(daemon, "polled");
                publish(daemon, "polled", &text);
            });
            let answer = client.ask("GET /lp/polled", &[], "");
            assert_eq!(answer.status(), 200);
            assert_ne!(answer.field("connection"), Some("close"));
            assert_eq!(answer.rest(), text);
        });
    }
}

fn websocket(daemon: &Daemon, proxy: &str) {
    let stream = TcpStream::connect(proxy).expect("the proxy listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    let url = format!("ws://{proxy}/ws/talk");
    let (mut client, _) = tungstenite::client(url, stream).expect("the handshake passes");
    for number in 0..MESSAGES {
        let (own, other) = (format!("own {number}"), format!("other {number}"));
        client.send(own.clone().into()).expect("the connection is open");
        assert_eq!(client.read().expect("a message").to_text().expect("text"), own);
        publish(daemon, "talk", &other);
        assert_eq!(client.read().expect("a message").to_text().expect("text"), other);
    }
    client.close(None).expect("the connection is open");
    while client.read().is_ok() {}
}

fn publish(daemon: &Daemon, channel: &str, text: &str) {
    let mut publisher = Connection::open(&daemon.address());
    let answer = publisher.ask(&format!("POST /pub?id={channel}"), &[], text);
    assert_eq!(answer.status(), 200);
    assert!(answer.rest().contains(r#""subscribers": 1}"#), "nobody listens to {channel}");
}

/// Asks until the channel has a subscriber.
fn await_subscriber(daemon: &Daemon, channel: &str) {
    let mut client = Connection::open(&daemon.address());
    loop {
        let answer = client.ask(&format!("GET /channels-stats?id={channel}"), &[], "");
        if answer.rest().contains(r#""subscribers": 1}"#) {
            return;
        }
    }
}
