//! Reasons for which push-stream requests are refused: status and explain text of each (push-stream
//! spec, section 23).

use crate::http::Status;
use crate::server::{Busy, Limit, SubscribeError};

/// A mistake of the client, or a limit of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is its explain text")]
pub enum Refusal {
    NoChannel,
    ChannelTooLarge,
    TooManyChannelsInPath,
    ReservedChannel,
    TooManyChannels,
    EventsChannelIsInternal,
    EmptyPost,
    MessageTooLarge,
    CannotCreateChannels,
    TooManySubscribers,
    TooManyWildcardChannels,
    EventsChannelNotAllowed,
    /// The memory limit is reached. Subscribers get an empty explain text, publishers get none.
    Full,
    /// The memory budget is nearly used up.
    ShortOfMemory,
    /// A limit of rpushd that the module does not have.
    Busy(Busy),
}

impl From<Busy> for Refusal {
    fn from(busy: Busy) -> Refusal {
        Refusal::Busy(busy)
    }
}

impl From<SubscribeError> for Refusal {
    fn from(error: SubscribeError) -> Refusal {
        match error {
            SubscribeError::Full => Refusal::Full,
            SubscribeError::Short => Refusal::ShortOfMemory,
        }
    }
}

impl Refusal {
    /// The status of the HTTP answer, and `http_status` in the close frame of a WebSocket.
    pub fn status(self) -> Status {
        match self {
            Refusal::NoChannel
            | Refusal::ChannelTooLarge
            | Refusal::TooManyChannelsInPath
            | Refusal::EmptyPost => Status::BAD_REQUEST,
            Refusal::ReservedChannel
            | Refusal::TooManyChannels
            | Refusal::EventsChannelIsInternal
            | Refusal::CannotCreateChannels
            | Refusal::TooManySubscribers
            | Refusal::TooManyWildcardChannels
            | Refusal::EventsChannelNotAllowed => Status::FORBIDDEN,
            Refusal::MessageTooLarge => Status::CONTENT_TOO_LARGE,
            Refusal::Full => Status::INTERNAL_SERVER_ERROR,
            Refusal::ShortOfMemory => Status::SERVICE_UNAVAILABLE,
            Refusal::Busy(busy) => busy.status(),
        }
    }

    /// When the client may try again, if it is worth it.
    pub fn retry_after_seconds(self) -> Option<u64> {
        match self {
            Refusal::ShortOfMemory => Some(SubscribeError::RETRY_AFTER_SECONDS),
            Refusal::Busy(busy) => Some(busy.retry_after_seconds),
            Refusal::NoChannel
            | Refusal::ChannelTooLarge
            | Refusal::TooManyChannelsInPath
            | Refusal::ReservedChannel
            | Refusal::TooManyChannels
            | Refusal::EventsChannelIsInternal
            | Refusal::EmptyPost
            | Refusal::MessageTooLarge
            | Refusal::CannotCreateChannels
            | Refusal::TooManySubscribers
            | Refusal::TooManyWildcardChannels
            | Refusal::EventsChannelNotAllowed
            | Refusal::Full => None,
        }
    }

    /// The `X-Nginx-PushStream-Explain` text.
    pub fn explain(self) -> &'static str {
        match self {
            Refusal::NoChannel => "No channel id provided.",
            Refusal::ChannelTooLarge => "Channel id is too large.",
            Refusal::TooManyChannelsInPath => "Too many channels in the path.",
            Refusal::ReservedChannel => "Channel id not authorized for this method.",
            Refusal::TooManyChannels => "Number of channels were exceeded.",
            Refusal::EventsChannelIsInternal => "Only internal routines can change events channel.",
            Refusal::EmptyPost => "Empty post requests are not allowed.",
            Refusal::MessageTooLarge => "Message is too large in the templates of its readers.",
            Refusal::CannotCreateChannels => "Subscriber could not create channels.",
            Refusal::TooManySubscribers => "Subscribers limit per channel has been exceeded.",
            Refusal::TooManyWildcardChannels => "Subscribed too much wildcard channels.",
            Refusal::EventsChannelNotAllowed => "Subscription to events channel is not allowed.",
            Refusal::Full => "",
            Refusal::ShortOfMemory => "Short of memory, try again later.",
            Refusal::Busy(busy) => match busy.limit {
                Limit::Rate => "Too many clients connect at once, try again later.",
                Limit::Address => "Subscribers limit per address has been exceeded.",
                Limit::Subject | Limit::FailedTokens => "Try again later.",
            },
        }
    }
}
