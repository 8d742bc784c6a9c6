//! Loads a main file and its includes: relative names, patterns, and limits on bytes, words and
//! nesting, so that a wrong file cannot use up the memory.

use super::glob;
use super::parser::parse;
use super::syntax::{Body, DEPTH_MAX, Directive, FileId, SourceFile, SyntaxError, Tree, too_deep};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Largest configuration in bytes, all files together. A file counts once per inclusion.
pub const BYTES_MAX: usize = 16 << 20;

/// Most words (names and arguments) in all files together. A word takes about 100 bytes of memory.
pub const WORDS_MAX: usize = 2 << 20;

/// Access to the files of a configuration.
pub trait Files {
    /// Returns the content of a file. Of a file larger than `bytes_max`, a part is enough, but it
    /// must be larger than `bytes_max` itself. The error is the reason alone, as in
    /// `2: No such file or directory`.
    fn read(&self, path: &Path, bytes_max: usize) -> Result<Vec<u8>, String>;

    /// Returns the names in a folder, in any order; none if it cannot be read.
    fn list(&self, folder: &Path) -> Vec<OsString>;
}

/// Reads the main file and all files that it includes. Relative names are looked up in the folder
/// of the main file, as nginx does with `-c`. Returns the first error.
pub fn load(main: &Path, files: &dyn Files) -> Result<Tree, SyntaxError> {
    let mut loader = Loader {
        files,
        folder: main.parent().unwrap_or(Path::new("")),
        loaded: Vec::new(),
        by_path: HashMap::new(),
        open: Vec::new(),
        bytes_left: BYTES_MAX,
        words_left: WORDS_MAX,
    };
    loader.load(main, 0).map_err(|error| match error {
        LoadError::Unreadable(text) => SyntaxError::new(main, 0, text),
        LoadError::Wrong(error) => error,
    })?;
    Ok(Tree { files: loader.loaded.into_iter().map(|loaded| loaded.file).collect() })
}

struct Loader<'f> {
    files: &'f dyn Files,
    /// Folder of the main file; relative names are joined to it.
    folder: &'f Path,
    /// Indexed by [`FileId`].
    loaded: Vec<Loaded>,
    by_path: HashMap<PathBuf, FileId>,
    /// Files whose includes are being read, outermost first.
    open: Vec<FileId>,
    bytes_left: usize,
    words_left: usize,
}

struct Loaded {
    file: SourceFile,
    /// Size of the file with all its includes.
    extent: Extent,
}

#[derive(Clone, Copy, Default)]
struct Extent {
    bytes: usize,
    depth: usize,
}

enum LoadError {
    /// The file cannot be read. The caller adds the place of the `include`.
    Unreadable(String),
    Wrong(SyntaxError),
}

