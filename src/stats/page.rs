//! The answer as it grows: one buffer, no formatting machinery, so that a list of 20,000 channels costs
//! no allocation per row.

/// Bytes of an answer under construction.
pub(super) struct Page {
    bytes: Vec<u8>,
}

impl Page {
    /// An empty page with room for so many bytes; it grows when that was too little.
    pub(super) fn with_capacity(bytes: usize) -> Page {
        Page { bytes: Vec::with_capacity(bytes) }
    }

    /// Appends text as it is.
    pub(super) fn text(&mut self, text: &str) -> &mut Page {
        self.raw(text.as_bytes())
    }

    /// Appends bytes as they are.
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

    /// Bytes so far.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Takes what was written since the last time.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// The finished answer.
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
