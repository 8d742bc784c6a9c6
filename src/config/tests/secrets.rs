//! Tests of secrets: sources, refusals and warnings.

use super::super::{Config, Overrides, Secret};
use super::{FakeFiles, load, variables};

fn secrets(texts: &[&str]) -> Vec<Secret> {
    texts.iter().map(|text| Secret::new(text).unwrap()).collect()
}

fn files() -> FakeFiles {
    FakeFiles(vec![
        ("/creds/secret", b" subscribe-secret-current \n".to_vec(), false),
        ("/creds/publish", b"publish-secret-current\n".to_vec(), false),
        ("/creds/old", b"subscribe-secret-older\n\n  subscribe-secret-oldest  \n".to_vec(), false),
        ("/creds/empty", b" \n".to_vec(), false),
        ("/creds/two", b"one\ntwo\n".to_vec(), false),
        ("/creds/bytes", vec![0xff], false),
        ("/creds/open", b"subscribe-secret-current".to_vec(), true),
        ("x.toml", Vec::new(), true),
    ])
}

fn load_with_files(text: &str, pairs: &[(&str, &str)]) -> Result<Config, String> {
    let file = Some(("x.toml", text));
    Config::from_sources(file, &variables(pairs), &files(), &Overrides::default())
        .map_err(|error| error.to_string())
}

