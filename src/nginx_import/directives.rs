//! The directives of the push stream module, the contexts in which each is allowed, and the number
//! of its arguments (push-stream spec, sections 2.2 to 2.4).

use std::ops::RangeInclusive;

/// Prefix of the names of the module's directives.
pub const PREFIX: &str = "push_stream_";

/// The contexts in which a directive is allowed (push-stream spec, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contexts {
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
pub struct KnownDirective {
    /// Full name, prefix included.
    pub name: &'static str,
    /// Where it is allowed.
    pub contexts: Contexts,
    /// Allowed number of arguments.
    pub arguments: RangeInclusive<usize>,
}

impl KnownDirective {
    /// Finds a directive by its full name.
    pub fn named(name: &str) -> Option<&'static KnownDirective> {
        DIRECTIVES.iter().find(|known| known.name == name)
    }
}

pub(super) const HEADER_TEMPLATE: &str = "push_stream_header_template";
pub(super) const HEADER_TEMPLATE_FILE: &str = "push_stream_header_template_file";

/// Directives that give a location its role, in order of precedence.
pub(super) const ROLES: [&str; 3] =
    ["push_stream_channels_statistics", "push_stream_publisher", "push_stream_subscriber"];

const fn one(name: &'static str, contexts: Contexts) -> KnownDirective {
    KnownDirective { name, contexts, arguments: 1..=1 }
}

/// All directives of the module, in the order of the specification.
pub const DIRECTIVES: [KnownDirective; 36] = {
    use Contexts::*;
    [
        KnownDirective {
            name: "push_stream_channels_statistics",
            contexts: Location,
            arguments: 0..=0,
        },
        KnownDirective { name: "push_stream_publisher", contexts: Location, arguments: 0..=1 },
        KnownDirective { name: "push_stream_subscriber", contexts: Location, arguments: 0..=1 },
        KnownDirective { name: "push_stream_shared_memory_size", contexts: Http, arguments: 1..=2 },
        one("push_stream_channel_deleted_message_text", Http),
        one("push_stream_channel_inactivity_time", Http),
        one("push_stream_ping_message_text", Http),
        one("push_stream_timeout_with_body", Http),
        one("push_stream_message_ttl", Http),
        one("push_stream_max_subscribers_per_channel", Http),
        one("push_stream_max_messages_stored_per_channel", Http),
        one("push_stream_max_channel_id_length", Http),
        one("push_stream_max_number_of_channels", Http),
        one("push_stream_max_number_of_wildcard_channels", Http),
        one("push_stream_wildcard_channel_prefix", Http),
        one("push_stream_events_channel_id", Http),
        one("push_stream_channels_path", HttpServerLocationIf),
        one("push_stream_store_messages", HttpServerLocationIf),
        one("push_stream_channel_info_on_publish", HttpServerLocation),
        one("push_stream_authorized_channels_only", HttpServerLocation),
        one("push_stream_header_template", HttpServerLocation),
        one("push_stream_header_template_file", HttpServerLocation),
        one("push_stream_message_template", HttpServerLocation),
        one("push_stream_footer_template", HttpServerLocation),
        one("push_stream_wildcard_channel_max_qtd", HttpServerLocation),
        one("push_stream_ping_message_interval", HttpServerLocation),
        one("push_stream_subscriber_connection_ttl", HttpServerLocation),
        one("push_stream_longpolling_connection_ttl", HttpServerLocation),
        one("push_stream_websocket_allow_publish", HttpServerLocation),
        one("push_stream_allow_connections_to_events_channel", HttpServerLocationIf),
        one("push_stream_last_received_message_time", HttpServerLocationIf),
        one("push_stream_last_received_message_tag", HttpServerLocationIf),
        one("push_stream_last_event_id", HttpServerLocationIf),
        one("push_stream_user_agent", HttpServerLocation),
        one("push_stream_padding_by_user_agent", HttpServerLocation),
        one("push_stream_allowed_origins", HttpServerLocation),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{HTTP_DIRECTIVES, LEVEL_DIRECTIVES};
    use std::collections::BTreeSet;

    #[test]
    fn every_directive_but_the_roles_is_a_setting_of_its_levels() {
        let named = |is_wanted: fn(Contexts) -> bool| -> BTreeSet<&str> {
            let wanted = DIRECTIVES.iter().filter(|known| is_wanted(known.contexts));
            wanted.map(|known| known.name).collect()
        };
        let module = |name: &&str| name.starts_with(PREFIX);
        let http = HTTP_DIRECTIVES.iter().map(|directive| directive.name);
        assert_eq!(named(|contexts| contexts == Contexts::Http), http.filter(module).collect());
        let level = LEVEL_DIRECTIVES.iter().map(|directive| directive.name);
        let is_inherited = |contexts| {
            matches!(contexts, Contexts::HttpServerLocation | Contexts::HttpServerLocationIf)
        };
        assert_eq!(named(is_inherited), level.filter(module).collect());
        let conditional = LEVEL_DIRECTIVES.iter().filter(|directive| directive.is_allowed_in_if);
        assert_eq!(
            named(|contexts| contexts == Contexts::HttpServerLocationIf),
            conditional.map(|directive| directive.name).collect()
        );
    }
}
