//! Tests of channels with a history of their own: its limits, lifetimes of single messages, and
//! that resuming finds exactly the gaps.

use super::*;
use crate::config::ChannelPattern;
use std::rc::Rc;

fn policy(channels: &str, messages: Option<u32>, seconds: u64, bytes: Option<usize>) -> Policy {
    Policy {
        channels: ChannelPattern::parse(channels).unwrap(),
        retention: Retention {
            messages_max: messages,
            bytes_max: bytes,
            age: Millis::from_seconds(seconds),
        },
    }
}

fn with(policies: Vec<Policy>) -> HubSettings {
    HubSettings { policies, store_bytes_max: 10_000_000, ..settings() }
}

/// What the API publishes.
fn draft(text: &[u8]) -> Draft {
    Draft { text: text.into(), storing: Storing::InHistories, ..Draft::default() }
}

fn short_lived(text: &[u8], seconds: u64) -> Draft {
    Draft { ttl: Some(Millis::from_seconds(seconds)), ..draft(text) }
}

fn texts(hub: &Hub, name: &[u8]) -> String {
    let channel = hub.find(name).unwrap();
    let all = Resume { after: Some(Position::START), ..Resume::default() };
    let stretch = hub.resume(channel, &all).stretch();
    let stored = stretch.iter().filter_map(|stretch| hub.stored(stretch)).flatten();
    stored.map(|message| String::from_utf8_lossy(&message.text).into_owned()).collect()
}

fn publish(hub: &mut Hub, name: &[u8], draft: &Draft, now: Now) -> Rc<Message> {
    let channel = hub.find_or_create(name, Maker::Application, now).unwrap();
    let message = hub.publish(channel, draft, now).unwrap();
    hub.assert_consistent();
    message
}

#[test]
fn a_channel_keeps_as_many_messages_as_the_first_block_that_includes_it() {
    let policies = vec![
        policy("news:top", Some(1), 60, None),
        policy("news:*", Some(2), 60, None),
        policy("big:*", None, 60, Some(2 * (168 + 10))),
    ];
    let mut hub = Hub::new(with(policies), at(0));
    for text in [b"a", b"b", b"c"] {
        for name in [&b"news:top"[..], b"news:x", b"news"] {
            publish(&mut hub, name, &draft(text), at(0));
        }
        publish(&mut hub, b"big:1", &draft(&text.repeat(10)), at(0));
    }
    assert_eq!(texts(&hub, b"news:top"), "c");
    assert_eq!(texts(&hub, b"news:x"), "bc");
    assert_eq!(texts(&hub, b"news"), "");
    assert_eq!(texts(&hub, b"big:1"), "bbbbbbbbbbcccccccccc");
    let too_large = draft(&[b'x'; 400]);
    publish(&mut hub, b"big:1", &too_large, at(0));
    assert_eq!(texts(&hub, b"big:1"), "bbbbbbbbbbcccccccccc", "it displaces no other");
}

#[test]
fn the_publisher_decides_whether_a_message_is_stored() {
    let mut hub = Hub::new(with(vec![policy("h", None, 60, None)]), at(0));
    for name in [&b"h"[..], b"other"] {
        for (text, storing) in
            [(b"a", Storing::Never), (b"b", Storing::InHistories), (b"c", Storing::Always)]
        {
            publish(&mut hub, name, &Draft { storing, ..draft(text) }, at(0));
        }
        publish(&mut hub, name, &short_lived(b"d", 0), at(0));
    }
    assert_eq!(texts(&hub, b"h"), "bc");
    assert_eq!(texts(&hub, b"other"), "c");
}

#[test]
fn a_message_with_a_shorter_lifetime_leaves_within_a_second_behind_one_with_a_longer() {
    let mut hub = Hub::new(with(vec![policy("h", None, 600, None)]), at(0));
    let first = publish(&mut hub, b"h", &draft(b"a"), at(0));
    publish(&mut hub, b"h", &short_lived(b"b", 5), at(1));
    publish(&mut hub, b"h", &short_lived(b"c", 3), at(1));
    let last = publish(&mut hub, b"h", &short_lived(b"d", 1000), at(1));
    let (before, accounted) = (hub.history_bytes(), hub.accounted_bytes());
    sweep_until(&mut hub, 4);
    assert_eq!(texts(&hub, b"h"), "abd");
    sweep_until(&mut hub, 6);
    assert_eq!(texts(&hub, b"h"), "ad");
    assert!(hub.history_bytes() < before - 2 * 168 && hub.accounted_bytes() < accounted - 2 * 168);
    let channel = hub.find(b"h").unwrap();
    let resumed =
        |after: Position| hub.resume(channel, &Resume { after: Some(after), ..Resume::default() });
    let seen = Position(last.position.0 - 1);
    assert!(matches!(resumed(first.position), Resumed::Gap(Some(_))));
    assert!(matches!(resumed(seen), Resumed::From(Stretch { next: 4, last: 4, .. })));
    assert_eq!(resumed(last.position), Resumed::UpToDate);
    sweep_until(&mut hub, 700);
    assert_eq!(hub.find(b"h"), None);
}

