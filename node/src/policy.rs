//! What every access outside of the Sovereign API passes first: authenticate, then here, then the policy
//! service, then the service.
//!
//! Here it is told what a token may do in the words of Mastodon's API: its scopes, and what kind of caller
//! an action is for. What people and apps may do is the policy service's to say, which
//! [`Caller`](crate::edge::caller::Caller) asks next; what other servers may fetch and deliver, the social
//! service's, by signature and visibility. Every refusal is logged with its reason, every permission too
//! where the operator asks for it (`log.access`).

use std::fmt;

use http::StatusCode;
use identity::Scopes;
use social::AccountId;
use spine::Problem;

/// Who may do something, before anything finer is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everyone; a token, where there is one, needs the scope.
    Anyone,
    /// Whoever holds a token, an app without a person too.
    Token,
    /// A person, through an app.
    Person,
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// Its stable name, `resource.verb`.
    pub name: &'static str,
    /// Who it is for.
    pub audience: Audience,
    /// The scope that a token needs; empty: none.
    pub scope: &'static str,
}

impl Action {
    /// Something that everyone may do.
    pub const fn anyone(name: &'static str, scope: &'static str) -> Self {
        Self { name, audience: Audience::Anyone, scope }
    }

    /// Something that any app may do.
    pub const fn token(name: &'static str, scope: &'static str) -> Self {
        Self { name, audience: Audience::Token, scope }
    }

    /// Something that a person does.
    pub const fn person(name: &'static str, scope: &'static str) -> Self {
        Self { name, audience: Audience::Person, scope }
    }

    /// The kind of thing that it is done with: the first part of its name.
    pub fn kind(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(kind, _)| kind)
    }

    /// Whether it changes something.
    pub fn is_write(&self) -> bool {
        self.scope.starts_with("write") || self.scope == "push"
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub enum Principal<'a> {
    /// Nobody in particular: a visitor, another server that reads.
    Anonymous,
    /// An app by itself.
    App {
        /// Its name.
        name: &'a str,
        /// What its token may do.
        scopes: &'a Scopes,
    },
    /// A person through an app.
    Person {
        /// Their account.
        account: AccountId,
        /// What the token may do.
        scopes: &'a Scopes,
    },
    /// A person who waits for approval, through an app: no more than a visitor yet.
    Applicant {
        /// The account that they will have.
        account: AccountId,
    },
    /// Another server, whose signature the service checks.
    Server,
}

impl fmt::Display for Principal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::App { name, .. } => write!(f, "app:{name}"),
            Self::Person { account, .. } | Self::Applicant { account } => {
                write!(f, "account:{account}")
            }
            Self::Server => f.write_str("server"),
        }
    }
}

/// What for. Every access has a purpose; consent will be bound to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A person uses the node.
    Use,
    /// Other servers read and deliver.
    Federate,
    /// The node is looked after.
    Operate,
}

impl Purpose {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Use => "use",
            Self::Federate => "federate",
            Self::Operate => "operate",
        }
    }
}

/// One access to decide.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    /// Who asks.
    pub principal: Principal<'a>,
    /// What they want to do.
    pub action: &'a Action,
    /// With which thing of the kind that the action's name begins with.
    pub resource: &'a dyn fmt::Display,
    /// What for.
    pub purpose: Purpose,
}

/// Why an access is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A token is needed and there is none.
    NoToken,
    /// The token has no person behind it, and the action needs one.
    NoPerson,
    /// The person behind the token waits for approval.
    NotApproved,
    /// The token's scopes do not cover the action.
    Scope(&'static str),
    /// The policy service says no: a policy of the household forbids it, or none permits it.
    Household,
}

impl Refusal {
    fn reason(self) -> &'static str {
        match self {
            Self::NoToken => "no token",
            Self::NoPerson => "no person",
            Self::NotApproved => "not approved",
            Self::Scope(_) => "scope",
            Self::Household => "household",
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoToken => Self::unauthorized("no-token", "The access token is invalid"),
            Refusal::NoPerson => {
                Self::unprocessable("no-person", "This method requires an authenticated user")
            }
            Refusal::NotApproved => {
                Self::forbidden("not-approved", "Your login is currently pending approval")
            }
            Refusal::Scope(scope) => Self::new(
                StatusCode::FORBIDDEN,
                "scope",
                "This action is outside the authorized scopes",
            )
            .with_detail(format!("the scope {scope} is needed")),
            Refusal::Household => {
                Self::forbidden("not-permitted", "The policy of this node does not permit this")
            }
        }
    }
}

