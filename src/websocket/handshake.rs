//! The server's half of the opening handshake (RFC 6455, section 4.2; push-stream section 15.1):
//! from the header fields of the request to those of the response, or to a refusal.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use sha1::{Digest as _, Sha1};

use super::extensions::{self, Malformed};

/// The value of Sec-WebSocket-Version in a response that refuses the client's version.
pub const VERSIONS_SUPPORTED: &str = "8, 13";

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Trailing bits after the sixteenth byte are ignored: some are set in the RFC's own example key
/// (section 4.1).
const KEY_ENGINE: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The value of Sec-WebSocket-Accept for a key (RFC 6455 section 4.2.2, step 5.4).
pub fn accept_value(key: &[u8]) -> [u8; 28] {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    let mut value = [0; 28];
    STANDARD.encode_slice(digest, &mut value).expect("20 bytes make 28 characters of base64");
    value
}

/// The header fields of a request that matter for the handshake. Repeated fields are joined or
/// refused as required by RFC 6455, sections 4.2.1 and 11.3.
#[derive(Debug, Default)]
pub struct Handshake<'a> {
    upgrade: Token,
    connection: Token,
    key: Single<'a>,
    version: Single<'a>,
    extension: Option<&'static str>,
    has_malformed_extensions: bool,
}

/// Values for the 101 response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The value of Sec-WebSocket-Accept, in ASCII.
    pub accept: [u8; 28],
    /// The value of Sec-WebSocket-Extensions. Sending it agrees to permessage-deflate; a caller
    /// that does not want compression leaves the field out.
    pub extensions: Option<&'static str>,
}

/// Why a handshake is refused; the status is always 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// One of the four mandatory header fields is missing.
    HeadersMissing,
    /// The version is neither 8 nor 13; the response lists [`VERSIONS_SUPPORTED`].
    VersionUnsupported,
    /// Upgrade does not contain `websocket`.
    UpgradeInvalid,
    /// Connection does not contain `upgrade`.
    ConnectionInvalid,
    /// Sec-WebSocket-Key is not sixteen bytes in base64, or was sent twice.
    KeyInvalid,
    /// Sec-WebSocket-Extensions breaks the grammar (RFC 6455 section 9.1).
    ExtensionsMalformed,
}

/// Whether a list field contains the token that the handshake requires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Token {
    #[default]
    FieldAbsent,
    Unnamed,
    Named,
}

/// A field that must not be sent twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Single<'a> {
    #[default]
    Absent,
    Once(&'a [u8]),
    Repeated,
}

impl<'a> Handshake<'a> {
    /// Reads all header fields of a request; their names may have any letter case.
    pub fn from_fields<N: AsRef<[u8]>>(fields: impl IntoIterator<Item = (N, &'a [u8])>) -> Self {
        let mut handshake = Handshake::default();
        for (name, value) in fields {
            handshake.field(name.as_ref(), value);
        }
        handshake
    }

    fn field(&mut self, name: &[u8], value: &'a [u8]) {
        if name.eq_ignore_ascii_case(b"upgrade") {
            self.upgrade.look_for(b"websocket", value);
        } else if name.eq_ignore_ascii_case(b"connection") {
            self.connection.look_for(b"upgrade", value);
        } else if name.eq_ignore_ascii_case(b"sec-websocket-key") {
            self.key.found(value);
        } else if name.eq_ignore_ascii_case(b"sec-websocket-version") {
            self.version.found(value);
        } else if name.eq_ignore_ascii_case(b"sec-websocket-extensions") {
            match extensions::negotiate(value) {
                Ok(answer) => self.extension = self.extension.or(answer),
                Err(Malformed) => self.has_malformed_extensions = true,
            }
        }
    }

    /// Checks the request: first what the module checks, in its order, then the additional
    /// rules of the RFC.
    pub fn judge(&self) -> Result<Accepted, Refusal> {
        let is_incomplete = self.upgrade == Token::FieldAbsent
            || self.connection == Token::FieldAbsent
            || self.key == Single::Absent
            || self.version == Single::Absent;
        if is_incomplete {
            return Err(Refusal::HeadersMissing);
        }
        if !matches!(self.version, Single::Once(b"8" | b"13")) {
            return Err(Refusal::VersionUnsupported);
        }
        if self.upgrade != Token::Named {
            return Err(Refusal::UpgradeInvalid);
        }
        if self.connection != Token::Named {
            return Err(Refusal::ConnectionInvalid);
        }
        let key = match self.key {
            Single::Once(key) if is_key(key) => key,
            _ => return Err(Refusal::KeyInvalid),
        };
        if self.has_malformed_extensions {
            return Err(Refusal::ExtensionsMalformed);
        }
        Ok(Accepted { accept: accept_value(key), extensions: self.extension })
    }
}

impl Refusal {
    /// The text for the explain header: the module's own text where it has one.
    pub fn explain(self) -> &'static str {
        match self {
            Refusal::HeadersMissing => {
                "Don't have at least one of the mandatory headers: Connection, Upgrade, \
                 Sec-WebSocket-Key and Sec-WebSocket-Version"
            }
            Refusal::VersionUnsupported => "Version not supported. Supported versions: 8, 13",
            Refusal::UpgradeInvalid => "Header Upgrade does not name websocket",
            Refusal::ConnectionInvalid => "Header Connection does not name Upgrade",
            Refusal::KeyInvalid => "Header Sec-WebSocket-Key is not 16 bytes in base64",
            Refusal::ExtensionsMalformed => "Header Sec-WebSocket-Extensions is malformed",
        }
    }
}

