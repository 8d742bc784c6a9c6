//! A TOML file as blocks of settings with line numbers. Readers take the keys they know from a
//! block; a key left over is unknown.

use super::error::{ConfigError, Place};
use super::{suggest, units};
use crate::time::Millis;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use toml::de::{DeTable, DeValue};

/// One value as text. TOML integers and booleans become text in nginx's syntax, such as `15` and
/// `on`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// One text. `{ base64 = "…" }` in a file can give any bytes.
    Text(Vec<u8>),
    /// A list of texts.
    List(Vec<String>),
}

impl Value {
    /// The bytes of a single text.
    ///
    /// # Errors
    /// The value is a list.
    pub fn bytes(&self) -> Result<&[u8], String> {
        match self {
            Value::Text(bytes) => Ok(bytes),
            Value::List(_) => Err("must be one value, not a list".into()),
        }
    }

    /// A single text.
    ///
    /// # Errors
    /// The value is a list or not UTF-8.
    pub fn text(&self) -> Result<&str, String> {
        std::str::from_utf8(self.bytes()?).map_err(|_| "must be UTF-8".into())
    }

    /// A list of texts. A single text is split at commas and whitespace, the syntax for lists in
    /// environment variables.
    ///
    /// # Errors
    /// A text is not UTF-8.
    pub fn list(&self) -> Result<Vec<String>, String> {
        match self {
            Value::List(texts) => Ok(texts.clone()),
            Value::Text(_) => Ok(self
                .text()?
                .split([',', ' ', '\t', '\r', '\n'])
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
                .collect()),
        }
    }
}

/// A value and the place where it was given.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) value: Value,
    pub(super) place: Place,
}

impl Entry {
    pub(super) fn text(&self) -> Result<&str, ConfigError> {
        self.value.text().map_err(|reason| self.place.error(reason))
    }

    pub(super) fn list(&self) -> Result<Vec<String>, ConfigError> {
        self.value.list().map_err(|reason| self.place.error(reason))
    }

    pub(super) fn time(&self) -> Result<Millis, ConfigError> {
        let text = self.text()?;
        units::parse_milliseconds(text).ok_or_else(|| {
            self.place.error(format!(
                "\"{text}\" is not a time; write 30s, 500ms, 1h30m or a number of seconds"
            ))
        })
    }

    pub(super) fn switch(&self) -> Result<bool, ConfigError> {
        match self.text()? {
            "on" | "true" | "1" => Ok(true),
            "off" | "false" | "0" => Ok(false),
            text => Err(self.place.error(format!("\"{text}\" is neither on nor off"))),
        }
    }
}

/// A table: values and inner tables, in the order of the file.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) place: Place,
    entries: Vec<Entry>,
    blocks: Vec<(String, Block)>,
    /// Keys and tables that a reader has looked up, and which are therefore known.
    known: Vec<String>,
}

impl Block {
    /// An empty table, used without a file.
    pub(super) fn empty() -> Block {
        let place = Place::File(String::new());
        Block { place, entries: Vec::new(), blocks: Vec::new(), known: Vec::new() }
    }

    /// Reads a whole file.
    pub(super) fn parse(path: &str, text: &str) -> Result<Block, ConfigError> {
        let reader =
            Reader { path, line_ends: memchr::memchr_iter(b'\n', text.as_bytes()).collect() };
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| reader.line(span.start));
            let place = Place::Line { path: path.to_owned(), line };
            place.error(error.message().replace('\n', ", "))
        })?;
        reader.block(table.get_ref(), Place::File(path.to_owned()), "")
    }

    /// Takes the value of a key, if given, and makes the key known.
    pub(super) fn take(&mut self, name: &str) -> Option<Entry> {
        self.known.push(name.to_owned());
        let at = self.entries.iter().position(|entry| entry.name == name)?;
        Some(self.entries.remove(at))
    }

    /// Whether a key is given and not yet taken.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
    }

    /// Takes all `[[name]]` tables.
    pub(super) fn take_blocks(&mut self, name: &str) -> Vec<Block> {
        self.known.push(name.to_owned());
        let (taken, left) =
            std::mem::take(&mut self.blocks).into_iter().partition(|(key, _)| key == name);
        self.blocks = left;
        taken.into_iter().map(|(_, block): (String, Block)| block).collect()
    }

    /// Takes the only `[name]` table; an empty block if there is none.
    pub(super) fn take_block(&mut self, name: &str) -> Result<Block, ConfigError> {
        let mut blocks = self.take_blocks(name);
        match blocks.get(1) {
            Some(second) => Err(second.place.error(format!("[{name}] must not be repeated"))),
            None => Ok(blocks.pop().unwrap_or_else(Block::empty)),
        }
    }

    /// Takes all remaining values, for tables with arbitrary keys.
    pub(super) fn take_all(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries)
    }

    /// Refuses keys and tables that were not taken.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        let values = self.entries.iter().map(|entry| (&entry.name, &entry.place, "a table"));
        let tables = self.blocks.iter().map(|(name, block)| (name, &block.place, "a value"));
        let Some((name, place, expected)) = values.chain(tables).next() else {
            return Ok(());
        };
        if self.known.contains(name) {
            return Err(place.error(format!("must be {expected}")));
        }
        let hint = suggest::hint(name, self.known.iter().map(String::as_str));
        Err(place.error(format!("unknown key{hint}")))
    }
}

