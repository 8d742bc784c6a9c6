//! Sessions: what the server remembers of the tokens of its subscribers, and the ids by which
//! clients and applications name connections.

use super::connection::ConnectionId;
use super::session::{NONE, Session};
use crate::auth::{Grant, GrantedChannels};
use crate::time::Moment;
use slab::Slab;

/// Longest subject that is stored without heap memory.
const SHORT_BYTES_MAX: usize = 22;

/// The claims of a token that are needed after its connection has subscribed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Identity {
    /// Who the client is (claim `sub`).
    pub(super) subject: Option<Box<str>>,
    /// The ids of its tokens (claim `jti`).
    pub(super) token_ids: Vec<Box<str>>,
    /// The channels that it may subscribe to later, besides those that it is subscribed to.
    pub(super) channels: Vec<GrantedChannels>,
    /// When the token that grants these channels was issued.
    pub(super) issued_at: Option<u64>,
    /// Whether it may publish.
    pub(super) publishes: bool,
    /// When the connection is as old as one may be, whatever its token; none: never.
    pub(super) ages_at: Option<Moment>,
}

/// The same, of a session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) subject: Option<&'a str>,
    pub(super) token_ids: &'a [Box<str>],
    pub(super) channels: &'a [GrantedChannels],
    pub(super) issued_at: Option<u64>,
    pub(super) publishes: bool,
    pub(super) ages_at: Option<Moment>,
}

/// An identity as it is stored, in 24 bytes. Most tokens have a short subject and nothing else that
/// is needed later, which takes no heap memory.
#[derive(Debug)]
enum Kept {
    Subject { length: u8, text: [u8; SHORT_BYTES_MAX] },
    All(Box<Identity>),
}

impl Kept {
    fn of(identity: Identity) -> Kept {
        match &identity {
            Identity {
                subject: Some(subject),
                token_ids,
                channels,
                issued_at: None,
                publishes: false,
                ages_at: None,
            } if token_ids.is_empty()
                && channels.is_empty()
                && subject.len() <= SHORT_BYTES_MAX =>
            {
                let mut text = [0; SHORT_BYTES_MAX];
                text[..subject.len()].copy_from_slice(subject.as_bytes());
                Kept::Subject { length: subject.len() as u8, text }
            }
            _ => Kept::All(Box::new(identity)),
        }
    }

    fn known(&self) -> Known<'_> {
        match self {
            Kept::Subject { length, text } => {
                let subject = std::str::from_utf8(&text[..usize::from(*length)]);
                Known {
                    subject: Some(subject.expect("it was copied from a text")),
                    token_ids: &[],
                    channels: &[],
                    issued_at: None,
                    publishes: false,
                    ages_at: None,
                }
            }
            Kept::All(identity) => identity.known(),
        }
    }

    /// About the memory that it takes.
    fn bytes(&self) -> usize {
        size_of::<Kept>()
            + match self {
                Kept::Subject { .. } => 0,
                Kept::All(identity) => identity.bytes(),
            }
    }
}

impl Identity {
    fn is_empty(&self) -> bool {
        *self == Identity::default()
    }

    fn known(&self) -> Known<'_> {
        Known {
            subject: self.subject.as_deref(),
            token_ids: &self.token_ids,
            channels: &self.channels,
            issued_at: self.issued_at,
            publishes: self.publishes,
            ages_at: self.ages_at,
        }
    }

    /// About the memory that it takes.
    fn bytes(&self) -> usize {
        let texts = self.subject.iter().chain(&self.token_ids);
        let channels = self.channels.iter().map(|one| one.text().len() + size_of_val(one));
        size_of::<Identity>() + texts.map(|text| text.len()).chain(channels).sum::<usize>()
    }
}

/// All sessions.
pub(super) struct Sessions {
    /// Makes ids of connections unlike each other.
    key: u64,
    last_serial: u32,
    identities: Slab<Kept>,
    /// Memory of the identities.
    bytes: usize,
}

impl Sessions {
    /// No sessions. The ids of connections depend on the key.
    pub(super) fn new(key: u64) -> Sessions {
        Sessions { key, last_serial: 0, identities: Slab::new(), bytes: 0 }
    }

    /// Begins a session.
    pub(super) fn begin(&mut self, identity: Identity) -> Session {
        // 0 is no session.
        self.last_serial = self.last_serial.wrapping_add(1).max(1);
        Session { serial: self.last_serial, identity: self.keep(identity) }
    }

    /// Replaces the identity of a session.
    pub(super) fn set_identity(&mut self, session: &mut Session, identity: Identity) {
        self.forget(session);
        session.identity = self.keep(identity);
    }

    fn keep(&mut self, identity: Identity) -> u32 {
        if identity.is_empty() {
            return NONE;
        }
        let kept = Kept::of(identity);
        self.bytes += kept.bytes();
        u32::try_from(self.identities.insert(kept)).expect("connections_max is below 2^32")
    }

    fn forget(&mut self, session: &mut Session) {
        let key = std::mem::replace(&mut session.identity, NONE);
        if let Some(identity) = self.identities.try_remove(key as usize) {
            self.bytes -= identity.bytes();
        }
    }

    /// Ends a session.
    pub(super) fn end(&mut self, session: &mut Session) {
        self.forget(session);
        *session = Session::default();
    }

