//! A release has one version everywhere, and an archive for each kind of machine.

use super::{folder_with_program, make, run};
use std::fs;
use std::path::Path;
use std::process::Command;

const CARGO_TOML: &str = "[package]\nname = \"rpushd\"\nversion = \"2.1.0\"\n";
const CARGO_LOCK: &str = "[[package]]\nname = \"rpushd\"\nversion = \"2.1.0\"\n";
const CHANGELOG: &str = "# Changelog\n\nProse.\n\n## [2.1.0] – 2027-01-31\n\nWhat is new.\n\n\
                         ### Fixed\n\n- One thing.\n\n## [2.0.0] – 2026-12-01\n\n- All.\n";

/// Runs `.ci/release-check` on a repository with these files. Returns its output, or why it
/// refuses.
fn check(tag: &str, files: [&str; 3]) -> Result<String, String> {
    let id = std::thread::current().name().map(str::to_owned).expect("tests have names");
    let name = format!("{}-{}", std::process::id(), id.replace("::", "-"));
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(folder.join("packaging")).expect("a folder of our own");
    let names = ["Cargo.toml", "Cargo.lock", "packaging/changelog.md"];
    for (name, text) in names.into_iter().zip(files) {
        fs::write(folder.join(name), text).expect("it is ours");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/release-check");
    let output = Command::new(script).arg(tag).arg(&folder).output().expect("bash runs");
    fs::remove_dir_all(&folder).expect("it is ours");
    let text = |bytes| String::from_utf8(bytes).expect("it prints text");
    if output.status.success() {
        assert_eq!(text(output.stderr), "");
        Ok(text(output.stdout))
    } else {
        assert_eq!((output.status.code(), text(output.stdout)), (Some(1), String::new()));
        Err(text(output.stderr))
    }
}

#[test]
fn a_release_gets_the_entry_of_its_version_as_notes() {
    let notes = check("v2.1.0", [CARGO_TOML, CARGO_LOCK, CHANGELOG]);
    assert_eq!(notes.as_deref(), Ok("What is new.\n\n### Fixed\n\n- One thing.\n"));
}

#[test]
fn a_tag_of_another_version_is_refused() {
    for tag in ["v2.1.1", "2.1.0", "v2.1.0-rc.1", "v2.1", "main"] {
        let refusal = check(tag, [CARGO_TOML, CARGO_LOCK, CHANGELOG]);
        let expected = format!(
            "release-check: the tag is {tag}, the version in Cargo.toml 2.1.0: tag v2.1.0\n"
        );
        assert_eq!(refusal, Err(expected));
    }
}

#[test]
fn a_lock_file_of_another_version_is_refused() {
    let lock = CARGO_LOCK.replace("2.1.0", "2.0.0");
    let refusal = check("v2.1.0", [CARGO_TOML, &lock, CHANGELOG]);
    let expected = "release-check: Cargo.lock has rpushd 2.0.0: run cargo check\n";
    assert_eq!(refusal, Err(expected.to_owned()));
}

#[test]
fn a_version_without_a_dated_newest_entry_in_the_changelog_is_refused() {
    let dated = "[2.1.0] – 2027-01-31";
    for (heading, reason) in [
        ("[2.1.0] – unreleased", "the changelog's entry of 2.1.0 has no date: \"unreleased\""),
        (
            "Unreleased",
            "the changelog begins with \"## Unreleased\"; it must be \"## [2.1.0] – YYYY-MM-DD\"",
        ),
        (
            "[2.2.0] – 2027-02-01\n\n- More.\n\n## [2.1.0] – 2027-01-31",
            "the changelog begins with \"## [2.2.0] – 2027-02-01\"; it must be \
             \"## [2.1.0] – YYYY-MM-DD\"",
        ),
        (
            "[2.1.0] – 2027-01-31\n\n## [2.0.1] – 2027-01-01",
            "the changelog's entry of 2.1.0 is empty",
        ),
    ] {
        let changelog = CHANGELOG.replace(dated, heading);
        let refusal = check("v2.1.0", [CARGO_TOML, CARGO_LOCK, &changelog]);
        assert_eq!(refusal, Err(format!("release-check: {reason}\n")));
    }
    let refusal = check("v2.1.0", [CARGO_TOML, CARGO_LOCK, "# Changelog\n"]);
    assert!(refusal.is_err_and(|text| text.contains("begins with \"\"")));
}

#[test]
fn each_target_has_an_archive_of_its_own_with_a_checksum() {
    for target in ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-gnu"] {
        let folder = folder_with_program(target, &format!("{target}/release"));
        make("dist", &folder, &[&format!("CARGO_BUILD_TARGET={target}")]);
        let archive = target.replace("-unknown-linux", "");
        let (architecture, libc) = archive.split_once('-').expect("two parts are left");
        let archive = format!("rpushd-linux-{architecture}-{libc}.tar.gz");
        let dist = folder.join("dist");
        let checked = run("sha256sum", &["-c", &format!("{archive}.sha256")], &dist);
        assert_eq!(checked, format!("{archive}: OK\n"));
        let program = archive.replace(".tar.gz", "/rpushd");
        assert_eq!(run("tar", &["-xOf", &archive, &program], &dist), "the program");
        fs::remove_dir_all(&folder).expect("it is ours");
    }
}
