//! Configurations that are refused at start, with the module's messages (section 3).

use super::locations::read;
use rpushd::config::{Mode, Role};

const SUBSCRIBER: &str =
    "[[location]]\npath = '/sub'\nsubscriber = true\nchannels_path = '$arg_id'\n";
const PUBLISHER: &str =
    "[[location]]\npath = '/pub'\npublisher = true\nchannels_path = '$arg_id'\n";

/// The error of these lines in `[push_stream]`, with a subscriber location.
fn refusal(settings: &str) -> String {
    refusal_of(&format!("[push_stream]\n{settings}\n{SUBSCRIBER}"))
}

fn refusal_of(text: &str) -> String {
    read(text).expect_err("it is refused").to_string()
}

/// Checks that a directive must not be 0, at any level.
fn assert_not_zero(key: &str) {
    let text = format!("push stream module: push_stream_{key} cannot be zero.");
    assert_eq!(refusal(&format!("{key} = 0")), format!("rpushd.toml:2: push_stream.{key}: {text}"));
}

#[test]
fn ping_message_interval_is_not_0() {
    assert_not_zero("ping_message_interval");
}

#[test]
fn the_message_template_is_not_blank() {
    assert_eq!(
        refusal("message_template = ''"),
        "rpushd.toml:2: push_stream.message_template: \
         push stream module: push_stream_message_template cannot be blank."
    );
}

#[test]
fn subscriber_connection_ttl_is_not_0() {
    assert_not_zero("subscriber_connection_ttl");
}

#[test]
fn longpolling_connection_ttl_is_not_0() {
    assert_not_zero("longpolling_connection_ttl");
}

#[test]
fn max_channel_id_length_is_not_0() {
    assert_not_zero("max_channel_id_length");
}

#[test]
fn message_ttl_is_not_0() {
    assert_not_zero("message_ttl");
}

#[test]
fn max_subscribers_per_channel_is_not_0() {
    assert_not_zero("max_subscribers_per_channel");
}

#[test]
fn max_messages_stored_per_channel_is_not_0() {
    assert_not_zero("max_messages_stored_per_channel");
}

#[test]
fn max_number_of_channels_is_not_0() {
    assert_not_zero("max_number_of_channels");
}

#[test]
fn max_number_of_wildcard_channels_is_not_0() {
    assert_not_zero("max_number_of_wildcard_channels");
}

#[test]
fn wildcard_channel_max_qtd_is_not_0() {
    assert_not_zero("wildcard_channel_max_qtd");
}

#[test]
fn a_maximum_of_wildcard_channels_needs_a_prefix() {
    let text = "push stream module: cannot set wildcard channel max qtd if \
                push_stream_wildcard_channel_prefix is not set or blank.";
    assert_eq!(
        refusal("wildcard_channel_max_qtd = 1"),
        format!("rpushd.toml:2: push_stream.wildcard_channel_max_qtd: {text}")
    );
    let inherited = refusal("wildcard_channel_prefix = ''\nmax_number_of_wildcard_channels = 3");
    assert!(inherited.ends_with(text), "{inherited}");
}

#[test]
fn the_maximum_of_wildcard_channels_is_not_below_that_per_request() {
    let given = refusal(
        "wildcard_channel_prefix = 'w'\nmax_number_of_wildcard_channels = 3\n\
         wildcard_channel_max_qtd = 4",
    );
    assert_eq!(
        given,
        "rpushd.toml:4: push_stream.wildcard_channel_max_qtd: push stream module: max number of \
         wildcard channels cannot be smaller than value in push_stream_wildcard_channel_max_qtd."
    );
}

#[test]
fn an_unknown_mode_of_a_subscriber_is_refused_with_the_list() {
    let text = SUBSCRIBER.replace("true", "'unknown'");
    assert_eq!(
        refusal_of(&text),
        "rpushd.toml:3: location.subscriber: push stream module: invalid push_stream_subscriber \
         mode value: unknown, accepted values (streaming, polling, long-polling, eventsource, \
         websocket)"
    );
}

#[test]
fn the_known_modes_of_a_subscriber_are_accepted() {
    for (word, mode) in [
        ("true", Mode::Streaming),
        ("'streaming'", Mode::Streaming),
        ("'Polling'", Mode::Polling),
        ("'long-polling'", Mode::LongPolling),
        ("'EVENTSOURCE'", Mode::EventSource),
        ("'websocket'", Mode::WebSocket),
    ] {
        let config = read(&SUBSCRIBER.replace("true", word)).unwrap();
        assert_eq!(config.servers[0].locations[0].role, Role::Subscriber(mode), "{word}");
    }
}

