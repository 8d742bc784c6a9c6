//! What the server publishes about itself on the events channel (push-stream spec, section 21).

use crate::message::ChannelName;

/// Something that happened to a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The channel's name.
    pub channel: ChannelName,
}

/// What can happen to a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The channel was created.
    ChannelCreated,
    /// The channel was removed: idle for too long, or swept after it was deleted.
    ChannelDestroyed,
    /// A subscription began.
    ClientSubscribed,
    /// A subscription ended.
    ClientUnsubscribed,
}

impl EventKind {
    /// The event's name in messages, also their event type.
    pub fn word(self) -> &'static str {
        match self {
            EventKind::ChannelCreated => "channel_created",
            EventKind::ChannelDestroyed => "channel_destroyed",
            EventKind::ClientSubscribed => "client_subscribed",
            EventKind::ClientUnsubscribed => "client_unsubscribed",
        }
    }
}

impl Event {
    /// The text of the message. Channel ids are inserted unchanged, except for what would break the
    /// JSON (section 27): invalid UTF-8 becomes U+FFFD.
    pub fn text(&self) -> String {
        let mut text = format!("{{\"type\": \"{}\", \"channel\": \"", self.kind.word());
        for character in String::from_utf8_lossy(&self.channel).chars() {
            match character {
                '"' | '\\' => text.extend(['\\', character]),
                '\0'..' ' => text.push_str(&format!("\\u{:04x}", u32::from(character))),
                _ => text.push(character),
            }
        }
        text.push_str("\"}");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_json_whatever_bytes_an_id_has() {
        let text = |id: &[u8]| Event { kind: EventKind::ChannelCreated, channel: id.into() }.text();
        let expected =
            |id: &str| format!("{{\"type\": \"channel_created\", \"channel\": \"{id}\"}}");
        assert_eq!(text("a\"\\\n/é".as_bytes()), expected("a\\\"\\\\\\u000a/é"));
        assert_eq!(text(b"a\xff\xc3(b\xe2\x82"), expected("a\u{fffd}\u{fffd}(b\u{fffd}"));
    }
}
