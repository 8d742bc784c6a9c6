//! Parses a channel path (push-stream spec, section 4) after its variables were replaced and it was
//! percent-decoded: `a.b3/b` names the channels `a`, with its last three messages, and `b`.

/// One channel of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathChannel<'a> {
    /// Any bytes except a slash. The empty id is valid.
    pub id: &'a [u8],
    /// How many stored messages are requested. Larger numbers saturate at `u32::MAX`.
    pub backtrack: u32,
}

/// The channels of a path from left to right, repeated if the path repeats them; none for an empty
/// path.
pub fn read(path: &[u8]) -> impl Iterator<Item = PathChannel<'_>> {
    // A trailing slash ends a channel and does not begin another.
    let names = path.strip_suffix(b"/").unwrap_or(path);
    let segments = (!path.is_empty()).then(|| names.split(|byte| *byte == b'/'));
    segments.into_iter().flatten().map(PathChannel::read)
}

impl<'a> PathChannel<'a> {
    /// Parses the text between two slashes: a final `.bDIGITS` is the backtrack.
    fn read(segment: &'a [u8]) -> PathChannel<'a> {
        let digit_count = segment.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let (front, digits) = segment.split_at(segment.len() - digit_count);
        match front.strip_suffix(b".b") {
            Some(id) if !digits.is_empty() => PathChannel { id, backtrack: number(digits) },
            _ => PathChannel { id: segment, backtrack: 0 },
        }
    }
}

fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0u32, |number, digit| {
        number.saturating_mul(10).saturating_add(u32::from(digit - b'0'))
    })
}

/// Ids that no channel may have (section 4.3). Publishers and subscribers refuse them; for
/// statistics they are a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservedId<'a> {
    /// `ALL`: every channel.
    All,
    /// Contains a `*`: every channel whose id starts with the text before the first `*`.
    Prefix(&'a [u8]),
}

impl<'a> ReservedId<'a> {
    /// What an id is reserved for; `None` for an ordinary id.
    pub fn of(id: &'a [u8]) -> Option<ReservedId<'a>> {
        if id == b"ALL" {
            return Some(ReservedId::All);
        }
        let star = id.iter().position(|byte| *byte == b'*')?;
        Some(ReservedId::Prefix(&id[..star]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_reads(path: &str, expected: &[(&str, u32)]) {
        let channels: Vec<_> = read(path.as_bytes()).collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(id, backtrack)| PathChannel { id: id.as_bytes(), backtrack: *backtrack })
            .collect();
        assert_eq!(channels, expected, "{path}");
    }

    #[test]
    fn paths_name_the_channels_of_the_table_in_the_spec() {
        assert_reads("a", &[("a", 0)]);
        assert_reads("a/b", &[("a", 0), ("b", 0)]);
        assert_reads("a.b3", &[("a", 3)]);
        assert_reads("a.b3/b/c.b2", &[("a", 3), ("b", 0), ("c", 2)]);
        assert_reads("room.b18.beautiful", &[("room.b18.beautiful", 0)]);
        assert_reads("room.b18.beautiful.b3", &[("room.b18.beautiful", 3)]);
        assert_reads("x.b2.b3", &[("x.b2", 3)]);
        assert_reads("a.b", &[("a.b", 0)]);
        assert_reads("a.bb2", &[("a.bb2", 0)]);
        assert_reads("a.b0", &[("a", 0)]);
        assert_reads("a.b999999999999999999999", &[("a", u32::MAX)]);
        assert_reads(".b5", &[("", 5)]);
        assert_reads("a/", &[("a", 0)]);
        assert_reads("/a", &[("", 0), ("a", 0)]);
        assert_reads("a//b", &[("a", 0), ("", 0), ("b", 0)]);
        assert_reads("a/a", &[("a", 0), ("a", 0)]);
    }

    #[test]
    fn an_empty_path_names_nothing_and_a_lone_slash_the_empty_id() {
        assert_reads("", &[]);
        assert_reads("/", &[("", 0)]);
        assert_reads("//", &[("", 0), ("", 0)]);
        assert_reads("a.b3/", &[("a", 3)]);
    }

    #[test]
    fn a_number_without_its_mark_belongs_to_the_id() {
        assert_reads(
            "room42/7/.b/b7/a.B2",
            &[("room42", 0), ("7", 0), (".b", 0), ("b7", 0), ("a.B2", 0)],
        );
    }

    #[test]
    fn ids_may_hold_bytes_that_are_no_text() {
        let expected = [PathChannel { id: b"\xff\0", backtrack: u32::MAX }];
        assert!(read(b"\xff\0.b4294967295").eq(expected));
    }

    #[test]
    fn all_in_capitals_and_ids_with_a_star_are_reserved() {
        assert_eq!(ReservedId::of(b"ALL"), Some(ReservedId::All));
        assert_eq!(ReservedId::of(b"*"), Some(ReservedId::Prefix(b"")));
        assert_eq!(ReservedId::of(b"room*1*"), Some(ReservedId::Prefix(b"room")));
        assert_eq!(ReservedId::of(b"ALL*"), Some(ReservedId::Prefix(b"ALL")));
    }

    #[test]
    fn ids_that_only_look_reserved_are_ordinary() {
        for id in [b"all".as_slice(), b"ALLx", b"xALL", b"All", b""] {
            assert_eq!(ReservedId::of(id), None);
        }
    }
}
