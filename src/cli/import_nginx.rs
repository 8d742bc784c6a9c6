//! `rpushd import-nginx`: what an nginx configuration becomes when its push-stream locations move
//! out.

use super::command::Command;
use super::exit::{Exit, Failure};
use super::nginx;
use super::output;
use super::words::{self, Word};
use rpushd::nginx_import::Placement;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub const COMMAND: Command = Command {
    name: "import-nginx",
    summary: "move the push-stream locations of an nginx configuration here",
    usage: "\
Usage: rpushd import-nginx FILE [OPTIONS]

Reads an nginx configuration with push_stream_* directives and shows three things:
  report.txt   what is carried over, what is left, what needs a decision
  rpushd.toml  the configuration of the daemon
  nginx.diff   what changes in nginx: the locations pass their requests on.
               Apply it in the folder of FILE with \"patch -p1\"
Nothing is changed anywhere.

  --output DIR      write the three files into a folder instead of showing them
  --strict          anything left is an error
  --upstream ADDR   where the daemon is to listen, 127.0.0.1:45831 by default; nginx
                    servers that differ take the following ports

Exit codes: 0 done, 64 command line, 66 FILE cannot be read, 73 a file cannot be made,
78 the nginx configuration is wrong, or something is left with --strict; nothing is
written then.
",
    run,
};

struct Options {
    file: PathBuf,
    output: Option<PathBuf>,
    is_strict: bool,
    upstream: SocketAddr,
}

impl Options {
    fn parse(mut parser: lexopt::Parser) -> Result<Options, Failure> {
        let mut file = None;
        let mut output = None;
        let mut is_strict = false;
        let mut upstream = SocketAddr::from(([127, 0, 0, 1], 45831));
        while let Some(word) = words::next(&mut parser)? {
            match word {
                Word::Plain(argument) if file.is_none() => file = Some(PathBuf::from(argument)),
                Word::Plain(argument) => return Err(words::surplus(&argument)),
                Word::Flag(flag) => match flag.as_str() {
                    "output" => output = Some(PathBuf::from(words::value(&mut parser)?)),
                    "strict" => is_strict = true,
                    "upstream" => upstream = address(&words::value(&mut parser)?)?,
                    _ => return Err(words::unknown(&flag)),
                },
            }
        }
        let file = file.ok_or_else(|| Failure::usage("the nginx configuration is missing"))?;
        Ok(Options { file, output, is_strict, upstream })
    }
}

fn address(text: &str) -> Result<SocketAddr, Failure> {
    text.parse().map_err(|_| {
        Failure::usage(format!("--upstream: \"{text}\" is not an address; write 127.0.0.1:45831"))
    })
}

fn run(parser: lexopt::Parser) -> Result<(), Failure> {
    let options = Options::parse(parser)?;
    let placement = Placement::Behind { upstream: options.upstream };
    let (tree, translation) = nginx::import(&options.file, placement)?;
    if options.is_strict {
        let dropped: Vec<String> =
            translation.dropped().map(|entry| entry.to_string().replace("\n    ", " ")).collect();
        if !dropped.is_empty() {
            let reason = format!("left, which --strict forbids: {}", dropped.join("\n"));
            return Err(Failure::new(Exit::Configuration, reason));
        }
    }
    let files = [
        ("report.txt", translation.report(placement).into_bytes()),
        ("rpushd.toml", translation.to_toml().into_bytes()),
        ("nginx.diff", translation.nginx_diff(&tree)),
    ];
    match &options.output {
        Some(folder) => write_all(folder, &files),
        None => {
            let mut shown = Vec::new();
            for (name, content) in &files {
                shown.extend_from_slice(format!("==> {name} <==\n").as_bytes());
                shown.extend_from_slice(content);
                shown.push(b'\n');
            }
            output::print_bytes(&shown).map(drop)
        }
    }
}

/// All files or none: each gets its name only when all are on disk.
fn write_all(folder: &Path, files: &[(&str, Vec<u8>)]) -> Result<(), Failure> {
    let attempt = |path: &Path, result: std::io::Result<()>| {
        result.map_err(|error| {
            Failure::new(Exit::CannotCreate, format!("{}: {error}", path.display()))
        })
    };
    attempt(folder, std::fs::create_dir_all(folder))?;
    let draft = |name: &str| folder.join(format!(".{name}.new"));
    let written = files.iter().try_for_each(|(name, content)| {
        attempt(&draft(name), std::fs::write(draft(name), content))
    });
    let named = written.and_then(|()| {
        files.iter().try_for_each(|(name, _)| {
            attempt(&folder.join(name), std::fs::rename(draft(name), folder.join(name)))
        })
    });
    if named.is_err() {
        for (name, _) in files {
            let _ = std::fs::remove_file(draft(name));
        }
    }
    named
}
