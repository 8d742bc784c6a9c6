//! Input in slices of many sizes.

/// The whole input in slices of 1 to 16 bytes; each choice cuts in another way.
pub fn slices(mut input: &[u8], choice: u8) -> impl Iterator<Item = &[u8]> {
    let mut state = u32::from(choice) + 1;
    std::iter::from_fn(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let count = input.len().min(1 + (state >> 28) as usize);
        input.split_off(..count).filter(|slice| !slice.is_empty())
    })
}
