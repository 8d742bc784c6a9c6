//! Rules about the sources that no compiler checks: which module may know which, what the core may
//! not touch, how large a file may be, and what lies at the top of the repository.

#[path = "tidy/arrows.rs"]
mod arrows;

use arrows::Arrows;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module and what it may import from other modules: only from rows above its own.
const IMPORTS: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("message", &["time"]),
    ("push_stream", &[]),
    ("timer_wheel", &["time"]),
    ("compression", &[]),
    ("http", &["time"]),
    ("websocket", &["time", "compression"]),
    ("transports", &["time", "message", "compression", "http", "websocket"]),
    ("config", &["time", "http", "transports"]),
    ("hub", &["time", "message", "timer_wheel", "config"]),
    ("auth", &["config"]),
    ("stats", &[]),
    (
        "broker",
        &["time", "message", "compression", "websocket", "transports", "config", "hub", "stats"],
    ),
    (
        "server",
        &[
            "time",
            "message",
            "timer_wheel",
            "compression",
            "http",
            "websocket",
            "transports",
            "config",
            "hub",
            "auth",
            "stats",
            "broker",
        ],
    ),
    (
        "faces",
        &[
            "time",
            "message",
            "push_stream",
            "compression",
            "http",
            "websocket",
            "transports",
            "config",
            "hub",
            "auth",
            "stats",
            "broker",
            "server",
        ],
    ),
    ("nginx_import", &["time", "config"]),
    ("reactor", &["time", "config", "server"]),
    (
        "cli",
        &["time", "http", "config", "auth", "stats", "server", "faces", "nginx_import", "reactor"],
    ),
];

/// Where the operating system may be touched; everything else is the core.
const OUTSIDE_THE_CORE: &[&str] =
    &["src/main.rs", "src/cli/", "src/reactor/", "src/config/read.rs"];

/// What the core never mentions.
const OPERATING_SYSTEM: &[&str] = &[
    "mio",
    "libc",
    "signal_hook",
    "std::net",
    "std::os::fd",
    "std::os::unix::net",
    "std::fs",
    "std::thread",
    "std::process",
    "std::env",
    "std::sync",
    "Instant",
    "SystemTime",
    // Written out, so that the rows above find it.
    "std::{",
];

/// Addresses are values, not sockets; the configuration holds them.
const ADDRESSES: &[&str] =
    &["std::net::IpAddr", "std::net::Ipv4Addr", "std::net::Ipv6Addr", "std::net::SocketAddr"];

/// Whose request it is: known to what reads requests, too.
const CLIENT_ADDRESSES: &[&str] = &["std::net::IpAddr"];

const LINES_MAX: usize = 500;

const COLUMNS_MAX: usize = 100;

/// The top of the repository, dotfiles aside.
const TOP_LEVEL: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "benches",
    "packaging",
    "src",
    "tests",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder, as path from the root and content.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut folders = vec![root().join(folder)];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.expect("the sources are readable").path()) {
            match path.is_dir() {
                true if !path.ends_with("fuzz/target") => folders.push(path),
                false if path.extension().is_some_and(|end| end == "rs") => files.push(path),
                _ => {}
            }
        }
    }
    files.sort();
    let named = |path: PathBuf| {
        let name = path.strip_prefix(root()).expect("it is below the root").display().to_string();
        (name, fs::read_to_string(&path).expect("the sources are readable"))
    };
    files.into_iter().map(named).collect()
}

/// The lines that are not comments, with their numbers.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// `src/hub/mod.rs`, `src/hub/tests.rs` and `src/hub.rs` are all of `hub`.
fn module_of(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where a path or name stands in a line as a whole, and what follows it.
fn mentions<'a>(line: &'a str, name: &str) -> Vec<&'a str> {
    let is_whole = |at: usize| {
        let before = line[..at].bytes().next_back();
        let after = line[at + name.len()..].bytes().next();
        let is_open = name.bytes().next_back().is_some_and(is_word_byte);
        let touches = |byte: Option<u8>| byte.is_some_and(is_word_byte);
        !(touches(before) || is_open && touches(after))
    };
    line.match_indices(name).filter(|(at, _)| is_whole(*at)).map(|(at, _)| &line[at..]).collect()
}

