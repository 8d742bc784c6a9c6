//! Tests of the table `[tokens]` as part of a configuration.

use super::super::{Config, NamedKey, Overrides, Secret};
use super::{FakeFiles, SECRETS, load_with_secrets, variables};
use crate::time::Millis;

const KEYS: &[u8] = br#"{"keys":[{"kty":"oct","kid":"2026-12","k":"MDEyMzQ1Njc4OWFiY2RlZi1uZXc"},
    {"kty":"oct","kid":"2026-11","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZi1vbGQ"}]}"#;

fn load_with_keys(text: &str, pairs: &[(&str, &str)]) -> Result<Config, String> {
    let half = KEYS[..KEYS.len() - 20].to_vec();
    let algorithm = br#"{"keys":[{"kid":"x","k":"MDEyMzQ1Njc4OWFiY2RlZg","alg":"RS256"}]}"#;
    let publish = br#"{"keys":[{"kid":"x","k":"MDEyMzQ1Njc4OWFiY2RlZi1wdWJsaXNo"}]}"#;
    let files = FakeFiles(vec![
        ("/keys.json", KEYS.to_vec(), false),
        ("/open.json", KEYS.to_vec(), true),
        ("/half.json", half, false),
        ("/algorithm.json", algorithm.to_vec(), false),
        ("/publish.json", publish.to_vec(), false),
    ]);
    Config::from_sources(Some(("x.toml", text)), &variables(pairs), &files, &Overrides::default())
        .map_err(|error| error.to_string())
}

#[test]
fn keys_come_from_the_file_of_the_table_or_of_the_variable() {
    let key =
        |id: &str, text: &str| NamedKey { id: id.to_owned(), secret: Secret::new(text).unwrap() };
    let keys = [key("2026-12", "0123456789abcdef-new"), key("2026-11", "0123456789abcdef-old")];
    let config = load_with_keys("[tokens]\nkeys_file = '/keys.json'", &SECRETS).unwrap();
    assert_eq!(config.tokens.keys, keys);
    assert_eq!(config.warnings, Vec::<String>::new());
    let pairs = [&SECRETS[..], &[("RPUSHD_TOKENS_KEYS_FILE", "/keys.json")]].concat();
    let config = load_with_keys("tokens.keys_file = '/none'", &pairs).unwrap();
    assert_eq!(config.tokens.keys, keys);
    assert_eq!(load_with_keys("[tokens]", &SECRETS).unwrap().tokens.keys, []);
}

#[test]
fn a_bad_file_of_keys_is_refused_with_the_place_that_names_it() {
    for (file, reason) in [
        ("/none", "cannot read \"/none\": entity not found"),
        ("", "must not be empty"),
        ("/half.json", "\"/half.json\": not JSON at line 2, column 63, or not completely written"),
        (
            "/algorithm.json",
            "\"/algorithm.json\": key 1 (\"x\"): \"alg\" must be \"HS256\": no other algorithm is \
             implemented",
        ),
    ] {
        let text = format!("[tokens]\nkeys_file = '{file}'");
        let refusal = load_with_keys(&text, &SECRETS).unwrap_err();
        assert_eq!(refusal, format!("x.toml:2: tokens.keys_file: {reason}"));
        let pairs = [&SECRETS[..], &[("RPUSHD_TOKENS_KEYS_FILE", file)]].concat();
        let refusal = load_with_keys("", &pairs).unwrap_err();
        assert_eq!(refusal, format!("RPUSHD_TOKENS_KEYS_FILE: {reason}"));
    }
    assert_eq!(
        load_with_keys("[tokens]\nkey_file = '/keys.json'", &SECRETS).unwrap_err(),
        "x.toml:2: tokens.key_file: unknown key, did you mean \"keys_file\"?"
    );
}

#[test]
fn open_shared_and_useless_keys_are_warned_about() {
    let location =
        "[[location]]\npath = '/sub'\nsubscriber = 'polling'\nchannels_path = '$arg_id'\n";
    for (file, secrets, warning) in [
        (
            "/open.json",
            &SECRETS[..],
            "/open.json has a secret, and every user of this machine may read it: \"chmod o-r\" it",
        ),
        (
            "/publish.json",
            &SECRETS,
            "tokens.keys_file: the key \"x\" and RPUSHD_PUBLISH_SECRET are equal: every program \
             that signs subscribe tokens can also publish and read statistics",
        ),
        (
            "/keys.json",
            &[],
            "tokens.keys_file has no effect: without secrets, the rpushd API is off",
        ),
    ] {
        let text = format!("tokens.keys_file = '{file}'\n{location}");
        assert_eq!(load_with_keys(&text, secrets).unwrap().warnings, [warning], "{file}");
    }
}

#[test]
fn keys_show_neither_in_debug_nor_in_the_effective_configuration_which_reads_back() {
    let config = load_with_keys("tokens.keys_file = '/keys.json'", &SECRETS).unwrap();
    let written = config.to_toml();
    let shown = format!("{config:?}{written}");
    for text in ["0123456789abcdef", "MDEyMzQ1Njc4OWFiY2RlZi"] {
        assert!(!shown.contains(text), "{text}");
    }
    let table = "\n[tokens]\nkeys_file = \"/keys.json\"\n# \"2026-12\" = \"***\"\n\
                 # \"2026-11\" = \"***\"\n";
    assert!(written.contains(table), "{written}");
    assert_eq!(load_with_keys(&written, &SECRETS), Ok(config));
}

#[test]
fn a_cookie_is_read_only_if_it_has_a_name_and_expiring_is_sent_a_minute_before() {
    let tokens = load_with_secrets("").tokens;
    assert_eq!((tokens.cookie, tokens.expiring_before), (None, Millis::from_seconds(60)));
    let text = "[tokens]\ncookie = '__Host-push'\nexpiring_before = '5m'";
    let config = load_with_secrets(text);
    assert_eq!(config.tokens.cookie.as_deref(), Some("__Host-push"));
    assert_eq!(config.tokens.expiring_before, Millis::from_seconds(300));
    assert_eq!(load_with_secrets(&config.to_toml()), config);
    let variables = [("RPUSHD_TOKENS_COOKIE", "push"), ("RPUSHD_TOKENS_EXPIRING_BEFORE", "0")];
    let tokens = load_with_keys(text, &[&SECRETS[..], &variables].concat()).unwrap().tokens;
    assert_eq!((tokens.cookie.as_deref(), tokens.expiring_before), (Some("push"), Millis(0)));
}

#[test]
fn a_name_that_no_cookie_can_have_is_refused() {
    for name in ["", " ", "a b", "a=b", "a;b", "\"a\"", "a,b", "a/b", "ä"] {
        let refusal = load_with_keys(&format!("tokens.cookie = '{name}'"), &SECRETS).unwrap_err();
        let reason = "is not the name of a cookie; write letters, digits, - and _";
        assert_eq!(refusal, format!("x.toml:1: tokens.cookie: \"{name}\" {reason}"));
    }
    assert_eq!(
        load_with_keys("tokens.expiring_before = 'soon'", &SECRETS).unwrap_err(),
        "x.toml:1: tokens.expiring_before: \"soon\" is not a time; write 30s, 500ms, 1h30m or a \
         number of seconds"
    );
}
