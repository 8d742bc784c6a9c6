//! Reads `[push_stream]`, `[[location]]` and `[[server]]` of the TOML file, resolves inheritance
//! and checks the result.

use super::checks::{self, Refusal, SharedMemory};
use super::document::{Block, Entry};
use super::error::{ConfigError, Place};
use super::http_directives::{HTTP_DIRECTIVES, PushStream};
use super::kinds::PREFIX;
use super::location::{Condition, LEVEL_DIRECTIVES, Level, Location, Mode, Role, VirtualServer};
use super::location_path::PathMatch;
use super::sources::{Environment, Files};
use super::units;
use super::variables::VariableString;
use std::collections::{BTreeMap, HashSet};

/// A level with the place of each of its directives.
#[derive(Clone, Default)]
pub(super) struct PlacedLevel {
    level: Level,
    places: BTreeMap<&'static str, Place>,
}

/// Reads `[push_stream]`: settings of the whole daemon, and defaults for all locations.
pub(super) fn read_push_stream(
    mut block: Block,
    environment: &mut Environment,
    files: &dyn Files,
) -> Result<(PushStream, PlacedLevel), ConfigError> {
    let variable = |key: &str| format!("RPUSHD_PUSH_STREAM_{}", key.to_ascii_uppercase());
    let mut settings = PushStream::default();
    let mut outer = PlacedLevel::default();
    for directive in HTTP_DIRECTIVES {
        let key = directive.key();
        if let Some(entry) = environment.find(&mut block, key, &variable(key)) {
            directive.set(&mut settings, &entry.value).map_err(|text| entry.place.error(text))?;
            outer.places.insert(directive.name, entry.place);
        }
    }
    outer.fill(&mut block, files, |block, key| environment.find(block, key, &variable(key)))?;
    block.finish()?;
    Ok((settings, outer))
}

/// Reads and checks locations and servers.
pub(super) struct LocationReader<'r> {
    pub(super) push_stream: &'r PushStream,
    pub(super) http: PlacedLevel,
    pub(super) files: &'r dyn Files,
}

impl LocationReader<'_> {
    /// Reads the locations of a server with these directives of its own.
    pub(super) fn locations(
        &self,
        blocks: Vec<Block>,
        level: PlacedLevel,
    ) -> Result<Vec<Location>, ConfigError> {
        let level = level.inherit(&self.http);
        let mut locations: Vec<Location> = Vec::new();
        let mut claimed: HashSet<(bool, String)> = HashSet::new();
        for block in blocks {
            let place = block.place.clone();
            let location = self.location(block, &level)?;
            let claim = location.path.claim().map(|(is_exact, path)| (is_exact, path.to_owned()));
            if claim.is_some_and(|claim| !claimed.insert(claim)) {
                return Err(place.error(format!("duplicate location \"{}\"", location.path)));
            }
            locations.push(location);
        }
        Ok(locations)
    }

    /// Reads a `[[server]]` except its listeners.
    pub(super) fn server(&self, block: &mut Block) -> Result<VirtualServer, ConfigError> {
        let names = block.take("names").map(|entry| entry.list()).transpose()?.unwrap_or_default();
        let mut level = PlacedLevel::default();
        level.fill(block, self.files, Block::take)?;
        let locations = self.locations(block.take_blocks("location"), level)?;
        Ok(VirtualServer { names, sibling: None, locations })
    }

    fn location(&self, mut block: Block, outer: &PlacedLevel) -> Result<Location, ConfigError> {
        let place = block.place.clone();
        let path = block.take("path").ok_or_else(|| place.error("path is missing"))?;
        let path_match =
            PathMatch::parse(path.text()?).map_err(|reason| path.place.error(reason))?;
        let role = read_role(&mut block)?;
        let mut own = PlacedLevel::default();
        own.fill(&mut block, self.files, Block::take)?;
        let own = own.inherit(outer);
        let refuse = |refusal: Refusal| {
            own.places.get(refusal.directive).unwrap_or(&place).error(refusal.text)
        };
        let mut location = own
            .level
            .clone()
            .location(path_match, role, self.push_stream)
            .ok_or_else(|| place.error(checks::CHANNELS_PATH_MISSING))?;
        checks::push_stream(self.push_stream, SharedMemory::Optional).map_err(refuse)?;
        checks::location(&location, self.push_stream).map_err(refuse)?;
        location.is_internal = read_flag(&mut block, "internal")?;
        location.requires_secret = read_flag(&mut block, "require_secret")?;
        for condition in block.take_blocks("if") {
            location.conditions.push(self.condition(condition)?);
        }
        location.origin = place.line_only().to_string();
        block.finish()?;
        Ok(location)
    }

    fn condition(&self, mut block: Block) -> Result<Condition, ConfigError> {
        let place = block.place.clone();
        let subject = block.take("variable").ok_or_else(|| place.error("variable is missing"))?;
        let subject =
            VariableString::parse(subject.text()?).map_err(|text| subject.place.error(text))?;
        let equals =
            block.take("equals").map(|entry| entry.text().map(str::to_owned)).transpose()?;
        let is_negated = read_flag(&mut block, "negate")?;
        for directive in LEVEL_DIRECTIVES.iter().filter(|directive| !directive.is_allowed_in_if) {
            if let Some(entry) = block.take(directive.key()) {
                let text = format!("\"{}\" directive is not allowed here", directive.name);
                return Err(entry.place.error(text));
            }
        }
        let mut own = PlacedLevel::default();
        own.fill(&mut block, self.files, Block::take)?;
        block.finish()?;
        Ok(own.level.condition(subject, equals, is_negated))
    }
}

