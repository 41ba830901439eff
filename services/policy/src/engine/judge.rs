//! One decision.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::{
    Authorizer, Context, Entities, Entity, PolicySet, Request, RestrictedExpression,
};
use chrono::{DateTime, SecondsFormat, Utc};
use contracts::access::{Action, Caller, Decision, Principal, Purpose, Refusal, Resource, actions};

use super::consent::Coverage;
use super::policies::GUARD;
use super::question::Question;
use super::snapshot::{Role, Snapshot};
use super::vocabulary::{Categories, Vocabulary, entity, special, strings};
use crate::PolicyError;

/// What the policy says, before anybody is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) allowed: bool,
    pub(crate) because: Vec<String>,
    pub(crate) refusal: Option<Refusal>,
}

impl Judgement {
    pub(crate) fn refused(because: Vec<String>, refusal: Refusal) -> Self {
        Self { allowed: false, because, refusal: Some(refusal) }
    }

    /// About how many bytes it holds.
    pub(super) fn weight(&self) -> usize {
        let texts = self.because.iter().map(|text| text.len() + size_of::<String>());
        size_of::<Self>() + texts.sum::<usize>()
    }

    pub(crate) fn decision(&self) -> Decision {
        Decision {
            allowed: self.allowed,
            because: self.because.clone(),
            refusal: self.refusal.clone(),
        }
    }
}

/// One question to Cedar.
struct Case<'a> {
    principal: &'a Principal,
    caller: &'a Caller,
    purpose: &'a str,
    alone: bool,
    action: Action,
    thing: &'a Entity,
    coverage: Coverage,
    now: DateTime<Utc>,
}

/// Cedar's answer.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    allowed: bool,
    because: Vec<String>,
}

impl Snapshot {
    /// Decides: first the token's scope; then the caller by itself; then, where it acts for a person,
    /// whether they could do it themselves.
    pub(crate) fn judge(
        &self,
        vocabulary: &Vocabulary,
        caller: &Caller,
        action: Action,
        resource: &Resource,
        now: DateTime<Utc>,
    ) -> Arc<Judgement> {
        if !caller.has_scope(action.scope) {
            return Arc::new(Judgement::refused(Vec::new(), Refusal::Scope(action.scope)));
        }
        let labelled = categories_of(resource);
        let class = (resource.class.as_deref(), labelled);
        let grant = (&caller.principal, caller.purpose.as_str());
        let coverage = self.consents.coverage(resource.subject, grant, class, now);
        let person = behind(caller);
        let persons_coverage = person.as_ref().map_or_else(Coverage::default, |person| {
            let grant = (person, Purpose::USE.as_str().to_owned());
            self.consents.coverage(resource.subject, (grant.0, &grant.1), class, now)
        });
        let lapsed = self.consents.lapsed(resource.subject, grant, now);

        let question = (!self.policies.look_at_time()).then(|| {
            let asked = (caller, action, resource);
            Question::new(&self.policies, asked, labelled, (coverage, persons_coverage, lapsed))
        });
        if let Some(known) = question.as_ref().and_then(|question| self.judged.get(question)) {
            return known;
        }
        let coverages = (coverage, persons_coverage);
        let judged = self.ask(vocabulary, (caller, person), action, resource, coverages, now);
        let judged = match judged {
            Ok(answer) if answer.allowed => {
                Judgement { allowed: true, because: answer.because, refusal: None }
            }
            Ok(answer) => {
                let refusal = refusal(caller, &answer, lapsed);
                Judgement::refused(answer.because, refusal)
            }
            // Whatever cannot be decided is refused.
            Err(error) => {
                tracing::error!(%error, action = action.name, "an access could not be decided");
                return Arc::new(Judgement::refused(vec!["fault".to_owned()], Refusal::Policy));
            }
        };
        let judged = Arc::new(judged);
        if let Some(question) = question {
            self.judged.insert(question, Arc::clone(&judged));
        }
        judged
    }

