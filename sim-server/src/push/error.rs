//! Refusals, with the numbers that ntfy gives them.

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// `since=` is none of the forms it may have.
    #[error("invalid since parameter")]
    Since,
    /// The topic's name is not allowed.
    #[error("invalid topic")]
    Topic,
    /// The message is not UTF-8 text.
    #[error("message must be UTF-8 encoded")]
    NotText,
    /// The message is longer than 4096 bytes.
    #[error("message too large, and attachments are not allowed")]
    TooLong,
    /// The body is not the JSON expected.
    #[error("request body must be message JSON")]
    Json,
    /// The priority is not 1 to 5.
    #[error("invalid priority parameter")]
    Priority,
    /// There is no such address.
    #[error("page not found")]
    NotFound,
    /// There are too many messages.
    #[error("limit reached: too many requests")]
    TooManyMessages,
    /// There are too many topics or subscribers.
    #[error("limit reached: too many active subscriptions or topics")]
    TooManySubscribers,
}

impl PushError {
    /// ntfy's number for it.
    pub fn code(self) -> u32 {
        match self {
            Self::Priority => 40007,
            Self::Since => 40008,
            Self::Topic => 40009,
            Self::NotText => 40011,
            Self::TooLong => 40014,
            Self::Json => 40024,
            Self::NotFound => 40401,
            Self::TooManyMessages => 42901,
            Self::TooManySubscribers => 42903,
        }
    }

    /// The HTTP status.
    pub fn http(self) -> u16 {
        u16::try_from(self.code() / 100).unwrap_or(500)
    }
}