impl Loader<'_> {
    /// Reads a file at a nesting depth, unless it is loaded already.
    fn load(&mut self, path: &Path, depth: usize) -> Result<FileId, LoadError> {
        if let Some(id) = self.by_path.get(path) {
            return if self.open.contains(id) {
                Err(LoadError::Unreadable(self.circle(*id)))
            } else {
                Ok(*id)
            };
        }
        let text = self.files.read(path, self.bytes_left).map_err(|reason| {
            LoadError::Unreadable(format!("open() \"{}\" failed ({reason})", path.display()))
        })?;
        self.bytes_left = self
            .bytes_left
            .checked_sub(text.len())
            .ok_or_else(|| LoadError::Unreadable(too_large(path)))?;

        let id = FileId(self.loaded.len());
        let mut directives = parse(&text, id, &mut self.words_left)
            .map_err(|fault| LoadError::Wrong(SyntaxError::new(path, fault.line, fault.text)))?;
        // Each inclusion counts one byte, so that empty files are limited, too.
        let extent = Extent { bytes: text.len() + 1, depth: 0 };
        let file = SourceFile { path: path.to_owned(), text, directives: Vec::new() };
        self.loaded.push(Loaded { file, extent });
        self.by_path.insert(path.to_owned(), id);
        self.open.push(id);
        let included = self.resolve(&mut directives, path, depth).map_err(LoadError::Wrong)?;
        self.open.pop();

        let loaded = &mut self.loaded[id.0];
        loaded.file.directives = directives;
        loaded.extent.bytes += included.bytes;
        loaded.extent.depth = included.depth;
        Ok(id)
    }

    /// Loads the includes of a file or block at a nesting depth. Returns their total size.
    fn resolve(
        &mut self,
        directives: &mut [Directive],
        path: &Path,
        depth: usize,
    ) -> Result<Extent, SyntaxError> {
        let mut total = Extent::default();
        for directive in directives {
            let name_is_include = directive.name == "include";
            let added = match &mut directive.body {
                Body::Block { directives, .. } if !name_is_include => {
                    self.resolve(directives, path, depth + 1)?
                }
                Body::Simple if name_is_include => self.include(directive, path, depth + 1)?,
                Body::Simple => continue,
                Body::Block { .. } | Body::Included(_) => {
                    let text = "directive \"include\" is not terminated by \";\"";
                    return Err(SyntaxError::new(path, directive.line, text));
                }
            };
            total.bytes += added.bytes;
            total.depth = total.depth.max(added.depth + 1);
            if total.bytes > BYTES_MAX {
                return Err(SyntaxError::new(path, directive.line, too_large(path)));
            }
            if depth + total.depth > DEPTH_MAX {
                return Err(SyntaxError::new(path, directive.line, too_deep()));
            }
        }
        Ok(total)
    }

    fn include(
        &mut self,
        directive: &mut Directive,
        path: &Path,
        depth: usize,
    ) -> Result<Extent, SyntaxError> {
        let [argument] = &directive.arguments[..] else {
            let text = "invalid number of arguments in \"include\" directive";
            return Err(SyntaxError::new(path, directive.line, text));
        };
        let named = self.folder.join(OsStr::from_bytes(&argument.value));
        let paths = if glob::is_pattern(&named) {
            glob::expand(&named, &|folder| self.files.list(folder))
        } else {
            vec![named]
        };
        if depth > DEPTH_MAX {
            return Err(SyntaxError::new(path, directive.line, too_deep()));
        }
        let mut ids = Vec::new();
        let mut total = Extent::default();
        for included in paths {
            let id = self.load(&included, depth).map_err(|error| match error {
                LoadError::Unreadable(text) => SyntaxError::new(path, directive.line, text),
                LoadError::Wrong(error) => error,
            })?;
            let extent = self.loaded[id.0].extent;
            total.bytes += extent.bytes;
            total.depth = total.depth.max(extent.depth);
            ids.push(id);
        }
        directive.body = Body::Included(ids);
        Ok(total)
    }

    /// The error text when a file that is still being read is included again.
    fn circle(&self, again: FileId) -> String {
        let names = self.open.iter().skip_while(|id| **id != again).chain([&again]);
        let chain: Vec<_> =
            names.map(|id| self.loaded[id.0].file.path.display().to_string()).collect();
        format!("circular include: {}", chain.join(" -> "))
    }
}

fn too_large(path: &Path) -> String {
    format!("configuration is larger than {BYTES_MAX} bytes with \"{}\"", path.display())
}

#[cfg(test)]
mod tests {
    use super::super::testing::loaded;
    use super::*;

    fn fault(files: &[(&str, &str)]) -> String {
        loaded(files).unwrap_err().to_string()
    }

    /// `FILE:LINE name` of every directive of the main file and its includes, content of blocks
    /// excluded.
    fn names(files: &[(&str, &str)]) -> Vec<String> {
        let tree = loaded(files).unwrap();
        let flat = tree.expanded(&tree.main().directives);
        flat.iter().map(|found| format!("{} {}", tree.origin(found), found.name)).collect()
    }

    #[test]
    fn includes_stand_in_for_their_line_relative_to_the_main_file_and_sorted() {
        assert_eq!(
            names(&[
                ("/etc/nginx.conf", "a;\ninclude conf.d/*.conf; include /other/x;\nb;"),
                ("/etc/conf.d/2.conf", "two;"),
                ("/etc/conf.d/1.conf", "\none; include shared;"),
                ("/etc/conf.d/.hidden.conf", "hidden;"),
                ("/etc/conf.d/1.conf~", "old;"),
                ("/etc/shared", "s;"),
                ("/other/x", "x;"),
            ]),
            [
                "/etc/nginx.conf:1 a",
                "/etc/conf.d/1.conf:2 one",
                "/etc/shared:1 s",
                "/etc/conf.d/2.conf:1 two",
                "/other/x:1 x",
                "/etc/nginx.conf:3 b",
            ]
        );
    }

    #[test]
    fn a_file_included_twice_is_read_once_and_stands_in_both_places() {
        let files = [("/etc/nginx.conf", "include x; x { include x; }"), ("/etc/x", "a;")];
        let tree = loaded(&files).unwrap();
        assert_eq!(tree.files().len(), 2);
        let outer = &tree.main().directives;
        let Body::Block { directives: inner, .. } = &outer[1].body else { panic!() };
        assert_eq!(outer[0].body, Body::Included(vec![FileId(1)]));
        assert_eq!(inner[0].body, Body::Included(vec![FileId(1)]));
    }

