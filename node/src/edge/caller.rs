//! Who calls: the bearer token of a request, and the policy's word on what it wants to do.

use std::fmt::Display;
use std::sync::Arc;

use ::policy::{PolicyService, Routine};
use axum::extract::{FromRef, FromRequestParts};
use contracts::access::{self, actions};
use http::request::Parts;
use http::{HeaderMap, header};
use identity::{Grant, Holder, Identity, Scopes};
use social::AccountId;
use spine::Problem;

use crate::policy::{self, Access, Action, Principal, Purpose};

/// The caller of a client API route: a visitor, an app, or a person through an app.
#[derive(Clone)]
pub struct Caller {
    grant: Option<Arc<Grant>>,
    policy: PolicyService,
}

/// The app that a token was given to.
#[derive(Clone, Copy, Debug)]
pub struct CallerApp<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its web page.
    pub website: Option<&'a str>,
}

impl Caller {
    /// The caller behind this token.
    ///
    /// # Errors
    /// 401 for a token that is not (or no longer) good, 503 where that cannot be told.
    pub async fn by_token(
        identity: &Identity,
        policy: PolicyService,
        token: &str,
    ) -> Result<Self, Problem> {
        let Some(grant) = identity.authenticate(token).await? else {
            return Err(Problem::unauthorized("bad-token", "The access token is invalid"));
        };
        if let Holder::Person(account) = grant.holder {
            policy.admitted(account).await;
        }
        Ok(Self { grant: Some(grant), policy })
    }

    /// Nobody in particular.
    pub fn visitor(policy: PolicyService) -> Self {
        Self { grant: None, policy }
    }

    /// The grant behind the token.
    pub fn grant(&self) -> Option<&Grant> {
        self.grant.as_deref()
    }

    /// The app, where there is a token.
    pub fn app(&self) -> Option<CallerApp<'_>> {
        let grant = self.grant()?;
        Some(CallerApp { name: &grant.app_name, website: grant.app_website.as_deref() })
    }

    /// The account, where there is a person who was let in.
    pub fn account(&self) -> Option<AccountId> {
        match self.grant()?.holder {
            Holder::Person(account) => Some(AccountId(account)),
            Holder::App | Holder::Applicant(_) => None,
        }
    }

    /// What the token may do.
    pub fn scopes(&self) -> Option<&Scopes> {
        self.grant().map(|grant| &grant.scopes)
    }

    /// Asks for something that a visitor may do too: whether the token covers it, then the policy service.
    /// Answers who is looking.
    ///
    /// # Errors
    /// 403 for a token whose scopes do not cover it, or where the household's policies do not permit it.
    pub fn may(
        &self,
        action: &Action,
        resource: impl Display,
    ) -> Result<Option<AccountId>, Problem> {
        policy::decide(&Access {
            principal: self.principal(),
            action,
            resource: &resource,
            purpose: Purpose::Use,
        })?;
        if !self.policy.permits(self.routine(action)) {
            return Err(policy::Refusal::Household.into());
        }
        Ok(self.account())
    }

    /// What is wanted, in the policy service's words.
    fn routine(&self, action: &Action) -> Routine {
        let grant = self.grant();
        let (principal, via) = match grant.map(|grant| (&grant.holder, grant.app_id)) {
            Some((Holder::Person(account), app)) => {
                (access::Principal::Person(*account), Some(app))
            }
            Some((Holder::App, app)) => (access::Principal::App(app), None),
            Some((Holder::Applicant(_), _)) | None => (access::Principal::Anonymous, None),
        };
        Routine {
            principal,
            via,
            scoped: grant.is_some(),
            action: if action.is_write() { actions::SOCIAL_WRITE } else { actions::SOCIAL_READ },
            kind: action.kind(),
            what: action.name,
        }
    }

    /// Asks the policy for something that a person does. Answers who.
    ///
    /// # Errors
    /// 401 without a token, 422 for an app alone, 403 where the scopes do not cover it, the household's
    /// policies do not permit it, or the person waits for approval.
    pub fn person(&self, action: &Action, resource: impl Display) -> Result<AccountId, Problem> {
        self.may(action, resource)?.ok_or_else(|| policy::Refusal::NoPerson.into())
    }

    fn principal(&self) -> Principal<'_> {
        let Some(Grant { holder, app_name, scopes, .. }) = self.grant() else {
            return Principal::Anonymous;
        };
        match *holder {
            Holder::App => Principal::App { name: app_name, scopes },
            Holder::Person(account) => Principal::Person { account: AccountId(account), scopes },
            Holder::Applicant(account) => Principal::Applicant { account: AccountId(account) },
        }
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Identity: FromRef<S>,
    PolicyService: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let policy = PolicyService::from_ref(state);
        match bearer(&parts.headers).or_else(|| query_token(parts.uri.query())) {
            Some(token) => Self::by_token(&Identity::from_ref(state), policy, token).await,
            None => Ok(Self::visitor(policy)),
        }
    }
}

/// The token of an `Authorization: Bearer` header (RFC 6750, section 2.1).
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The token of an `access_token` parameter (RFC 6750, section 2.3), which streaming clients use.
/// Tokens are made of characters that need no escape.
pub fn query_token(query: Option<&str>) -> Option<&str> {
    query?
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(name, value)| (name == "access_token" && !value.is_empty()).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_in_the_header_or_the_query() {
        let mut headers = HeaderMap::new();
        assert_eq!(bearer(&headers), None);
        headers.insert(header::AUTHORIZATION, "bearer  abc".parse().unwrap());
        assert_eq!(bearer(&headers), Some("abc"));
        headers.insert(header::AUTHORIZATION, "Basic abc".parse().unwrap());
        assert_eq!(bearer(&headers), None);
        assert_eq!(query_token(Some("stream=user&access_token=xyz")), Some("xyz"));
        assert_eq!(query_token(Some("my_access_token=xyz")), None);
        assert_eq!(query_token(None), None);
    }
}
