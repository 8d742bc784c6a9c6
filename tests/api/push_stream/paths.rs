//! Channel paths, through the endpoints (section 4).

use super::locations::*;
use crate::fixtures::{ask, get};
use crate::support::DATE;

/// Publishes four messages to each channel that has a backtrack and polls the path. Checks the
/// messages returned, and the channels that exist afterwards.
fn assert_names(path: &str, channels: &[(&str, usize)]) {
    let daemon = daemon("message_template = '~channel~ ~id~'");
    let mut expected = Vec::new();
    for (id, backtrack) in channels.iter().filter(|(_, backtrack)| *backtrack > 0) {
        for _ in 0..4 {
            publish(&daemon, &format!("{id}.b0"), "x");
        }
        let first = 5 - 4.min(*backtrack);
        expected.extend((first..=4).map(|number| format!("{id} {number}")));
    }
    let answer = ask(&daemon, get(&format!("/ask?id={path}"), ""));
    if expected.is_empty() {
        assert_eq!(answer, nothing("", ""))
    } else {
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        let tag = 4 * channels.iter().filter(|(_, backtrack)| *backtrack > 0).count();
        assert_eq!(answer, polled(DATE, tag as u32, &expected));
    }
    let mut known = names(&daemon);
    known.sort_unstable();
    let mut wanted: Vec<&str> = channels.iter().map(|(id, _)| *id).collect();
    wanted.sort_unstable();
    wanted.dedup();
    assert_eq!(known, wanted);
}

macro_rules! rows {
    ($($name:ident: $path:literal => $channels:expr;)*) => {
        $(#[test]
        fn $name() {
            assert_names($path, &$channels);
        })*
    };
}

rows! {
    one_name_is_one_channel: "a" => [("a", 0)];
    slashes_part_channels: "a/b" => [("a", 0), ("b", 0)];
    a_final_b_with_digits_is_a_backtrack: "a.b3" => [("a", 3)];
    each_channel_has_its_own_backtrack: "a.b3/b/c.b2" => [("a", 3), ("b", 0), ("c", 2)];
    a_b_with_digits_in_the_middle_belongs_to_the_id: "room.b18.beautiful" =>
        [("room.b18.beautiful", 0)];
    only_the_last_b_with_digits_counts: "room.b18.beautiful.b3" => [("room.b18.beautiful", 3)];
    of_two_backtracks_the_first_belongs_to_the_id: "x.b2.b3" => [("x.b2", 3)];
    a_b_without_digits_belongs_to_the_id: "a.b" => [("a.b", 0)];
    two_letters_b_belong_to_the_id: "a.bb2" => [("a.bb2", 0)];
    a_backtrack_of_zero_asks_for_nothing: "a.b0" => [("a", 0)];
    a_backtrack_beyond_all_numbers_asks_for_everything: "a.b999999999999999999999" => [("a", 999)];
    a_backtrack_alone_is_for_the_empty_id: ".b5" => [("", 5)];
    a_trailing_slash_adds_nothing: "a/" => [("a", 0)];
    a_leading_slash_adds_the_empty_id: "/a" => [("", 0), ("a", 0)];
    two_slashes_hold_the_empty_id: "a//b" => [("a", 0), ("", 0), ("b", 0)];
    other_letter_case_is_another_channel: "a/A" => [("a", 0), ("A", 0)];
}

#[test]
fn a_channel_named_twice_is_subscribed_and_received_twice() {
    let daemon = daemon("");
    let client = stream(&daemon, "/sub/a/a");
    assert_eq!(channel(&daemon, "a"), Some(row("a", 0, 0, 2)));
    assert_eq!(summary(&daemon).subscribers, 1);
    publish(&daemon, "a", "x");
    assert_eq!(client.text(), chunk("x") + &chunk("x"));
}

#[test]
fn a_post_of_the_javascript_client_goes_to_the_empty_id_too() {
    let daemon = daemon("");
    let rows = [row("", 1, 1, 0), row("ch1", 1, 1, 0)];
    assert_eq!(post(&daemon, "/pub?id=/ch1", "x"), told(&group(2, 0, &rows)));
}

#[test]
fn publishers_and_statistics_ignore_the_backtrack() {
    let daemon = daemon("");
    assert_eq!(post(&daemon, "/pub?id=a.b3", "x"), told(&row("a", 1, 1, 0)));
    assert_eq!(channel(&daemon, "a.b7"), Some(row("a", 1, 1, 0)));
}

#[test]
fn all_and_ids_with_a_star_are_refused_by_publishers_and_subscribers() {
    let daemon = daemon("");
    let expected = refused("403 Forbidden", "Channel id not authorized for this method.");
    for id in ["ALL", "*", "a*", "*a", "a*b", "b/ALL"] {
        assert_eq!(post(&daemon, &format!("/pub?id={id}"), "x"), expected, "{id}");
        assert_eq!(ask(&daemon, get(&format!("/pub?id={id}"), "")), expected, "{id}");
        assert_eq!(ask(&daemon, send("DELETE", &format!("/pub?id={id}"), "", "")), expected);
        assert_eq!(ask(&daemon, get(&format!("/sub/{id}"), "")), expected, "{id}");
    }
}

