//! The directives of the push stream module, the contexts in which each is allowed, and the number
//! of its arguments (push-stream spec, sections 2.2 to 2.4). All but the roles are rows in the
//! tables of the configuration.

use crate::config::{HTTP_DIRECTIVES, LEVEL_DIRECTIVES, PREFIX};
use std::ops::RangeInclusive;

/// The contexts in which a directive is allowed (push-stream spec, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contexts {
    /// H: `http` only.
    Http,
    /// HSL: `http`, `server`, `location`.
    HttpServerLocation,
    /// HSL+if: these and an `if` inside a location.
    HttpServerLocationIf,
    /// L: `location` only.
    Location,
}

/// A directive of the module.
#[derive(Debug)]
pub(super) struct KnownDirective {
    /// Full name, prefix included.
    pub(super) name: &'static str,
    /// Where it is allowed.
    pub(super) contexts: Contexts,
    /// Allowed number of arguments.
    pub(super) arguments: RangeInclusive<usize>,
}

impl KnownDirective {
    /// Finds a directive by its full name.
    pub(super) fn named(name: &str) -> Option<KnownDirective> {
        KnownDirective::all().find(|known| known.name == name)
    }

    /// All directives of the module.
    pub(super) fn all() -> impl Iterator<Item = KnownDirective> {
        let roles = ROLES.map(|name| match name {
            STATISTICS => (name, Contexts::Location, 0..=0),
            _ => (name, Contexts::Location, 0..=1),
        });
        let http = HTTP_DIRECTIVES.iter().map(|directive| match directive.name {
            SHARED_MEMORY_SIZE => (SHARED_MEMORY_SIZE, Contexts::Http, 1..=2),
            name => (name, Contexts::Http, 1..=1),
        });
        let level = LEVEL_DIRECTIVES.iter().filter(|directive| directive.is_in_nginx);
        let level = level.map(|directive| {
            let contexts = if directive.is_allowed_in_if {
                Contexts::HttpServerLocationIf
            } else {
                Contexts::HttpServerLocation
            };
            (directive.name, contexts, 1..=1)
        });
        let all = roles.into_iter().chain(http).chain(level);
        all.filter(|(name, ..)| name.starts_with(PREFIX))
            .map(|(name, contexts, arguments)| KnownDirective { name, contexts, arguments })
    }
}

pub(super) const HEADER_TEMPLATE: &str = "push_stream_header_template";
pub(super) const HEADER_TEMPLATE_FILE: &str = "push_stream_header_template_file";

/// Directives that give a location its role, in order of precedence.
pub(super) const ROLES: [&str; 3] = [STATISTICS, "push_stream_publisher", "push_stream_subscriber"];
const STATISTICS: &str = "push_stream_channels_statistics";
const SHARED_MEMORY_SIZE: &str = "push_stream_shared_memory_size";

#[cfg(test)]
mod tests {
    use super::*;

    /// Those of the specification, without the prefix.
    const SPECIFIED: [(Contexts, &str); 4] = [
        (Contexts::Location, "channels_statistics publisher subscriber"),
        (
            Contexts::Http,
            "shared_memory_size channel_deleted_message_text channel_inactivity_time \
             ping_message_text timeout_with_body message_ttl max_subscribers_per_channel \
             max_messages_stored_per_channel max_channel_id_length max_number_of_channels \
             max_number_of_wildcard_channels wildcard_channel_prefix events_channel_id",
        ),
        (
            Contexts::HttpServerLocation,
            "channel_info_on_publish authorized_channels_only header_template \
             header_template_file message_template footer_template wildcard_channel_max_qtd \
             ping_message_interval subscriber_connection_ttl longpolling_connection_ttl \
             websocket_allow_publish user_agent padding_by_user_agent allowed_origins",
        ),
        (
            Contexts::HttpServerLocationIf,
            "channels_path store_messages allow_connections_to_events_channel \
             last_received_message_time last_received_message_tag last_event_id",
        ),
    ];

    #[test]
    fn the_directives_are_those_of_the_specification() {
        for (contexts, names) in SPECIFIED {
            let known = KnownDirective::all().filter(|known| known.contexts == contexts);
            let mut known: Vec<&str> = known.map(|known| known.name).collect();
            let mut names: Vec<String> =
                names.split(' ').map(|name| format!("{PREFIX}{name}")).collect();
            known.sort_unstable();
            names.sort_unstable();
            assert_eq!(known, names, "{contexts:?}");
        }
    }

    #[test]
    fn the_directives_take_one_argument_except_for_roles_and_the_memory_size() {
        let others = KnownDirective::all().filter(|known| known.arguments != (1..=1));
        let others: Vec<(&str, RangeInclusive<usize>)> =
            others.map(|known| (known.name, known.arguments)).collect();
        assert_eq!(
            others,
            [
                ("push_stream_channels_statistics", 0..=0),
                ("push_stream_publisher", 0..=1),
                ("push_stream_subscriber", 0..=1),
                ("push_stream_shared_memory_size", 1..=2),
            ]
        );
    }
}