    fn ask(
        &self,
        vocabulary: &Vocabulary,
        (caller, person): (&Caller, Option<Principal>),
        action: Action,
        resource: &Resource,
        (coverage, persons_coverage): (Coverage, Coverage),
        now: DateTime<Utc>,
    ) -> Result<Answer, PolicyError> {
        let thing = thing(vocabulary, resource)?;
        let case = Case {
            principal: &caller.principal,
            caller,
            purpose: caller.purpose.as_str(),
            alone: false,
            action,
            thing: &thing,
            coverage,
            now,
        };
        let mut answer = self.evaluate(vocabulary, &case)?;
        if let Some(person) = person.filter(|_| answer.allowed) {
            let use_ = Purpose::USE;
            let case = Case {
                principal: &person,
                purpose: use_.as_str(),
                alone: true,
                coverage: persons_coverage,
                ..case
            };
            let themselves = self.evaluate(vocabulary, &case)?;
            answer = match themselves.allowed {
                true => {
                    let more = themselves.because.into_iter();
                    answer.because.extend(more);
                    answer.because.sort_unstable();
                    answer.because.dedup();
                    answer
                }
                false => themselves,
            };
        }
        Ok(answer)
    }

    fn evaluate(&self, vocabulary: &Vocabulary, case: &Case<'_>) -> Result<Answer, PolicyError> {
        match self.policies_for(case) {
            Some(policies) => self.answer(vocabulary, case, policies),
            None => Err(PolicyError::BuiltIn(format!("no action {}", case.action))),
        }
    }

    fn answer(
        &self,
        vocabulary: &Vocabulary,
        case: &Case<'_>,
        policies: &PolicySet,
    ) -> Result<Answer, PolicyError> {
        let fault = |error: String| PolicyError::BuiltIn(error);
        let principal = self.principal(vocabulary, case.principal)?;
        let Some(action) = vocabulary.action(case.action) else {
            return Err(fault(format!("no action {}", case.action)));
        };
        let request = Request::new(
            principal.uid(),
            action.uid(),
            case.thing.uid(),
            self.context(vocabulary, case)?,
            None,
        )
        .map_err(|error| fault(error.to_string()))?;
        let entities =
            Entities::from_entities([principal, action.clone(), case.thing.clone()], None)
                .map_err(|error| fault(error.to_string()))?;
        let response = Authorizer::new().is_authorized(&request, policies, &entities);

        let diagnostics = response.diagnostics();
        let mut because: Vec<String> = diagnostics.reason().map(ToString::to_string).collect();
        let mut allowed = response.decision() == cedar_policy::Decision::Allow;
        // Cedar passes over a policy that fails. One that forbids must not be passed over.
        for error in diagnostics.errors() {
            let cedar_policy::AuthorizationError::PolicyEvaluationError(error) = error;
            if self.policies.forbidding.contains(error.policy_id()) {
                tracing::error!(%error, "a policy that forbids could not be evaluated");
                if std::mem::replace(&mut allowed, false) {
                    because.clear();
                }
                because.push(error.policy_id().to_string());
            }
        }
        because.sort_unstable();
        Ok(Answer { allowed, because })
    }

    /// All policies; the program's alone for an owner's access to policies, and the operator's: a policy
    /// that forbids everything can be taken back.
    fn policies_for(&self, case: &Case<'_>) -> Option<&PolicySet> {
        let about_policies = [actions::POLICY_READ, actions::POLICY_WRITE].contains(&case.action);
        let last_resort = match case.principal {
            Principal::Operator => true,
            Principal::Person(account) => {
                self.people.get(account).is_some_and(|person| person.role == Role::Owner)
            }
            _ => false,
        };
        let slices = match about_policies && last_resort {
            true => &self.policies.built_in,
            false => &self.policies.all,
        };
        slices.get(case.principal, case.action)
    }

    fn context(&self, vocabulary: &Vocabulary, case: &Case<'_>) -> Result<Context, PolicyError> {
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let mut pairs = vec![
            ("purpose".to_owned(), text(case.purpose)),
            ("scoped".to_owned(), RestrictedExpression::new_bool(case.caller.scopes.is_some())),
            ("covered".to_owned(), vocabulary.categories(case.coverage.covered)),
            ("consented".to_owned(), RestrictedExpression::new_bool(case.coverage.consented)),
        ];
        if let Some(behalf) = case.caller.behalf.filter(|_| !case.alone) {
            let behalf = RestrictedExpression::new_entity_uid(vocabulary.person(behalf));
            pairs.push(("behalf".to_owned(), behalf));
        }
        if let Some(via) = case.caller.via {
            let via = RestrictedExpression::new_entity_uid(vocabulary.app(via));
            pairs.push(("via".to_owned(), via));
        }
        if self.policies.look_at_time() {
            let now = case.now.to_rfc3339_opts(SecondsFormat::Millis, true);
            pairs.push(("time".to_owned(), RestrictedExpression::new_datetime(now)));
        }
        Context::from_pairs(pairs).map_err(|error| PolicyError::BuiltIn(error.to_string()))
    }
}

