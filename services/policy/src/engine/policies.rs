//! The policies: those of the program, and the household's own.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{Effect, Policy, PolicyId, PolicySet, ValidationMode};

use super::analysis::Looks;
use super::nesting;
use super::slices::Slices;
use super::vocabulary::Vocabulary;
use crate::PolicyError;

/// The largest text of an own policy.
const LARGEST: usize = 64 << 10;
/// Most texts that own policies may compare labels with: a list asks about each.
const MOST_TEXTS: usize = 64;

/// The program's own policies, by file.
const BUILT_IN: &[(&str, &str)] = &[
    ("people", include_str!("builtin/people.cedar")),
    ("outside", include_str!("builtin/outside.cedar")),
    ("things", include_str!("builtin/things.cedar")),
    ("services", include_str!("builtin/services.cedar")),
    ("consent", include_str!("builtin/consent.cedar")),
];

/// The id of the guard on special categories.
pub(super) const GUARD: &str = "special-categories-need-consent";

/// One of the program's policies.
#[derive(Clone, Debug)]
pub(crate) struct BuiltIn {
    pub(crate) id: String,
    pub(crate) text: String,
}

/// A policy of the household, in its newest version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnPolicy {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Policies, ready to decide with.
pub(crate) struct Policies {
    /// The program's policies alone: what an owner's access to policies is decided by, so that no own
    /// policy locks everybody out.
    pub(super) built_in: Slices,
    /// All.
    pub(super) all: Slices,
    /// The ids of those that forbid.
    pub(super) forbidding: BTreeSet<PolicyId>,
    /// Whether an own policy permits something.
    pub(super) own_permits: bool,
    /// What own policies look at. Of its texts only those of policies that look at labels.
    looks: Looks,
    own: Vec<OwnPolicy>,
}

impl Policies {
    /// Puts the program's policies and these together. Where one of these does not hold any more, which only
    /// another version of the program can bring about, everything is forbidden until an owner has changed
    /// or removed it: going on without it could permit what it forbids.
    ///
    /// # Errors
    /// A fault in the program.
    pub(crate) fn with(
        vocabulary: &Vocabulary,
        own: Vec<OwnPolicy>,
    ) -> Result<Arc<Self>, PolicyError> {
        let fault = |error: &dyn std::fmt::Display| PolicyError::BuiltIn(error.to_string());
        let alone =
            PolicySet::from_policies(built_in_policies()?).map_err(|error| fault(&error))?;
        validate(vocabulary, &alone).map_err(PolicyError::BuiltIn)?;
        let mut all = alone.clone();
        let mut households = Vec::new();
        let built_in = Slices::of(vocabulary, &alone, &[])?;
        let mut policies = Self {
            forbidding: BTreeSet::new(),
            own_permits: false,
            looks: Looks::default(),
            all: Slices::of(vocabulary, &PolicySet::new(), &[])?,
            built_in,
            own: own.clone(),
        };
        for policy in &own {
            let read = match read(vocabulary, policy) {
                Ok(read) => read,
                Err(why) => {
                    tracing::error!(
                        policy = policy.name,
                        why,
                        "a policy of the household does not hold with this version: nothing is \
                         permitted until an owner changes or removes it"
                    );
                    vec![(stand_in(&policy.name)?, Looks::default())]
                }
            };
            for (policy, looks) in read {
                policies.own_permits |= policy.effect() == Effect::Permit;
                policies.looks.add(looks);
                households.push(policy.clone());
                all.add(policy).map_err(|error| fault(&error))?;
            }
        }
        policies.all = Slices::of(vocabulary, &alone, &households)?;
        policies.forbidding = all
            .policies()
            .filter(|policy| policy.effect() == Effect::Forbid)
            .map(|policy| policy.id().clone())
            .collect();
        Ok(Arc::new(policies))
    }

    /// Whether an own policy looks at this attribute of a thing.
    pub(super) fn look_at(&self, attribute: &str) -> bool {
        self.looks.resource.contains(attribute) || self.looks.resource.contains("*")
    }

    /// Whether an own policy looks at labels; those that it may compare them with.
    pub(super) fn labels(&self) -> Option<&BTreeSet<String>> {
        self.looks.labels().then_some(&self.looks.texts)
    }

