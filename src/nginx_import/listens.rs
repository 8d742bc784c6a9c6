//! Reads `listen` and `server_name`, which choose the server for a request (nginx's
//! ngx_http_core_module).

use super::syntax::Directive;
use crate::config::ListenAddress;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;

/// Permission bits that nginx gives to its socket files.
const UNIX_MODE: u32 = 0o666;

/// The address of a `listen`, and whether its server is the default one there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listen {
    pub(super) address: ListenAddress,
    pub(super) is_default: bool,
}

impl Listen {
    /// The address of a server without `listen`.
    pub(super) fn implied() -> Listen {
        let address = ListenAddress::Tcp(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 80)));
        Listen { address, is_default: false }
    }

    /// Reads a `listen`. The error is the reason why the daemon cannot listen there.
    pub(super) fn parse(directive: &Directive) -> Result<Listen, String> {
        let mut words = directive.arguments.iter().map(|argument| argument.text());
        let place = words.next().ok_or("invalid number of arguments in \"listen\" directive")?;
        let options: Vec<_> = words.collect();
        for option in ["ssl", "quic", "proxy_protocol"] {
            if options.iter().any(|word| *word == option) {
                return Err(format!("the daemon does not speak {option}; leave this to nginx"));
            }
        }
        let is_default = options.iter().any(|word| *word == "default_server" || *word == "default");
        Ok(Listen { address: address(&place)?, is_default })
    }
}

fn address(text: &str) -> Result<ListenAddress, String> {
    if text.starts_with("unix:") {
        return ListenAddress::parse(text, UNIX_MODE);
    }
    let invalid = || format!("the daemon cannot listen on \"{text}\": write an address and a port");
    let tcp = |host: IpAddr, port: u16| ListenAddress::Tcp(SocketAddr::new(host, port));
    let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    if let Ok(port) = text.parse::<u16>() {
        return Ok(tcp(any, port));
    }
    if let Ok(full) = text.parse::<SocketAddr>() {
        return Ok(ListenAddress::Tcp(full));
    }
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if let Ok(host) = bare.parse::<IpAddr>() {
        return Ok(tcp(host, 80));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "80"));
    let port = port.parse().map_err(|_| invalid())?;
    match host {
        "*" => Ok(tcp(any, port)),
        "localhost" => Ok(tcp(IpAddr::V4(Ipv4Addr::LOCALHOST), port)),
        _ => Err(invalid()),
    }
}

/// The names of a `server_name`; `.example.org` gives two. The error has the one that the daemon
/// cannot match.
pub(super) fn names(directive: &Directive) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for argument in &directive.arguments {
        let name = argument.text().to_ascii_lowercase();
        match name.strip_prefix('.') {
            _ if name.starts_with('~') => {
                return Err(format!(
                    "the daemon does not match server names by regular expression: \"{name}\""
                ));
            }
            Some(rest) => names.extend([rest.to_owned(), format!("*.{rest}")]),
            None => names.push(name),
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::super::testing::loaded;
    use super::*;

    fn read<T>(text: &str, parse: fn(&Directive) -> Result<T, String>) -> Result<T, String> {
        let tree = loaded(&[("/etc/nginx.conf", text)]).unwrap();
        parse(&tree.main().directives[0])
    }

    #[test]
    fn addresses_are_read_as_nginx_reads_them() {
        for (text, expected, is_default) in [
            ("80", "0.0.0.0:80", false),
            ("*:81 default_server", "0.0.0.0:81", true),
            ("127.0.0.1", "127.0.0.1:80", false),
            ("127.0.0.1:82 backlog=10 default", "127.0.0.1:82", true),
            ("[::]:83 ipv6only=on", "[::]:83", false),
            ("[::1]", "[::1]:80", false),
            ("localhost:84", "127.0.0.1:84", false),
            ("localhost", "127.0.0.1:80", false),
            ("unix:/run/a.sock", "unix:/run/a.sock", false),
        ] {
            let listen = read(&format!("listen {text};"), Listen::parse).unwrap();
            assert_eq!((listen.address.show().as_str(), listen.is_default), (expected, is_default));
        }
    }

    #[test]
    fn what_the_daemon_does_not_speak_is_refused() {
        for text in
            ["443 ssl", "443 quic", "80 proxy_protocol", "example.org:80", "*:http", "unix:x"]
        {
            assert!(read(&format!("listen {text};"), Listen::parse).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_with_a_leading_dot_is_two() {
        let expected = ["a.example", "b.example", "*.b.example", "c.*"];
        assert_eq!(read("server_name A.example .b.example c.*;", names).unwrap(), expected);
        assert!(read("server_name ~^x;", names).is_err());
    }
}