#[test]
fn the_only_message_of_a_channel_leaves_within_a_second_after_its_own_lifetime() {
    let mut hub = Hub::new(with(vec![policy("h", None, 600, None)]), at(0));
    publish(&mut hub, b"h", &short_lived(b"a", 5), at(0));
    sweep_until(&mut hub, 5);
    assert_eq!(texts(&hub, b"h"), "");
}

#[test]
fn a_replay_in_progress_ends_when_a_message_that_it_has_not_sent_expires() {
    let mut hub = Hub::new(with(vec![policy("h", None, 600, None)]), at(0));
    publish(&mut hub, b"h", &draft(b"a"), at(0));
    publish(&mut hub, b"h", &short_lived(b"b", 3), at(0));
    publish(&mut hub, b"h", &draft(b"c"), at(0));
    let channel = hub.find(b"h").unwrap();
    let resume = Resume { after: Some(Position::START), ..Resume::default() };
    let stretch = hub.resume(channel, &resume).stretch().unwrap();
    let behind = Stretch { next: 3, ..stretch };
    sweep_until(&mut hub, 3);
    assert!(hub.stored(&stretch).is_none());
    assert_eq!(hub.stored(&behind).unwrap().count(), 1, "it has sent the message already");
    let fresh = hub.resume(channel, &resume).stretch().unwrap();
    assert_eq!(hub.stored(&fresh).unwrap().count(), 2);
}

#[test]
fn entries_of_messages_that_are_gone_take_no_memory() {
    let mut hub = Hub::new(with(vec![policy("h", Some(1), 600, None)]), at(0));
    publish(&mut hub, b"h", &short_lived(b"x", 500), at(0));
    let before = hub.history_bytes();
    for _ in 0..1000 {
        publish(&mut hub, b"h", &short_lived(b"x", 500), at(0));
        assert!(hub.history_bytes() <= before + 20 * 32);
    }
}

#[test]
fn a_reload_shortens_histories_piece_by_piece() {
    let mut hub = Hub::new(with(vec![policy("*", None, 600, None)]), at(0));
    for _ in 0..10 {
        publish(&mut hub, b"a", &draft(b"x"), at(0));
        publish(&mut hub, b"b", &draft(b"x"), at(0));
    }
    // The second one finds channels that the first one has not shortened yet.
    for _ in 0..2 {
        hub.reconfigure(with(vec![policy("a", Some(3), 600, None)]), at(1));
        hub.assert_consistent();
    }
    let mut left = Vec::new();
    while left.len() < 9 && hub.next_sweep() == Some(Moment::START) {
        assert!(hub.sweep(4, at(1)) <= 4);
        hub.assert_consistent();
        left.push((texts(&hub, b"a").len(), texts(&hub, b"b").len()));
    }
    assert_eq!(left.last(), Some(&(3, 10)));
    assert!(left.len() >= 2);
    let channel = hub.find(b"a").unwrap();
    let resume = |after| Resume { after: Some(Position(after)), ..Resume::default() };
    assert!(matches!(hub.resume(channel, &resume(12)), Resumed::Gap(Some(_))));
    assert!(matches!(hub.resume(channel, &resume(13)), Resumed::From(_)));
    // Without a block, the settings for all channels apply: 12 seconds.
    sweep_until(&mut hub, 16);
    assert_eq!((texts(&hub, b"a").len(), texts(&hub, b"b").len()), (3, 0));
    hub.reconfigure(with(vec![policy("a", None, 20, None)]), at(17));
    sweep_until(&mut hub, 19);
    assert_eq!(texts(&hub, b"a").len(), 3);
    sweep_until(&mut hub, 24);
    assert_eq!(texts(&hub, b"a").len(), 0);
}

