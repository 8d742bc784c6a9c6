//! File name patterns of `include`, with the syntax of glob(7): `*`, `?`, `[a-z]`, `[!a-z]` and
//! `\`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// Whether a path is a pattern rather than a plain name, by the same test as nginx.
pub(super) fn is_pattern(path: &Path) -> bool {
    path.as_os_str().as_bytes().iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// The files that match a pattern, sorted bytewise. `list` returns the names in a folder, and no
/// names if the path is not a folder.
pub(super) fn expand(pattern: &Path, list: &dyn Fn(&Path) -> Vec<OsString>) -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::new()];
    let mut is_listed = false;
    for component in pattern.components() {
        // Folders above the first pattern are not listed: they may be unreadable.
        is_listed = is_listed || is_pattern(component.as_ref());
        paths = match component {
            Component::Normal(name) if is_listed => {
                paths.iter().flat_map(|folder| matching(folder, name, list)).collect()
            }
            other => paths.iter().map(|folder| folder.join(other)).collect(),
        };
    }
    paths.sort_by(|left, right| left.as_os_str().as_bytes().cmp(right.as_os_str().as_bytes()));
    paths
}

fn matching(folder: &Path, pattern: &OsStr, list: &dyn Fn(&Path) -> Vec<OsString>) -> Vec<PathBuf> {
    let names = list(folder).into_iter();
    let matched = names.filter(|name| matches(pattern.as_bytes(), name.as_bytes()));
    matched.map(|name| folder.join(name)).collect()
}

/// Whether a name matches a pattern. A leading dot of the name matches only a literal dot.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    let (mut pattern, mut name) = (pattern, name);
    // The pattern after the last `*`, and the name it was last tried on. Backtracking to the last
    // `*`, one byte further, is enough: an earlier `*` can never do better.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            pattern = rest;
            retry = Some((rest, name));
            continue;
        }
        match (name, step(pattern, name.first().copied())) {
            ([], _) if pattern.is_empty() => return true,
            ([_, tail @ ..], Some(rest)) => (pattern, name) = (rest, tail),
            _ => match retry {
                Some((after_star, [_, tail @ ..])) => {
                    (pattern, name) = (after_star, tail);
                    retry = Some((after_star, tail));
                }
                _ => return false,
            },
        }
    }
}

/// The pattern after its first element, if that element matches the byte.
fn step(pattern: &[u8], byte: Option<u8>) -> Option<&[u8]> {
    let byte = byte?;
    match pattern {
        [b'?', rest @ ..] => Some(rest),
        [b'[', rest @ ..] => match class(rest, byte) {
            Some((fits, rest)) => fits.then_some(rest),
            None => (byte == b'[').then_some(rest),
        },
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (*literal == byte).then_some(rest),
        [] => None,
    }
}

/// Matches a byte against a class; `pattern` begins after its `[`. Returns whether the class
/// contains the byte, and the pattern after its `]`; none if there is no `]`.
fn class(pattern: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let is_negated = matches!(pattern.first(), Some(b'!' | b'^'));
    let mut rest = &pattern[usize::from(is_negated)..];
    let mut holds = false;
    let mut is_first = true;
    loop {
        rest = match rest {
            [b']', tail @ ..] if !is_first => return Some((holds != is_negated, tail)),
            [low, b'-', high, tail @ ..] if *high != b']' => {
                holds |= (*low..=*high).contains(&byte);
                tail
            }
            [single, tail @ ..] => {
                holds |= *single == byte;
                tail
            }
            [] => return None,
        };
        is_first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_names_as_in_a_shell() {
        let fitting = [
            ("*.conf", "a.conf"),
            ("*", "a"),
            ("a*b*c", "aXbXbXc"),
            ("a?c", "abc"),
            ("[0-9]*", "10-x"),
            ("[!a]x", "bx"),
            ("[]]", "]"),
            ("[a-]", "-"),
            ("[x", "[x"),
            ("\\*", "*"),
            (".*", ".a"),
        ];
        for (pattern, name) in fitting {
            assert!(matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
        let others = [
            ("*.conf", "a.conf~"),
            ("*", ".a"),
            ("?a", ".a"),
            ("a?c", "ac"),
            ("[!a]x", "ax"),
            ("[0-9]*", "x"),
            ("\\*", "a"),
            ("", "a"),
            ("a", ""),
        ];
        for (pattern, name) in others {
            assert!(!matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        assert!(!matches("a*".repeat(40).as_bytes(), &[b'a'; 39]));
        assert!(!matches(("*a".repeat(40) + "b").as_bytes(), &[b'a'; 4000]));
    }

    #[test]
    fn folders_and_files_are_listed_from_the_first_pattern_on_and_sorted() {
        let list = |folder: &Path| -> Vec<OsString> {
            let names: &[&str] = match folder.to_str().unwrap() {
                "/etc/sites" => &["b", "a", "c"],
                "/etc/sites/a" => &["x.conf", "y.conf"],
                "/etc/sites/b" => &["x.conf"],
                "/etc/sites/c" => &[],
                other => panic!("{other} was listed"),
            };
            names.iter().map(OsString::from).collect()
        };
        let expanded = |pattern: &str| expand(Path::new(pattern), &list);
        assert_eq!(
            expanded("/etc/sites/*/x.conf"),
            [Path::new("/etc/sites/a/x.conf"), Path::new("/etc/sites/b/x.conf")]
        );
        assert_eq!(
            expanded("/etc/sites/a/?.conf"),
            [Path::new("/etc/sites/a/x.conf"), Path::new("/etc/sites/a/y.conf")]
        );
    }
}