/// Imports of this file that the table does not allow.
fn import_faults(path: &str, text: &str) -> Vec<String> {
    let own = module_of(path);
    let Some((_, allowed)) = IMPORTS.iter().find(|(module, _)| *module == own) else {
        return vec![format!("{path}: the table of imports does not know {own}")];
    };
    let mut faults = Vec::new();
    for (number, line) in code(text) {
        for mention in mentions(line, "crate") {
            let Some(rest) = mention.strip_prefix("crate::") else { continue };
            let module = rest.split(|end: char| !is_word_byte(end as u8)).next().unwrap_or(rest);
            if module != own && !allowed.contains(&module) {
                faults.push(format!("{path}:{number}: {own} may not import {module:?}"));
            }
        }
    }
    faults
}

/// Names that only some files may know, and the beginnings of these files' paths.
const CONFINED: &[(&[&str], &[&str])] = &[
    (
        // The push-stream face, and what reads, writes, translates and shows its configuration.
        &["Location", "Locations", "location", "locations"],
        &["src/faces/push_stream/", "src/config/", "src/nginx_import/", "src/stats/", "src/cli/"],
    ),
    (
        // A face gets a `Context`; only the reactor and the program hold a whole server. The
        // importer has servers of its own, and nginx's page names one.
        &["Server"],
        &[
            "src/server/",
            "src/reactor/",
            "src/cli/serve.rs",
            "src/nginx_import/",
            "src/faces/push_stream/pages.rs",
        ],
    ),
];

/// Names in a file's code that it may not know.
fn confined_faults(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (names, known_to) in CONFINED {
        if known_to.iter().any(|known| path.starts_with(known)) {
            continue;
        }
        // The words of messages are not names.
        let without_texts = |line: &str| line.split('"').step_by(2).collect::<Vec<_>>().join(" ");
        for (number, line) in code(text) {
            let line = without_texts(line);
            for name in names.iter().filter(|name| !mentions(&line, name).is_empty()) {
                faults.push(format!("{path}:{number}: {name} is not known here"));
            }
        }
    }
    faults
}

/// Mentions of the operating system in a file of the core.
fn core_faults(path: &str, text: &str) -> Vec<String> {
    if OUTSIDE_THE_CORE.iter().any(|outside| path.starts_with(outside)) {
        return Vec::new();
    }
    let allowed = match module_of(path) {
        "config" | "nginx_import" => ADDRESSES,
        "http" | "server" => CLIENT_ADDRESSES,
        _ => &[],
    };
    let is_address = |mention: &str| allowed.iter().any(|one| mention.starts_with(one));
    let mut faults = Vec::new();
    for (number, line) in code(text) {
        for name in OPERATING_SYSTEM {
            let found = mentions(line, name).into_iter().any(|mention| !is_address(mention));
            if found {
                faults.push(format!("{path}:{number}: the core does not use {name}"));
            }
        }
    }
    faults
}

/// The words in backticks of the paragraph "Leaves to root" of a module's comment.
fn promised_order(text: &str) -> Option<Vec<&str>> {
    let lines = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let paragraph = lines.skip_while(|line| !line.starts_with("Leaves to root:"));
    let paragraph: Vec<&str> = paragraph.take_while(|line| !line.is_empty()).collect();
    let words = paragraph.iter().flat_map(|line| line.split('`').skip(1).step_by(2));
    (!paragraph.is_empty()).then(|| words.collect())
}

/// Words that say that something is not done.
fn unfinished_faults(path: &str, text: &str) -> Vec<String> {
    let words =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("to", "do!"), concat!("#[ig", "nore")];
    text.lines()
        .enumerate()
        .filter(|(_, line)| words.iter().any(|word| line.contains(word)))
        .map(|(index, line)| format!("{path}:{}: {}", index + 1, line.trim()))
        .collect()
}

/// Lines that are too wide.
fn wide_lines(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().enumerate();
    let is_wide = |(_, line): &(usize, &str)| line.chars().count() > COLUMNS_MAX;
    lines.filter(is_wide).map(|(index, _)| format!("{path}:{}: too wide", index + 1)).collect()
}

fn faults_in(folders: &[&str], rule: impl Fn(&str, &str) -> Vec<String>) -> Vec<String> {
    let files = folders.iter().flat_map(|folder| sources(folder));
    files.flat_map(|(path, text)| rule(&path, &text)).collect()
}

const NONE: Vec<String> = Vec::new();

#[test]
fn modules_import_only_what_the_table_allows() {
    let is_root = |path: &str| matches!(path, "src/lib.rs" | "src/main.rs");
    let rule = |path: &str, text: &str| match is_root(path) {
        true => Vec::new(),
        false => import_faults(path, text),
    };
    assert_eq!(faults_in(&["src"], rule), NONE);
}

