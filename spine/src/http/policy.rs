//! What the operator decides about outgoing requests.

use std::time::Duration;

use ipnet::IpNet;

/// Where plain `http://` is acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlainHttp {
    /// Nowhere: only `https://` leaves the node.
    #[default]
    Never,
    /// Towards addresses inside [`HttpPolicy::allow_networks`]: a home server, a test.
    AllowedNetworksOnly,
}

/// Limits of the guarded client. The defaults are the ones every stranger gets.
#[derive(Debug, Clone)]
pub struct HttpPolicy {
    /// Sent as `User-Agent`; names the program and a URL where its admin is found.
    pub user_agent: String,
    /// Networks that are reachable although the address list refuses them.
    pub allow_networks: Vec<IpNet>,
    /// Where plain HTTP is acceptable.
    pub allow_plain_http: PlainHttp,
    /// Time for name lookup, TCP and TLS together.
    pub connect_timeout: Duration,
    /// Longest silence between two reads.
    pub read_timeout: Duration,
    /// Whole request: waiting for a place, connecting, the last byte of the body.
    pub total_timeout: Duration,
    /// Largest body in bytes, counted after decompression.
    pub max_body: usize,
    /// Requests under way to one host and port; more wait for their turn.
    pub max_in_flight_per_host: usize,
}

impl HttpPolicy {
    /// The default limits under the given `User-Agent`.
    pub fn new(user_agent: impl Into<String>) -> Self {
        Self {
            user_agent: user_agent.into(),
            allow_networks: Vec::new(),
            allow_plain_http: PlainHttp::Never,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_secs(30),
            max_body: 1024 * 1024,
            max_in_flight_per_host: 16,
        }
    }
}
