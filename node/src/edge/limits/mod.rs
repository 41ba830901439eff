//! How often one client may call, as Mastodon has it: by token where there is a good one, else by
//! address; less often for what lets strangers in and for what is costly.
//!
//! Inboxes have no limit here, as on Mastodon: another server's requests come in bursts, a refusal
//! only makes it come again, and the intake answers before any work. What reading signers for one
//! client may cost, they limit themselves; whose request it is, they hear from here. Pages and
//! documents have no limit either.
//!
//! Each process counts for itself.

mod buckets;
mod client;

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::Request;
use governor::clock::MonotonicClock;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use identity::Identity;
use ipnet::IpNet;
use spine::{Clock, Problem};

use self::buckets::{Buckets, Standing};
pub use self::client::Peer;
use super::caller::{bearer, query_token};
use crate::config;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    /// The token with this number.
    Token(i64),
    /// A visitor's address, or an IPv6 household's.
    Address(IpAddr),
}

/// The limits of one process.
pub struct Limits {
    trusted_proxies: Vec<IpNet>,
    exempt: Vec<IpNet>,
    api: Option<Buckets<Who>>,
    uploads: Option<Buckets<Who>>,
    log_in: Option<Buckets<Who>>,
    apps: Option<Buckets<Who>>,
    sign_up: Option<Buckets<Who>>,
}

/// How a request stands with the limits that it met.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    tightest: Standing,
    reset_at: chrono::DateTime<chrono::Utc>,
}

/// What a request is, as far as limits are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Free,
    Api,
    Upload,
    LogIn,
    App,
    SignUp,
}

/// What of a request its limits depend on.
#[derive(Clone, Debug)]
pub struct Limited {
    kind: Kind,
    address: IpAddr,
    token: Option<String>,
}

impl Kind {
    /// Whether a person behind a token counts, not where they are.
    fn is_by_token(self) -> bool {
        matches!(self, Self::Api | Self::Upload)
    }

    fn of(method: &Method, path: &str, headers: &HeaderMap) -> Self {
        match (method, path.trim_end_matches('/')) {
            (&Method::POST, "/api/v1/media" | "/api/v2/media") => Self::Upload,
            // Only multipart bodies can bring pictures.
            (
                &Method::PATCH | &Method::POST,
                "/api/v1/accounts/update_credentials" | "/api/v1/profile",
            ) if is_multipart(headers) => Self::Upload,
            (&Method::POST, "/oauth/token" | "/sign-in" | "/setup") => Self::LogIn,
            (&Method::POST, "/api/v1/apps") => Self::App,
            (&Method::POST, "/api/v1/accounts") => Self::SignUp,
            _ if path.starts_with("/api/") => Self::Api,
            _ => Self::Free,
        }
    }
}

fn is_multipart(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes());
    kind.and_then(|kind| kind.trim_ascii_start().get(.."multipart/".len()))
        .is_some_and(|start| start.eq_ignore_ascii_case(b"multipart/"))
}

impl Limits {
    /// The limits that the operator wants.
    pub fn new(config: &config::Limits) -> Self {
        let buckets = |rate| Buckets::new(rate, MonotonicClock);
        Self {
            trusted_proxies: config.trusted_proxies.clone(),
            exempt: config.exempt.clone(),
            api: buckets(config.api),
            uploads: buckets(config.uploads),
            log_in: buckets(config.log_in),
            apps: buckets(config.apps),
            sign_up: buckets(config.sign_up),
        }
    }

    /// What of a request its limits depend on. `None`: nothing limits it.
    pub fn limited(&self, request: &Request) -> Option<Limited> {
        let kind = Kind::of(request.method(), request.uri().path(), request.headers());
        if kind == Kind::Free {
            return None;
        }
        let address = self.client(request.extensions(), request.headers())?;
        let token = bearer(request.headers()).or_else(|| query_token(request.uri().query()));
        let token = token.map(str::to_owned).filter(|_| kind.is_by_token());
        Some(Limited { kind, address, token })
    }

    /// Who sent a request, as far as others' limits on it are concerned: an address, or an IPv6
    /// household's. `None`: somebody whom nothing holds back.
    pub fn client(&self, extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = extensions.get::<Peer>().copied();
        let address = client::address(peer, headers, &self.trusted_proxies);
        (!client::is_within(address, &self.exempt)).then(|| client::household(address))
    }

