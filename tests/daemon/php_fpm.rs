//! The README's PHP under PHP-FPM, which clears the environment of its workers.

use crate::http::Connection;
use crate::programs::{self, Server, free_port};
use crate::support::{Daemon, Folder, PATIENCE, SECRETS, eventually};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

const README: &str = include_str!("../../README.md");

/// The code block of that language in which a text occurs.
fn snippet(language: &str, text: &str) -> &'static str {
    let fence = format!("```{language}\n");
    let mut blocks = README.split(&fence).skip(1).filter_map(|rest| rest.split("```").next());
    blocks.find(|block| block.contains(text)).expect("the README has it")
}

#[test]
fn php_fpm_fails_loudly_until_its_pool_names_the_secrets() {
    let Some([env, fpm]) = programs::find(["env", "php-fpm8.2"]) else {
        return;
    };
    let daemon = Daemon::start(&[]);
    let secrets = SECRETS.map(|(name, value)| format!("{name}={value}"));
    let ask = |pool: &str| {
        let (folder, port) = (Folder::new(), free_port());
        let page = page(&folder, &daemon.address());
        let configuration = folder.write(
            "fpm.conf",
            &format!(
                "[global]\nerror_log = /dev/stderr\n[www]\nuser = root\ngroup = root\n\
                 listen = 127.0.0.1:{port}\npm = static\npm.max_children = 1\n{pool}"
            ),
        );
        let program = fpm.display().to_string();
        let arguments =
            [&secrets[0], &secrets[1], &program, "-n", "-F", "-R", "-y", &configuration];
        let server = Server::start(&env, &arguments, folder, port);
        let answer = answer(port, Path::new(&page));
        drop(server);
        // A worker that is left over would still have the socket.
        eventually("FPM has ended with all its workers", || {
            TcpStream::connect(("127.0.0.1", port)).is_err()
        });
        answer
    };
    let refused = ask("");
    assert!(refused.contains("RPUSHD_SECRET is not in the environment of PHP"), "{refused}");
    assert_eq!(published_count(&daemon), 0);
    let done = ask(snippet("ini", "env[RPUSHD_SECRET]"));
    assert!(done.ends_with("\r\n\r\ndone"), "{done}");
    assert_eq!(published_count(&daemon), 1);
}

/// A page that signs a token and publishes.
fn page(folder: &Folder, address: &str) -> String {
    let publish = snippet("php", "function rpushd_publish").replace("127.0.0.1:45831", address);
    let token = snippet("php", "function rpushd_token");
    let statements = "rpushd_token('demo'); rpushd_publish('demo', 1); echo 'done';";
    folder.write("page.php", &format!("<?php {publish}{token}{statements}"))
}

fn published_count(daemon: &Daemon) -> u64 {
    let bearer = format!("Authorization: Bearer {}", SECRETS[1].1);
    let mut client = Connection::open(&daemon.address());
    let stats = client.ask("GET /api/stats?mode=json", &[&bearer], "").rest();
    let object: serde_json::Value = serde_json::from_str(&stats).expect("it is JSON");
    object["publish_requests_total"].as_u64().expect("it is a number")
}

/// What FPM answers for a page: one FastCGI request, its standard output.
fn answer(port: u16, page: &Path) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("FPM listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    let mut parameters = Vec::new();
    for (name, value) in
        [("REQUEST_METHOD", "GET"), ("SCRIPT_FILENAME", &*page.display().to_string())]
    {
        parameters.extend([name.len() as u8, value.len() as u8]);
        parameters.extend_from_slice(name.as_bytes());
        parameters.extend_from_slice(value.as_bytes());
    }
    let (begin, parameter, input, output, end) = (1, 4, 5, 6, 3);
    let responder = [0, 1, 0, 0, 0, 0, 0, 0];
    for (kind, content) in
        [(begin, &responder[..]), (parameter, &parameters), (parameter, &[]), (input, &[])]
    {
        let length = (content.len() as u16).to_be_bytes();
        let head = [1, kind, 0, 1, length[0], length[1], 0, 0];
        stream.write_all(&[&head, content].concat()).expect("FPM reads");
    }
    let mut text = Vec::new();
    loop {
        let mut head = [0; 8];
        stream.read_exact(&mut head).expect("FPM answers");
        let length = usize::from(u16::from_be_bytes([head[4], head[5]]));
        let mut content = vec![0; length + usize::from(head[6])];
        stream.read_exact(&mut content).expect("FPM answers");
        match head[1] {
            kind if kind == output => text.extend_from_slice(&content[..length]),
            kind if kind == end => return String::from_utf8_lossy(&text).into_owned(),
            _ => {}
        }
    }
}