/// Decides one access, and leaves a trace of it.
///
/// # Errors
/// The refusal, with its reason.
pub fn decide(access: &Access<'_>) -> Result<(), Refusal> {
    let outcome = rules(access);
    match outcome {
        Ok(()) => tracing::info!(
            target: "access",
            principal = %access.principal,
            action = access.action.name,
            resource = %access.resource,
            purpose = access.purpose.name(),
            "allowed"
        ),
        Err(refusal) => tracing::warn!(
            target: "access",
            principal = %access.principal,
            action = access.action.name,
            resource = %access.resource,
            purpose = access.purpose.name(),
            reason = refusal.reason(),
            "refused"
        ),
    }
    outcome
}

fn rules(access: &Access<'_>) -> Result<(), Refusal> {
    let Action { audience, scope, .. } = *access.action;
    let scopes = match (access.principal, audience) {
        (
            Principal::Anonymous | Principal::Server | Principal::Applicant { .. },
            Audience::Anyone,
        ) => return Ok(()),
        (Principal::Anonymous | Principal::Server, _) => return Err(Refusal::NoToken),
        (Principal::Applicant { .. }, _) => return Err(Refusal::NotApproved),
        (Principal::App { .. }, Audience::Person) => return Err(Refusal::NoPerson),
        (Principal::App { scopes, .. } | Principal::Person { scopes, .. }, _) => scopes,
    };
    if scope.is_empty() || scopes.allow(scope) { Ok(()) } else { Err(Refusal::Scope(scope)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: Action = Action::anyone("statuses.read", "read:statuses");
    const WRITE: Action = Action::person("statuses.write", "write:statuses");
    const MEDIA: Action = Action::token("accounts.create", "write:accounts");

    fn outcome(principal: Principal<'_>, action: &Action) -> Result<(), Refusal> {
        decide(&Access { principal, action, resource: &1, purpose: Purpose::Use })
    }

    #[test]
    fn a_visitor_reads_and_does_nothing_else() {
        assert_eq!(outcome(Principal::Anonymous, &READ), Ok(()));
        assert_eq!(outcome(Principal::Anonymous, &WRITE), Err(Refusal::NoToken));
        assert_eq!(outcome(Principal::Anonymous, &MEDIA), Err(Refusal::NoToken));
    }

    #[test]
    fn a_token_does_what_its_scopes_say() {
        let (read, write) = (Scopes::parse("read").unwrap(), Scopes::parse("write").unwrap());
        let account = AccountId::from_number(7);
        let person = |scopes| Principal::Person { account, scopes };
        assert_eq!(outcome(person(&read), &READ), Ok(()));
        assert_eq!(outcome(person(&read), &WRITE), Err(Refusal::Scope("write:statuses")));
        assert_eq!(outcome(person(&write), &WRITE), Ok(()));
        assert_eq!(outcome(person(&write), &READ), Err(Refusal::Scope("read:statuses")));
    }

    #[test]
    fn who_waits_for_approval_is_a_visitor_and_told_to_wait() {
        let applicant = Principal::Applicant { account: AccountId::from_number(7) };
        assert_eq!(outcome(applicant, &READ), Ok(()));
        assert_eq!(outcome(applicant, &WRITE), Err(Refusal::NotApproved));
        assert_eq!(outcome(applicant, &MEDIA), Err(Refusal::NotApproved));
        assert_eq!(Problem::from(Refusal::NotApproved).status(), StatusCode::FORBIDDEN);
    }

    #[test]
    fn an_app_alone_is_no_person() {
        let scopes = Scopes::parse("read write").unwrap();
        let app = Principal::App { name: "a", scopes: &scopes };
        assert_eq!(outcome(app, &MEDIA), Ok(()));
        assert_eq!(outcome(app, &WRITE), Err(Refusal::NoPerson));
    }
}
