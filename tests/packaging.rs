//! The files shipped with the program match it: the example configurations name every setting with
//! its default and are read without a warning.

#[path = "packaging/contributing.rs"]
mod contributing;
#[path = "packaging/dependencies.rs"]
mod dependencies;
#[path = "packaging/reference.rs"]
mod reference;
#[path = "packaging/release.rs"]
mod release;
#[path = "packaging/service.rs"]
mod service;

use rpushd::config::{
    Config, DiskFiles, HTTP_DIRECTIVES, LEVEL_DIRECTIVES, LIMITS, Limits, Overrides, PushStream,
    Sandbox,
};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

const SECRETS: [(&str, &str); 2] = [
    ("RPUSHD_SECRET", "signs-subscribe-tokens"),
    ("RPUSHD_PUBLISH_SECRET", "authorises-publish-and-stats"),
];

fn shipped(name: &str) -> String {
    let path = format!("{}/packaging/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn example() -> String {
    shipped("rpushd.example.toml")
}

/// The variables of the environment example, with the `#` removed.
fn example_variables() -> BTreeMap<String, String> {
    let text = shipped("rpushd.env.example");
    let lines = text.lines().filter_map(|line| line.strip_prefix("#RPUSHD_"));
    let pair = |line: &str| {
        let (name, value) = line.split_once('=').expect(line);
        (format!("RPUSHD_{name}"), value.to_owned())
    };
    lines.map(pair).collect()
}

/// Removes the `#` of a line that is a key, not prose: `#` without a space behind it.
fn without_comment_mark(line: &str) -> &str {
    match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with([' ', '#']) => rest,
        Some(_) | None => line,
    }
}

/// The lines of the example between two table headers, each key uncommented.
fn uncommented(from: &str, to: &str) -> String {
    let text = example();
    let start = text.find(&format!("\n{from}\n")).expect(from);
    let rest = &text[start..];
    let end = rest.find(&format!("\n{to}\n")).unwrap_or(rest.len());
    rest[..end].lines().map(|line| format!("{}\n", without_comment_mark(line))).collect()
}

fn load(text: &str, variables: &BTreeMap<String, String>) -> Config {
    let file = Some(("example.toml", text));
    Config::from_sources(file, variables, &DiskFiles, &Overrides::default())
        .unwrap_or_else(|error| panic!("{error}"))
}

fn load_with_secrets(text: &str) -> Config {
    let secrets = SECRETS.map(|(name, value)| (name.to_owned(), value.to_owned()));
    load(text, &secrets.into())
}

#[test]
fn the_example_configuration_as_it_is_changes_nothing() {
    assert_eq!(load_with_secrets(&example()), load_with_secrets(""));
}

