//! Refuses a reload that removes secrets or adds short ones, as a file read while it is being
//! written may do. A start accepts both.

use super::secrets::BYTES_WANTED;
use super::{Config, Secret};

impl Config {
    /// Checks that a reload may replace this configuration, which is in force, by `new`.
    ///
    /// # Errors
    /// The secret that would become weaker, the reason, and the remedy.
    pub fn refuse_weaker_secrets(&self, new: &Config) -> Result<(), String> {
        let kinds = [
            ("RPUSHD_SECRET", &self.subscribe_secrets, &new.subscribe_secrets),
            ("RPUSHD_PUBLISH_SECRET", &self.publish_secrets, &new.publish_secrets),
        ];
        // A file of keys that has none, or a short one, is refused when it is read.
        let keys = ("tokens.keys_file", self.tokens.keys.is_empty(), new.tokens.keys.is_empty());
        let lost: Vec<&str> = kinds
            .iter()
            .map(|(name, old, new)| (*name, old.is_empty(), new.is_empty()))
            .chain([keys])
            .filter(|(_, old_is_empty, new_is_empty)| !old_is_empty && *new_is_empty)
            .map(|(name, ..)| name)
            .collect();
        if let Some(last) = lost.last() {
            let verb = if lost.first() == Some(last) { "is" } else { "are" };
            return Err(format!(
                "{} {verb} missing now. A reload cannot remove secrets, because {LOOKS_ALIKE}; to \
                 remove them, restart",
                lost.join(" and ")
            ));
        }
        for (name, old, new) in kinds {
            let is_short = |secret: &&Secret| secret.expose().len() < BYTES_WANTED;
            if let Some(short) = new.iter().filter(is_short).find(|secret| !old.contains(secret)) {
                return Err(format!(
                    "{name} is only {} bytes long. A reload cannot add a short secret, because \
                     {LOOKS_ALIKE}; make one of {BYTES_WANTED} bytes or more (\"openssl rand -hex \
                     32\"), or restart",
                    short.expose().len()
                ));
            }
        }
        Ok(())
    }
}

/// Why a reload assumes that neither is intended.
const LOOKS_ALIKE: &str = "a file that is read half-written looks the same";

#[cfg(test)]
mod tests {
    use super::super::NamedKey;
    use super::*;

    fn config(subscribe: &[&str], publish: &[&str]) -> Config {
        let secrets = |texts: &[&str]| texts.iter().filter_map(|text| Secret::new(text)).collect();
        Config {
            subscribe_secrets: secrets(subscribe),
            publish_secrets: secrets(publish),
            ..Config::default()
        }
    }

    const OLD: &str = "old-secret-of-sixteen-bytes-and-more";
    const NEW: &str = "new-secret-of-16";

    #[test]
    fn a_rotation_is_accepted_with_and_without_the_old_secret() {
        let old = config(&[OLD], &[OLD]);
        for [subscribe, publish] in [[vec![NEW, OLD], vec![OLD]], [vec![NEW], vec![NEW, OLD]]] {
            let new = config(&subscribe, &publish);
            assert_eq!(old.refuse_weaker_secrets(&new), Ok(()));
            assert_eq!(new.refuse_weaker_secrets(&config(&[NEW], &[NEW])), Ok(()));
        }
    }

    #[test]
    fn a_reload_that_leaves_no_secret_is_refused() {
        let old = config(&[OLD], &[OLD, NEW]);
        for (subscribe, publish, names) in [
            (None, Some(OLD), "RPUSHD_SECRET is"),
            (Some(OLD), None, "RPUSHD_PUBLISH_SECRET is"),
            (None, None, "RPUSHD_SECRET and RPUSHD_PUBLISH_SECRET are"),
        ] {
            let new = config(subscribe.as_slice(), publish.as_slice());
            let refusal = format!(
                "{names} missing now. A reload cannot remove secrets, because a file that is read \
                 half-written looks the same; to remove them, restart"
            );
            assert_eq!(old.refuse_weaker_secrets(&new), Err(refusal));
            assert_eq!(new.refuse_weaker_secrets(&old), Ok(()));
        }
    }

    #[test]
    fn a_reload_cannot_remove_the_file_of_keys_but_any_key_of_it() {
        let with = |ids: &[&str]| {
            let mut config = config(&[OLD], &[OLD]);
            let key =
                |id: &&str| NamedKey { id: (*id).to_owned(), secret: Secret::new(NEW).unwrap() };
            config.tokens.keys = ids.iter().map(key).collect();
            config
        };
        for (old, new) in [(&[][..], &["a"][..]), (&["a"], &["a", "b"]), (&["a", "b"], &["b"])] {
            assert_eq!(with(old).refuse_weaker_secrets(&with(new)), Ok(()), "{old:?} {new:?}");
        }
        let refusal = "tokens.keys_file is missing now. A reload cannot remove secrets, because a \
                       file that is read half-written looks the same; to remove them, restart";
        assert_eq!(with(&["a"]).refuse_weaker_secrets(&with(&[])), Err(refusal.to_owned()));
    }

    #[test]
    fn a_short_secret_is_refused_unless_it_was_in_force() {
        let old = config(&[OLD, "short"], &[OLD]);
        let refusal = |name: &str| {
            Err(format!(
                "{name} is only 5 bytes long. A reload cannot add a short secret, because a file \
                 that is read half-written looks the same; make one of 16 bytes or more (\"openssl \
                 rand -hex 32\"), or restart"
            ))
        };
        for (new, expected) in [
            (config(&["short"], &[OLD]), Ok(())),
            (config(&[NEW, "short"], &[OLD]), Ok(())),
            (config(&["other"], &[OLD]), refusal("RPUSHD_SECRET")),
            (config(&[OLD, "other"], &[OLD]), refusal("RPUSHD_SECRET")),
            (config(&[OLD], &["short"]), refusal("RPUSHD_PUBLISH_SECRET")),
            (config(&[OLD], &[OLD, "short"]), refusal("RPUSHD_PUBLISH_SECRET")),
        ] {
            assert_eq!(old.refuse_weaker_secrets(&new), expected);
        }
    }
}
