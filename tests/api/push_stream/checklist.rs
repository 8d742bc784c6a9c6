//! The acceptance tests of the original module (section 26): for each, the test here that covers
//! it, or the reason why it does not apply.

mod mix;
mod publisher;

use Row::{Covered, Senseless};

/// How an original test is covered.
enum Row {
    /// By this test below `push_stream`.
    Covered(&'static str),
    /// It does not apply, for this reason (section 25).
    Senseless(&'static str),
}

/// A file of the original suite, with the names of its tests.
type File = &'static [(&'static str, Row)];

/// The files, with the number of tests in each.
const FILES: &[(&str, usize, File)] = &[
    ("mix/channel_statistics_spec.rb", 27, mix::CHANNEL_STATISTICS),
    ("mix/cleanup_memory_spec.rb", 10, mix::CLEANUP_MEMORY),
    ("mix/events_channel_spec.rb", 15, mix::EVENTS_CHANNEL),
    ("mix/keepalive_spec.rb", 4, mix::KEEPALIVE),
    ("mix/measure_memory_spec.rb", 4, mix::MEASURE_MEMORY),
    ("mix/send_signals_spec.rb", 4, mix::SEND_SIGNALS),
    ("mix/setup_parameters_spec.rb", 22, mix::SETUP_PARAMETERS),
    ("mix/wildcard_properties_spec.rb", 2, mix::WILDCARD_PROPERTIES),
    ("publisher/channel_id_collision_spec.rb", 1, publisher::CHANNEL_ID_COLLISION),
    ("publisher/properties_spec.rb", 39, publisher::PROPERTIES),
    ("publisher/publish_messages_spec.rb", 12, publisher::PUBLISH_MESSAGES),
];

/// The sources of the tests here.
const SOURCES: &[(&str, &str)] = &[
    ("deletions", include_str!("deletions.rs")),
    ("events_channel", include_str!("events_channel.rs")),
    ("http_behaviour", include_str!("http_behaviour.rs")),
    ("keep_alive", include_str!("keep_alive.rs")),
    ("life", include_str!("life.rs")),
    ("memory", include_str!("memory.rs")),
    ("paths", include_str!("paths.rs")),
    ("publishers", include_str!("publishers.rs")),
    ("reload_and_stop", include_str!("reload_and_stop.rs")),
    ("startup", include_str!("startup.rs")),
    ("statistics", include_str!("statistics.rs")),
    ("statuses", include_str!("statuses.rs")),
    ("subscriber_checks", include_str!("subscriber_checks.rs")),
];

#[test]
fn every_original_test_is_listed_once() {
    for (file, count, rows) in FILES {
        let mut names: Vec<&str> = rows.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!((names.len(), rows.len()), (*count, *count), "{file}");
    }
}

#[test]
fn every_test_that_is_named_exists_and_every_reason_is_given() {
    for (file, _, rows) in FILES {
        for (name, row) in *rows {
            match row {
                Covered(path) => assert!(is_test(path), "{file}: {name}: {path}"),
                Senseless(reason) => assert!(!reason.is_empty(), "{file}: {name}"),
            }
        }
    }
}

fn is_test(path: &str) -> bool {
    let Some((module, function)) = path.split_once("::") else { return false };
    let mut sources = SOURCES.iter().filter(|(name, _)| *name == module);
    let head = format!("#[test]\nfn {function}() {{");
    sources.any(|(_, source)| source.contains(&head))
}