/// The person for whom somebody else acts.
fn behind(caller: &Caller) -> Option<Principal> {
    let person = Principal::Person(caller.behalf?);
    (person != caller.principal).then_some(person)
}

/// The special categories of a thing: by its labels, and of a state by what it tells.
fn categories_of(resource: &Resource) -> Categories {
    let facet = resource.class.as_deref().filter(|_| resource.kind == "present");
    special(resource.labels.iter().map(String::as_str).chain(facet))
}

fn thing(vocabulary: &Vocabulary, resource: &Resource) -> Result<Entity, PolicyError> {
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let space = vocabulary.space(&resource.space);
    let mut attributes = HashMap::with_capacity(8);
    let mut set = |name: &str, value| attributes.insert(name.to_owned(), value);
    set("kind", text(resource.kind));
    set("id", text(&resource.id));
    set("space", RestrictedExpression::new_entity_uid(space.clone()));
    set("labels", strings(resource.labels.iter().map(String::as_str)));
    set("special", vocabulary.categories(categories_of(resource)));
    if let Some(class) = &resource.class {
        set("class", text(class));
    }
    if let Some(subject) = resource.subject {
        set("subject", RestrictedExpression::new_entity_uid(vocabulary.person(subject)));
    }
    if let Some(keeper) = &resource.keeper {
        set("keeper", text(keeper));
    }
    let uid = vocabulary.thing(resource.kind, &resource.id);
    entity(uid, attributes, HashSet::from([space]))
}

fn refusal(caller: &Caller, answer: &Answer, lapsed: bool) -> Refusal {
    if caller.principal == Principal::Anonymous {
        Refusal::WhoAsks
    } else if answer.because.iter().any(|id| id == GUARD) || (answer.because.is_empty() && lapsed) {
        Refusal::Consent { purpose: caller.purpose.to_string() }
    } else {
        Refusal::Policy
    }
}

#[cfg(test)]
mod tests {
    use contracts::access::SpaceId;
    use spine::Snowflake;
    use uuid::Uuid;

    use super::super::policies::{OwnPolicy, Policies};
    use super::super::snapshot::{PersonState, SnapshotParts};
    use super::*;

    fn snapshot(vocabulary: &Vocabulary, own: &[&str]) -> Snapshot {
        let own = own.iter().map(|text| OwnPolicy { name: "own".into(), text: (*text).to_owned() });
        let parts = SnapshotParts {
            revision: 1,
            people: vec![(Snowflake(1), Role::Member, PersonState::Active)],
            circles: Vec::new(),
            devices: Vec::new(),
            consents: Vec::new(),
            policies: Policies::with(vocabulary, own.collect()).unwrap(),
        };
        Snapshot::new(vocabulary, parts).unwrap()
    }

    /// How many decisions were made for a hundred things that differ in id, type, label and keeper.
    fn made(own: &[&str]) -> u64 {
        let vocabulary = Vocabulary::new().unwrap();
        let snapshot = snapshot(&vocabulary, own);
        for number in 0..100 {
            let thing =
                Resource::new("entity", number.to_string(), SpaceId::of_person(Snowflake(1)))
                    .labelled([format!("label-{number}")])
                    .of_class(format!("Type{number}"))
                    .kept_by(format!("plugin:{number}"));
            let (caller, read) = (Caller::person(Snowflake(1)), actions::ENTITY_READ);
            let judged = snapshot.judge(&vocabulary, &caller, read, &thing, DateTime::UNIX_EPOCH);
            assert!(judged.allowed);
        }
        snapshot.judged.run_pending_tasks();
        snapshot.judged.entry_count()
    }

