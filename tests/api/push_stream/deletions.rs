//! Deleting channels at publisher locations (section 6.4).

use super::locations::*;
use crate::fixtures::{after, ask};
use crate::support::DATE;

const SHOWS: &str = "message_template = '~id~ ~channel~ ~text~'";

fn delete(target: &str, body: &str) -> String {
    send("DELETE", target, "", body)
}

fn deleted() -> String {
    refused("200 OK", "Channel deleted.")
}

#[test]
fn delete_of_an_unknown_channel_is_404_without_a_reason() {
    assert_eq!(ask(&daemon(""), delete("/pub?id=a", "")), answer("404 Not Found", "", ""));
}

#[test]
fn delete_needs_an_id_that_may_be_one() {
    let daemon = daemon("max_channel_id_length = 4");
    let no_channel = refused("400 Bad Request", "No channel id provided.");
    assert_eq!(ask(&daemon, delete("/pub", "")), no_channel);
    let too_large = refused("400 Bad Request", "Channel id is too large.");
    assert_eq!(ask(&daemon, delete("/pub?id=toolong", "")), too_large);
}

#[test]
fn delete_is_for_admins() {
    let daemon = daemon("");
    publish(&daemon, "a", "x");
    let expected = answer("405 Not Allowed", "Allow: GET, POST, PUT\r\n", "");
    assert_eq!(ask(&daemon, delete("/normal?id=a", "")), expected);
    assert_eq!(names(&daemon), ["a"]);
}

#[test]
fn delete_removes_a_channel_without_subscribers() {
    let daemon = daemon("");
    publish(&daemon, "a", "x");
    assert_eq!(ask(&daemon, delete("/pub?id=a", "")), deleted());
    let expected = Summary {
        published_messages: 1,
        stored_messages: 1,
        channels_in_delete: 1,
        ..Summary::default()
    };
    assert_eq!(summary(&daemon), expected);
}

#[test]
fn the_subscribers_of_a_deleted_channel_are_told_and_ended() {
    let daemon = daemon(&format!("{SHOWS}\nfooter_template = 'FOOT'"));
    let client = stream(&daemon, "/sub/a");
    assert_eq!(ask(&daemon, delete("/pub?id=a", "")), deleted());
    let expected = chunk("-2 a Channel deleted") + &chunk("FOOT") + LAST_CHUNK;
    assert_eq!(client.text(), expected);
    assert_eq!(summary(&daemon).subscribers, 0);
}

#[test]
fn the_body_of_a_delete_is_the_text_of_its_message() {
    let daemon = daemon("channel_deleted_message_text = 'gone'");
    let [one, other] = ["/sub/a", "/sub/b"].map(|target| stream(&daemon, target));
    ask(&daemon, delete("/pub?id=a", ""));
    assert_eq!(one.text(), chunk("gone") + LAST_CHUNK);
    ask(&daemon, delete("/pub?id=b", "custom text"));
    assert_eq!(other.text(), chunk("custom text") + LAST_CHUNK);
}

#[test]
fn a_subscriber_with_another_channel_goes_on_until_that_is_deleted_too() {
    let daemon = daemon(SHOWS);
    let client = stream(&daemon, "/sub/a/b");
    ask(&daemon, delete("/pub?id=a", ""));
    assert_eq!(client.text(), chunk("-2 a Channel deleted"));
    publish(&daemon, "a", "new");
    publish(&daemon, "b", "x");
    assert_eq!(client.text(), chunk("1 b x"));
    ask(&daemon, delete("/pub?id=b", ""));
    assert_eq!(client.text(), chunk("-2 b Channel deleted") + LAST_CHUNK);
}

#[test]
fn several_channels_are_deleted_at_once_and_unknown_ones_do_not_matter() {
    let daemon = daemon(SHOWS);
    for id in ["a", "b", "c"] {
        publish(&daemon, id, "x");
    }
    let client = stream(&daemon, "/sub/a/b");
    assert_eq!(ask(&daemon, delete("/pub?id=a/none/b", "")), deleted());
    let messages = chunk("-2 a Channel deleted") + &chunk("-2 b Channel deleted") + LAST_CHUNK;
    assert_eq!(client.text(), messages);
    assert_eq!(names(&daemon), ["c"]);
}

#[test]
fn a_deleted_id_is_free_at_once_and_counts_anew() {
    let daemon = daemon("");
    publish(&daemon, "a", "x");
    publish(&daemon, "a", "x");
    ask(&daemon, delete("/pub?id=a", ""));
    assert_eq!(post(&daemon, "/pub?id=a", "y"), told(&row("a", 1, 1, 0)));
    assert_eq!(summary(&daemon).channels_in_delete, 1);
}

#[test]
fn a_long_poll_on_twenty_channels_ends_when_one_is_deleted() {
    let daemon = daemon("");
    let all: Vec<String> = (1..=20).map(|number| format!("c{number}")).collect();
    let client = listen(&daemon, &format!("/lp/{}", all.join("/")));
    daemon.advance(2_000);
    ask(&daemon, delete("/pub?id=c7", ""));
    let now = after(2, DATE);
    let expected = polled(DATE, 0, &["Channel deleted"]);
    assert_eq!(client.text(), expected.replace(DATE, &now));
    assert_eq!((names(&daemon).len(), summary(&daemon).subscribers), (19, 0));
}

#[test]
fn each_location_ends_with_its_own_footer() {
    let daemon = daemon_of(
        "[[location]]\npath = '/pub'\npublisher = 'admin'\nchannels_path = '$arg_id'\n\
         [[location]]\npath = '~ /sub/(.*)'\nsubscriber = true\nchannels_path = '$1'\n\
         header_template = 'h1'\nfooter_template = 'f1'\nmessage_template = '{~text~}'\n\
         [[location]]\npath = '~ /sub2/(.*)'\nsubscriber = true\nchannels_path = '$1'\n\
         header_template = 'h2'\nfooter_template = 'f2'\n",
    );
    let [one, other] = ["/sub/a", "/sub2/a"].map(|target| listen(&daemon, target));
    ask(&daemon, delete("/pub?id=a", ""));
    let expected = chunk("h1") + &chunk("{Channel deleted}") + &chunk("f1") + LAST_CHUNK;
    assert_eq!(one.text(), format!("{STREAM}{expected}"));
    let expected = chunk("h2") + &chunk("Channel deleted") + &chunk("f2") + LAST_CHUNK;
    assert_eq!(other.text(), format!("{STREAM}{expected}"));
}
