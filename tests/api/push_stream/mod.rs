//! The promises of push-stream locations, section by section of the push-stream spec.

mod checklist_subscribers;
mod compression;
mod documents;
mod event_source;
mod jsonp;
mod long_polling;
mod oddities;
mod padding;
mod polling;
mod receiving;
mod replay;
mod streaming;
mod subscriber_headers;
mod subscriber_properties;
mod templates;
mod timing;
mod transports;
mod websocket_client;
mod websocket_frames;
mod websocket_handshake;
mod websocket_peer;
mod websocket_publishing;
