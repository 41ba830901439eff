//! The port to the policy service, and the handle with which a service asks.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::FromRequestParts;
use http::request::Parts;
use spine::Problem;

use super::{Action, Caller, Principal, Resource, SpaceId};

/// Decides every access.
#[async_trait]
pub trait Policy: Send + Sync + 'static {
    /// Decides one access. What concerns personal data is queued for the audit log.
    fn decide(&self, caller: &Caller, action: Action, resource: &Resource) -> Decision;

    /// What a query of this caller may see. The question itself is queued for the audit log.
    fn permitted(&self, caller: &Caller, action: Action) -> Permitted;

    /// Waits until all that this process decided before is in the audit log on disk. Called before an
    /// answer leaves the node and before a job takes effect.
    ///
    /// # Errors
    /// The audit log cannot be written: nothing may be answered then.
    async fn settled(&self) -> Result<(), Problem>;

    /// A place in the order of this process's decisions: before the next.
    fn mark(&self) -> u64 {
        0
    }

    /// The same as [`Self::settled`], and that of what was decided since the mark nothing was withdrawn,
    /// by whatever process, before it was written down. ([`Access::settled`] keeps the mark.)
    ///
    /// # Errors
    /// Nothing may be answered: the audit log cannot be written, or a decision does not hold any more.
    async fn settled_since(&self, _mark: u64) -> Result<(), Problem> {
        self.settled().await
    }
}

/// What the policy says to one access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may be.
    pub allowed: bool,
    /// The policies that decided, by id. Empty: none permits it.
    pub because: Vec<String>,
    /// Why not, in words for people.
    pub refusal: Option<Refusal>,
}

/// Why an access is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody in particular asks: they may try again with a token.
    WhoAsks,
    /// The app's token does not cover it.
    Scope(&'static str),
    /// A policy forbids it or none permits it.
    Policy,
    /// The person whom it is about has not consented to this purpose, or not any more.
    Consent {
        /// The purpose that consent is missing for.
        purpose: String,
    },
}

/// What a query may see, to be pushed into SQL or a search filter.
///
/// A row passes where its space is in `whole`, or where it is in `partial` and none of its labels is
/// in `hidden_labels`:
/// `space = ANY($1) OR (space = ANY($2) AND NOT labels && $3)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permitted {
    /// Spaces of which everything may be seen.
    pub whole: Vec<SpaceId>,
    /// Spaces of which all but what carries a hidden label may be seen.
    pub partial: Vec<SpaceId>,
    /// Labels that hide.
    pub hidden_labels: Vec<String>,
}

impl Permitted {
    /// Whether nothing at all may be seen.
    pub fn is_nothing(&self) -> bool {
        self.whole.is_empty() && self.partial.is_empty()
    }

    /// Whether something in this space with these labels may be seen.
    pub fn admits(&self, space: &SpaceId, labels: &[String]) -> bool {
        self.whole.contains(space)
            || (self.partial.contains(space)
                && !labels.iter().any(|label| self.hidden_labels.contains(label)))
    }

    /// The three parameters of the SQL condition.
    pub fn parameters(&self) -> (Vec<String>, Vec<String>, Vec<String>) {
        let texts = |spaces: &[SpaceId]| spaces.iter().map(ToString::to_string).collect();
        (texts(&self.whole), texts(&self.partial), self.hidden_labels.clone())
    }
}

/// A caller with the policy that decides about it: every route of the Sovereign API takes one, and the
/// edge puts it into the request (as an extension).
#[derive(Clone)]
pub struct Access {
    caller: Caller,
    policy: Arc<dyn Policy>,
    since: u64,
}

impl Access {
    /// For this caller.
    pub fn new(caller: Caller, policy: Arc<dyn Policy>) -> Self {
        let since = policy.mark();
        Self { caller, policy, since }
    }

    /// Who asks.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The policy.
    pub fn policy(&self) -> &Arc<dyn Policy> {
        &self.policy
    }

    /// Something that is done, or passes with a refusal.
    ///
    /// # Errors
    /// 401 where nobody asks, else 403 with the reason.
    pub fn require(&self, action: Action, resource: &Resource) -> Result<(), Problem> {
        let decision = self.policy.decide(&self.caller, action, resource);
        if decision.allowed { Ok(()) } else { Err(self.refused(action, &decision)) }
    }

    /// A thing that is read by its id: whoever may not read it is not told that it exists.
    ///
    /// # Errors
    /// 401 where nobody asks, 403 where the token's scope is too narrow, else 404.
    pub fn require_visible(&self, action: Action, resource: &Resource) -> Result<(), Problem> {
        let decision = self.policy.decide(&self.caller, action, resource);
        match decision.refusal {
            _ if decision.allowed => Ok(()),
            Some(Refusal::WhoAsks | Refusal::Scope(_)) => Err(self.refused(action, &decision)),
            _ => Err(Problem::not_found()),
        }
    }

    /// Waits until all that was decided is in the audit log on disk, and makes sure that what was decided
    /// since this access began was not withdrawn meanwhile. Called before an answer leaves the node and
    /// before a job takes effect.
    ///
    /// # Errors
    /// Nothing may be answered: the audit log cannot be written, or a decision does not hold any more.
    pub async fn settled(&self) -> Result<(), Problem> {
        self.policy.settled_since(self.since).await
    }

    /// What a query may see.
    ///
    /// # Errors
    /// 401 where nobody asks and nothing is open to them, 403 where the token's scope is too narrow.
    pub fn permitted(&self, action: Action) -> Result<Permitted, Problem> {
        // Also where the scope is too narrow, for the audit log.
        let permitted = self.policy.permitted(&self.caller, action);
        if !self.caller.has_scope(action.scope) {
            return Err(insufficient_scope(action));
        }
        if permitted.is_nothing() && self.caller.principal == Principal::Anonymous {
            return Err(who_asks());
        }
        Ok(permitted)
    }

    fn refused(&self, action: Action, decision: &Decision) -> Problem {
        let caller = &self.caller;
        match &decision.refusal {
            Some(Refusal::WhoAsks) => who_asks(),
            Some(Refusal::Scope(_)) => insufficient_scope(action),
            Some(Refusal::Consent { purpose }) => {
                Problem::forbidden("no-consent", "The person has not consented to this")
                    .with_detail(format!("{action} by {} for {purpose}", caller.principal))
            }
            Some(Refusal::Policy) | None => {
                Problem::forbidden("not-permitted", "The policy of this node does not permit this")
                    .with_detail(format!("{action} by {} for {}", caller.principal, caller.purpose))
            }
        }
    }
}

/// What nobody in particular is told.
pub fn who_asks() -> Problem {
    Problem::unauthorized("unauthorized", "Who is asking? Please sign in, or send a token")
}

fn insufficient_scope(action: Action) -> Problem {
    Problem::forbidden("insufficient-scope", "The token's scope does not cover this")
        .with_detail(format!("{action} needs the scope {}", action.scope))
}

impl<S: Send + Sync> FromRequestParts<S> for Access {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Problem::internal("a route of the Sovereign API stands outside of it"))
    }
}
