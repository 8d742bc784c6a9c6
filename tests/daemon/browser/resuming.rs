//! A page in Chromium whose EventSources and WebSockets come back: its lists are complete, or show
//! a reset where something is missing. See `tests/browser/resuming.js`.

use crate::http::Connection;
use crate::programs::{self, free_port, repository};
use crate::support::{Daemon, PATIENCE, Publisher, SECRETS, configure, eventually};
use rpushd::auth::{TokenKey, sign};
use rpushd::config::Secret;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::BufRead;
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

/// Subscribers of the page.
const SUBSCRIBERS: u64 = 4;

/// A page, and a daemon at an address that stays.
struct Page {
    address: String,
    variables: Vec<(&'static str, String)>,
    daemon: Daemon,
    browser: Option<Daemon>,
    /// What the daemon has accepted, in order.
    accepted: Vec<u64>,
    next: u64,
}

/// What one subscriber of the page has received, and which control events it got.
struct Received {
    list: Vec<Value>,
    controls: Vec<String>,
}

impl Page {
    /// Opens the page with a token that is valid for this long, in seconds. Without the programs
    /// for it, the test is skipped.
    fn open(valid_for: u64) -> Option<Page> {
        let [python, chromium, driver] = programs::find(["python3", "chromium", "chromedriver"])?;
        let front = free_port().to_string();
        let address = format!("127.0.0.1:{}", free_port());
        let origin = format!("http://127.0.0.1:{front}");
        let mut variables = SECRETS.map(|(name, value)| (name, value.to_owned())).to_vec();
        variables.push(("RPUSHD_ALLOWED_ORIGINS", origin));
        variables.push(("RPUSHD_HISTORY_MESSAGES", "100000".to_owned()));
        variables.push(("RPUSHD_TOKENS_EXPIRING_BEFORE", "5s".to_owned()));
        let daemon = start(&address, &variables);
        let mut command = Command::new(python);
        command.arg(repository("tests/browser/resuming.py")).arg(chromium).arg(driver);
        command.args([&address, &front, "list", &token(valid_for), &token(100_000)]);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        let browser = Daemon::spawn(&mut command);
        let page = Page {
            address,
            variables,
            daemon,
            browser: Some(browser),
            accepted: Vec::new(),
            next: 1,
        };
        page.wait_for_subscribers();
        Some(page)
    }

    /// All subscribers of the page are connected.
    fn wait_for_subscribers(&self) {
        eventually("all subscribers are there", || {
            let mut publisher = Publisher::connect(&self.address);
            publisher.statistic("active_stream_connections") == SUBSCRIBERS
        });
    }