    /// The identity of a session, if its token had any claim that is needed later.
    pub(super) fn identity(&self, session: Session) -> Option<Known<'_>> {
        self.identities.get(session.identity as usize).map(Kept::known)
    }

    /// The id of a connection: 16 hexadecimal digits that reveal neither how many connections there
    /// are nor were. It is no secret.
    pub(super) fn id(&self, connection: ConnectionId, session: Session) -> String {
        let number = u64::from(connection.0) << 32 | u64::from(session.serial);
        format!("{:016x}", mix(number ^ self.key).wrapping_add(self.key))
    }

    /// The connection with this id, and the number of its session. Whether it still has that
    /// session is to be checked. `None`: this is no id.
    pub(super) fn find(&self, id: &str) -> Option<(ConnectionId, u32)> {
        let is_id = id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = is_id.then(|| u64::from_str_radix(id, 16).ok())??;
        let number = unmix(number.wrapping_sub(self.key)) ^ self.key;
        Some((ConnectionId((number >> 32) as u32), number as u32))
    }

    /// Memory of all identities.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Number of identities; for tests.
    pub(super) fn identity_count(&self) -> usize {
        self.identities.len()
    }

    pub(super) fn shrink(&mut self) {
        self.identities.shrink_to_fit();
    }
}

/// Odd, so that multiplying by them can be undone.
const FACTORS: [u64; 2] = [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb];

/// Maps numbers to others, one to one, so that each bit depends on all (the finalizer of
/// SplitMix64).
fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(FACTORS[0]);
    number = (number ^ (number >> 27)).wrapping_mul(FACTORS[1]);
    number ^ (number >> 31)
}

/// Undoes [`mix`].
fn unmix(mut number: u64) -> u64 {
    number = unshift(number, 31).wrapping_mul(inverse(FACTORS[1]));
    number = unshift(number, 27).wrapping_mul(inverse(FACTORS[0]));
    unshift(number, 30)
}

/// The number that gives this one when it is combined with itself, shifted to the right.
fn unshift(number: u64, bits: u32) -> u64 {
    number ^ (number >> bits) ^ (number >> (2 * bits))
}

/// The inverse of an odd number modulo 2^64, by Newton's method: each step doubles the number of
/// correct bits.
fn inverse(odd: u64) -> u64 {
    (0..6)
        .fold(odd, |inverse, _| inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse))))
}

impl From<Known<'_>> for Identity {
    fn from(known: Known<'_>) -> Identity {
        Identity {
            subject: known.subject.map(Into::into),
            token_ids: known.token_ids.to_vec(),
            channels: known.channels.to_vec(),
            issued_at: known.issued_at,
            publishes: known.publishes,
            ages_at: known.ages_at,
        }
    }
}

impl From<&Grant> for Identity {
    /// What is kept of a grant: all but its channels.
    fn from(grant: &Grant) -> Identity {
        Identity {
            subject: grant.subject.as_deref().map(Into::into),
            token_ids: grant.id.iter().map(|id| id.as_str().into()).collect(),
            channels: Vec::new(),
            issued_at: None,
            publishes: grant.publishes,
            ages_at: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_lead_back_to_their_connections_and_differ() {
        let mut sessions = Sessions::new(0x1234_5678_9abc_def0);
        let mut ids = Vec::new();
        for index in [0, 1, 77, u32::MAX] {
            let session = sessions.begin(Identity::default());
            let id = sessions.id(ConnectionId(index), session);
            let (connection, serial) = sessions.find(&id).unwrap();
            assert_eq!(connection, ConnectionId(index));
            assert!(session.has_serial(serial));
            ids.push(id);
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 4);
        for other in ["", "0", "000000000000000g", "+00000000000000a", "00000000000000000"] {
            assert_eq!(sessions.find(other), None, "{other}");
        }
    }

    #[test]
    fn an_identity_is_kept_until_its_session_ends() {
        let mut sessions = Sessions::new(1);
        let identity = Identity { subject: Some("alice".into()), ..Identity::default() };
        let more = Identity { token_ids: vec!["t1".into()], publishes: true, ..identity.clone() };
        let mut session = sessions.begin(identity);
        let known = sessions.identity(session).unwrap();
        assert_eq!(
            (known.subject, known.token_ids.len(), known.publishes),
            (Some("alice"), 0, false)
        );
        let few = sessions.bytes();
        sessions.set_identity(&mut session, more.clone());
        let known = sessions.identity(session).unwrap();
        let expected = (Some("alice"), 1, true);
        assert_eq!((known.subject, known.token_ids.len(), known.publishes), expected);
        assert!(sessions.bytes() > few, "a subject alone takes less");
        assert_eq!(few, 24);
        let long = Identity { subject: Some("x".repeat(23).into()), ..Identity::default() };
        sessions.set_identity(&mut session, long);
        assert_eq!(sessions.identity(session).unwrap().subject, Some(&*"x".repeat(23)));
        sessions.set_identity(&mut session, Identity::default());
        assert!(sessions.identity(session).is_none());
        assert_eq!(sessions.bytes(), 0);
        sessions.set_identity(&mut session, more);
        sessions.end(&mut session);
        assert!(!session.is_some());
        assert_eq!((sessions.identity_count(), sessions.bytes()), (0, 0));
    }
}
