//! The profiles of all subscribers of the API: one per transport, coding and form of the payload.

use super::poll_answers::PollAnswers;
use crate::http::Exchange;
use crate::time::Millis;
use crate::transports::{
    Carrier, Coding, ControlForm, Encoded, Envelope, FormatId, Formats, Payload, Profile,
    WireFormat, framed,
};
use std::rc::Rc;

/// How often subscribers of the API get heartbeats, and when they are warned of the end of their
/// tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Intervals {
    pub(super) heartbeat: Millis,
    pub(super) expiring_before: Millis,
}

/// All profiles. Open streams share them, so they follow a reload.
pub(super) struct Profiles {
    /// Streams of rpushd 1.0: frames with payloads.
    plain: ByCoding,
    framed: ByCoding,
    events: ByCoding,
    raw_events: ByCoding,
    websocket: ByDeflate,
    raw_websocket: ByDeflate,
    poll: Rc<Profile>,
    raw_poll: Rc<Profile>,
}

/// Of responses.
struct ByCoding {
    chunked: Rc<Profile>,
    identity: Rc<Profile>,
}

/// Of WebSockets, with and without permessage-deflate.
struct ByDeflate {
    plain: Rc<Profile>,
    deflated: Rc<Profile>,
}

impl ByCoding {
    fn of(&self, exchange: Exchange) -> &Rc<Profile> {
        if exchange.is_http_1_0 { &self.identity } else { &self.chunked }
    }
}

impl Profiles {
    pub(super) fn new(intervals: Intervals, formats: &mut Formats) -> Profiles {
        let mut plain = |coding: Coding| {
            let heartbeat = coding.encode(framed::HEARTBEAT, formats.compressor());
            let format = formats.intern(WireFormat { payload: Payload::Framed, coding });
            let heartbeat = Some(Encoded { text_bytes: 0, ..heartbeat });
            Rc::new(Profile { heartbeat, ..profile(format, None, coding.end(), intervals) })
        };
        let plain = ByCoding { chunked: plain(Coding::Chunked), identity: plain(Coding::Identity) };
        let mut format = |carrier: Carrier, is_raw: bool, coding: Coding| {
            let payload = Payload::Envelope(Envelope { carrier, is_raw });
            formats.intern(WireFormat { payload, coding })
        };
        let mut stream = |carrier: Carrier, is_raw: bool, form: fn(Coding) -> ControlForm| {
            let mut of = |coding: Coding| {
                let format = format(carrier, is_raw, coding);
                Rc::new(profile(format, Some(form(coding)), coding.end(), intervals))
            };
            ByCoding { chunked: of(Coding::Chunked), identity: of(Coding::Identity) }
        };
        let framed = stream(Carrier::Framed, false, ControlForm::Framed);
        let events = stream(Carrier::EventStream, false, ControlForm::EventStream);
        let raw_events = stream(Carrier::EventStream, true, ControlForm::EventStream);
        let mut websocket = |is_raw: bool| {
            let mut of = |carrier: Carrier| {
                let format = format(carrier, is_raw, Coding::Identity);
                Rc::new(profile(format, Some(ControlForm::WebSocket), b"", intervals))
            };
            ByDeflate { plain: of(Carrier::WebSocket), deflated: of(Carrier::WebSocketDeflated) }
        };
        let (websocket, raw_websocket) = (websocket(false), websocket(true));
        let mut poll = |is_raw: bool| {
            let listed = format(Carrier::Listed, is_raw, Coding::Identity);
            let chunked = format(Carrier::Listed, is_raw, Coding::Chunked);
            let answers = Rc::new(PollAnswers { listed, chunked });
            let plain = profile(listed, None, b"", intervals);
            Rc::new(Profile { long_poll: Some(answers), ..plain })
        };
        let (poll, raw_poll) = (poll(false), poll(true));
        Profiles { plain, framed, events, raw_events, websocket, raw_websocket, poll, raw_poll }
    }

    /// Puts other intervals in force, for open streams, too.
    pub(super) fn set_intervals(&self, intervals: Intervals) {
        for profile in self.all() {
            profile.heartbeat_interval.set(intervals.heartbeat);
            profile.expiring_before.set(intervals.expiring_before);
        }
    }

    pub(super) fn plain(&self, exchange: Exchange) -> &Rc<Profile> {
        self.plain.of(exchange)
    }

    pub(super) fn framed(&self, exchange: Exchange) -> &Rc<Profile> {
        self.framed.of(exchange)
    }

    pub(super) fn events(&self, exchange: Exchange, is_raw: bool) -> &Rc<Profile> {
        if is_raw { self.raw_events.of(exchange) } else { self.events.of(exchange) }
    }

    pub(super) fn websocket(&self, is_deflated: bool, is_raw: bool) -> &Rc<Profile> {
        let profiles = if is_raw { &self.raw_websocket } else { &self.websocket };
        if is_deflated { &profiles.deflated } else { &profiles.plain }
    }

    pub(super) fn poll(&self, is_raw: bool) -> &Rc<Profile> {
        if is_raw { &self.raw_poll } else { &self.poll }
    }

    /// Every wire format that new subscribers may use.
    pub(super) fn formats(&self) -> Vec<FormatId> {
        self.all().flat_map(|profile| profile.formats()).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Rc<Profile>> {
        let streams = [&self.plain, &self.framed, &self.events, &self.raw_events];
        let websockets = [&self.websocket, &self.raw_websocket];
        let streams = streams.into_iter().flat_map(|one| [&one.chunked, &one.identity]);
        let websockets = websockets.into_iter().flat_map(|one| [&one.plain, &one.deflated]);
        streams.chain(websockets).chain([&self.poll, &self.raw_poll])
    }
}

fn profile(
    format: FormatId,
    control: Option<ControlForm>,
    end: &'static [u8],
    intervals: Intervals,
) -> Profile {
    Profile {
        format,
        heartbeat: None,
        heartbeat_interval: intervals.heartbeat.into(),
        restarts_heartbeat: false,
        padding: None,
        goodbye: None,
        end: end.into(),
        time_to_live: None,
        takes_messages: control == Some(ControlForm::WebSocket),
        control,
        expiring_before: intervals.expiring_before.into(),
        cursor_heartbeat: None.into(),
        ends_at_reload: false,
        long_poll: None,
    }
}
