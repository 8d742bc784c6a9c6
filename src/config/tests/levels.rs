//! Every setting of a level is read, inherited, and has an effect in its location or condition.

use super::{FakeFiles, load};
use crate::config::http_directives::HTTP_DIRECTIVES;
use crate::config::{
    Config, LEVEL_DIRECTIVES, Level, LevelDirective, Location, PathMatch, PushStream, Role, Value,
    VariableString, VirtualServer,
};
use std::collections::BTreeSet;

/// Values of which each directive takes one that is not its default.
const VALUES: [&str; 6] = ["a,1,2", "on", "off", "3", "1.0", "file"];

/// A level that sets this one directive, to a value that is not its default.
fn setting(directive: &LevelDirective) -> Level {
    let read = |text: &&str| {
        let mut level = Level::default();
        let files = FakeFiles(vec![("file", b"a".to_vec(), false)]);
        directive.set(&mut level, &Value::Text((*text).into()), &files).ok()?;
        (location(level.clone()) != location(Level::default())).then_some(level)
    };
    VALUES.iter().find_map(read).unwrap_or_else(|| panic!("{} has no effect", directive.name))
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
fn every_setting_of_a_location_has_a_directive() {
    // Those that are no directives, hold some, or are inside `channels_path`.
    let others = ["path", "role", "is_internal", "requires_secret", "conditions", "origin"]
        .into_iter()
        .chain(["gzip", "subscriber", "source", "parts"]);
    let others: Vec<&str> = others.collect();
    let shown = format!("{:#?}", location(Level::default()));
    let fields = shown.lines().filter_map(|line| line.trim_start().split_once(": "));
    let settings: Vec<&str> =
        fields.map(|(name, _)| name).filter(|name| !others.contains(name)).collect();
    assert_eq!(settings.len(), Level::SETTINGS.len(), "{settings:?}");
}

#[test]
fn every_setting_reads_back_from_the_effective_configuration() {
    for level in each_setting() {
        let name = level.given()[0];
        let mut config = Config { servers: vec![VirtualServer::default()], ..Config::default() };
        config.listeners[0].server = Some(0);
        config.push_stream.wildcard_channel_prefix = b"b_".into();
        config.servers[0].locations.push(location(level.inherit(&Level::default())));
        let shown = config.to_toml();
        let mut read = load(&shown, &[]).unwrap_or_else(|error| panic!("{name}: {error}"));
        read.servers[0].locations[0].origin.clear();
        assert_eq!(read.servers, config.servers, "{name}");
    }
}

#[test]
fn no_directive_is_in_two_tables() {
    let level = LEVEL_DIRECTIVES.iter().map(|directive| directive.name);
    let http = HTTP_DIRECTIVES.iter().map(|directive| directive.name);
    let names: Vec<&str> = level.chain(http).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}