#[test]
fn other_spellings_of_all_are_ordinary() {
    let daemon = daemon("");
    for id in ["all", "All", "ALLx", "xALL"] {
        assert_eq!(post(&daemon, &format!("/pub?id={id}"), "x"), told(&row(id, 1, 1, 0)));
    }
}

#[test]
fn a_group_of_the_path_is_decoded_a_second_time() {
    let daemon = daemon("");
    for target in ["/sub/a%2520b", "/sub/c%252Fd", "/sub/e%20f"] {
        stream(&daemon, target);
    }
    assert_eq!(names(&daemon), ["a b", "c", "d", "e f"]);
}

#[test]
fn an_argument_is_decoded_once_and_ends_behind_a_question_mark() {
    let daemon = daemon("");
    post(&daemon, "/pub?id=dd%2Fee%20f+g%3Fh", "x");
    post(&daemon, "/pub?id=a%2520b", "x");
    assert_eq!(names(&daemon), ["dd", "ee f+g?", "a%20b"]);
}

#[test]
fn slashes_of_the_url_are_merged_before_the_path_is_read() {
    let daemon = daemon("");
    stream(&daemon, "/sub//a");
    assert_eq!(names(&daemon), ["a"]);
}

#[test]
fn dot_segments_lead_into_no_location() {
    let daemon = daemon("");
    publish(&daemon, "a", "x");
    for target in [
        "/sub/../pub?id=a",
        "/sub/..//pub?id=a",
        "/./pub?id=a",
        "/pub/.?id=a",
        "/sub/%2e%2e/pub?id=a",
        "/sub/.%2E/pub?id=a",
        "/sub/..%2fpub?id=a",
        "/sub%2F..%2Fpub?id=a",
        "/sub/%2e%2e%2fpub?id=a",
        "/sub/x/../../pub?id=a",
        "/sub/x/../y",
        "http://push.test/sub/../pub?id=a",
    ] {
        for method in ["POST", "PUT", "DELETE", "GET"] {
            let answer = ask(&daemon, send(method, target, "", "text"));
            let expected = "HTTP/1.1 400 Bad Request\r\n";
            assert!(answer.starts_with(expected), "{method} {target}: {answer}");
        }
    }
    assert_eq!(channel(&daemon, "a"), Some(row("a", 1, 1, 0)));
    // There is no location with this path, with or without them.
    assert!(ask(&daemon, get("/sub/../nowhere", "")).starts_with("HTTP/1.1 404 Not Found\r\n"));
    // These are ordinary names.
    for target in ["/sub/..x", "/sub/...", "/sub/..;", "/sub/x.."] {
        stream(&daemon, target);
    }
}

#[test]
fn escapes_that_are_none_are_refused_in_the_url_and_stay_in_an_argument() {
    let daemon = daemon("");
    let answer = ask(&daemon, get("/sub/a%zz", ""));
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    assert_eq!(post(&daemon, "/pub?id=a%zz", "x"), told(&row("a%zz", 1, 1, 0)));
}

#[test]
fn more_channels_than_the_limit_are_refused_and_none_is_made() {
    let daemon = daemon_of(
        "limits.channels_per_request_max = 2\n\
         [[location]]\npath = '/pub'\npublisher = true\nchannels_path = '$arg_id'\n\
         [[location]]\npath = '/channels-stats'\nchannels_statistics = true\n\
         channels_path = '$arg_id'\n",
    );
    let expected = refused("400 Bad Request", "Too many channels in the path.");
    assert_eq!(post(&daemon, "/pub?id=a/b/c", "x"), expected);
    assert_eq!(names(&daemon), Vec::<String>::new());
}

#[test]
fn channels_with_the_prefix_are_counted_apart() {
    let daemon = daemon("wildcard_channel_prefix = 'broad_'");
    for id in ["a", "broad_", "broad_x", "broad", "xbroad_"] {
        publish(&daemon, id, "x");
    }
    let expected = Summary {
        channels: 3,
        wildcard_channels: 2,
        published_messages: 5,
        stored_messages: 5,
        ..Summary::default()
    };
    assert_eq!(summary(&daemon), expected);
}

#[test]
fn wildcard_channels_have_a_maximum_of_their_own() {
    let daemon = daemon(
        "wildcard_channel_prefix = 'w_'\nmax_number_of_channels = 1\n\
         max_number_of_wildcard_channels = 2",
    );
    for id in ["a", "w_1", "w_2"] {
        publish(&daemon, id, "x");
    }
    let expected = refused("403 Forbidden", "Number of channels were exceeded.");
    assert_eq!(post(&daemon, "/pub?id=b", "x"), expected);
    assert_eq!(post(&daemon, "/pub?id=w_3", "x"), expected);
    assert_eq!(names(&daemon), ["a", "w_1", "w_2"]);
}
