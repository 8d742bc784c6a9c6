//! Why a secret or token is refused, as text for the client (RFC 6750, section 3).

/// The reason for a 401. Never reveals which of several secrets was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// No Authorization field, or one with another scheme than `Bearer`.
    Missing,
    /// Not a token, several fields, or a claim is missing or of the wrong type.
    Malformed,
    /// The token was signed with none of the current secrets.
    WrongSignature,
    /// The secret is none of the current secrets.
    WrongSecret,
    /// The token has expired.
    Expired,
    /// The token is not valid yet.
    Early,
    /// The token is for another channel.
    OtherChannel,
    /// The application has revoked it.
    Revoked,
    /// The token is for another audience, or not for subscribing.
    OtherPurpose,
}

impl Denial {
    /// One line of text, for `error_description` and the log.
    pub fn description(self) -> &'static str {
        match self {
            Denial::Missing => "no token or secret",
            Denial::Malformed => "malformed",
            Denial::WrongSignature => "bad signature",
            Denial::WrongSecret => "wrong secret",
            Denial::Expired => "expired",
            Denial::Early => "not yet valid",
            Denial::OtherChannel => "for another channel",
            Denial::Revoked => "revoked",
            Denial::OtherPurpose => "for another audience or scope",
        }
    }

    /// The value of `WWW-Authenticate`. A request without a token gets no error code: its client
    /// may not have known that a token is required (RFC 6750, section 3.1).
    pub fn challenge(self) -> String {
        match self {
            Denial::Missing => "Bearer realm=\"rpushd\"".to_owned(),
            _ => {
                let description = self.description();
                format!("Bearer error=\"invalid_token\", error_description=\"{description}\"")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_names_the_reason_unless_there_was_nothing_to_judge() {
        assert_eq!(Denial::Missing.challenge(), "Bearer realm=\"rpushd\"");
        assert_eq!(
            Denial::Expired.challenge(),
            "Bearer error=\"invalid_token\", error_description=\"expired\""
        );
    }
}