struct Reader<'t> {
    path: &'t str,
    /// Offsets of all line ends, found once because every key needs its line.
    line_ends: Vec<usize>,
}

impl Reader<'_> {
    fn line(&self, at: usize) -> usize {
        self.line_ends.partition_point(|end| *end < at) + 1
    }

    fn place(&self, at: usize, key: String) -> Place {
        Place::Key { path: self.path.to_owned(), line: self.line(at), key }
    }

    /// Reads a table. `prefix` is its dotted name with a dot at its end; blank for the root.
    fn block(&self, table: &DeTable, place: Place, prefix: &str) -> Result<Block, ConfigError> {
        let mut block = Block { place, entries: Vec::new(), blocks: Vec::new(), known: Vec::new() };
        let mut members: Vec<_> = table.iter().collect();
        members.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in members {
            let key = format!("{prefix}{}", name.get_ref());
            let place = self.place(name.span().start, key.clone());
            let inner = format!("{key}.");
            match value.get_ref() {
                DeValue::Table(table) if !is_base64(table) => {
                    let child = self.block(table, place, &inner)?;
                    block.blocks.push((name.get_ref().to_string(), child));
                }
                DeValue::Array(items) if items.iter().any(|item| item.get_ref().is_table()) => {
                    for item in items {
                        let place = self.place(item.span().start, key.clone());
                        let table = item
                            .get_ref()
                            .as_table()
                            .ok_or_else(|| place.error("tables and values are mixed here"))?;
                        let child = self.block(table, place, &inner)?;
                        block.blocks.push((name.get_ref().to_string(), child));
                    }
                }
                value => {
                    let value = read_value(value).map_err(|reason| place.error(reason))?;
                    block.entries.push(Entry { name: name.get_ref().to_string(), value, place });
                }
            }
        }
        Ok(block)
    }
}

/// Whether a table is `{ base64 = "…" }`, which gives bytes that TOML cannot express as text.
fn is_base64(table: &DeTable) -> bool {
    table.len() == 1 && table.iter().all(|(name, _)| name.get_ref() == "base64")
}

fn read_value(value: &DeValue) -> Result<Value, String> {
    match value {
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| read_scalar(item.get_ref()));
            texts.collect::<Result<_, _>>().map(Value::List)
        }
        DeValue::Table(table) => {
            let encoded = table.iter().next().and_then(|(_, value)| value.get_ref().as_str());
            encoded
                .and_then(|text| BASE64_STANDARD.decode(text).ok())
                .map(Value::Text)
                .ok_or_else(|| "not base64".into())
        }
        scalar => Ok(Value::Text(read_scalar(scalar)?.into_bytes())),
    }
}

fn read_scalar(value: &DeValue) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => Ok(number.to_string()),
        DeValue::Boolean(true) => Ok("on".into()),
        DeValue::Boolean(false) => Ok("off".into()),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            Err(format!("must be text, an integer, true or false, not {}", type_name(value)))
        }
    }
}

fn type_name(value: &DeValue) -> &'static str {
    match value {
        DeValue::Float(_) => "a fraction",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Boolean(_) => "a value",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Block::parse("x.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn values_know_their_line_and_dotted_key() {
        let text = "a = 1\n\n[b]\nc = true\n[[d]]\ne = ['x', 2]\n[[d]]\n\n[[d.f]]\ng = 0o17\n";
        let mut root = Block::parse("x.toml", text).unwrap();
        assert_eq!(root.take("a").unwrap().place.to_string(), "x.toml:1: a");
        let entry = root.take_block("b").unwrap().take("c").unwrap();
        assert_eq!(entry.place.to_string(), "x.toml:4: b.c");
        assert_eq!(entry.value, Value::Text(b"on".to_vec()));
        let mut tables = root.take_blocks("d");
        assert_eq!(tables[1].place.to_string(), "x.toml:7: d");
        assert_eq!(tables[0].take("e").unwrap().value, Value::List(vec!["x".into(), "2".into()]));
        let entry = tables[1].take_blocks("f")[0].take("g").unwrap();
        assert_eq!(entry.place.to_string(), "x.toml:10: d.f.g");
        assert_eq!(entry.value, Value::Text(b"0o17".to_vec()));
        root.finish().unwrap();
    }

    #[test]
    fn bytes_that_are_no_text_come_in_base64() {
        let mut root = Block::parse("x.toml", "a = { base64 = \"/wA=\" }").unwrap();
        assert_eq!(root.take("a").unwrap().value, Value::Text(vec![0xff, 0]));
        assert_eq!(refusal("a = { base64 = \"?\" }"), "x.toml:1: a: not base64");
    }

    #[test]
    fn what_is_no_toml_is_refused_with_its_line() {
        assert_eq!(refusal("a = 1\na = 2\n"), "x.toml:2: duplicate key");
        assert_eq!(
            refusal("a = 1\n\nb = 1.5"),
            "x.toml:3: b: must be text, an integer, true or false, not a fraction"
        );
    }
}