#[test]
fn secrets_come_from_files_and_previous_ones_line_by_line() {
    let config = load_with_files(
        "publish_secret_file = '/creds/publish'\npublish_secret_previous_file = '/creds/old'",
        &[
            ("RPUSHD_SECRET_FILE", "/creds/secret"),
            ("RPUSHD_SECRET_PREVIOUS", " a-former-subscribe-secret "),
        ],
    )
    .unwrap();
    assert_eq!(
        config.subscribe_secrets,
        secrets(&["subscribe-secret-current", "a-former-subscribe-secret"])
    );
    assert_eq!(
        config.publish_secrets,
        secrets(&["publish-secret-current", "subscribe-secret-older", "subscribe-secret-oldest"])
    );
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn the_environment_replaces_the_value_and_the_file_of_the_configuration() {
    let config = load_with_files(
        "secret_file = '/creds/secret'\npublish_secret_file = '/nonexistent'",
        &[
            ("RPUSHD_SECRET", "subscribe-secret-by-variable"),
            ("RPUSHD_PUBLISH_SECRET_FILE", "/creds/publish"),
        ],
    )
    .unwrap();
    assert_eq!(config.subscribe_secrets, secrets(&["subscribe-secret-by-variable"]));
    assert_eq!(config.publish_secrets, secrets(&["publish-secret-current"]));
}

#[test]
fn bad_secrets_are_refused_by_name() {
    let publish = ("RPUSHD_PUBLISH_SECRET", "publish-secret-current");
    for (pair, refusal) in [
        (("RPUSHD_SECRET", "  "), "RPUSHD_SECRET: must not be empty"),
        (("RPUSHD_SECRET", "a\nb"), "RPUSHD_SECRET: must be a single line"),
        (("RPUSHD_SECRET_FILE", "/creds/empty"), "RPUSHD_SECRET_FILE: must not be empty"),
        (("RPUSHD_SECRET_FILE", "/creds/two"), "RPUSHD_SECRET_FILE: must be a single line"),
        (
            ("RPUSHD_SECRET_FILE", "/creds/bytes"),
            "RPUSHD_SECRET_FILE: \"/creds/bytes\" is not UTF-8 text",
        ),
        (
            ("RPUSHD_SECRET_FILE", "/none"),
            "RPUSHD_SECRET_FILE: cannot read \"/none\": entity not found",
        ),
        (
            ("RPUSHD_SECRET_PREVIOUS", "x"),
            "RPUSHD_SECRET_PREVIOUS: a previous secret needs a current one",
        ),
        (
            ("RPUSHD_LISTEN", "127.0.0.1:1"),
            "RPUSHD_SECRET: required; make one with \"openssl rand -hex 32\" and set it or \
             RPUSHD_SECRET_FILE, or secret_file in the configuration file",
        ),
    ] {
        assert_eq!(load_with_files("", &[publish, pair]).unwrap_err(), refusal);
    }
    let both = [("RPUSHD_SECRET", "a"), ("RPUSHD_SECRET_FILE", "/creds/secret")];
    assert_eq!(
        load_with_files("", &both).unwrap_err(),
        "RPUSHD_SECRET: given twice: here and by RPUSHD_SECRET_FILE"
    );
    assert_eq!(
        load_with_files("secret = 'a'\nsecret_file = '/creds/secret'", &[]).unwrap_err(),
        "x.toml:1: secret: given twice: here and by secret_file"
    );
    assert_eq!(
        load_with_files("secret = ['a', 'b']", &[]).unwrap_err(),
        "x.toml:1: secret: must be one secret; list older ones as previous secrets"
    );
}

#[test]
fn missing_secrets_are_named_both_at_once_with_the_way_to_make_them() {
    assert_eq!(
        load_with_files("", &[]).unwrap_err(),
        "RPUSHD_SECRET and RPUSHD_PUBLISH_SECRET: required; make two different ones with \
         \"openssl rand -hex 32\" and set both or RPUSHD_SECRET_FILE and \
         RPUSHD_PUBLISH_SECRET_FILE, or secret_file and publish_secret_file in the configuration \
         file; \"rpushd --dev\" runs without them"
    );
}

#[test]
fn previous_secrets_come_and_go_with_their_file() {
    for file in ["/creds/none", "/creds/empty"] {
        let text = format!("secret_previous_file = '{file}'");
        let current = [
            ("RPUSHD_SECRET_FILE", "/creds/secret"),
            ("RPUSHD_PUBLISH_SECRET_FILE", "/creds/publish"),
        ];
        let config = load_with_files(&text, &current).unwrap();
        assert_eq!(config.subscribe_secrets, secrets(&["subscribe-secret-current"]));
        assert_eq!(config.warnings, Vec::<String>::new());
    }
    assert_eq!(
        load_with_files("secret = 'a'\nsecret_previous_file = '/creds/bytes'", &[]).unwrap_err(),
        "x.toml:2: secret_previous_file: \"/creds/bytes\" is not UTF-8 text"
    );
    assert_eq!(
        load_with_files("secret = 'a'\nsecret_previous = ''", &[]).unwrap_err(),
        "x.toml:2: secret_previous: must not be empty"
    );
}

#[test]
fn a_bad_secret_is_reported_whatever_stands_behind_it() {
    for (first, refusal) in [
        ("secret = ''", "x.toml:1: secret: must not be empty"),
        ("secret_file = '/none'", "x.toml:1: secret_file: cannot read \"/none\": entity not found"),
    ] {
        for second in ["publish_secret_file = '/creds/publish'", "publish_secret_previous = 'x'"] {
            let text = format!("{first}\n{second}");
            assert_eq!(load_with_files(&text, &[]).unwrap_err(), refusal, "{text}");
        }
        let text = format!("{first}\npublish_secret_fil = '/creds/publish'");
        let refusal = "x.toml:2: publish_secret_fil: unknown key, did you mean \
                       \"publish_secret_file\"?";
        assert_eq!(load_with_files(&text, &[]).unwrap_err(), refusal);
    }
}

#[test]
fn equal_short_and_open_secrets_are_warned_about() {
    let config = load_with_files(
        "publish_secret = 'subscribe-secret-current'",
        &[("RPUSHD_SECRET_FILE", "/creds/open"), ("RPUSHD_SECRET_PREVIOUS", "short")],
    )
    .unwrap();
    assert_eq!(
        config.warnings,
        [
            "/creds/open has a secret, and every user of this machine may read it: \"chmod o-r\" \
             it",
            "x.toml has a secret, and every user of this machine may read it: \"chmod o-r\" it",
            "RPUSHD_SECRET and RPUSHD_PUBLISH_SECRET are equal: every program that signs subscribe \
             tokens can also publish and read statistics",
            "RPUSHD_SECRET is only 5 bytes long: a secret below 16 bytes can be guessed by trial; \
             make one with \"openssl rand -hex 32\"",
        ]
    );
}

#[test]
fn with_locations_both_secrets_or_none_are_taken() {
    let text = "[[location]]\npath = '/pub'\npublisher = true\nchannels_path = '$arg_id'\n";
    let config = load(text, &[]).unwrap();
    assert!(!config.has_api());
    assert!(config.has_locations());
    let error = load(text, &[("RPUSHD_SECRET", "0123456789abcdef")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "RPUSHD_PUBLISH_SECRET: required; make one with \"openssl rand -hex 32\" and set it or \
         RPUSHD_PUBLISH_SECRET_FILE, or publish_secret_file in the configuration file"
    );
    let error = load(&format!("{text}require_secret = true"), &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "x.toml:1: location.require_secret: needs RPUSHD_PUBLISH_SECRET, which is not set"
    );
}

#[test]
fn secrets_show_neither_in_debug_nor_in_the_effective_configuration() {
    let pairs = [
        ("RPUSHD_SECRET_FILE", "/creds/secret"),
        ("RPUSHD_SECRET_PREVIOUS_FILE", "/creds/old"),
        ("RPUSHD_PUBLISH_SECRET_FILE", "/creds/publish"),
    ];
    let config = load_with_files("", &pairs).unwrap();
    let shown = format!("{config:?}{}", config.to_toml());
    for text in ["subscribe-secret", "publish-secret", "older", "oldest"] {
        assert!(!shown.contains(text), "{text}");
    }
    assert!(shown.contains("\n# secret = \"***\" and 2 previous\n# publish_secret = \"***\"\n"));
}
