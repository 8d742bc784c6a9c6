//! Requests to statistics locations, and how these choose a layout (section 7.1 and 7.2).

use super::locations::*;
use crate::fixtures::{after, ask, get};
use crate::support::Daemon;

/// Requests JSON from a statistics location.
fn statistics_of(daemon: &Daemon, id: &str) -> String {
    ask(daemon, get(&format!("/channels-stats?id={id}"), ""))
}

fn unknown() -> String {
    answer("404 Not Found", &identity(), "")
}

fn json(body: &str) -> String {
    statistics("application/json", body)
}

#[test]
fn an_unknown_channel_is_404_without_a_body() {
    assert_eq!(statistics_of(&daemon(""), "a"), unknown());
}

#[test]
fn one_channel_has_the_single_form() {
    let daemon = daemon("");
    publish(&daemon, "a", "x");
    assert_eq!(statistics_of(&daemon, "a"), json(&row("a", 1, 1, 0)));
}

#[test]
fn a_channel_with_a_subscriber_counts_it() {
    let daemon = daemon("");
    let client = stream(&daemon, "/sub/a");
    assert_eq!(statistics_of(&daemon, "a"), json(&row("a", 0, 0, 1)));
    assert_eq!(statistics_of(&daemon, "ALL"), json(&group(1, 0, &[row("a", 0, 0, 1)])));
    assert_eq!(statistics_of(&daemon, "a*"), json(&group(1, 0, &[row("a", 0, 0, 1)])));
    let expected = Summary { channels: 1, subscribers: 1, ..Summary::default() };
    assert_eq!(summary(&daemon), expected);
    client.abort();
    assert_eq!(statistics_of(&daemon, "a"), json(&row("a", 0, 0, 0)));
}

#[test]
fn all_lists_every_channel_in_the_order_of_making() {
    let daemon = daemon("wildcard_channel_prefix = 'broad_'");
    assert_eq!(statistics_of(&daemon, "ALL"), json(&group(0, 0, &[])));
    let ids = ["z", "broad_1", "a", "m"];
    for id in ids {
        publish(&daemon, id, "x");
    }
    let rows = ids.map(|id| row(id, 1, 1, 0));
    assert_eq!(statistics_of(&daemon, "ALL"), json(&group(3, 1, &rows)));
    assert_eq!(statistics_of(&daemon, "*"), json(&group(3, 1, &rows)));
}

#[test]
fn a_prefix_lists_the_channels_that_begin_with_it_and_the_servers_totals() {
    let daemon = daemon("wildcard_channel_prefix = 'broad_'");
    for id in ["pre_1", "other", "pre_", "xpre_", "broad_1"] {
        publish(&daemon, id, "x");
    }
    let rows = [row("pre_1", 1, 1, 0), row("pre_", 1, 1, 0)];
    assert_eq!(statistics_of(&daemon, "pre_*"), json(&group(4, 1, &rows)));
    let rows = [row("broad_1", 1, 1, 0)];
    assert_eq!(statistics_of(&daemon, "broad*"), json(&group(4, 1, &rows)));
    assert_eq!(statistics_of(&daemon, "none*"), json(&group(4, 1, &[])));
}

#[test]
fn what_follows_a_star_or_all_is_ignored() {
    let daemon = daemon("");
    for id in ["a1", "a2", "b"] {
        publish(&daemon, id, "x");
    }
    let rows = [row("a1", 1, 1, 0), row("a2", 1, 1, 0)];
    assert_eq!(statistics_of(&daemon, "b/a*2*/ALL"), json(&group(3, 0, &rows)));
    let rows = ["a1", "a2", "b"].map(|id| row(id, 1, 1, 0));
    assert_eq!(statistics_of(&daemon, "b/ALL/a*"), json(&group(3, 0, &rows)));
}

#[test]
fn names_are_listed_in_the_order_asked_without_those_that_do_not_exist() {
    let daemon = daemon("");
    for id in ["ch1", "ch2", "ch3"] {
        publish(&daemon, id, "x");
    }
    let rows = [row("ch3", 1, 1, 0), row("ch1", 1, 1, 0)];
    assert_eq!(statistics_of(&daemon, "ch3/ch1"), json(&group(3, 0, &rows)));
    let rows = [row("ch3", 1, 1, 0), row("ch2", 1, 1, 0)];
    assert_eq!(statistics_of(&daemon, "ch3/ch4/ch2"), json(&group(3, 0, &rows)));
    assert_eq!(statistics_of(&daemon, "ch4/ch2"), json(&row("ch2", 1, 1, 0)));
    assert_eq!(statistics_of(&daemon, "ch4/ch5"), unknown());
}

#[test]
fn an_id_that_is_too_long_is_refused_unless_the_answer_is_found_before_it() {
    let daemon = daemon("max_channel_id_length = 3");
    publish(&daemon, "a", "x");
    let fields = format!("X-Nginx-PushStream-Explain: Channel id is too large.\r\n{}", identity());
    assert_eq!(statistics_of(&daemon, "a/toolong"), answer("400 Bad Request", &fields, ""));
    assert_eq!(statistics_of(&daemon, "long*"), answer("400 Bad Request", &fields, ""));
    let rows = [row("a", 1, 1, 0)];
    assert_eq!(statistics_of(&daemon, "ALL/toolong"), json(&group(1, 0, &rows)));
}

