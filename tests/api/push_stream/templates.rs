//! Message templates end to end (section 17); their details are tested beside
//! `transports::template`.

use super::receiving::*;
use crate::support::Client;

const EVERYTHING: &str =
    "message_template = \"~id~|~channel~|~text~|~size~|~tag~|~time~|~event-id~|~event-type~\"";

/// A daemon and a client that has read the head of its stream of `a`.
fn reader_of(directives: &str) -> (crate::support::Daemon, Client) {
    let daemon = daemon("streaming", directives);
    let reader = subscriber(&daemon, "a");
    reader.read();
    (daemon, reader)
}

#[test]
fn every_placeholder_gives_its_value() {
    let (daemon, reader) = reader_of(EVERYTHING);
    publish(&daemon, "other", "x");
    publish_event(&daemon, "a", "hello", "Event-Id: e1\r\nevent-type: news\r\n");
    assert_eq!(reader.text(), chunk(&format!("1|a|hello|5|2|{}|e1|news", date(0))));
}

#[test]
fn ping_and_deletion_have_their_own_values() {
    let directives = format!("{EVERYTHING}\nping_message_interval = \"1s\"");
    let daemon =
        daemon_with("ping_message_text = \"pong?\"", &location("/sub", "streaming", &directives));
    let reader = subscriber(&daemon, "a");
    reader.read();
    daemon.advance(1_000 + TICK);
    assert_eq!(reader.text(), chunk(&format!("-1||pong?|5|0|{EPOCH}||")));
    delete(&daemon, "a", "bye");
    assert_eq!(reader.text(), chunk(&format!("-2|a|bye|3|0|{EPOCH}||")) + LAST_CHUNK);
}

#[test]
fn the_configured_deletion_text_is_used_where_the_request_brings_none() {
    let daemon = daemon_with(
        "channel_deleted_message_text = \"is gone\"",
        &location("/sub", "streaming", "message_template = \"~channel~ ~text~ ~size~\""),
    );
    let reader = subscriber(&daemon, "a");
    reader.read();
    delete(&daemon, "a", "");
    assert_eq!(reader.text(), chunk("a is gone 7") + LAST_CHUNK);
}

#[test]
fn placeholders_repeat_in_any_letter_case() {
    let (daemon, reader) = reader_of("message_template = \"~ID~~id~ ~Text~~tEXT~ ~unknown~\"");
    publish(&daemon, "a", "x");
    assert_eq!(reader.text(), chunk("11 xx ~unknown~"));
}

#[test]
fn inserted_values_are_not_searched() {
    let daemon = daemon("streaming", "message_template = \"~channel~:~text~\"");
    let reader = subscriber(&daemon, "ch~text~~id~");
    reader.read();
    publish(&daemon, "ch~text~~id~", "~channel~~text~~id~~tag~");
    assert_eq!(reader.text(), chunk("ch~text~~id~:~channel~~text~~id~~tag~"));
}

#[test]
fn a_text_full_of_placeholders_comes_through_unchanged() {
    let (daemon, reader) = reader_of(EVERYTHING);
    let names = ["id", "channel", "text", "size", "tag", "time", "event-id", "event-type"];
    let message: String = names.map(|name| format!("~{name}~").repeat(20_000)).concat();
    publish(&daemon, "a", &message);
    let size = message.len();
    assert!(reader.text() == chunk(&format!("1|a|{message}|{size}|1|{}||", date(0))));
}

#[test]
fn without_a_template_the_text_goes_alone() {
    let (daemon, reader) = reader_of("");
    publish(&daemon, "a", "just this");
    assert_eq!(reader.text(), chunk("just this"));
}

#[test]
fn each_location_has_its_own_template_for_old_and_new_messages() {
    let locations = location("/one", "streaming", "message_template = \"1 ~text~\"")
        + &location("/two", "streaming", "message_template = \"2 ~text~\"");
    let daemon = daemon_with("", &locations);
    publish(&daemon, "a", "old");
    let readers = ["/one/a.b1", "/two/a.b1"].map(|target| {
        let reader = daemon.connect();
        reader.send(get(target, ""));
        reader
    });
    publish(&daemon, "a", "new");
    let [one, two] = readers.map(|reader| body(&reader.text()).to_owned());
    assert_eq!(one, chunks(["1 old", "1 new"]));
    assert_eq!(two, chunks(["2 old", "2 new"]));
}
