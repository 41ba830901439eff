//! Hosts: how they are named, and which the node wants nothing of.

use std::collections::HashSet;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;

use activitypub::HostGate;
use async_trait::async_trait;
use moka::future::Cache;
use sqlx::PgPool;
use url::{Host, Url};

use crate::SocialError;
use crate::store::inbound_hosts;

/// How long an admin's new block may take to reach every process.
const BLOCK_LIST_LIFE: Duration = Duration::from_secs(5);

/// The domain that a URL belongs to, as handles and accounts name it: lower case, punycode, with
/// the port where it is not the scheme's own. `None` where the URL has no host.
pub(crate) fn domain_of(url: &Url) -> Option<String> {
    let host = url.host_str()?.trim_end_matches('.');
    if host.is_empty() {
        return None;
    }
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// Labels under which the registries of countries sell names.
const REGISTRIES: [&str; 18] = [
    "ac", "co", "com", "edu", "gob", "gov", "ltd", "me", "mil", "ne", "net", "nom", "or", "org",
    "plc", "sch", "go", "gen",
];

/// The site that a URL most likely belongs to: what its owner can make more of at no cost, such as
/// ports, names below his own and addresses of his network, counts once. Where that is a guess too
/// many, strangers share what is meant for one of them.
pub(crate) fn site_of(url: &Url) -> Option<String> {
    let name = match url.host()? {
        Host::Ipv4(address) => return Some(address.to_string()),
        Host::Ipv6(address) => {
            let [a, b, c, d, ..] = address.segments();
            return Some(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string());
        }
        Host::Domain(name) => name.trim_end_matches('.'),
    };
    let labels: Vec<&str> = name.split('.').collect();
    let is_registry = matches!(
        labels[..], [.., second, top] if top.len() == 2 && REGISTRIES.contains(&second)
    );
    let kept = if is_registry { 3 } else { 2 };
    Some(labels[labels.len().saturating_sub(kept)..].join("."))
}

/// A domain as somebody typed it, in the form that [`domain_of`] gives. `None` where it is none.
pub(crate) fn normalize_domain(typed: &str) -> Option<String> {
    let typed = typed.trim().trim_end_matches('.');
    if typed.is_empty() || typed.contains(['/', '@', '?', '#', '\\']) {
        return None;
    }
    domain_of(&Url::parse(&format!("https://{typed}/")).ok()?)
}

/// The domains that the whole node blocks, each with its subdomains.
#[derive(Debug, Default)]
pub(crate) struct BlockList(HashSet<String>);

impl BlockList {
    /// A list of these domains.
    pub(crate) fn new(domains: impl IntoIterator<Item = String>) -> Self {
        Self(domains.into_iter().filter_map(|domain| normalize_domain(&domain)).collect())
    }

    /// Whether this URL's host, or a domain above it, is blocked.
    pub(crate) fn blocks(&self, url: &Url) -> bool {
        if self.0.is_empty() {
            return false;
        }
        domain_of(url).is_none_or(|domain| self.blocks_domain(&domain))
    }

    /// Whether this domain, or one above it, is blocked: that of a stored account, or a host with
    /// its port.
    pub(crate) fn blocks_domain(&self, domain: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        if self.0.contains(domain) {
            return true;
        }
        let mut host = match domain.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => domain,
        };
        loop {
            if self.0.contains(host) {
                return true;
            }
            match host.split_once('.') {
                Some((_, parent)) => host = parent,
                None => return false,
            }
        }
    }
}

/// The node's block list, read again every few seconds.
pub(crate) struct BlockedHosts(Cache<(), Arc<BlockList>>);

impl BlockedHosts {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(1).time_to_live(BLOCK_LIST_LIFE).build())
    }

    /// The list now.
    ///
    /// # Errors
    /// The database is away: then nobody can say that a host is not blocked.
    pub(crate) async fn load(&self, pool: &PgPool) -> Result<Arc<BlockList>, SocialError> {
        let load = async {
            let domains = inbound_hosts::blocked_domains(pool).await?;
            Ok(Arc::new(BlockList::new(domains)))
        };
        self.0.try_get_with((), load).await.map_err(|error: Arc<sqlx::Error>| {
            match Arc::try_unwrap(error) {
                Ok(error) => SocialError::Store(error),
                // Another waiter holds the same error; what matters is that it is passing.
                Err(_shared) => SocialError::Store(sqlx::Error::PoolTimedOut),
            }
        })
    }

    /// Forgets the list, so that a change is seen at once in this process.
    pub(crate) fn forget(&self) {
        self.0.invalidate_all();
    }
}

/// Keeps requests, redirects included, from blocked hosts.
pub(crate) struct Gate {
    blocked: Arc<BlockedHosts>,
    pool: PgPool,
}

impl Gate {
    pub(crate) fn new(blocked: Arc<BlockedHosts>, pool: PgPool) -> Self {
        Self { blocked, pool }
    }
}

#[async_trait]
impl HostGate for Gate {
    async fn admits(&self, url: &Url) -> bool {
        match self.blocked.load(&self.pool).await {
            Ok(list) => !list.blocks(url),
            Err(error) => {
                tracing::warn!(%error, "the block list could not be read: nothing is asked");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn ports_and_names_below_a_domain_are_one_site() {
        for (address, site) in [
            ("https://a.example/users/x", "a.example"),
            ("https://one.two.a.example:8443/", "a.example"),
            ("https://A.example./", "a.example"),
            ("https://one.a.co.uk/", "a.co.uk"),
            ("https://a.co.uk/", "a.co.uk"),
            ("https://one.co.example/", "co.example"),
            ("https://one.my.de/", "my.de"),
            ("https://localhost:3000/", "localhost"),
            ("http://127.0.0.1:8080/", "127.0.0.1"),
            ("https://[2001:db8:1:2:3:4:5:6]/", "2001:db8:1:2::"),
        ] {
            assert_eq!(site_of(&url(address)).as_deref(), Some(site), "{address}");
        }
    }

    #[test]
    fn a_block_covers_subdomains_and_other_spellings() {
        let list = BlockList::new(["Bad.Example.".to_owned(), "münchen.example".to_owned()]);
        for blocked in [
            "https://bad.example/users/x",
            "https://BAD.example./x",
            "https://a.b.bad.example:8443/",
            "https://xn--mnchen-3ya.example/",
        ] {
            assert!(list.blocks(&url(blocked)), "{blocked}");
        }
        for domain in ["bad.example", "a.bad.example", "bad.example:8443"] {
            assert!(list.blocks_domain(domain), "{domain}");
        }
        let literal = BlockList::new(["[::1]".to_owned(), "one.example:81".to_owned()]);
        assert!(literal.blocks_domain("[::1]") && literal.blocks_domain("[::1]:81"));
        assert!(literal.blocks_domain("one.example:81") && !literal.blocks_domain("one.example"));
        for free in ["https://notbad.example/", "https://example/", "https://bad.example.org/"] {
            assert!(!list.blocks(&url(free)), "{free}");
        }
    }
}
