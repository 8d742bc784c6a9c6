//! Frames of the rpushd API, and of WebSockets (RFC 6455, section 5.2).

/// A frame of the rpushd API: length and payload. An empty one is a heartbeat.
pub fn framed(payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let length = u16::try_from(payload.len()).expect("a frame's length has two bytes");
    [&length.to_be_bytes(), payload].concat()
}

/// Removes the first frame of the rpushd API, if it is complete, and returns its payload.
pub fn take_framed(buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let (length, rest) = buffer.split_first_chunk::<2>()?;
    let payload = rest.get(..usize::from(u16::from_be_bytes(*length)))?.to_vec();
    buffer.drain(..2 + payload.len());
    Some(payload)
}

/// A WebSocket frame in the form that servers send.
pub fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    [&header(first, 0, payload.len()), payload].concat()
}

/// A WebSocket frame in the form that clients send.
pub fn masked(first: u8, payload: impl AsRef<[u8]>, mask: [u8; 4]) -> Vec<u8> {
    let payload = payload.as_ref();
    let mut frame = header(first, 0x80, payload.len());
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn header(first: u8, mask_bit: u8, length: usize) -> Vec<u8> {
    match length {
        0..126 => vec![first, mask_bit | length as u8],
        126..65_536 => [&[first, mask_bit | 126][..], &(length as u16).to_be_bytes()].concat(),
        _ => [&[first, mask_bit | 127][..], &(length as u64).to_be_bytes()].concat(),
    }
}

/// Removes a server's first WebSocket frame, if it is complete, and returns its first byte and its
/// payload.
pub fn take_frame(buffer: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let (&first, length) = (buffer.first()?, *buffer.get(1)?);
    let (skipped, length) = match length {
        126 => (4, u16::from_be_bytes(buffer.get(2..4)?.try_into().ok()?).into()),
        0..126 => (2, usize::from(length)),
        _ => panic!("a masked or giant frame"),
    };
    let payload = buffer.get(skipped..skipped + length)?.to_vec();
    buffer.drain(..skipped + length);
    Some((first, payload))
}
