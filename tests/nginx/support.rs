//! Files in memory and on disk, and the way from them to a translation.

use rpushd::config::{Config, DiskFiles, Overrides};
use rpushd::nginx_import::{Files, Placement, Scopes, SyntaxError, Translation, load, translate};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// In nginx's place, or behind it, each of which is a configuration of its own.
pub const PLACEMENTS: [Placement; 2] = [Placement::Instead, BEHIND];

pub const BEHIND: Placement = Placement::Behind {
    upstream: std::net::SocketAddr::V4(std::net::SocketAddrV4::new(
        std::net::Ipv4Addr::LOCALHOST,
        45831,
    )),
};

/// Path and text of each file.
#[derive(Clone, Default)]
pub struct MemoryFiles(pub BTreeMap<PathBuf, Vec<u8>>);

impl MemoryFiles {
    pub fn new(files: &[(&str, &str)]) -> MemoryFiles {
        MemoryFiles(
            files
                .iter()
                .map(|(name, text)| (PathBuf::from(name), text.as_bytes().into()))
                .collect(),
        )
    }

    /// A folder of the fixtures, as if it were `/etc/nginx`.
    pub fn fixture(name: &str) -> MemoryFiles {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nginx/fixtures").join(name);
        let mut files = MemoryFiles::default();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let name = Path::new("/etc/nginx").join(path.strip_prefix(&root).unwrap());
                files.0.insert(name, std::fs::read(path).unwrap());
            }
        }
        files
    }
}

impl Files for MemoryFiles {
    fn read(&self, path: &Path, _bytes_max: usize) -> Result<Vec<u8>, String> {
        self.0.get(path).cloned().ok_or_else(|| "2: No such file or directory".to_owned())
    }

    fn list(&self, folder: &Path) -> Vec<OsString> {
        let inside = self.0.keys().filter_map(|path| path.strip_prefix(folder).ok());
        let mut names: Vec<OsString> =
            inside.filter_map(|rest| rest.iter().next()).map(OsString::from).collect();
        names.dedup();
        names
    }
}

/// A translation, the diff of its files, and nothing else.
pub fn import(
    files: &MemoryFiles,
    placement: Placement,
) -> Result<(Translation, String), SyntaxError> {
    let tree = load(Path::new("/etc/nginx/nginx.conf"), files)?;
    let scopes = Scopes::read(&tree)?;
    let translation = translate(&scopes, placement, files)?;
    let diff = String::from_utf8(translation.nginx_diff(&tree)).unwrap();
    Ok((translation, diff))
}

/// The written file, read as the daemon reads it.
pub fn read_back(toml: &str) -> Config {
    let none = BTreeMap::new();
    Config::from_sources(Some(("rpushd.toml", toml)), &none, &DiskFiles, &Overrides::default())
        .unwrap_or_else(|error| panic!("{error}\n{toml}"))
}

/// What counts when configurations are compared: lines and warnings differ.
pub fn comparable(config: &Config) -> Config {
    let mut config = Config { warnings: Vec::new(), ..config.clone() };
    for location in config.servers.iter_mut().flat_map(|server| &mut server.locations) {
        location.origin = String::new();
    }
    config
}

impl MemoryFiles {
    /// The files with a unified diff applied.
    pub fn patched(&self, diff: &str) -> MemoryFiles {
        let mut patched = self.clone();
        for part in diff.split("--- a/").skip(1) {
            let (name, rest) = part.split_once('\n').unwrap();
            let path = Path::new("/etc/nginx").join(name);
            let old = String::from_utf8(self.0[&path].clone()).unwrap();
            let mut old_lines = old.split_inclusive('\n');
            let (mut new, mut taken) = (String::new(), 0);
            for hunk in rest.split("\n@@ -").skip(1) {
                let (header, body) = hunk.split_once(" @@\n").unwrap();
                let start: usize = header.split(',').next().unwrap().parse().unwrap();
                new.extend(old_lines.by_ref().take(start.saturating_sub(1) - taken));
                taken = start.saturating_sub(1);
                let body = format!("{body}\n").replace("\n\\ No newline at end of file\n", "");
                for line in body.split_inclusive('\n').filter(|line| *line != "\n") {
                    match line.split_at(1) {
                        ("+", added) => new.push_str(added),
                        (sign, kept) => {
                            taken += 1;
                            let expected = old_lines.next().unwrap();
                            assert_eq!(kept, expected, "{name} line {taken}");
                            if sign == " " {
                                new.push_str(kept);
                            }
                        }
                    }
                }
            }
            new.extend(old_lines);
            patched.0.insert(path, new.into_bytes());
        }
        patched
    }
}
