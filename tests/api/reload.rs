//! A new configuration closes no stream.

use super::fixtures::*;
use crate::support::Daemon;
use rpushd::config::{Config, NamedKey, Secret, Tokens};

const NEW: &str = "the new subscribe secret";

fn secrets(texts: &[&str]) -> Vec<Secret> {
    texts.iter().filter_map(|text| Secret::new(text)).collect()
}

fn ask_with_token_of(daemon: &Daemon, secret: &str) -> String {
    let claims = r#"{"aud":"rpushd","scope":"subscribe","channel":"a","exp":1776190000}"#;
    ask(daemon, subscribe_with("a", &signed_with(secret, r#"{"alg":"HS256"}"#, claims)))
}

#[test]
fn subscribe_secrets_are_rotated_under_open_streams() {
    let daemon = daemon();
    let readers: Vec<_> = (0..100).map(|_| subscriber(&daemon, "a")).collect();
    let refused = denied("bad signature");
    assert_eq!(ask_with_token_of(&daemon, NEW), refused);

    let both = secrets(&[NEW, SUBSCRIBE_SECRET]);
    daemon.reconfigure(Config { subscribe_secrets: both, ..config() });
    assert_eq!(ask_with_token_of(&daemon, NEW), STREAM);
    assert_eq!(ask_with_token_of(&daemon, SUBSCRIBE_SECRET), STREAM);

    daemon.reconfigure(Config { subscribe_secrets: secrets(&[NEW]), ..config() });
    assert_eq!(ask_with_token_of(&daemon, NEW), STREAM);
    assert_eq!(ask_with_token_of(&daemon, SUBSCRIBE_SECRET), refused);

    ask(&daemon, publish("a", "1"));
    for reader in readers {
        assert_eq!(reader.read(), frame("1"));
    }
}

#[test]
fn keys_of_tokens_overlap_and_change_under_open_streams() {
    let with = |ids: &[&str]| {
        let named = |id: &&str| {
            let secret = Secret::new(&format!("the key of {id}")).expect("it is not blank");
            NamedKey { id: (*id).to_owned(), secret }
        };
        let tokens = Tokens { keys: ids.iter().map(named).collect(), ..Tokens::default() };
        Config { tokens, ..config() }
    };
    let ask_with_key = |daemon: &Daemon, id: &str| {
        let head = format!(r#"{{"alg":"HS256","kid":"{id}"}}"#);
        let claims = r#"{"aud":"rpushd","scope":"subscribe","channels":["a"],"exp":1776190000}"#;
        let token = signed_with(&format!("the key of {id}"), &head, claims);
        ask(daemon, subscribe_with("a", &token))
    };
    let refused = denied("bad signature");
    let daemon = Daemon::new(with(&["november"]));
    let readers: Vec<_> = (0..100).map(|_| subscriber(&daemon, "a")).collect();
    for (ids, november, december) in [
        (&["november"][..], STREAM, &*refused),
        (&["december", "november"], STREAM, STREAM),
        (&["december"], &refused, STREAM),
    ] {
        daemon.reconfigure(with(ids));
        assert_eq!(ask_with_key(&daemon, "november"), november, "{ids:?}");
        assert_eq!(ask_with_key(&daemon, "december"), december, "{ids:?}");
        assert_eq!(ask_with_token_of(&daemon, SUBSCRIBE_SECRET), STREAM, "{ids:?}");
    }
    ask(&daemon, publish("a", "1"));
    for reader in readers {
        assert_eq!(reader.read(), frame("1"));
    }
}

#[test]
fn publish_secrets_are_rotated_on_open_connections() {
    let daemon = daemon();
    let publisher = daemon.connect();
    let with = |secret: &str| {
        let bearer = format!("Authorization: Bearer {secret}\r\n");
        post("/api/publish", &bearer, r#"{"channel":"a","message":1}"#)
    };
    let both = [with(NEW), with(PUBLISH_SECRET)].concat();
    let refused = denied("wrong secret");
    assert_eq!(publisher.ask(&both), refused.clone() + ACCEPTED);
    let publish_secrets = secrets(&[NEW, PUBLISH_SECRET]);
    daemon.reconfigure(Config { publish_secrets, ..config() });
    assert_eq!(publisher.ask(&both), ACCEPTED.repeat(2));
    daemon.reconfigure(Config { publish_secrets: secrets(&[NEW]), ..config() });
    assert_eq!(publisher.ask(&both), ACCEPTED.to_owned() + &refused);
}

#[test]
fn new_limits_hold_for_open_connections() {
    let daemon = daemon();
    let publisher = daemon.connect();
    assert_eq!(publisher.ask(publish("a", "1")), ACCEPTED);
    let mut config = config();
    config.limits.body_bytes_max = 10;
    daemon.reconfigure(config);
    let refused = explained("413 Request Entity Too Large", BODY_TOO_LARGE);
    assert_eq!(publisher.ask(publish("a", "1")), refused);
}

#[test]
fn a_body_on_its_way_is_judged_by_the_limit_of_its_head() {
    let daemon = daemon();
    let publisher = daemon.connect();
    let request = publish("a", "1");
    let (most, last) = request.split_at(request.len() - 1);
    publisher.send(most);
    let mut config = config();
    config.limits.body_bytes_max = 10;
    daemon.reconfigure(config);
    assert_eq!(publisher.ask(last), ACCEPTED);
}
