//! The rules service of one process: the compiled rules, and how they are kept up to date.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use contracts::access::SpaceId;
use contracts::api::Api;
use contracts::plugins::RuleOperators;
use moka::sync::Cache;
use spine::{Snowflake, Spine};
use uuid::Uuid;

use crate::document::RuleDocument;
use crate::engine::worker::Threads;
use crate::engine::{Identity, Rule, RuleRefused, RuleSet};
use crate::{MIGRATIONS, RulesError, store};

/// How long compiling a stored rule may take.
const COMPILING: Duration = Duration::from_secs(10);
/// How long it is known who is in a space.
const MEMBERS: Duration = Duration::from_secs(5);

/// The rules service. Cheap to clone.
#[derive(Clone)]
pub struct Rules(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) spine: Spine,
    pub(crate) api: Api,
    pub(crate) operators: Arc<dyn RuleOperators>,
    pub(crate) threads: Threads,
    /// For what people try, so that it holds up nothing that happens.
    pub(crate) trials: Threads,
    /// Who is in which space. Forgotten with every event that could change it; in another process than the one that
    /// follows the events some seconds old at most.
    pub(crate) members: Cache<(Snowflake, SpaceId), bool>,
    compiled: RwLock<Compiled>,
    refreshing: tokio::sync::Mutex<()>,
}

/// The rules that run, as of one change.
#[derive(Clone, Default)]
struct Compiled {
    generation: i64,
    rules: HashMap<Uuid, Arc<Rule>>,
    set: Arc<RuleSet>,
}

impl Rules {
    /// Brings the schema up to date and compiles all rules.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open(
        spine: Spine,
        api: Api,
        operators: Arc<dyn RuleOperators>,
    ) -> Result<Self, RulesError> {
        spine::database::migrate(spine.pool(), "rules", &MIGRATIONS).await?;
        let rules = Self(Arc::new(Inner {
            spine,
            api,
            operators,
            threads: Threads::default(),
            trials: Threads::default(),
            members: Cache::builder().max_capacity(1_000).time_to_live(MEMBERS).build(),
            compiled: RwLock::default(),
            refreshing: tokio::sync::Mutex::new(()),
        }));
        rules.current().await?;
        Ok(rules)
    }

    /// The rules as they are now: one small query, and what changed since is compiled. So every process, whoever made
    /// the change, uses no rule that is older than what it looks at.
    ///
    /// # Errors
    /// The database failed.
    pub async fn current(&self) -> Result<Arc<RuleSet>, RulesError> {
        let newest = store::rules::generation(self.0.spine.worker_pool()).await?;
        let known = self.known();
        if known.generation >= newest {
            return Ok(known.set);
        }
        let _one_at_a_time = self.0.refreshing.lock().await;
        let known = self.known();
        if known.generation >= newest {
            return Ok(known.set);
        }
        let changed =
            store::rules::changed_after(self.0.spine.worker_pool(), known.generation).await?;
        let compiled =
            self.0.threads.run(COMPILING, move |progress| apply(known, changed, progress)).await?;
        let set = Arc::clone(&compiled.set);
        *self.0.compiled.write().unwrap_or_else(PoisonError::into_inner) = compiled;
        Ok(set)
    }

    fn known(&self) -> Compiled {
        self.0.compiled.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A rule that runs, of exactly this version, as of the last look ([`Rules::current`]); none where it does not any
    /// more.
    pub(crate) fn running(&self, rule: Uuid, version: i32) -> Option<Arc<Rule>> {
        let compiled = self.0.compiled.read().unwrap_or_else(PoisonError::into_inner);
        compiled.rules.get(&rule).filter(|known| known.identity.version == version).cloned()
    }

    /// Compiles a document, on a thread that its depth fits on.
    pub(crate) async fn compile(
        &self,
        identity: Identity,
        document: RuleDocument,
    ) -> Result<(Arc<Rule>, RuleDocument), RulesError> {
        let compiled = self
            .0
            .trials
            .run(Duration::from_secs(10), move |_| {
                Rule::compile(identity, &document).map(|rule| (Arc::new(rule), document))
            })
            .await?;
        Ok(compiled?)
    }
}

/// The rules with these changes.
fn apply(
    mut known: Compiled,
    changed: Vec<store::rules::Changed>,
    progress: &AtomicUsize,
) -> Compiled {
    for (number, rule) in changed.into_iter().enumerate() {
        progress.store(number, Ordering::Relaxed);
        known.generation = known.generation.max(rule.generation);
        known.rules.remove(&rule.id);
        if !rule.runs {
            continue;
        }
        let id = rule.id;
        let compiled = catch_unwind(AssertUnwindSafe(|| compile_stored(rule)));
        let broke = |_| {
            Err(RuleRefused { place: "rule".to_owned(), what: "the compiler broke".to_owned() })
        };
        match compiled.unwrap_or_else(broke) {
            Ok(compiled) => {
                known.rules.insert(id, Arc::new(compiled));
            }
            // It was compiled when it was saved: an older program took what this one refuses.
            Err(error) => {
                tracing::error!(rule.id = %id, %error, "a stored rule does not compile and does not run")
            }
        }
    }
    // In the order of their ids, so that all processes have one order.
    let mut rules: Vec<_> = known.rules.values().cloned().collect();
    rules.sort_by_key(|rule| rule.identity.rule);
    known.set = Arc::new(RuleSet::build(rules));
    known
}

fn compile_stored(stored: store::rules::Changed) -> Result<Rule, RuleRefused> {
    let refuse = |what: String| RuleRefused { place: "rule".to_owned(), what };
    let document = stored.document.ok_or_else(|| refuse("its document is missing".to_owned()))?;
    let document: RuleDocument =
        serde_json::from_value(document).map_err(|error| refuse(error.to_string()))?;
    let space = stored
        .space
        .parse()
        .map_err(|error: contracts::access::UnreadableSpace| refuse(error.to_string()))?;
    let identity = Identity {
        rule: stored.id,
        version: stored.version,
        owner: Snowflake(stored.owner_id),
        space,
        since: stored.since,
    };
    Rule::compile(identity, &document)
}
