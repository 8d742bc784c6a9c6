//! The rules of .github/deny.toml for licences, sources and crates, checked without a network. CI
//! runs cargo-deny itself, with the same file, which also reads the advisories.

use super::run;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The rules.
fn rules() -> toml::Table {
    let text = fs::read_to_string(root().join(".github/deny.toml")).expect("there are rules");
    text.parse().expect("they are TOML")
}

/// The texts of a list in a table of the rules; of a list of tables, their member `crate`.
fn listed(rules: &toml::Table, table: &str, key: &str) -> Vec<String> {
    let entries = rules[table][key].as_array().expect("it is a list");
    let text = |entry: &toml::Value| {
        let text = entry.get("crate").unwrap_or(entry).as_str();
        text.expect("it is a text, or has one").to_owned()
    };
    entries.iter().map(text).collect()
}

/// The dependencies of the program. As with cargo-deny, those of tests and benches only do not
/// count.
fn dependencies() -> Vec<Value> {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let arguments = ["metadata", "--format-version=1", "--locked", "--offline"];
    let arguments = [&arguments[..], &["--filter-platform", &platform]].concat();
    let metadata: Value =
        serde_json::from_str(&run(env!("CARGO"), &arguments, root())).expect("it prints JSON");
    let used = used(&metadata["resolve"]);
    let packages = metadata["packages"].as_array().expect("there are packages");
    let is_used = |package: &&Value| used.contains(text(package, "id"));
    packages.iter().filter(is_used).cloned().collect()
}

/// The ids of the packages that the program needs, without itself.
fn used(resolve: &Value) -> BTreeSet<String> {
    let nodes = resolve["nodes"].as_array().expect("there are nodes");
    let needed = |id: &str| {
        let node = nodes.iter().find(|node| text(node, "id") == id).expect("it is a node");
        let is_needed = |dependency: &&Value| {
            let kinds = dependency["dep_kinds"].as_array().expect("they are listed");
            kinds.iter().any(|kind| kind["kind"] != "dev")
        };
        let dependencies = node["deps"].as_array().expect("they are listed");
        dependencies.iter().filter(is_needed).map(|one| text(one, "pkg").to_owned()).collect()
    };
    let mut found = BTreeSet::new();
    let mut next: Vec<String> = needed(text(resolve, "root"));
    while let Some(id) = next.pop() {
        if found.insert(id.clone()) {
            next.extend(needed(&id));
        }
    }
    found
}

fn text<'p>(package: &'p Value, member: &str) -> &'p str {
    package[member].as_str().unwrap_or_default()
}

/// Whether an SPDX expression is satisfied by allowed licences. `/` is an old form of OR.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any(&mut rest, allowed) && rest.is_empty()
}

fn any(words: &mut &[&str], allowed: &[String]) -> bool {
    let mut is_met = all(words, allowed);
    while let ["OR", rest @ ..] = *words {
        *words = rest;
        is_met |= all(words, allowed);
    }
    is_met
}

fn all(words: &mut &[&str], allowed: &[String]) -> bool {
    let mut is_met = one(words, allowed);
    while let ["AND", rest @ ..] = *words {
        *words = rest;
        is_met &= one(words, allowed);
    }
    is_met
}

fn one(words: &mut &[&str], allowed: &[String]) -> bool {
    match *words {
        ["(", rest @ ..] => {
            *words = rest;
            let is_met = any(words, allowed);
            let is_closed = words.first() == Some(&")");
            *words = words.get(1..).unwrap_or_default();
            is_met && is_closed
        }
        [licence, rest @ ..] => {
            *words = rest;
            allowed.iter().any(|one| one == licence)
        }
        [] => false,
    }
}

#[test]
fn expressions_of_licences_are_read() {
    let allowed = ["MIT".to_owned(), "Unicode-3.0".to_owned()];
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("Apache-2.0 OR MIT", true),
        ("Unlicense/MIT", true),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("MIT AND Apache-2.0", false),
        ("MIT AND Apache-2.0 OR MIT", true),
        ("(MIT", false),
        ("MIT MIT", false),
        ("", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
    }
}

#[test]
fn every_dependency_has_an_allowed_licence_and_is_from_an_allowed_registry() {
    let rules = rules();
    let licences = listed(&rules, "licenses", "allow");
    let sources: Vec<String> = listed(&rules, "sources", "allow-registry")
        .iter()
        .map(|registry| format!("registry+{registry}"))
        .collect();
    let dependencies = dependencies();
    assert!(dependencies.len() > 20, "they are listed");
    for package in &dependencies {
        let (licence, source) = (text(package, "license"), text(package, "source"));
        let name = text(package, "name");
        assert!(is_allowed(licence, &licences), "{name}: licence {licence:?}");
        assert!(sources.iter().any(|one| one == source), "{name}: source {source:?}");
    }
}

#[test]
fn no_dependency_is_forbidden_or_there_in_two_versions() {
    let rules = rules();
    let forbidden = listed(&rules, "bans", "deny");
    assert_eq!(rules["bans"]["multiple-versions"].as_str(), Some("deny"));
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in dependencies() {
        let name = text(&package, "name").to_owned();
        assert!(!forbidden.contains(&name), "{name}");
        versions.entry(name).or_default().push(text(&package, "version").to_owned());
    }
    for (name, versions) in versions {
        assert_eq!(versions.len(), 1, "{name}: {versions:?}");
    }
}
