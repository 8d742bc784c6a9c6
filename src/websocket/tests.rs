//! Tests of the reader from a client's view: the examples of the RFCs, every violation, any
//! slicing, garbage, and an independent peer.

use std::io::{self, Read, Write};

use tungstenite::protocol::frame::coding::CloseCode as PeerCloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

use super::*;
use crate::compression::{Compressor, Inflater};
use crate::time::Moment;

const MESSAGE_BYTES_MAX: usize = 200_000;
const PLAIN: Rules =
    Rules { accepts_deflated: false, keeps_texts: true, message_bytes_max: MESSAGE_BYTES_MAX };
const DEFLATED: Rules =
    Rules { accepts_deflated: true, keeps_texts: true, message_bytes_max: MESSAGE_BYTES_MAX };

type Outcome = Result<Event, Violation>;

fn text_event(text: &str) -> Outcome {
    Ok(Event::Text(text.to_owned()))
}

/// Feeds the slices one after the other, until the last event.
fn read_slices<'a>(slices: impl IntoIterator<Item = &'a [u8]>, rules: Rules) -> Vec<Outcome> {
    let (mut reader, mut inflater) = (Reader::default(), Inflater::default());
    let mut outcomes = Vec::new();
    for mut slice in slices {
        while let Some(outcome) = reader.next(&mut slice, rules, &mut inflater, Moment(0)) {
            let is_last = matches!(outcome, Err(_) | Ok(Event::Binary | Event::Close { .. }));
            outcomes.push(outcome);
            if is_last {
                assert!(slice.is_empty(), "bytes after the last event are dropped");
                return outcomes;
            }
        }
        assert!(slice.is_empty(), "without an event all bytes are consumed");
    }
    outcomes
}

/// Reads the bytes at once and one by one, which must give the same events.
fn read(bytes: &[u8], rules: Rules) -> Vec<Outcome> {
    let at_once = read_slices([bytes], rules);
    let one_by_one = read_slices(bytes.chunks(1), rules);
    assert_eq!(at_once, one_by_one);
    at_once
}

/// A client's frame; `first` is the byte with FIN, RSV and opcode.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            frame.push(0xfe);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(0xff);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// Pseudo-random numbers, the same in every run.
struct Xorshift(u64);

impl Xorshift {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn slices<'a>(&mut self, mut bytes: &'a [u8], slice_bytes_max: usize) -> Vec<&'a [u8]> {
        let mut slices = Vec::new();
        while !bytes.is_empty() {
            let count = bytes.len().min(1 + self.below(slice_bytes_max));
            let (slice, rest) = bytes.split_at(count);
            slices.push(slice);
            bytes = rest;
        }
        slices
    }
}

#[test]
fn the_masked_examples_of_rfc_6455_section_5_7_are_read() {
    let hello = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    assert_eq!(read(hello, PLAIN), [text_event("Hello")]);
    let pong = b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    assert_eq!(read(pong, PLAIN), [Ok(Event::Pong)]);
}

