//! The files of the folder `mix/`.

use super::File;
use super::Row::{Covered, Senseless};

pub(super) const CHANNEL_STATISTICS: File = &[
    (
        "return 404 for a nonexistent channel",
        Covered("statistics::an_unknown_channel_is_404_without_a_body"),
    ),
    (
        "return channels statistics for an existent channel",
        Covered("statistics::one_channel_has_the_single_form"),
    ),
    (
        "return channels statistics for an existent channel with subscriber",
        Covered("statistics::a_channel_with_a_subscriber_counts_it"),
    ),
    (
        "return detailed channels statistics without existing channels",
        Covered("statistics::all_lists_every_channel_in_the_order_of_making"),
    ),
    (
        "return detailed channels statistics for an existent channel",
        Covered("statistics::all_lists_every_channel_in_the_order_of_making"),
    ),
    (
        "return detailed channels statistics for an existent wildcard channel",
        Covered("statistics::all_lists_every_channel_in_the_order_of_making"),
    ),
    (
        "return detailed channels statistics for an existent channel with subscriber",
        Covered("statistics::a_channel_with_a_subscriber_counts_it"),
    ),
    (
        "return summarized channels statistics for a nonexistent channel",
        Covered("statistics::the_summary_counts_normal_and_wildcard_channels_apart"),
    ),
    (
        "return summarized channels statistics for an existent channel",
        Covered("statistics::the_summary_counts_normal_and_wildcard_channels_apart"),
    ),
    (
        "return summarized channels statistics for an existent wildcard channel",
        Covered("statistics::the_summary_counts_normal_and_wildcard_channels_apart"),
    ),
    (
        "return summarized channels statistics for an existent channel with subscriber",
        Covered("statistics::a_channel_with_a_subscriber_counts_it"),
    ),
    ("check accepted methods", Covered("http_behaviour::statistics_take_get_alone")),
    (
        "check accepted content types",
        Covered("statistics::the_first_known_name_behind_a_slash_of_accept_decides"),
    ),
    (
        "return detailed channels statistics for many channels",
        Covered("statistics::twenty_thousand_channels_are_listed"),
    ),
    (
        "return detailed channels statistics for a nonexistent channel using prefix id",
        Covered(
            "statistics::a_prefix_lists_the_channels_that_begin_with_it_and_the_servers_totals",
        ),
    ),
    (
        "return detailed channels statistics for an existent channel using prefix id",
        Covered(
            "statistics::a_prefix_lists_the_channels_that_begin_with_it_and_the_servers_totals",
        ),
    ),
    (
        "return detailed channels statistics using prefix id with same behavior as ALL",
        Covered("statistics::all_lists_every_channel_in_the_order_of_making"),
    ),
    (
        "return detailed channels statistics for an existent wildcard channel using prefix id",
        Covered(
            "statistics::a_prefix_lists_the_channels_that_begin_with_it_and_the_servers_totals",
        ),
    ),
    (
        "return detailed channels statistics for an existent channel using prefix id with \
         subscriber",
        Covered("statistics::a_channel_with_a_subscriber_counts_it"),
    ),
    (
        "return detailed channels statistics for many channels using prefix id",
        Covered("statistics::twenty_thousand_channels_are_listed"),
    ),
    (
        "return uptime in detailed channels statistics",
        Covered("statistics::uptime_and_time_go_with_the_clock"),
    ),
    (
        "return uptime in summarized channels statistics",
        Covered("statistics::uptime_and_time_go_with_the_clock"),
    ),
    (
        "return the number of messages in the trash in summarized channels statistics",
        Covered("life::a_message_of_one_second_is_in_the_trash_after_five"),
    ),
    (
        "return the number of channels in the trash in summarized channels statistics",
        Covered(
            "life::a_deleted_channel_rests_in_delete_then_in_the_trash_and_leaves_others_alone",
        ),
    ),
    (
        "not cache the response",
        Covered("statistics::statistics_are_not_to_be_kept_by_caches_also_when_there_are_none"),
    ),
    (
        "return detailed channels statistics for existent channels",
        Covered("statistics::names_are_listed_in_the_order_asked_without_those_that_do_not_exist"),
    ),
    (
        "return detailed channels statistics for unexistent channel",
        Covered("statistics::names_are_listed_in_the_order_asked_without_those_that_do_not_exist"),
    ),
];