#[test]
fn the_summary_counts_normal_and_wildcard_channels_apart() {
    let daemon = daemon("wildcard_channel_prefix = 'broad_'");
    assert_eq!(summary(&daemon), Summary::default());
    publish(&daemon, "broad_a", "x");
    let one = Summary { published_messages: 1, stored_messages: 1, ..Summary::default() };
    assert_eq!(summary(&daemon), Summary { wildcard_channels: 1, ..one });
    publish(&daemon, "a", "x");
    let expected = Summary {
        channels: 1,
        wildcard_channels: 1,
        published_messages: 2,
        stored_messages: 2,
        ..Summary::default()
    };
    assert_eq!(summary(&daemon), expected);
}

#[test]
fn the_first_known_name_behind_a_slash_of_accept_decides() {
    let daemon = daemon("");
    publish(&daemon, "a", "x");
    for (accept, content_type) in [
        ("text/plain", "text/plain"),
        ("application/json", "application/json"),
        ("application/yaml", "application/yaml"),
        ("application/xml", "application/xml"),
        ("text/x-json", "text/x-json"),
        ("text/x-yaml", "text/x-yaml"),
        ("text/html,application/xml;q=0.9,*/*", "application/xml"),
        ("text/html, text/plain;q=0.1, application/json", "text/plain"),
        ("*/*", "application/json"),
        ("text/html", "application/json"),
        ("TEXT/PLAIN", "application/json"),
        ("plain", "application/json"),
        ("x/plainer", "text/plain"),
        ("image/xmlish", "application/xml"),
        ("", "application/json"),
    ] {
        let fields = format!("Accept: {accept}\r\n");
        let given = ask(&daemon, get("/channels-stats?id=a", &fields));
        let begin = format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n");
        assert!(given.starts_with(&begin), "{accept}: {given}");
    }
    assert_eq!(statistics_of(&daemon, "a"), json(&row("a", 1, 1, 0)));
}

#[test]
fn uptime_and_time_go_with_the_clock() {
    let daemon = daemon("");
    publish(&daemon, "a", "x");
    daemon.advance(2_000);
    let body = group(1, 0, &[row("a", 1, 1, 0)])
        .replace("15:40:00", "15:40:02")
        .replace("\"uptime\": 0", "\"uptime\": 2");
    assert_eq!(statistics_of(&daemon, "ALL"), after(2, &json(&body)));
    let summary = "{\"hostname\": \"test-host\", \"time\": \"2026-04-14T15:40:02\", \
                   \"channels\": 1, \"wildcard_channels\": 0, \"published_messages\": 1, \
                   \"stored_messages\": 1, \"messages_in_trash\": 0, \"channels_in_delete\": 0, \
                   \"channels_in_trash\": 0, \"subscribers\": 0, \"uptime\": 2, \
                   \"by_worker\": [\r\n\
                   {\"pid\": \"4711\", \"subscribers\": 0, \"uptime\": 2}\r\n]}\r\n";
    assert_eq!(ask(&daemon, get("/channels-stats", "")), after(2, &json(summary)));
}

#[test]
fn twenty_thousand_channels_are_listed() {
    let daemon = daemon("");
    let publishers: Vec<_> = (0..20).map(|_| daemon.connect()).collect();
    for number in 0..20_000 {
        let request = send("POST", &format!("/pub?id=c{number}"), "", "x");
        publishers[number % 20].send(request);
    }
    let listed = names(&daemon);
    let expected: Vec<String> = (0..20_000).map(|number| format!("c{number}")).collect();
    assert!(listed == expected, "{} channels are listed", listed.len());
    // c1, c10…c19, c100…c199, c1000…c1999 and c10000…c19999.
    let some = statistics_of(&daemon, "c1*");
    assert_eq!(some.matches("{\"channel\": ").count(), 11_111);
}

#[test]
fn statistics_are_not_to_be_kept_by_caches_also_when_there_are_none() {
    let daemon = daemon("");
    for target in ["/channels-stats", "/channels-stats?id=ALL", "/channels-stats?id=none"] {
        let given = ask(&daemon, get(target, ""));
        assert!(given.contains(&format!("\r\n{NO_CACHE}")), "{given}");
    }
}

#[test]
fn a_statistics_location_may_demand_the_publish_secret() {
    let mut config = config_of(
        "[[location]]\npath = '/channels-stats'\nchannels_statistics = true\n\
         channels_path = '$arg_id'\n",
    );
    config.publish_secrets = crate::fixtures::config().publish_secrets;
    config.servers[0].locations[0].requires_secret = true;
    let daemon = Daemon::new(config);
    let given = statistics_of(&daemon, "a");
    let expected = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"rpushd\"\r\n";
    assert!(given.starts_with(expected), "{given}");
    let with_secret = get("/channels-stats?id=a", crate::fixtures::BEARER);
    assert_eq!(ask(&daemon, with_secret), unknown());
}
