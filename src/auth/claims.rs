//! The claims of a subscribe token (rpushd spec, section 5.1).

use super::members::{Members, Seconds};
use super::{Denial, Grant};
use std::borrow::Cow;

/// The tolerance for `nbf`, in seconds ahead of the daemon's clock.
const NOT_BEFORE_LEEWAY: f64 = 30.0;

/// The claims that a token must grant to be accepted.
#[derive(Clone, Copy, Debug)]
pub struct Claims<'a> {
    /// The channel in the subscribe request.
    pub channel: &'a str,
    /// The current time in seconds since 1970 UTC.
    pub now: u64,
}

/// The claims of a well-formed payload.
pub(super) struct TokenClaims<'a> {
    has_purpose: bool,
    channel: Cow<'a, str>,
    expires: Seconds,
    begins: Option<Seconds>,
    subject: Option<Cow<'a, str>>,
}

impl<'a> TokenClaims<'a> {
    /// `None`: a claim is missing or of the wrong type.
    pub(super) fn read(payload: &'a [u8]) -> Option<TokenClaims<'a>> {
        let members = Members::parse(payload)?;
        let has_audience = match members.find("aud")?.get() {
            list if list.starts_with('[') => {
                let list: Vec<Cow<'_, str>> = serde_json::from_str(list).ok()?;
                list.iter().any(|audience| audience == "rpushd")
            }
            _ => members.string("aud")? == "rpushd",
        };
        let has_scope = members.string("scope")?.split(' ').any(|scope| scope == "subscribe");
        let begins = match members.find("nbf") {
            Some(_) => Some(members.seconds("nbf")?),
            None => None,
        };
        Some(TokenClaims {
            has_purpose: has_audience && has_scope,
            channel: members.string("channel")?,
            expires: members.seconds("exp")?,
            begins,
            // Optional and not part of the decision: one of another type is ignored.
            subject: members.string("sub"),
        })
    }

    pub(super) fn grant(&self, key: usize) -> Grant {
        Grant {
            channels: vec![self.channel.clone().into_owned()],
            expires_at: self.expires.whole(),
            subject: self.subject.clone().map(Cow::into_owned),
            key,
        }
    }

    /// The first claim that does not hold decides, in this order.
    pub(super) fn check(&self, grant: &Grant, wanted: &Claims<'_>) -> Result<(), Denial> {
        let latest = wanted.now as f64 + NOT_BEFORE_LEEWAY;
        let is_early = self.begins.as_ref().is_some_and(|begins| begins.as_f64() > latest);
        if !self.has_purpose {
            return Err(Denial::OtherPurpose);
        }
        if !grant.allows(wanted.channel) {
            return Err(Denial::OtherChannel);
        }
        if is_early {
            return Err(Denial::Early);
        }
        if grant.is_expired(wanted.now) { Err(Denial::Expired) } else { Ok(()) }
    }
}
