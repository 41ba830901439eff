//! Which address a request comes from, through the proxies that may speak for others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";
/// Who sends what makes no sense: limited together.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The other end of the connection that a request came over, put into its extensions by the server.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// The client's address: the peer's, or, where the peer is a proxy of ours, the last address in
/// `X-Forwarded-For` that is none. What stands left of that one is the client's own word.
pub fn address(peer: Option<Peer>, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let Some(Peer(peer)) = peer else { return NOBODY };
    let mut client = peer.to_canonical();
    // Each proxy adds to the end of the list, whether it is one header or several.
    let named = headers.get_all(FORWARDED_FOR).iter().rev();
    let named = named.flat_map(|value| value.to_str().unwrap_or("?").rsplit(','));
    for text in named {
        if !is_within(client, proxies) {
            break;
        }
        let text = text.trim();
        let parsed = text
            .parse::<IpAddr>()
            .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
        client = match parsed {
            Ok(address) => address.to_canonical(),
            Err(_) => return NOBODY,
        };
    }
    client
}

/// Whether an address is in one of these networks.
pub fn is_within(address: IpAddr, networks: &[IpNet]) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// What is counted together: an IPv4 address, or the /64 that one household of IPv6 has.
pub fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let proxies = ["127.0.0.0/8".parse().unwrap(), "10.0.0.0/24".parse().unwrap()];
        address(Some(Peer(peer.parse().unwrap())), &headers, &proxies).to_string()
    }

    #[test]
    fn a_stranger_speaks_for_nobody_else() {
        assert_eq!(client("203.0.113.5", &["198.51.100.7"]), "203.0.113.5");
    }

    #[test]
    fn a_proxy_of_ours_names_its_client_and_what_the_client_says_means_nothing() {
        assert_eq!(client("127.0.0.1", &["203.0.113.5"]), "203.0.113.5");
        assert_eq!(client("127.0.0.1", &["127.0.0.1, 203.0.113.5"]), "203.0.113.5");
        assert_eq!(client("127.0.0.1", &["203.0.113.5, 10.0.0.9"]), "203.0.113.5");
        assert_eq!(client("127.0.0.1", &["6.6.6.6, 203.0.113.5", "10.0.0.9"]), "203.0.113.5");
        assert_eq!(client("::ffff:127.0.0.1", &["[2001:db8::1]:4000"]), "2001:db8::1");
        assert_eq!(client("127.0.0.1", &["203.0.113.5, unknown"]), "0.0.0.0");
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn a_household_of_ipv6_is_one() {
        let together = |address: &str| household(address.parse().unwrap()).to_string();
        assert_eq!(together("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(together("203.0.113.5"), "203.0.113.5");
    }
}