#[test]
fn the_example_configuration_names_every_key() {
    let text = example();
    let mut keys = vec![
        "listen",
        "internal_listen",
        "unix_mode",
        "secret",
        "secret_file",
        "secret_previous",
        "secret_previous_file",
        "publish_secret",
        "publish_secret_file",
        "publish_secret_previous",
        "publish_secret_previous_file",
        "keys_file",
        "channels",
        "messages",
        "age",
        "bytes",
        "heartbeat",
        "proxy_read_timeout",
        "channel_idle_ttl",
        "allowed_origins",
        "public_prefix",
        "trusted_proxies",
        "pid_file",
        "user",
        "seccomp",
        "core_dumps",
        "keys_file",
        "cookie",
        "expiring_before",
        "level",
        "access",
        "file",
        "path",
        "publisher",
        "subscriber",
        "channels_statistics",
        "internal",
        "require_secret",
        "types",
        "variable",
        "equals",
        "negate",
        "names",
    ];
    keys.extend(LIMITS.iter().map(|limit| limit.key));
    keys.extend(HTTP_DIRECTIVES.iter().map(|directive| directive.key()));
    keys.extend(LEVEL_DIRECTIVES.iter().map(|directive| directive.key()));
    let is_named = |key: &&str| {
        [format!("#{key} = "), format!("   {key} = ")].iter().any(|name| text.contains(name))
            || text.contains(&format!("# {key}: "))
    };
    let missing: Vec<&str> = keys.into_iter().filter(|key| !is_named(key)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn the_example_configuration_shows_the_defaults_of_all_limits() {
    let text = uncommented("[limits]", "[push_stream]");
    assert_eq!(load_with_secrets(&text).limits, Limits::default());
    for limit in LIMITS {
        let line = format!("\n{} = {}\n", limit.key, limit.show_toml(&Limits::default()));
        assert!(text.contains(&line), "{line}");
    }
}

#[test]
fn the_example_configuration_shows_the_defaults_of_push_stream() {
    let has_no_default = |line: &str| {
        let key = line.split(' ').next().unwrap_or_default();
        ["shared_memory_size", "channel_inactivity_time", "wildcard_channel_prefix"].contains(&key)
            || key.starts_with("max_")
    };
    let text = uncommented("[push_stream]", "#[[location]]");
    let defaults: Vec<&str> = text.lines().filter(|line| !has_no_default(line)).collect();
    let read = load_with_secrets(&defaults.join("\n")).push_stream;
    assert_eq!(read, PushStream::default());
}

#[test]
fn the_example_configuration_is_good_with_every_key_uncommented() {
    let text = example().replace("#secret_", "# secret_").replace("#publish_secret_", "# ");
    let text: String =
        text.lines().map(|line| format!("{}\n", without_comment_mark(line))).collect();
    let config = load_with_secrets(&text);
    assert_eq!(config.warnings, Vec::<String>::new());
    assert_eq!(config.servers.iter().map(|server| server.locations.len()).sum::<usize>(), 2);
    assert_eq!(config.servers[0].locations[0].conditions.len(), 1);
}

#[test]
fn the_environment_example_names_every_limit_with_its_default() {
    let variables = example_variables();
    for limit in LIMITS {
        let shown = limit.show_toml(&Limits::default());
        let expected = Some(shown.trim_matches('"'));
        let found = variables.get(&limit.variable()).map(String::as_str);
        assert_eq!(found, expected, "{}", limit.variable());
    }
}

#[test]
fn the_environment_example_is_good_with_every_variable_uncommented() {
    let config = load("", &example_variables());
    assert_eq!(config.warnings, Vec::<String>::new());
    assert_eq!(config.limits, Limits::default());
    let without_defaults = Config {
        listeners: Config::default().listeners,
        subscribe_secrets: Vec::new(),
        publish_secrets: Vec::new(),
        pid_file: None,
        log_file: None,
        sandbox: Sandbox::default(),
        ..config
    };
    assert_eq!(without_defaults, Config::default());
}

/// The output of `rpushd help`, for a command or in general.
fn help(topic: Option<&str>) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rpushd"));
    let output = command.arg("help").args(topic).output().expect("the program runs");
    String::from_utf8(output.stdout).expect("help is text")
}

/// The commands that `rpushd help` lists.
fn commands() -> Vec<String> {
    let list = help(None);
    let (_, list) = list.split_once("Commands:\n").expect("there is a list");
    let names = list.lines().take_while(|line| !line.is_empty());
    let names = names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned);
    names.filter(|name| !["help", "version"].contains(&name.as_str())).collect()
}

#[test]
fn the_man_page_describes_every_option_of_every_command() {
    let page = shipped("man/rpushd.1");
    let (_, description) = page.split_once(".Sh DESCRIPTION").expect("there is one");
    for command in commands() {
        assert!(page.contains(&format!("\n.Cm {command}\n")), "{command} has no synopsis");
        let text = help(Some(&command));
        let options = text.lines().filter_map(|line| line.strip_prefix("  --"));
        for option in options.filter_map(|line| line.split_whitespace().next()) {
            let entry = format!("\n.It Fl -{option}");
            let mut ends = description.split(&entry).skip(1).map(|rest| rest.chars().next());
            assert!(ends.any(|end| matches!(end, Some(' ' | '\n'))), "{command} --{option}");
        }
    }
}

#[test]
fn the_man_page_has_the_exit_codes_that_help_shows() {
    let text = help(None);
    let (_, codes) = text.split_once("Exit codes:\n").expect("there are some");
    let codes = codes.lines().map_while(|line| line.strip_prefix("  "));
    let codes: Vec<(&str, &str)> = codes.filter_map(|line| line.split_once("  ")).collect();
    let page = shipped("man/rpushd.1");
    let (_, section) = page.split_once(".Sh EXIT STATUS").expect("there is one");
    let (section, _) = section.split_once(".Sh ").expect("it is not the last");
    let entries = section.split("\n.It ").skip(1).filter_map(|entry| entry.split_once('\n'));
    let entries: Vec<(&str, &str)> =
        entries.map(|(code, text)| (code, text.trim_end_matches("\n.El\n"))).collect();
    let shown: Vec<(&str, &str)> =
        codes.iter().map(|(code, text)| (*code, text.trim_start())).collect();
    assert_eq!(entries, shown);
}

