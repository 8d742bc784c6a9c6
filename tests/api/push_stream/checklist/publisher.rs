//! The files of the folder `publisher/`.

use super::File;
use super::Row::Covered;

pub(super) const CHANNEL_ID_COLLISION: File = &[(
    "create and retrieve channels with ids that collide",
    Covered("publishers::ids_with_the_same_crc_32_stay_apart"),
)];

pub(super) const PROPERTIES: File = &[
    ("not accept access without a channel id", Covered("statuses::status_400_for_no_channel")),
    (
        "not accept 'get' access to a nonexistent channel",
        Covered("publishers::get_and_delete_make_no_channel"),
    ),
    (
        "accept 'get' access to an existent channel",
        Covered("publishers::get_tells_of_the_channels_that_exist"),
    ),
    ("check accepted methods", Covered("http_behaviour::an_admin_publisher_takes_delete_too")),
    (
        "not accept create a channel with id 'ALL'",
        Covered("paths::all_and_ids_with_a_star_are_refused_by_publishers_and_subscribers"),
    ),
    (
        "not accept create a channel with id containing wildcard",
        Covered("paths::all_and_ids_with_a_star_are_refused_by_publishers_and_subscribers"),
    ),
    (
        "not accept a message larger than max body size",
        Covered("http_behaviour::a_body_beyond_the_servers_limit_gets_the_servers_own_page"),
    ),
    (
        "accept a message larger than max buffer size and smaller than max body size",
        Covered("publishers::a_large_message_and_a_small_one_after_it_reach_everybody"),
    ),
    (
        "accept a message smaller than max body size",
        Covered("http_behaviour::a_body_beyond_the_servers_limit_gets_the_servers_own_page"),
    ),
    ("store messages", Covered("publishers::post_and_put_publish_alike")),
    (
        "not store messages when it is 'off'",
        Covered("publishers::what_is_not_stored_is_only_for_who_listens"),
    ),
    (
        "limit the number of stored messages",
        Covered("publishers::the_oldest_beyond_the_maximum_are_dropped"),
    ),
    ("limit the size of channel id", Covered("statuses::status_400_for_an_id_that_is_too_large")),
    ("limit the number of channels", Covered("statuses::status_403_for_one_channel_too_many")),
    (
        "limit the number of wildcard channels",
        Covered("paths::wildcard_channels_have_a_maximum_of_their_own"),
    ),
    (
        "not receive acess control allow headers by default",
        Covered("http_behaviour::no_origin_fields_are_sent_by_default"),
    ),
    (
        "receive acess control allow headers",
        Covered("http_behaviour::origin_fields_stand_on_every_answer_of_publishers"),
    ),
    (
        "accept a complex value",
        Covered(
            "http_behaviour::the_origin_may_come_from_an_argument_and_is_left_out_when_it_is_empty",
        ),
    ),
    (
        "not receive channel info after publish a message when disabled",
        Covered("publishers::without_channel_info_the_answer_is_empty"),
    ),
    (
        "accept channel id inside an if block",
        Covered("publishers::channels_path_and_store_messages_may_depend_on_the_request"),
    ),
    (
        "accept store messages inside an if block",
        Covered("publishers::channels_path_and_store_messages_may_depend_on_the_request"),
    ),
    ("not cache the response", Covered("publishers::get_and_delete_make_no_channel")),
    (
        "accept respond get requests with gzip",
        Covered("http_behaviour::what_publishers_are_told_is_compressed_for_who_accepts_it"),
    ),
    (
        "accept respond post requests with gzip",
        Covered("http_behaviour::what_publishers_are_told_is_compressed_for_who_accepts_it"),
    ),
    (
        "published message on different channels on same post",
        Covered("publishers::one_publication_goes_to_every_channel_of_the_path_in_order"),
    ),
    (
        "return error when channel does not exists",
        Covered("deletions::delete_of_an_unknown_channel_is_404_without_a_reason"),
    ),
    (
        "return error when channel id is not specified",
        Covered("deletions::delete_needs_an_id_that_may_be_one"),
    ),
    (
        "return error when channel id is bigger than allowed",
        Covered("deletions::delete_needs_an_id_that_may_be_one"),
    ),
    (
        "delete a channel without subscribers",
        Covered("deletions::delete_removes_a_channel_without_subscribers"),
    ),
    (
        "delete a channel with subscriber",
        Covered("deletions::the_subscribers_of_a_deleted_channel_are_told_and_ended"),
    ),
    (
        "delete a channel with a custom message",
        Covered("deletions::the_body_of_a_delete_is_the_text_of_its_message"),
    ),
    (
        "delete a channel with subscriber in two channels",
        Covered("deletions::a_subscriber_with_another_channel_goes_on_until_that_is_deleted_too"),
    ),
    (
        "delete a channel with long polling subscriber in multiple channels",
        Covered("deletions::a_long_poll_on_twenty_channels_ends_when_one_is_deleted"),
    ),
    (
        "delete channels with subscribers",
        Covered("deletions::several_channels_are_deleted_at_once_and_unknown_ones_do_not_matter"),
    ),
    (
        "receive footer template when channel is deleted",
        Covered("deletions::each_location_ends_with_its_own_footer"),
    ),
    (
        "receive different header and footer template by location when channel is deleted",
        Covered("deletions::each_location_ends_with_its_own_footer"),
    ),
    (
        "receive custom delete message text when channel is deleted",
        Covered("deletions::the_body_of_a_delete_is_the_text_of_its_message"),
    ),
    (
        "delete channels on same request",
        Covered("deletions::several_channels_are_deleted_at_once_and_unknown_ones_do_not_matter"),
    ),
    (
        "delete channels on same request even when one of them does not exists",
        Covered("deletions::several_channels_are_deleted_at_once_and_unknown_ones_do_not_matter"),
    ),
];

pub(super) const PUBLISH_MESSAGES: File = &[
    ("receive the published message", Covered("publishers::post_and_put_publish_alike")),
    ("publish a message with PUT method", Covered("publishers::post_and_put_publish_alike")),
    (
        "accept messages with different bytes",
        Covered("publishers::all_pairs_of_bytes_arrive_as_they_were_published"),
    ),
    (
        "receive large messages",
        Covered("publishers::a_large_message_and_a_small_one_after_it_reach_everybody"),
    ),
    (
        "format message with text contains huge number of template patterns",
        Covered("publishers::placeholders_in_the_text_are_not_replaced"),
    ),
    (
        "publish many messages in the same channel",
        Covered("publishers::many_messages_arrive_in_order"),
    ),
    (
        "set an event id to the message through header parameter",
        Covered("publishers::event_id_and_type_come_from_their_fields"),
    ),
    (
        "set an event type to the message through header parameter",
        Covered("publishers::event_id_and_type_come_from_their_fields"),
    ),
    (
        "ignore event id header parameter which not match exactly",
        Covered("publishers::event_id_and_type_come_from_their_fields"),
    ),
    (
        "expose message publish time through message template",
        Covered("publishers::time_tag_and_size_can_be_shown"),
    ),
    (
        "expose message tag through message template",
        Covered("publishers::time_tag_and_size_can_be_shown"),
    ),
    (
        "expose message size through message template",
        Covered("publishers::time_tag_and_size_can_be_shown"),
    ),
];
