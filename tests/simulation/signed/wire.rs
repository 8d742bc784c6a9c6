//! Takes apart what a client receives.

use super::client::Transport;
use crate::wire::{AnswerReader, Event, take_framed};
use serde_json::Value;

/// One thing that a client receives.
#[derive(Clone, Debug)]
pub enum Item {
    Hello {
        connection: String,
        cursor: String,
    },
    Reset {
        channels: Vec<String>,
        reason: String,
        cursor: String,
    },
    Expiring,
    Goodbye(String),
    Heartbeat(String),
    Message {
        id: String,
        channel: String,
        text: String,
    },
    Subscribed {
        channels: Vec<String>,
        cursor: String,
        reference: u64,
    },
    Unsubscribed {
        channels: Vec<String>,
    },
    /// A list of a polling request is complete, and this is its cursor.
    Answered(String),
    /// The server refuses, or answers something without consequences.
    Refused(u16),
    Other,
}

/// Parses what comes on one connection.
pub struct Reader {
    transport: Transport,
    answers: AnswerReader,
    body: Vec<u8>,
    status: u16,
}

impl Reader {
    pub fn new(transport: Transport) -> Reader {
        Reader { transport, answers: AnswerReader::default(), body: Vec::new(), status: 0 }
    }

    /// All items that are complete with these bytes.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Item> {
        self.answers.feed(bytes);
        let mut items = Vec::new();
        while let Some(event) = self.answers.next(false) {
            match event {
                Event::Interim => panic!("no body waits for it"),
                Event::Head(head) => {
                    self.status = head.status;
                    if ![200, 101].contains(&head.status) {
                        items.push(Item::Refused(head.status));
                    }
                }
                Event::Data(data) => {
                    self.body.extend(data);
                    if self.status == 200 {
                        self.take_body(&mut items);
                    }
                }
                Event::Frame(0x81, payload) => items.push(object(&payload)),
                Event::Frame(0x88, _) | Event::Frame(0x89, _) | Event::Frame(0x8a, _) => {}
                Event::Frame(first, _) => panic!("a frame with {first:x}"),
                Event::End => {
                    if self.transport == Transport::Poll && self.status == 200 {
                        answer(&self.body, &mut items);
                    }
                    self.body.clear();
                }
            }
        }
        items
    }

    fn take_body(&mut self, items: &mut Vec<Item>) {
        match self.transport {
            Transport::Events => {
                while let Some(at) = self.body.windows(2).position(|two| two == b"\n\n") {
                    let block: Vec<u8> = self.body.drain(..at + 2).collect();
                    items.push(event(std::str::from_utf8(&block).expect("events are UTF-8")));
                }
            }
            Transport::Framed => {
                while let Some(frame) = take_framed(&mut self.body) {
                    items.push(object(&frame));
                }
            }
            Transport::Poll | Transport::WebSocket => {}
        }
    }
}

/// A server-sent event.
fn event(block: &str) -> Item {
    let (mut id, mut name, mut data) = (None, "message", None);
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("id", value)) => id = Some(value),
            Some(("event", value)) => name = value,
            Some(("data", value)) => data = Some(value),
            Some(("retry", _)) | None => {}
            Some(other) => panic!("{other:?}"),
        }
    }
    let Some(data) = data else {
        return Item::Heartbeat(id.expect("a lone id").to_owned());
    };
    let value = json(data.as_bytes());
    let item = match name.strip_prefix("rpushd.") {
        Some(control) => control_item(control, &value),
        None => message(&value),
    };
    if let Item::Hello { cursor, .. }
    | Item::Reset { cursor, .. }
    | Item::Message { id: cursor, .. } = &item
    {
        assert_eq!(Some(cursor.as_str()), id, "the id of {block}");
    }
    item
}

/// A control object or an envelope.
fn object(bytes: &[u8]) -> Item {
    let value = json(bytes);
    match value.get("control") {
        Some(control) => control_item(&text(control), &value),
        None => message(&value),
    }
}

/// The list that answers a polling request.
fn answer(body: &[u8], items: &mut Vec<Item>) {
    let value = json(body);
    if let Some(reset) = value.get("reset") {
        items.push(control_item("reset", reset));
    }
    items.extend(value["messages"].as_array().expect("a list").iter().map(message));
    items.push(Item::Answered(text(&value["cursor"])));
}

fn message(value: &Value) -> Item {
    let [id, channel, text] = ["id", "channel", "data"].map(|name| text(&value[name]));
    Item::Message { id, channel, text }
}

fn control_item(name: &str, value: &Value) -> Item {
    let cursor = || text(&value["cursor"]);
    let channels = || value["channels"].as_array().expect("a list").iter().map(text).collect();
    match name {
        "hello" => Item::Hello { connection: text(&value["connection"]), cursor: cursor() },
        "reset" => {
            Item::Reset { channels: channels(), reason: text(&value["reason"]), cursor: cursor() }
        }
        "expiring" => Item::Expiring,
        "goodbye" => Item::Goodbye(text(&value["reason"])),
        "heartbeat" => Item::Heartbeat(cursor()),
        "subscribed" => Item::Subscribed {
            channels: channels(),
            cursor: cursor(),
            reference: value["ref"].as_u64().expect("a ref"),
        },
        "unsubscribed" => Item::Unsubscribed { channels: channels() },
        "refreshed" => Item::Other,
        "error" => Item::Refused(0),
        _ => panic!("{name} {value}"),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn json(bytes: &[u8]) -> Value {
    let text = || String::from_utf8_lossy(bytes).into_owned();
    serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{error}: {}", text()))
}
