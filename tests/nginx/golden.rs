//! Forty push-stream locations over three servers, with includes and inheritance on all levels: the
//! report, the written file and nginx's changes, compared as a whole. `RPUSHD_BLESS=1` writes them
//! anew.

use crate::support::*;
use rpushd::nginx_import::{Entry, Fate, Placement, Translation};
use std::path::Path;

fn compare(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nginx/golden").join(name);
    if std::env::var_os("RPUSHD_BLESS").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    for (index, (actual, expected)) in actual.lines().zip(expected.lines()).enumerate() {
        assert_eq!(actual, expected, "{name}:{}", index + 1);
    }
    assert_eq!(actual.lines().count(), expected.lines().count(), "{name}");
}

#[test]
fn a_large_site_is_imported_as_the_golden_files_say() {
    let files = MemoryFiles::fixture("three_servers");
    let (translation, diff) = import(&files, BEHIND).unwrap();
    compare("three_servers.report", &translation.report(BEHIND));
    // What stands before the locations is the same for every daemon.
    let toml = translation.to_toml();
    let locations = toml.find("# Locations of the listeners above").unwrap();
    compare("three_servers.toml", &toml[locations..]);
    compare("three_servers.diff", &diff);
    let locations: usize =
        translation.config.servers.iter().map(|server| server.locations.len()).sum();
    assert_eq!((locations, translation.dropped().count()), (39, 2));
    assert_eq!(comparable(&read_back(&translation.to_toml())), comparable(&translation.config));
}

#[test]
fn the_report_names_what_every_local_user_can_do_past_nginx() {
    let files = MemoryFiles::fixture("sample");
    let (translation, _) = import(&files, BEHIND).unwrap();
    let decisions = translation.decisions.iter().map(|decision| decision.text.as_str());
    let is_it = |text: &str| text.contains("past nginx's access rules");
    let named: Vec<&str> = decisions.filter(|text| is_it(text)).collect();
    let beginning = "every user of this machine can connect to 127.0.0.1:45831 and, past nginx's \
                     access rules, list the channels (/channels-stats), publish and delete \
                     channels (/pub), publish (/pub2): ";
    assert!(named.len() == 1 && named[0].starts_with(beginning), "{named:?}");
    let (translation, _) = import(&files, Placement::Instead).unwrap();
    assert!(!translation.decisions.iter().any(|decision| is_it(&decision.text)));
}

#[test]
fn every_directive_of_the_site_is_accounted_for() {
    let files = MemoryFiles::fixture("three_servers");
    let (translation, _) = import(&files, BEHIND).unwrap();
    for (path, text) in &files.0 {
        let mut covered_until = 0;
        let mut at = 0;
        for line in String::from_utf8_lossy(text).lines() {
            at += 1;
            let directive = line.trim().trim_start_matches('}').trim();
            let is_none = directive.is_empty() || directive.starts_with(['#', '}']);
            if is_none || directive.starts_with("include ") || at <= covered_until {
                continue;
            }
            let origin = format!("{}:{at}", path.display());
            let entry = translation.entries.iter().find(|entry| entry.origin == origin);
            let entry = entry.unwrap_or_else(|| panic!("{origin}: {directive} has no entry"));
            // Blocks that stand for what is in them.
            let is_aside = ["events", "types", "upstream"]
                .iter()
                .any(|name| directive.starts_with(&format!("{name} ")));
            if is_aside || directive.ends_with('{') && matches!(entry.fate, Fate::Dropped(_)) {
                let rest = String::from_utf8_lossy(text);
                let inside = rest.lines().skip(at).position(|line| line.trim() == "}");
                covered_until = at + inside.unwrap() + 1;
            }
        }
    }
}

#[test]
fn the_diff_of_the_sample_is_as_the_golden_file_says() {
    let (_, diff) = import(&MemoryFiles::fixture("sample"), BEHIND).unwrap();
    compare("sample.diff", &diff);
}

#[test]
fn nginx_reads_the_changed_files_without_the_module() {
    for name in ["sample", "three_servers"] {
        let files = MemoryFiles::fixture(name);
        let (before, diff) = import(&files, BEHIND).unwrap();
        let changed = files.patched(&diff);
        let (after, _) = import(&changed, BEHIND).unwrap_or_else(|error| panic!("{error}"));
        let dropped = |translation: &Translation| translation.dropped().count();
        assert_eq!(dropped(&after), dropped(&before));
        // What is left as it is stands for its content.
        let is_ours = |entry: &&Entry| entry.text.starts_with("push_stream_");
        assert_eq!(after.entries.iter().find(is_ours), None);
        // Comments survive, except in blocks that are gone whole.
        for (path, text) in &files.0 {
            let comments = |text: &[u8]| text.iter().filter(|byte| **byte == b'#').count();
            assert_eq!(comments(text), comments(&changed.0[path]), "{}", path.display());
        }
    }
}
