//! The policies that can apply, by kind of principal and action: what a decision looks at.
//!
//! Cedar asks every policy of a set. Most are for another kind of principal or another action, as their
//! scope says; leaving those out changes no decision and saves most of its time.

use std::collections::HashMap;

use cedar_policy::{
    ActionConstraint, EntityTypeName, EntityUid, Policy, PolicySet, PrincipalConstraint,
};
use contracts::access::{Action, Principal, actions};

use super::vocabulary::Vocabulary;
use crate::PolicyError;

/// Sets of policies, by kind of principal and name of the action.
pub(super) struct Slices(HashMap<(&'static str, &'static str), PolicySet>);

impl Slices {
    /// Of these policies.
    ///
    /// # Errors
    /// Two have one id: a fault in the program.
    pub(super) fn of(vocabulary: &Vocabulary, all: &PolicySet) -> Result<Self, PolicyError> {
        let mut slices = HashMap::new();
        for (kind, type_name) in vocabulary.kinds() {
            let of_kind: Vec<&Policy> =
                all.policies().filter(|policy| is_for(policy, type_name)).collect();
            for action in actions::ALL {
                let names = vocabulary.action_names(*action);
                let chosen = of_kind.iter().filter(|policy| is_about(policy, &names));
                let set = PolicySet::from_policies(chosen.map(|policy| (*policy).clone()))
                    .map_err(|error| PolicyError::BuiltIn(error.to_string()))?;
                slices.insert((kind, action.name), set);
            }
        }
        Ok(Self(slices))
    }

    /// Those that can apply; `None` for an action that the program does not have.
    pub(super) fn get(&self, principal: &Principal, action: Action) -> Option<&PolicySet> {
        self.0.get(&(principal.kind(), action.name))
    }
}

/// Whether a policy's scope admits a principal of this type.
fn is_for(policy: &Policy, kind: &EntityTypeName) -> bool {
    match policy.principal_constraint() {
        // Who is in what is not known here.
        PrincipalConstraint::Any | PrincipalConstraint::In(_) => true,
        PrincipalConstraint::Eq(uid) => uid.type_name() == kind,
        PrincipalConstraint::Is(of) | PrincipalConstraint::IsIn(of, _) => of == *kind,
    }
}

/// Whether a policy's scope admits the action with these names: its own and its groups'.
fn is_about(policy: &Policy, names: &[EntityUid]) -> bool {
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(uid) => names.first() == Some(&uid),
        ActionConstraint::In(uids) => uids.iter().any(|uid| names.contains(uid)),
    }
}
