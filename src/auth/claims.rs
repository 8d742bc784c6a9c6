//! The claims of a subscribe token (rpushd spec, section 5.1, and the claims `channels`, `sub` and
//! `jti`).

use super::members::{Members, Seconds};
use super::{Denial, Grant, GrantedChannels, VerifiedBy};
use std::borrow::Cow;

/// The tolerance for `nbf`, in seconds ahead of the daemon's clock.
const NOT_BEFORE_LEEWAY: f64 = 30.0;
/// Longest usable `sub` and `jti`.
const IDENTIFIER_BYTES_MAX: usize = 255;

/// The claims that a token must grant to be accepted.
#[derive(Clone, Copy, Debug)]
pub struct Claims<'a> {
    /// The channels in the request. The token must grant each.
    pub channels: &'a [&'a str],
    /// The current time in seconds since 1970 UTC.
    pub now: u64,
}

/// What happens to a token whose `sub` or `jti` is not usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unusable {
    /// It is accepted without that claim. So were all tokens before these claims had a meaning, and
    /// one may carry a number, for example, as its `sub`.
    Ignored,
    /// It is malformed. Its author uses what is newer, `channels` or a named key, and would
    /// otherwise take a subject for known that is not.
    Refused,
}

/// The claims of a well-formed payload.
pub(super) struct TokenClaims<'a> {
    has_purpose: bool,
    publishes: bool,
    /// A token of 1.0.3 may have any value here, so what is no number is ignored.
    issued: Option<u64>,
    channel: Option<Cow<'a, str>>,
    listed_channels: Vec<GrantedChannels>,
    expires: Seconds,
    begins: Option<Seconds>,
    subject: Option<Cow<'a, str>>,
    id: Option<Cow<'a, str>>,
}

impl<'a> TokenClaims<'a> {
    /// `None`: a claim is missing or of the wrong type.
    pub(super) fn read(payload: &'a [u8], key: &VerifiedBy) -> Option<TokenClaims<'a>> {
        let members = Members::parse(payload)?;
        let has_audience = match members.find("aud")?.get() {
            list if list.starts_with('[') => {
                let list: Vec<Cow<'_, str>> = serde_json::from_str(list).ok()?;
                list.iter().any(|audience| audience == "rpushd")
            }
            _ => members.string("aud")? == "rpushd",
        };
        let scope = members.string("scope")?;
        let has_scope = |wanted: &str| scope.split(' ').any(|scope| scope == wanted);
        let begins = match members.find("nbf") {
            Some(_) => Some(members.seconds("nbf")?),
            None => None,
        };
        let has_list = members.find("channels").is_some();
        let unusable = match key {
            VerifiedBy::Secret(_) if !has_list => Unusable::Ignored,
            VerifiedBy::Secret(_) | VerifiedBy::Key(_) => Unusable::Refused,
        };
        // With `channels`, `channel` is optional.
        let channel = match members.find("channel") {
            None if has_list => None,
            Some(_) | None => Some(members.string("channel")?),
        };
        Some(TokenClaims {
            has_purpose: has_audience && has_scope("subscribe"),
            publishes: has_scope("publish"),
            issued: members.seconds("iat").map(|issued| issued.whole()),
            channel,
            listed_channels: if has_list { listed_channels(&members)? } else { Vec::new() },
            expires: members.seconds("exp")?,
            begins,
            subject: identifier(&members, "sub", unusable)?,
            id: identifier(&members, "jti", unusable)?,
        })
    }

    /// Checks the claims and returns what they grant. The first claim that does not hold decides,
    /// in this order.
    pub(super) fn grant(self, key: VerifiedBy, wanted: &Claims<'_>) -> Result<Grant, Denial> {
        let latest = wanted.now as f64 + NOT_BEFORE_LEEWAY;
        let is_early = self.begins.is_some_and(|begins| begins.as_f64() > latest);
        let channel = self.channel.map(|name| GrantedChannels::Name(name.into_owned()));
        let grant = Grant {
            channels: channel.into_iter().chain(self.listed_channels).collect(),
            expires_at: self.expires.whole(),
            subject: self.subject.map(Cow::into_owned),
            id: self.id.map(Cow::into_owned),
            issued_at: self.issued,
            publishes: self.publishes,
            key,
        };
        if !self.has_purpose {
            return Err(Denial::OtherPurpose);
        }
        if !wanted.channels.iter().all(|channel| grant.allows(channel)) {
            return Err(Denial::OtherChannel);
        }
        if is_early {
            return Err(Denial::Early);
        }
        if grant.is_expired(wanted.now) { Err(Denial::Expired) } else { Ok(grant) }
    }
}

/// The entries of `channels`, a list of texts.
fn listed_channels(members: &Members<'_>) -> Option<Vec<GrantedChannels>> {
    let entries: Vec<Cow<'_, str>> = serde_json::from_str(members.find("channels")?.get()).ok()?;
    entries.iter().map(|entry| GrantedChannels::of_entry(entry)).collect()
}

/// Whether a text can name a visitor (`sub`) or a token (`jti`): not empty, of limited length, and
/// without control characters, so that it can be shown on a line.
pub fn is_identifier(text: &str) -> bool {
    (1..=IDENTIFIER_BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control)
}

/// An optional claim that is an identifier.
fn identifier<'a>(
    members: &Members<'a>,
    name: &str,
    unusable: Unusable,
) -> Option<Option<Cow<'a, str>>> {
    if members.find(name).is_none() {
        return Some(None);
    }
    match (members.string(name).filter(|text| is_identifier(text)), unusable) {
        (None, Unusable::Refused) => None,
        (text, Unusable::Ignored | Unusable::Refused) => Some(text),
    }
}