    #[test]
    fn a_pattern_without_a_match_is_fine_and_a_missing_file_is_an_error() {
        assert_eq!(
            names(&[("/etc/nginx.conf", "include none/*.conf; a;")]),
            ["/etc/nginx.conf:1 a"]
        );
        assert_eq!(
            fault(&[("/etc/nginx.conf", "a;\ninclude none;")]),
            "/etc/nginx.conf:2: open() \"/etc/none\" failed (2: No such file or directory)"
        );
        assert_eq!(
            fault(&[]),
            "/etc/nginx.conf: open() \"/etc/nginx.conf\" failed (2: No such file or directory)"
        );
    }

    #[test]
    fn circles_are_named() {
        assert_eq!(
            fault(&[
                ("/etc/nginx.conf", "include a;"),
                ("/etc/a", "x {\n include b; }"),
                ("/etc/b", "\n\ninclude a*;"),
            ]),
            "/etc/b:3: circular include: /etc/a -> /etc/b -> /etc/a"
        );
        assert!(
            fault(&[("/etc/nginx.conf", "include nginx.conf;")])
                .ends_with("circular include: /etc/nginx.conf -> /etc/nginx.conf")
        );
    }

    #[test]
    fn an_error_in_an_included_file_has_its_place() {
        assert_eq!(
            fault(&[("/etc/nginx.conf", "include a;"), ("/etc/a", "b;\n}")]),
            "/etc/a:2: unexpected \"}\" in \"}\""
        );
    }

    #[test]
    fn include_takes_one_argument_and_no_block() {
        assert_eq!(
            fault(&[("/etc/nginx.conf", "include a b;")]),
            "/etc/nginx.conf:1: invalid number of arguments in \"include\" directive"
        );
        assert_eq!(
            fault(&[("/etc/nginx.conf", "include a { }")]),
            "/etc/nginx.conf:1: directive \"include\" is not terminated by \";\""
        );
    }

    #[test]
    fn blocks_and_includes_nest_up_to_the_limit_together() {
        let chain = |length: usize| -> Vec<(String, String)> {
            let name =
                |at| if at == 0 { "/etc/nginx.conf".to_owned() } else { format!("/etc/{at}") };
            let link = |at| {
                if at == length {
                    (name(at), "last;".to_owned())
                } else {
                    (name(at), format!("x {{ include {}; }}", at + 1))
                }
            };
            (0..=length).map(link).collect()
        };
        let load = |chain: &[(String, String)]| {
            let files: Vec<_> =
                chain.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
            loaded(&files).map(|tree| tree.files().len())
        };
        assert_eq!(load(&chain(DEPTH_MAX / 2)), Ok(DEPTH_MAX / 2 + 1));
        let error = load(&chain(DEPTH_MAX / 2 + 1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "/etc/32:1: blocks and include files are nested more than 64 levels deep"
        );
        // The same when the deep part was loaded by an earlier include.
        let mut known = chain(DEPTH_MAX / 2);
        known[0].1 = "include 1; x { x { x { include 1; } } }".to_owned();
        assert!(load(&known).unwrap_err().text.ends_with("64 levels deep"));
    }

    #[test]
    fn bytes_are_counted_as_often_as_they_are_included() {
        let bomb: Vec<(String, String)> = (0..30)
            .map(|at| {
                let name = if at == 0 { "nginx.conf".to_owned() } else { at.to_string() };
                let text = if at == 29 {
                    "".to_owned()
                } else {
                    format!("include {0}; include {0};", at + 1)
                };
                (format!("/etc/{name}"), text)
            })
            .collect();
        let bomb: Vec<_> = bomb.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let error = fault(&bomb);
        assert!(error.contains(": configuration is larger than 16777216 bytes with "), "{error}");

        let large = "# comment\n".repeat(BYTES_MAX / 10 + 1);
        assert_eq!(
            fault(&[("/etc/nginx.conf", "a;\ninclude large;"), ("/etc/large", &large)]),
            "/etc/nginx.conf:2: configuration is larger than 16777216 bytes with \"/etc/large\""
        );
    }

    #[test]
    fn a_file_of_ten_megabytes_is_read() {
        let text = "10.0.0.0/8 DE; # a net\n".repeat(10_000_000 / 23);
        let tree = loaded(&[("/etc/nginx.conf", &text)]).unwrap();
        assert_eq!(tree.main().directives.len(), 10_000_000 / 23);
    }
}
