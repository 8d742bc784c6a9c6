//! Push-stream locations (push-stream spec) as a face: finds the location of a path, checks access
//! and body size, and calls the location's role: publisher, subscriber or statistics.

mod answer;
mod channels;
mod cursor;
mod expression;
mod fields;
mod gzip;
mod location;
mod pages;
mod path;
mod polling;
mod publisher;
mod refusal;
mod request;
mod routed;
mod routes;
mod statistics;
mod streams;
mod subscriber;
mod subscription;
mod websocket;

use answer::{Answer, begin_unsized};
use fields::{cors, explain, no_cache};
use location::{Location, Locations, Wire};
use path::normalize;
use refusal::Refusal;
use request::Request;
use routed::RoutedRequest;
pub(super) use routes::PushStream;