pub(super) const CLEANUP_MEMORY: File = &[
    (
        "wait 30s by default",
        Covered("life::an_unused_channel_goes_after_its_inactivity_time_by_way_of_the_trash"),
    ),
    (
        "be possible change the default value",
        Covered("life::an_unused_channel_goes_after_its_inactivity_time_by_way_of_the_trash"),
    ),
    (
        "cleanup memory used for published message",
        Covered("memory::messages_beyond_the_stored_maximum_fill_it_by_way_of_the_trash"),
    ),
    ("discard old messages", Covered("memory::old_messages_are_discarded_one_after_the_other")),
    (
        "cleanup message memory without max messages stored per channel",
        Covered("memory::messages_of_one_channel_fill_the_memory_and_give_it_back"),
    ),
    (
        "cleanup memory used for create channels",
        Covered("memory::channels_fill_the_memory_and_give_it_back"),
    ),
    (
        "cleanup memory used for publish messages with store 'off' and with subscriber",
        Covered(
            "memory::messages_that_are_not_stored_fill_the_memory_with_and_without_a_subscriber",
        ),
    ),
    (
        "cleanup memory used for publish messages with store 'off' and without subscriber",
        Covered(
            "memory::messages_that_are_not_stored_fill_the_memory_with_and_without_a_subscriber",
        ),
    ),
    (
        "cleanup memory used after delete created channels",
        Covered("memory::deleted_channels_give_their_memory_back_after_the_trash"),
    ),
    (
        "cleanup memory used after delete created channels with same id",
        Covered("memory::one_id_made_and_deleted_again_and_again_fills_the_memory_too"),
    ),
];

pub(super) const EVENTS_CHANNEL: File = &[
    ("send an event when a channel is created", Covered("events_channel::a_channel_is_created")),
    (
        "send an event when a channel is deleted",
        Covered("events_channel::a_channel_is_destroyed_some_time_after_its_deletion"),
    ),
    (
        "send an event when a channel is collected by inactivity",
        Covered("events_channel::a_channel_is_destroyed_when_it_is_collected_by_inactivity"),
    ),
    (
        "send an event when a client subscribe to a channel",
        Covered("events_channel::a_streaming_client_subscribes_and_leaves"),
    ),
    (
        "send an event when a websocket client subscribe to a channel",
        Covered("events_channel::a_websocket_client_subscribes_and_leaves"),
    ),
    (
        "send an event when a long-polling client subscribe to a channel",
        Covered("events_channel::a_long_poll_of_events_is_answered_with_exactly_one"),
    ),
    (
        "send an event when a client unsubscribe to a channel by timeout",
        Covered("events_channel::a_client_leaves_when_its_time_is_over"),
    ),
    (
        "send an event when a client unsubscribe to a channel by delete",
        Covered("events_channel::the_clients_of_a_deleted_channel_leave_before_it_is_destroyed"),
    ),
    (
        "never collect the events channel by inactivity",
        Covered(
            "events_channel::events_are_stored_though_nothing_else_is_and_expire_but_the_\
             channel_stays",
        ),
    ),
    (
        "use a exclusive mutex lock for events channel",
        Covered("events_channel::the_maximum_of_stored_messages_holds_for_events_too"),
    ),
    (
        "not accept publish outside messages to events channel",
        Covered("events_channel::outsiders_can_neither_publish_to_it_nor_delete_it"),
    ),
    (
        "not accept delete events channel",
        Covered("events_channel::outsiders_can_neither_publish_to_it_nor_delete_it"),
    ),
    (
        "not accept subscribe to events channel when access is not authorized",
        Covered(
            "events_channel::a_subscriber_beside_the_events_channel_sees_its_own_channel_\
             made_and_its_subscription",
        ),
    ),
    (
        "change the tag number for messages on the same second",
        Covered(
            "events_channel::tags_of_events_and_messages_follow_each_other_and_begin_anew_\
             each_second",
        ),
    ),
    ("keep sending events after a reload", Covered("events_channel::it_goes_on_after_a_reload")),
];

pub(super) const KEEPALIVE: File = &[
    (
        "create many channels on the same socket",
        Covered("keep_alive::many_channels_are_made_over_one_connection"),
    ),
    (
        "create many channels on the same socket without info on response",
        Covered("keep_alive::many_channels_are_made_over_one_connection_without_info"),
    ),
    (
        "execute different operations using the same socket",
        Covered("keep_alive::different_operations_share_one_connection"),
    ),
    (
        "accept subscribe many times using the same socket",
        Covered("keep_alive::many_long_polls_share_one_connection"),
    ),
];

