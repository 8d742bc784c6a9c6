//! What is allowed, but worth a warning: unknown variables and intervals that a proxy may not wait for.

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
        [
            "keepalive_timeout (74s) is below proxy_read_timeout (75s): the proxy may send a request \
          into a connection that is just being closed"
        ]
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
             proxy in front closes connections that are quiet for so long"
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
