//! Every setting of a level is read, inherited, and has an effect in its location or condition.

use super::FakeFiles;
use crate::config::http_directives::HTTP_DIRECTIVES;
use crate::config::{
    LEVEL_DIRECTIVES, Level, LevelDirective, Location, PathMatch, PushStream, Role, Value,
    VariableString,
};
use std::collections::BTreeSet;

/// For each directive a value that is not its default.
const VALUES: &[(&str, &str)] = &[
    ("channels_path", "$arg_id"),
    ("store_messages", "on"),
    ("channel_info_on_publish", "off"),
    ("authorized_channels_only", "on"),
    ("header_template", "a"),
    ("header_template_file", "file"),
    ("message_template", "a ~text~"),
    ("footer_template", "a"),
    ("wildcard_channel_max_qtd", "3"),
    ("ping_message_interval", "3s"),
    ("subscriber_connection_ttl", "3s"),
    ("longpolling_connection_ttl", "3s"),
    ("websocket_allow_publish", "on"),
    ("allow_connections_to_events_channel", "on"),
    ("last_received_message_time", "$arg_a"),
    ("last_received_message_tag", "$arg_a"),
    ("last_event_id", "$arg_a"),
    ("user_agent", "$arg_a"),
    ("padding_by_user_agent", "a,1,2"),
    ("allowed_origins", "*"),
    ("default_type", "a/b"),
    ("client_max_body_size", "3"),
    ("gzip", "on"),
    ("gzip_streams", "on"),
    ("gzip_types", "a/b"),
    ("gzip_min_length", "3"),
    ("gzip_comp_level", "3"),
    ("gzip_http_version", "1.0"),
];

/// The level that sets one directive.
fn setting(directive: &LevelDirective) -> Level {
    let value = VALUES.iter().find(|(key, _)| *key == directive.key());
    let (_, text) = value.unwrap_or_else(|| panic!("{} has no value here", directive.name));
    let value = match *text {
        "a/b" if directive.name == "gzip_types" => Value::List(vec![(*text).to_owned()]),
        text => Value::Text(text.into()),
    };
    let mut level = Level::default();
    let files = FakeFiles(vec![("file", b"a".to_vec(), false)]);
    directive.set(&mut level, &value, &files).unwrap_or_else(|text| panic!("{text}"));
    level
}

/// One level per setting: those of the directives, and `types`.
fn each_setting() -> impl Iterator<Item = Level> {
    let types = Level { types: Some(Vec::new()), ..Level::default() };
    LEVEL_DIRECTIVES.iter().map(setting).chain([types])
}

fn location(level: Level) -> Location {
    let fallback = VariableString::parse("all").expect("plain text");
    let level = Level { channels_path: level.channels_path.or(Some(fallback)), ..level };
    let path = PathMatch::Prefix("/".into());
    level.location(path, Role::Statistics, &PushStream::default()).expect("it has a channels path")
}

#[test]
fn every_setting_of_a_level_has_a_directive() {
    let given: BTreeSet<&str> = each_setting().flat_map(|level| level.given()).collect();
    assert_eq!(given, Level::SETTINGS.iter().copied().collect());
}

#[test]
fn every_setting_is_inherited_and_an_inner_one_wins() {
    for outer in each_setting() {
        let name = outer.given()[0];
        let from_outer = Level::default().inherit(&outer);
        let from_both = outer.clone().inherit(&Level::default());
        assert_eq!(from_outer, from_both, "{name}");
        assert!(from_outer.given().contains(&name), "{name}");
        // Through a level in between that does not set it.
        assert_eq!(Level::default().inherit(&from_outer), from_outer, "{name}");
    }
    let text = |text: &str| Level { footer_template: Some(text.into()), ..Level::default() };
    assert_eq!(text("inner").inherit(&text("outer")), text("inner"));
}

#[test]
fn every_setting_counts_in_its_location() {
    for level in each_setting() {
        let name = level.given()[0];
        assert_ne!(location(level), location(Level::default()), "{name}");
    }
}

#[test]
fn every_setting_that_an_if_may_have_counts_there() {
    let condition = |level: Level| {
        let subject = VariableString::parse("$arg_a").expect("a variable");
        level.condition(subject, None, false)
    };
    for directive in LEVEL_DIRECTIVES {
        let counts = condition(setting(directive)) != condition(Level::default());
        assert_eq!(counts, directive.is_allowed_in_if, "{}", directive.name);
    }
}

#[test]
fn no_directive_is_in_two_tables() {
    let level = LEVEL_DIRECTIVES.iter().map(|directive| directive.name);
    let http = HTTP_DIRECTIVES.iter().map(|directive| directive.name);
    let names: Vec<&str> = level.chain(http).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}
