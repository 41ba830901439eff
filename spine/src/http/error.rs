//! Why an outgoing request brought no response.

use std::error::Error;
use std::net::IpAddr;

use super::resolver::AddressRefused;

/// An outgoing request failed before there was a whole response. A response with any status is not
/// an error here.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The client cannot be built: bad user agent, no root certificates.
    #[error("the HTTP client cannot be set up")]
    Setup(#[source] reqwest::Error),
    /// The URL is not one the node ever fetches.
    #[error("the URL cannot be requested: {0}")]
    InvalidUrl(&'static str),
    /// The request itself is not one the guard lets out.
    #[error("the request cannot be sent: {0}")]
    InvalidRequest(&'static str),
    /// Plain HTTP outside the networks for which the operator allows it.
    #[error("plain HTTP is not allowed for this host")]
    PlainHttp,
    /// The address is not public and not allowed by hand.
    #[error("the address {address} is refused: {reason}")]
    Refused {
        /// What the host name resolved to, or the literal in the URL.
        address: IpAddr,
        /// Which special network it belongs to.
        reason: &'static str,
    },
    /// The host name has no address.
    #[error("the host name cannot be resolved")]
    Resolve(#[source] reqwest::Error),
    /// No connection: nobody listens, TLS failed.
    #[error("the connection failed")]
    Connect(#[source] reqwest::Error),
    /// Connecting, a silence while reading, or the whole request took too long.
    #[error("the request took too long")]
    Timeout,
    /// The body is larger than the limit.
    #[error("the response is larger than {limit} bytes")]
    TooLarge {
        /// The limit that applied, in bytes.
        limit: usize,
    },
    /// The connection broke, or what came back is not HTTP.
    #[error("the exchange broke off")]
    Exchange(#[source] reqwest::Error),
}

impl HttpError {
    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Resolve(_) | Self::Connect(_) | Self::Timeout | Self::Exchange(_) => true,
            Self::Setup(_)
            | Self::InvalidUrl(_)
            | Self::InvalidRequest(_)
            | Self::PlainHttp
            | Self::Refused { .. }
            | Self::TooLarge { .. } => false,
        }
    }

    /// Sorts an error of the underlying client by what it means for the caller.
    pub(super) fn from_client(error: reqwest::Error) -> Self {
        if let Some(refused) = find_source::<AddressRefused>(&error) {
            return match *refused {
                AddressRefused::Special { address, reason } => Self::Refused { address, reason },
                AddressRefused::NotAllowedForPlainHttp => Self::PlainHttp,
            };
        }
        // The URL is known to the caller and may hold a token: it does not belong in a log.
        let error = error.without_url();
        if error.is_timeout() {
            Self::Timeout
        } else if error.is_dns() {
            Self::Resolve(error)
        } else if error.is_connect() {
            Self::Connect(error)
        } else {
            Self::Exchange(error)
        }
    }
}

fn find_source<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        current = error.source();
    }
    None
}
