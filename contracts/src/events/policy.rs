//! What the policy service publishes. Caches of decisions forget with them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spine::Snowflake;
use spine::event::Registry;
use uuid::Uuid;

use crate::access::{Principal, SpaceId};

/// Somebody consented.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConsentGiven {
    /// The consent.
    pub consent: Uuid,
    /// Who consented, about their own data.
    pub subject: Snowflake,
    /// Who may.
    #[schemars(with = "String")]
    pub grantee: Principal,
    /// What for.
    pub purpose: String,
}
event!(ConsentGiven, "policy.ConsentGiven.v1", "policy", |e| format!("account:{}", e.subject), sealed: true);

/// Somebody withdrew their consent; it holds no more from the moment of the commit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConsentWithdrawn {
    /// The consent.
    pub consent: Uuid,
    /// Who had consented.
    pub subject: Snowflake,
}
event!(ConsentWithdrawn, "policy.ConsentWithdrawn.v1", "policy", |e| format!("account:{}", e.subject), sealed: false);

/// Policies changed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PolicyChanged {
    /// Which one; `*` for all.
    pub policy: String,
    /// `added`, `changed`, `removed`.
    pub change: String,
}
event!(PolicyChanged, "policy.PolicyChanged.v1", "policy", |e| format!("policy:{}", e.policy), sealed: false);

/// A circle was made or removed, or somebody joined or left a space.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SpaceChanged {
    /// The space.
    pub space: SpaceId,
    /// Who joined or left.
    pub member: Option<Snowflake>,
    /// `made`, `removed`, `joined`, `left`.
    pub change: String,
}
event!(SpaceChanged, "policy.SpaceChanged.v1", "policy", |e| format!("space:{}", e.space), sealed: false);

/// Somebody whom policies are about was learned, changed or is gone: decisions follow it from now on.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PrincipalChanged {
    /// Who: a person, a device.
    #[schemars(with = "String")]
    pub principal: Principal,
    /// As the event said that brought it: `registered`, `role`, `approved`, `suspended`, `restored`, `deleted`,
    /// `removed`.
    pub change: String,
}
event!(PrincipalChanged, "policy.PrincipalChanged.v1", "policy", |e| format!("principal:{}", e.principal), sealed: false);

pub(super) fn register(registry: &mut Registry) {
    registry
        .register::<ConsentGiven>()
        .register::<ConsentWithdrawn>()
        .register::<PolicyChanged>()
        .register::<SpaceChanged>()
        .register::<PrincipalChanged>();
}
