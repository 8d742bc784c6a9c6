//! Reads the table `[presence]`.

use super::document::Block;
use super::error::ConfigError;
use super::history::ChannelPattern;
use super::presence::{Presence, PresenceTarget};
use super::sources::Environment;
use crate::time::Millis;

const LEAVE_DELAY_DEFAULT: Millis = Millis(3_000);

/// Reads the table. `None`: it names no channels, so nothing is announced.
pub(super) fn read(
    mut block: Block,
    environment: &mut Environment,
) -> Result<Option<Presence>, ConfigError> {
    let mut find = |key: &str, variable: &str| environment.find(&mut block, key, variable);
    let channels = find("channels", "RPUSHD_PRESENCE_CHANNELS");
    let to = find("to", "RPUSHD_PRESENCE_TO");
    let leave_delay = find("leave_delay", "RPUSHD_PRESENCE_LEAVE_DELAY");
    block.finish()?;
    let leave_delay = match leave_delay {
        Some(entry) => entry.time()?,
        None => LEAVE_DELAY_DEFAULT,
    };
    match (channels, to) {
        (Some(channels), Some(to)) => {
            let pattern = ChannelPattern::parse(channels.text()?)
                .map_err(|reason| channels.place.error(reason))?;
            let target =
                PresenceTarget::parse(to.text()?).map_err(|reason| to.place.error(reason))?;
            Ok(Some(Presence { channels: pattern, to: target, leave_delay }))
        }
        (Some(channels), None) => Err(channels
            .place
            .error("needs \"to\", the channel that joins and leaves are announced on")),
        (None, Some(to)) => {
            Err(to.place.error("needs \"channels\", a name, or a prefix and \"*\""))
        }
        (None, None) => Ok(None),
    }
}
