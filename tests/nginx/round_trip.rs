//! Whatever is imported reads back from the written file, and what is written for nginx has nothing
//! of the module in it. Files are drawn from a seed.

use crate::random::Random;
use crate::support::*;
use std::fmt::Write;

/// Whether something that happens in so many of a hundred cases happens.
fn chance(random: &mut Random, percent: usize) -> bool {
    random.below(100) < percent
}

const TEXTS: &[&str] =
    &["''", "\"~text~\\r\\n\"", "'é \\'x\\' ~id~'", "plain", "\"a\nb\\\\\"", "\"\\t# \\\"{;\""];
const TIMES: &[&str] = &["1", "10s", "1m30s", "2h", "1500ms", "100ms"];
const VARIABLES: &[&str] = &["$1", "$arg_id", "\"x_$arg_id/${http_x_a}.b2\"", "all", "$uri", "''"];
const FLAGS: &[&str] = &["on", "off", "ON"];

/// Directives of all levels with the values that they may have.
const SHARED: &[(&str, &[&str])] = &[
    ("push_stream_store_messages", FLAGS),
    ("push_stream_channel_info_on_publish", FLAGS),
    ("push_stream_authorized_channels_only", FLAGS),
    ("push_stream_header_template", TEXTS),
    ("push_stream_message_template", &["~text~", "\"<p>~text~</p>\\n\"", "'~id~:~channel~'"]),
    ("push_stream_footer_template", TEXTS),
    ("push_stream_wildcard_channel_max_qtd", &["1", "3"]),
    ("push_stream_ping_message_interval", TIMES),
    ("push_stream_subscriber_connection_ttl", TIMES),
    ("push_stream_longpolling_connection_ttl", TIMES),
    ("push_stream_websocket_allow_publish", FLAGS),
    ("push_stream_allow_connections_to_events_channel", FLAGS),
    ("push_stream_last_received_message_time", VARIABLES),
    ("push_stream_last_received_message_tag", VARIABLES),
    ("push_stream_last_event_id", VARIABLES),
    ("push_stream_user_agent", VARIABLES),
    ("push_stream_padding_by_user_agent", &["''", "'[T|t]est 1,1024,508:x,1,2'"]),
    ("push_stream_allowed_origins", VARIABLES),
    ("default_type", &["text/plain", "'custom content type'"]),
    ("client_max_body_size", &["0", "10k", "1G"]),
    ("gzip", FLAGS),
    ("gzip_types", &["text/plain", "text/plain application/json", "*"]),
    ("gzip_min_length", &["0", "1k"]),
    ("gzip_comp_level", &["1", "9"]),
    ("gzip_http_version", &["1.0", "1.1"]),
    ("keepalive_timeout", &["0", "65", "75s"]),
    ("keepalive_requests", &["1", "1000"]),
    ("send_timeout", TIMES),
    ("access_log", &["off"]),
    ("types", &["{ text/html html htm; 'a b' x; }", "{ }"]),
];

const CONDITIONAL: &[(&str, &[&str])] = &[
    ("push_stream_channels_path", VARIABLES),
    ("push_stream_store_messages", FLAGS),
    ("push_stream_allow_connections_to_events_channel", FLAGS),
    ("push_stream_last_event_id", VARIABLES),
];

const HTTP: &[(&str, &[&str])] = &[
    ("push_stream_channel_deleted_message_text", TEXTS),
    ("push_stream_channel_inactivity_time", &["0", "30s", "1d"]),
    ("push_stream_ping_message_text", TEXTS),
    ("push_stream_timeout_with_body", FLAGS),
    ("push_stream_message_ttl", &["1", "30m", "1w"]),
    ("push_stream_max_subscribers_per_channel", &["1", "4294967295"]),
    ("push_stream_max_messages_stored_per_channel", &["1", "20"]),
    ("push_stream_max_channel_id_length", &["1", "200"]),
    ("push_stream_max_number_of_channels", &["1", "200"]),
    ("push_stream_max_number_of_wildcard_channels", &["3", "50"]),
    ("push_stream_events_channel_id", &["''", "events_id"]),
];

