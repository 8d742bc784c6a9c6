//! The output of the importer: the report for the operator and the commented TOML file.

use super::ledger::{Entry, Fate};
use super::translation::{Placement, Translation};
use std::fmt::Write;

/// Headers of the TOML tables that hold a location.
const LOCATION_TABLES: [&str; 2] = ["[[location]]", "[[server.location]]"];

impl Translation {
    /// Lists the decisions, then every directive by its fate.
    pub fn report(&self, placement: Placement) -> String {
        let kept = match placement {
            Placement::Instead => "Of no effect on push-stream locations",
            Placement::Behind { .. } => "Stays in nginx",
        };
        let mut text = format!("Import of {}\n", self.main.display());
        let decisions: Vec<String> = self
            .decisions
            .iter()
            .map(|decision| format!("{}  {}", decision.origin, decision.text))
            .collect();
        section(&mut text, "Needs a decision", &decisions);
        section(
            &mut text,
            "Not carried over: no longer in effect",
            &self.lines(|fate| matches!(fate, Fate::Dropped(_))),
        );
        section(&mut text, "Carried over", &self.lines(|fate| *fate == Fate::Carried));
        section(&mut text, kept, &self.lines(|fate| *fate == Fate::Kept));
        text
    }

    fn lines(&self, is_wanted: impl Fn(&Fate) -> bool) -> Vec<String> {
        let wanted = self.entries.iter().filter(|entry| is_wanted(&entry.fate));
        wanted.map(Entry::to_string).collect()
    }

    /// The configuration as a commented file: [`crate::config::Config::to_toml`], with the origin
    /// (`FILE:LINE`) of each location.
    pub fn to_toml(&self) -> String {
        let mut locations = self.config.servers.iter().flat_map(|server| &server.locations);
        let mut text = format!("# Made by rpushd import-nginx from {}.\n", self.main.display());
        for line in self.config.to_toml().lines() {
            // A line with this text is always a table header: strings have escaped line ends.
            if LOCATION_TABLES.contains(&line)
                && let Some(location) = locations.next()
            {
                let _ = writeln!(text, "# {}", location.origin);
            }
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}  {}", self.origin, self.text)?;
        match &self.fate {
            Fate::Dropped(reason) => write!(formatter, "\n    {reason}"),
            Fate::Carried | Fate::Kept => Ok(()),
        }
    }
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    let _ = writeln!(text, "\n{title} ({})", lines.len());
    for line in lines {
        let _ = writeln!(text, "  {}", line.replace('\n', "\n  "));
    }
}
