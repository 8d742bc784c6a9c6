//! Which file of the sources uses which: the paths after `use` and in the code, followed through
//! re-exports to the file that holds the thing. Tests do not count, and neither does declaring or
//! re-exporting a module.

use super::{code, is_word_byte};
use std::collections::{BTreeMap, BTreeSet};

/// `["hub", "channel"]` for `src/hub/channel.rs`.
type Module = Vec<String>;

/// Re-exports that point at each other must not hold the resolver up.
const RE_EXPORTS_MAX: usize = 8;

struct File {
    path: String,
    /// The names that a `use` brings in, and where they come from.
    names: BTreeMap<String, Vec<String>>,
    /// Paths that something is done with.
    paths: BTreeSet<Vec<String>>,
}

/// The files of the library and the program, by module.
pub struct Arrows {
    files: BTreeMap<Module, File>,
    /// The files that each file uses.
    arrows: BTreeMap<Module, BTreeSet<Module>>,
}

impl Arrows {
    /// Reads files given as path and text.
    pub fn of(sources: &[(String, String)]) -> Arrows {
        let mut files = BTreeMap::new();
        let mut only_tests: Vec<Module> = Vec::new();
        for (path, text) in sources {
            let Some(module) = module(path) else { continue };
            let (text, test_modules) = without_tests(text);
            only_tests.extend(test_modules.into_iter().map(|name| inside(&module, &name)));
            files.insert(module, File::read(path, &text));
        }
        files.retain(|module, _| !only_tests.iter().any(|tests| module.starts_with(tests)));
        let mut all = Arrows { files, arrows: BTreeMap::new() };
        let from = |module: &Module| (module.clone(), all.from(module));
        all.arrows = all.files.keys().map(from).collect();
        all
    }

    /// The files that use, through others or not, one of their own room that uses them.
    pub fn circular(&self) -> Vec<&str> {
        let modules = self.files.keys().filter(|module| self.reached(module).contains(module));
        modules.map(|module| self.path(module)).collect()
    }

    /// The files that a file is in a circle with.
    pub fn circle(&self, path: &str) -> Vec<&str> {
        let Some(module) = module(path) else { return Vec::new() };
        let reached = self.reached(&module).into_iter();
        let others = reached.filter(|other| self.reached(other).contains(&module));
        others.map(|other| self.path(other)).collect()
    }

    /// The files of its own room that a file uses, through others or not. The table of imports sees
    /// to the arrows between rooms.
    fn reached(&self, start: &Module) -> BTreeSet<&Module> {
        let mut reached = BTreeSet::new();
        let mut next = vec![start];
        while let Some(module) = next.pop() {
            let arrows = self.arrows.get(module).into_iter().flatten();
            let in_room = arrows.filter(|other| other[0] == start[0]);
            next.extend(in_room.filter_map(|other| {
                let (other, _) = self.files.get_key_value(other)?;
                reached.insert(other).then_some(other)
            }));
        }
        reached
    }

    /// Arrows between modules of a room that its order, from leaves to root, does not allow; and
    /// modules that are missing in the order.
    pub fn against(&self, room: &str, order: &[&str]) -> Vec<String> {
        let place = |module: &Module| order.iter().position(|name| *name == module[1]);
        let mut faults = Vec::new();
        for module in self.files.keys().filter(|module| module[0] == room && module.len() > 1) {
            let Some(own) = place(module) else {
                faults.push(format!("{} is not in the order of {room}", self.path(module)));
                continue;
            };
            for other in &self.arrows[module] {
                let is_inside = other[0] == room && other.len() > 1;
                if is_inside && place(other).is_some_and(|other| other > own) {
                    faults.push(format!("{} uses {}", self.path(module), self.path(other)));
                }
            }
        }
        faults
    }

    fn path(&self, module: &Module) -> &str {
        &self.files[module].path
    }

    fn from(&self, module: &Module) -> BTreeSet<Module> {
        let file = &self.files[module];
        let targets = file.paths.iter().filter_map(|path| self.holder(module, path, 0));
        targets.filter(|target| *target != module).cloned().collect()
    }

    /// The file that holds what a path names, as seen from a module; none if it is of another
    /// crate.
    fn holder(&self, from: &Module, path: &[String], hops: usize) -> Option<&Module> {
        let (mut module, mut rest) = (from.clone(), path);
        match path.first()?.as_str() {
            "crate" => {
                module = Vec::new();
                rest = &path[1..];
            }
            "self" => rest = &path[1..],
            "super" => {
                while let Some(("super", after)) = rest.split_first().map(|(one, r)| (&**one, r)) {
                    module.pop();
                    rest = after;
                }
            }
            first => {
                let is_known = self.files.contains_key(&inside(from, first))
                    || self.files[from].names.contains_key(first);
                if !is_known {
                    return None;
                }
            }
        }
        while let Some((first, after)) = rest.split_first() {
            let inner = inside(&module, first);
            if self.files.contains_key(&inner) {
                (module, rest) = (inner, after);
                continue;
            }
            let names = self.files.get(&module).map(|file| &file.names);
            if let Some(origin) = names.and_then(|names| names.get(first))
                && hops < RE_EXPORTS_MAX
            {
                let whole = [origin, after].concat();
                return self.holder(&module, &whole, hops + 1);
            }
            break;
        }
        self.files.get_key_value(&module).map(|(module, _)| module)
    }
}

