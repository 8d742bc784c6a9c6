//! A response that is being written: one buffer without formatting machinery, so that a list of
//! 20,000 channels needs no allocation per row.

/// The bytes of a response that is being written.
pub(super) struct Page {
    bytes: Vec<u8>,
}

impl Page {
    /// An empty page with this capacity; it grows if necessary.
    pub(super) fn with_capacity(bytes: usize) -> Page {
        Page { bytes: Vec::with_capacity(bytes) }
    }

    /// Appends text unchanged.
    pub(super) fn text(&mut self, text: &str) -> &mut Page {
        self.raw(text.as_bytes())
    }

    /// Appends bytes unchanged.
    pub(super) fn raw(&mut self, bytes: &[u8]) -> &mut Page {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Appends a number in decimal.
    pub(super) fn number(&mut self, number: u64) -> &mut Page {
        const DIGITS_MAX: usize = 20;
        let mut digits = [0; DIGITS_MAX];
        let mut start = DIGITS_MAX;
        let mut rest = number;
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                return self.raw(&digits[start..]);
            }
        }
    }

    /// Number of bytes written and not taken yet.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Takes the bytes written since the last call.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// The bytes of the finished response.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_std_writes_them() {
        for number in [0, 9, 10, 99, 100, 12_345, u64::MAX - 1, u64::MAX] {
            let mut page = Page::with_capacity(0);
            page.number(number);
            assert_eq!(page.into_bytes(), number.to_string().into_bytes());
        }
    }
}
