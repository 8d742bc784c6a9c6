//! Which server answers where.

use crate::support::*;
use rpushd::config::Config;
use rpushd::nginx_import::{Fate, Placement, Translation};

const PUBLISHER: &str =
    "location /pub { push_stream_publisher; push_stream_channels_path $arg_id; }";

/// Servers inside of `http`, in nginx's place or behind it.
fn servers(text: &str, placement: Placement) -> Translation {
    let main = format!("http {{ push_stream_shared_memory_size 1m; {text} }}");
    let files = [("/etc/nginx/nginx.conf", main.as_str()), ("/etc/nginx/shared", PUBLISHER)];
    import(&MemoryFiles::new(&files), placement).unwrap_or_else(|error| panic!("{error}")).0
}

/// For each listener the names of the servers in the order in which they are asked.
fn shown(config: &Config) -> Vec<String> {
    let chain = |first: Option<usize>| {
        let servers = std::iter::successors(first, |index| config.servers[*index].sibling);
        servers.map(|index| config.servers[index].names.join("|")).collect::<Vec<_>>().join(" > ")
    };
    let listeners = config.listeners.iter();
    listeners
        .map(|listener| format!("{}: {}", listener.address.show(), chain(listener.server)))
        .collect()
}

fn dropped(translation: &Translation) -> Vec<String> {
    translation.dropped().map(|entry| entry.text.clone()).collect()
}

#[test]
fn servers_share_addresses_and_the_default_one_is_asked_last() {
    let translation = servers(
        &format!(
            "server {{ listen 80; listen 81; server_name a; {PUBLISHER} }}
             server {{ listen 80; server_name b .c; {PUBLISHER} }}
             server {{ listen 80 default_server; listen 127.0.0.1:82; {PUBLISHER} }}
             server {{ server_name d; {PUBLISHER} }}"
        ),
        Placement::Instead,
    );
    assert_eq!(
        shown(&translation.config),
        ["0.0.0.0:80: a > b|c|*.c > d > ", "0.0.0.0:81: a", "127.0.0.1:82: "]
    );
    assert_eq!(dropped(&translation), Vec::<String>::new());
}

#[test]
fn servers_may_be_default_for_each_other() {
    let translation = servers(
        &format!(
            "server {{ listen 80 default_server; listen 81; server_name a; {PUBLISHER} }}
             server {{ listen 80; listen 81 default_server; server_name b; {PUBLISHER} }}"
        ),
        Placement::Instead,
    );
    assert_eq!(shown(&translation.config), ["0.0.0.0:80: b > a", "0.0.0.0:81: a > b"]);
    assert_eq!(comparable(&read_back(&translation.to_toml())), comparable(&translation.config));
}

#[test]
fn what_is_not_served_is_left_with_a_reason() {
    let translation = servers(
        &format!(
            "server {{ listen 80; listen 443 ssl; server_name a ~^b; {PUBLISHER}
                location / {{ root /srv; }} }}
             server {{ listen 80; server_name c; return 301 https://a; }}"
        ),
        Placement::Instead,
    );
    assert_eq!(shown(&translation.config), ["0.0.0.0:80: "]);
    assert_eq!(
        dropped(&translation),
        ["listen 443 ssl;", "server_name a ~^b;", "location / { … }", "server { … }"]
    );
}

#[test]
fn servers_that_are_the_same_share_a_port_behind_nginx() {
    let translation = servers(
        &format!(
            "server {{ listen 80; include shared; }} server {{ listen 443 ssl; include shared; }}
             server {{ listen 81; {PUBLISHER} }}"
        ),
        BEHIND,
    );
    assert_eq!(shown(&translation.config), ["127.0.0.1:45831: ", "127.0.0.1:45832: "]);
    assert_eq!(dropped(&translation), Vec::<String>::new());
}

#[test]
fn a_shared_file_that_would_need_two_changes_is_left() {
    let translation = servers(
        "server { include shared; push_stream_store_messages on; } server { include shared; }",
        BEHIND,
    );
    let dropped: Vec<_> = translation.dropped().collect();
    assert_eq!(dropped.len(), 1);
    assert_eq!(dropped[0].text, "push_stream_publisher;");
    assert_eq!(
        dropped[0].fate,
        Fate::Dropped(
            "this file is included by several servers that would need different changes here; \
             give each server its own"
                .into()
        )
    );
}