    /// Counts a request. `None`: the operator wants no limit of its kind.
    pub async fn count(
        &self,
        request: Limited,
        identity: &Identity,
        clock: &Clock,
    ) -> Option<Verdict> {
        let who = holder(&request, identity).await;
        let counted: &[&Option<Buckets<Who>>] = match request.kind {
            Kind::Free => &[],
            Kind::Api => &[&self.api],
            Kind::Upload => &[&self.uploads, &self.api],
            Kind::LogIn => &[&self.log_in],
            Kind::App => &[&self.apps],
            Kind::SignUp => &[&self.sign_up],
        };
        let tightest = counted
            .iter()
            .filter_map(|buckets| Some(buckets.as_ref()?.take(who)))
            .min_by_key(|standing| (standing.wait.is_none(), standing.remaining))?;
        let reset = chrono::Duration::from_std(tightest.reset).unwrap_or_default();
        Some(Verdict { tightest, reset_at: clock.now() + reset })
    }
}

/// The good token that came along, else the address: inventing tokens gives nobody more.
async fn holder(request: &Limited, identity: &Identity) -> Who {
    let address = Who::Address(request.address);
    let Some(token) = &request.token else { return address };
    match identity.authenticate(token).await {
        Ok(Some(grant)) => Who::Token(grant.token_id.0),
        Ok(None) => address,
        Err(error) => {
            // The call itself will say that the database is away.
            tracing::debug!(target: "http", %error, "whose token this is cannot be told");
            address
        }
    }
}

impl Verdict {
    /// The refusal, where the request is one too many.
    pub fn refusal(&self) -> Option<Problem> {
        let wait = self.tightest.wait?;
        let problem =
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests");
        Some(problem.with_retry_after(whole_seconds(wait)))
    }

    /// Tells the client how it stands, in Mastodon's words.
    pub fn tell(&self, headers: &mut HeaderMap) {
        headers.insert(LIMIT, self.tightest.limit.into());
        headers.insert(REMAINING, self.tightest.remaining.into());
        let reset = self.reset_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        if let Ok(reset) = HeaderValue::try_from(reset) {
            headers.insert(RESET, reset);
        }
    }
}

/// Rounded up: who comes back then must not be refused again.
fn whole_seconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_costly_or_lets_strangers_in_has_limits_of_its_own() {
        let none = HeaderMap::new();
        let kind = |method, path| Kind::of(&method, path, &none);
        assert_eq!(kind(Method::POST, "/api/v2/media"), Kind::Upload);
        assert_eq!(kind(Method::GET, "/api/v1/media/1"), Kind::Api);
        assert_eq!(kind(Method::POST, "/api/v1/accounts"), Kind::SignUp);
        assert_eq!(kind(Method::GET, "/api/v1/accounts"), Kind::Api);
        assert_eq!(kind(Method::POST, "/api/v1/apps/"), Kind::App);
        assert_eq!(kind(Method::POST, "/oauth/token"), Kind::LogIn);
        assert_eq!(kind(Method::GET, "/sign-in"), Kind::Free);
        for path in ["/inbox", "/users/ada/inbox", "/users/ada", "/media/a/b.png", "/health"] {
            assert_eq!(kind(Method::POST, path), Kind::Free, "{path}");
        }
    }

    #[test]
    fn a_profile_that_comes_with_files_is_an_upload() {
        let kind = |method, path, content_type: &'static str| {
            let content_type = HeaderValue::from_static(content_type);
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, content_type)]);
            Kind::of(&method, path, &headers)
        };
        let multipart = "Multipart/form-data; boundary=X";
        let credentials = "/api/v1/accounts/update_credentials";
        assert_eq!(kind(Method::PATCH, credentials, multipart), Kind::Upload);
        assert_eq!(kind(Method::POST, credentials, multipart), Kind::Upload);
        assert_eq!(kind(Method::PATCH, "/api/v1/profile", multipart), Kind::Upload);
        assert_eq!(kind(Method::PATCH, credentials, "application/json"), Kind::Api);
        assert_eq!(kind(Method::PATCH, credentials, ""), Kind::Api);
        assert_eq!(kind(Method::GET, "/api/v1/profile", multipart), Kind::Api);
    }

    #[test]
    fn a_wait_is_rounded_up() {
        assert_eq!(whole_seconds(Duration::from_millis(1)), 1);
        assert_eq!(whole_seconds(Duration::from_millis(1_001)), 2);
        assert_eq!(whole_seconds(Duration::ZERO), 1);
    }
}