fn directives(random: &mut Random, text: &mut String, table: &[(&str, &[&str])], percent: usize) {
    for (name, values) in table {
        if chance(random, percent) {
            let value = random.pick(values);
            let end = if value.ends_with('}') { "" } else { ";" };
            let separator = random.pick(&["\n", " ", " # why\n", "\n\n\t"]);
            write!(text, "{name} {value}{end}{separator}").unwrap();
        }
    }
}

fn location(random: &mut Random, text: &mut String, number: usize, prefix: &str) {
    let sign = *random.pick(&["", "", "= ", "^~ ", "~ ^", "~* ^"]);
    let path = format!("{prefix}/l{number}");
    let suffix = if sign.contains('^') && sign != "^~ " { "/(.*)" } else { "" };
    writeln!(text, "location {sign}{path}{suffix} {{").unwrap();
    directives(random, text, SHARED, 8);
    writeln!(text, "push_stream_channels_path {};", random.pick(VARIABLES)).unwrap();
    if chance(random, 85) {
        let role = random.pick(&[
            "publisher",
            "publisher admin",
            "subscriber",
            "subscriber Polling",
            "subscriber long-polling",
            "subscriber eventsource",
            "subscriber websocket",
            "channels_statistics",
        ]);
        writeln!(text, "push_stream_{role};").unwrap();
    }
    for _ in 0..random.below(3) {
        let test =
            random.pick(&["($arg_a)", "($arg_a = \"on\")", "($http_x != '')", "( $uri = / )"]);
        writeln!(text, "if {test} {{").unwrap();
        directives(random, text, CONDITIONAL, 40);
        text.push_str("}\n");
    }
    if suffix.is_empty() && sign != "= " && chance(random, 20) {
        location(random, text, number, &path);
    }
    text.push_str("}\n");
}

fn configuration(random: &mut Random) -> String {
    let mut text = String::from("worker_processes 2; pid /run/x.pid;\n");
    if chance(random, 50) {
        text.push_str("error_log /var/log/x.log warn;\n");
    }
    text.push_str("events { }\nhttp {\npush_stream_shared_memory_size 2m;\n");
    text.push_str("push_stream_wildcard_channel_prefix b_;\n");
    directives(random, &mut text, HTTP, 30);
    directives(random, &mut text, SHARED, 8);
    let mut claimed = Vec::new();
    for server in 0..=random.below(4) {
        text.push_str("server {\n");
        for address in ["80", "127.0.0.1:81", "[::1]:82", "unix:/run/x.sock"] {
            if chance(random, 40) {
                let is_default = !claimed.contains(&address) && chance(random, 30);
                if is_default {
                    claimed.push(address);
                }
                let option = if is_default { " default_server" } else { "" };
                writeln!(text, "listen {address}{option};").unwrap();
            }
        }
        if chance(random, 70) {
            writeln!(text, "server_name s{server}.example *.s{server}.example;").unwrap();
        }
        directives(random, &mut text, SHARED, 8);
        for number in 0..=random.below(5) {
            location(random, &mut text, number, "");
        }
        text.push_str("}\n");
    }
    text + "}\n"
}

#[test]
fn whatever_is_imported_reads_back_and_leaves_nothing_of_the_module_in_nginx() {
    const SEEDS: u64 = 300;
    let mut taken = [0; PLACEMENTS.len()];
    for seed in 1..=SEEDS {
        let text = configuration(&mut Random::new(seed));
        let files = MemoryFiles::new(&[("/etc/nginx/nginx.conf", &text)]);
        for (placement, taken) in PLACEMENTS.into_iter().zip(&mut taken) {
            let (translation, diff) = import(&files, placement)
                .unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"));
            if !translation.config.has_locations() {
                continue;
            }
            *taken += 1;
            let toml = translation.to_toml();
            let read = read_back(&toml);
            let expected = comparable(&translation.config);
            assert_eq!(comparable(&read), expected, "seed {seed}\n{text}\n{toml}");
            if placement == BEHIND && translation.dropped().count() == 0 {
                let changed = files.patched(&diff);
                let changed = String::from_utf8_lossy(changed.0.values().next().unwrap());
                assert!(!changed.contains("push_stream_"), "seed {seed}\n{text}\n{changed}");
            }
        }
    }
    // Most of what is drawn has to be of use.
    assert!(taken.iter().all(|count| *count > SEEDS * 9 / 10), "{taken:?}");
}
