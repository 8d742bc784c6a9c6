//! Tests of warnings: unknown variables, intervals too long for a proxy, exposed addresses.

use super::{SECRETS, load, load_with_secrets};

#[test]
fn unknown_variables_are_warned_about_with_a_suggestion() {
    let mut pairs = SECRETS.to_vec();
    pairs.extend([
        ("RPUSHD_HEARTBEAT_SEC", "1"),
        ("RPUSHD_COLOUR", "blue"),
        ("RPUSHD_CONFIG", "/etc/rpushd.toml"),
    ]);
    assert_eq!(
        load("", &pairs).unwrap().warnings,
        [
            "RPUSHD_COLOUR: unknown variable",
            "RPUSHD_HEARTBEAT_SEC: unknown variable, did you mean \"RPUSHD_HEARTBEAT_SECS\"?",
        ]
    );
}

#[test]
fn a_heartbeat_that_the_proxy_does_not_wait_for_is_warned_about_with_both_variables() {
    let warning = |heartbeat: &str, patience: &str| {
        format!(
            "RPUSHD_HEARTBEAT_SECS ({heartbeat}) is not below RPUSHD_PROXY_READ_TIMEOUT \
             ({patience}): a proxy that waits no longer than that closes every quiet stream before \
             its first heartbeat; lower RPUSHD_HEARTBEAT_SECS, or set RPUSHD_PROXY_READ_TIMEOUT to \
             the read time-out of your proxy"
        )
    };
    let of_the_old_daemon = [&SECRETS[..], &[("RPUSHD_HEARTBEAT_SECS", "300")]].concat();
    let config = load("", &of_the_old_daemon).unwrap();
    assert_eq!(config.heartbeat.whole_seconds(), 300);
    assert_eq!(config.warnings, [warning("300s", "75s")]);
    assert_eq!(load_with_secrets("heartbeat = 75").warnings, [warning("75s", "75s")]);
    let config = load_with_secrets("proxy_read_timeout = 10\nlimits.keepalive_timeout = 10");
    assert_eq!(config.warnings, [warning("15s", "10s")]);
}

#[test]
fn an_address_that_other_networks_reach_is_warned_about() {
    let warning = |address: &str| {
        format!(
            "{address} can be reached from other networks, and the daemon speaks plain HTTP: \
             listen on 127.0.0.1 or a private address, behind a proxy that speaks TLS \
             (rpushd.service lets in private networks only: IPAddressAllow=)"
        )
    };
    let config =
        load_with_secrets("listen = ['127.0.0.1:1', '0.0.0.0:2']\ninternal_listen = '[::]:3'");
    assert_eq!(config.warnings, [warning("0.0.0.0:2"), warning("[::]:3")]);
    let config = load_with_secrets("listen = ['10.0.0.1:1', 'unix:/run/x', 'systemd']");
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn locations_that_let_other_networks_publish_without_a_secret_are_warned_about() {
    let warnings = |listen: &str, location: &str| {
        let text =
            format!("{listen}\n[[location]]\npath = '/x'\nchannels_path = '$arg_id'\n{location}\n");
        let mut warnings = load_with_secrets(&text).warnings;
        warnings.retain(|warning| warning.contains("without a secret"));
        warnings
    };
    let warning = |address: &str, what: &str| {
        vec![format!(
            "x.toml:2: location \"/x\": every client that can connect to {address} can {what} \
             without a secret: set require_secret = true, or internal = true and an \
             internal_listen on a private address"
        )]
    };
    let everywhere = "listen = '0.0.0.0:1'";
    let admin = "publisher = 'admin'";
    assert_eq!(warnings(everywhere, admin), warning("0.0.0.0:1", "publish, and delete channels,"));
    assert_eq!(warnings(everywhere, "publisher = true"), warning("0.0.0.0:1", "publish"));
    assert_eq!(
        warnings(everywhere, "channels_statistics = true"),
        warning("0.0.0.0:1", "list the channels")
    );
    let nothing = Vec::<String>::new();
    assert_eq!(warnings(everywhere, "subscriber = 'polling'"), nothing);
    assert_eq!(warnings(everywhere, "publisher = 'admin'\nrequire_secret = true"), nothing);
    assert_eq!(warnings("listen = '127.0.0.1:1'", admin), nothing);
    let hidden = "publisher = 'admin'\ninternal = true";
    assert_eq!(warnings("listen = '0.0.0.0:1'\ninternal_listen = '127.0.0.1:2'", hidden), nothing);
}

#[test]
fn a_heartbeat_in_the_second_half_of_the_proxy_time_out_is_warned_about() {
    let config = load_with_secrets("heartbeat = 38");
    assert_eq!(
        config.warnings,
        ["heartbeat (38s) is more than half of proxy_read_timeout (75s): when one heartbeat is \
          late, the proxy closes the stream"]
    );
    assert_eq!(load_with_secrets("heartbeat = 37").warnings, Vec::<String>::new());
}

#[test]
fn a_short_keep_alive_is_warned_about() {
    let config = load_with_secrets("limits.keepalive_timeout = 74");
    assert_eq!(
        config.warnings,
        ["keepalive_timeout (74s) is below proxy_read_timeout (75s): the proxy may send a \
             request on a connection that is just being closed"]
    );
}

#[test]
fn locations_that_are_quiet_for_too_long_are_warned_about() {
    let location = |settings: &str| {
        format!("[[location]]\npath = '/sub'\nchannels_path = '$arg_id'\n{settings}\n")
    };
    let warning = |found: &str| {
        vec![format!(
            "x.toml:1: location \"/sub\": {found} should be below proxy_read_timeout (75s): a \
             proxy in front closes connections that are quiet for that long"
        )]
    };
    for (settings, expected) in [
        ("subscriber = 'streaming'", warning("ping_message_interval (not set)")),
        (
            "subscriber = 'eventsource'\nping_message_interval = 75",
            warning("ping_message_interval (75s)"),
        ),
        ("subscriber = 'websocket'\nping_message_interval = '74s'", Vec::new()),
        ("subscriber = 'streaming'\nsubscriber_connection_ttl = '30s'", Vec::new()),
        ("subscriber = 'long-polling'", warning("longpolling_connection_ttl (not set)")),
        ("subscriber = 'long-polling'\nlongpolling_connection_ttl = '30s'", Vec::new()),
        ("subscriber = 'polling'", Vec::new()),
        ("publisher = true", Vec::new()),
    ] {
        assert_eq!(load(&location(settings), &[]).unwrap().warnings, expected, "{settings}");
    }
}