impl Token {
    fn look_for(&mut self, wanted: &[u8], list: &[u8]) {
        let is_named = list
            .split(|byte| *byte == b',')
            .any(|element| element.trim_ascii().eq_ignore_ascii_case(wanted));
        if is_named {
            *self = Token::Named;
        } else if *self == Token::FieldAbsent {
            *self = Token::Unnamed;
        }
    }
}

impl<'a> Single<'a> {
    fn found(&mut self, value: &'a [u8]) {
        *self = match self {
            Single::Absent => Single::Once(value.trim_ascii()),
            Single::Once(_) | Single::Repeated => Single::Repeated,
        };
    }
}

/// Sixteen bytes are 24 characters in base64. The decoder requires a buffer of 18 bytes.
fn is_key(value: &[u8]) -> bool {
    value.len() == 24 && KEY_ENGINE.decode_slice(value, &mut [0; 18]) == Ok(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "/mQoZf6pRiv8+6o72GncLQ==";

    /// Judges a browser's request with one field replaced; an empty value removes the field.
    fn judged(name: &str, value: &str) -> Result<Accepted, Refusal> {
        let browser = [
            ("Upgrade", "websocket"),
            ("Connection", "keep-alive, Upgrade"),
            ("Sec-WebSocket-Key", KEY),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Extensions", ""),
        ];
        let fields = browser
            .map(|(known, usual)| if known == name { (known, value) } else { (known, usual) });
        let present = fields.iter().filter(|(_, value)| !value.is_empty());
        Handshake::from_fields(present.map(|(name, value)| (name, value.as_bytes()))).judge()
    }

    fn accepted(extensions: Option<&'static str>) -> Result<Accepted, Refusal> {
        Ok(Accepted { accept: *b"RaIOIcQ6CBoc74B9EKdH0avYZnw=", extensions })
    }

    #[test]
    fn the_accept_values_of_rfc_and_module_come_out() {
        let rfc = accept_value(b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(&rfc, b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(&accept_value(KEY.as_bytes()), b"RaIOIcQ6CBoc74B9EKdH0avYZnw=");
    }

    #[test]
    fn good_handshakes_are_accepted() {
        for (name, value) in [
            ("", ""),
            ("Sec-WebSocket-Version", "8"),
            ("Upgrade", "WebSocket"),
            ("Upgrade", "h2c, websocket"),
            ("Connection", "upgrade"),
            ("Connection", "close ,\tUPGRADE"),
        ] {
            assert_eq!(judged(name, value), accepted(None), "{name}: {value}");
        }
        assert!(judged("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEC==").is_ok());
    }

    #[test]
    fn each_broken_field_has_its_refusal() {
        for (name, value, refusal) in [
            ("Upgrade", "", Refusal::HeadersMissing),
            ("Connection", "", Refusal::HeadersMissing),
            ("Sec-WebSocket-Key", "", Refusal::HeadersMissing),
            ("Sec-WebSocket-Version", "", Refusal::HeadersMissing),
            ("Sec-WebSocket-Version", "7", Refusal::VersionUnsupported),
            ("Sec-WebSocket-Version", "8, 13", Refusal::VersionUnsupported),
            ("Sec-WebSocket-Version", "013", Refusal::VersionUnsupported),
            ("Upgrade", "websockets", Refusal::UpgradeInvalid),
            ("Connection", "keep-alive", Refusal::ConnectionInvalid),
            ("Sec-WebSocket-Key", "broken", Refusal::KeyInvalid),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ", Refusal::KeyInvalid),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZTE=", Refusal::KeyInvalid),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j*Q==", Refusal::KeyInvalid),
            ("Sec-WebSocket-Extensions", "a b", Refusal::ExtensionsMalformed),
        ] {
            assert_eq!(judged(name, value), Err(refusal), "{name}: {value}");
        }
    }

    #[test]
    fn repeated_fields_are_joined_where_they_are_lists_and_refused_where_not() {
        let fields: [(&str, &[u8]); 8] = [
            ("upgrade", b"h2c"),
            ("UPGRADE", b"websocket"),
            ("connection", b"Upgrade"),
            ("connection", b"keep-alive"),
            ("sec-websocket-key", KEY.as_bytes()),
            ("sec-websocket-version", b" 13 "),
            ("sec-websocket-extensions", b"foo"),
            ("sec-websocket-extensions", b"permessage-deflate"),
        ];
        let deflate = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        assert_eq!(Handshake::from_fields(fields).judge(), accepted(Some(deflate)));
        for (field, refusal) in [(4, Refusal::KeyInvalid), (5, Refusal::VersionUnsupported)] {
            let twice = fields.into_iter().chain([fields[field]]);
            assert_eq!(Handshake::from_fields(twice).judge(), Err(refusal));
        }
    }

    #[test]
    fn the_module_words_its_refusals_in_one_line() {
        assert_eq!(
            Refusal::HeadersMissing.explain(),
            "Don't have at least one of the mandatory headers: Connection, Upgrade, \
             Sec-WebSocket-Key and Sec-WebSocket-Version"
        );
        assert_eq!(
            Refusal::VersionUnsupported.explain(),
            "Version not supported. Supported versions: 8, 13"
        );
    }
}