#[test]
fn a_channel_without_history_takes_no_more_memory_for_it() {
    assert_eq!(size_of::<channel::Channel>(), 104);
}

#[test]
fn a_reload_does_not_touch_the_lifetime_of_messages_of_other_channels() {
    let mut hub = Hub::new(settings(), at(0));
    let always = Draft { storing: Storing::Always, ..draft(b"x") };
    publish(&mut hub, b"a", &always, at(0));
    let shorter = HubSettings { message_ttl: Millis(1000), ..settings() };
    hub.reconfigure(HubSettings { policies: vec![policy("b", None, 1, None)], ..shorter }, at(0));
    sweep_until(&mut hub, 11);
    assert_eq!(texts(&hub, b"a"), "x");
}

/// Numbers from a seed (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn policies(&mut self) -> Vec<Policy> {
        let mut policies = Vec::new();
        for name in ["a", "b", "*"] {
            if self.below(4) > 0 {
                let messages = (self.below(2) > 0).then(|| 1 + self.below(8) as u32);
                let bytes = (self.below(2) > 0).then(|| 400 + self.below(2000) as usize);
                policies.push(policy(name, messages, 1 + self.below(30), bytes));
            }
        }
        policies
    }
}

/// A published message as the model knows it.
struct Known {
    message: Rc<Message>,
    published: u64,
    /// `None`: it was not to be stored.
    expires: Option<u64>,
    cost: usize,
    /// Whether it was beyond a limit at some time.
    was_beyond: bool,
}

const NAMES: [&[u8]; 3] = [b"a", b"b", b"c"];

struct Model {
    hub: Hub,
    settings: HubSettings,
    known: Vec<Known>,
    /// Replays in progress, with the ids that each is still to send.
    replays: Vec<(Stretch, Vec<i64>)>,
    seconds: u64,
}

impl Model {
    fn retention(&self, name: &[u8]) -> Option<Retention> {
        let mut policies = self.settings.policies.iter();
        Some(policies.find(|policy| policy.channels.includes(name))?.retention)
    }

    fn publish(&mut self, random: &mut Random) {
        let name = NAMES[random.below(3) as usize];
        let storing = [Storing::Never, Storing::InHistories, Storing::InHistories, Storing::Always]
            [random.below(4) as usize];
        let ttl = (random.below(3) == 0).then(|| Millis::from_seconds(random.below(15)));
        let text = vec![b'x'; random.below(300) as usize];
        let draft = Draft { storing, ttl, ..draft(&text) };
        let message = publish(&mut self.hub, name, &draft, at(self.seconds));
        let own = self.retention(name);
        let all = Retention { messages_max: None, bytes_max: None, age: self.settings.message_ttl };
        let Retention { bytes_max, age, .. } = own.unwrap_or(all);
        let is_wanted = match storing {
            Storing::Never => false,
            Storing::InHistories => own.is_some(),
            Storing::Always => true,
        };
        let cost = 168 + text.len();
        let fits = bytes_max.is_none_or(|max| cost <= max);
        let life = ttl.map_or(age, |ttl| ttl.min(age)).whole_seconds();
        let expires = (is_wanted && fits && life > 0).then_some(self.seconds + life);
        let published = self.seconds;
        self.known.push(Known { message, published, expires, cost, was_beyond: false });
    }

    /// Marks the messages that the limits allow to be removed.
    fn mark(&mut self) {
        for name in NAMES {
            let Some(Retention { messages_max, bytes_max, .. }) = self.retention(name) else {
                continue;
            };
            let (mut count, mut cost) = (0, 0);
            let own = self.known.iter_mut().rev();
            for known in own.filter(|known| *known.message.channel == *name) {
                if known.expires.is_none() {
                    continue;
                }
                (count, cost) = (count + 1, cost + known.cost);
                known.was_beyond |= messages_max.is_some_and(|max| count > max)
                    || bytes_max.is_some_and(|max| cost > max);
            }
        }
    }

