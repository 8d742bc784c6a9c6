//! Any file content gives a tree or an error, and the spans of a tree are correct. Random input is
//! seeded, so that a failure can be reproduced.

use super::include::load;
use super::scopes::Scopes;
use super::syntax::{Body, Directive, Tree};
use super::testing::MemoryFiles;
use std::path::Path;

const VALID: &str = r#"# A site
user www-data;
http {
    push_stream_shared_memory_size 32m;
    push_stream_message_template "{\"id\":~id~,\n'text':~text~}\r\n";
    include types;
    server {
        listen 80; server_name example.org *.example.org;
        include conf.d/*.conf;
        location ~ /sub/(.*)? {
            push_stream_subscriber long-polling;
            push_stream_channels_path "$1/${arg_id}x";
            if ($arg_tests = "on") { push_stream_store_messages on; }
            location /sub/nested { push_stream_header_template ''; }
        }
        location = /pub { push_stream_publisher admin; push_stream_channels_path $arg_id; }
    }
}
"#;

const INCLUDED: [(&str, &[u8]); 2] = [
    ("/etc/types", b"types { text/html html htm; text/css css; }"),
    ("/etc/conf.d/a.conf", b"push_stream_user_agent $http_x_agent;\n"),
];

/// xorshift64: enough to choose bytes.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// Reads a main file and the included ones. Returns whether they were accepted.
fn is_taken(text: &[u8]) -> bool {
    let files = [("/etc/nginx.conf", text), INCLUDED[0], INCLUDED[1]];
    match load(Path::new("/etc/nginx.conf"), &MemoryFiles(&files)) {
        Ok(tree) => {
            for file in tree.files() {
                check_spans(&tree, &file.directives, 0..file.text.len());
            }
            Scopes::read(&tree).is_ok()
        }
        Err(error) => {
            let line_count = 1 + text.iter().filter(|byte| **byte == b'\n').count();
            assert!(error.line as usize <= line_count, "{error}");
            assert!(error.text.len() < 500, "{error}");
            false
        }
    }
}

/// Checks that each span lies within its parent's, after its sibling's, and covers the right text.
fn check_spans(tree: &Tree, directives: &[Directive], outer: std::ops::Range<usize>) {
    let mut from = outer.start;
    for directive in directives {
        assert!(from <= directive.span.start && directive.span.end <= outer.end);
        from = directive.span.end;
        let text = &tree.file(directive.file).text;
        let line = 1 + text[..directive.span.start].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(directive.line as usize, line);
        // A closing parenthesis may directly follow a quote.
        let mut word_from = directive.span.start;
        for argument in &directive.arguments {
            assert!(word_from <= argument.span.start && argument.span.end < directive.span.end);
            word_from = argument.span.end;
        }
        let last = text[directive.span.end - 1];
        match &directive.body {
            Body::Simple | Body::Included(_) => assert_eq!(last, b';'),
            Body::Block { directives, inner } => {
                assert_eq!((text[inner.start - 1], last), (b'{', b'}'));
                assert_eq!(inner.end, directive.span.end - 1);
                check_spans(tree, directives, inner.clone());
            }
        }
    }
}

#[test]
fn garbage_is_taken_or_refused_but_never_a_panic() {
    const SIGNS: &[u8] = b"ab \n\r\t;;{}{}\"'\\\\$#()*[]/include http server location ";
    let mut random = Random(0x5eed);
    for _ in 0..10_000 {
        let is_nginx_like = random.below(4) > 0;
        let text: Vec<u8> = (0..random.below(80))
            .map(|_| {
                if is_nginx_like {
                    SIGNS[random.below(SIGNS.len())]
                } else {
                    random.below(256) as u8
                }
            })
            .collect();
        is_taken(&text);
    }
}

#[test]
fn changes_of_a_valid_file_are_taken_or_refused_but_never_a_panic() {
    assert!(is_taken(VALID.as_bytes()));
    let mut random = Random(0xc0ffee);
    let mut taken_count = 0;
    const ROUNDS: usize = 5_000;
    for _ in 0..ROUNDS {
        let mut text = VALID.as_bytes().to_vec();
        for _ in 0..=random.below(3) {
            let start = random.below(text.len());
            let end = (start + random.below(12)).min(text.len());
            match random.below(4) {
                0 => drop(text.drain(start..end)),
                1 => text.truncate(start.max(1)),
                2 => text[start] = random.below(256) as u8,
                _ => {
                    let piece = text[start..end].to_vec();
                    let target = random.below(text.len());
                    text.splice(target..target, piece);
                }
            }
        }
        taken_count += usize::from(is_taken(&text));
    }
    // If either outcome is rare, the changes test nothing.
    assert!((ROUNDS / 20..ROUNDS / 2).contains(&taken_count), "{taken_count} taken");
}
