//! Listen addresses as text, and the assignment of servers to listeners.

use super::location::VirtualServer;
use super::{ListenAddress, Listener};
use std::path::PathBuf;

/// Permission bits of a socket file without `unix_mode`.
pub const UNIX_MODE_DEFAULT: u32 = 0o660;

impl ListenAddress {
    /// Reads `127.0.0.1:45831`, `[::1]:45831`, `unix:/path`, `systemd` or `systemd:NAME`.
    ///
    /// # Errors
    /// The reason why the text is refused.
    pub fn parse(text: &str, unix_mode: u32) -> Result<ListenAddress, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.starts_with('/') {
                Ok(ListenAddress::Unix { path: PathBuf::from(path), mode: unix_mode })
            } else {
                Err(format!("\"{text}\" needs an absolute path; write unix:/path"))
            };
        }
        if text == "systemd" {
            return Ok(ListenAddress::Inherited { name: None });
        }
        if let Some(name) = text.strip_prefix("systemd:").filter(|name| !name.is_empty()) {
            return Ok(ListenAddress::Inherited { name: Some(name.to_owned()) });
        }
        text.parse().map(ListenAddress::Tcp).map_err(|_| {
            format!(
                "\"{text}\" is not an address; write 127.0.0.1:45831, [::1]:45831, unix:/path, \
                 systemd or systemd:NAME"
            )
        })
    }

    /// The address in the syntax of [`ListenAddress::parse`].
    pub fn show(&self) -> String {
        match self {
            ListenAddress::Tcp(address) => address.to_string(),
            ListenAddress::Unix { path, .. } => format!("unix:{}", path.display()),
            ListenAddress::Inherited { name: None } => "systemd".into(),
            ListenAddress::Inherited { name: Some(name) } => format!("systemd:{name}"),
        }
    }

    /// Whether both are the same socket. The mode of a Unix socket is not compared.
    pub fn is_same_place(&self, other: &ListenAddress) -> bool {
        if let (ListenAddress::Unix { path, .. }, ListenAddress::Unix { path: other, .. }) =
            (self, other)
        {
            path == other
        } else {
            self == other
        }
    }

    /// Whether only this machine can connect. False for sockets passed by systemd, whose address is
    /// unknown here.
    pub fn is_local(&self) -> bool {
        match self {
            ListenAddress::Tcp(address) => address.ip().is_loopback(),
            ListenAddress::Unix { .. } => true,
            ListenAddress::Inherited { .. } => false,
        }
    }
}

/// Reads permission bits in octal digits: `0660`, `660`, `0o660`.
///
/// # Errors
/// The reason why the text is refused.
pub fn parse_unix_mode(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    u32::from_str_radix(digits, 8)
        .ok()
        .filter(|mode| *mode <= 0o777 && !digits.starts_with('+'))
        .ok_or_else(|| format!("\"{text}\" is not a file mode; write 0660"))
}

/// Collects listeners and the servers on them. The first server of a listener is its default, as
/// in nginx.
#[derive(Debug, Default)]
pub struct Wiring {
    listeners: Vec<Listener>,
    /// Servers per listener, in the order in which they were added.
    members: Vec<Vec<usize>>,
}

impl Wiring {
    /// Adds a listener, or another server to a listener added before.
    ///
    /// # Errors
    /// The address was added before and cannot be shared.
    pub fn add(
        &mut self,
        address: ListenAddress,
        is_internal: bool,
        server: Option<usize>,
    ) -> Result<(), String> {
        let shown = address.show();
        let Some(at) = self.listeners.iter().position(|listener| listener.address == address)
        else {
            self.listeners.push(Listener { address, is_internal, server: None });
            self.members.push(server.into_iter().collect());
            return Ok(());
        };
        if self.listeners[at].is_internal != is_internal {
            return Err(format!("\"{shown}\" is both public and internal"));
        }
        match server {
            Some(server) if !self.members[at].contains(&server) => {
                self.members[at].push(server);
                Ok(())
            }
            Some(_) | None => Err(format!("\"{shown}\" is listed twice")),
        }
    }

