//! The core alone, without sockets: CPU time of a request, a token, a frame, a fan-out, a timer.

#[path = "../tests/support/reactor/mod.rs"]
mod reactor;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use reactor::{Call, SimReactor, Turns};
use rpushd::auth::{Claims, TokenKey, TokenKeys, sign, verify};
use rpushd::config::{Config, ListenerId, Secret};
use rpushd::faces::api;
use rpushd::http::{HeadLimits, HeadStorage, parse_head};
use rpushd::message::Message;
use rpushd::server::Host;
use rpushd::time::{Millis, Moment, Now, UnixMillis};
use rpushd::timer_wheel::TimerWheel;
use rpushd::transports::template::Template;
use rpushd::transports::{Coding, FormatId, Formats, Payload, WireFormat};
use std::hint::black_box;
use std::time::Duration;

const SECRET: &str = "a secret for benches only";
const NOW: Now = Now { monotonic: Moment(1_000_000), unix: UnixMillis(1_795_315_656_000) };

fn parse(criterion: &mut Criterion) {
    let limits =
        HeadLimits { head_bytes_max: 16_384, target_bytes_max: 8192, header_count_max: 100 };
    let head = "POST /api/publish HTTP/1.1\r\nHost: 127.0.0.1:45831\r\nUser-Agent: curl/8.5.0\r\n\
                Accept: */*\r\nAuthorization: Bearer 0123456789abcdef0123456789abcdef\r\n\
                Content-Type: application/json\r\nContent-Length: 64\r\n\r\n";
    criterion.bench_function("parse/head", |bencher| {
        bencher.iter(|| {
            let mut storage = HeadStorage::default();
            let parsed = parse_head(black_box(head.as_bytes()), &mut 0, &limits, &mut storage);
            parsed.unwrap().unwrap().1
        });
    });
    let body =
        br#"{"channel":"orders:42","message":{"id": 1, "text": "a message of some length"}}"#;
    criterion.bench_function("parse/publication", |bencher| {
        bencher.iter(|| {
            api::publication::Publication::parse(black_box(body), 256).unwrap().payload.len()
        });
    });
}

fn token(criterion: &mut Criterion) {
    let secret = Secret::new(SECRET).unwrap();
    let keys = TokenKeys::new(std::slice::from_ref(&secret), &[]);
    let token = sign(&TokenKey::new(&secret), "orders:42", NOW.unix_seconds() + 60);
    let claims = Claims { channels: &["orders:42"], now: NOW.unix_seconds() };
    criterion.bench_function("token/verify", |bencher| {
        bencher.iter(|| assert!(verify(black_box(&token), &keys, &claims).is_ok()));
    });
}

fn encode(criterion: &mut Criterion) {
    let mut formats = Formats::default();
    let template = Template::compile(br#"{"id":~id~,"channel":"~channel~","text":"~text~"}"#);
    let mut intern = |payload| formats.intern(WireFormat { payload, coding: Coding::Chunked });
    let all: [(&str, FormatId); 4] = [
        ("framed", intern(Payload::Framed)),
        ("stream", intern(Payload::Text(template.clone()))),
        ("websocket", intern(Payload::WebSocket(template.clone()))),
        ("websocket, deflated", intern(Payload::WebSocketDeflated(template))),
    ];
    let message = Message { time: 1, tag: 1, ..Message::special(1, b"a"[..].into(), &[b'x'; 100]) };
    for (name, format) in all {
        criterion.bench_function(&format!("encode/{name}"), |bencher| {
            bencher.iter(|| formats.encode(format, black_box(&message)).unwrap().text_bytes);
        });
    }
}

/// A server whose subscribers receive everything at once.
struct World {
    reactor: SimReactor,
    publisher: usize,
    request: Vec<u8>,
    write_count: usize,
}

impl World {
    fn new(subscribers: usize) -> World {
        let secrets = vec![Secret::new(SECRET).unwrap()];
        let config = Config {
            subscribe_secrets: secrets.clone(),
            publish_secrets: secrets,
            ..Config::default()
        };
        let key = TokenKey::new(&config.subscribe_secrets[0]);
        let host = Host {
            name: "bench".to_owned(),
            process_id: 1,
            resident_bytes: || 0,
            heap_bytes: || 0,
            fixed_bytes: 0,
            memory_bytes: u64::MAX,
            random: [7; 16],
        };
        let mut reactor = SimReactor::new(config, host, NOW);
        let token = sign(&key, "a", NOW.unix_seconds() + 60);
        let subscribe = request("/api/stream/a", "", &format!("{{\"token\":\"{token}\"}}"));
        let mut connect = || {
            let number = reactor.connect(ListenerId(0), None);
            reactor.accept(number).unwrap();
            number
        };
        let publisher = connect();
        for number in Vec::from_iter((0..subscribers).map(|_| connect())) {
            reactor.send(number, &subscribe);
        }
        let text = "x".repeat(100);
        let body = format!("{{\"channel\":\"a\",\"message\":\"{text}\"}}");
        let authorization = format!("authorization: Bearer {SECRET}\r\n");
        let request = request("/api/publish", &authorization, &body);
        let mut world = World { reactor, publisher, request, write_count: 0 };
        world.write();
        world
    }

    fn publish(&mut self) {
        self.reactor.send(self.publisher, &self.request);
    }

    /// Reads and writes everything that is queued; returns the number of writes.
    fn write(&mut self) -> usize {
        self.run();
        std::mem::take(&mut self.write_count)
    }
}

impl Turns for World {
    fn reactor(&mut self) -> &mut SimReactor {
        &mut self.reactor
    }

    fn after(&mut self, call: Call, number: Option<usize>) {
        if let (Call::Sent, Some(number)) = (call, number) {
            black_box(&mut self.reactor.sockets[number].to_client).clear();
            self.write_count += 1;
        }
    }
}

fn request(path: &str, fields: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n{fields}\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// One publication to all subscribers, and sixteen that are written together, one write per
/// subscriber.
fn fan_out(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fan-out");
    for subscribers in [1, 100, 10_000] {
        let mut world = World::new(subscribers);
        for publications in [1, 16] {
            group.throughput(Throughput::Elements((subscribers * publications) as u64));
            let id = BenchmarkId::new(format!("{publications} at once"), subscribers);
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    (0..publications).for_each(|_| world.publish());
                    assert_eq!(world.write(), subscribers + 1);
                });
            });
        }
    }
    group.finish();
}

fn timer_wheel(criterion: &mut Criterion) {
    const ENTRIES: u32 = 100_000;
    let full = || {
        let mut wheel = TimerWheel::new(Millis(64), Moment::START);
        (0..ENTRIES).for_each(|key| wheel.set(key, Moment(u64::from(key % 15_000))));
        wheel
    };
    let mut wheel = full();
    let mut key = 0;
    criterion.bench_function("timer wheel/set one of 100,000", |bencher| {
        bencher.iter(|| {
            key = (key + 7919) % ENTRIES;
            wheel.set(key, Moment(u64::from(key % 15_000)));
        });
    });
    criterion.bench_function("timer wheel/expire 100,000", |bencher| {
        bencher.iter_batched_ref(
            || (full(), Vec::with_capacity(ENTRIES as usize)),
            |(wheel, expired)| {
                wheel.advance(Moment(16_000), expired);
                assert_eq!(expired.len(), ENTRIES as usize);
            },
            BatchSize::LargeInput,
        );
    });
}

fn configured() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
}

criterion_group! {
    name = benches;
    config = configured();
    targets = parse, token, encode, fan_out, timer_wheel
}
criterion_main!(benches);