#[test]
fn an_unknown_mode_of_a_publisher_is_refused_with_the_list() {
    assert_eq!(
        refusal_of(&PUBLISHER.replace("true", "'unknown'")),
        "rpushd.toml:3: location.publisher: push stream module: invalid push_stream_publisher \
         mode value: unknown, accepted values (normal, admin)"
    );
}

#[test]
fn the_known_modes_of_a_publisher_are_accepted() {
    for (word, is_admin) in [("true", false), ("'normal'", false), ("'Admin'", true)] {
        let config = read(&PUBLISHER.replace("true", word)).unwrap();
        assert_eq!(config.servers[0].locations[0].role, Role::Publisher { is_admin }, "{word}");
    }
}

#[test]
fn a_broken_padding_pattern_is_refused_with_what_is_left_of_it() {
    let place = "rpushd.toml:2: push_stream.padding_by_user_agent: ";
    let second = "; push stream module: push stream module: unable to parse paddings by user agent";
    for (pattern, first) in [
        ("user_agent,as,df", "padding pattern not match the value user_agent,as,df"),
        ("user_agent;10;0", "padding pattern not match the value user_agent;10;0"),
        (
            "user_agent,10,0:other_user_agent;20;0",
            "padding pattern not match the value other_user_agent;20;0",
        ),
        (
            "user_agent,10,0:other_user_agent;20;0:another_user_agent,30,0",
            "error applying padding pattern to other_user_agent;20;0:another_user_agent,30,0",
        ),
    ] {
        assert_eq!(
            refusal(&format!("padding_by_user_agent = '{pattern}'")),
            format!("{place}push stream module: {first}{second}")
        );
    }
}

#[test]
fn a_small_or_senseless_memory_size_is_refused() {
    for size in ["'124k'", "'126976'", "'100'", "'none'"] {
        assert_eq!(
            refusal(&format!("shared_memory_size = {size}")),
            "rpushd.toml:2: push_stream.shared_memory_size: \
             The push_stream_shared_memory_size value must be at least 128KiB"
        );
    }
}

#[test]
fn a_memory_size_is_rounded_up_to_whole_pages() {
    for size in ["'127k'", "126977", "131071", "'128k'"] {
        let text = format!(
            "push_stream.shared_memory_size = {size}\n[[location]]\npath = '/pub'\n\
             publisher = true\nchannels_path = '$arg_id'\n"
        );
        let config = read(&text).unwrap_or_else(|error| panic!("{size}: {error}"));
        assert_eq!(config.push_stream.shared_memory_size, Some(128 * 1024), "{size}");
    }
}

#[test]
fn sizes_take_k_m_and_g_in_either_letter_case() {
    for (size, bytes) in [
        ("1024k", 1 << 20),
        ("1024K", 1 << 20),
        ("1m", 1 << 20),
        ("1M", 1 << 20),
        ("1g", 1 << 30),
        ("1G", 1 << 30),
    ] {
        let text = format!(
            "limits.store_bytes_max = '{size}'\npush_stream.shared_memory_size = '{size}'\n\
             [[location]]\npath = '/pub'\npublisher = true\nchannels_path = '$arg_id'\n\
             client_max_body_size = '{size}'\ngzip_min_length = '{size}'\n"
        );
        let config = read(&text).unwrap_or_else(|error| panic!("{size}: {error}"));
        let location = &config.servers[0].locations[0];
        let sizes = [
            config.limits.store_bytes_max as u64,
            config.push_stream.shared_memory_size.unwrap(),
            location.body_bytes_max,
            location.gzip.bytes_min as u64,
        ];
        assert_eq!(sizes, [bytes; 4], "{size}");
    }
}

#[test]
fn a_blank_publisher_mode_is_refused_and_none_is_normal() {
    assert_eq!(
        refusal_of("[[location]]\npath = '/x'\npublisher = ''\nchannels_path = 'a'\n"),
        "rpushd.toml:3: location.publisher: push stream module: invalid push_stream_publisher mode \
         value: , accepted values (normal, admin)"
    );
}

#[test]
fn a_role_needs_a_channels_path() {
    let text = "rpushd.toml:1: location: push stream module: \
                push_stream_channels_path must be set.";
    for role in ["publisher = true", "subscriber = true", "channels_statistics = true"] {
        assert_eq!(refusal_of(&format!("[[location]]\npath = '/x'\n{role}\n")), text, "{role}");
    }
}