    /// The listeners added so far, without servers.
    pub fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// Returns the listeners with their first server, and sets the siblings of the servers. The
    /// default server of a listener is tried last, because it accepts every name. A server with
    /// different siblings on different listeners is copied next to itself, so that the servers of
    /// each listener stay in order, with the default first.
    ///
    /// # Errors
    /// The index of a server that no request would reach, and the reason.
    pub fn finish(
        self,
        servers: &mut Vec<VirtualServer>,
    ) -> Result<Vec<Listener>, (usize, String)> {
        let mut listeners = self.listeners;
        let mut is_placed = vec![false; servers.len()];
        // The server that each one is a copy of; itself if it is no copy.
        let mut originals: Vec<usize> = (0..servers.len()).collect();
        for (listener, members) in listeners.iter_mut().zip(&self.members) {
            let others = members.get(1..).unwrap_or_default();
            if let Some(nameless) = others.iter().find(|other| servers[**other].names.is_empty()) {
                let reason = format!(
                    "needs names: another server is the default on \"{}\"",
                    listener.address.show()
                );
                return Err((*nameless, reason));
            }
            // From the end of the chain, so that the sibling of each server is known.
            for member in members.iter().take(1).chain(others.iter().rev()) {
                let sibling = listener.server;
                listener.server = Some(if !is_placed[*member] {
                    servers[*member].sibling = sibling;
                    is_placed[*member] = true;
                    *member
                } else if servers[*member].sibling != sibling {
                    servers.push(VirtualServer { sibling, ..servers[*member].clone() });
                    originals.push(*member);
                    servers.len() - 1
                } else {
                    *member
                });
            }
        }
        let mut order: Vec<usize> = (0..servers.len()).collect();
        order.sort_by_key(|index| originals[*index]);
        let place = |index: usize| order.iter().position(|other| *other == index);
        *servers = order
            .iter()
            .map(|index| VirtualServer {
                sibling: servers[*index].sibling.and_then(place),
                ..servers[*index].clone()
            })
            .collect();
        for listener in &mut listeners {
            listener.server = listener.server.and_then(place);
        }
        Ok(listeners)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(port: u16) -> ListenAddress {
        ListenAddress::Tcp(([127, 0, 0, 1], port).into())
    }

    fn named(name: &str) -> VirtualServer {
        VirtualServer { names: vec![name.into()], ..VirtualServer::default() }
    }

    #[test]
    fn a_shown_address_reads_back_the_same() {
        for text in ["127.0.0.1:1", "[::1]:2", "unix:/run/a b.sock", "systemd", "systemd:web"] {
            assert_eq!(ListenAddress::parse(text, 0o600).unwrap().show(), text);
        }
    }

    #[test]
    fn only_full_addresses_are_taken() {
        for text in ["", "8080", ":8080", "localhost:1", "unix:", "unix:x", "systemd:", "1.2.3.4"] {
            assert!(ListenAddress::parse(text, 0).is_err(), "{text}");
        }
    }

    #[test]
    fn permission_bits_are_octal() {
        for text in ["660", "0660", "0o660"] {
            assert_eq!(parse_unix_mode(text), Ok(0o660));
        }
        for text in ["", "0x1", "888", "1777", "+660", "rw"] {
            assert!(parse_unix_mode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_first_server_of_a_listener_is_asked_last() {
        let mut servers = vec![named("a"), named("b"), named("c")];
        let mut wiring = Wiring::default();
        for server in 0..3 {
            wiring.add(tcp(1), false, Some(server)).unwrap();
        }
        wiring.add(tcp(2), true, Some(0)).unwrap();
        wiring.add(tcp(3), true, None).unwrap();
        let listeners = wiring.finish(&mut servers).unwrap();
        let siblings: Vec<_> = servers.iter().map(|server| server.sibling).collect();
        assert_eq!(siblings, [None, Some(2), Some(0)]);
        let first: Vec<_> = listeners.iter().map(|listener| listener.server).collect();
        assert_eq!(first, [Some(1), Some(0), None]);
    }

    #[test]
    fn servers_that_cannot_be_told_apart_are_refused() {
        let mut wiring = Wiring::default();
        wiring.add(tcp(1), false, Some(0)).unwrap();
        assert_eq!(
            wiring.add(tcp(1), true, None).unwrap_err(),
            "\"127.0.0.1:1\" is both public and internal"
        );
        assert_eq!(
            wiring.add(tcp(1), false, Some(0)).unwrap_err(),
            "\"127.0.0.1:1\" is listed twice"
        );
        wiring.add(tcp(1), false, Some(1)).unwrap();
        let mut servers = vec![named("a"), VirtualServer::default()];
        let (server, reason) = wiring.finish(&mut servers).unwrap_err();
        assert_eq!(server, 1);
        assert_eq!(reason, "needs names: another server is the default on \"127.0.0.1:1\"");
    }

    #[test]
    fn a_server_with_other_siblings_on_another_listener_is_copied() {
        let mut wiring = Wiring::default();
        wiring.add(tcp(1), false, Some(0)).unwrap();
        wiring.add(tcp(1), false, Some(1)).unwrap();
        wiring.add(tcp(2), false, Some(1)).unwrap();
        let mut servers = vec![named("a"), named("b")];
        let listeners = wiring.finish(&mut servers).unwrap();
        let first: Vec<_> = listeners.iter().map(|listener| listener.server).collect();
        assert_eq!(first, [Some(1), Some(2)]);
        let expected = [named("a"), VirtualServer { sibling: Some(0), ..named("b") }, named("b")];
        assert_eq!(servers, expected);
    }
}
