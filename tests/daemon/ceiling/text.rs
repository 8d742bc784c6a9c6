//! The messages of the load: each is known by its channel and number, so that a subscriber can
//! check every byte.

const TEXT_BYTES_MIN: usize = 100;
const TEXT_BYTES_MAX: usize = 1000;

/// The name of a channel with stored messages.
pub fn name(channel: usize) -> String {
    format!("c{channel}")
}

/// The message of a channel with this number. Its length is between 100 and 1,000 bytes.
pub fn text(channel: usize, number: u32) -> String {
    let random = (channel as u32).wrapping_mul(2_654_435_761) ^ number.wrapping_mul(40_503);
    let length = TEXT_BYTES_MIN + random as usize % (TEXT_BYTES_MAX - TEXT_BYTES_MIN + 1);
    let mut text = format!("\"#{channel} {number} ");
    text.push_str(&"x".repeat(length - text.len() - 2));
    text + "!\""
}

/// The number of a message, all of which must be as it was published.
pub fn number_of(channel: usize, message: &[u8]) -> u32 {
    let message = std::str::from_utf8(message).expect("messages are ASCII");
    let number = message.split(' ').nth(1).and_then(|word| word.parse().ok());
    let number = number.unwrap_or_else(|| panic!("channel {channel}: not a message: {message:?}"));
    assert_eq!(message, text(channel, number), "channel {channel}");
    number
}
