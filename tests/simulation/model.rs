//! The messages that each subscriber must have received, as lists: per channel all publications in
//! order, and per subscriber its position.
//!
//! Publications that the server has delayed are carried out within one tick, in an order that is
//! only visible to subscribers. The first subscriber that receives them determines the order, and
//! all others must receive the same.

/// The publications of one call of the server.
pub type Batch = u64;

/// The publications of all channels.
pub struct Model {
    channels: Vec<Vec<Publication>>,
    /// Publications whose order is fixed, per channel.
    settled: Vec<usize>,
}

struct Publication {
    payload: Vec<u8>,
    publisher: usize,
    /// The call in which it was published, if several were published in it and their order is
    /// unknown.
    batch: Option<Batch>,
}

/// The position of one subscriber.
#[derive(Debug)]
pub struct Cursor {
    channel: usize,
    next: usize,
    /// It subscribed during this batch, so it may have received any part of it.
    joined_in: Option<Batch>,
    optional: Vec<Vec<u8>>,
}

impl Model {
    pub fn new(channel_count: usize) -> Model {
        Model {
            channels: (0..channel_count).map(|_| Vec::new()).collect(),
            settled: vec![0; channel_count],
        }
    }

    pub fn publish(
        &mut self,
        channel: usize,
        payload: Vec<u8>,
        publisher: usize,
        batch: Option<Batch>,
    ) {
        self.channels[channel].push(Publication { payload, publisher, batch });
    }

    /// Adds a subscriber: it must receive everything that is published from now on.
    pub fn join(&self, channel: usize, batch: Option<Batch>) -> Cursor {
        let list = &self.channels[channel];
        let is_of_batch = |one: &Publication| batch.is_some() && one.batch == batch;
        let next = list.iter().position(is_of_batch).unwrap_or(list.len());
        Cursor { channel, next, joined_in: batch, optional: Vec::new() }
    }

    /// Records a received message. Panics unless it is the next one.
    pub fn take(&mut self, cursor: &mut Cursor, payload: &[u8]) {
        let list = &mut self.channels[cursor.channel];
        if let Some(batch) = cursor.joined_in {
            let is_of_batch = list[cursor.next..]
                .iter()
                .any(|one| one.batch == Some(batch) && one.payload == payload);
            if is_of_batch && !cursor.optional.iter().any(|seen| seen == payload) {
                return cursor.optional.push(payload.to_vec());
            }
            cursor.leave_batch(list);
        }
        let next = cursor.next;
        let Some(expected) = list.get(next) else {
            panic!("a message that nobody has published or that came before: {}", text(payload));
        };
        if expected.payload != payload {
            let (batch, settled) = (expected.batch, self.settled[cursor.channel]);
            let found = (next..list.len()).take_while(|at| list[*at].batch == batch).find(|at| {
                let publisher = list[*at].publisher;
                list[*at].payload == payload
                    && list[next..*at].iter().all(|one| one.publisher != publisher)
            });
            match found {
                Some(found) if batch.is_some() && next >= settled => {
                    list[next..=found].rotate_right(1);
                }
                _ => panic!(
                    "a message is missing: expected {}, got {}",
                    text(&expected.payload),
                    text(payload)
                ),
            }
        }
        cursor.next += 1;
        self.settled[cursor.channel] = self.settled[cursor.channel].max(cursor.next);
    }

    /// The payloads that a subscriber must still receive.
    pub fn missing(&self, cursor: &Cursor) -> impl Iterator<Item = &[u8]> {
        self.channels[cursor.channel][cursor.next..]
            .iter()
            .filter(|one| cursor.joined_in.is_none() || one.batch != cursor.joined_in)
            .map(|one| &one.payload[..])
    }

    /// The payloads that a subscriber may still receive.
    pub fn possible(&self, cursor: &Cursor) -> impl Iterator<Item = &[u8]> {
        self.channels[cursor.channel][cursor.next..].iter().map(|one| &one.payload[..])
    }

    /// Number of publications of all channels.
    pub fn publication_count(&self) -> usize {
        self.channels.iter().map(Vec::len).sum()
    }
}

impl Cursor {
    /// How many publications of its channel it has received, or need not receive.
    pub fn next(&self) -> usize {
        self.next
    }

    fn leave_batch(&mut self, list: &[Publication]) {
        while list.get(self.next).is_some_and(|one| one.batch == self.joined_in) {
            self.next += 1;
        }
        self.joined_in = None;
    }
}

fn text(payload: &[u8]) -> String {
    let shown = &payload[..payload.len().min(40)];
    format!("{:?}", String::from_utf8_lossy(shown))
}