#[test]
fn the_unmasked_examples_of_rfc_6455_section_5_7_are_written_and_never_read() {
    let hello = text(b"Hello");
    assert_eq!(hello, b"\x81\x05Hello");
    assert_eq!(read(&hello, PLAIN), [Err(Violation::MaskMissing)]);
    let ping = b"\x89\x05Hello";
    assert_eq!(read(ping, PLAIN), [Err(Violation::MaskMissing)]);
    let large = text(&[b'x'; 65536]);
    assert_eq!(&large[..10], b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00");
}

#[test]
fn the_examples_of_rfc_7692_section_7_2_3_are_read() {
    let whole = masked(0xc1, b"\xf2\x48\xcd\xc9\xc9\x07\x00");
    assert_eq!(read(&whole, DEFLATED), [text_event("Hello")]);
    let fragmented = [masked(0x41, b"\xf2\x48\xcd"), masked(0x80, b"\xc9\xc9\x07\x00")].concat();
    assert_eq!(read(&fragmented, DEFLATED), [text_event("Hello")]);
}

#[test]
fn a_compressed_frame_has_its_bit_and_a_plain_one_may_follow() {
    let message = "to be or not to be or to be";
    let payload = deflate(message.as_bytes(), &mut Compressor::default()).unwrap();
    let frame = text_deflated(&payload);
    assert_eq!(frame, [&[0xc1, payload.len() as u8], payload.as_slice()].concat());
    let both = [masked(0xc1, &payload), masked(0x81, b"plain")].concat();
    assert_eq!(read(&both, DEFLATED), [text_event(message), text_event("plain")]);
}

#[test]
fn control_frames_between_fragments_do_not_disturb_the_message() {
    let bytes = [
        masked(0x01, b"one "),
        masked(0x89, b"ping"),
        masked(0x00, b""),
        masked(0x8a, b"pong"),
        masked(0x00, b"two "),
        masked(0x80, b"three"),
        masked(0x81, b""),
    ];
    let expected = [
        Ok(Event::Ping(b"ping".to_vec())),
        Ok(Event::Pong),
        text_event("one two three"),
        text_event(""),
    ];
    assert_eq!(read(&bytes.concat(), PLAIN), expected);
}

#[test]
fn a_character_may_be_split_between_fragments() {
    let bytes = [masked(0x01, b"\xe2"), masked(0x00, b"\x82"), masked(0x80, b"\xac")];
    assert_eq!(read(&bytes.concat(), PLAIN), [text_event("€")]);
}

#[test]
fn a_close_frame_is_the_last_event() {
    let cases = [
        (b"".as_slice(), None, ""),
        (b"\x03\xe8", Some(CloseCode::NORMAL), ""),
        (b"\x03\xe9leaving", Some(CloseCode::GOING_AWAY), "leaving"),
    ];
    for (payload, code, reason) in cases {
        let bytes = [masked(0x88, payload), masked(0x81, b"ignored")].concat();
        let expected = Event::Close { code, reason: reason.to_owned() };
        assert_eq!(read(&bytes, PLAIN), [Ok(expected)]);
    }
}

#[test]
fn a_binary_message_is_reported_before_its_payload_arrives() {
    let frame = masked(0x82, &[0xff; 1000]);
    assert_eq!(read(&frame[..8], PLAIN), [Ok(Event::Binary)]);
    assert_eq!(read(&frame, PLAIN), [Ok(Event::Binary)]);
}

#[test]
fn every_violation_has_its_close_code() {
    let start = masked(0x01, b"start");
    let after_start = |frame: &[u8]| [start.as_slice(), frame].concat();
    let bomb = deflate(&vec![b'x'; MESSAGE_BYTES_MAX + 1], &mut Compressor::default()).unwrap();
    let cases = [
        (Violation::MaskMissing, 1002, text(b"Hello")),
        (Violation::ReservedBits, 1002, masked(0xa1, b"")),
        (Violation::ReservedBits, 1002, masked(0x91, b"")),
        (Violation::ReservedBits, 1002, masked(0xc9, b"")),
        (Violation::ReservedBits, 1002, after_start(&masked(0xc0, b""))),
        (Violation::OpcodeReserved, 1002, masked(0x83, b"")),
        (Violation::OpcodeReserved, 1002, masked(0x8f, b"")),
        (Violation::ControlFragmented, 1002, masked(0x09, b"")),
        (Violation::ControlTooLong, 1002, masked(0x89, &[b'x'; 126])),
        (Violation::LengthNotMinimal, 1002, b"\x81\xfe\0\x05".to_vec()),
        (Violation::ContinuationUnexpected, 1002, masked(0x80, b"x")),
        (Violation::MessageInterrupted, 1002, after_start(&masked(0x81, b"x"))),
        (Violation::MessageInterrupted, 1002, after_start(&masked(0x02, b"x"))),
        (Violation::CloseTruncated, 1002, masked(0x88, b"\x03")),
        (Violation::CloseCodeInvalid, 1002, masked(0x88, b"\x03\xed")),
        (Violation::TextNotUtf8, 1007, masked(0x88, b"\x03\xe8\xff")),
        (Violation::TextNotUtf8, 1007, masked(0x81, b"\xc3")),
        (Violation::TextNotUtf8, 1007, masked(0xc1, b"\x00\x01\x00\xfe\xff\xff\x00")),
        (Violation::CompressionBroken, 1007, masked(0xc1, b"")),
        (Violation::MessageTooBig, 1009, masked(0xc1, &bomb)),
        (Violation::MessageTooBig, 1009, b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff____".to_vec()),
    ];
    for (violation, code, bytes) in cases {
        assert_eq!(read(&bytes, DEFLATED), [Err(violation)], "{bytes:02x?}");
        assert_eq!(violation.close_code(), CloseCode(code));
    }
}

#[test]
fn a_compressed_bit_without_agreement_is_a_violation() {
    let frame = masked(0xc1, b"\xf2\x48\xcd\xc9\xc9\x07\x00");
    assert_eq!(read(&frame, PLAIN), [Err(Violation::ReservedBits)]);
}

#[test]
fn a_broken_text_fails_with_the_first_byte_that_cannot_be_repaired() {
    let broken = masked(0x01, b"caf\xc3\xa9 \xed\xa0\x80 and much more");
    let first_broken = broken.len() - b"\xa0\x80 and much more".len();
    assert_eq!(read(&broken[..first_broken], PLAIN), []);
    assert_eq!(read(&broken[..=first_broken], PLAIN), [Err(Violation::TextNotUtf8)]);
}

#[test]
fn a_message_that_ends_within_a_character_fails_with_its_last_fragment() {
    let fragments = [masked(0x01, b"caf\xc3"), masked(0x80, b"")].concat();
    assert_eq!(read(&fragments, PLAIN), [Err(Violation::TextNotUtf8)]);
}

#[test]
fn a_message_above_the_limit_is_refused_by_its_announced_length() {
    let rules = Rules { accepts_deflated: false, keeps_texts: true, message_bytes_max: 10 };
    assert_eq!(read(&masked(0x81, b"0123456789"), rules), [text_event("0123456789")]);
    let header_alone = &masked(0x81, b"0123456789a")[..6];
    assert_eq!(read(header_alone, rules), [Err(Violation::MessageTooBig)]);
    let fragments = [masked(0x01, b"012345"), masked(0x00, b"6789a")].concat();
    let up_to_second_header = &fragments[..fragments.len() - 5];
    assert_eq!(read(up_to_second_header, rules), [Err(Violation::MessageTooBig)]);
}

#[test]
fn any_slicing_gives_the_same_events() {
    let mut random = Xorshift(0x9e37_79b9_7f4a_7c15);
    let mut compressor = Compressor::default();
    for round in 0..150 {
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for _ in 0..1 + random.below(6) {
            match random.below(4) {
                0 => {
                    let payload = vec![b'p'; random.below(126)];
                    bytes.extend(masked(0x89, &payload));
                    expected.push(Ok(Event::Ping(payload)));
                }
                1 => {
                    let message = "äöü€😀".repeat(1 + random.below(40));
                    let payload = deflate(message.as_bytes(), &mut compressor).unwrap_or_default();
                    if !payload.is_empty() {
                        bytes.extend(masked(0xc1, &payload));
                        expected.push(text_event(&message));
                    }
                }
                2 => {
                    let message = "x€😀".repeat(random.below(12_000));
                    bytes.extend(masked(0x81, message.as_bytes()));
                    expected.push(text_event(&message));
                }
                _ => {
                    let message = "ä€😀z".repeat(1 + random.below(300));
                    let mut first = 0x01;
                    for fragment in random.slices(message.as_bytes(), 500) {
                        bytes.extend(masked(first, fragment));
                        first = 0x00;
                        if random.below(3) == 0 {
                            bytes.extend(masked(0x8a, b"!"));
                            expected.push(Ok(Event::Pong));
                        }
                    }
                    bytes.extend(masked(0x80, b""));
                    expected.push(text_event(&message));
                }
            }
        }
        let slice_bytes_max = [1, 3, 20, 1000, 100_000][round % 5];
        let slices = random.slices(&bytes, slice_bytes_max);
        assert!(read_slices(slices, DEFLATED) == expected, "round {round}");
    }
}

#[test]
fn garbage_never_panics_and_never_depends_on_slicing() {
    let mut random = Xorshift(0x0123_4567_89ab_cdef);
    for round in 0..20_000 {
        let mut bytes: Vec<u8> = (0..random.below(60)).map(|_| random.below(256) as u8).collect();
        // Without a plausible start nearly every round would end with the first byte.
        let plausible = [0x01, 0x80, 0x81, 0x88, 0x89, 0xc1, 0x41, 0x00];
        if let [first, second, ..] = bytes.as_mut_slice() {
            *first = plausible[random.below(plausible.len())];
            *second |= 0x80;
        }
        let rules = if round % 2 == 0 { PLAIN } else { DEFLATED };
        let slices = random.slices(&bytes, 7);
        assert_eq!(read_slices(slices, rules), read(&bytes, rules), "{bytes:02x?}");
    }
}

#[test]
fn damaged_compressed_messages_never_panic_and_stay_within_the_limit() {
    let mut random = Xorshift(0xfeed_beef_cafe_f00d);
    let message = "the quick brown fox ".repeat(50);
    let payload = deflate(message.as_bytes(), &mut Compressor::default()).unwrap();
    let mut inflater = Inflater::default();
    for _ in 0..5_000 {
        let mut damaged = payload.clone();
        let at = random.below(damaged.len());
        damaged[at] ^= 1 << random.below(8);
        if let Ok(inflated) = inflate(damaged, 1_500, &mut inflater) {
            assert!(inflated.len() <= 1_500);
        }
    }
}

/// Both directions of a connection in memory: what the peer reads, and what it wrote.
#[derive(Default)]
struct Pipe {
    to_peer: io::Cursor<Vec<u8>>,
    from_peer: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.to_peer.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.from_peer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn peer(to_peer: Vec<u8>) -> WebSocket<Pipe> {
    let pipe = Pipe { to_peer: io::Cursor::new(to_peer), from_peer: Vec::new() };
    WebSocket::from_raw_socket(pipe, Role::Client, Some(WebSocketConfig::default()))
}

#[test]
fn an_independent_peer_reads_our_frames() {
    let lengths = [0, 125, 126, 65535, 65536];
    let mut frames: Vec<u8> =
        lengths.iter().flat_map(|length| text(&vec![b'x'; *length])).collect();
    frames.extend(PING_EMPTY);
    frames.extend(pong(b"back"));
    frames.extend(close(CloseCode::POLICY, "no"));
    let mut peer = peer(frames);
    for length in lengths {
        assert_eq!(peer.read().unwrap(), Message::text("x".repeat(length)));
    }
    assert_eq!(peer.read().unwrap(), Message::Ping("".into()));
    assert_eq!(peer.read().unwrap(), Message::Pong("back".into()));
    let goodbye = CloseFrame { code: PeerCloseCode::Policy, reason: "no".into() };
    assert_eq!(peer.read().unwrap(), Message::Close(Some(goodbye)));
}

#[test]
fn the_frames_of_an_independent_peer_are_read() {
    let mut peer = peer(Vec::new());
    let large = "€".repeat(50_000);
    peer.send(Message::text("")).unwrap();
    peer.send(Message::text(large.as_str())).unwrap();
    peer.send(Message::Ping("are you there".into())).unwrap();
    let goodbye = CloseFrame { code: PeerCloseCode::Normal, reason: "done".into() };
    peer.close(Some(goodbye)).unwrap();
    let expected = [
        text_event(""),
        text_event(&large),
        Ok(Event::Ping(b"are you there".to_vec())),
        Ok(Event::Close { code: Some(CloseCode::NORMAL), reason: "done".to_owned() }),
    ];
    assert!(read(&peer.get_ref().from_peer, PLAIN) == expected);
}
