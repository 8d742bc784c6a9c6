//! Tests of `[[history]]` and its variables as part of a configuration.

use super::super::{ChannelPattern, Config, HistoryBlock};
use super::{SECRETS, load, load_with_secrets};
use crate::time::Millis;

fn all(messages: Option<u32>, age: Option<Millis>, bytes: Option<u64>) -> HistoryBlock {
    let channels = ChannelPattern::parse("*").unwrap();
    HistoryBlock { channels, messages, age, bytes }
}

fn load_with(text: &str, pairs: &[(&str, &str)]) -> Result<Config, String> {
    load(text, &[&SECRETS[..], pairs].concat()).map_err(|error| error.to_string())
}

#[test]
fn history_is_off_by_default() {
    assert_eq!(load_with_secrets("").history, []);
}

#[test]
fn blocks_keep_their_order_and_the_one_of_the_variables_is_the_last() {
    let text = "[[history]]\nchannels = 'news:*'\nmessages = 100\nage = '10m'\nbytes = '1m'\n\
                [[history]]\nchannels = 'one'\nage = 2";
    let config = load_with(text, &[("RPUSHD_HISTORY_BYTES", "64k")]).unwrap();
    let news = HistoryBlock {
        channels: ChannelPattern::Prefix("news:".into()),
        messages: Some(100),
        age: Some(Millis::from_seconds(600)),
        bytes: Some(1 << 20),
    };
    let one = HistoryBlock {
        channels: ChannelPattern::Exact("one".into()),
        ..all(None, Some(Millis::from_seconds(2)), None)
    };
    assert_eq!(config.history, [news, one, all(None, None, Some(65_536))]);
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn each_variable_alone_is_enough_for_all_channels() {
    for (pair, expected) in [
        (("RPUSHD_HISTORY_MESSAGES", "5"), all(Some(5), None, None)),
        (("RPUSHD_HISTORY_AGE", "1h"), all(None, Some(Millis::from_seconds(3600)), None)),
        (("RPUSHD_HISTORY_BYTES", "1g"), all(None, None, Some(1 << 30))),
    ] {
        assert_eq!(load_with("", &[pair]).unwrap().history, [expected]);
    }
}

#[test]
fn a_pattern_includes_one_name_or_those_that_begin_with_it() {
    let includes = |pattern: &str, name: &str| {
        ChannelPattern::parse(pattern).unwrap().includes(name.as_bytes())
    };
    assert!(includes("news", "news") && !includes("news", "news:1") && !includes("news", "new"));
    assert!(includes("news:*", "news:") && includes("news:*", "news:1"));
    assert!(!includes("news:*", "news") && !includes("news:*", "News:1"));
    assert!(includes("*", "") && includes("*", "x"));
}

#[test]
fn a_block_that_has_an_error_is_refused_with_its_place() {
    let block = |lines: &str| load_with(&format!("[[history]]\n{lines}"), &[]).unwrap_err();
    for (lines, refusal) in [
        ("", "x.toml:1: history: channels is missing: a name, or a prefix and \"*\""),
        ("channels = 'a'", "x.toml:1: history: has no limit; give messages, age or bytes"),
        ("messages = 1", "x.toml:1: history: channels is missing: a name, or a prefix and \"*\""),
        (
            "channels = ''\nmessages = 1",
            "x.toml:2: history.channels: must not be empty; write \"*\" for all channels",
        ),
        (
            "channels = 'a*b'\nmessages = 1",
            "x.toml:2: history.channels: \"a*b\": \"*\" is allowed at the end only",
        ),
        (
            "channels = '**'\nmessages = 1",
            "x.toml:2: history.channels: \"**\": \"*\" is allowed at the end only",
        ),
        (
            "channels = ['a', 'b']\nmessages = 1",
            "x.toml:2: history.channels: must be one value, not a list",
        ),
        (
            "channels = 'a'\nmessages = 0",
            "x.toml:3: history.messages: must not be 0; without a block, nothing is stored",
        ),
        (
            "channels = 'a'\nage = '0s'",
            "x.toml:3: history.age: must not be 0; without a block, nothing is stored",
        ),
        ("channels = 'a'\nmessages = '1k'", "x.toml:3: history.messages: \"1k\" is not a number"),
        (
            "channels = 'a'\nage = 'soon'",
            "x.toml:3: history.age: \"soon\" is not a time; write 10m, 30s or a number of seconds",
        ),
        (
            "channels = 'a'\nbytes = -1",
            "x.toml:3: history.bytes: \"-1\" is not a size; write bytes, 64k or 1m",
        ),
        (
            "channels = 'a'\nmessage = 1\nage = 1",
            "x.toml:3: history.message: unknown key, did you mean \"messages\"?",
        ),
    ] {
        assert_eq!(block(lines), refusal);
    }
    let refusal = load_with("", &[("RPUSHD_HISTORY_AGE", "-1")]).unwrap_err();
    let expected =
        "RPUSHD_HISTORY_AGE: \"-1\" is not a time; write 10m, 30s or a number of seconds";
    assert_eq!(refusal, expected);
    let refusal = load_with("history = 1", &[]).unwrap_err();
    assert_eq!(refusal, "x.toml:1: history: must be a table");
}

#[test]
fn there_are_at_most_255_blocks() {
    let blocks = |count: usize| -> String {
        (0..count).map(|index| format!("[[history]]\nchannels = '{index}'\nage = 1\n")).collect()
    };
    let one_more = [("RPUSHD_HISTORY_AGE", "1")];
    assert_eq!(load_with(&blocks(254), &one_more).unwrap().history.len(), 255);
    let refusal = load_with(&blocks(256), &[]).unwrap_err();
    assert_eq!(refusal, "x.toml:766: history: more than 255 blocks");
    let refusal = load_with(&blocks(255), &one_more).unwrap_err();
    assert_eq!(refusal, "RPUSHD_HISTORY_AGE: the file has 255 blocks already");
}

#[test]
fn a_block_behind_one_that_includes_all_its_channels_is_warned_about() {
    let text = ["news:*", "news:x", "news*", "*"]
        .map(|channels| format!("[[history]]\nchannels = '{channels}'\nage = 1\n"))
        .concat();
    let config = load_with(&text, &[("RPUSHD_HISTORY_AGE", "3")]).unwrap();
    assert_eq!(
        config.warnings,
        [
            "x.toml:4: history: this history has no effect: its channels (\"news:x\") are all of \
             an earlier block (\"news:*\")",
            "RPUSHD_HISTORY_AGE: this history has no effect: its channels (\"*\") are all of an \
             earlier block (\"*\")",
        ]
    );
}
