//! Asking rules about an event, and looking up what they need meanwhile.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, Utc};
use contracts::access::SpaceId;
use serde_json::Value as Json;
use spine::Snowflake;

use crate::engine::worker::NoResult;
use crate::engine::{
    Evaluation, EventDocument, Explain, Found, Lookup, Lookups, Request, Rule, Situation, Trace,
    Verdict, evaluate,
};
use crate::lookups::Away;
use crate::{Rules, audience};

/// Lookups may depend on lookups: so often rules are asked again.
const ROUNDS: usize = 8;
/// How long one rule may take; its meter ends it long before.
const LONGEST: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    #[error(transparent)]
    Away(#[from] Away),
    #[error("there was no thread for the evaluation")]
    NoThread,
    /// This rule does not end; the others were not asked.
    #[error("the evaluation of the rule {} does not end", .0.identity.rule)]
    Stuck(Arc<Rule>),
}

/// What came of asking.
pub(crate) struct Assessed {
    pub(crate) rule: Arc<Rule>,
    pub(crate) evaluation: Evaluation,
}

impl Assessed {
    /// One that was not asked at all.
    fn refused(rule: Arc<Rule>, why: String) -> Self {
        let trace = Trace { stop: Some(why), ..Trace::default() };
        let verdict = Verdict::Refused;
        Self { rule, evaluation: Evaluation { verdict, trace, explained: true, micros: 0 } }
    }
}

/// How to ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking {
    pub(crate) now: DateTime<Utc>,
    /// What is away counts as a failed lookup, instead of being waited for.
    pub(crate) give_up: bool,
    /// Nothing comes of it: somebody wants to know what would.
    pub(crate) trial: bool,
}

impl Asking {
    /// Because something happened. The time is what Postgres keeps of it: whoever asks later what was read asks with the
    /// same.
    pub(crate) fn in_earnest(now: DateTime<Utc>, give_up: bool) -> Self {
        Self { now: now.trunc_subsecs(6), give_up, trial: false }
    }

    fn explain(self) -> Explain {
        if self.trial { Explain::Everything } else { Explain::Kept }
    }
}

impl Rules {
    /// Asks these rules, which are all triggered by the event.
    ///
    /// # Errors
    /// See [`Unanswered`].
    pub(crate) async fn assess(
        &self,
        rules: Vec<Arc<Rule>>,
        event: &Arc<EventDocument>,
        lookups: &mut Lookups,
        asking: Asking,
    ) -> Result<Vec<Assessed>, Unanswered> {
        let mut assessed = Vec::with_capacity(rules.len());
        let rules = self.owned(rules, asking, &mut assessed).await?;
        let mut pending = self.admitted(rules, event, lookups, asking, &mut assessed).await?;
        for round in 0..=ROUNDS {
            if pending.is_empty() {
                break;
            }
            let evaluations = self.ask(&pending, event, lookups, asking).await?;
            let (mut wanted, mut again) = (HashSet::new(), Vec::new());
            for (rule, mut evaluation) in pending.into_iter().zip(evaluations) {
                match evaluation.verdict {
                    Verdict::Needs(needs) if round < ROUNDS => {
                        wanted.extend(needs);
                        again.push(rule);
                        continue;
                    }
                    Verdict::Needs(_) => {
                        let stop = "its lookups depend on one another without end".to_owned();
                        evaluation.verdict = Verdict::Failed;
                        evaluation.trace = Trace { stop: Some(stop), ..Trace::default() };
                        evaluation.explained = true;
                    }
                    _ => {}
                }
                assessed.push(Assessed { rule, evaluation });
            }
            pending = again;
            if !wanted.is_empty() {
                self.look_up(wanted, event, lookups, asking.give_up).await?;
            }
        }
        Ok(assessed)
    }