pub(super) const MEASURE_MEMORY: File = &[
    ("check message size", Covered("memory::messages_of_2_megabytes_cost_what_the_module_says")),
    ("check channel size", Covered("memory::channels_cost_what_the_module_says")),
    (
        "check subscriber size",
        Covered("memory::a_subscriber_without_room_is_refused_with_500_and_takes_no_place"),
    ),
    (
        "check subscriber system size",
        Senseless("resident memory of an nginx process; benches/ measures ours"),
    ),
];

pub(super) const SEND_SIGNALS: File = &[
    (
        "disconnect subscribers when receives TERM signal",
        Covered("reload_and_stop::a_stop_ends_all_subscribers_as_if_their_time_were_over"),
    ),
    (
        "reload normaly when receives HUP signal",
        Covered("reload_and_stop::a_reload_keeps_data_counters_and_uptime_and_begins_new_workers"),
    ),
    (
        "reload fast",
        Covered("reload_and_stop::a_reload_is_at_once_whatever_pings_and_limits_subscribers_have"),
    ),
    (
        "ignore changes on shared memory size when doing a reload",
        Covered("reload_and_stop::a_reload_takes_new_directives_but_not_another_memory_size"),
    ),
];

pub(super) const SETUP_PARAMETERS: File = &[
    ("not accept '0' as ping message interval", Covered("startup::ping_message_interval_is_not_0")),
    ("not accept a blank message template", Covered("startup::the_message_template_is_not_blank")),
    (
        "not accept '0' as subscriber connection ttl",
        Covered("startup::subscriber_connection_ttl_is_not_0"),
    ),
    (
        "not accept '0' as long polling subscriber connection ttl",
        Covered("startup::longpolling_connection_ttl_is_not_0"),
    ),
    ("not accept '0' as max channel id length", Covered("startup::max_channel_id_length_is_not_0")),
    ("not accept '0' as message ttl", Covered("startup::message_ttl_is_not_0")),
    (
        "not accept '0' as max subscribers per channel",
        Covered("startup::max_subscribers_per_channel_is_not_0"),
    ),
    (
        "not accept '0' as max messages stored per channel",
        Covered("startup::max_messages_stored_per_channel_is_not_0"),
    ),
    (
        "not accept '0' as max number of channels",
        Covered("startup::max_number_of_channels_is_not_0"),
    ),
    (
        "not accept '0' as max number of wildcard channels",
        Covered("startup::max_number_of_wildcard_channels_is_not_0"),
    ),
    (
        "not accept '0' as max wildcard channels",
        Covered("startup::wildcard_channel_max_qtd_is_not_0"),
    ),
    (
        "not set max wildcard channels without set boadcast channel prefix",
        Covered("startup::a_maximum_of_wildcard_channels_needs_a_prefix"),
    ),
    (
        "not accept '0' as max number of wildcard channels (second of the name)",
        Covered("startup::the_maximum_of_wildcard_channels_is_not_below_that_per_request"),
    ),
    (
        "accept a configuration without http block",
        Senseless(
            "an nginx configuration as such; the importer of nginx configurations has the notice",
        ),
    ),
    (
        "not accept an invalid push mode",
        Covered("startup::an_unknown_mode_of_a_subscriber_is_refused_with_the_list"),
    ),
    (
        "accept the known push modes",
        Covered("startup::the_known_modes_of_a_subscriber_are_accepted"),
    ),
    (
        "not accept an invalid publisher mode",
        Covered("startup::an_unknown_mode_of_a_publisher_is_refused_with_the_list"),
    ),
    (
        "accept the known publisher modes",
        Covered("startup::the_known_modes_of_a_publisher_are_accepted"),
    ),
    (
        "not accept an invalid pattern for padding by user agent",
        Covered("startup::a_broken_padding_pattern_is_refused_with_what_is_left_of_it"),
    ),
    (
        "not accept an invalid shared memory size",
        Senseless(
            "an nginx configuration as such; in a TOML file limits.store_bytes_max stands in \
             for it",
        ),
    ),
    (
        "not accept a small shared memory size",
        Covered("startup::a_small_or_senseless_memory_size_is_refused"),
    ),
    ("not accept an invalid channels path value", Covered("startup::a_role_needs_a_channels_path")),
];

pub(super) const WILDCARD_PROPERTIES: File = &[
    (
        "identify wildcard channels by prefix",
        Covered("subscriber_checks::authorized_channels_must_exist_and_have_a_stored_message"),
    ),
    (
        "limit the number of wildcard channels in the same request",
        Covered(
            "subscriber_checks::wildcard_channels_are_limited_per_request_and_do_not_come_alone",
        ),
    ),
];
