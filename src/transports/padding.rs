//! Padding by user agent (push-stream spec, section 18): some browsers and proxies buffer small
//! responses, so headers and messages are padded to a size that the user agent needs.

use regex_lite::Regex;
use std::fmt;

/// The padding rules of one location.
#[derive(Clone, Debug, Default)]
pub struct Padding {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    agent: Regex,
    sizes: PaddingSizes,
}

/// The padding for one user agent; all that a subscriber has to store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaddingSizes {
    /// Minimum size of the header in bytes.
    pub header: u32,
    /// Minimum size of a message in bytes.
    pub message: u32,
}

/// Why a padding pattern is refused. Displayed as the module's own text (section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaddingError {
    /// The remaining pattern contains no rule.
    NotMatched(String),
    /// The remaining pattern contains a rule, but not at its start, or with numbers of
    /// more than 32 bits.
    NotApplied(String),
    /// The regular expression of a rule is invalid.
    BrokenExpression {
        /// The expression.
        expression: String,
        /// The reason.
        reason: String,
    },
}

impl PaddingError {
    /// The second line, which the module logs after each of these errors.
    pub const UNABLE_TO_PARSE: &str =
        "push stream module: push stream module: unable to parse paddings by user agent";
}

impl fmt::Display for PaddingError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PaddingError::NotMatched(rest) => {
                write!(formatter, "push stream module: padding pattern not match the value {rest}")
            }
            PaddingError::NotApplied(rest) => {
                write!(formatter, "push stream module: error applying padding pattern to {rest}")
            }
            PaddingError::BrokenExpression { expression, reason } => write!(
                formatter,
                "push stream module: broken regular expression {expression} in padding pattern: \
                 {reason}"
            ),
        }
    }
}

impl std::error::Error for PaddingError {}

impl Padding {
    /// Parses `REGEX,H,M:REGEX,H,M:…`. A blank pattern has no rules.
    ///
    /// # Errors
    /// The first fault, from the left.
    pub fn parse(pattern: &str) -> Result<Padding, PaddingError> {
        let format = Regex::new(r"([^:]+),(\d+),(\d+)").expect("a literal that the tests compile");
        let mut rules = Vec::new();
        let mut rest = pattern;
        while !rest.is_empty() {
            let Some(captures) = format.captures(rest) else {
                return Err(PaddingError::NotMatched(rest.to_string()));
            };
            let (whole, [expression, header, message]) = captures.extract();
            let sizes = rest.strip_prefix(whole).and_then(|_| {
                let (header, message) = (header.parse().ok()?, message.parse().ok()?);
                Some(PaddingSizes { header, message })
            });
            let Some(sizes) = sizes else {
                return Err(PaddingError::NotApplied(rest.to_string()));
            };
            let agent = Regex::new(expression).map_err(|error| PaddingError::BrokenExpression {
                expression: expression.to_string(),
                reason: error.to_string(),
            })?;
            rules.push(Rule { agent, sizes });
            // Any character after a rule is accepted as the colon, as in the module.
            let mut characters = rest[whole.len()..].chars();
            characters.next();
            rest = characters.as_str();
        }
        Ok(Padding { rules })
    }

    /// Upper bound of the bytes that the rules examine for this user agent.
    pub fn matched_bytes(&self, agent: &[u8]) -> usize {
        self.rules.len() * agent.len()
    }

    /// The sizes of the first rule whose expression matches the user agent; `None` if none matches.
    pub fn for_agent(&self, agent: &[u8]) -> Option<PaddingSizes> {
        if self.rules.is_empty() {
            return None;
        }
        let agent = String::from_utf8_lossy(agent);
        self.rules.iter().find(|rule| rule.agent.is_match(&agent)).map(|rule| rule.sizes)
    }

    /// The largest padding that a message may get, 0 if none gets any.
    pub fn message_max(&self) -> u32 {
        let messages = self.rules.iter().map(|rule| rule.sizes.message);
        // Sizes are rounded up.
        messages.max().filter(|max| *max > 0).map_or(0, |max| max.saturating_add(100))
    }

    /// The largest size of any rule, 0 without rules. [`size`] needs the largest one of
    /// all locations.
    pub fn size_max(&self) -> u32 {
        let greatest = |rule: &Rule| rule.sizes.header.max(rule.sizes.message);
        self.rules.iter().map(greatest).max().unwrap_or(0)
    }
}

/// Number of bytes of padding after `sent` bytes if `wanted` are required; 0: none. `size_max` is
/// the largest size in the whole configuration, over all locations.
///
/// Sizes are multiples of 100, except that the last step is `size_max` itself, so that there are
/// few different paddings, as in the module.
pub fn size(sent: usize, wanted: u32, size_max: u32) -> usize {
    let (wanted, size_max) = (wanted as usize, size_max as usize);
    if sent >= wanted {
        return 0;
    }
    let step = (wanted - sent) / 100;
    if step == size_max / 100 { size_max } else { (step + 1) * 100 }
}

