//! The mask of client frames (RFC 6455 section 5.3).

/// Applies `mask` to `bytes`, which start at `offset` in the payload of their frame. Masking and
/// unmasking are the same operation.
pub(super) fn apply(bytes: &mut [u8], mask: [u8; 4], offset: usize) {
    let mut rotated = mask;
    rotated.rotate_left(offset % 4);
    let [a, b, c, d] = rotated;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    // Eight bytes at a time, which the compiler vectorizes. Eight is a multiple of the mask's
    // length, so the remainder starts with the mask's first byte again.
    let (words, remainder) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in remainder.iter_mut().zip(rotated.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_remainders_agree_with_the_definition_byte_by_byte() {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        for length in 0..36_u8 {
            for offset in 0..9 {
                let plain: Vec<u8> = (0..length).map(|n| n * 7).collect();
                let expected: Vec<u8> = plain
                    .iter()
                    .enumerate()
                    .map(|(at, byte)| byte ^ mask[(at + offset) % 4])
                    .collect();
                let mut masked = plain;
                apply(&mut masked, mask, offset);
                assert_eq!(masked, expected, "length {length}, offset {offset}");
            }
        }
    }
}