impl File {
    fn read(path: &str, text: &str) -> File {
        let mut names = BTreeMap::new();
        let mut paths = BTreeSet::new();
        let mut body = String::new();
        let mut re_exported = BTreeSet::new();
        for (piece, is_use) in pieces(text) {
            let Some(tree) = is_use else {
                let is_declaration = piece.trim_end().ends_with(';') && is_module(piece);
                if !is_declaration {
                    body.push_str(piece);
                }
                continue;
            };
            for (name, origin) in leaves(tree) {
                if piece.trim_start().starts_with("pub") {
                    re_exported.insert(name.clone());
                } else {
                    paths.insert(origin.clone());
                }
                names.insert(name, origin);
            }
        }
        for path in paths_in(&body) {
            // Of the names that a file re-exports, those count that it uses itself.
            if path.len() > 1 || re_exported.contains(&path[0]) {
                paths.insert(path);
            }
        }
        File { path: path.to_owned(), names, paths }
    }
}

/// None for the roots.
fn module(path: &str) -> Option<Module> {
    let inside = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let inside = inside.strip_suffix("/mod").unwrap_or(inside);
    let is_root = matches!(inside, "lib" | "main");
    (!is_root).then(|| inside.split('/').map(str::to_owned).collect())
}

fn inside(module: &Module, name: &str) -> Module {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

/// The lines of code before the tests at the bottom, and the files that are only for tests.
fn without_tests(text: &str) -> (String, Vec<String>) {
    let mut kept = String::new();
    let mut test_modules = Vec::new();
    let mut is_for_tests = false;
    for (_, line) in code(text) {
        let name = line.strip_prefix("mod ").filter(|_| is_for_tests);
        match name.map(|name| name.strip_suffix(';')) {
            Some(Some(name)) => test_modules.push(name.to_owned()),
            Some(None) => break,
            None => kept.extend([line, "\n"]),
        }
        is_for_tests = line == "#[cfg(test)]";
    }
    (kept, test_modules)
}

/// The text in pieces; those that are a `use` with what stands between that word and the semicolon.
fn pieces(text: &str) -> Vec<(&str, Option<&str>)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let line = rest.lines().next().unwrap_or_default().trim_start();
        let declared = line
            .find("use ")
            .filter(|at| *at == 0 || line.starts_with("pub") && !line[..*at - 1].contains(' '));
        let end = match declared {
            Some(_) => rest.find(';').map_or(rest.len(), |end| end + 1),
            None => rest.find('\n').map_or(rest.len(), |end| end + 1),
        };
        let (piece, after) = rest.split_at(end);
        let tree = declared.and_then(|_| piece.split_once("use ")).map(|(_, tree)| tree);
        pieces.push((piece, tree));
        rest = after;
    }
    pieces
}

/// Whether a line declares a module, as in `pub mod name;`.
fn is_module(line: &str) -> bool {
    line.split_whitespace().rev().nth(1) == Some("mod")
}

/// `a::{self, b as c}` as `a` and `c`, each with its whole path.
fn leaves(tree: &str) -> Vec<(String, Vec<String>)> {
    let tree = tree.trim().trim_end_matches(';').trim();
    let (prefix, inner) = match tree.split_once('{') {
        Some((prefix, inner)) => (prefix, inner.strip_suffix('}').unwrap_or(inner)),
        None => ("", tree),
    };
    let prefix: Vec<String> = segments(prefix);
    if !tree.contains('{') {
        let (path, alias) = tree.split_once(" as ").unwrap_or((tree, ""));
        let path = segments(path);
        let name =
            if alias.is_empty() { path.last().cloned().unwrap_or_default() } else { alias.into() };
        return vec![(name, path)];
    }
    let mut depth = 0;
    let branches = inner.split(|sign| {
        depth += i32::from(sign == '{') - i32::from(sign == '}');
        sign == ',' && depth == 0
    });
    let mut found = Vec::new();
    for branch in branches.filter(|branch| !branch.trim().is_empty()) {
        for (name, path) in leaves(branch) {
            let is_self = path == ["self"];
            let whole = if is_self { prefix.clone() } else { [prefix.clone(), path].concat() };
            let name = if name == "self" { prefix.last().cloned().unwrap_or(name) } else { name };
            found.push((name, whole));
        }
    }
    found
}

fn segments(path: &str) -> Vec<String> {
    path.split("::").map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// All words and paths of words in a text.
fn paths_in(text: &str) -> BTreeSet<Vec<String>> {
    let is_part = |sign: char| sign == ':' || sign.is_ascii() && is_word_byte(sign as u8);
    let candidates = text.split(|sign: char| !is_part(sign));
    candidates.map(segments).filter(|path| !path.is_empty()).collect()
}