#[test]
fn only_the_push_stream_face_knows_a_location_and_no_face_a_whole_server() {
    assert_eq!(faults_in(&["src"], confined_faults), NONE);
    let count = |path: &str, line: &str| confined_faults(path, line).len();
    assert_eq!(count("src/server/mod.rs", "let location = &subscriber.location;"), 1);
    assert_eq!(count("src/faces/api/mod.rs", "fn route(server: &mut Server) {}"), 1);
    assert_eq!(count("src/server/mod.rs", "fn step(server: &mut Server) {}"), 0);
    assert_eq!(count("src/server/mod.rs", "log::info!(\"the location\");"), 0);
}

#[test]
fn the_table_points_one_way() {
    for (index, (module, allowed)) in IMPORTS.iter().enumerate() {
        for other in *allowed {
            let is_above = IMPORTS[..index].iter().any(|(above, _)| above == other);
            assert!(is_above, "{module} imports {other}, which does not stand above it");
        }
    }
}

#[test]
fn the_files_of_a_room_do_not_use_each_other_in_a_circle() {
    let arrows = Arrows::of(&sources("src"));
    let fault = |path| format!("{path} uses a file that uses it: {:?}", arrows.circle(path));
    assert_eq!(arrows.circular().into_iter().map(fault).collect::<Vec<_>>(), NONE);
}

#[test]
fn the_order_that_a_room_promises_is_kept() {
    let arrows = Arrows::of(&sources("src"));
    let (mut faults, mut rooms) = (NONE, Vec::new());
    for (path, text) in sources("src") {
        let Some(order) = promised_order(&text) else { continue };
        let room = module_of(&path).to_owned();
        faults.extend(arrows.against(&room, &order));
        rooms.push(room);
    }
    assert_eq!(faults, NONE);
    assert_eq!(rooms, ["config", "hub", "nginx_import", "server"]);
}

#[test]
fn the_map_is_in_the_order_of_the_table() {
    let map = fs::read_to_string(root().join("src/lib.rs")).expect("the library has a root");
    // The first table of the page.
    let rows = map.lines().skip_while(|line| !line.starts_with("//! |"));
    let rows = rows.map_while(|line| line.strip_prefix("//! | "));
    let cells = rows.filter_map(|row| row.split(" | ").next());
    let modules: Vec<&str> = cells.map(|cell| cell.trim_matches(['[', ']', '`'])).collect();
    let table: Vec<&str> = IMPORTS.iter().map(|(module, _)| *module).collect();
    assert_eq!(modules[2..], table);
}

#[test]
fn the_core_touches_no_operating_system() {
    assert_eq!(faults_in(&["src"], core_faults), NONE);
}

#[test]
fn every_module_is_on_the_map() {
    let map = fs::read_to_string(root().join("src/lib.rs")).expect("the library has a root");
    for (path, _) in sources("src") {
        let module = module_of(&path);
        // What belongs to the program, not to the library, cannot be a link.
        let is_listed = map.contains(&format!("//! | [`{module}`] | "))
            || map.contains(&format!("//! | `{module}` | "));
        assert!(is_listed || matches!(module, "lib" | "main"), "{module} is not on the map");
    }
}

#[test]
fn no_file_is_long() {
    for (path, text) in ["src", "tests", "benches"].iter().flat_map(|folder| sources(folder)) {
        let count = text.lines().count();
        assert!(count <= LINES_MAX, "{path} has {count} lines, more than {LINES_MAX}");
    }
}

#[test]
fn lines_fit_into_their_columns() {
    assert_eq!(faults_in(&["src", "tests", "benches"], wide_lines), NONE);
}

#[test]
fn nothing_is_left_unfinished() {
    assert_eq!(faults_in(&["src", "tests", "benches"], unfinished_faults), NONE);
}

#[test]
fn the_top_of_the_repository_holds_what_it_should_and_nothing_else() {
    let ignored = fs::read_to_string(root().join(".gitignore")).unwrap_or_default();
    for entry in fs::read_dir(root()).expect("the repository is readable") {
        let name = entry.expect("the repository is readable").file_name();
        let name = name.to_str().expect("names are UTF-8");
        let is_made = ignored.lines().any(|line| line.strip_prefix('/') == Some(name));
        assert!(name.starts_with('.') || is_made || TOP_LEVEL.contains(&name), "{name}");
    }
}

