//! The paths and commands that contributors read in `.github`, `.ci` and the README exist.

use std::fs;
use std::path::{Path, PathBuf};

/// Words that begin with one of these folders are checked as paths.
const FOLDERS: &[&str] = &[".ci/", ".github/", "benches/", "packaging/", "src/", "tests/"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The files of `.github` and `.ci`, and the README, as path from the root and content.
fn texts() -> Vec<(String, String)> {
    let mut files = vec![root().join("README.md")];
    let mut folders = vec![root().join(".github"), root().join(".ci")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the repository is readable") {
            let path = entry.expect("the repository is readable").path();
            let list: &mut Vec<PathBuf> = if path.is_dir() { &mut folders } else { &mut files };
            list.push(path);
        }
    }
    files.sort();
    let named = |path: PathBuf| {
        let name = path.strip_prefix(root()).expect("it is below the root").display().to_string();
        let text = read(&name);
        (name, text)
    };
    files.into_iter().map(named).collect()
}

/// The words of a text that may be paths of the repository.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let is_path = |letter: char| letter.is_ascii_alphanumeric() || "/._-*{}$".contains(letter);
    let words = text.split(move |letter| !is_path(letter)).map(|word| word.trim_end_matches('.'));
    let words = words.map(|word| word.trim_start_matches("../").trim_start_matches("./"));
    words.filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)))
}

/// Whether a path exists, or is generated and ignored by git. For a pattern, its folder must exist.
fn exists(path: &str) -> bool {
    let is_pattern = |letter| "*{}$".contains(letter);
    let path = match path.find(is_pattern) {
        Some(at) => path[..at].rsplit_once('/').map_or("", |(folder, _)| folder),
        None => path,
    };
    let ignored = read(".gitignore");
    let is_made = ignored.lines().any(|line| line.strip_prefix('/') == Some(path));
    is_made || root().join(path).exists()
}

/// The lines of a text that are commands: the code of Markdown; of other files all but comments.
fn commands<'t>(name: &str, text: &'t str) -> Vec<&'t str> {
    // Split at the backticks of spans and fences, every second piece is code.
    let lines: Vec<&str> = if name.ends_with(".md") {
        text.split('`').skip(1).step_by(2).flat_map(str::lines).collect()
    } else {
        text.lines().collect()
    };
    let lines = lines.into_iter().map(str::trim_start);
    let lines = lines.map(|line| line.trim_start_matches("- ").trim_start_matches("run: "));
    lines
        .map(|line| line.trim_start_matches("sudo "))
        .filter(|line| !line.starts_with('#'))
        .collect()
}

/// The values of each occurrence of an option in a command.
fn values<'t>(command: &'t str, option: &str) -> impl Iterator<Item = &'t str> {
    let words = command.split_whitespace().zip(command.split_whitespace().skip(1));
    words.filter(move |(word, _)| *word == option).map(|(_, value)| value)
}

#[test]
fn paths_that_contributors_are_told_exist() {
    for (name, text) in texts() {
        for path in paths(&text) {
            assert!(exists(path), "{name}: {path}");
        }
    }
    let guide = read(".github/CONTRIBUTING.md");
    assert!(paths(&guide).count() > 30, "most paths of the guide are not recognised");
    assert!(!exists("src/endpoint/stats.rs") && !exists("tests/none/*.rs"));
}

#[test]
fn targets_of_make_that_contributors_are_told_exist() {
    let makefile = read("Makefile");
    let mut count = 0;
    for (name, text) in texts() {
        for command in commands(&name, &text) {
            let Some(arguments) = command.strip_prefix("make ") else { continue };
            let mut targets = arguments.split_whitespace();
            let target = targets.find(|word| !word.starts_with('-')).unwrap_or("#");
            if target.starts_with('#') || target.contains('=') {
                continue;
            }
            count += 1;
            let line = format!("{target}:");
            assert!(makefile.lines().any(|rule| rule.starts_with(&line)), "{name}: {command}");
        }
    }
    assert!(count > 10, "most commands are not recognised");
}

#[test]
fn tests_and_benches_that_contributors_are_told_exist() {
    for (name, text) in texts() {
        for command in commands(&name, &text) {
            for (option, folder) in [("--test", "tests"), ("--bench", "benches")] {
                for value in values(command, option) {
                    let file = root().join(folder).join(value);
                    let is_there = file.with_extension("rs").exists() || file.is_dir();
                    assert!(is_there, "{name}: {command}");
                }
            }
        }
    }
}

#[test]
fn every_kind_of_test_is_in_the_guide_and_the_fuzz_target_that_it_names_exists() {
    let guide = read(".github/CONTRIBUTING.md");
    for entry in fs::read_dir(root().join("tests")).expect("there are tests") {
        let entry = entry.expect("there are tests");
        let name = entry.file_name().into_string().expect("names are UTF-8");
        let is_test = name.ends_with(".rs") || entry.path().join("main.rs").exists();
        let is_named = guide.contains(&format!("`tests/{name}`"));
        assert!(is_named || !is_test && name != "fuzz", "tests/{name}");
    }
    let targets = guide.split("TARGET=").skip(1).filter_map(|rest| rest.split(' ').next());
    for target in targets {
        let entry = format!("\nname = \"{target}\"\n");
        assert!(read("tests/fuzz/Cargo.toml").contains(&entry), "{target}");
    }
}

#[test]
fn variables_that_the_guide_names_are_read() {
    let simulation = read("tests/simulation/main.rs");
    for name in ["SEED", "SEEDS"] {
        assert!(simulation.contains(&format!("\"{name}\"")), "{name}");
    }
    assert!(read("tests/nginx/golden.rs").contains("\"RPUSHD_BLESS\""));
    let script = read(".ci/run");
    assert!(script.contains("${QUICK:-}"));
}

#[test]
fn folders_that_dependabot_looks_at_have_dependencies() {
    let settings = read(".github/dependabot.yml");
    let folders = settings.lines().filter_map(|line| line.trim().strip_prefix("directory: /"));
    let folders: Vec<&str> = folders.filter(|folder| !folder.is_empty()).collect();
    assert!(!folders.is_empty());
    for folder in folders {
        let has = |name| root().join(folder).join(name).exists();
        assert!(has("Cargo.toml") || has("requirements.txt"), "{folder}");
    }
}
