//! Reads the list of trusted proxies: `10.0.0.0/8`, `::1`, `unix:`.

use std::net::IpAddr;

/// Peers whose `X-Forwarded-For` is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<Network>,
    /// Whether all peers of Unix listeners are trusted.
    trusts_unix: bool,
}

/// The addresses that share their first bits with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix_bits: u32,
}

/// Denotes peers of Unix listeners, which have no address.
const UNIX: &str = "unix:";

impl Default for TrustedProxies {
    /// Loopback and Unix sockets, whose peers are on this machine.
    fn default() -> TrustedProxies {
        TrustedProxies::parse(&["127.0.0.0/8", "::1", UNIX]).expect("the defaults are well-formed")
    }
}

impl TrustedProxies {
    /// Reads a list of networks.
    ///
    /// # Errors
    /// The reason why a text is refused.
    pub fn parse(texts: &[impl AsRef<str>]) -> Result<TrustedProxies, String> {
        let mut trusted = TrustedProxies { networks: Vec::new(), trusts_unix: false };
        for text in texts.iter().map(AsRef::as_ref) {
            match text {
                UNIX => trusted.trusts_unix = true,
                _ => trusted.networks.push(Network::parse(text)?),
            }
        }
        Ok(trusted)
    }

    /// Whether a peer is trusted; a peer of a Unix listener has no address.
    pub fn contains(&self, peer: Option<IpAddr>) -> bool {
        match peer {
            Some(address) => self.networks.iter().any(|network| network.contains(address)),
            None => self.trusts_unix,
        }
    }

    /// The list in the syntax of the configuration file.
    pub fn show(&self) -> Vec<String> {
        let networks = self.networks.iter().map(Network::show);
        networks.chain(self.trusts_unix.then(|| UNIX.to_owned())).collect()
    }
}

impl Network {
    fn parse(text: &str) -> Result<Network, String> {
        let wrong = || {
            format!("\"{text}\" is not a network; write 10.0.0.0/8, 192.0.2.1, fd00::/8 or unix:")
        };
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match bits {
            None => bits_max,
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse().ok().filter(|bits| *bits <= bits_max).ok_or_else(wrong)?
            }
            Some(_) => return Err(wrong()),
        };
        Ok(Network { address, prefix_bits })
    }

    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.checked_shr(32 - self.prefix_bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.checked_shr(128 - self.prefix_bits).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    fn show(&self) -> String {
        let Network { address, prefix_bits } = self;
        match (address, prefix_bits) {
            (IpAddr::V4(_), 32) | (IpAddr::V6(_), 128) => address.to_string(),
            _ => format!("{address}/{prefix_bits}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        TrustedProxies::parse(&[network]).unwrap().contains(Some(address.parse().unwrap()))
    }

    #[test]
    fn a_network_contains_the_addresses_with_its_first_bits() {
        assert!(contains("10.0.0.0/8", "10.255.0.1"));
        assert!(!contains("10.0.0.0/8", "11.0.0.0"));
        assert!(contains("192.0.2.1", "192.0.2.1"));
        assert!(!contains("192.0.2.1", "192.0.2.0"));
        assert!(contains("0.0.0.0/0", "203.0.113.9"));
        assert!(!contains("0.0.0.0/0", "::1"));
        assert!(contains("fd00::/8", "fdff::1"));
        assert!(!contains("fd00::/8", "fe00::1"));
        assert!(contains("::/0", "2001:db8::1"));
    }

    #[test]
    fn loopback_and_unix_sockets_are_trusted_by_default() {
        let default = TrustedProxies::default();
        assert!(default.contains(None));
        for (address, is_trusted) in
            [("127.0.0.1", true), ("127.9.9.9", true), ("::1", true), ("10.0.0.1", false)]
        {
            assert_eq!(default.contains(Some(address.parse().unwrap())), is_trusted, "{address}");
        }
        assert_eq!(default.show(), ["127.0.0.0/8", "::1", "unix:"]);
        let empty = TrustedProxies::parse(&[""; 0]).unwrap();
        assert!(!empty.contains(None) && empty.show().is_empty());
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "proxy", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "::1/129", "10.0.0/8"]
        {
            assert!(TrustedProxies::parse(&[text]).is_err(), "{text}");
        }
    }
}
