//! The reference of the HTTP API names every endpoint and every text of an error; the man page and
//! the README list the same endpoints.

use super::shipped;
use regex_lite::Regex;
use std::fs;
use std::path::Path;

fn source(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// All that a pattern's first group matches.
fn all(pattern: &str, text: &str) -> Vec<String> {
    let pattern = Regex::new(pattern).expect("it is written below");
    pattern.captures_iter(text).map(|found| found[1].to_owned()).collect()
}

/// The endpoints that have a heading in the reference.
fn documented() -> Vec<String> {
    let endpoints = all(r"(?m)^## ((?:GET|POST) /\S+)$", &shipped("doc/api.md"));
    assert!(endpoints.len() >= 9, "{endpoints:?}");
    endpoints
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

#[test]
fn the_reference_has_a_section_for_every_endpoint_of_the_daemon() {
    let text = source("faces/api/mod.rs");
    let (_, of_path) = text.split_once("fn of_path(").expect("there is one");
    let (of_path, _) = of_path.split_once("\n    }\n").expect("it ends");
    let whole = all(r#""(/[a-z/]+)" => Some\(Endpoint"#, of_path);
    let with_channels = all(r#""([a-z]+)" => Endpoint::"#, of_path);
    let with_channels = with_channels.iter().map(|name| match name.as_str() {
        // It describes one channel, and does not subscribe.
        "channels" => "/api/channels/{channel}".to_owned(),
        _ => format!("/api/{name}/{{channels}}"),
    });
    let paths = whole.into_iter().chain(with_channels).collect();
    let headings = documented();
    let named = headings.iter().map(|one| one.split(' ').next_back().expect("a path").to_owned());
    assert_eq!(sorted(named.collect()), sorted(paths));
}

#[test]
fn the_tables_of_reference_readme_and_man_page_have_the_same_endpoints() {
    let expected = documented();
    let row = r"(?m)^\| `((?:GET|POST) /[^`]+)` \|";
    assert_eq!(sorted(all(row, &shipped("doc/api.md"))), sorted(expected.clone()));
    assert_eq!(sorted(all(row, &shipped("../README.md"))), sorted(expected.clone()));
    let page = shipped("man/rpushd.1");
    let (_, section) = page.split_once("\n.Ss HTTP API\n").expect("there is one");
    let (section, _) = section.split_once("\n.Ss ").expect("it is not the last");
    let items = all(r"(?m)^\.It Li ((?:GET|POST) /\S+)$", section);
    assert_eq!(sorted(items), sorted(expected));
}

/// Texts for clients in a source file: literals with a blank in them, outside of tests, comments
/// and calls that are for developers.
fn texts(source: &str) -> Vec<String> {
    let source = source.split("\n#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let code: Vec<&str> = source.lines().filter(is_code).collect();
    let literals = Regex::new(r#"(\w+!?\(\s*)?"((?:[^"\\]|\\[^\x00])*)""#).expect("it is good");
    let continued = Regex::new(r"\\\n\s*").expect("it is good");
    let code = code.join("\n").replace("b'\"'", "");
    let found = literals.captures_iter(&code).filter_map(|found| {
        let call = found.get(1).map_or("", |call| call.as_str().trim_end());
        let is_internal = ["expect(", "write_str(", "format!(", "assert!("].contains(&call);
        let text = continued.replace_all(&found[2], "").replace("\\n", "").replace("\\\"", "\"");
        let text = text.trim().to_owned();
        (!is_internal && text.contains(' ') && !text.starts_with('{')).then_some(text)
    });
    found.collect()
}

#[test]
fn the_reference_has_every_text_of_an_error() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/faces/api");
    let entries = fs::read_dir(folder).expect("it is in the repository").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let files: Vec<String> = names.map(|name| format!("faces/api/{name}")).collect();
    let elsewhere = ["auth/denial.rs", "server/guard.rs"].map(str::to_owned);
    let reference = shipped("doc/api.md");
    let reference: Vec<&str> = reference.split_whitespace().collect();
    let reference = reference.join(" ");
    let mut count = 0;
    for file in files.iter().chain(&elsewhere) {
        for text in texts(&source(file)) {
            let is_there = reference.contains(&format!("`{text}`"));
            assert!(is_there, "{file}: {text}");
            count += 1;
        }
    }
    assert!(count > 60, "only {count} texts were found");
}