impl PlacedLevel {
    /// Reads all directives of a block; `take` looks up a key.
    fn fill(
        &mut self,
        block: &mut Block,
        files: &dyn Files,
        mut take: impl FnMut(&mut Block, &str) -> Option<Entry>,
    ) -> Result<(), ConfigError> {
        for directive in LEVEL_DIRECTIVES {
            if let Some(entry) = take(block, directive.key()) {
                let read = directive.set(&mut self.level, &entry.value, files);
                read.map_err(|text| entry.place.error(text))?;
                self.places.insert(directive.name, entry.place);
            }
        }
        for mut types in block.take_blocks("types") {
            let entries = types.take_all();
            let pairs =
                entries.iter().map(|entry| Ok((entry.name.clone(), entry.text()?.to_owned())));
            self.level.types = Some(pairs.collect::<Result<_, ConfigError>>()?);
            types.finish()?;
        }
        Ok(())
    }

    fn inherit(self, outer: &PlacedLevel) -> PlacedLevel {
        let mut places = outer.places.clone();
        places.extend(self.places);
        PlacedLevel { level: self.level.inherit(&outer.level), places }
    }
}

fn read_flag(block: &mut Block, key: &str) -> Result<bool, ConfigError> {
    let Some(entry) = block.take(key) else {
        return Ok(false);
    };
    units::flag(key, entry.text()?).map_err(|text| entry.place.error(text))
}

/// Reads the role of a location. `true` is the default mode of a role key; `false` is the same as
/// no key.
fn read_role(block: &mut Block) -> Result<Role, ConfigError> {
    let mut roles = Vec::new();
    for key in ["publisher", "subscriber", "channels_statistics"] {
        let Some(entry) = block.take(key) else {
            continue;
        };
        let text = entry.text()?;
        let mode = (text != "on").then_some(text);
        let role = match key {
            _ if text == "off" => continue,
            "publisher" => {
                checks::is_publisher_admin(mode).map(|is_admin| Role::Publisher { is_admin })
            }
            "subscriber" => checks::subscriber_mode(mode.unwrap_or("")).map(Role::Subscriber),
            _ if mode.unwrap_or("").is_empty() => Ok(Role::Statistics),
            _ => Err(format!("\"{PREFIX}{key}\" takes no value; write true")),
        };
        roles.push(role.map_err(|text| entry.place.error(text))?);
    }
    match roles.as_slice() {
        [role] => Ok(*role),
        _ => Err(block
            .place
            .error("a location has one role: publisher, subscriber or channels_statistics")),
    }
}

/// The name of a subscriber mode in its directive.
pub(super) fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Streaming => "streaming",
        Mode::Polling => "polling",
        Mode::LongPolling => "long-polling",
        Mode::EventSource => "eventsource",
        Mode::WebSocket => "websocket",
    }
}
