//! Why a secret or token is refused, in words for its holder (RFC 6750, section 3).

/// The reason of a 401. It never reveals which of several secrets was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// There is none, or only one of another scheme than `Bearer`.
    Missing,
    /// It cannot be read: not a token, several of them, a claim missing or of the wrong type.
    Malformed,
    /// No secret in force has signed the token.
    WrongSignature,
    /// It is none of the secrets in force.
    WrongSecret,
    /// The token's time is over.
    Expired,
    /// The token's time has not begun.
    Early,
    /// The token is for another channel.
    OtherChannel,
    /// The token is for another audience, or not for subscribing.
    OtherPurpose,
}

impl Denial {
    /// One line for people, for `error_description` and the log.
    pub fn description(self) -> &'static str {
        match self {
            Denial::Missing => "no token or secret",
            Denial::Malformed => "malformed",
            Denial::WrongSignature => "bad signature",
            Denial::WrongSecret => "wrong secret",
            Denial::Expired => "expired",
            Denial::Early => "not yet valid",
            Denial::OtherChannel => "for another channel",
            Denial::OtherPurpose => "for another audience or scope",
        }
    }

    /// The value of `WWW-Authenticate`. A request without a token gets no error code: its client may just
    /// not have known that one is wanted (RFC 6750, section 3.1).
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