    #[test]
    fn things_that_are_alike_to_the_policies_are_decided_once() {
        assert_eq!(made(&[]), 1);
        let looks_at = |condition: &str| {
            made(&[&format!("permit (principal is App, action, resource) when {{ {condition} }};")])
        };
        assert_eq!(looks_at(r#"context.purpose == "use""#), 1);
        for attribute in [
            r#"resource.id == "1""#,
            r#"resource.labels.contains("x")"#,
            r#"resource has class && resource.class == "x""#,
            r#"resource has keeper && resource.keeper == "x""#,
        ] {
            assert_eq!(looks_at(attribute), 100, "{attribute}");
        }
    }

    #[test]
    fn the_policies_that_can_apply_say_what_all_of_them_would() {
        let vocabulary = Vocabulary::new().unwrap();
        let own = [
            r#"permit (principal is App, action in [Action::"entity.read"], resource);"#,
            r#"forbid (principal, action in Action::"write", resource)
               when { resource.kind == "post" && resource.space == Space::"household" };"#,
        ];
        let own = own.iter().enumerate().map(|(number, text)| OwnPolicy {
            name: format!("own-{number}"),
            text: (*text).to_owned(),
        });
        let policies = Policies::with(&vocabulary, own.collect()).unwrap();
        let whole = policies.whole().unwrap();
        let device = Uuid::from_u128(7);
        let parts = SnapshotParts {
            revision: 1,
            people: vec![
                (Snowflake(1), Role::Owner, PersonState::Active),
                (Snowflake(2), Role::Member, PersonState::Active),
                (Snowflake(3), Role::Member, PersonState::Suspended),
            ],
            circles: Vec::new(),
            devices: Vec::new(),
            consents: Vec::new(),
            policies: Arc::clone(&policies),
        };
        let snapshot = Snapshot::new(&vocabulary, parts).unwrap();
        let purposes = [Purpose::USE, Purpose::SYNC, Purpose::AUTOMATION, Purpose::INDEX];
        let principals = [1, 2, 3, 4].map(|number| Principal::Person(Snowflake(number)));
        let principals = principals.into_iter().chain([
            Principal::Anonymous,
            Principal::Operator,
            Principal::App(Snowflake(9)),
            Principal::Device(device),
            Principal::Plugin("rss".into()),
            Principal::Service("rules".into()),
            Principal::Service("search".into()),
            Principal::Remote("https://far.example/users/a".into()),
        ]);
        let (mut allowed, mut refused) = (0, 0);
        for (principal, purpose) in
            principals.flat_map(|one| purposes.iter().map(move |purpose| (one.clone(), purpose)))
        {
            let caller = Caller::new(principal, purpose.clone()).on_behalf_of(Snowflake(1));
            for resource in [
                Resource::new("entity", "1", SpaceId::of_person(Snowflake(1)))
                    .kept_by("plugin:rss"),
                Resource::new("post", "1", SpaceId::household()).labelled(["health".to_owned()]),
                Resource::new("device", device.to_string(), SpaceId::of_person(Snowflake(2))),
                Resource::new("account", "1", SpaceId::public()),
            ] {
                let thing = thing(&vocabulary, &resource).unwrap();
                for action in actions::ALL {
                    let case = Case {
                        principal: &caller.principal,
                        caller: &caller,
                        purpose: purpose.as_str(),
                        alone: false,
                        action: *action,
                        thing: &thing,
                        coverage: Coverage::default(),
                        now: DateTime::UNIX_EPOCH,
                    };
                    let answer = snapshot.answer(
                        &vocabulary,
                        &case,
                        policies.all.get(case.principal, case.action).unwrap(),
                    );
                    let answer = answer.unwrap();
                    let asked = format!("{:?} {} {resource:?}", case.principal, action.name);
                    assert_eq!(
                        answer,
                        snapshot.answer(&vocabulary, &case, &whole).unwrap(),
                        "{asked}"
                    );
                    if answer.allowed { allowed += 1 } else { refused += 1 }
                }
            }
        }
        assert!(allowed > 100 && refused > 100, "{allowed} {refused}");
    }

    #[test]
    fn what_a_device_reports_is_decided_once() {
        let vocabulary = Vocabulary::new().unwrap();
        let snapshot = snapshot(&vocabulary, &[]);
        let device = Uuid::from_u128(7);
        let caller = Caller::new(Principal::Device(device), Purpose::SYNC);
        let report = |device: Uuid| {
            let own = SpaceId::of_person(Snowflake(1));
            let thing = Resource::new("device", device.to_string(), own);
            let now = DateTime::UNIX_EPOCH;
            snapshot.judge(&vocabulary, &caller, actions::DEVICE_REPORT, &thing, now).allowed
        };
        for _ in 0..10 {
            assert!(report(device) && !report(Uuid::from_u128(8)));
        }
        snapshot.judged.run_pending_tasks();
        assert_eq!(snapshot.judged.entry_count(), 2);
    }
}
