//! `--dev`: prints three lines to paste, and writes their secrets to files, as command lines are
//! public.

use super::addresses::Address;
use super::exit::{Exit, Failure};
use super::output;
use super::settings::random_word;
use rpushd::config::{Config, Secret};
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

/// A directory that only this user may enter. Removed on drop.
pub struct PrivateFiles(PathBuf);

/// Writes the files and prints the lines. Drop the result when the daemon stops.
pub fn begin(config: &Config, addresses: &[Address]) -> Result<PrivateFiles, Failure> {
    let public = addresses.iter().find(|address| !address.is_internal);
    let internal = addresses.iter().find(|address| address.is_internal);
    let (Some(public), Some(internal)) = (public.or(internal), internal.or(public)) else {
        return Err(Failure::new(Exit::System, "no listener was bound"));
    };
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("rpushd"));
    let files = PrivateFiles::create(config).map_err(|error| {
        Failure::new(Exit::CannotCreate, format!("files of the development mode: {error}"))
    })?;
    let program = quote(&program.to_string_lossy());
    let secret = quote(&files.path(SECRET).to_string_lossy());
    let header = quote(&format!("@{}", files.path(HEADER).display()));
    let url = quote(&url(&public.text));
    let curl = curl(&internal.text);
    output::print(&format!(
        "
rpushd {version} in DEVELOPMENT MODE: THROW-AWAY SECRETS, loopback only. Not for production.
Paste these lines into other terminals:

# shows messages as they arrive
{program} subscribe demo --url {url} --secret-file {secret}

# publishes one
{curl}/api/publish -H {header} -H 'Content-Type: application/json' \
         -d '{{\"channel\": \"demo\", \"message\": \"Hello\"}}'

# shows the statistics
{curl}/api/stats -H {header}

",
        version = env!("CARGO_PKG_VERSION"),
    ))?;
    Ok(files)
}

/// File with the secret that signs subscribe tokens.
const SECRET: &str = "secret";
/// File with the Authorization header of publish and stats, for `curl -H @file`.
const HEADER: &str = "authorization";

impl PrivateFiles {
    fn create(config: &Config) -> io::Result<PrivateFiles> {
        let parent = match std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from) {
            Some(path) if path.is_dir() => path,
            Some(_) | None => std::env::temp_dir(),
        };
        let word = random_word::<8>().map_err(|failure| io::Error::other(failure.reason))?;
        let path = parent.join(format!("rpushd-dev-{word}"));
        // Fails if the path exists, so another user cannot have prepared it.
        DirBuilder::new().mode(0o700).create(&path)?;
        let files = PrivateFiles(path);
        if let (Some(subscribe), Some(publish)) =
            (config.subscribe_secrets.first(), config.publish_secrets.first())
        {
            files.write(SECRET, b"", subscribe)?;
            files.write(HEADER, b"Authorization: Bearer ", publish)?;
        }
        Ok(files)
    }

    fn write(&self, name: &str, before: &[u8], secret: &Secret) -> io::Result<()> {
        let path = self.path(name);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(&[before, secret.expose(), b"\n"].concat())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for PrivateFiles {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            log::warn!("{}: {error}", self.0.display());
        }
    }
}

fn url(address: &str) -> String {
    match address.strip_prefix("unix:") {
        Some(_) => address.to_owned(),
        None => format!("http://{address}"),
    }
}

/// The beginning of a curl command, up to the path of the URL.
fn curl(address: &str) -> String {
    match address.strip_prefix("unix:") {
        Some(path) => format!("curl --unix-socket {} http://localhost", quote(path)),
        // Without -g, curl reads the brackets of an IPv6 address as a range.
        None if address.starts_with('[') => format!("curl -g {}", quote(&url(address))),
        None => format!("curl {}", quote(&url(address))),
    }
}

/// Quotes a word for a shell, if it needs quotes.
fn quote(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:@+=,%".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quote("/usr/bin/rpushd"), "/usr/bin/rpushd");
        assert_eq!(quote("http://127.0.0.1:45831"), "http://127.0.0.1:45831");
        assert_eq!(quote("/a b/it's"), "'/a b/it'\\''s'");
        assert_eq!(quote("http://[::1]:1"), "'http://[::1]:1'");
    }

    #[test]
    fn curl_reaches_every_kind_of_address() {
        assert_eq!(curl("127.0.0.1:1"), "curl http://127.0.0.1:1");
        assert_eq!(curl("[::1]:1"), "curl -g 'http://[::1]:1'");
        assert_eq!(curl("unix:/a b"), "curl --unix-socket '/a b' http://localhost");
    }
}
