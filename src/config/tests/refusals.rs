//! Bad input and the full text of its refusal.

use super::{SECRETS, load};
use crate::config::checks::FORMATS_MAX;

fn refusal(text: &str, pairs: &[(&str, &str)]) -> String {
    match load(text, &[&SECRETS[..], pairs].concat()) {
        Ok(_) => format!("accepted: {text} {pairs:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn bad_keys_are_refused_with_file_line_and_key() {
    for (text, expected) in [
        ("lisen = '127.0.0.1:1'", "x.toml:1: lisen: unknown key, did you mean \"listen\"?"),
        (
            "\n[limits]\nhead_byte_max = 1",
            "x.toml:3: limits.head_byte_max: unknown key, did you mean \"head_bytes_max\"?",
        ),
        ("[lmits]", "x.toml:1: lmits: unknown key, did you mean \"limits\"?"),
        ("colour = 1", "x.toml:1: colour: unknown key"),
        ("limits = 1", "x.toml:1: limits: must be a table"),
        ("[heartbeat]", "x.toml:1: heartbeat: must be a value"),
        ("[[limits]]\n[[limits]]", "x.toml:2: limits: [limits] must not be repeated"),
        ("heartbeat = [1]", "x.toml:1: heartbeat: must be one value, not a list"),
        (
            "heartbeat = 1.5",
            "x.toml:1: heartbeat: must be text, an integer, true or false, not a fraction",
        ),
        (
            "heartbeat = 'soon'",
            "x.toml:1: heartbeat: \"soon\" is not a time; write 30s, 500ms, 1h30m or \
             a number of seconds",
        ),
        (
            "heartbeat = 0",
            "x.toml:1: heartbeat: must not be 0: streams would have no heartbeat at all",
        ),
        (
            "listen = ['127.0.0.1:1', 'here']",
            "x.toml:1: listen: \"here\" is not an address; write 127.0.0.1:45831, \
             [::1]:45831, unix:/path, systemd or systemd:NAME",
        ),
        (
            "listen = ['127.0.0.1:1', '127.0.0.1:1']",
            "x.toml:1: listen: \"127.0.0.1:1\" is listed twice",
        ),
        (
            "internal_listen = '127.0.0.1:45831'",
            "x.toml:1: internal_listen: \"127.0.0.1:45831\" is both public and internal",
        ),
        ("listen = []", "x.toml:1: listen: no address to listen on is given"),
        ("unix_mode = '9'", "x.toml:1: unix_mode: \"9\" is not a file mode; write 0660"),
        (
            "public_prefix = 'push'",
            "x.toml:1: public_prefix: \"push\" is not a prefix; write /push-daemon (letters, \
             digits and - . _ ~ between slashes), or nothing to switch it off",
        ),
        (
            "trusted_proxies = ['10.0.0.0/33']",
            "x.toml:1: trusted_proxies: \"10.0.0.0/33\" is not a network; write 10.0.0.0/8, \
             192.0.2.1, fd00::/8 or unix:",
        ),
        (
            "allowed_origins = ['https://a/']",
            "x.toml:1: allowed_origins: \"https://a/\" is not an origin; write \
             https://example.org, with :port if needed, or *",
        ),
        (
            "log.level = 'loud'",
            "x.toml:1: log.level: \"loud\" is not a level; write off, error, warn, \
             info, debug or trace",
        ),
        ("pid_file = ''", "x.toml:1: pid_file: must not be empty"),
        ("sandbox.user = ''", "x.toml:1: sandbox.user: must be the name of a user"),
        ("sandbox.core_dumps = 'no'", "x.toml:1: sandbox.core_dumps: \"no\" is neither on nor off"),
        ("[sandbox]\nuid = 1", "x.toml:2: sandbox.uid: unknown key"),
        ("limits.connections_max = 0", "x.toml:1: limits.connections_max: must be at least 1"),
        ("limits.connections_max = -1", "x.toml:1: limits.connections_max: \"-1\" is not a number"),
        (
            "limits.head_bytes_max = '1q'",
            "x.toml:1: limits.head_bytes_max: \"1q\" is not a size; write bytes, 64k or 16m",
        ),
        (
            "limits.head_bytes_max = 1",
            "x.toml:1: limits.head_bytes_max: must be at least 512 bytes",
        ),
        ("limits.header_count_max = 129", "x.toml:1: limits.header_count_max: must be at most 128"),
        ("limits.head_timeout = 0", "x.toml:1: limits.head_timeout: must be at least 1ms"),
        ("a = 1\na = 2", "x.toml:2: duplicate key"),
        ("\n\nlisten = ", "x.toml:3: string values must be quoted, expected literal string"),
    ] {
        assert_eq!(refusal(text, &[]), expected);
    }
}

#[test]
fn bad_variables_are_refused_by_name() {
    for (name, value, expected) in [
        (
            "RPUSHD_HEARTBEAT_SECS",
            "0",
            "RPUSHD_HEARTBEAT_SECS: must not be 0: streams would have no heartbeat at all",
        ),
        (
            "RPUSHD_HEARTBEAT_SECS",
            "",
            "RPUSHD_HEARTBEAT_SECS: \"\" is not a time; write 30s, 500ms, 1h30m or a \
             number of seconds",
        ),
        ("RPUSHD_LISTEN", "", "RPUSHD_LISTEN: no address to listen on is given"),
        (
            "RPUSHD_LISTEN",
            "localhost:1",
            "RPUSHD_LISTEN: \"localhost:1\" is not an address; write \
             127.0.0.1:45831, [::1]:45831, unix:/path, systemd or systemd:NAME",
        ),
        ("RPUSHD_CHANNELS_MAX", "many", "RPUSHD_CHANNELS_MAX: \"many\" is not a number"),
        (
            "RPUSHD_PUSH_STREAM_TIMEOUT_WITH_BODY",
            "yes",
            "RPUSHD_PUSH_STREAM_TIMEOUT_WITH_BODY: invalid value \"yes\" in \
             \"push_stream_timeout_with_body\" directive, it must be \"on\" or \
             \"off\"",
        ),
    ] {
        assert_eq!(refusal("heartbeat = 5", &[(name, value)]), expected);
    }
}

#[test]
fn bad_locations_are_refused_with_their_line() {
    for (location, expected) in [
        ("publisher = true", "x.toml:1: location: path is missing"),
        (
            "path = 'pub'\npublisher = true",
            "x.toml:2: location.path: \"pub\" is not a path; write /path, = /path, \
             ^~ /path, ~ REGEX or ~* REGEX",
        ),
        (
            "path = '/pub'",
            "x.toml:1: location: a location has one role: publisher, subscriber or \
             channels_statistics",
        ),
        (
            "path = '/pub'\npublisher = true\nsubscriber = true",
            "x.toml:1: location: a location has one role: publisher, subscriber or \
             channels_statistics",
        ),
        (
            "path = '/pub'\nchannels_statistics = 'yes'",
            "x.toml:3: location.channels_statistics: \
             \"push_stream_channels_statistics\" takes no value; write true",
        ),
        (
            "path = '/pub'\npublisher = true\nchannels_pth = 'x'",
            "x.toml:1: location: push stream module: push_stream_channels_path must be set.",
        ),
        (
            "path = '/pub'\npublisher = true\nchannels_path = 'x'\nstore_mesages = true",
            "x.toml:5: location.store_mesages: unknown key, did you mean \"store_messages\"?",
        ),
        (
            "path = '/pub'\npublisher = true\nchannels_path = '$nope'",
            "x.toml:4: location.channels_path: unknown \"nope\" variable",
        ),
        (
            "path = '/pub'\npublisher = true\nchannels_path = 'x'\ninternal = 1",
            "x.toml:5: location.internal: invalid value \"1\" in \"internal\" \
             directive, it must be \"on\" or \"off\"",
        ),
        (
            "path = '/pub'\npublisher = true\nchannels_path = 'x'\ninternal = true",
            "x.toml:1: location.internal: no internal listener reaches this location; \
             set internal_listen",
        ),
        (
            "path = '/pub'\npublisher = true\nchannels_path = 'x'\ngzip_comp_level = 10",
            "x.toml:5: location.gzip_comp_level: value must be between 1 and 9",
        ),
        (
            "path = '/pub'\npublisher = true\nchannels_path = 'x'\ngzip_http_version = '2'",
            "x.toml:5: location.gzip_http_version: invalid value \"2\"",
        ),
        (
            "path = '/a'\npublisher = true\nchannels_path = 'x'\n[[location]]\npath \
             = '^~ /a'\nsubscriber = true\nchannels_path = 'x'",
            "x.toml:5: location: duplicate location \"^~ /a\"",
        ),
        (
            "path = '/a'\npublisher = true\nchannels_path = \
             'x'\n[[location.if]]\nstore_messages = true",
            "x.toml:5: location.if: variable is missing",
        ),
        (
            "path = '/a'\npublisher = true\nchannels_path = \
             'x'\n[[location.if]]\nvariable = '$arg_a'\nmessage_template = 'x'",
            "x.toml:7: location.if.message_template: \
             \"push_stream_message_template\" directive is not allowed here",
        ),
        (
            "path = '/a'\nsubscriber = true\nchannels_path = 'x'\nheader_template_file = '/none'",
            "x.toml:5: location.header_template_file: push stream module: unable to \
             open file \"/none\" for header template",
        ),
        (
            "path = '/a'\nsubscriber = true\nchannels_path = 'x'\nheader_template = \
             ''\nheader_template_file = '/none'",
            "x.toml:6: location.header_template_file: \
             \"push_stream_header_template_file\" directive is duplicate or template \
             set by 'push_stream_header_template'",
        ),
    ] {
        assert_eq!(refusal(&format!("[[location]]\n{location}"), &[]), expected);
    }
    assert_eq!(
        refusal("[[server]]\n[[server]]\nlistne = 'x'", &[]),
        "x.toml:3: server.listne: unknown key, did you mean \"listen\"?"
    );
    assert_eq!(
        refusal("[[server]]\n[[server]]\n", &[]),
        "x.toml:2: server: needs names: another server is the default on \"127.0.0.1:45831\""
    );
}

/// Push-stream spec, section 3.
#[test]
fn the_startup_checks_of_the_module_have_its_texts() {
    let subscriber = "[[location]]\npath = '/sub'\nchannels_path = 'x'\n";
    for (mode, text) in [
        (
            "publisher = 'root'",
            "invalid push_stream_publisher mode value: root, accepted values (normal, admin)",
        ),
        (
            "subscriber = 'push'",
            "invalid push_stream_subscriber mode value: push, accepted values \
             (streaming, polling, long-polling, eventsource, websocket)",
        ),
    ] {
        let key = mode.split(' ').next().unwrap();
        assert_eq!(
            refusal(&format!("{subscriber}{mode}"), &[]),
            format!("x.toml:4: location.{key}: push stream module: {text}")
        );
    }
    for key in [
        "ping_message_interval",
        "subscriber_connection_ttl",
        "longpolling_connection_ttl",
        "wildcard_channel_max_qtd",
    ] {
        assert_eq!(
            refusal(&format!("{subscriber}subscriber = true\n{key} = 0"), &[]),
            format!(
                "x.toml:5: location.{key}: push stream module: push_stream_{key} cannot be zero."
            )
        );
    }
    for key in [
        "max_channel_id_length",
        "message_ttl",
        "max_subscribers_per_channel",
        "max_messages_stored_per_channel",
        "max_number_of_channels",
        "max_number_of_wildcard_channels",
    ] {
        let zero = format!("[push_stream]\n{key} = 0\n");
        assert_eq!(
            refusal(&format!("{zero}{subscriber}subscriber = true"), &[]),
            format!(
                "x.toml:2: push_stream.{key}: push stream module: push_stream_{key} cannot be zero."
            )
        );
        assert!(load(&zero, &SECRETS).is_ok(), "not checked without a location: {key}");
    }
    let small = "The push_stream_shared_memory_size value must be at least 128KiB";
    let padding = "push stream module: push stream module: unable to parse paddings by user agent";
    for (http, location, expected) in [
        (
            "shared_memory_size = '124k'",
            "",
            format!("x.toml:2: push_stream.shared_memory_size: {small}"),
        ),
        (
            "shared_memory_size = 'big'",
            "",
            format!("x.toml:2: push_stream.shared_memory_size: {small}"),
        ),
        (
            "message_template = ''",
            "",
            "x.toml:2: push_stream.message_template: push stream module: \
             push_stream_message_template cannot be blank."
                .into(),
        ),
        (
            "wildcard_channel_max_qtd = 1",
            "",
            "x.toml:2: push_stream.wildcard_channel_max_qtd: push stream module: \
             cannot set wildcard channel max qtd if \
             push_stream_wildcard_channel_prefix is not set or blank."
                .into(),
        ),
        (
            "max_number_of_wildcard_channels = 1",
            "",
            "x.toml:3: location: push stream module: cannot set wildcard channel max \
             qtd if push_stream_wildcard_channel_prefix is not set or blank."
                .into(),
        ),
        (
            "wildcard_channel_prefix = 'b'\nmax_number_of_wildcard_channels = 1",
            "wildcard_channel_max_qtd = 2",
            "x.toml:8: location.wildcard_channel_max_qtd: push stream module: max \
             number of wildcard channels cannot be smaller than value in \
             push_stream_wildcard_channel_max_qtd."
                .into(),
        ),
        (
            "",
            "padding_by_user_agent = 'agent;1;2'",
            format!(
                "x.toml:7: location.padding_by_user_agent: push stream module: padding \
             pattern not match the value agent;1;2; {padding}"
            ),
        ),
        (
            "",
            "padding_by_user_agent = 'a,1,0:b;2;0:c,3,0'",
            format!(
                "x.toml:7: location.padding_by_user_agent: push stream module: error \
             applying padding pattern to b;2;0:c,3,0; {padding}"
            ),
        ),
        (
            "channel_inactivity_time = '1ms'",
            "",
            "x.toml:2: push_stream.channel_inactivity_time: \
             \"push_stream_channel_inactivity_time\" directive invalid value"
                .into(),
        ),
        (
            "max_number_of_channels = 'x'",
            "",
            "x.toml:2: push_stream.max_number_of_channels: \
             \"push_stream_max_number_of_channels\" directive invalid number"
                .into(),
        ),
        (
            "worker_processes = 0",
            "",
            "x.toml:2: push_stream.worker_processes: must be at least 1".into(),
        ),
    ] {
        let text = format!("[push_stream]\n{http}\n{subscriber}subscriber = true\n{location}");
        assert_eq!(refusal(&text, &[]), expected);
    }
}

#[test]
fn an_internal_location_that_no_internal_listener_reaches_is_refused() {
    let servers = |first: &str, second: &str| {
        format!(
            "{first}\n[push_stream]\nchannels_path = 'x'\n[[server]]\n{second}\n\
             [[server.location]]\npath = '/pub'\npublisher = true\ninternal = true"
        )
    };
    let internal = "internal_listen = '127.0.0.1:2'";
    let public = "listen = '127.0.0.1:1'";
    for (head, own) in [("", public), (internal, public), ("", "")] {
        let refused = refusal(&servers(head, own), &[]);
        let expected = "location.internal: no internal listener reaches this location; \
                        set internal_listen";
        assert!(refused.ends_with(expected), "{refused}");
    }
    for (head, own) in [(internal, ""), ("", internal), (public, internal)] {
        assert!(load(&servers(head, own), &SECRETS).is_ok(), "{head} {own}");
    }
    let variable = ("RPUSHD_INTERNAL_LISTEN", "127.0.0.1:2");
    let accepted = load(&servers("", ""), &[&SECRETS[..], &[variable]].concat());
    assert!(accepted.is_ok());
}

#[test]
fn more_message_templates_than_there_are_format_numbers_are_refused_with_their_place() {
    let locations = |count: usize| -> String {
        let one = |number: usize| {
            format!(
                "[[location]]\npath = '/{number}'\nsubscriber = 'websocket'\ngzip = true\n\
                 channels_path = 'a'\nmessage_template = '{number}'\n"
            )
        };
        (0..count).map(one).collect()
    };
    // Five formats each.
    let most = FORMATS_MAX / 5;
    assert!(load(&locations(most), &[]).is_ok());
    let line = most * 6 + 1;
    assert_eq!(
        refusal(&locations(most + 1), &[]),
        format!(
            "x.toml:{line}: location: the locations have too many different message templates: \
             more than 65536 with their codings"
        )
    );
}
