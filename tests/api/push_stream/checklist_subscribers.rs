//! The module's own subscriber tests (section 26): for each, the test here that covers it, or the
//! reason why it does not apply.

use std::collections::BTreeSet;

/// How a test of the module is covered.
enum Fate {
    /// By `MODULE::TEST` in this folder.
    Covered(&'static str),
    /// The daemon deliberately behaves differently, as a test shows.
    Differs(&'static str, &'static str),
    /// It does not apply, for this reason.
    Senseless(&'static str),
}

use Fate::{Covered, Differs, Senseless};

/// A file of the module's suite: its name, the number of its tests in the spec, and the tests.
type Suite = (&'static str, usize, &'static [(&'static str, Fate)]);

#[rustfmt::skip]
const SUITES: [Suite; 9] = [
    ("subscriber/comunication_properties_spec.rb", 5, &[
        ("not block to connected to a nonexistent channel",
            Covered("subscriber_properties::channels_are_made_on_demand")),
        ("block to connected to a nonexistent channel when authorized only is 'on'",
            Covered("subscriber_properties::with_authorized_channels_only_a_channel_must_hold_a_\
                message")),
        ("discard messages published a more time than the value configured to message ttl",
            Covered("subscriber_properties::expired_messages_are_not_given_to_new_subscribers")),
        ("apply the message template to published message with the available keyworkds",
            Covered("templates::placeholders_repeat_in_any_letter_case")),
        ("not be in loop when channel or published message contains one of the keywords",
            Covered("templates::inserted_values_are_not_searched")),
    ]),
    ("subscriber/connection_cleanup_spec.rb", 3, &[
        ("disconnect the subscriber after the configured connection ttl be reached",
            Covered("timing::the_end_of_the_time_brings_the_footer_and_keeps_the_connection")),
        ("disconnect the subscriber after the configured connection ttl be reached with ping \
            message",
            Covered("timing::five_pings_of_three_seconds_fit_into_seventeen")),
        ("disconnect each subscriber after the configured connection ttl be reached starting when \
            it connects",
            Covered("timing::each_connection_has_its_own_time")),
    ]),
    ("subscriber/event_source_spec.rb", 17, &[
        ("use content type as 'event stream'",
            Covered("event_source::the_content_type_is_always_that_of_event_streams")),
        ("split header lines and prefix them by a colon",
            Covered("event_source::header_lines_become_comments")),
        ("treat escaped new lines on header as single lines",
            Covered("event_source::escaped_line_ends_in_a_header_are_kept")),
        ("split footer lines and prefix them by a colon",
            Covered("event_source::footer_lines_become_comments")),
        ("treat escaped new lines on footer as single lines",
            Covered("event_source::escaped_line_ends_in_a_footer_are_kept")),
        ("use default message template without event id",
            Covered("event_source::a_message_is_one_data_chunk")),
        ("use default message template without event type",
            Covered("event_source::a_message_is_one_data_chunk")),
        ("use default message template with event id",
            Covered("event_source::event_id_and_type_are_chunks_before_the_data")),
        ("use default message template with event type",
            Covered("event_source::event_id_and_type_are_chunks_before_the_data")),
        ("use custom message template without event id",
            Covered("event_source::a_custom_template_stands_inside_the_data")),
        ("use custom message template without event type",
            Covered("event_source::a_custom_template_stands_inside_the_data")),
        ("use custom message template with event id",
            Covered("event_source::a_custom_template_stands_inside_the_data")),
        ("use custom message template with event type",
            Covered("event_source::a_custom_template_stands_inside_the_data")),
        ("apply the message template to each line on posted message",
            Covered("event_source::the_template_is_applied_to_each_line")),
        ("treat escaped new lines on posted message as single lines",
            Covered("event_source::escaped_line_ends_in_a_message_are_kept")),
        ("receive ping message",
            Covered("event_source::a_ping_is_a_comment_chunk_whatever_the_ping_text")),
        ("not reaplly formatter to header, message or footer template when inside an if",
            Covered("event_source::formatting_is_applied_once_inside_an_if")),
    ]),
    ("subscriber/long_polling_spec.rb", 15, &[
        ("disconnect after receive a message",
            Covered(
                "long_polling::with_the_validators_of_each_answer_a_client_gets_everything_once")),
        ("disconnect after receive old messages",
            Covered(
                "long_polling::several_old_messages_come_after_the_event_that_the_client_knows")),
        ("disconnect after timeout is reached",
            Covered("long_polling::when_the_time_is_over_the_answer_is_304_from_now_on")),
        ("overwrite subscriber timeout with long polling timeout",
            Covered("long_polling::when_the_time_is_over_the_answer_is_304_from_now_on")),
        ("disconnet after timeout be reached when only long polling timeout is set",
            Covered("long_polling::when_the_time_is_over_the_answer_is_304_from_now_on")),
        ("not receive ping message",
            Covered("long_polling::a_waiting_request_gets_no_ping_and_no_padding")),
        ("receive a timed out message when timeout_with_body is on",
            Covered("long_polling::with_timeout_with_body_the_time_out_is_a_message")),
        ("receive messages when connected in more than one channel",
            Covered("long_polling::messages_of_different_channels_follow_each_other_by_tag")),
        ("accept delete a channel with a long polling subscriber",
            Covered("long_polling::a_deletion_answers_even_who_has_other_channels")),
        ("accept a callback parameter to be used with JSONP",
            Covered("jsonp::a_waiting_request_is_answered_with_a_call")),
        ("return old messages using function name specified in callback parameter grouping in one \
            answer",
            Covered("jsonp::old_messages_by_event_id_and_by_time_are_one_array_too")),
        ("return messages from different channels on JSONP response",
            Covered("jsonp::old_messages_are_one_array_across_channels")),
        ("force content_type to be application/javascript when using function name specified in \
            callback parameter",
            Covered("jsonp::a_304_has_the_type_of_scripts_too")),
        ("not cache the response",
            Covered("long_polling::old_messages_are_answered_at_once")),
        ("accept return content gzipped",
            Covered(
                "compression::polling_and_long_polling_answers_are_compressed_for_who_accepts_it")),
    ]),
    ("subscriber/padding_by_user_agent_spec.rb", 4, &[
        ("apply a padding to the header",
            Covered("padding::the_header_is_padded_to_what_the_agent_wants")),
        ("apply a padding to the message",
            Covered("padding::a_message_is_padded_too")),
        ("apply a padding to the message with different sizes",
            Covered("padding::padding_goes_in_hundreds_and_ends_at_the_minimum")),
        ("accept the user agent set by a complex value",
            Covered("padding::the_agent_may_come_from_an_argument")),
    ]),
    ("subscriber/polling_spec.rb", 8, &[
        ("receive a 304",
            Covered("polling::with_nothing_to_send_the_answer_is_304_without_validators")),
        ("receive a 304 keeping sent headers",
            Covered("polling::with_nothing_to_send_the_validators_come_back")),
        ("receive specific headers",
            Covered("polling::messages_come_with_header_and_footer_and_the_position_of_the_last")),
        ("accept a callback parameter to works with JSONP",
            Covered("jsonp::the_name_is_percent_decoded_and_not_checked")),
        ("return old messages using function name specified in callback parameter grouping in one \
            answer",
            Covered("jsonp::old_messages_are_one_array_across_channels")),
        ("force content_type to be application/javascript when using function name specified in \
            callback parameter",
            Covered("jsonp::a_304_has_the_type_of_scripts_too")),
        ("accept return content gzipped",
            Covered(
                "compression::polling_and_long_polling_answers_are_compressed_for_who_accepts_it")),
        ("not cache the response",
            Covered("polling::messages_come_with_header_and_footer_and_the_position_of_the_last")),
    ]),
    ("subscriber/properties_spec.rb", 41, &[
        ("not accept access without a channel path",
            Covered("subscriber_properties::a_path_without_a_channel_is_refused")),
        ("check accepted methods",
            Covered("subscriber_properties::only_get_and_options_are_answered")),
        ("not accept access to a channel with id 'ALL'",
            Covered("subscriber_properties::reserved_ids_are_refused")),
        ("not accept access to a channel with id containing wildcard",
            Covered("subscriber_properties::reserved_ids_are_refused")),
        ("accept access to multiple channels",
            Covered("subscriber_properties::all_forms_of_paths_are_understood")),
        ("not accept access with a big channel id",
            Covered("subscriber_properties::a_long_id_is_refused")),
        ("not accept access to a wildcard channel without a normal channel",
            Covered("subscriber_properties::wildcard_channels_come_with_a_normal_one_and_not_too_\
                many")),
        ("accept access to a wildcard channel with a normal channel",
            Covered("subscriber_properties::wildcard_channels_come_with_a_normal_one_and_not_too_\
                many")),
        ("not accept access to an nonexistent channel with authorized only 'on'",
            Covered("subscriber_properties::with_authorized_channels_only_a_channel_must_hold_a_\
                message")),
        ("accept access to an existent channel with authorized channel only 'on'",
            Covered("subscriber_properties::with_authorized_channels_only_a_channel_must_hold_a_\
                message")),
        ("accept access to an existing channel and a nonexistent wildcard channel with authorized \
            only 'on'",
            Covered("subscriber_properties::wildcard_channels_need_no_authorization_but_the_\
                others_do")),
        ("not accept access to an existing channel without messages with authorized only 'on'",
            Covered("subscriber_properties::with_authorized_channels_only_a_channel_must_hold_a_\
                message")),
        ("not accept access to an existing channel without messages and an nonexistent wildcard \
            channel with authorized only 'on'",
            Covered("subscriber_properties::wildcard_channels_need_no_authorization_but_the_\
                others_do")),
        ("receive new messages in a multi channel subscriber",
            Covered("streaming::messages_of_several_channels_come_in_the_order_of_publication")),
        ("limit the number of channels",
            Covered("subscriber_properties::the_numbers_of_channels_of_both_kinds_are_limited")),
        ("limit the number of wildcard channels",
            Covered("subscriber_properties::the_numbers_of_channels_of_both_kinds_are_limited")),
        ("accept different message templates in each location",
            Covered("templates::each_location_has_its_own_template_for_old_and_new_messages")),
        ("use default message template",
            Covered("templates::without_a_template_the_text_goes_alone")),
        ("receive default ping message with default message template",
            Covered("subscriber_headers::the_ping_message_is_formatted_like_any_other")),
        ("receive custom ping message with default message template",
            Covered("subscriber_headers::the_ping_message_is_formatted_like_any_other")),
        ("receive default ping message with custom message template",
            Covered("subscriber_headers::the_ping_message_is_formatted_like_any_other")),
        ("receive custom ping message with custom message template",
            Covered("subscriber_headers::the_ping_message_is_formatted_like_any_other")),
        ("receive transfer enconding as 'chunked'",
            Covered("streaming::a_stream_is_chunked_and_its_head_comes_at_once")),
        ("limit the number of subscribers to one channel",
            Covered("subscriber_properties::the_subscribers_of_a_channel_are_limited")),
        ("accept channels with '.b' in the name",
            Covered("subscriber_properties::all_forms_of_paths_are_understood")),
        ("not receive acess control allow headers by default",
            Covered("streaming::a_stream_is_chunked_and_its_head_comes_at_once")),
        ("receive acess control allow headers",
            Covered("subscriber_headers::every_answer_has_cors_headers_where_origins_are_allowed")),
        ("accept a complex value",
            Covered("subscriber_headers::the_allowed_origin_may_come_from_the_request")),
        ("receive the configured header template",
            Covered("subscriber_headers::the_header_template_is_the_first_chunk")),
        ("receive the file content",
            Covered("subscriber_headers::the_header_template_may_come_from_a_file")),
        ("not accept header_template and header_template_file on same level",
            Covered("subscriber_headers::header_template_and_file_on_one_level_are_refused")),
        ("not accept header_template_file and header_template on same level",
            Covered("subscriber_headers::header_template_and_file_on_one_level_are_refused")),
        ("accept header_template_file and header_template on different levels",
            Covered("subscriber_headers::the_inner_of_header_template_and_file_wins")),
        ("accept header_template and header_template_file on different levels",
            Covered("subscriber_headers::the_inner_of_header_template_and_file_wins")),
        ("return error when could not open the file",
            Covered("subscriber_headers::a_header_template_file_that_cannot_be_opened_is_named")),
        ("receive the configured content type",
            Covered("subscriber_headers::any_text_may_be_the_content_type")),
        ("receive ping message on the configured ping message interval",
            Covered("timing::pings_come_evenly_from_the_beginning_of_the_connection")),
        ("not cache the response",
            Covered("streaming::a_stream_is_chunked_and_its_head_comes_at_once")),
        ("accept channels path inside an if block",
            Covered("subscriber_properties::the_channels_path_may_depend_on_an_argument")),
        ("accept return content gzipped",
            Covered("compression::a_stream_is_compressed_where_it_is_configured")),
        ("accept a configuration with two shared memory zones without mix messages",
            Senseless("skipped in the suite itself; one daemon has one memory account")),
    ]),
    ("subscriber/receive_old_message_spec.rb", 8, &[
        ("receive old messages in a multi channel subscriber using backtrack",
            Covered("replay::backtracks_give_the_last_of_each_channel_in_the_order_of_the_path")),
        ("receive old messages in a multi channel subscriber using 'if_modified_since' header",
            Covered("replay::a_time_gives_what_is_strictly_later")),
        ("receive old messages in a multi channel subscriber using 'if_modified_since' header and \
            backtrack mixed",
            Covered("replay::a_backtrack_decides_where_it_is_given_and_the_time_elsewhere")),
        ("receive old messages by 'last_event_id'",
            Covered("replay::an_event_id_gives_what_came_after_that_event")),
        ("receive old messages with equals 'if_modified_since' header untie them by the \
            'if_none_match' header",
            Covered("replay::within_one_second_the_tag_decides")),
        ("receive message published on same second a subscriber connect",
            Covered("replay::a_message_of_the_second_in_which_a_client_connects_is_not_missed")),
        ("accept modified since and none match values not using headers",
            Covered("replay::time_and_tag_may_come_from_arguments")),
        ("accept event id value not using headers",
            Covered("replay::the_event_id_may_come_from_an_argument")),
    ]),
    ("subscriber/websocket_spec.rb", 30, &[
        ("check accepted methods",
            Covered("websocket_handshake::other_methods_are_refused_before_anything_is_looked_at")),
        ("check mandatory headers",
            Covered("websocket_handshake::each_mandatory_header_is_missed")),
        ("check supported versions",
            Covered("websocket_handshake::versions_8_and_13_are_taken_and_no_other")),
        ("check response headers",
            Covered("websocket_handshake::the_answer_has_these_headers_only_and_no_body")),
        ("receive header template",
            Covered("websocket_frames::header_and_old_messages_are_a_frame_each")),
        ("send a ping frame to client",
            Covered("websocket_frames::a_ping_comes_every_interval")),
        ("send a close frame to client",
            Covered("websocket_frames::without_a_footer_the_end_is_the_close_frame_alone")),
        ("send a explain message on close frame",
            Covered("websocket_handshake::the_close_frame_of_a_failed_check_is_the_module_s")),
        ("receive footer template",
            Covered("websocket_frames::the_time_limit_ends_with_footer_and_close_frame")),
        ("check frames for messages with less than 125 bytes",
            Covered("websocket_frames::lengths_take_one_three_or_nine_bytes")),
        ("check frames for messages with more than 125 and less than 65535 bytes",
            Covered("websocket_frames::lengths_take_one_three_or_nine_bytes")),
        ("check frames for messages with more than 65535 bytes",
            Covered("websocket_frames::lengths_take_one_three_or_nine_bytes")),
        ("accept same message template in different locations",
            Covered("websocket_frames::the_template_is_framed_here_and_plain_in_a_stream")),
        ("publish message to all subscribed channels using the same stream",
            Covered("websocket_publishing::a_text_goes_to_every_channel_in_the_order_of_the_path_\
                and_back_to_its_sender")),
        ("publish large message",
            Covered("websocket_publishing::a_message_of_four_mebibytes_and_a_small_one_behind_it_\
                get_through")),
        ("publish message with a low bitrate",
            Covered("websocket_publishing::bytes_may_dribble_in_one_by_one")),
        ("accept ping message and return a pong frame",
            Differs("the ping has no mask, and a pong returns its payload (RFC 6455, sections 5.1 \
                and 5.5.3)",
                "websocket_frames::a_ping_is_answered_with_its_payload")),
        ("accept pong message",
            Covered("websocket_frames::a_pong_is_ignored")),
        ("accept close message",
            Covered("websocket_frames::a_close_frame_is_answered_with_its_code")),
        ("accept messages with different bytes",
            Covered("websocket_frames::a_message_goes_out_whatever_bytes_it_holds")),
        ("not cache the response",
            Covered("websocket_handshake::the_answer_has_these_headers_only_and_no_body")),
        ("not try to parse the request line when receive a frame after send close frame",
            Covered("websocket_frames::what_comes_after_the_server_s_close_frame_is_dropped")),
        ("not try to parse the request line when doing a reload",
            Covered("websocket_frames::half_a_frame_at_a_reload_is_never_taken_for_a_request")),
        ("accept non latin characters",
            Covered("websocket_publishing::text_of_all_lengths_of_utf_8_comes_back_unchanged")),
        ("reject an invalid utf8 sequence",
            Covered("websocket_frames::broken_framing_is_refused_and_nothing_is_published")),
        ("reject unsupported frames",
            Covered("websocket_frames::a_binary_frame_ends_the_connection")),
        ("accept unmasked frames",
            Differs("a frame of a client must be masked (RFC 6455, section 5.1)",
                "websocket_frames::broken_framing_is_refused_and_nothing_is_published")),
        ("accept masked frames",
            Covered("websocket_publishing::a_text_goes_to_every_channel_in_the_order_of_the_path_\
                and_back_to_its_sender")),
        ("accept fragmented unmasked frames",
            Differs("a frame of a client must be masked (RFC 6455, section 5.1); masked fragments \
                are joined",
                "websocket_publishing::fragments_are_joined_and_control_frames_may_stand_between")),
        ("accept all kinds of frames mixed",
            Differs("half of the mixed frames have no mask (RFC 6455, section 5.1); masked ones \
                of all kinds work",
                "websocket_publishing::masked_frames_of_all_kinds_give_messages_in_order")),
    ]),
];

/// The sources that are searched for the tests.
const SOURCES: [(&str, &str); 16] = [
    ("compression", include_str!("compression.rs")),
    ("event_source", include_str!("event_source.rs")),
    ("jsonp", include_str!("jsonp.rs")),
    ("long_polling", include_str!("long_polling.rs")),
    ("padding", include_str!("padding.rs")),
    ("polling", include_str!("polling.rs")),
    ("replay", include_str!("replay.rs")),
    ("streaming", include_str!("streaming.rs")),
    ("subscriber_headers", include_str!("subscriber_headers.rs")),
    ("subscriber_properties", include_str!("subscriber_properties.rs")),
    ("templates", include_str!("templates.rs")),
    ("timing", include_str!("timing.rs")),
    ("websocket_frames", include_str!("websocket_frames.rs")),
    ("websocket_handshake", include_str!("websocket_handshake.rs")),
    ("websocket_peer", include_str!("websocket_peer.rs")),
    ("websocket_publishing", include_str!("websocket_publishing.rs")),
];

/// Whether `MODULE::TEST` is a test of this folder.
fn is_test(path: &str) -> bool {
    let Some((module, test)) = path.split_once("::") else { return false };
    let source = SOURCES.iter().find(|(name, _)| *name == module);
    source.is_some_and(|(_, text)| text.contains(&format!("#[test]\nfn {test}() {{\n")))
}

#[test]
fn every_suite_is_listed_in_full_and_every_name_once() {
    for (suite, count, rows) in SUITES {
        let names: BTreeSet<&str> = rows.iter().map(|(name, _)| *name).collect();
        assert_eq!((rows.len(), names.len()), (count, count), "{suite}");
    }
    assert_eq!(SUITES.iter().map(|(_, count, _)| count).sum::<usize>(), 131);
}

#[test]
fn every_name_is_held_by_a_test_or_has_a_reason() {
    for (suite, _, rows) in SUITES {
        for (name, fate) in rows {
            let is_held = match fate {
                Covered(test) => is_test(test),
                Differs(reason, test) => !reason.is_empty() && is_test(test),
                Senseless(reason) => !reason.is_empty(),
            };
            assert!(is_held, "{suite}: {name}");
        }
    }
}