    /// Whether an own policy looks at the time.
    pub(crate) fn look_at_time(&self) -> bool {
        self.looks.time
    }

    /// All policies as they are written.
    #[cfg(test)]
    pub(super) fn whole(&self) -> Result<PolicySet, PolicyError> {
        let vocabulary = Vocabulary::new()?;
        let mut whole = built_in_policies()?;
        for own in &self.own {
            let read = read(&vocabulary, own).map_err(PolicyError::BuiltIn)?;
            whole.extend(read.into_iter().map(|(policy, _)| policy));
        }
        PolicySet::from_policies(whole).map_err(|error| PolicyError::BuiltIn(error.to_string()))
    }

    /// The household's own.
    pub(crate) fn own(&self) -> &[OwnPolicy] {
        &self.own
    }

    /// Checks a new text beside the others.
    ///
    /// # Errors
    /// [`PolicyError::Unacceptable`], saying what is wrong.
    pub(crate) fn accept(
        &self,
        vocabulary: &Vocabulary,
        new: &OwnPolicy,
    ) -> Result<(), PolicyError> {
        let read = read(vocabulary, new).map_err(PolicyError::Unacceptable)?;
        let mut all = self.looks.clone();
        read.into_iter().for_each(|(_, looks)| all.add(looks));
        if all.texts.len() > MOST_TEXTS {
            return Err(PolicyError::Unacceptable(format!(
                "policies that look at labels hold more than {MOST_TEXTS} different texts"
            )));
        }
        Ok(())
    }
}

/// The program's policies, for people to read.
pub(crate) fn built_in_texts() -> Result<Vec<BuiltIn>, PolicyError> {
    let texts = built_in_policies()?
        .into_iter()
        .map(|policy| BuiltIn { id: policy.id().to_string(), text: policy.to_string() });
    Ok(texts.collect())
}

fn built_in_policies() -> Result<Vec<Policy>, PolicyError> {
    let mut policies = Vec::new();
    for (file, text) in BUILT_IN {
        let fault = |why: String| PolicyError::BuiltIn(format!("{file}.cedar: {why}"));
        let set = PolicySet::from_str(text).map_err(|error| fault(format!("{error:?}")))?;
        for policy in set.policies() {
            let id = policy.annotation("id").ok_or_else(|| fault("a policy without @id".into()))?;
            policies.push(policy.new_id(PolicyId::new(id)));
        }
    }
    Ok(policies)
}

/// What stands for a policy of the household that does not hold any more.
fn stand_in(name: &str) -> Result<Policy, PolicyError> {
    let id = PolicyId::new(format!("own/{name}/outdated"));
    Policy::parse(Some(id), "forbid (principal, action, resource);")
        .map_err(|error| PolicyError::BuiltIn(error.to_string()))
}

/// Reads a household's text: its policies, named after it, and what they look at.
fn read(vocabulary: &Vocabulary, own: &OwnPolicy) -> Result<Vec<(Policy, Looks)>, String> {
    if own.text.len() > LARGEST {
        return Err(format!("a policy has at most {LARGEST} bytes"));
    }
    nesting::check(&own.text)?;
    let set = PolicySet::from_str(&own.text)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    if set.templates().next().is_some() {
        return Err("templates (`?principal`, `?resource`) are not for here".to_owned());
    }
    validate(vocabulary, &set)?;
    let mut policies: Vec<&Policy> = set.policies().collect();
    // Parsed names are policy0, policy1, ...: in the order of the text.
    policies.sort_by_key(|policy| {
        let id = policy.id().to_string();
        (id.len(), id)
    });
    if policies.is_empty() {
        return Err("there is no policy in it".to_owned());
    }
    let alone = policies.len() == 1;
    let read = policies.into_iter().enumerate().map(|(place, policy)| {
        let name = match alone {
            true => format!("own/{}", own.name),
            false => format!("own/{}/{}", own.name, place + 1),
        };
        let json = policy.to_json().map_err(|error| error.to_string())?;
        let looks = Looks::of(&json);
        if policy.effect() == Effect::Forbid
            && let Some(attribute) = looks.unlistable()
        {
            let what = if attribute == "*" { "a single thing" } else { attribute };
            return Err(format!(
                "a `forbid` can look at the resource's space, kind, labels and special categories, \
                 which lists can be filtered by, and not at {what}"
            ));
        }
        Ok((policy.new_id(PolicyId::new(name)), looks))
    });
    read.collect()
}

