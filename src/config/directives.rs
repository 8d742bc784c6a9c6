//! How the rows of [`LEVEL_DIRECTIVES`] are used: values are read into a level, levels inherit from
//! each other, and a level is made into a location or an `if` block.

use super::document::Value;
use super::http_directives::PushStream;
use super::kinds::{Argument, HeaderTemplate, toml_key};
use super::location::{Condition, LEVEL_DIRECTIVES, Level, LevelDirective, Location, Role};
use super::location_path::PathMatch;
use super::sources::Files;
use super::variables::VariableString;
use std::path::Path;

impl LevelDirective {
    /// The key in the TOML file.
    pub fn key(&self) -> &'static str {
        toml_key(self.name)
    }

    /// Reads a value into a level, replacing an earlier one. The two header template directives
    /// exclude each other.
    ///
    /// # Errors
    /// The error text of nginx or the module.
    pub fn set(&self, level: &mut Level, value: &Value, files: &dyn Files) -> Result<(), String> {
        match &level.header_template {
            Some(HeaderTemplate::File(_)) if self.name == "push_stream_header_template" => {
                return Err(format!("\"{}\" directive is duplicate", self.name));
            }
            Some(HeaderTemplate::Text(_)) if self.name == "push_stream_header_template_file" => {
                return Err(format!(
                    "\"{}\" directive is duplicate or template set by \
                     'push_stream_header_template'",
                    self.name
                ));
            }
            Some(_) | None => {}
        }
        if self.argument == Argument::File {
            let content = Value::Text(read_file(value.text()?, files)?);
            (self.read)(level, self.name, &content)
        } else {
            (self.read)(level, self.name, value)
        }
    }
}

fn read_file(path: &str, files: &dyn Files) -> Result<Vec<u8>, String> {
    files.read(Path::new(path)).map_err(|_| {
        format!("push stream module: unable to open file \"{path}\" for header template")
    })
}

impl Level {
    /// Adds the settings in effect on the level around it that are not given here. Call it once per
    /// level below `http`, from the outside in, because nginx applies the default of
    /// `longpolling_connection_ttl` on each (push-stream spec, section 2.5).
    pub fn inherit(mut self, outer: &Level) -> Level {
        for directive in LEVEL_DIRECTIVES {
            (directive.inherit)(&mut self, outer);
        }
        if self.types.is_none() {
            self.types.clone_from(&outer.types);
        }
        self.longpolling_connection_ttl =
            self.longpolling_connection_ttl.or(self.subscriber_connection_ttl);
        self
    }

    /// Builds a location from these settings, inherited ones included, and defaults for all others.
    /// None without a channels path, see [`super::checks::CHANNELS_PATH_MISSING`].
    pub fn location(
        self,
        path: PathMatch,
        role: Role,
        push_stream: &PushStream,
    ) -> Option<Location> {
        let mut location = Location::new(path, role, self.channels_path.clone()?);
        for directive in LEVEL_DIRECTIVES {
            (directive.apply)(&self, &mut location);
        }
        if let Some(types) = self.types {
            location.types = types;
        }
        let wildcards_max = &mut location.subscriber.wildcard_channel_max_qtd;
        *wildcards_max = wildcards_max.or(push_stream.max_number_of_wildcard_channels);
        Some(location)
    }

    /// Builds an `if` block from these settings. Those not allowed in an `if` are ignored.
    pub fn condition(
        self,
        subject: VariableString,
        equals: Option<String>,
        is_negated: bool,
    ) -> Condition {
        let mut settings = Level::default();
        for directive in LEVEL_DIRECTIVES.iter().filter(|directive| directive.is_allowed_in_if) {
            (directive.inherit)(&mut settings, &self);
        }
        Condition { subject, equals, is_negated, settings }
    }

    /// The names of the settings that are set.
    #[cfg(test)]
    pub(super) fn given(&self) -> Vec<&'static str> {
        let directives = LEVEL_DIRECTIVES.iter();
        let given = directives.filter(|directive| (directive.given)(self).is_some());
        let types = self.types.as_ref().map(|_| "types");
        given.map(LevelDirective::key).chain(types).collect()
    }
}
