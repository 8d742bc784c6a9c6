//! Where log lines go: the journal, a pipe, a pipe that nothing reads.

use crate::support::{Folder, SECRETS, configure, eventually};
use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, Read, Write, pipe};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

/// A daemon at a Unix socket with its standard error in a pipe that the test reads or not.
/// JOURNAL_STREAM is the pipe if it `is_journal`, and else something that the daemon has inherited
/// from elsewhere.
fn start(folder: &Folder, is_journal: bool) -> (Child, PipeReader, String) {
    let (reader, writer) = pipe().unwrap();
    let file = File::from(OwnedFd::from(writer));
    let metadata = file.metadata().unwrap();
    let stream = match is_journal {
        true => format!("{}:{}", metadata.dev(), metadata.ino()),
        false => "1:2".to_owned(),
    };
    let path = folder.path("socket").display().to_string();
    let mut variables = SECRETS.to_vec();
    variables.extend([("JOURNAL_STREAM", stream.as_str()), ("RPUSHD_LOG_LEVEL", "debug")]);
    let listen = format!("unix:{path}");
    let mut command = configure(&["--listen", &listen], &variables);
    let child = command.stdin(Stdio::null()).stderr(file).spawn().unwrap();
    eventually("the daemon listens", || UnixStream::connect(&path).is_ok());
    (child, reader, path)
}

fn stop(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The first line that says where the daemon listens.
fn first_line(is_journal: bool) -> String {
    let folder = Folder::new();
    let (child, reader, _) = start(&folder, is_journal);
    let mut lines = BufReader::new(reader).lines().map(Result::unwrap);
    let line = lines.find(|line| line.contains("listening on")).unwrap();
    stop(child);
    line
}

#[test]
fn in_the_journal_lines_begin_with_their_priority_and_have_no_time() {
    let line = first_line(true);
    assert!(line.starts_with("<6>INFO  [rpushd::cli::serve] listening on unix:"), "{line}");
}

#[test]
fn where_standard_error_is_not_the_journal_lines_have_the_time_whatever_was_inherited() {
    let line = first_line(false);
    let rest = line.strip_prefix("INFO  [rpushd::cli::serve] 20").expect(&line);
    assert!(rest.contains("Z listening on unix:"), "{line}");
}

#[test]
fn a_log_that_nothing_reads_blocks_nobody_and_says_later_how_much_was_lost() {
    let folder = Folder::new();
    let (child, mut reader, path) = start(&folder, false);
    let request = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(1000));
    let mut client = UnixStream::connect(&path).unwrap();
    let mut refused = |count: usize| {
        let mut answers = BufReader::new(client.try_clone().unwrap());
        for _ in 0..count {
            client.write_all(request.as_bytes()).unwrap();
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                assert_ne!(answers.read_line(&mut line).unwrap(), 0, "the daemon answers");
            }
        }
    };
    // More than any pipe takes.
    refused(2000);
    let mut seen = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    let count = reader.read(&mut piece).unwrap();
    seen.extend_from_slice(&piece[..count]);
    refused(1);
    let mut lines = BufReader::new(seen.as_slice().chain(reader)).lines().map(Result::unwrap);
    let dropped = lines.find(|line| line.contains("log lines were dropped")).unwrap();
    assert!(dropped.starts_with("WARN  [rpushd::cli::logger] 20"), "{dropped}");
    stop(child);
}