    /// The rules whose owners may still act where their rules are: nobody acts for who left, was suspended or is gone.
    async fn owned(
        &self,
        rules: Vec<Arc<Rule>>,
        asking: Asking,
        assessed: &mut Vec<Assessed>,
    ) -> Result<Vec<Arc<Rule>>, Unanswered> {
        let places: HashSet<(Snowflake, SpaceId)> =
            rules.iter().map(|rule| (rule.identity.owner, rule.identity.space.clone())).collect();
        let mut away = HashSet::new();
        for (owner, space) in places {
            match self.is_in(owner, &space).await {
                Ok(true) => {}
                Ok(false) => {
                    away.insert((owner, space));
                }
                // Not known is no, in the end.
                Err(error) if asking.give_up => {
                    tracing::warn!(%owner, %space, %error, "nobody says who is in a space");
                    away.insert((owner, space));
                }
                Err(error) => return Err(error.into()),
            }
        }
        if away.is_empty() {
            return Ok(rules);
        }
        let (gone, there) = rules.into_iter().partition::<Vec<_>, _>(|rule| {
            away.contains(&(rule.identity.owner, rule.identity.space.clone()))
        });
        assessed.extend(
            gone.into_iter().map(|rule| {
                Assessed::refused(rule, "its owner may not act here any more".to_owned())
            }),
        );
        Ok(there)
    }

    /// The rules whose owners may read the event itself: of what is guarded closely the policy is asked, for the
    /// purpose of automation, before any condition sees it.
    async fn admitted(
        &self,
        rules: Vec<Arc<Rule>>,
        event: &Arc<EventDocument>,
        lookups: &mut Lookups,
        asking: Asking,
        assessed: &mut Vec<Assessed>,
    ) -> Result<Vec<Arc<Rule>>, Unanswered> {
        let Some(request) = audience::guarded(event) else { return Ok(rules) };
        let gate = |rule: &Rule| Lookup {
            owner: rule.identity.owner,
            space: rule.identity.space.clone(),
            request: request.clone(),
        };
        let wanted: HashSet<Lookup> = rules
            .iter()
            .map(|rule| gate(rule))
            .filter(|lookup| lookups.get(lookup).is_none())
            .collect();
        self.look_up(wanted, event, lookups, asking.give_up).await?;
        let mut admitted = Vec::with_capacity(rules.len());
        for rule in rules {
            let refusal = match lookups.get(&gate(&rule)) {
                Some(Found::Refused(words)) => Some(words.clone()),
                Some(Found::Failed(why)) => Some(why.clone()),
                // An entity that may not be read looks as if it were not there.
                Some(Found::Value(Json::Null)) if matches!(request, Request::Entity { .. }) => {
                    Some("its owner may not read what it is about".to_owned())
                }
                Some(Found::Value(_) | Found::AtLeast(_)) | None => None,
            };
            match refusal {
                None => admitted.push(rule),
                Some(words) => assessed
                    .push(Assessed::refused(rule, format!("the event was refused: {words}"))),
            }
        }
        Ok(admitted)
    }

    async fn ask(
        &self,
        rules: &[Arc<Rule>],
        event: &Arc<EventDocument>,
        lookups: &Lookups,
        asking: Asking,
    ) -> Result<Vec<Evaluation>, Unanswered> {
        let (asked, event, lookups) = (rules.to_vec(), Arc::clone(event), lookups.clone());
        let threads = if asking.trial { &self.0.trials } else { &self.0.threads };
        let answered = threads.run(LONGEST, move |progress| {
            let (now, explain) = (asking.now, asking.explain());
            let situation = Situation { event: &event, lookups: &lookups, now, explain };
            evaluate(&asked, &situation, progress)
        });
        answered.await.map_err(|error| match error {
            NoResult::Stuck(number) => match rules.get(number) {
                Some(rule) => Unanswered::Stuck(Arc::clone(rule)),
                None => Unanswered::NoThread,
            },
            NoResult::NoThread => Unanswered::NoThread,
        })
    }
}

/// Names of whom and what the traces of these lookups are about, as erasures call them.
pub(crate) fn about(lookups: &Lookups) -> BTreeSet<String> {
    let mut about = BTreeSet::new();
    for (lookup, found) in lookups.all() {
        match &lookup.request {
            Request::State { subject, .. } | Request::StateSince { subject, .. } => {
                about.insert(subject.clone());
                if let Some(account) = subject.strip_prefix("person:") {
                    about.insert(format!("account:{account}"));
                }
            }
            Request::Entity { id } => {
                about.insert(format!("entity:{id}"));
            }
            Request::EntityByAlias { .. } => {
                if let Found::Value(entity) = found
                    && let Some(id) = entity["id"].as_str()
                {
                    about.insert(format!("entity:{id}"));
                }
            }
            Request::Count { .. } | Request::Operator { .. } => {}
        }
    }
    about
}