/// All shipped texts that name files of the service.
fn shipped_texts() -> Vec<(String, String)> {
    let names = [
        "changelog.md",
        "migration.md",
        "upgrade.md",
        "doc/api.md",
        "rpushd.toml",
        "rpushd.example.toml",
        "rpushd.env.example",
        "man/rpushd.1",
        "systemd/rpushd.service",
        "systemd/rpushd.socket",
        "systemd/rpushd.tmpfiles",
        "../README.md",
        "../Makefile",
    ];
    names.map(|name| (name.to_owned(), shipped(name))).into()
}

#[test]
fn each_file_of_the_service_has_one_path_everywhere() {
    let known = [
        "/etc/rpushd",
        "/etc/rpushd/",
        "/etc/rpushd/*",
        "/etc/rpushd.env",
        // The new file, before it is renamed.
        "/etc/rpushd.env.new",
        "/etc/rpushd/rpushd.toml",
        "/etc/rpushd/secret",
        "/etc/rpushd/publish-secret",
        "/etc/rpushd/secret-previous",
        "/etc/rpushd/publish-secret-previous",
        "/etc/rpushd/keys.json",
        // An example of a template.
        "/etc/rpushd/header.html",
        "/run/rpushd",
        "/run/rpushd/",
        "/run/rpushd/rpushd.sock",
        "/run/rpushd/rpushd.pid",
        "/var/log/rpushd",
        "/var/log/rpushd/",
        "/var/log/rpushd/rpushd.log",
    ];
    let is_path = |letter: char| letter.is_ascii_alphanumeric() || "/.-_*".contains(letter);
    for (name, text) in shipped_texts() {
        for folder in ["/etc/rpushd", "/run/rpushd", "/var/log/rpushd"] {
            for (at, _) in text.match_indices(folder) {
                let path = text[at..].split(|letter| !is_path(letter)).next().unwrap_or_default();
                let path = path.trim_end_matches('.');
                assert!(known.contains(&path), "{name}: {path}");
            }
        }
    }
}

#[test]
fn the_unit_has_the_folders_that_the_examples_write_to() {
    let unit = shipped("systemd/rpushd.service");
    for line in ["\nUser=rpushd\n", "\nRuntimeDirectory=rpushd\n", "\nLogsDirectory=rpushd\n"] {
        assert!(unit.contains(line), "{line}");
    }
    for (name, text) in
        [("rpushd.env.example", shipped("rpushd.env.example")), ("rpushd.example.toml", example())]
    {
        for (ending, folder) in
            [(".log", "/var/log/rpushd/"), (".pid", "/run/rpushd/"), (".sock ", "/run/rpushd/")]
        {
            for (at, _) in text.match_indices(&format!("rpushd{ending}")) {
                assert!(text[..at].ends_with(folder), "{name}: {ending} is not in {folder}");
            }
        }
    }
}

/// A file system that has the service's two secrets and nothing else.
struct ServiceFiles;

impl rpushd::config::Files for ServiceFiles {
    fn read(&self, path: &std::path::Path) -> std::io::Result<Vec<u8>> {
        match path.to_str() {
            Some("/etc/rpushd/secret") => Ok(SECRETS[0].1.into()),
            Some("/etc/rpushd/publish-secret") => Ok(SECRETS[1].1.into()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        }
    }

    fn is_world_readable(&self, _: &std::path::Path) -> bool {
        false
    }
}

#[test]
fn the_configuration_of_the_service_needs_its_two_secrets_or_two_variables() {
    let text = shipped("rpushd.toml");
    let file = Some(("rpushd.toml", text.as_str()));
    let overrides = Overrides::default();
    let read = Config::from_sources(file, &BTreeMap::new(), &ServiceFiles, &overrides);
    let config = read.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config, load_with_secrets(""));
    assert_eq!(load_with_secrets(&text), load_with_secrets(""));
}

#[test]
fn the_readme_names_the_rust_that_is_needed() {
    let needed = format!("{} or newer", env!("CARGO_PKG_RUST_VERSION"));
    assert_eq!(shipped("../README.md").matches(&needed).count(), 2, "{needed}");
}

/// Runs a program to its end.
fn run(program: &str, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("it prints text")
}

