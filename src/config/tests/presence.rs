//! Tests of the table `[presence]` as part of a configuration.

use super::super::{ChannelPattern, Config, Presence, PresenceTarget};
use super::{SECRETS, load, load_with_secrets};
use crate::time::Millis;

fn presence(text: &str) -> Option<Presence> {
    load_with_secrets(text).presence
}

#[test]
fn joins_and_leaves_are_announced_if_channels_and_a_target_are_given() {
    assert_eq!(presence(""), None);
    assert_eq!(presence("[presence]\nleave_delay = '1s'"), None);
    let expected = |delay| {
        Some(Presence {
            channels: ChannelPattern::Prefix("chat:".to_owned()),
            to: PresenceTarget::parse("presence:*").unwrap(),
            leave_delay: Millis(delay),
        })
    };
    let table = "[presence]\nchannels = 'chat:*'\nto = 'presence:*'";
    assert_eq!(presence(table), expected(3_000));
    assert_eq!(presence(&format!("{table}\nleave_delay = '500ms'")), expected(500));
    let pairs = [
        ("RPUSHD_PRESENCE_CHANNELS", "chat:*"),
        ("RPUSHD_PRESENCE_TO", "presence:*"),
        ("RPUSHD_PRESENCE_LEAVE_DELAY", "0"),
    ];
    let config: Config = load("", &[&SECRETS[..], &pairs].concat()).unwrap();
    assert_eq!((config.presence, config.warnings), (expected(0), Vec::new()));
}

#[test]
fn a_table_that_is_incomplete_or_malformed_is_refused_with_its_place() {
    for (text, reason) in [
        ("channels = 'a'", "x.toml:2: presence.channels: needs \"to\""),
        ("to = 'a'", "x.toml:2: presence.to: needs \"channels\""),
        ("to = '*'\nchannels = 'a'", "x.toml:2: presence.to: \"*\" is not the name of a channel"),
        (
            "to = 'b'\nchannels = 'a*b'",
            "x.toml:3: presence.channels: \"a*b\": \"*\" is allowed at the end only",
        ),
        ("too = 'b'", "unknown key"),
    ] {
        let error = load(&format!("[presence]\n{text}"), &SECRETS).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}
