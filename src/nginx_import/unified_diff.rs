//! Writes a unified diff of known changes, without comparing texts.

use super::syntax::Span;

/// Unchanged lines around a change.
const CONTEXT_LINES: usize = 3;

/// The replacement of a byte range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) span: Span,
    pub(super) text: Vec<u8>,
}

/// The replacement of whole lines.
struct LineChange {
    /// Indices of the old lines.
    old: Span,
    new: Vec<Vec<u8>>,
}

/// Returns the diff of one file; blank without edits. The edits must be in the order of the file
/// and must not overlap.
pub(super) fn unified_diff(name: &str, text: &[u8], edits: &[Edit]) -> Vec<u8> {
    let starts = line_starts(text);
    let changes = line_changes(text, &starts, edits);
    if changes.is_empty() {
        return Vec::new();
    }
    let line =
        |index: usize| &text[starts[index]..starts.get(index + 1).copied().unwrap_or(text.len())];
    let line_count = starts.len();
    let mut diff = format!("--- a/{name}\n+++ b/{name}\n").into_bytes();
    // Lines that the new file has more than the old one, up to this hunk.
    let mut shift: isize = 0;
    let mut rest = &changes[..];
    while let [first, ..] = rest {
        let joined = rest
            .windows(2)
            .take_while(|pair| pair[1].old.start - pair[0].old.end <= 2 * CONTEXT_LINES)
            .count();
        let (hunk, later) = rest.split_at(joined + 1);
        rest = later;
        let old_start = first.old.start.saturating_sub(CONTEXT_LINES);
        let last = &hunk[joined];
        let old_end = (last.old.end + CONTEXT_LINES).min(line_count);
        let mut body = Vec::new();
        let mut at = old_start;
        let mut grown: isize = 0;
        for change in hunk {
            (at..change.old.start).for_each(|index| push(&mut body, b' ', line(index)));
            change.old.clone().for_each(|index| push(&mut body, b'-', line(index)));
            change.new.iter().for_each(|new| push(&mut body, b'+', new));
            grown += change.new.len() as isize - change.old.len() as isize;
            at = change.old.end;
        }
        (at..old_end).for_each(|index| push(&mut body, b' ', line(index)));
        let old_count = old_end - old_start;
        let new_count = old_count.saturating_add_signed(grown);
        let position = |start: usize, count: usize| if count == 0 { start } else { start + 1 };
        let new_start = old_start.saturating_add_signed(shift);
        diff.extend(
            format!(
                "@@ -{},{old_count} +{},{new_count} @@\n",
                position(old_start, old_count),
                position(new_start, new_count)
            )
            .into_bytes(),
        );
        diff.extend(body);
        shift += grown;
    }
    diff
}

/// Widens the edits to whole lines; edits that share a line or touch become one change.
fn line_changes(text: &[u8], starts: &[usize], edits: &[Edit]) -> Vec<LineChange> {
    let line_of = |at: usize| starts.partition_point(|start| *start <= at).saturating_sub(1);
    let mut groups: Vec<(Span, Vec<&Edit>)> = Vec::new();
    for edit in edits {
        let first = line_of(edit.span.start);
        let end = if edit.span.is_empty() { first + 1 } else { line_of(edit.span.end - 1) + 1 };
        // Removing the end of a line joins it with the next one.
        let removes_end = !edit.span.is_empty()
            && text[edit.span.end - 1] == b'\n'
            && (edit.span.start != starts[first]
                || edit.text.last().is_some_and(|last| *last != b'\n'));
        let end = (end + usize::from(removes_end)).min(starts.len());
        match groups.last_mut() {
            Some((lines, members)) if first <= lines.end => {
                lines.end = lines.end.max(end);
                members.push(edit);
            }
            _ => groups.push((first..end, vec![edit])),
        }
    }
    let change = |(old, members): (Span, Vec<&Edit>)| {
        let mut new = Vec::new();
        let mut at = starts[old.start];
        for edit in members {
            new.extend_from_slice(&text[at..edit.span.start]);
            new.extend_from_slice(&edit.text);
            at = edit.span.end;
        }
        let end = starts.get(old.end).copied().unwrap_or(text.len());
        new.extend_from_slice(&text[at..end]);
        let new = new.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        LineChange { old, new }
    };
    groups.into_iter().map(change).collect()
}

fn line_starts(text: &[u8]) -> Vec<usize> {
    let behind = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(behind).filter(|start| *start < text.len()).collect()
}

fn push(body: &mut Vec<u8>, sign: u8, line: &[u8]) {
    body.push(sign);
    body.extend_from_slice(line);
    if !line.ends_with(b"\n") {
        body.extend_from_slice(b"\n\\ No newline at end of file\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The diff of a text in which each `<old|new>` marks a change.
    fn diff(marked: &str) -> String {
        let (mut text, mut edits) = (String::new(), Vec::new());
        for piece in marked.split('<') {
            match piece.split_once('>') {
                None => text.push_str(piece),
                Some((change, rest)) => {
                    let (old, new) = change.split_once('|').unwrap();
                    let start = text.len();
                    text.push_str(old);
                    edits.push(Edit { span: start..text.len(), text: new.into() });
                    text.push_str(rest);
                }
            }
        }
        String::from_utf8(unified_diff("f", text.as_bytes(), &edits)).unwrap()
    }

    #[test]
    fn no_change_gives_no_diff() {
        assert_eq!(diff("a\nb\n"), "");
        assert_eq!(diff(""), "");
    }

    #[test]
    fn changes_are_shown_with_three_lines_around() {
        assert_eq!(
            diff("1\n2\n3\n4\n5 <x|y\nz> 5\n6\n7\n8\n9\n"),
            "--- a/f\n+++ b/f\n@@ -2,7 +2,8 @@\n 2\n 3\n 4\n-5 x 5\n+5 y\n+z 5\n 6\n 7\n 8\n"
        );
    }

    #[test]
    fn distant_changes_are_hunks_of_their_own() {
        assert_eq!(
            diff("<a\n|>1\n2\n3\n4\n5\n6\n7\n<b|c>\n"),
            "--- a/f\n+++ b/f\n@@ -1,4 +1,3 @@\n-a\n 1\n 2\n 3\n@@ -6,4 +5,4 @@\n 5\n 6\n 7\n\
             -b\n+c\n"
        );
    }

    #[test]
    fn close_changes_and_changes_of_one_line_share_a_hunk() {
        assert_eq!(
            diff("<a|b> <c|d>\n1\n2\n<e\n|>3"),
            "--- a/f\n+++ b/f\n@@ -1,5 +1,4 @@\n-a c\n+b d\n 1\n 2\n-e\n 3\n\
             \\ No newline at end of file\n"
        );
    }

    #[test]
    fn a_file_may_lose_everything() {
        assert_eq!(
            diff("<a|>"),
            "--- a/f\n+++ b/f\n@@ -1,1 +0,0 @@\n-a\n\\ No newline at end of file\n"
        );
    }
}
