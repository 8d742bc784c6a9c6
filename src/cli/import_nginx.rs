//! `rpushd import-nginx`: moves the push-stream locations of an nginx configuration to the daemon.

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
    summary: "move the push-stream locations of an nginx configuration to rpushd",
    usage: "\
Usage: rpushd import-nginx FILE [OPTIONS]

Reads an nginx configuration with push_stream_* directives and prints three files:
  report.txt   what is carried over, what is not, and what needs a decision
  rpushd.toml  the configuration of the daemon
  nginx.diff   the changes to nginx: the locations pass their requests on.
               Apply it in the folder of FILE with \"patch -p1\"
The files of nginx are not changed.

  --output DIR      write the three files into a folder instead of printing them
  --strict          fail if anything is not carried over
  --upstream ADDR   address for the daemon to listen on, 127.0.0.1:45831 by default;
                    nginx servers with different push-stream locations get the
                    ports that follow

Exit codes: 0 done, 64 wrong command line, 66 cannot read FILE, 73 cannot create a
file, 78 error in the nginx configuration, or with --strict something is not carried
over; nothing is written then.
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
            let reason =
                format!("not carried over, which --strict forbids: {}", dropped.join("\n"));
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

/// Writes all files or none: they get their names only when all are on disk.
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