    /// Publishes numbers for a while.
    fn publish_for(&mut self, time: Duration) {
        let mut publisher = Publisher::connect(&self.address);
        let begin = Instant::now();
        while begin.elapsed() < time {
            publisher.publish("list", &self.next.to_string());
            self.accepted.push(self.next);
            self.next += 1;
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Ends the daemon by a signal right after it has accepted numbers, and starts it again.
    fn restart(&mut self, signal: &str) {
        self.publish_for(Duration::from_millis(300));
        self.daemon.signal(signal);
        self.daemon.wait();
        self.daemon = start(&self.address, &self.variables);
        // Before the first client is back, and while all come back.
        self.publish_for(Duration::from_millis(1000));
        self.wait_for_subscribers();
        self.publish_for(Duration::from_millis(300));
    }

    /// Ends all subscribers; the daemon stays.
    fn cut(&mut self) {
        let mut client = Connection::open(&self.address);
        let secret = format!("Authorization: Bearer {}", SECRETS[1].1);
        let fields = [&*secret, "Content-Type: application/json"];
        let answer = client.ask("POST /api/disconnect", &fields, r#"{"channel":"list"}"#);
        assert_eq!(answer.rest(), format!("{{\"disconnected\":{SUBSCRIBERS}}}"));
        self.publish_for(Duration::from_millis(1000));
        self.wait_for_subscribers();
    }

    /// Publishes the end, and returns what each subscriber has received until then.
    fn end(&mut self) -> BTreeMap<String, Received> {
        Publisher::connect(&self.address).publish("list", "\"end\"");
        let mut browser = self.browser.take().expect("it is ended once");
        let mut line = String::new();
        browser.stdout().read_line(&mut line).expect("it prints text");
        assert_eq!(browser.wait().code(), Some(0), "{:?}", browser.log());
        let lists: BTreeMap<String, Value> = serde_json::from_str(&line).expect("a line of JSON");
        let received = |one: &Value| Received {
            list: one["list"].as_array().expect("a list").clone(),
            controls: serde_json::from_value(one["controls"].clone()).expect("texts"),
        };
        lists.iter().map(|(name, one)| (name.clone(), received(one))).collect()
    }
}

impl Received {
    /// Each number once, in order; where accepted ones are missing, there is a reset.
    fn check(&self, name: &str, accepted: &[u64]) {
        let mut last = 0;
        let mut is_reset = false;
        let numbers = self.list.iter().filter(|one| *one != "end");
        for one in numbers {
            let Some(number) = one.as_u64() else {
                is_reset = true;
                continue;
            };
            assert!(number > last, "{name}: {number} after {last}");
            let is_missing = accepted.iter().any(|one| (last + 1..number).contains(one));
            assert!(is_reset || !is_missing, "{name}: nothing between {last} and {number}");
            (last, is_reset) = (number, false);
        }
        assert_eq!(Some(&last), accepted.last(), "{name}");
        assert_eq!(self.list.last().and_then(Value::as_str), Some("end"), "{name}");
    }
}

fn start(address: &str, variables: &[(&'static str, String)]) -> Daemon {
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, &**value)).collect();
    let daemon = Daemon::listening(&mut configure(&["--listen", address], &variables));
    eventually("it accepts", || TcpStream::connect(address).is_ok());
    daemon
}

/// A token that is valid for this long, in seconds.
fn token(valid_for: u64) -> String {
    let secret = Secret::new(SECRETS[0].1).expect("it is not empty");
    let now = SystemTime::UNIX_EPOCH.elapsed().expect("it is later").as_secs();
    sign(&TokenKey::new(&secret), "list", now + valid_for)
}

#[test]
fn a_list_in_chromium_is_complete_or_shows_a_reset_however_the_daemon_ends() {
    let Some(mut page) = Page::open(100_000) else { return };
    page.cut();
    page.restart("KILL");
    page.restart("TERM");
    page.cut();
    for (name, received) in page.end() {
        received.check(&name, &page.accepted);
        let resets = received.list.iter().filter(|one| *one == "reset").count();
        assert_eq!(resets, 2, "{name} was reset by restarts only: {:?}", received.controls);
    }
}

#[test]
fn a_page_in_chromium_gets_a_fresh_token_or_comes_back_with_one() {
    let Some(mut page) = Page::open(25) else { return };
    let begin = Instant::now();
    let ended = || Publisher::connect(&page.address).statistic("expired_connections_total");
    while ended() < SUBSCRIBERS / 2 {
        assert!(begin.elapsed() < PATIENCE, "two tokens have expired");
        std::thread::sleep(Duration::from_millis(100));
    }
    page.publish_for(Duration::from_millis(300));
    page.wait_for_subscribers();
    page.publish_for(Duration::from_millis(300));
    for (name, received) in page.end() {
        received.check(&name, &page.accepted);
        let expected: &[&str] = match &*name {
            "an EventSource" => &["hello", "expiring", "refreshed 204"],
            "a WebSocket" => &["hello", "expiring", "refreshed"],
            "an EventSource without refresh" => &["hello", "expiring", "goodbye expired", "hello"],
            "a WebSocket without refresh" => {
                &["hello", "expiring", "goodbye expired", "closed 4001", "hello"]
            }
            _ => panic!("{name}"),
        };
        assert_eq!(received.controls, expected, "{name}");
    }
}