fn validate(vocabulary: &Vocabulary, set: &PolicySet) -> Result<(), String> {
    let result = vocabulary.validator.validate(set, ValidationMode::Strict);
    if result.validation_passed() {
        return Ok(());
    }
    Err(result.validation_errors().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(text: &str) -> Result<(), PolicyError> {
        let vocabulary = Vocabulary::new().unwrap();
        let policies = Policies::with(&vocabulary, Vec::new()).unwrap();
        policies.accept(&vocabulary, &OwnPolicy { name: "mine".into(), text: text.into() })
    }

    #[test]
    fn the_built_in_policies_fit_the_schema_and_have_ids_of_their_own() {
        let texts = built_in_texts().unwrap();
        let ids: BTreeSet<&str> = texts.iter().map(|policy| policy.id.as_str()).collect();
        assert_eq!(ids.len(), texts.len());
        assert!(ids.contains(GUARD) && ids.contains("plugins-keep-to-their-own"));
        Policies::with(&Vocabulary::new().unwrap(), Vec::new()).unwrap();
    }

    #[test]
    fn own_policies_are_validated_before_they_hold() {
        accept(r#"permit (principal == App::"7", action == Action::"entity.read", resource in Space::"household");"#).unwrap();
        for (wrong, why) in [
            ("permit (principal, action", "unexpected end"),
            ("", "no policy"),
            (r#"permit (principal == Robot::"1", action, resource);"#, "Robot"),
            (r#"permit (principal, action == Action::"entity.eat", resource);"#, "entity.eat"),
            (
                r#"permit (principal, action, resource) when { resource.colour == "red" };"#,
                "colour",
            ),
            (r#"permit (principal == ?principal, action, resource);"#, "templates"),
            (r#"forbid (principal, action, resource) when { resource.id == "1" };"#, "lists"),
        ] {
            let said = accept(wrong).unwrap_err().to_string();
            assert!(said.contains(why), "{wrong}: {said}");
        }
        assert!(accept(&format!("// {}", "x".repeat(LARGEST))).is_err());
    }

    #[test]
    fn a_text_that_goes_deep_is_refused_and_never_ends_the_process() {
        let policy = |condition: &str| {
            format!("permit (principal, action, resource) when {{ {condition} }};")
        };
        let nested = move |open: &str, close: &str, depth| {
            policy(&format!("{}true{}", open.repeat(depth), close.repeat(depth)))
        };
        let read = move || {
            // As deep as it may be.
            accept(&nested("(", ")", 30)).unwrap();
            accept(&nested("true && ", "", 490)).unwrap();
            accept(&nested("if true then true else ", "", 90)).unwrap();
            for (open, close) in [
                ("(", ")"),
                ("[", "]"),
                ("!", ""),
                ("if true then true else ", ""),
                ("true || ", ""),
            ] {
                let depth = (LARGEST - 100) / (open.len() + close.len());
                accept(&nested(open, close, depth)).unwrap_err();
            }
            accept(&policy(&format!("context{}", ".a".repeat(20_000)))).unwrap_err();
        };
        // The stack of a thread that may have to read one.
        std::thread::Builder::new().stack_size(2 << 20).spawn(read).unwrap().join().unwrap();
    }

    #[test]
    fn a_policy_that_holds_no_more_forbids_everything_until_it_is_mended() {
        let vocabulary = Vocabulary::new().unwrap();
        let old =
            OwnPolicy { name: "old".into(), text: "permit (principal, robot, resource);".into() };
        let policies = Policies::with(&vocabulary, vec![old]).unwrap();
        let forbidding: Vec<String> = policies.forbidding.iter().map(ToString::to_string).collect();
        assert!(forbidding.contains(&"own/old/outdated".to_owned()), "{forbidding:?}");
    }
}
