//! The `Authorization: Bearer` secret of publish and stats (rpushd spec, section 3).

use crate::config::Secret;
use sha2::{Digest, Sha256};

/// Whether the request's Authorization fields are exactly one `Bearer SECRET` with one of the secrets.
///
/// Digests are compared, not the secrets: the time it takes tells nothing, not even a length.
pub fn is_authorized<'a>(
    mut authorizations: impl Iterator<Item = &'a [u8]>,
    secrets: &[Secret],
) -> bool {
    let (Some(value), None) = (authorizations.next(), authorizations.next()) else { return false };
    let Some(given) = value.strip_prefix(b"Bearer ") else { return false };
    let given = Sha256::digest(given);
    let mut is_found = false;
    for secret in secrets {
        let wanted = Sha256::digest(secret.expose());
        let difference =
            given.iter().zip(wanted.iter()).fold(0, |sum, (one, other)| sum | (one ^ other));
        is_found |= std::hint::black_box(difference) == 0;
    }
    is_found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_well_spelled_secret_is_accepted() {
        let secrets = [Secret::new("current").unwrap(), Secret::new("previous").unwrap()];
        let accepts =
            |values: &[&str]| is_authorized(values.iter().map(|value| value.as_bytes()), &secrets);
        assert!(accepts(&["Bearer current"]));
        assert!(accepts(&["Bearer previous"]));
        for refused in [
            &[][..],
            &["Bearer current", "Bearer current"],
            &["bearer current"],
            &["Bearer  current"],
            &["Bearer"],
            &["Bearer "],
            &["Bearer curren"],
            &["Bearer current2"],
            &["Basic current"],
            &["current"],
        ] {
            assert!(!accepts(refused), "{refused:?}");
        }
        assert!(!is_authorized([b"Bearer ".as_slice()].into_iter(), &[]));
    }
}
