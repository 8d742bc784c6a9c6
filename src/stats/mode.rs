//! The formats of `/api/stats`.

/// The value of `?mode=` (rpushd spec, section 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Lines of `name: value`; the default without `?mode=`.
    #[default]
    Text,
    /// One object.
    Json,
    /// One element per statistic.
    Xml,
    /// The Prometheus text exposition format 0.0.4.
    Prometheus,
}

impl Mode {
    /// The mode with this name; letter case matters. `None`: unknown, to be refused with 400.
    pub fn parse(name: &str) -> Option<Mode> {
        match name {
            "text" => Some(Mode::Text),
            "json" => Some(Mode::Json),
            "xml" => Some(Mode::Xml),
            "prometheus" => Some(Mode::Prometheus),
            _ => None,
        }
    }

    /// The `Content-Type` of the response.
    pub fn content_type(self) -> &'static str {
        match self {
            Mode::Text => "text/plain; charset=utf-8",
            Mode::Json => "application/json; charset=utf-8",
            Mode::Xml => "application/xml; charset=utf-8",
            Mode::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// Whether this format can list channels: one series per channel name would grow a Prometheus
    /// server without bound.
    pub(super) fn lists_channels(self) -> bool {
        match self {
            Mode::Text | Mode::Json | Mode::Xml => true,
            Mode::Prometheus => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_known_by_their_exact_names() {
        assert_eq!(
            ["text", "json", "xml", "prometheus", "", "JSON", "yaml", "text "].map(Mode::parse),
            [
                Some(Mode::Text),
                Some(Mode::Json),
                Some(Mode::Xml),
                Some(Mode::Prometheus),
                None,
                None,
                None,
                None
            ]
        );
        assert_eq!(Mode::default(), Mode::Text);
    }
}
