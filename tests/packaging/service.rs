//! The unit: how exposed it leaves the service, and which networks it lets in.

use super::shipped;
use rpushd::config::{Config, DiskFiles, Overrides};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::process::Command;

/// The values of a setting in the unit, which may be there several times.
fn values<'u>(unit: &'u str, name: &str) -> Vec<&'u str> {
    let lines = unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    lines.flat_map(|value| value.split(' ')).collect()
}

/// Whether systemd-analyze is installed. Without it the test reports that it is skipped, and fails
/// on CI.
fn has_systemd_analyze() -> bool {
    let is_there = Command::new("systemd-analyze").arg("--version").output().is_ok();
    if !is_there {
        assert!(std::env::var("CI").is_err(), "systemd-analyze is not installed");
        let _ = writeln!(std::io::stderr(), "SKIPPED: systemd-analyze is not installed");
    }
    is_there
}

#[test]
fn systemd_finds_the_unit_to_be_exposed_at_most_at_level_1_0() {
    if !has_systemd_analyze() {
        return;
    }
    let folder = std::env::temp_dir().join(format!("rpushd-unit-{}", std::process::id()));
    fs::create_dir(&folder).expect("a folder of our own");
    // The program need not be there, but its path must be absolute.
    let unit = shipped("systemd/rpushd.service").replace("=rpushd ", "=/bin/true ");
    let file = folder.join("rpushd.service");
    fs::write(&file, unit).expect("it is ours");
    let mut command = Command::new("systemd-analyze");
    command.args(["security", "--no-pager", "--offline=yes", "--threshold=10"]).arg(&file);
    let output = command.output().expect("systemd-analyze runs");
    fs::remove_dir_all(&folder).expect("it is ours");
    let table = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{table}\n{complaints}");
    // Such as a setting that systemd does not know.
    assert_eq!(complaints, "");
}

#[test]
fn the_unit_lets_the_daemon_install_its_own_filter() {
    let unit = shipped("systemd/rpushd.service");
    assert_eq!(values(&unit, "SystemCallFilter").last(), Some(&"seccomp"));
}

#[test]
fn the_unit_lets_in_exactly_the_networks_whose_addresses_cause_no_warning() {
    let unit = shipped("systemd/rpushd.service");
    assert_eq!(values(&unit, "IPAddressDeny"), ["any"]);
    let warnings_about = |address: &str| {
        let text = format!("listen = \"{address}:1\"\nsecret = \"0123456789abcdef-1\"\n");
        let text = text + "publish_secret = \"0123456789abcdef-2\"\n";
        let file = Some(("test.toml", text.as_str()));
        let overrides = Overrides::default();
        let config = Config::from_sources(file, &BTreeMap::new(), &DiskFiles, &overrides);
        config.unwrap_or_else(|error| panic!("{error}")).warnings.len()
    };
    // Addresses of each network, the first one of it and the last.
    let networks = [
        ("localhost", ["127.0.0.1", "[::1]"]),
        ("link-local", ["169.254.0.0", "[fe80::1]"]),
        ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255"]),
        ("172.16.0.0/12", ["172.16.0.0", "172.31.255.255"]),
        ("192.168.0.0/16", ["192.168.0.0", "192.168.255.255"]),
        ("100.64.0.0/10", ["100.64.0.0", "100.127.255.255"]),
        ("fc00::/7", ["[fc00::]", "[fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"]),
    ];
    assert_eq!(values(&unit, "IPAddressAllow"), networks.map(|(network, _)| network));
    for address in networks.iter().flat_map(|(_, addresses)| addresses) {
        assert_eq!(warnings_about(address), 0, "{address}");
    }
    for address in ["172.15.255.255", "172.32.0.0", "100.128.0.0", "[fe00::]", "0.0.0.0", "[::]"] {
        assert_eq!(warnings_about(address), 1, "{address}");
    }
}
