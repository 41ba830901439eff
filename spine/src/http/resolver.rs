//! Name lookup that hands only acceptable addresses to the connector.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{is_allowed_by_hand, refusal};

/// Which addresses a resolver lets through.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reach {
    /// Public addresses and networks allowed by hand.
    Public,
    /// Networks allowed by hand, and nothing else: plain HTTP.
    AllowedNetworks,
}

/// Carried through the client's error so that the caller learns what was refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum AddressRefused {
    #[error("the address {address} is refused: {reason}")]
    Special { address: IpAddr, reason: &'static str },
    #[error("the address is outside the networks for which plain HTTP is allowed")]
    NotAllowedForPlainHttp,
}

/// Resolves with the system's resolver and checks every address at connect time, so that a name
/// that changes its mind between a check and the connection gains nothing.
pub(super) struct GuardedResolver {
    pub(super) reach: Reach,
    pub(super) allow_networks: Arc<[IpNet]>,
}

impl Reach {
    /// Whether a connection to `address` may be made.
    pub(super) fn check(self, address: IpAddr, allowed: &[IpNet]) -> Result<(), AddressRefused> {
        if let Some(reason) = refusal(address, allowed) {
            return Err(AddressRefused::Special { address, reason });
        }
        match self {
            Self::Public => Ok(()),
            Self::AllowedNetworks if is_allowed_by_hand(address, allowed) => Ok(()),
            Self::AllowedNetworks => Err(AddressRefused::NotAllowedForPlainHttp),
        }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach;
        let allowed = self.allow_networks.clone();
        Box::pin(async move {
            // Port 0: the client fills in the URL's.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let acceptable = choose(found, reach, &allowed)?;
            Ok(Box::new(acceptable.into_iter()) as Addrs)
        })
    }
}

/// The acceptable ones of `found`; an error when there were addresses and none is acceptable.
fn choose(
    found: impl Iterator<Item = SocketAddr>,
    reach: Reach,
    allowed: &[IpNet],
) -> Result<Vec<SocketAddr>, AddressRefused> {
    let mut acceptable = Vec::new();
    let mut refused = None;
    for address in found {
        match reach.check(address.ip(), allowed) {
            Ok(()) => acceptable.push(address),
            Err(reason) => refused = refused.or(Some(reason)),
        }
    }
    match refused {
        Some(reason) if acceptable.is_empty() => Err(reason),
        _ => Ok(acceptable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(literals: &[&str]) -> Vec<SocketAddr> {
        literals.iter().map(|l| SocketAddr::new(l.parse().unwrap(), 0)).collect()
    }

    #[test]
    fn only_the_public_addresses_of_a_name_are_kept() {
        let found = addresses(&["127.0.0.1", "8.8.8.8", "::1", "2606:4700::1"]);
        let kept = choose(found.into_iter(), Reach::Public, &[]).unwrap();
        assert_eq!(kept, addresses(&["8.8.8.8", "2606:4700::1"]));
    }

    #[test]
    fn a_name_with_only_special_addresses_is_refused() {
        let found = addresses(&["10.0.0.1", "::1"]);
        let error = choose(found.into_iter(), Reach::Public, &[]).unwrap_err();
        assert!(matches!(error, AddressRefused::Special { reason: "private", .. }));
    }

    #[test]
    fn plain_http_reaches_only_networks_allowed_by_hand() {
        let allowed: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let found = addresses(&["8.8.8.8", "10.0.0.1"]);
        let kept = choose(found.into_iter(), Reach::AllowedNetworks, &allowed).unwrap();
        assert_eq!(kept, addresses(&["10.0.0.1"]));
        let found = addresses(&["8.8.8.8"]);
        let error = choose(found.into_iter(), Reach::AllowedNetworks, &allowed).unwrap_err();
        assert!(matches!(error, AddressRefused::NotAllowedForPlainHttp));
    }
}
