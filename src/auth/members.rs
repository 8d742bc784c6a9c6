//! JSON objects whose members have unique names, and the types of members that tokens have.

use serde_json::value::RawValue;
use std::borrow::Cow;

/// The members of a JSON object, whose names must be unique.
pub(super) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// A point in time, in seconds since 1970 UTC.
pub(super) enum Seconds {
    Whole(u64),
    Fraction(f64),
}

impl Seconds {
    pub(super) fn as_f64(&self) -> f64 {
        match *self {
            Seconds::Whole(seconds) => seconds as f64,
            Seconds::Fraction(seconds) => seconds,
        }
    }

    /// Rounded down to whole seconds, at most `u64::MAX`.
    pub(super) fn whole(&self) -> u64 {
        match *self {
            Seconds::Whole(seconds) => seconds,
            Seconds::Fraction(seconds) => seconds as u64,
        }
    }
}

impl<'a> Members<'a> {
    pub(super) fn parse(text: &'a [u8]) -> Option<Members<'a>> {
        serde_json::from_str(std::str::from_utf8(text).ok()?).ok()
    }

    pub(super) fn find(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    pub(super) fn string(&self, name: &str) -> Option<Cow<'a, str>> {
        /// Borrows unless the text contains an escape.
        #[derive(serde::Deserialize)]
        struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
        serde_json::from_str::<Text<'a>>(self.find(name)?.get()).ok().map(|text| text.0)
    }

    /// A point in time: a finite number that is not negative.
    pub(super) fn seconds(&self, name: &str) -> Option<Seconds> {
        let text = self.find(name)?.get();
        if let Ok(whole) = text.parse() {
            return Some(Seconds::Whole(whole));
        }
        let fraction: f64 = serde_json::from_str(text).ok()?;
        (fraction >= 0.0 && fraction.is_finite()).then_some(Seconds::Fraction(fraction))
    }
}

impl<'de: 'a, 'a> serde::Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Members<'de>, A::Error> {
                /// Borrows unless the name contains an escape.
                #[derive(serde::Deserialize)]
                struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
                let mut members: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &RawValue>()? {
                    members.push((name, value));
                }
                // Sorted, because comparing each pair of thousands of members takes too long.
                members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
                if members.windows(2).any(|pair| pair[0].0 == pair[1].0) {
                    return Err(serde::de::Error::custom("duplicate member"));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}