    fn reload(&mut self, random: &mut Random) {
        let policies = random.policies();
        let before: Vec<_> = NAMES.iter().map(|name| self.retention(name)).collect();
        self.settings = with(policies);
        self.hub.reconfigure(self.settings.clone(), at(self.seconds));
        for (name, before) in NAMES.into_iter().zip(before) {
            let now = self.retention(name);
            if before.is_none() && now.is_none() {
                continue;
            }
            let age = now.map_or(self.settings.message_ttl, |retention| retention.age);
            let own = self.known.iter_mut().filter(|known| *known.message.channel == *name);
            for known in own {
                let latest = (known.published + age.whole_seconds()).max(self.seconds);
                known.expires = known.expires.map(|expires| expires.min(latest));
            }
        }
    }

    fn check(&mut self, random: &mut Random) {
        self.hub.assert_consistent();
        let after = Position(random.below(self.known.len() as u64 + 2));
        for name in NAMES {
            let Some(channel) = self.hub.find(name) else { continue };
            let stored = |after: Position| -> Vec<i64> {
                let resume = Resume { after: Some(after), ..Resume::default() };
                let stretch = self.hub.resume(channel, &resume).stretch();
                let messages = stretch.iter().filter_map(|stretch| self.hub.stored(stretch));
                messages.flatten().map(|message| message.id).collect()
            };
            let all = stored(Position::START);
            let is_stored = |known: &Known| all.contains(&known.message.id);
            let own = || self.known.iter().filter(|known| *known.message.channel == *name);
            for known in own() {
                let is_expired = known.expires.is_none_or(|expires| expires <= self.seconds);
                // Sweeps are every four seconds, and a publication time is rounded by a second.
                let must_leave = known.expires.is_none_or(|expires| expires + 5 <= self.seconds);
                assert!(!is_stored(known) || !must_leave, "{known:?} has left");
                let may_leave = is_expired || known.was_beyond;
                assert!(is_stored(known) || may_leave, "{known:?} is stored");
            }
            let wanted: Vec<i64> = own()
                .filter(|known| known.message.position > after && is_stored(known))
                .map(|known| known.message.id)
                .collect();
            assert_eq!(stored(after), wanted, "what is stored after a cursor is replayed");
            let resume = Resume { after: Some(after), ..Resume::default() };
            let has_gap = matches!(self.hub.resume(channel, &resume), Resumed::Gap(_));
            let is_missing = |known: &Known| known.message.position > after && !is_stored(known);
            assert_eq!(has_gap, own().any(is_missing), "a gap is found where there is one");
            if let Some(stretch) = self.hub.resume(channel, &resume).stretch() {
                self.replays.push((stretch, wanted));
            }
        }
        self.replay(random);
    }

    /// Each replay sends some of its messages, unless it ends.
    fn replay(&mut self, random: &mut Random) {
        let Model { hub, replays, .. } = self;
        replays.retain_mut(|(stretch, wanted)| {
            let Some(messages) = hub.stored(stretch) else { return false };
            let ids: Vec<i64> = messages.map(|message| message.id).collect();
            assert_eq!(ids, *wanted, "a replay leaves no message out");
            wanted.drain(..wanted.len().min(random.below(2) as usize));
            wanted.first().inspect(|next| stretch.next = **next).is_some()
        });
    }
}

impl std::fmt::Debug for Known {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Known { message, published, expires, cost, was_beyond } = self;
        let position = message.position.0;
        write!(formatter, "{position}: {published}, {expires:?}, {cost}, {was_beyond}")
    }
}

#[test]
fn whatever_happens_resuming_finds_exactly_what_is_missing() {
    for seed in 1..300_u64 {
        let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let settings = HubSettings {
            // Channels stay, so that their floors are their own.
            api_idle: IdleLife {
                ttl: Millis::from_seconds(1_000_000),
                counts_end_of_subscription: false,
            },
            location_idle: IdleLife {
                ttl: Millis::from_seconds(1_000_000),
                counts_end_of_subscription: false,
            },
            ..with(random.policies())
        };
        let hub = Hub::new(settings.clone(), at(0));
        let (known, replays) = (Vec::new(), Vec::new());
        let mut model = Model { hub, settings, known, replays, seconds: 0 };
        for _ in 0..60 {
            match random.below(8) {
                0 => {
                    model.seconds += random.below(6);
                    sweep_until(&mut model.hub, model.seconds);
                }
                1 if random.below(3) == 0 => {
                    model.reload(&mut random);
                    model.hub.sweep(usize::MAX, at(model.seconds));
                }
                _ => model.publish(&mut random),
            }
            model.mark();
            model.check(&mut random);
        }
    }
}
