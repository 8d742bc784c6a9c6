//! Any bytes as the frames of a WebSocket client. The first byte chooses the rules and how the rest
//! is sliced. However it is sliced, the events are the same, and nothing more is held than what
//! arrived. Texts, pings and close frames come back when they are sent again.
#![no_main]

#[path = "../slices.rs"]
mod slices;

use libfuzzer_sys::fuzz_target;
use rpushd::compression::{Compressor, Inflater};
use rpushd::time::Moment;
use rpushd::websocket::{Event, Reader, Rules, Violation, deflate};
use slices::slices;

type Outcome = Result<Event, Violation>;

/// The longest payload of a control frame (RFC 6455, section 5.5).
const CONTROL_BYTES_MAX: usize = 125;

fn is_last(outcome: &Outcome) -> bool {
    matches!(outcome, Err(_) | Ok(Event::Binary | Event::Close { .. }))
}

fn read<'a>(rules: Rules, slices: impl Iterator<Item = &'a [u8]>) -> Vec<Outcome> {
    let (mut reader, mut inflater) = (Reader::default(), Inflater::default());
    let (mut outcomes, mut given) = (Vec::new(), 0);
    for mut slice in slices {
        given += slice.len();
        while let Some(outcome) = reader.next(&mut slice, rules, &mut inflater, Moment(0)) {
            let is_last = is_last(&outcome);
            outcomes.push(outcome);
            if is_last {
                assert!(slice.is_empty(), "what follows the last event is dropped");
                assert_eq!(reader.unfinished(), None, "nothing is left behind the last event");
                return outcomes;
            }
        }
        assert!(slice.is_empty(), "no event means that all is taken");
        let message_bytes_max = if rules.keeps_texts { rules.message_bytes_max } else { 0 };
        let held = reader.held_bytes();
        assert!(held <= 2 * given && held <= message_bytes_max + CONTROL_BYTES_MAX, "{held} held");
    }
    outcomes
}

fn check(event: &Event, rules: Rules) {
    match event {
        Event::Text(text) => {
            assert!(rules.keeps_texts && text.len() <= rules.message_bytes_max, "a wanted text");
        }
        Event::TextDropped => assert!(!rules.keeps_texts, "texts are wanted"),
        Event::Ping(payload) => assert!(payload.len() <= CONTROL_BYTES_MAX, "a short ping"),
        Event::Close { code, reason } => {
            assert!(code.is_none_or(|code| code.is_sendable()), "a code that may be sent");
            assert!(code.is_some() || reason.is_empty(), "a reason needs a code");
        }
        Event::Binary | Event::Pong => {}
    }
}

/// The event as a client would send it; none: its frame is gone.
fn sent_again(event: &Event, choice: u8, rules: Rules, frames: &mut Vec<u8>) -> Option<Event> {
    match event {
        Event::Text(text) => {
            let text = text.as_bytes();
            let packed = deflate(text, &mut Compressor::default());
            match packed.filter(|_| rules.accepts_deflated) {
                Some(packed) => frame(0xc1, &packed, choice, frames),
                None => {
                    let (first, second) = text.split_at(text.len() * usize::from(choice) / 256);
                    frame(0x01, first, choice, frames);
                    frame(0x80, second, !choice, frames);
                }
            }
        }
        Event::Ping(payload) => frame(0x89, payload, choice, frames),
        Event::Close { code: Some(code), reason } => {
            let payload = [&code.0.to_be_bytes(), reason.as_bytes()].concat();
            frame(0x88, &payload, choice, frames);
        }
        Event::Close { code: None, .. } => frame(0x88, b"", choice, frames),
        Event::TextDropped | Event::Binary | Event::Pong => return None,
    }
    Some(event.clone())
}

/// Appends a masked frame; `first` is the byte with FIN, RSV1 and opcode.
fn frame(first: u8, payload: &[u8], choice: u8, frames: &mut Vec<u8>) {
    frames.push(first);
    match payload.len() {
        length @ 0..=125 => frames.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            frames.push(0xfe);
            frames.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frames.push(0xff);
            frames.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    let mask = [choice, 0, 0xff, choice.rotate_left(3)];
    frames.extend_from_slice(&mask);
    frames.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
}

fuzz_target!(|data: &[u8]| {
    let Some((&choice, input)) = data.split_first() else { return };
    let rules = Rules {
        accepts_deflated: choice & 1 != 0,
        keeps_texts: choice & 6 != 0,
        message_bytes_max: if choice & 8 != 0 { 60 } else { 100_000 },
    };
    let at_once = read(rules, [input].into_iter());
    assert_eq!(read(rules, input.chunks(1)), at_once, "one by one");
    assert_eq!(read(rules, slices(input, choice)), at_once, "sliced");
    let events: Vec<&Event> = at_once.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
    events.iter().for_each(|event| check(event, rules));
    let mut frames = Vec::new();
    let sent = events.iter().filter_map(|event| sent_again(event, choice, rules, &mut frames));
    let sent: Vec<Outcome> = sent.map(Ok).collect();
    assert_eq!(read(rules, slices(&frames, choice)), sent, "what was read comes back");
});