#[test]
fn a_clock_a_socket_and_a_thread_in_the_core_would_be_found() {
    for line in [
        "let now = std::time::Instant::now();",
        "use std::time::{Duration, SystemTime};",
        "use std::net::TcpStream;",
        "use std::{thread, fmt};",
        "use mio::Poll;",
        "let bytes = std::fs::read(path)?;",
        "    std::thread::spawn(work);",
        "fn peer() -> std::net::SocketAddr;",
    ] {
        assert_eq!(core_faults("src/server/requests.rs", line).len(), 1, "{line}");
        assert_eq!(core_faults("src/reactor/clock.rs", line), NONE, "{line}");
    }
    for line in ["// An Instant would do.", "let instant_messages = libcamera;", "Millis(5)"] {
        assert_eq!(core_faults("src/server/requests.rs", line), NONE, "{line}");
    }
    assert_eq!(core_faults("src/server/mod.rs", "use std::net::IpAddr;"), NONE);
    assert_eq!(core_faults("src/config/mod.rs", "Tcp(std::net::SocketAddr),"), NONE);
}

#[test]
fn a_circle_of_files_would_be_found() {
    let circular = |texts: &[(&str, &str)]| {
        let sources: Vec<(String, String)> =
            texts.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Arrows::of(&sources).circular().join(" ")
    };
    let three = |root: &str, a: &str, b: &str| {
        circular(&[("src/x/mod.rs", root), ("src/x/a.rs", a), ("src/x/b.rs", b)])
    };
    let pair = |a: &str, b: &str| three("", a, b);
    assert_eq!(pair("use super::b::B;", "use super::a::{self, A};"), "src/x/a.rs src/x/b.rs");
    assert_eq!(pair("fn f() { super::b::g() }", "use crate::x::a;"), "src/x/a.rs src/x/b.rs");
    assert_eq!(pair("use super::b::B;", "// use super::a::A;"), "");
    assert_eq!(
        pair("use super::b::B;", "#[cfg(test)]\nmod tests {\n    use crate::x::a::A;\n}"),
        ""
    );
    // Another room is for the table of imports.
    assert_eq!(circular(&[("src/x.rs", "use crate::y::Y;"), ("src/y.rs", "use crate::x::X;")]), "");
    let root = "mod a;\nmod b;\npub use a::A;\npub(crate) use b::{\n    B, C as D,\n};\n";
    // Through a name that the root passes on, which is no use of its own.
    assert_eq!(three(root, "use super::D;", "use crate::x::{A};"), "src/x/a.rs src/x/b.rs");
    assert_eq!(three(root, "use super::Root;", ""), "");
    let uses_it = format!("{root}pub struct Root(A);");
    assert_eq!(three(&uses_it, "use super::Root;", ""), "src/x/mod.rs src/x/a.rs");
    assert_eq!(three("#[cfg(test)]\nmod b;\nuse a::A;", "", "use super::a;"), "");
}

#[test]
fn an_arrow_against_a_promised_order_would_be_found() {
    let root = "//! Of x.\n//!\n//! Leaves to root: `a`,\n//! `b` (all of `a`).\n//!\n//! `c`\n";
    assert_eq!(promised_order(root), Some(vec!["a", "b", "a"]));
    assert_eq!(promised_order("//! Of `x`."), None);
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let sources =
        [file("src/x/mod.rs", root), file("src/x/a.rs", "use super::b;"), file("src/x/b.rs", "")];
    let arrows = Arrows::of(&sources);
    assert_eq!(arrows.against("x", &["b", "a"]), NONE);
    assert_eq!(arrows.against("x", &["a", "b"]), ["src/x/a.rs uses src/x/b.rs"]);
    assert_eq!(arrows.against("x", &["a"]), ["src/x/b.rs is not in the order of x"]);
}

#[test]
fn an_import_against_the_arrows_would_be_found() {
    let count = |path: &str, line: &str| import_faults(path, line).len();
    assert_eq!(count("src/hub/mod.rs", "use crate::server::Server;"), 1);
    assert_eq!(count("src/hub/mod.rs", "let status = crate::http::Status::OK;"), 1);
    assert_eq!(count("src/time.rs", "use crate::{hub, server};"), 1);
    assert_eq!(count("src/surprise.rs", ""), 1);
    assert_eq!(count("src/hub/mod.rs", "use crate::hub::Draft; pub(crate) fn f() {}"), 0);
    assert_eq!(count("src/server/requests.rs", "use crate::hub::Draft;"), 0);
}