/// The lines of the README's shell block that contains a text, with `root` before the folders.
/// Lines that need a running systemd are left out.
fn readme_lines(text: &str, root: &str) -> String {
    let readme = include_str!("../README.md");
    let mut blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let block = blocks.find(|block| block.contains(text)).expect(text);
    // These would act on the machine itself, not on the folder.
    let skipped = ["systemctl", "systemd-sysusers", "tar "];
    let lines = block.lines().filter(|line| !skipped.iter().any(|text| line.contains(text)));
    let lines: Vec<String> = lines
        .map(|line| line.replace("sudo ", ""))
        .map(|line| line.replace(" /etc/", &format!(" {root}/etc/")))
        .map(|line| line.replace(" /opt/", &format!(" {root}/opt/")))
        .collect();
    lines.join("\n")
}

/// A folder with a placeholder for the program where cargo would put it, for targets of `make` that
/// do not build.
fn folder_with_program(name: &str, release: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("rpushd-{name}-{}", std::process::id()));
    fs::create_dir_all(folder.join(release)).expect("a folder of our own");
    let program = folder.join(release).join("rpushd");
    fs::write(&program, "the program").expect("it is ours");
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("it is ours");
    folder
}

fn make(target: &str, folder: &Path, variables: &[&str]) {
    // Every call makes the same files at the top of the repository.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = format!("DESTDIR={}/root", folder.display());
    let folder = format!("CARGO_TARGET_DIR={}", folder.display());
    let arguments = [&["-s", target, "CARGO=true", &folder, &root], variables].concat();
    run("make", &arguments, repository);
}

#[test]
fn make_uninstall_removes_everything_but_settings_that_make_install_has_put_in_place() {
    let folder = folder_with_program("install", "release");
    make("install", &folder, &[]);
    assert!(folder.join("root/usr/local/bin/rpushd").is_file());
    assert!(folder.join("root/usr/local/share/doc/rpushd/api.md").is_file());
    make("uninstall", &folder, &[]);
    assert_eq!(run("find", &["root", "-type", "f"], &folder), "root/etc/rpushd/rpushd.toml\n");
    fs::remove_dir_all(&folder).expect("it is ours");
}

#[test]
fn an_unpacked_archive_is_installed_and_removed_by_the_lines_of_the_readme() {
    let folder = folder_with_program("archive", "release");
    make("dist", &folder, &[]);
    let dist = folder.join("dist");
    let archives = fs::read_dir(&dist).expect("dist is there").flatten();
    let archive = archives.map(|entry| entry.path()).find(|path| path.is_dir()).expect("unpacked");
    let read = |path: PathBuf| fs::read_to_string(&path).unwrap_or_else(|_| panic!("{path:?}"));
    assert_eq!(read(archive.join("nginx-location.conf")), shipped("proxies/nginx-rpushd.conf"));
    assert_eq!(read(archive.join("api.md")), shipped("doc/api.md"));

    let root = folder.join("root");
    fs::create_dir_all(root.join("etc/systemd/system")).expect("a folder of our own");
    fs::write(root.join("etc/rpushd.env"), "").expect("it is ours");
    let root_name = root.display().to_string();
    let lines = readme_lines("nginx-location.conf", &root_name);
    run("sh", &["-ec", &lines], &archive);
    assert_eq!(read(root.join("opt/rpushd/rpushd")), "the program");
    let unit = read(root.join("etc/systemd/system/rpushd.service"));
    assert!(unit.contains("\nExecStart=/opt/rpushd/rpushd serve"), "{unit}");
    assert!(root.join("etc/nginx/snippets/rpushd.conf").is_file());
    // Without its user the service runs, but a reload cannot read /etc/rpushd.env.
    for name in ["sysusers", "tmpfiles"] {
        let installed = read(root.join(format!("etc/{name}.d/rpushd.conf")));
        assert_eq!(installed, shipped(&format!("systemd/rpushd.{name}")));
    }

    run("sh", &["-ec", &readme_lines("disable --now", &root_name)], &archive);
    assert_eq!(run("find", &[&root_name, "-type", "f"], &folder), "");
    fs::remove_dir_all(&folder).expect("it is ours");
}

#[test]
fn the_changelog_has_an_entry_for_this_version() {
    let heading = format!("\n## [{}]", env!("CARGO_PKG_VERSION"));
    assert!(shipped("changelog.md").contains(&heading), "{heading}");
}
