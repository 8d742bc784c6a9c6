//! The `Authorization: Bearer` secret for publishing and statistics (rpushd spec, section 3).

use super::Denial;
use crate::config::Secret;
use sha2::{Digest, Sha256};

/// Accepts a request with exactly one Authorization field, `Bearer SECRET` with one of the secrets.
///
/// Compares digests rather than secrets, so that the time it takes does not even reveal a length.
///
/// # Errors
/// The reason of the refusal.
pub fn authorize<'a>(
    mut authorizations: impl Iterator<Item = &'a [u8]>,
    secrets: &[Secret],
) -> Result<(), Denial> {
    let value = match (authorizations.next(), authorizations.next()) {
        (Some(value), None) => value,
        (None, _) => return Err(Denial::Missing),
        (Some(_), Some(_)) => return Err(Denial::Malformed),
    };
    let (scheme, given) = match value.iter().position(|&byte| byte == b' ') {
        Some(at) => (&value[..at], &value[at + 1..]),
        None => (value, &b""[..]),
    };
    if !scheme.eq_ignore_ascii_case(b"bearer") || given.is_empty() {
        return Err(Denial::Missing);
    }
    if scheme != b"Bearer" {
        return Err(Denial::Malformed);
    }
    let given = Sha256::digest(given);
    let mut is_found = false;
    for secret in secrets {
        let wanted = Sha256::digest(secret.expose());
        let difference =
            given.iter().zip(wanted.iter()).fold(0, |sum, (one, other)| sum | (one ^ other));
        is_found |= std::hint::black_box(difference) == 0;
    }
    if is_found { Ok(()) } else { Err(Denial::WrongSecret) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_well_spelled_secret_is_accepted() {
        let secrets = [Secret::new("current").unwrap(), Secret::new("previous").unwrap()];
        let judge =
            |values: &[&str]| authorize(values.iter().map(|value| value.as_bytes()), &secrets);
        assert_eq!(judge(&["Bearer current"]), Ok(()));
        assert_eq!(judge(&["Bearer previous"]), Ok(()));
        for (refused, denial) in [
            (&[][..], Denial::Missing),
            (&["Bearer"], Denial::Missing),
            (&["Bearer "], Denial::Missing),
            (&["Basic current"], Denial::Missing),
            (&["current"], Denial::Missing),
            (&["Bearer current", "Bearer current"], Denial::Malformed),
            (&["bearer current"], Denial::Malformed),
            (&["Bearer  current"], Denial::WrongSecret),
            (&["Bearer curren"], Denial::WrongSecret),
            (&["Bearer current2"], Denial::WrongSecret),
        ] {
            assert_eq!(judge(refused), Err(denial), "{refused:?}");
        }
        assert_eq!(authorize([b"Bearer x".as_slice()].into_iter(), &[]), Err(Denial::WrongSecret));
    }

    /// An operation other than `|` over the bytes of a digest would let one in 256 pass.
    #[test]
    fn none_of_many_wrong_secrets_is_accepted() {
        let secrets = [Secret::new("current").unwrap(), Secret::new("previous").unwrap()];
        for number in 0..4000 {
            let value = format!("Bearer {number}");
            let judged = authorize([value.as_bytes()].into_iter(), &secrets);
            assert_eq!(judged, Err(Denial::WrongSecret), "{value}");
        }
    }
}
