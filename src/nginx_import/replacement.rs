//! The patch that makes nginx pass push-stream requests on to the daemon. Edits replace byte
//! ranges, so that comments and layout are kept.

use super::directives::ROLES;
use super::fates::loads_module;
use super::syntax::{Body, Directive, FileId, SourceFile, Span, Tree};
use super::translation::{Replacement, Translation};
use super::unified_diff::{Edit, unified_diff};
use crate::config::PREFIX;

impl Translation {
    /// The changes of all files as one unified diff, to be applied with `patch -p1` in the folder
    /// of the main file.
    pub fn nginx_diff(&self, tree: &Tree) -> Vec<u8> {
        let mut diff = Vec::new();
        for (index, file) in tree.files().iter().enumerate() {
            let mut editor = Editor { translation: self, file, edits: Vec::new() };
            editor.directives(FileId(index), &file.directives);
            let edits = editor.finish();
            let folder = self.main.parent();
            let name = folder.and_then(|folder| file.path.strip_prefix(folder).ok());
            let name = name.unwrap_or(&file.path).display().to_string();
            diff.extend(unified_diff(name.trim_start_matches('/'), &file.text, &edits));
        }
        diff
    }
}

struct Editor<'e> {
    translation: &'e Translation,
    file: &'e SourceFile,
    edits: Vec<Edit>,
}

impl Editor<'_> {
    fn directives(&mut self, file: FileId, directives: &[Directive]) {
        for directive in directives {
            let is_untouched = directive.name == "location"
                && self.translation.untouched.contains(&(file, directive.span.clone()));
            match &directive.body {
                _ if is_untouched => {}
                Body::Block { .. } if directive.name == "if" && self.is_emptied(directive) => {
                    self.remove(directive.span.clone());
                }
                Body::Block { directives, .. } => self.directives(file, directives),
                Body::Simple | Body::Included(_) => self.simple(directive),
            }
        }
    }

    fn simple(&mut self, directive: &Directive) {
        let is_role = ROLES.contains(&directive.name.as_str());
        let is_it = |replacement: &&Replacement| {
            is_role && replacement.file == directive.file && replacement.span == directive.span
        };
        if let Some(replacement) = self.translation.replacements.iter().find(is_it) {
            let separator = match self.indent(directive.span.start) {
                Some(indent) => [b"\n", indent].concat(),
                None => b" ".to_vec(),
            };
            let lines: Vec<&[u8]> = replacement.lines.iter().map(|line| line.as_bytes()).collect();
            self.edits
                .push(Edit { span: directive.span.clone(), text: lines.join(&separator[..]) });
        } else if directive.name.starts_with(PREFIX) || loads_module(directive) {
            self.remove(directive.span.clone());
        }
    }

    /// Whether a block holds directives, all of them of the module, and nothing else but
    /// whitespace.
    fn is_emptied(&self, block: &Directive) -> bool {
        let Body::Block { directives, inner } = &block.body else { return false };
        let are_removed = directives
            .iter()
            .all(|inner| inner.body == Body::Simple && inner.name.starts_with(PREFIX));
        let mut checked = inner.start;
        let mut is_blank = |end: usize, next: usize| {
            let between = &self.file.text[checked..end];
            checked = next;
            between.trim_ascii().is_empty()
        };
        let is_blank_between =
            directives.iter().all(|inner| is_blank(inner.span.start, inner.span.end));
        !directives.is_empty() && are_removed && is_blank_between && is_blank(inner.end, inner.end)
    }

    /// The whitespace before a byte, if nothing else precedes it on its line.
    fn indent(&self, at: usize) -> Option<&[u8]> {
        let before = &self.file.text[..at];
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let indent = &before[start..];
        indent.trim_ascii().is_empty().then_some(indent)
    }

    /// Removes a span. If only whitespace of the same line separates it from the last removed
    /// span, both become one.
    fn remove(&mut self, span: Span) {
        let text = &self.file.text;
        match self.edits.last_mut() {
            Some(last) if last.text.is_empty() && is_gap(&text[last.span.end..span.start]) => {
                last.span.end = span.end;
            }
            _ => self.edits.push(Edit { span, text: Vec::new() }),
        }
    }

    /// Returns the edits. A removal that would leave a line empty removes the whole line.
    fn finish(mut self) -> Vec<Edit> {
        let mut edits = std::mem::take(&mut self.edits);
        for edit in edits.iter_mut().filter(|edit| edit.text.is_empty()) {
            let text = &self.file.text;
            let blanks = text[edit.span.end..].iter().take_while(|byte| is_blank(**byte)).count();
            let end = edit.span.end + blanks;
            let ends_line = matches!(text.get(end), None | Some(b'\n'));
            match self.indent(edit.span.start) {
                Some(indent) if ends_line => {
                    edit.span = edit.span.start - indent.len()..(end + 1).min(text.len());
                }
                // What follows, such as a comment, moves to the start of the removed span.
                Some(_) => edit.span.end = end,
                None => {}
            }
        }
        edits
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

fn is_gap(between: &[u8]) -> bool {
    between.iter().all(|byte| is_blank(*byte))
}
