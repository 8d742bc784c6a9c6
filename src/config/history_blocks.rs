//! Reads `[[history]]` and its variables.

use super::document::{Block, Entry};
use super::error::{ConfigError, Place};
use super::history::{ChannelPattern, HISTORY_BLOCKS_MAX, HistoryBlock};
use super::sources::Environment;
use super::units;
use crate::time::Millis;

/// Reads the blocks of the file in their order, and after them the one of the variables, which is
/// for all channels. Returns a warning for each block that is never used.
pub(super) fn read(
    blocks: Vec<Block>,
    environment: &mut Environment,
) -> Result<(Vec<HistoryBlock>, Vec<String>), ConfigError> {
    let mut placed: Vec<(HistoryBlock, Place)> = Vec::new();
    for block in blocks {
        if placed.len() == HISTORY_BLOCKS_MAX {
            let reason = format!("more than {HISTORY_BLOCKS_MAX} blocks");
            return Err(block.place.error(reason));
        }
        let place = block.place.clone();
        placed.push((read_block(block)?, place));
    }
    if let Some((history, place)) = read_variables(environment)? {
        if placed.len() == HISTORY_BLOCKS_MAX {
            return Err(place.error(format!("the file has {HISTORY_BLOCKS_MAX} blocks already")));
        }
        placed.push((history, place));
    }
    let warnings = unused(&placed);
    Ok((placed.into_iter().map(|(history, _)| history).collect(), warnings))
}

fn read_block(mut block: Block) -> Result<HistoryBlock, ConfigError> {
    let place = block.place.clone();
    let Some(channels) = block.take("channels") else {
        return Err(place.error("channels is missing: a name, or a prefix and \"*\""));
    };
    let channels =
        ChannelPattern::parse(channels.text()?).map_err(|reason| channels.place.error(reason))?;
    let [messages, age, bytes] = ["messages", "age", "bytes"].map(|key| block.take(key));
    let history = limits(channels, messages, age, bytes)?;
    block.finish()?;
    history.ok_or_else(|| place.error("has no limit; give messages, age or bytes"))
}

/// The block of the variables; none without variables.
fn read_variables(
    environment: &mut Environment,
) -> Result<Option<(HistoryBlock, Place)>, ConfigError> {
    let names = ["RPUSHD_HISTORY_MESSAGES", "RPUSHD_HISTORY_AGE", "RPUSHD_HISTORY_BYTES"];
    let [messages, age, bytes] = names.map(|name| environment.variable(name));
    let Some(place) = [&messages, &age, &bytes].into_iter().flatten().next() else {
        return Ok(None);
    };
    let place = place.place.clone();
    let all = ChannelPattern::Prefix(String::new());
    Ok(limits(all, messages, age, bytes)?.map(|history| (history, place)))
}

/// A block with these limits; none if no limit is given.
fn limits(
    channels: ChannelPattern,
    messages: Option<Entry>,
    age: Option<Entry>,
    bytes: Option<Entry>,
) -> Result<Option<HistoryBlock>, ConfigError> {
    if [&messages, &age, &bytes].iter().all(|entry| entry.is_none()) {
        return Ok(None);
    }
    let messages = read_limit(messages, "a number", |text| units::number("", text).ok())?;
    let age = read_limit(age, "a time; write 10m, 30s or a number of seconds", |text| {
        units::parse_milliseconds(text).map(|time| time.0)
    })?;
    let bytes = read_limit(bytes, "a size; write bytes, 64k or 1m", units::parse_bytes)?;
    Ok(Some(HistoryBlock { channels, messages, age: age.map(Millis), bytes }))
}

/// Reads a limit, which is at least 1.
fn read_limit<T: Default + PartialEq>(
    entry: Option<Entry>,
    kind: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, ConfigError> {
    let Some(entry) = entry else { return Ok(None) };
    let text = entry.text()?;
    let value =
        parse(text).ok_or_else(|| entry.place.error(format!("\"{text}\" is not {kind}")))?;
    if value == T::default() {
        return Err(entry.place.error("must not be 0; without a block, nothing is stored"));
    }
    Ok(Some(value))
}

/// A warning for each block whose channels are all of an earlier one.
fn unused(placed: &[(HistoryBlock, Place)]) -> Vec<String> {
    let mut warnings = Vec::new();
    for (index, (history, place)) in placed.iter().enumerate() {
        let earlier =
            placed[..index].iter().find(|(one, _)| one.channels.covers(&history.channels));
        if let Some((earlier, _)) = earlier {
            let reason = format!(
                "this history has no effect: its channels (\"{}\") are all of an earlier block \
                 (\"{}\")",
                history.channels.show(),
                earlier.channels.show()
            );
            warnings.push(place.error(reason).to_string());
        }
    }
    warnings
}