/// Appends padding of this size to a stream: repeated CR LF, starting with a single LF if
/// the size is odd.
pub fn write_line_ends(size: usize, out: &mut Vec<u8>) {
    out.reserve(size);
    if size % 2 == 1 {
        out.push(b'\n');
    }
    for _ in 0..size / 2 {
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends padding of this size to an event stream: a comment of colons and its line end.
pub fn write_comment(size: usize, out: &mut Vec<u8>) {
    let Some(colon_count) = size.checked_sub(1) else { return };
    out.reserve(size);
    out.resize(out.len() + colon_count, b':');
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(pattern: &str) -> String {
        Padding::parse(pattern).expect_err("the tests refuse it").to_string()
    }

    fn sizes(header: u32, message: u32) -> Option<PaddingSizes> {
        Some(PaddingSizes { header, message })
    }

    #[test]
    fn the_first_rule_found_anywhere_in_the_agent_wins() {
        let padding = Padding::parse("[T|t]est 1,1024,508:[T|t]est [12],4097,0:^A$,1,2").unwrap();
        assert_eq!(padding.for_agent(b"a Test 1 b"), sizes(1024, 508));
        assert_eq!(padding.for_agent(b"a test 2 b"), sizes(4097, 0));
        assert_eq!(padding.for_agent(b"A"), sizes(1, 2));
    }

    #[test]
    fn other_agents_and_other_letter_case_get_none() {
        let padding = Padding::parse("Test 1,1024,508").unwrap();
        assert_eq!(padding.for_agent(b"test 1"), None);
        assert_eq!(padding.for_agent(b""), None);
    }

    #[test]
    fn agents_that_are_no_text_are_matched_where_they_are() {
        let padding = Padding::parse("Test,10,20").unwrap();
        assert_eq!(padding.for_agent(b"\xff\xfeTest\x80"), sizes(10, 20));
    }

    #[test]
    fn a_blank_pattern_has_no_rules() {
        let padding = Padding::parse("").unwrap();
        assert_eq!((padding.for_agent(b"anyone"), padding.size_max()), (None, 0));
    }

    #[test]
    fn an_expression_may_hold_commas() {
        let padding = Padding::parse("a{2,3},5,6,7").unwrap();
        assert_eq!(padding.for_agent(b"aaa,5"), sizes(6, 7));
        assert_eq!(padding.for_agent(b"aaa"), None);
    }

    #[test]
    fn one_trailing_colon_is_accepted_and_a_second_one_is_not() {
        assert_eq!(Padding::parse("a,1,2:").unwrap().for_agent(b"a"), sizes(1, 2));
        assert_eq!(refused("a,1,2::"), "push stream module: padding pattern not match the value :");
    }

    #[test]
    fn a_pattern_without_a_rule_is_refused_with_its_unparsed_part() {
        assert_eq!(
            refused("user_agent,as,df"),
            "push stream module: padding pattern not match the value user_agent,as,df"
        );
        assert_eq!(
            refused("user_agent;10;0"),
            "push stream module: padding pattern not match the value user_agent;10;0"
        );
        assert_eq!(
            refused("user_agent,10,0:other_user_agent;20;0"),
            "push stream module: padding pattern not match the value other_user_agent;20;0"
        );
    }

    #[test]
    fn a_rule_further_on_is_refused_with_the_unparsed_part() {
        assert_eq!(
            refused("user_agent,10,0:other_user_agent;20;0:another_user_agent,30,0"),
            "push stream module: error applying padding pattern to \
             other_user_agent;20;0:another_user_agent,30,0"
        );
        assert_eq!(
            refused("a,1,2::b,3,4"),
            "push stream module: error applying padding pattern to :b,3,4"
        );
    }

    #[test]
    fn sizes_of_more_than_32_bits_are_refused() {
        assert_eq!(
            refused("a,4294967296,1"),
            "push stream module: error applying padding pattern to a,4294967296,1"
        );
    }

    #[test]
    fn a_broken_expression_is_refused_by_name() {
        let error = Padding::parse("a,1,2:(b,3,4").expect_err("a group is open");
        let PaddingError::BrokenExpression { expression, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!(expression, "(b");
    }

    #[test]
    fn the_greatest_size_is_taken_over_headers_and_messages() {
        assert_eq!(Padding::parse("a,0,508:b,1024,7").unwrap().size_max(), 1024);
        assert_eq!(Padding::parse("a,0,4097:b,1024,7").unwrap().size_max(), 4097);
    }

    #[test]
    fn padding_has_the_sizes_of_the_table_in_the_spec() {
        assert_eq!(size(10, 508, 508), 500);
        assert_eq!(size(10, 1024, 4097), 1100);
        assert_eq!(size(10, 4097, 4097), 4097);
        assert_eq!(size(10, 350, 1024), 400);
        assert_eq!(size(1, 545, 545), 545);
        assert_eq!(size(105, 545, 545), 500);
        assert_eq!(size(550, 545, 545), 0);
    }

    #[test]
    fn nothing_is_owed_at_the_wanted_size_and_a_step_just_below_it() {
        assert_eq!(size(545, 545, 545), 0);
        assert_eq!(size(544, 545, 545), 100);
        assert_eq!(size(0, 0, 0), 0);
        assert_eq!(size(0, 1, 1), 1);
    }

    #[test]
    fn streams_are_padded_with_line_ends() {
        let written = |size| {
            let mut out = b"x".to_vec();
            write_line_ends(size, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!([0, 1, 4, 5].map(written), ["x", "x\n", "x\r\n\r\n", "x\n\r\n\r\n"]);
    }

    #[test]
    fn event_streams_are_padded_with_colons_and_a_line_end() {
        let written = |size| {
            let mut out = b"x".to_vec();
            write_comment(size, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!([0, 1, 4, 5].map(written), ["x", "x\n", "x:::\n", "x::::\n"]);
    }
}
