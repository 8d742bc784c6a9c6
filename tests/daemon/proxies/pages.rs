//! The lines for HAProxy that README and upgrade page show, and those of the README of 1.0.

use super::{framed_stream, only_health_and_streams_are_public};
use crate::http::Connection;
use crate::programs::{self, Server, free_port, repository};
use crate::support::{Daemon, Folder, SECRETS, eventually};
use std::path::Path;

/// The lines of the README of 1.0.
#[test]
fn haproxy_may_leave_the_prefix_in_place() {
    let Some([haproxy]) = programs::find(["haproxy"]) else {
        return;
    };
    let daemon = daemon();
    let backend =
        "backend rpushd\n mode http\n timeout server 75s\n server rpushd 127.0.0.1:45831\n";
    let (_haproxy, proxy) = with_backend(&haproxy, backend, &daemon);
    only_health_and_streams_are_public(&proxy);
    framed_stream(&daemon, &proxy);
}

#[test]
fn the_haproxy_lines_of_the_readme_work_beside_a_frontend() {
    let Some([haproxy]) = programs::find(["haproxy"]) else {
        return;
    };
    let daemon = daemon();
    let backend = haproxy_lines(include_str!("../../../README.md"));
    let (_haproxy, proxy) = with_backend(&haproxy, &backend, &daemon);
    only_health_and_streams_are_public(&proxy);
    framed_stream(&daemon, &proxy);
}

#[test]
fn the_health_check_of_the_upgrade_page_is_answered() {
    let Some([haproxy]) = programs::find(["haproxy"]) else {
        return;
    };
    let daemon = daemon();
    let backend = haproxy_lines(include_str!("../../../packaging/upgrade.md"));
    assert!(backend.ends_with(" check\n"), "{backend}");
    let backend = backend.replace(" check\n", " check inter 20ms fall 1\n");
    let (_haproxy, proxy) = with_backend(&haproxy, &backend, &daemon);
    let bearer = format!("Authorization: Bearer {}", SECRETS[1].1);
    let count = |name: &str| {
        let mut client = Connection::open(&daemon.address());
        let stats = client.ask("GET /api/stats", &[&bearer], "").rest();
        let value = stats.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        value.and_then(|value| value.trim().parse::<u64>().ok()).expect(name)
    };
    let connections = count("connections_total:");
    // Each question is a connection itself.
    let mut asked = 0;
    eventually("HAProxy checks", || {
        asked += 1;
        count("connections_total:") > connections + asked + 5
    });
    assert_eq!(count("malformed_requests_total:"), 0);
    framed_stream(&daemon, &proxy);
}

fn daemon() -> Daemon {
    let config = repository("tests/daemon/peers.toml").display().to_string();
    Daemon::start(&[("RPUSHD_CONFIG", &config)])
}

/// A backend with the lines of a page, less their indentation there.
fn haproxy_lines(page: &str) -> String {
    let (_, rest) = page.split_once("```haproxy\n").expect("there are some");
    let (lines, _) = rest.split_once("```").expect("they have an end");
    let lines = lines.lines().map(str::trim_start).filter(|line| !line.is_empty());
    lines.map(|line| line.to_owned() + "\n").collect()
}

/// HAProxy with a frontend for everything below the prefix, and this backend.
fn with_backend(haproxy: &Path, backend: &str, daemon: &Daemon) -> (Server, String) {
    let (folder, port) = (Folder::new(), free_port());
    assert!(backend.contains("127.0.0.1:45831"));
    let backend = backend.replace("127.0.0.1:45831", &daemon.address());
    let configuration = format!(
        "defaults\n timeout connect 5s\n timeout client 75s\n\
         frontend public\n mode http\n bind 127.0.0.1:{port}\n\
         acl is_push path_beg /push-daemon/\n http-request deny deny_status 404 unless is_push\n\
         default_backend rpushd\n{backend}"
    );
    folder.write("haproxy.cfg", &configuration);
    let server = Server::start(haproxy, &["-db", "-f", "haproxy.cfg"], folder, port);
    (server, format!("127.0.0.1:{port}"))
}
