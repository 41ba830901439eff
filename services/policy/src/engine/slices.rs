//! The policies that can apply, by kind of principal and action: what a decision looks at.
//!
//! Cedar asks every policy of a set. Most are for another kind of principal or another action, as their
//! scope says; leaving those out changes no decision and saves most of its time. And where the program's own
//! say nothing else in their scope, it need not be asked again: a list of twenty actions is half of what a
//! decision costs.

use std::collections::HashMap;

use cedar_policy::{
    ActionConstraint, EntityTypeName, EntityUid, Policy, PolicySet, PrincipalConstraint,
};
use contracts::access::{Action, Principal, actions};
use serde_json::json;

use super::vocabulary::Vocabulary;
use crate::PolicyError;

/// Sets of policies, by kind of principal and name of the action.
pub(super) struct Slices(HashMap<(&'static str, &'static str), PolicySet>);

impl Slices {
    /// Of these policies, the program's and the household's.
    ///
    /// # Errors
    /// Two have one id, or one of the program's cannot be put in other words: a fault in the program.
    pub(super) fn of(
        vocabulary: &Vocabulary,
        built_in: &PolicySet,
        own: &[Policy],
    ) -> Result<Self, PolicyError> {
        let mut all = Vec::new();
        for policy in built_in.policies() {
            all.push((policy, within_its_scope(policy)?));
        }
        all.extend(own.iter().map(|policy| (policy, policy.clone())));
        let mut slices = HashMap::new();
        for (kind, type_name) in vocabulary.kinds() {
            let of_kind: Vec<&(&Policy, Policy)> =
                all.iter().filter(|(policy, _)| is_for(policy, type_name)).collect();
            for action in actions::ALL {
                let names = vocabulary.action_names(*action);
                let chosen = of_kind.iter().filter(|(policy, _)| is_about(policy, &names));
                let set = PolicySet::from_policies(chosen.map(|(_, asked)| asked.clone()))
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

/// The policy without what [`is_for`] and [`is_about`] have found to be so.
fn within_its_scope(policy: &Policy) -> Result<Policy, PolicyError> {
    let fault = |error: &dyn std::error::Error| PolicyError::BuiltIn(error.to_string());
    let mut json = policy.to_json().map_err(|error| fault(&error))?;
    let anything = json!({ "op": "All" });
    if let PrincipalConstraint::Is(_) = policy.principal_constraint() {
        json["principal"] = anything.clone();
    }
    json["action"] = anything;
    Policy::from_json(Some(policy.id().clone()), json).map_err(|error| fault(&error))
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
